/** The scenario as a command, for tests. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** Runs it; what it printed, and its exit code. */
export const scenario = (...args: ReadonlyArray<string>) =>
  new Promise<{ code: number; output: string; errors: string }>((resolve) => {
    const { DATABASE_URL, KAFKA_BROKERS, ...env } = process.env
    execFile(process.execPath, [main, ...args], { env, maxBuffer: 1e8 }, (error, output, errors) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, output, errors })
    )
  })
