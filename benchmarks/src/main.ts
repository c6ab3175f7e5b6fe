/**
 * `npm run bench -- <name>`: runs a benchmark, prints a table, and with `--json` ends with one line of JSON. The same program
 * is a contestant's process when it is called with `--contestant`.
 */
import { type Benchmark, benchmarks, type Report } from "./Benchmark.ts"
import { parse, UsageError, usage } from "./CommandLine.ts"
import { contestantArgument, serve } from "./ContestantProcess.ts"
import type { RunOptions } from "./Harness.ts"
import { describeMachine } from "./Machine.ts"
import { openServer } from "./Server.ts"
import { table } from "./Table.ts"

const benchmarkNamed = (name: string | undefined): Benchmark => benchmarks.find((known) => known.name === name)!

const becomeContestant = async (benchmark: string, contestant: string): Promise<void> => {
  const { start } = await benchmarkNamed(benchmark).contestants[contestant]!()
  serve(start)
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const runOne = async (benchmark: Benchmark, options: RunOptions): Promise<{ report: Report; json: object }> => {
  const machine = describeMachine()
  benchmark.prepare?.(say)
  await using server = await openServer()
  const progress = process.stderr.isTTY ? say : () => {}
  const report = await benchmark.run({ benchmark: benchmark.name, options, server, say: progress })
  const { headline, targets, spreads, context, contestants } = report
  const met = targets.every((target) => target.met)
  const { profileFolder: _, ...load } = options
  const json = {
    benchmark: benchmark.name,
    ...headline,
    met,
    targets,
    spreads,
    ...context,
    load,
    machine,
    postgres: server.describe,
    contestants
  }
  return { report, json }
}

const main = async (args: ReadonlyArray<string>): Promise<void> => {
  if (args[0] === contestantArgument) return becomeContestant(args[1]!, args[2]!)
  const asked = parse(args, benchmarks)
  if (asked.help) return void process.stdout.write(usage(benchmarks))
  const { report, json } = await runOne(benchmarkNamed(asked.name), asked.options)
  process.stdout.write(table(report))
  if (asked.json) process.stdout.write(`${JSON.stringify(json)}\n`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  say(error instanceof UsageError ? `${error.message} --help says more.` : String(error))
  process.exitCode = error instanceof UsageError ? 2 : 1
}
