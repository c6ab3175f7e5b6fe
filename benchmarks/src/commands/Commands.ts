/**
 * `commands`: cart commands per second, Daybook beside Emmett and beside a bare group-commit loop.
 */
import { persistence } from "@daybook/services/cart/Cart"
import type { Benchmark } from "../Benchmark.ts"
import { contest, type Entry, type Result, type Run } from "../Harness.ts"
import { packageVersion } from "../Machine.ts"
import { installPeers, peerVersion } from "../Peers.ts"
import { type Grid, moreIsBetter, type Ratio, type Report } from "../Report.ts"
import { ratios } from "../Statistics.ts"
import { linesPerCart } from "./CartLoad.ts"

type Name = "daybook" | "daybookEvents" | "daybookKeys" | "emmett" | "bareLoop" | "bareJournal"

/** The cart service's own policy, which the headline is taken at. */
const defaultPersistence = persistence._tag.toLowerCase()

const entries: ReadonlyArray<Entry & { readonly name: Name }> = [
  // Without idempotency keys, which neither peer keeps; with them besides, since the service does.
  { name: "daybook", contestant: "daybook", candidates: [{ persistence: defaultPersistence, keys: false }] },
  { name: "daybookEvents", contestant: "daybook", candidates: [{ persistence: "events", keys: false }] },
  { name: "daybookKeys", contestant: "daybook", candidates: [{ persistence: defaultPersistence, keys: true }] },
  {
    name: "emmett",
    contestant: "emmett",
    candidates: [
      { connections: 10, sessions: true },
      { connections: 20, sessions: false },
      { connections: 40, sessions: false }
    ]
  },
  { name: "bareLoop", contestant: "bareLoop", candidates: [{ lanes: 1 }, { lanes: 2 }, { lanes: 4 }] },
  {
    name: "bareJournal",
    contestant: "bareJournal",
    candidates: [{ partitions: 1 }, { partitions: 2 }, { partitions: 4 }]
  }
]

const speedsOf = ({ rounds }: Result): ReadonlyArray<number> => rounds.map((figures) => figures.commandsPerSecond!)

const ratioOf = (ours: Result, theirs: Result): Ratio => moreIsBetter(ratios(speedsOf(ours), speedsOf(theirs)))

const gridOf = (contestants: Readonly<Record<string, Result>>): Grid => ({
  columns: ["", "commands/s", "over the rounds", "p50 ms", "p95 ms", "CPU µs/command", "set up as"],
  rows: Object.entries(contestants).map(([name, { figures, settings }]) => {
    const cell = (figure: string) => String(figures[figure]!.median)
    const { min, max } = figures.commandsPerSecond!
    const measured = [cell("commandsPerSecond"), `${min}–${max}`, cell("p50Millis"), cell("p95Millis")]
    return [name, ...measured, cell("cpuMicrosPerCommand"), JSON.stringify(settings)]
  })
})

const run = async (given: Run): Promise<Report> => {
  const contestants = await contest(given, entries)
  const { daybook, daybookEvents, daybookKeys, emmett, bareLoop, bareJournal } = contestants
  const figure = (name: string) => daybook.figures[name]!
  return {
    figures: {
      commandsPerSecond: figure("commandsPerSecond"),
      p50Millis: figure("p50Millis"),
      p95Millis: figure("p95Millis")
    },
    ratios: {
      ratioToEmmett: ratioOf(daybook, emmett),
      ratioToBareLoop: ratioOf(daybook, bareLoop),
      eventsRatioToEmmett: ratioOf(daybookEvents, emmett),
      eventsRatioToBareLoop: ratioOf(daybookEvents, bareLoop),
      keysRatioToEmmett: ratioOf(daybookKeys, emmett),
      keysRatioToBareLoop: ratioOf(daybookKeys, bareLoop),
      ratioToBareJournal: ratioOf(daybook, bareJournal),
      bareJournalRatioToBareLoop: ratioOf(bareJournal, bareLoop)
    },
    targets: { ratioToEmmett: { atLeast: 25 }, ratioToBareLoop: { atLeast: 0.75 } },
    grids: [gridOf(contestants)],
    charts: [
      {
        file: "commands",
        title: "Cart commands, each answered when durable, 256 callers",
        unit: "commands per second, more is better",
        bars: Object.entries(contestants).map(([label, { figures }]) => ({
          label,
          value: figures.commandsPerSecond!,
          kind: label.startsWith("daybook") ? "daybook" : label.startsWith("bare") ? "limit" : "peer"
        }))
      }
    ],
    details: {
      contestants,
      persistence: defaultPersistence,
      linesPerCart,
      versions: {
        effect: packageVersion("effect"),
        "@effect/sql-pg": packageVersion("@effect/sql-pg"),
        "@event-driven-io/emmett": peerVersion("@event-driven-io/emmett"),
        "@event-driven-io/emmett-postgresql": peerVersion("@event-driven-io/emmett-postgresql"),
        pg: peerVersion("pg")
      }
    }
  }
}

/** The benchmark. */
export const commands: Benchmark = {
  name: "commands",
  compares:
    "cart commands through entities on PostgreSQL, beside Emmett's command handler and a bare group-commit loop",
  inShort: true,
  contestants: {
    daybook: () => import("./Daybook.ts"),
    emmett: () => import("./Emmett.ts"),
    act: () => import("./Act.ts"),
    bareLoop: () => import("./BareLoop.ts"),
    bareJournal: () => import("./BareJournal.ts")
  },
  prepare: installPeers,
  run
}
