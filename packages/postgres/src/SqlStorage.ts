/**
 * How much room a service takes in its database: its tables, its events by kind of stream, and what comes in a day. For the
 * `daybook storage` command and, once a minute, for the metrics (`StorageGauge`).
 *
 * Nothing here scans a large table. Sizes are the database's own and exact; so is the number of events, since positions are dense
 * and what is removed is counted. How they divide among kinds of streams and days is counted in a small journal, and estimated
 * from a random sample of pages in a large one; `counted` says which.
 */
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { checkSchemaName, hasTable } from "./Migrations.ts"

/** A table with its indexes, and what PostgreSQL keeps beside it for long values. */
export interface TableSize {
  readonly table: string
  readonly bytes: number
}

/** The events of a kind of stream that were recorded on a day. */
export interface Share {
  /** The prefix of its streams, the aggregate's name. */
  readonly streamType: string
  /** `2026-11-22`, in UTC. */
  readonly day: string
  readonly events: number
  /** Their part of the event table, indexes included. */
  readonly bytes: number
}

/** What a service's schema takes in one database. */
export interface SchemaSize {
  readonly schema: string
  /** By name. */
  readonly tables: ReadonlyArray<TableSize>
}

/** What a service's journal takes. */
export interface JournalSize {
  /** Events that were ever appended. */
  readonly appended: number
  /** Events that are in the journal now. */
  readonly events: number
  /** The event table with its indexes. */
  readonly bytes: number
  /** Whether `shares` were counted; otherwise they are estimates that add up to the exact numbers above. */
  readonly counted: boolean
  /** By kind of stream and day. */
  readonly shares: ReadonlyArray<Share>
}

const pageBytes = 8_192

/** Pages that are read at most, unless told otherwise: 16 MB, some tens of thousands of events. */
export const defaultPages = 2_000

/** The tables of a schema; none where there is no such schema. */
export const tablesOf = (schema: string): Effect.Effect<SchemaSize, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const tables = yield* sql.unsafe<TableSize>(
      `SELECT c.relname AS table, pg_total_relation_size(c.oid)::float8 AS bytes
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1::text AND c.relkind = 'r' ORDER BY c.relname`,
      [schema]
    )
    return { schema, tables }
  })

/** Events that are not in the journal any more: in archive files, or deleted after their time. */
const removedFrom = Effect.fnUntraced(function* (schema: string) {
  if (!(yield* hasTable(schema, "removed_events"))) return 0
  const sql = yield* SqlClient
  const [row] = yield* sql.unsafe<{ readonly n: number }>(
    `SELECT coalesce(sum(archived + pruned), 0)::float8 AS n FROM ${schema}.removed_events`
  )
  return row!.n
})

interface Totals {
  readonly appended: number
  readonly bytes: number
  readonly pages: number
}

const totalsOf = Effect.fnUntraced(function* (schema: string) {
  const sql = yield* SqlClient
  const [totals] = yield* sql.unsafe<Totals>(
    `SELECT (SELECT coalesce(sum(head), 0) FROM ${schema}.partition)::float8 AS appended,
       pg_total_relation_size('${schema}.event'::regclass)::float8 AS bytes,
       (pg_relation_size('${schema}.event'::regclass) / ${pageBytes})::float8 AS pages`
  )
  return totals!
})

/** Rows of the event table, or of a random part of its pages, by kind of stream and day. */
const sampled = (schema: string, percent: number) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe<Share>(
      `SELECT split_part(e.stream, '-', 1) AS "streamType",
         to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
         count(*)::float8 AS events, sum(pg_column_size(e.*))::float8 AS bytes
       FROM ${schema}.event e ${percent < 100 ? `TABLESAMPLE SYSTEM (${percent})` : ""}
       GROUP BY 1, 2 ORDER BY 1, 2`
    )
  )

const sumOf = (shares: ReadonlyArray<Share>, what: "events" | "bytes"): number =>
  shares.reduce((sum, share) => sum + share[what], 0)

/** Makes shares add up to totals. */
const scaled = (
  shares: ReadonlyArray<Share>,
  totals: { readonly events: number; readonly bytes: number }
): ReadonlyArray<Share> => {
  const [events, bytes] = [sumOf(shares, "events"), sumOf(shares, "bytes")]
  return shares.map((share) => ({
    ...share,
    events: Math.round((share.events / events) * totals.events),
    bytes: Math.round((share.bytes / bytes) * totals.bytes)
  }))
}

/** Measures a journal; `undefined` where there is none. `pages` bounds what is read of the event table. */
export const journalOf = (
  schemaName: string,
  { pages = defaultPages }: { readonly pages?: number } = {}
): Effect.Effect<JournalSize | undefined, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const schema = checkSchemaName(schemaName)
    if (!(yield* hasTable(schema, "event"))) return undefined
    const { appended, bytes, pages: there } = yield* totalsOf(schema)
    const events = appended - (yield* removedFrom(schema))
    const counted = there <= pages
    const shares = yield* sampled(schema, counted ? 100 : (pages / there) * 100)
    // While events are appended between two statements, what was counted stays what was counted.
    const totals = { bytes, events: counted ? sumOf(shares, "events") : events }
    return { appended, events: totals.events, bytes, counted, shares: scaled(shares, totals) }
  })
