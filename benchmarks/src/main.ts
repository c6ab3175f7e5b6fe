/**
 * `npm run bench -- <name>`: runs one benchmark or all of them, prints tables, and with `--json` ends with one line of JSON. The
 * same program is a contestant's process when it is called with `--contestant`.
 */
import { reasonOf } from "@daybook/core/Problem"
import { exitOnSignal } from "@daybook/infra/Command"
import {
  type Baseline,
  checkBaselineFile,
  type Fall,
  fallsOf,
  readBaseline,
  tolerance,
  writeBaseline
} from "./Baseline.ts"
import { type Benchmark, benchmarks } from "./Benchmark.ts"
import { leave, makeFolder } from "./Chart.ts"
import { type Asked, parse, UsageError, usage } from "./CommandLine.ts"
import { contestantArgument, serve } from "./ContestantProcess.ts"
import type { RunOptions } from "./Harness.ts"
import { describeMachine } from "./Machine.ts"
import { fillMemory } from "./Memory.ts"
import { installPeers } from "./Peers.ts"
import type { Ratio, Report } from "./Report.ts"
import { type Failed, type Found, foundBy, resultOfAll, resultOfOne } from "./Result.ts"
import { openServer, type Server } from "./Server.ts"
import { table } from "./Table.ts"

type Asking = Extract<Asked, { readonly help: false }>

const benchmarkNamed = (name: string | undefined): Benchmark => benchmarks.find((known) => known.name === name)!

const becomeContestant = async (benchmark: string, contestant: string): Promise<void> => {
  const { start } = await benchmarkNamed(benchmark).contestants[contestant]!()
  serve(start)
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

/** What an interruption has to end: the databases that were made would stay on a server that was there before. */
const run: { server: Server | undefined; isEnding: boolean } = { server: undefined, isEnding: false }

const endRun = async (): Promise<void> => {
  run.isEnding = true
  await run.server?.[Symbol.asyncDispose]()
}

/** In a run that is ending, nothing more is begun, and nothing is left of what failed for that reason. */
const unlessEnding = (): Promise<void> => (run.isEnding ? new Promise(() => {}) : Promise.resolve())

const runOne = async (benchmark: Benchmark, options: RunOptions): Promise<{ report: Report; found: Found }> => {
  await unlessEnding()
  if (!options.short) benchmark.prepare?.(say)
  const progress = process.stderr.isTTY ? say : () => {}
  await using _memory = options.short ? undefined : await fillMemory(progress)
  await using server = await openServer()
  run.server = server
  const report = await benchmark.run({ benchmark: benchmark.name, options, server, say: progress })
  return { report, found: foundBy(report, server.describe) }
}

/** Runs a benchmark, and once more when it has fallen behind the baseline. */
const runHeld = async (benchmark: Benchmark, options: RunOptions, baseline: Baseline) => {
  const first = await runOne(benchmark, options)
  const falls = fallsOf(benchmark.name, first.report.ratios, baseline)
  if (falls.length === 0) return { ...first, falls }
  say(`${benchmark.name}: ${falls.map(describeFall).join(", ")}; measuring once more`)
  const second = await runOne(benchmark, options)
  const again = new Set(falls.map(({ ratio }) => ratio))
  return {
    ...second,
    falls: fallsOf(benchmark.name, second.report.ratios, baseline).filter(({ ratio }) => again.has(ratio))
  }
}

const describeFall = ({ ratio, was, is }: Fall): string => `${ratio} is ${is}, was ${was}`

const runAll = async ({ names, options }: Asking, held: Baseline) => {
  const found: Record<string, Found | Failed> = {}
  const ratios: Record<string, Readonly<Record<string, Ratio>>> = {}
  const wrong: Array<string> = []
  for (const name of names) {
    say(`${name}: ${benchmarkNamed(name).compares}`)
    try {
      const ran = await runHeld(benchmarkNamed(name), options, held)
      process.stdout.write(`${table(ran.report)}\n`)
      found[name] = ran.found
      ratios[name] = ran.report.ratios
      for (const fall of ran.falls)
        wrong.push(`${name}: ${describeFall(fall)}, more than ${tolerance * 100} % worse, twice`)
    } catch (error) {
      await unlessEnding()
      const why = reasonOf(error)
      found[name] = { error: why, met: false }
      wrong.push(`${name}: ${why}`)
    }
  }
  return { found, ratios, wrong }
}

const chartsOf = (found: Readonly<Record<string, Found | Failed>>) =>
  Object.values(found).flatMap((one) => ("error" in one ? [] : (one as Found).charts))

/** What is to be read or written can be; the ratios to hold the run against. */
const checkFiles = ({ baseline, writesBaseline, reportFolder, options: { profileFolder } }: Asking): Baseline => {
  try {
    const held = baseline === undefined || writesBaseline ? {} : readBaseline(baseline)
    if (baseline !== undefined && writesBaseline) checkBaselineFile(baseline)
    if (reportFolder !== undefined) makeFolder("--report", reportFolder)
    if (profileFolder !== undefined) makeFolder("--profile", profileFolder)
    return held
  } catch (error) {
    throw new UsageError(reasonOf(error))
  }
}

const help = (isMistaken: boolean): void => {
  const { stdout, stderr } = process
  ;(isMistaken ? stderr : stdout).write(usage(benchmarks))
  if (isMistaken) process.exitCode = 2
}

const main = async (args: ReadonlyArray<string>): Promise<void> => {
  if (args[0] === contestantArgument) return becomeContestant(args[1]!, args[2]!)
  const asked = parse(args, benchmarks)
  if (asked.help) return help(asked.isMistaken)
  const held = checkFiles(asked)
  // Ctrl-C ends the servers too, which were started for the run and end with this process.
  using _ = exitOnSignal(endRun)
  if (asked.reportFolder !== undefined) installPeers(say)
  const { profileFolder: _folder, ...options } = asked.options
  const setting = { machine: describeMachine(), options }
  const { found, ratios, wrong } = await runAll(asked, held)
  const [name] = asked.names
  const result = asked.all ? resultOfAll(found, setting) : resultOfOne(name!, found[name!]!, setting)
  if (asked.writesBaseline) writeBaseline(asked.baseline!, ratios)
  if (asked.reportFolder !== undefined) leave(asked.reportFolder, result, chartsOf(found))
  for (const line of wrong) say(line)
  if (wrong.length > 0) process.exitCode = 1
  if (asked.json) process.stdout.write(`${JSON.stringify(result)}\n`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  say(error instanceof UsageError ? `${error.message} --help says more.` : String(error))
  process.exitCode = error instanceof UsageError ? 2 : 1
}
