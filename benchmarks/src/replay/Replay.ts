/**
 * `replay`: a journal's events folded through a decider, and a read model rebuilt from them, beside a raw `COPY` and one SQL `GROUP BY`.
 */
import type { Benchmark } from "../Benchmark.ts"
import { interleave, type Run } from "../Harness.ts"
import { type Bar, type Grid, lessIsBetter, over, type Ratio, type Report } from "../Report.ts"
import { connect } from "../Server.ts"
import { ratios, significant } from "../Statistics.ts"
import { openCarts } from "./CartHistory.ts"
import { open } from "./CartReplays.ts"
import * as GroupBy from "./GroupBy.ts"

const events = { full: 1_000_000, short: 100_000 } as const
/** Folded and rebuilt once before it counts. */
const warmUpEvents = 50_000

const names = ["raw", "fold", "rebuild"] as const
type Name = (typeof names)[number]

/** One round of one of them. Processor time in microseconds for an event: this process's, and the server's. */
interface Round {
  readonly seconds: number
  readonly nodeCpuMicros: number
  readonly serverCpuMicros: number
  /** The part of `raw` that was copying. */
  readonly copySeconds: number
}

type Rounds = Readonly<Record<Name, ReadonlyArray<Round>>>

/** Carries a part out, and measures it. It answers how many seconds of it were copying, or nothing. */
const measure = async ({ server }: Run, count: number, part: () => Promise<number | undefined>): Promise<Round> => {
  const [node, serverBefore, started] = [process.cpuUsage(), server.cpuMicros(), performance.now()]
  const copySeconds = await part()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(node)
  const serverMicros = (server.cpuMicros() ?? Number.NaN) - (serverBefore ?? Number.NaN)
  return {
    seconds,
    nodeCpuMicros: (user + system) / count,
    serverCpuMicros: serverMicros / count,
    copySeconds: copySeconds ?? 0
  }
}

const expectCount = (what: string, found: number, count: number): void => {
  if (found !== count) throw new Error(`${what} ${found} events of ${count}: these must be equal.`)
}

/** Writes a history of its own, and hands over what can be measured with it. */
const prepare = async ({ server, say }: Run, name: string, count: number, stack: AsyncDisposableStack) => {
  const url = await server.database(name)
  const replays = stack.use(open(url))
  const { query } = stack.use(connect(url))
  const carts = await replays.write(count)
  say(`${count} events of ${carts} carts are written`)
  // As autovacuum leaves a journal; otherwise whoever reads first would pay for it.
  await query("VACUUM ANALYZE cart.event")
  const parts: Readonly<Record<Name, () => Promise<number | undefined>>> = {
    raw: async () => (await GroupBy.run(url, query)).copySeconds,
    fold: async () => {
      const folded = await replays.fold()
      expectCount("Folded", folded.versions, count)
      expectCount("Of carts, folded", folded.carts, carts)
      return undefined
    },
    rebuild: async () => {
      expectCount("Rebuilt from", await replays.rebuild(), count)
      return undefined
    }
  }
  return { carts, query, parts }
}

const over1 = (rounds: ReadonlyArray<Round>, figure: (round: Round) => number) => over(rounds.map(figure))

const cpuOf = ({ nodeCpuMicros, serverCpuMicros }: Round): number => nodeCpuMicros + serverCpuMicros

const ratioTo = (
  ours: ReadonlyArray<Round>,
  theirs: ReadonlyArray<Round>,
  our: (round: Round) => number,
  their: (round: Round) => number
): Ratio => lessIsBetter(ratios(ours.map(our), theirs.map(their)))

const seconds = (round: Round): number => round.seconds

const gridOf = (rounds: Rounds): Grid => ({
  columns: ["", "seconds", "over the rounds", "Node µs/event", "server µs/event"],
  rows: names.map((name) => {
    const { median, min, max } = over1(rounds[name], seconds)
    const cpu = (figure: (round: Round) => number) => String(significant(over1(rounds[name], figure).median, 3))
    return [
      name,
      String(median),
      `${min}–${max}`,
      cpu((round) => round.nodeCpuMicros),
      cpu(({ serverCpuMicros }) => serverCpuMicros)
    ]
  })
})

const barsOf = ({ raw, fold, rebuild }: Rounds): ReadonlyArray<Bar> => [
  { label: "folded through a decider", value: over1(fold, seconds), kind: "daybook" },
  { label: "COPY out", value: over1(raw, ({ copySeconds }) => copySeconds), kind: "limit" },
  { label: "read model rebuilt", value: over1(rebuild, seconds), kind: "daybook" },
  { label: "COPY out and GROUP BY", value: over1(raw, seconds), kind: "limit" }
]

/** Times depend on whatever else the machine does; processor time hardly, so that it is what a short run is held to. */
const ratiosOf = ({ raw, fold, rebuild }: Rounds, short: boolean): Report["ratios"] => {
  const cpu = { rebuildCpuRatioToCopyAndGroupBy: ratioTo(rebuild, raw, cpuOf, cpuOf) }
  const measured = Number.isFinite(cpuOf(raw[0]!)) ? cpu : {}
  if (short) return measured
  return {
    ...measured,
    rebuildRatioToCopyAndGroupBy: ratioTo(rebuild, raw, seconds, seconds),
    foldRatioToCopy: ratioTo(fold, raw, seconds, ({ copySeconds }) => copySeconds)
  }
}

const reportOf = (rounds: Rounds, count: number, carts: number, short: boolean): Report => {
  const { raw, fold, rebuild } = rounds
  const perSecond = (of: ReadonlyArray<Round>) => over1(of, (round) => count / round.seconds)
  return {
    figures: {
      foldSeconds: over1(fold, seconds),
      rebuildSeconds: over1(rebuild, seconds),
      foldEventsPerSecond: perSecond(fold),
      rebuildEventsPerSecond: perSecond(rebuild),
      copySeconds: over1(raw, ({ copySeconds }) => copySeconds),
      copyAndGroupBySeconds: over1(raw, seconds)
    },
    ratios: ratiosOf(rounds, short),
    targets: short
      ? {}
      : {
          foldSeconds: { atMost: 12 },
          rebuildSeconds: { atMost: 20 },
          rebuildRatioToCopyAndGroupBy: { atMost: 4 }
        },
    grids: [gridOf(rounds)],
    charts: [
      {
        file: "replay",
        title: `${count.toLocaleString("en")} events of ${carts.toLocaleString("en")} carts`,
        unit: "seconds, less is better",
        bars: barsOf(rounds)
      }
    ],
    details: { events: count, carts, openCarts, rounds }
  }
}

const run = async (given: Run): Promise<Report> => {
  const { options, say } = given
  const count = options.short ? events.short : events.full
  {
    await using stack = new AsyncDisposableStack()
    const { parts } = await prepare(given, "warm_up", Math.min(warmUpEvents, count / 10), stack)
    for (const name of names) await parts[name]()
  }
  await using stack = new AsyncDisposableStack()
  const { carts, query, parts } = await prepare(given, "replay", count, stack)
  const rounds = await interleave(names, options.rounds, async (name, round) => {
    const measured = await measure(given, count, parts[name])
    say(`round ${round} of ${options.rounds}, ${name}: ${measured.seconds.toFixed(1)} s`)
    return measured
  })
  const different = await GroupBy.differences(query)
  if (Object.values(different).some((n) => n > 0))
    throw new Error(
      `The rebuilt read models are not what the events group to: ${JSON.stringify(different)} rows differ.`
    )
  return reportOf(rounds, count, carts, options.short)
}

/** The benchmark. */
export const replay: Benchmark = {
  name: "replay",
  compares: "events folded through a decider, and a read model rebuilt from them, beside a raw COPY and one GROUP BY",
  inShort: true,
  contestants: {},
  run
}
