/**
 * The physical limit of reading: PostgreSQL's own client has the rows of a query sent by `COPY`, and throws them away. Used by the
 * `replay` benchmark.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { postgresBinaries } from "@daybook/infra/PostgresBinaries"

/** Copies the rows of a query out, and answers how long that took, from connecting on. */
export const copySeconds = async (databaseUrl: string, query: string): Promise<number> => {
  const program = join(postgresBinaries(), "psql")
  const started = performance.now()
  try {
    await promisify(execFile)(program, [databaseUrl, "-X", "-q", "-c", `\\copy (${query}) TO '/dev/null'`])
  } catch (cause) {
    const { stderr = "" } = cause as { readonly stderr?: string }
    throw new Error(`psql could not copy: ${stderr.trim() || String(cause)}`, { cause })
  }
  return (performance.now() - started) / 1000
}
