/** The scenario as a command, for tests. */
import { fileURLToPath } from "node:url"
import { type Ended, runProgram } from "@daybook/infra/Program"

/** Its program. */
export const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** Runs it; what it printed, and its exit code. */
export const scenario = (...args: ReadonlyArray<string>): Promise<Ended> => {
  const { DATABASE_URL, KAFKA_BROKERS, ...env } = process.env
  return runProgram(main, args, env)
}
