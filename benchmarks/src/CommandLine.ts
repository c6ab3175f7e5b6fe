/**
 * The command line of `npm run bench`: what may be said, and what is said back when it is wrong.
 */
import { parseArgs } from "node:util"
import type { Benchmark } from "./Benchmark.ts"
import type { RunOptions } from "./Harness.ts"

/** What was asked for. */
export type Asked =
  | { readonly help: true }
  | { readonly help: false; readonly name: string; readonly json: boolean; readonly options: RunOptions }

/** Something on the command line cannot be understood; the message says what, and what to do. */
export class UsageError extends Error {}

const defaults = { callers: 256, rounds: 5, seconds: 3 } as const

const amount = (name: string, text: string | undefined, fallback: number, least: number, most: number): number => {
  const value = text === undefined ? fallback : Number(text)
  if (value >= least && value <= most && (name === "seconds" || Number.isInteger(value))) return value
  throw new UsageError(`--${name} ${text}: give a number from ${least} to ${most}.`)
}

/** Understands the arguments, or throws `UsageError`. */
export const parse = (args: ReadonlyArray<string>, benchmarks: ReadonlyArray<Pick<Benchmark, "name">>): Asked => {
  const { values, positionals } = parsed(args)
  if (values.help || (positionals.length === 0 && args.length === 0)) return { help: true }
  const [name, ...rest] = positionals
  if (name === undefined || rest.length > 0 || !benchmarks.some((benchmark) => benchmark.name === name)) {
    const known = benchmarks.map((benchmark) => benchmark.name).join(", ")
    throw new UsageError(`Name one benchmark (${known}), not ${positionals.join(" ") || "none"}.`)
  }
  return {
    help: false,
    name,
    json: values.json,
    options: {
      callers: amount("callers", values.callers, defaults.callers, 1, 4096),
      rounds: amount("rounds", values.rounds, defaults.rounds, 1, 100),
      seconds: amount("seconds", values.seconds, defaults.seconds, 0.1, 600),
      profileFolder: values.profile
    }
  }
}

const parsed = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        callers: { type: "string" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        profile: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false }
      }
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** The help text. */
export const usage = (benchmarks: ReadonlyArray<Benchmark>): string => `Usage: npm run -s bench -- <name> [options]

Benchmarks
${benchmarks.map(({ name, compares }) => `  ${name.padEnd(12)}${compares}`).join("\n")}

Options
  --seconds N    length of a round (default ${defaults.seconds})
  --rounds N     rounds of each contestant, interleaved (default ${defaults.rounds})
  --callers N    concurrent callers of each contestant (default ${defaults.callers})
  --json         end with one line of JSON on standard output
  --profile DIR  leave a CPU profile of each contestant in DIR
  --help         this text

Environment
  DATABASE_URL_BENCH  a PostgreSQL to use instead of one started for the run; its user must be allowed to create databases

Examples
  npm run -s bench -- commands
  npm run -s bench -- commands --json | tail -1 > commands.json
  npm run -s bench -- commands --seconds 1 --rounds 3 --callers 32
  npm run -s bench -- commands --seconds 5 --rounds 1 --profile /tmp/profiles

How to read the figures: benchmarks/README.md
`
