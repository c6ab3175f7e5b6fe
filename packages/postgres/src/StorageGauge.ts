/**
 * What a service's journal and tables take, as metrics: measured once a minute, from a few pages, and first some seconds after the
 * start. Run by the shop's processes that keep read models up to date.
 */
import { recorder } from "@daybook/core/Metrics"
import * as Repeated from "@daybook/core/Repeated"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { inWords } from "./SqlFailure.ts"
import { type JournalSize, journalOf, tablesOf } from "./SqlStorage.ts"

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

/** The size of each table with its indexes. Labels: schema, table. */
export const tableBytes = gauge("daybook_storage_table_bytes", "Bytes of a table and its indexes")

/** Labels: schema, stream_type. */
export const streamEvents = gauge("daybook_storage_events", "Events in the journal, by kind of stream")

/** Labels: schema, stream_type. */
export const streamBytes = gauge("daybook_storage_event_bytes", "Bytes of events and their indexes, by kind of stream")

/** Labels: schema, stream_type, days_ago: 0 is the UTC day that is under way. */
export const dayEvents = gauge("daybook_storage_day_events", "Events recorded on a day, by kind of stream")

/** Days that have a metric. Each is a time series, so that they are few. */
const days = 7

/** Pages of the event table that are read in a minute. */
const pages = 200

const everyMillis = 60_000

/** The embedded store takes 20 ms for a schema's sizes, and would do all of them before what a start waits for. */
const afterMillis = 5_000

const dayMillis = 86_400_000

const dayOf = (millis: number): string => new Date(millis).toISOString().slice(0, 10)

const recordJournal = (schema: string, journal: JournalSize, nowMillis: number, context: Context.Context<never>) => {
  const ago = new Map(Array.from({ length: days }, (_, n) => [dayOf(nowMillis - n * dayMillis), n]))
  const types = new Set(journal.shares.map(({ streamType }) => streamType))
  for (const type of types) {
    const shares = journal.shares.filter(({ streamType }) => streamType === type)
    const labels = { schema, stream_type: type }
    const sum = (what: "events" | "bytes") => shares.reduce((total, share) => total + share[what], 0)
    recorder(streamEvents, context, labels)(sum("events"))
    recorder(streamBytes, context, labels)(sum("bytes"))
    for (const [day, n] of ago) {
      const events = shares.find((share) => share.day === day)?.events ?? 0
      recorder(dayEvents, context, { ...labels, days_ago: String(n) })(events)
    }
  }
}

/** Measures a schema and records what there is. */
export const measure = (schema: string): Effect.Effect<void, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const { tables } = yield* tablesOf(schema)
    for (const { table, bytes } of tables) recorder(tableBytes, context, { schema, table })(bytes)
    const journal = yield* journalOf(schema, { pages })
    if (journal !== undefined) recordJournal(schema, journal, yield* Clock.currentTimeMillis, context)
  })

/** A layer that measures while it lives. A database that is down leaves the last numbers, and a warning in its own words. */
export const layer = (schema: string): Layer.Layer<never, never, SqlClient> =>
  Repeated.layer(inWords(measure(schema)), {
    everyMillis,
    afterMillis,
    failed: `The storage of ${schema} was not measured`
  })
