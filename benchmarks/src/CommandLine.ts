/**
 * The command line of `npm run bench`: what may be said, and what is said back when it is wrong.
 */
import { parseArgs } from "node:util"
import type { Benchmark } from "./Benchmark.ts"
import type { RunOptions } from "./Harness.ts"

/** What was asked for. */
export type Asked =
  /** `isMistaken`: nothing was asked for at all. */
  | { readonly help: true; readonly isMistaken: boolean }
  | {
      readonly help: false
      readonly names: ReadonlyArray<string>
      /** Whether the result is that of all benchmarks, by name. */
      readonly all: boolean
      readonly json: boolean
      readonly options: RunOptions
      /** Where the pictures and the result go. */
      readonly reportFolder: string | undefined
      /** The file of ratios to hold the run against, or to write. */
      readonly baseline: string | undefined
      readonly writesBaseline: boolean
    }

/** Something on the command line cannot be understood; the message says what, and what to do. */
export class UsageError extends Error {}

const everything = "all"

const defaults = { callers: 256, rounds: 5, seconds: 3 } as const
const shortly = { callers: 256, rounds: 3, seconds: 1 } as const

const amount = (name: string, text: string | undefined, fallback: number, least: number, most: number): number => {
  const value = text === undefined ? fallback : Number(text)
  const whole = name !== "seconds"
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value
  throw new UsageError(`--${name} ${text}: give a ${whole ? "whole number" : "number"} from ${least} to ${most}.`)
}

type Known = Pick<Benchmark, "name" | "inShort">

const namesOf = (
  positionals: ReadonlyArray<string>,
  benchmarks: ReadonlyArray<Known>,
  short: boolean
): ReadonlyArray<string> => {
  const [name, ...rest] = positionals
  const known = benchmarks.map((benchmark) => benchmark.name)
  if (name !== undefined && rest.length === 0 && known.includes(name)) return [name]
  if (name === everything && rest.length === 0) {
    return benchmarks.filter(({ inShort }) => inShort || !short).map((benchmark) => benchmark.name)
  }
  const given = positionals.join(" ") || "none"
  throw new UsageError(`Name one benchmark (${known.join(", ")}) or ${everything}, not ${given}.`)
}

/** Understands the arguments, or throws `UsageError`. */
export const parse = (args: ReadonlyArray<string>, benchmarks: ReadonlyArray<Known>): Asked => {
  const { values, positionals } = parsed(args)
  if (values.help || args.length === 0) return { help: true, isMistaken: args.length === 0 }
  const names = namesOf(positionals, benchmarks, values.short)
  if (values["write-baseline"] && values.baseline === undefined)
    throw new UsageError("--write-baseline: say which file with --baseline FILE.")
  const usual = values.short ? shortly : defaults
  return {
    help: false,
    names,
    all: positionals[0] === everything,
    json: values.json,
    options: {
      callers: amount("callers", values.callers, usual.callers, 1, 4096),
      rounds: amount("rounds", values.rounds, usual.rounds, 1, 100),
      seconds: amount("seconds", values.seconds, usual.seconds, 0.1, 600),
      short: values.short,
      profileFolder: values.profile
    },
    reportFolder: values.report,
    baseline: values.baseline,
    writesBaseline: values["write-baseline"]
  }
}

const options = {
  callers: { type: "string" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  profile: { type: "string" },
  report: { type: "string" },
  baseline: { type: "string" },
  "write-baseline": { type: "boolean", default: false },
  short: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false }
} as const

const isOption = (name: string): name is keyof typeof options => Object.hasOwn(options, name)

/** How many letters have to be put in, left out or exchanged to make one word of the other. */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1]
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(row[j]! + (letter === to[j] ? 0 : 1), row[j + 1]! + 1, next[j]! + 1))
    }
    row = next
  }
  return row.at(-1)!
}

/** What may have been meant: something that differs by no more than a third of its letters, or begins like it. */
const meant = (name: string): string => {
  const near = Object.keys(options)
    .map((option) => ({ option, far: option.startsWith(name) ? 0 : distance(name, option) / option.length }))
    .sort((a, b) => a.far - b.far)[0]!
  return near.far <= 1 / 3 ? ` Did you mean --${near.option}?` : ""
}

/** Node's own checks speak of Node; these say the same in our words. */
const parsed = (args: ReadonlyArray<string>) => {
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind !== "option") continue
    const { name, rawName, value } = token
    if (!isOption(name)) throw new UsageError(`There is no option ${rawName}.${meant(name)}`)
    const takesValue = options[name].type === "string"
    // Without "=", what looks like the next option is one.
    const isMissing = value === undefined || value === "" || (value.startsWith("-") && !token.inlineValue)
    if (takesValue && isMissing) throw new UsageError(`${rawName}: give it a value.`)
    if (!takesValue && value !== undefined) throw new UsageError(`${rawName} takes no value, and has ${value}.`)
  }
  return parseArgs({ args: [...args], options, allowPositionals: true })
}

const shortOnes = (benchmarks: ReadonlyArray<Known>): string =>
  benchmarks
    .filter(({ inShort }) => inShort)
    .map(({ name }) => name)
    .join(", ")

/** The help text. */
export const usage = (
  benchmarks: ReadonlyArray<Pick<Benchmark, "name" | "compares" | "inShort">>
): string => `Usage: npm run -s bench -- <name> [options]
       npm run -s bench -- ${everything} [options]

Benchmarks
${benchmarks.map(({ name, compares }) => `  ${name.padEnd(12)}${compares}`).join("\n")}
  ${everything.padEnd(12)}each of these, one after the other; with --short only ${shortOnes(benchmarks)}

Options
  --seconds N       length of a round (default ${defaults.seconds})
  --rounds N        rounds of each contestant, interleaved (default ${defaults.rounds})
  --callers N       concurrent callers of each contestant (default ${defaults.callers})
  --short           smaller sizes, ${shortly.rounds} rounds of ${shortly.seconds} s, no peers: minutes for seconds, and wider spreads
  --json            end with one line of JSON on standard output
  --report DIR      leave the result (results.json) and its charts (*.svg) in DIR
  --baseline FILE   fail when a ratio is more than 30 % worse than in FILE, twice in a row
  --write-baseline  write the ratios to that FILE instead
  --profile DIR     leave a CPU profile of each contestant in DIR
  --help            this text

Environment
  DATABASE_URL_BENCH  a PostgreSQL to use instead of one started for the run; its user must be allowed to create databases

Exit status
  0    measured, whether or not the targets are met (the result says which)
  1    a benchmark failed, or a ratio fell behind the baseline
  2    the command line was not understood, or names a file or folder that cannot be used
  130  interrupted by Ctrl-C; what was made on the server of DATABASE_URL_BENCH is dropped

Examples
  npm run -s bench -- commands
  npm run -s bench -- commands --json | tail -1 > commands.json
  npm run -s bench -- commands --seconds 1 --rounds 3 --callers 32
  npm run -s bench -- commands --seconds 5 --rounds 1 --profile /tmp/profiles
  npm run -s bench -- ${everything} --json --report docs/benchmarks

How to read the figures: docs/benchmarks.md. How they are taken: benchmarks/README.md
`
