/**
 * `commands`: cart commands per second and how long they take, Daybook beside Emmett and Act, beside a bare group-commit loop,
 * and beside pgbench.
 */
import type { Benchmark } from "../Benchmark.ts"
import type { Figures } from "../Contestant.ts"
import { contest, type Result, type Run } from "../Harness.ts"
import { packageVersion } from "../Machine.ts"
import { installPeers, peerVersion } from "../Peers.ts"
import {
  type Bar,
  type Chart,
  type Grid,
  lessIsBetter,
  moreIsBetter,
  over,
  type Ratio,
  type Reach,
  type Report
} from "../Report.ts"
import { ratios, type Spread } from "../Statistics.ts"
import { linesPerCart } from "./CartLoad.ts"
import { defaultPersistence, entriesFor, type Name, otherCallers, usualCallers } from "./Entries.ts"

/** Those who took part. */
type Results = Readonly<Partial<Record<Name, Result>>>

/** What is compared of one of them, with so many callers or with its first number of them. */
interface Measure {
  readonly of: Name
  readonly at?: number
  readonly read: (figures: Figures) => number | undefined
}

interface Comparison {
  readonly name: string
  readonly ours: Measure
  readonly theirs: Measure
  readonly better: (rounds: ReadonlyArray<number>) => Ratio
}

const named = (figure: string) => (figures: Figures) => figures[figure]

/** Of the contestant's process and of the server. */
const cpuOf = ({ cpuMicrosPerCommand: own, serverCpuMicrosPerCommand: servers }: Figures): number | undefined =>
  own === undefined || servers === undefined ? undefined : own + servers

const speeds = (name: string, ours: Name, theirs: Name): Comparison => {
  const read = named("commandsPerSecond")
  return { name, ours: { of: ours, read }, theirs: { of: theirs, read }, better: moreIsBetter }
}

const costs = (name: string, ours: Name, theirs: Name): Comparison => ({
  name,
  ours: { of: ours, read: cpuOf },
  theirs: { of: theirs, read: cpuOf },
  better: lessIsBetter
})

const toPgbench = (name: string, ours: Name, at: number, figure: string): Comparison => ({
  name,
  ours: { of: ours, at, read: named(figure) },
  theirs: { of: "pgbench", at, read: named("meanMillis") },
  better: lessIsBetter
})

const comparisons: ReadonlyArray<Comparison> = [
  speeds("ratioToEmmett", "daybook", "emmett"),
  speeds("ratioToAct", "daybook", "act"),
  speeds("ratioToBareLoop", "daybook", "bareLoop"),
  toPgbench("p95At32ToPgbench", "daybook", 32, "p95Millis"),
  toPgbench("latencyAt1ToPgbench", "daybook", 1, "meanMillis"),
  speeds("ratioToJournalAlone", "daybook", "journalAlone"),
  speeds("journalAloneRatioToBareLoop", "journalAlone", "bareLoop"),
  speeds("ratioToBareJournal", "daybook", "bareJournal"),
  speeds("bareJournalRatioToBareLoop", "bareJournal", "bareLoop"),
  speeds("eventsRatioToEmmett", "daybookEvents", "emmett"),
  speeds("eventsRatioToBareLoop", "daybookEvents", "bareLoop"),
  speeds("keysRatioToEmmett", "daybookKeys", "emmett"),
  speeds("keysRatioToBareLoop", "daybookKeys", "bareLoop"),
  toPgbench("bareLoopP95At32ToPgbench", "bareLoop", 32, "p95Millis"),
  toPgbench("bareLoopLatencyAt1ToPgbench", "bareLoop", 1, "meanMillis"),
  toPgbench("bareJournalP95At32ToPgbench", "bareJournal", 32, "p95Millis"),
  toPgbench("bareJournalLatencyAt1ToPgbench", "bareJournal", 1, "meanMillis"),
  costs("cpuToBareLoop", "daybook", "bareLoop"),
  costs("journalAloneCpuToBareLoop", "journalAlone", "bareLoop"),
  costs("bareJournalCpuToBareLoop", "bareJournal", "bareLoop")
]

/** What holds with the usual number of callers. */
const targets: Readonly<Record<string, Reach>> = {
  ratioToEmmett: { atLeast: 25 },
  ratioToAct: { atLeast: 4 },
  ratioToBareLoop: { atLeast: 0.75 },
  p95At32ToPgbench: { atMost: 1 },
  latencyAt1ToPgbench: { atMost: 1.5 }
}

/** Round by round; nothing where it was not measured. */
const measured = (results: Results, { of, at, read }: Measure): ReadonlyArray<number> | undefined => {
  const result = results[of]
  const rounds = at === undefined ? result?.rounds : result?.roundsAt[at]
  const values = rounds?.map(read)
  return values?.every((value) => value !== undefined) ? values : undefined
}

/** All ratios whose two sides were measured. */
export const ratiosOf = (results: Results): Readonly<Record<string, Ratio>> =>
  Object.fromEntries(
    comparisons.flatMap(({ name, ours, theirs, better }) => {
      const [one, other] = [measured(results, ours), measured(results, theirs)]
      return one === undefined || other === undefined ? [] : [[name, better(ratios(one, other))]]
    })
  )

const headline = ["commandsPerSecond", "p50Millis", "p95Millis", "cpuMicrosPerCommand", "serverCpuMicrosPerCommand"]

const quotedAt = ["commandsPerSecond", "meanMillis", "p50Millis", "p95Millis"]

/** The headline's figures by their names, those with another number of callers as `p95MillisAt32`. */
export const figuresOf = (results: Results): Readonly<Record<string, Spread>> => {
  const found = (of: Name, figure: string, at?: number) =>
    measured(results, { of, read: named(figure), ...(at === undefined ? {} : { at }) })
  const all = [
    ...headline.map((figure) => [figure, found("daybook", figure)] as const),
    ...otherCallers.flatMap((at) =>
      quotedAt.map((figure) => [`${figure}At${at}`, found("daybook", figure, at)] as const)
    ),
    ...[1, 32].map((at) => [`pgbenchMeanMillisAt${at}`, found("pgbench", "meanMillis", at)] as const)
  ]
  return Object.fromEntries(all.flatMap(([name, rounds]) => (rounds === undefined ? [] : [[name, over(rounds)]])))
}

const labels: Readonly<Record<Name, string>> = {
  daybook: "Daybook, level 2",
  daybookEvents: "Daybook, level 3",
  daybookKeys: "Daybook, idempotency keys",
  emmett: "Emmett",
  act: "Act",
  journalAlone: "Daybook's journal alone",
  bareLoop: "bare loop",
  bareJournal: "bare journal",
  pgbench: "pgbench"
}

const kindOf = (name: Name): Bar["kind"] =>
  name.startsWith("daybook") ? "daybook" : name === "emmett" || name === "act" ? "peer" : "limit"

const shown = ["commandsPerSecond", "meanMillis", "p50Millis", "p95Millis", "cpuMicrosPerCommand"]

/** One row a contestant and number of callers. */
const gridOf = (results: Results): Grid => ({
  columns: ["", "callers", "commands/s", "mean ms", "p50 ms", "p95 ms", "CPU µs/command", "server's", "set up as"],
  rows: (Object.entries(results) as ReadonlyArray<[Name, Result]>).flatMap(([name, { roundsAt, settings }]) =>
    Object.keys(roundsAt).map((callers) => {
      const cell = (figure: string) => {
        const rounds = measured(results, { of: name, at: Number(callers), read: named(figure) })
        return rounds === undefined ? "" : String(over(rounds).median)
      }
      return [name, callers, ...[...shown, "serverCpuMicrosPerCommand"].map(cell), JSON.stringify(settings)]
    })
  )
})

const barsOf = (
  results: Results,
  names: ReadonlyArray<Name>,
  figure: string,
  label: (name: Name) => string,
  at?: number
): ReadonlyArray<Bar> =>
  names.flatMap((of) => {
    const rounds = measured(results, { of, read: named(figure), ...(at === undefined ? {} : { at }) })
    return rounds === undefined ? [] : [{ label: label(of), value: over(rounds), kind: kindOf(of) }]
  })

const callersInWords = (callers: number): string =>
  callers === 1 ? "1 caller" : `${callers.toLocaleString("en")} callers`

const speedChart = (results: Results, callers: number): Chart => ({
  file: "commands",
  title: `Cart commands, each answered when durable, ${callersInWords(callers)}`,
  unit: "commands per second, more is better",
  bars: barsOf(
    results,
    (Object.keys(results) as ReadonlyArray<Name>).filter((name) => name !== "pgbench"),
    "commandsPerSecond",
    (name) => labels[name]
  )
})

const latencyChart = (results: Results): Chart => ({
  file: "commands-callers",
  title: "Time for a command, by callers who ask again as soon as they are answered",
  unit: "milliseconds in the mean, less is better",
  bars: [usualCallers, ...otherCallers]
    .toSorted((a, b) => a - b)
    .flatMap((at) =>
      barsOf(
        results,
        ["daybook", "bareLoop", "pgbench"],
        "meanMillis",
        (name) => `${name === "daybook" ? "Daybook" : labels[name]}, ${callersInWords(at)}`,
        at
      )
    )
})

const run = async (given: Run): Promise<Report> => {
  const { callers, short } = given.options
  const results: Results = await contest(given, entriesFor(given.options))
  const found = ratiosOf(results)
  const isUsual = callers === usualCallers
  return {
    figures: figuresOf(results),
    ratios: found,
    targets: isUsual ? Object.fromEntries(Object.entries(targets).filter(([name]) => name in found)) : {},
    grids: [gridOf(results)],
    charts: [speedChart(results, callers), ...(isUsual && !short ? [latencyChart(results)] : [])],
    details: {
      contestants: results,
      persistence: defaultPersistence,
      linesPerCart,
      versions: {
        ...Object.fromEntries(["effect", "@effect/sql-pg"].map((name) => [name, packageVersion(name)])),
        ...Object.fromEntries(peerPackages.map((name) => [name, peerVersion(name)]))
      }
    }
  }
}

const peerPackages = [
  "@event-driven-io/emmett",
  "@event-driven-io/emmett-postgresql",
  "@rotorsoft/act",
  "@rotorsoft/act-pg",
  "pg"
]

/** The benchmark. */
export const commands: Benchmark = {
  name: "commands",
  compares: "cart commands through entities on PostgreSQL, beside Emmett, Act, a bare group-commit loop, and pgbench",
  inShort: true,
  contestants: {
    daybook: () => import("./Daybook.ts"),
    emmett: () => import("./Emmett.ts"),
    act: () => import("./Act.ts"),
    journalAlone: () => import("./JournalAlone.ts"),
    bareLoop: () => import("./BareLoop.ts"),
    bareJournal: () => import("./BareJournal.ts"),
    pgbench: () => import("../limits/PgBench.ts")
  },
  prepare: installPeers,
  run
}
