/**
 * `node infra/src/main.ts postgres -- <command…>` runs a command beside real servers and exits with its exit code. The
 * command finds each server in its environment (`DATABASE_URL`); the servers end with it, also when it fails or is interrupted.
 */
import { exitOnSignal, runBeside } from "./Command.ts"
import { startPostgres } from "./Postgres.ts"

const usage = "Usage: node infra/src/main.ts postgres -- <command> [arguments…]"

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const separator = args.indexOf("--")
  const [program, ...rest] = args.slice(separator + 1)
  if (separator !== 1 || args[0] !== "postgres" || program === undefined) {
    process.stderr.write(`${usage}\n`)
    return 2
  }
  const existing = process.env.DAYBOOK_TEST_DATABASE_URL
  if (existing !== undefined) return runBeside({ DATABASE_URL: existing }, program, rest)
  const early = exitOnSignal()
  await using postgres = await startPostgres()
  early[Symbol.dispose]()
  return await runBeside({ DATABASE_URL: postgres.url }, program, rest)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
