/**
 * `storage`: what an event takes on disk, indexes included, in the cart's journal and in Emmett's tables.
 *
 * A month of real order lines is imported into carts, one command after the other, at both of the levels that keep events; the same
 * events are then appended by Emmett's store. Bytes do not change from round to round, so that each is measured once.
 */
import * as Persistence from "@daybook/core/Persistence"
import { persistence as cartPersistence } from "@daybook/services/cart/Cart"
import type { Benchmark } from "../Benchmark.ts"
import type { Run } from "../Harness.ts"
import { installPeers, peerVersion } from "../Peers.ts"
import { type Bar, type Grid, lessIsBetter, once, type Report } from "../Report.ts"
import { significant } from "../Statistics.ts"
import { countOf, limitsOf, measure, sumOf, type TableSize } from "./Sizes.ts"

const schema = "cart"

/** All that the write side needs: events and positions, the memory of commands, and states to recover from. */
const writeSide = /^cart\.(event|partition|receipt|state|snapshot)$/
const eventsAlone = /^cart\.event$/

const emmettTables = /^public\.emt_(messages|streams)_/
const emmettEventsAlone = /^public\.emt_messages_/

/** What one side takes for each event. */
interface Taken {
  readonly kind: Bar["kind"]
  readonly events: number
  readonly bytesPerEvent: number
  /** The table of events alone, without states and streams. */
  readonly eventTableBytesPerEvent: number
  readonly heapBytesPerEvent: number
  readonly indexBytesPerEvent: number
  readonly longValueBytesPerEvent: number
  readonly tables: ReadonlyArray<string>
}

const takenBy = (
  kind: Bar["kind"],
  sizes: ReadonlyArray<TableSize>,
  count: number,
  { all, alone }: { readonly all: RegExp; readonly alone: RegExp }
): Taken => {
  const { tables, heapBytes, indexBytes, longValueBytes, totalBytes } = sumOf(sizes, all)
  return {
    kind,
    events: count,
    bytesPerEvent: totalBytes / count,
    eventTableBytesPerEvent: sumOf(sizes, alone).totalBytes / count,
    heapBytesPerEvent: heapBytes / count,
    indexBytesPerEvent: indexBytes / count,
    longValueBytesPerEvent: longValueBytes / count,
    tables
  }
}

/** Appending the same events one command at a time, as the import does; or a stream at a time, which leaves least behind. */
const eventsPerAppend = { emmett: 1, emmettPacked: 1_000 } as const

const customers = 64
const commandsPerCustomer = { usual: 400, short: 40 }

/** Fills Daybook's journal in a database of its own. */
const daybook = async (run: Run, name: string, fill: (databaseUrl: string) => Promise<unknown>) => {
  const url = await run.server.database(name)
  run.say(`${name}: filling the journal`)
  await fill(url)
  const count = await countOf(url, `${schema}.event`)
  return { url, taken: takenBy("daybook", await measure(url), count, { all: writeSide, alone: eventsAlone }) }
}

/** Appends the events of a journal to Emmett's tables, in a database of its own. */
const emmett = async (run: Run, name: string, journalUrl: string, perAppend: number): Promise<Taken> => {
  const [{ appendAll }, { streamsOf }] = await Promise.all([import("./EmmettTables.ts"), import("./Journals.ts")])
  const url = await run.server.database(name)
  const streams = await streamsOf(journalUrl)
  const given = streams.values().reduce((sum, events) => sum + events.length, 0)
  run.say(`${name}: appending ${given} events`)
  await appendAll(url, streams, perAppend)
  const count = await countOf(url, "emt_messages")
  if (count !== given) throw new Error(`${name} was given ${given} events and stored ${count}: these must be equal.`)
  return takenBy("peer", await measure(url), count, { all: emmettTables, alone: emmettEventsAlone })
}

const limitTaken = (events: number, bytes: number): Taken => ({
  kind: "limit",
  events,
  bytesPerEvent: bytes / events,
  eventTableBytesPerEvent: bytes / events,
  heapBytesPerEvent: bytes / events,
  indexBytesPerEvent: 0,
  longValueBytesPerEvent: 0,
  tables: []
})

/** Both journals from the same orders, and the limits. */
const imported = async (run: Run) => {
  const [{ importOrders }, { openOrders }] = await Promise.all([import("./Journals.ts"), import("./Orders.ts")])
  using orders = openOrders(run.options.short)
  const into = (persistence: Persistence.Persistence) => (url: string) => importOrders(url, persistence, orders.folder)
  const level2 = await daybook(run, "daybook", into(cartPersistence))
  const level3 = await daybook(run, "daybookEvents", into(Persistence.events()))
  const { events } = level2.taken
  const { bare, jsonBytes } = await limitsOf(level2.url, schema)
  const limits = {
    bareTable: {
      ...limitTaken(events, bare.totalBytes),
      heapBytesPerEvent: bare.heapBytes / events,
      indexBytesPerEvent: bare.indexBytes / events,
      longValueBytesPerEvent: bare.longValueBytes / events
    },
    jsonText: limitTaken(events, jsonBytes),
    csvText: limitTaken(events, orders.csvBytes)
  }
  return { orders: orders.what, url: level2.url, level2: level2.taken, level3: level3.taken, limits }
}

/** Carts as they are filled over the API, whose ids are UUIDs and whose commands have an idempotency key each. */
const shop = async (run: Run) => {
  const { fillCarts } = await import("./Journals.ts")
  const commands = run.options.short ? commandsPerCustomer.short : commandsPerCustomer.usual
  return daybook(run, "daybookShop", (url) => fillCarts(url, cartPersistence, { customers, commands }))
}

const ratio = (ours: number, theirs: number) => lessIsBetter([ours / theirs])

const gridOf = (sides: Readonly<Record<string, Taken>>): Grid => ({
  columns: ["", "bytes/event", "event table", "rows", "indexes", "long values", "events"],
  rows: Object.entries(sides).map(([name, taken]) => {
    const parts = [taken.bytesPerEvent, taken.eventTableBytesPerEvent, taken.heapBytesPerEvent]
    const rest = [taken.indexBytesPerEvent, taken.longValueBytesPerEvent]
    return [name, ...[...parts, ...rest].map((bytes) => String(significant(bytes, 4))), String(taken.events)]
  })
})

const run = async (given: Run): Promise<Report> => {
  const { orders, url, level2, level3, limits } = await imported(given)
  const inShop = await shop(given)
  const peers = given.options.short
    ? undefined
    : {
        emmett: await emmett(given, "emmett", url, eventsPerAppend.emmett),
        emmettPacked: await emmett(given, "emmettPacked", url, eventsPerAppend.emmettPacked),
        emmettShop: await emmett(given, "emmettShop", inShop.url, eventsPerAppend.emmett)
      }
  const sides = { daybook: level2, daybookEvents: level3, daybookShop: inShop.taken, ...peers, ...limits }
  return {
    figures: {
      bytesPerEvent: once(level2.bytesPerEvent),
      eventsBytesPerEvent: once(level3.bytesPerEvent),
      eventTableBytesPerEvent: once(level2.eventTableBytesPerEvent),
      shopBytesPerEvent: once(inShop.taken.bytesPerEvent)
    },
    ratios: {
      ...(peers && {
        ratioToEmmett: ratio(level2.bytesPerEvent, peers.emmett.bytesPerEvent),
        eventsRatioToEmmett: ratio(level3.bytesPerEvent, peers.emmett.bytesPerEvent),
        eventTableRatioToEmmett: ratio(level2.eventTableBytesPerEvent, peers.emmett.eventTableBytesPerEvent),
        ratioToEmmettPacked: ratio(level2.bytesPerEvent, peers.emmettPacked.bytesPerEvent),
        shopRatioToEmmett: ratio(inShop.taken.bytesPerEvent, peers.emmettShop.bytesPerEvent),
        bareTableRatioToEmmett: ratio(limits.bareTable.bytesPerEvent, peers.emmett.bytesPerEvent)
      }),
      ratioToBareTable: ratio(level2.bytesPerEvent, limits.bareTable.bytesPerEvent),
      eventsRatioToBareTable: ratio(level3.bytesPerEvent, limits.bareTable.bytesPerEvent),
      ratioToJsonText: ratio(level2.bytesPerEvent, limits.jsonText.bytesPerEvent)
    },
    targets: peers ? { ratioToEmmett: { atMost: 0.7 } } : {},
    grids: [gridOf(sides)],
    charts: [chartOf(sides)],
    details: {
      orders,
      measured: "once: bytes do not change from round to round",
      sides,
      ...(peers && {
        versions: { "@event-driven-io/emmett-postgresql": peerVersion("@event-driven-io/emmett-postgresql") }
      })
    }
  }
}

const labels: Readonly<Record<string, string>> = {
  daybook: "Daybook, level 2",
  daybookEvents: "Daybook, level 3",
  emmett: "Emmett",
  emmettPacked: "Emmett, packed",
  bareTable: "bare table, one index",
  jsonText: "the data as JSON text"
}

const chartOf = (sides: Readonly<Record<string, Taken>>) => ({
  file: "storage",
  title: "What an event takes on disk, from a month of real orders",
  unit: "bytes per event with indexes and states, less is better",
  bars: Object.entries(labels).flatMap(([name, label]) => {
    const side = sides[name]
    return side === undefined ? [] : [{ label, value: once(side.bytesPerEvent), kind: side.kind }]
  })
})

/** The benchmark. */
export const storage: Benchmark = {
  name: "storage",
  compares: "bytes per event of a month of real orders, indexes included, beside Emmett's tables and a bare one",
  inShort: true,
  contestants: {},
  prepare: installPeers,
  run
}
