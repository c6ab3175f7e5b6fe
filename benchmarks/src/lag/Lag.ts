/**
 * `lag`: how long after its commit an event can be read in a read model, beside a bare LISTEN and NOTIFY.
 */
import type { Benchmark } from "../Benchmark.ts"
import { contest, type Entry, type Result, type Run } from "../Harness.ts"
import { type Grid, lessIsBetter, type Ratio, type Report } from "../Report.ts"
import { ratios } from "../Statistics.ts"

type Name = "together" | "apart" | "notify"

/** Commands a second. */
const rate = 1_000

const entries: ReadonlyArray<Entry & { readonly name: Name }> = [
  { name: "together", contestant: "daybook", candidates: [{ apart: false, rate }] },
  { name: "apart", contestant: "daybook", candidates: [{ apart: true, rate }] },
  { name: "notify", contestant: "notify", candidates: [{ rate }] }
]

const ratioOf = (figure: string, ours: Result, theirs: Result): Ratio => {
  const values = ({ rounds }: Result) => rounds.map((round) => round[figure]!)
  return lessIsBetter(ratios(values(ours), values(theirs)))
}

const shown = ["commandsPerSecond", "p50Millis", "p95Millis", "p99Millis", "idleP50Millis", "idleP95Millis"]

const gridOf = (contestants: Readonly<Record<string, Result>>): Grid => ({
  columns: ["", "commands/s", "p50 ms", "p95 ms", "p99 ms", "idle p50 ms", "idle p95 ms", "CPU µs/command"],
  rows: Object.entries(contestants).map(([name, { figures }]) => [
    name,
    ...[...shown, "cpuMicrosPerCommand"].map((figure) => String(figures[figure]!.median))
  ])
})

const run = async (given: Run): Promise<Report> => {
  const contestants = await contest(given, entries)
  const { together, apart, notify } = contestants
  const figure = ({ figures }: Result, name: string) => figures[name]!
  return {
    figures: {
      p50Millis: figure(together, "p50Millis"),
      p99Millis: figure(together, "p99Millis"),
      idleP95Millis: figure(together, "idleP95Millis"),
      apartP50Millis: figure(apart, "p50Millis"),
      apartP99Millis: figure(apart, "p99Millis"),
      apartIdleP95Millis: figure(apart, "idleP95Millis"),
      notifyP50Millis: figure(notify, "p50Millis"),
      commandsPerSecond: figure(together, "commandsPerSecond")
    },
    ratios: {
      p50RatioToNotify: ratioOf("p50Millis", together, notify),
      apartP50RatioToNotify: ratioOf("p50Millis", apart, notify),
      idleP50RatioToNotify: ratioOf("idleP50Millis", together, notify),
      apartIdleP50RatioToNotify: ratioOf("idleP50Millis", apart, notify)
    },
    targets: {
      p50Millis: { atMost: 10 },
      p99Millis: { atMost: 50 },
      idleP95Millis: { atMost: 20 },
      apartP50Millis: { atMost: 10 },
      apartP99Millis: { atMost: 50 },
      apartIdleP95Millis: { atMost: 20 },
      commandsPerSecond: { atLeast: rate * 0.98 }
    },
    grids: [gridOf(contestants)],
    charts: (["p50", "p99"] as const).map((percentile) => ({
      file: `lag-${percentile}`,
      title: `From commit to visible in the read model at ${rate.toLocaleString("en")} commands/s, ${percentile}`,
      unit: "milliseconds, less is better",
      bars: Object.entries(contestants).map(([label, { figures }]) => ({
        label,
        value: figures[`${percentile}Millis`]!,
        kind: label === "notify" ? "limit" : "daybook"
      }))
    })),
    details: { contestants, rate }
  }
}

/** The benchmark. */
export const lag: Benchmark = {
  name: "lag",
  compares: "the time from commit to visible in the cart's read model, beside a bare LISTEN and NOTIFY",
  // Latencies of some seconds on a machine with other work say little, and their ratios no more.
  inShort: false,
  contestants: {
    daybook: () => import("./Daybook.ts"),
    notify: () => import("./Notify.ts")
  },
  run
}
