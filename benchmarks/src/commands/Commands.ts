/**
 * `commands`: cart commands per second, Daybook beside Emmett and beside a bare group-commit loop.
 */
import { persistence } from "@daybook/services/cart/Cart"
import type { Benchmark, Report, Target } from "../Benchmark.ts"
import { contest, type Entry, type Result, type Run } from "../Harness.ts"
import { packageVersion } from "../Machine.ts"
import { installPeers, peerVersion } from "../Peers.ts"
import { ratios, type Spread, significant, spread } from "../Statistics.ts"
import { linesPerCart } from "./CartLoad.ts"

type Name = "daybook" | "daybookEvents" | "daybookKeys" | "emmett" | "bareLoop"

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
  { name: "bareLoop", contestant: "bareLoop", candidates: [{ lanes: 1 }, { lanes: 2 }, { lanes: 4 }] }
]

const targets: Readonly<Record<string, number>> = { ratioToEmmett: 10, ratioToBareLoop: 0.4 }

const speedsOf = ({ rounds }: Result): ReadonlyArray<number> => rounds.map((figures) => figures.commandsPerSecond!)

const ratioOf = (ours: Result, theirs: Result): Spread => {
  const { median, min, max } = spread(ratios(speedsOf(ours), speedsOf(theirs)))
  return { median: significant(median, 3), min: significant(min, 3), max: significant(max, 3) }
}

const run = async (given: Run): Promise<Report> => {
  const contestants = await contest(given, entries)
  const { daybook, daybookEvents, daybookKeys, emmett, bareLoop } = contestants
  const spreads = {
    ratioToEmmett: ratioOf(daybook, emmett),
    ratioToBareLoop: ratioOf(daybook, bareLoop),
    eventsRatioToEmmett: ratioOf(daybookEvents, emmett),
    eventsRatioToBareLoop: ratioOf(daybookEvents, bareLoop),
    keysRatioToEmmett: ratioOf(daybookKeys, emmett),
    keysRatioToBareLoop: ratioOf(daybookKeys, bareLoop)
  }
  const figure = (name: string) => daybook.figures[name]!.median
  const headline: Record<string, number> = {
    commandsPerSecond: figure("commandsPerSecond"),
    p50Millis: figure("p50Millis"),
    p95Millis: figure("p95Millis"),
    ...Object.fromEntries(Object.entries(spreads).map(([name, { median }]) => [name, median]))
  }
  return {
    headline,
    targets: Object.entries(targets).map(
      ([name, atLeast]): Target => ({ figure: name, atLeast, met: headline[name]! >= atLeast })
    ),
    spreads,
    contestants,
    context: {
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
  contestants: {
    daybook: () => import("./Daybook.ts"),
    emmett: () => import("./Emmett.ts"),
    bareLoop: () => import("./BareLoop.ts")
  },
  prepare: installPeers,
  run
}
