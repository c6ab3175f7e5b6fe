/**
 * `growth`: what commands, queries and reads of the journal cost when the journal holds 10 thousand, 1 million and 10 million events.
 *
 * The journals are made in the database and measured side by side, in interleaved rounds on one server. What is compared is processor
 * time, the server's and Node's together, which another load on the machine moves least; latencies are reported beside.
 */
import type { Benchmark } from "../Benchmark.ts"
import { contest, type Entry, type Result, type Run } from "../Harness.ts"
import { type Chart, type Grid, lessIsBetter, type Ratio, type Reach, type Report } from "../Report.ts"
import { ratios } from "../Statistics.ts"

/** What is measured, in words. Those of "any" age are asked of all carts alike, the others of the 256 that are the newest. */
const kinds = {
  append: "command, 256 callers",
  singleAppend: "command, one caller",
  stream: "stream of 40 events",
  page: "page of a partition",
  cartView: "cart view",
  recovery: "recovery of a cart",
  customerCarts: "carts of a customer",
  anyStream: "stream, of any age",
  anyPage: "page, of any age",
  anyCartView: "cart view, of any age",
  anyRecovery: "recovery, of any age",
  rawPages: "40 raw pages, of any age"
} as const

type Kind = keyof typeof kinds

/** What is the limit of others, and no work of ours. */
const limits: ReadonlySet<Kind> = new Set(["rawPages"])

const flat: Reach = { atMost: 1.2 }

const sizes = { usual: [10_000, 1_000_000, 10_000_000], short: [10_000, 300_000] } as const

const nameOf = (events: number): string => `${events / 1_000_000 < 1 ? `${events / 1_000}k` : `${events / 1_000_000}M`}`

const roundsOf = ({ rounds }: Result, figure: string): ReadonlyArray<number> => rounds.map((round) => round[figure]!)

const growthOf = (youngest: Result, oldest: Result, figure: string): Ratio =>
  lessIsBetter(ratios(roundsOf(oldest, figure), roundsOf(youngest, figure)))

type Results = Readonly<Record<string, Result>>

/** A row for each thing: what it takes with each journal, in processor time or in latency. */
const gridOf = (results: Results, measured: ReadonlyArray<Kind>, figure: string, unit: string): Grid => ({
  columns: [unit, ...Object.keys(results)],
  rows: measured.map((kind) => [
    kinds[kind],
    ...Object.values(results).map(({ figures }) => String(figures[`${kind}${figure}`]!.median))
  ])
})

const chartOf = (ratiosOf: ReadonlyArray<readonly [Kind, Ratio]>, title: string): Chart => ({
  file: "growth",
  title,
  unit: "processor time of server and Node, as a multiple; 1 is flat",
  bars: ratiosOf.map(([kind, value]) => ({
    label: kinds[kind],
    value,
    kind: limits.has(kind) ? "limit" : "daybook"
  }))
})

const named = <A>(values: ReadonlyArray<readonly [Kind, A]>, suffix: string): Readonly<Record<string, A>> =>
  Object.fromEntries(values.map(([kind, value]) => [`${kind}${suffix}`, value]))

const run = async (given: Run): Promise<Report> => {
  const { short } = given.options
  const chosen: ReadonlyArray<number> = short ? sizes.short : sizes.usual
  const entries = chosen.map(
    (events): Entry => ({
      name: nameOf(events),
      contestant: "cartService",
      candidates: [{ events, commandsOnly: short }]
    })
  )
  const results = await contest(given, entries)
  const measured = short ? (["append"] as const) : (Object.keys(kinds) as ReadonlyArray<Kind>)
  const [from, to] = [nameOf(chosen[0]!), nameOf(chosen.at(-1)!)]
  const growthIn = (figure: string) =>
    measured.map((kind) => [kind, growthOf(results[from]!, results[to]!, `${kind}${figure}`)] as const)
  const ofCpu = growthIn("CpuMicros")
  const targeted = short ? [] : ofCpu.filter(([kind]) => !limits.has(kind)).map(([kind]) => [kind, flat] as const)
  return {
    figures: Object.fromEntries(
      measured.map((kind) => [`${kind}CpuMicros`, results[to]!.figures[`${kind}CpuMicros`]!])
    ),
    ratios: { ...named(ofCpu, "RatioTo10k"), ...(short ? {} : named(growthIn("P50Micros"), "LatencyRatioTo10k")) },
    targets: named(targeted, "RatioTo10k"),
    grids: [
      gridOf(results, measured, "CpuMicros", "µs of processor time"),
      gridOf(results, measured, "P50Micros", "µs, median latency")
    ],
    charts: [chartOf(ofCpu, `What things take at ${to} events, to what they take at ${from}`)],
    details: { figuresAre: `with ${to} events`, ratiosAre: `${to} to ${from}`, kinds, results }
  }
}

/** The benchmark. */
export const growth: Benchmark = {
  name: "growth",
  compares: "commands, queries and reads of the journal at 10 k, 1 M and 10 M events",
  inShort: true,
  contestants: { cartService: () => import("./CartService.ts") },
  run
}
