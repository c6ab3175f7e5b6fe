/**
 * The physical limit of a single commit: PostgreSQL's own load generator inserts one row shaped like an event a transaction, with
 * so many clients, each on a connection of its own. It speaks the prepared protocol, which is its fastest. Used by the `commands`
 * benchmark.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { isExecutable, postgresBinaries, searchPath } from "@daybook/infra/PostgresBinaries"
import type { Contestant, Figures, Load, Settings } from "../Contestant.ts"
import { connect } from "../Server.ts"

const createTable = `CREATE TABLE one_row (
  stream text NOT NULL, version integer NOT NULL, id uuid NOT NULL, type text NOT NULL, data json NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (stream, version)
)`

/** To pgbench, a colon before a digit would begin a variable. */
const data = JSON.stringify({
  lineId: "b7c2a1f0-3e9d-4c58-8f16-5a0d7e4b2c93",
  sku: "85123A",
  description: "WHITE HANGING HEART T-LIGHT HOLDER",
  quantity: 6,
  unitPrice: { amountMinor: 255, currency: "GBP" }
}).replaceAll(":", ": ")

/** A stream of its own for each row, so that two clients never wait for each other. */
const script = `\\set n random(1, 9000000000000000000)
INSERT INTO one_row (stream, version, id, type, data)
VALUES ('cart-' || :n, 1, '4d0e8c5a-7d1b-4f6e-9a57-0c3f1d2b9e84', 'ItemAdded', '${data}');
`

/** The program, beside the server's own or on the search path. */
const findProgram = (): string => {
  const folders = [postgresBinaries(), ...searchPath()]
  const program = folders.map((folder) => join(folder, "pgbench")).find(isExecutable)
  if (program !== undefined) return program
  throw new Error(
    `pgbench is neither in ${folders[0]} nor on the search path. Install it (Debian: apt-get install postgresql-contrib), ` +
      "or set POSTGRES_BIN to a folder that has it beside initdb and postgres."
  )
}

/** What pgbench says at its end. */
export const readFigures = (output: string): Figures => {
  const found = (pattern: RegExp): number => {
    const value = pattern.exec(output)?.[1]
    if (value === undefined) throw new Error(`pgbench's answer has no ${pattern.source}: ${output}`)
    return Number(value)
  }
  return {
    commands: found(/transactions actually processed: (\d+)/),
    commandsPerSecond: found(/tps = ([\d.]+)/),
    meanMillis: found(/latency average = ([\d.]+) ms/)
  }
}

/** Runs it with the script on its standard input. */
const runProgram = async (program: string, args: ReadonlyArray<string>): Promise<string> => {
  const running = promisify(execFile)(program, ["-n", "-M", "prepared", "-f", "-", ...args])
  running.child.stdin!.end(script)
  try {
    return (await running).stdout
  } catch (cause) {
    const { stderr = "" } = cause as { readonly stderr?: string }
    throw new Error(`pgbench failed: ${stderr.trim() || String(cause)}`, { cause })
  }
}

/** Starts a limit that runs pgbench with `threads` of its own. It counts in whole seconds: a round takes one at least. */
export const start = async (databaseUrl: string, settings: Settings): Promise<Contestant> => {
  const program = findProgram()
  const database = connect(databaseUrl)
  await database.query(createTable)
  const round = async ({ callers, seconds }: Load): Promise<Figures> => {
    const threads = Math.min(Number(settings.threads), callers)
    const duration = Math.max(1, Math.round(seconds))
    const amounts = ["-c", String(callers), "-j", String(threads), "-T", String(duration)]
    return readFigures(await runProgram(program, [...amounts, databaseUrl]))
  }
  return {
    round,
    stored: async () => {
      const rows = await database.query<{ readonly n: number }>("SELECT count(*)::integer AS n FROM one_row")
      return rows[0]!.n
    },
    close: async () => database[Symbol.asyncDispose]()
  }
}
