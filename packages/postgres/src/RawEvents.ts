/**
 * Events exactly as the database has them: nothing decoded, nothing rounded, the data as the text that was stored.
 *
 * Seals and archives both work on these, so that what is hashed, archived and restored is the same to the byte. `canonical` is
 * the form that is hashed; docs/guides/audit.md says how to compute it with psql alone. Its bytes never change: they are in
 * every seal and every archive.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { checkSchemaName } from "./Migrations.ts"

/** A row of the table `event`, every column of it. */
export interface RawEvent {
  readonly partition: number
  readonly position: number
  readonly stream: string
  readonly version: number
  readonly eventId: string
  readonly type: string
  readonly schemaVersion: number
  /** Whole microseconds since 1970 (UTC) in decimal: PostgreSQL's own precision, which a number would not hold for every year. */
  readonly occurredAtMicros: string
  readonly recordedAtMicros: string
  /** The last event of a command that has an id. */
  readonly isReceipt: boolean
  readonly commandId: string | null
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly actor: string | null
  readonly reason: string | null
  readonly traceParent: string | null
  readonly tenant: string | null
  /** JSON as it was written, white space and order of keys included. */
  readonly data: string
}

/** Whole microseconds of an instant, as text. Also says `Infinity`, which only somebody's hand can have written. */
export const microsOf = (instant: string): string => `trunc(extract(epoch FROM ${instant}) * 1000000)::text`

/** The instant of whole microseconds: an expression of type `bigint` or `numeric`. Exact, unlike a product with an interval. */
export const instantOfMicros = (micros: string): string =>
  `timestamptz 'epoch' + make_interval(secs => trunc(${micros} / 1000000)::float8)
    + ${micros} % 1000000 * interval '1 microsecond'`

/** What to select from `event` to get `RawEvent`s. */
export const columns = `partition, position::float8 AS position, stream, version, event_id::text AS "eventId", type,
  schema_version AS "schemaVersion", ${microsOf("occurred_at")} AS "occurredAtMicros",
  ${microsOf("recorded_at")} AS "recordedAtMicros", is_receipt AS "isReceipt", command_id AS "commandId",
  correlation_id AS "correlationId", causation_id AS "causationId", actor, reason, trace_parent AS "traceParent", tenant,
  data::text AS data`

/** In the order of the canonical form. */
const fields = [
  "partition",
  "position",
  "stream",
  "version",
  "eventId",
  "type",
  "schemaVersion",
  "occurredAtMicros",
  "recordedAtMicros",
  "isReceipt",
  "commandId",
  "correlationId",
  "causationId",
  "actor",
  "reason",
  "traceParent",
  "tenant",
  "data"
] as const satisfies ReadonlyArray<keyof RawEvent>

/**
 * The canonical form: one line of JSON, an array of the columns in a fixed order, without white space (RFC 8785). Times are
 * strings of digits, and so is data a string: the text that was stored. Its UTF-8 bytes are what seals hash.
 */
export const canonical = (event: RawEvent): string => JSON.stringify(fields.map((field) => event[field]))

/** The event of a canonical form. Throws a `SyntaxError` for what is none. */
export const fromCanonical = (line: string): RawEvent => {
  const values: unknown = JSON.parse(line)
  if (!Array.isArray(values) || values.length !== fields.length) {
    throw new SyntaxError(`An event in canonical form is an array of ${fields.length} values`)
  }
  return Object.fromEntries(fields.map((field, i) => [field, values[i]])) as unknown as RawEvent
}

/** How many events are read at once unless told otherwise: some 500 kB. */
const defaultPage = 1_000

/** Inclusive bounds. `limit`: at most so many. */
interface Range {
  readonly from: number
  readonly to: number
  readonly limit?: number
}

/** Events of a partition by position, at most a page (default 1,000). */
export const readRange = (
  schema: string,
  partition: number,
  { from, to, limit = defaultPage }: Range
): Effect.Effect<ReadonlyArray<RawEvent>, SqlError, SqlClient> =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe<RawEvent>(
      `SELECT ${columns} FROM ${checkSchemaName(schema)}.event
       WHERE partition = $1::text::smallint AND position BETWEEN $2::text::bigint AND $3::text::bigint
       ORDER BY event.position LIMIT $4::text::integer`,
      [partition, from, to, limit].map(String)
    )
  )

/** Events of a stream by version, at most a page (default 1,000). */
export const readStream = (
  schema: string,
  stream: string,
  { from, to, limit = defaultPage }: Range
): Effect.Effect<ReadonlyArray<RawEvent>, SqlError, SqlClient> =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe<RawEvent>(
      `SELECT ${columns} FROM ${checkSchemaName(schema)}.event
       WHERE stream = $1::text AND version BETWEEN $2::text::integer AND $3::text::integer
       ORDER BY version LIMIT $4::text::integer`,
      [stream, ...[from, to, limit].map(String)]
    )
  )

/** The pages of a range of positions, one after the other; never an empty one. */
export const pages = (
  schema: string,
  partition: number,
  { from, to, limit = defaultPage }: Range
): Stream.Stream<ReadonlyArray<RawEvent>, SqlError, SqlClient> =>
  Stream.unfold(from, (next) =>
    Effect.map(readRange(schema, partition, { from: next, to, limit }), (page) =>
      page.length === 0 ? undefined : ([page, page.at(-1)!.position + 1] as const)
    )
  )
