/**
 * The journal on SQL: one code path for PostgreSQL and for PGlite.
 *
 * A batch is one call of the function `append` (see `sql/journal-004-append.sql`), which takes JSON: measured beside arrays
 * with one element a column, it costs the same and can grow. Parameters are sent as text and cast in SQL, because the two
 * drivers differ in how they encode anything else.
 */
import type { Stored } from "@daybook/core/Event"
import {
  type Append,
  Journal,
  JournalUnavailable,
  type NewEvent,
  type Outcome,
  type Receipt,
  type StoredState,
  type StreamRange
} from "@daybook/core/Journal"
import { serialise } from "@daybook/core/MemoryJournal"
import { Signal } from "@daybook/core/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { checkSchemaName } from "./Migrations.ts"

/** How a journal uses its database. */
export interface Options {
  /** The service's schema, already migrated. */
  readonly schema: string
  /** Batches under way at once, each on a connection of its own. Measured best on two cores: 2 on PostgreSQL, 1 on PGlite. */
  readonly lanes: number
}

/** A batch that has been turned into text, each append with the appends' own ordinal. */
interface Prepared {
  readonly ordinal: number
  readonly append: Append
  readonly events: ReadonlyArray<string>
  readonly state: string | null
}

/** What `append` says of a stream that it refused. */
interface Refusal {
  readonly i: number
  readonly v: number
  readonly r: ReadonlyArray<{ readonly k: string; readonly v: number; readonly p: number }> | null
}

/** NUL and lone surrogates are escapes that PostgreSQL's JSON reader refuses. The first test is the quick one. */
const isUnstorable = (json: string): boolean =>
  json.includes("\\u") && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i.test(json)

const encodeJson = (value: unknown): string => {
  const json = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`${typeof value} is not a JSON value`)
  if (isUnstorable(json))
    throw new TypeError("text holds a NUL character or half of a surrogate pair, which PostgreSQL cannot store")
  return json
}

const textField = (name: string, value: string | null): string =>
  value === null ? "" : `,"${name}":${JSON.stringify(value)}`

const eventJson = (prepared: Prepared, index: number, place: number, receipts: ReadonlyMap<number, string>): string => {
  const { append } = prepared
  const event = append.events[index] as NewEvent
  const version = append.expectedVersion + index + 1
  const isReceipt = event.commandId !== null && receipts.get(version) === event.commandId
  return (
    `{"p":${append.partition},"o":${place},"s":${JSON.stringify(append.stream)},"v":${version},"t":${JSON.stringify(event.type)}` +
    `,"z":${event.schemaVersion},"e":"${event.eventId}","a":${event.occurredAtMillis}${isReceipt ? ',"q":true' : ""}` +
    textField("k", event.commandId) +
    textField("c", event.correlationId) +
    textField("u", event.causationId) +
    textField("w", event.actor) +
    textField("y", event.reason) +
    textField("x", event.traceParent) +
    textField("m", event.tenant) +
    `,"d":${prepared.events[index]}}`
  )
}

const groupJson = (append: Append, index: number): string => {
  const ids = append.receipts.length === 0 ? "" : `,"k":${JSON.stringify(append.receipts.map((r) => r.commandId))}`
  return `{"i":${index},"s":${JSON.stringify(append.stream)},"v":${append.expectedVersion}${ids}}`
}

const stateJson = ({ append, state }: Prepared): string =>
  `{"s":${JSON.stringify(append.stream)},"n":${append.expectedVersion + append.events.length}` +
  `,"z":${append.state!.schemaVersion},"d":${state}}`

/** A command with an id; `b` says that no event carries it. */
const receiptJson = ({ append, events }: Prepared, receipt: Append["receipts"][number]): string => {
  const index = receipt.version - append.expectedVersion - 1
  const carried = index >= 0 && index < events.length && append.events[index]?.commandId === receipt.commandId
  return JSON.stringify({ s: append.stream, k: receipt.commandId, v: receipt.version, b: !carried })
}

const listOrNull = (items: ReadonlyArray<string>): string | null => (items.length === 0 ? null : `[${items.join(",")}]`)

/** The parameters of one call, and where each append's events begin among those of its partition (from 1). */
const statementOf = (batch: ReadonlyArray<Prepared>) => {
  const counts = new Map<number, number>()
  const starts: Array<number> = []
  const groups: Array<string> = []
  const events: Array<string> = []
  const states: Array<string> = []
  const receipts: Array<string> = []
  batch.forEach((prepared, index) => {
    const { append } = prepared
    const carriers = new Map(append.receipts.map((r) => [r.version, r.commandId]))
    let place = counts.get(append.partition) ?? 0
    starts.push(place + 1)
    groups.push(groupJson(append, index))
    for (let i = 0; i < prepared.events.length; i++) events.push(eventJson(prepared, i, ++place, carriers))
    if (prepared.state !== null) states.push(stateJson(prepared))
    for (const receipt of append.receipts) receipts.push(receiptJson(prepared, receipt))
    counts.set(append.partition, place)
  })
  const parts = [...counts.keys()].sort((a, b) => a - b)
  const params = [
    `{${parts.join(",")}}`,
    `{${parts.map((part) => counts.get(part)).join(",")}}`,
    `[${groups.join(",")}]`,
    `[${events.join(",")}]`,
    listOrNull(states),
    listOrNull(receipts)
  ]
  return { starts, params }
}

const outcomeOfRefusal = (refusal: Refusal): Outcome =>
  refusal.r === null
    ? { _tag: "Conflict", actualVersion: refusal.v }
    : { _tag: "Duplicate", receipts: refusal.r.map((r): Receipt => ({ commandId: r.k, version: r.v, position: r.p })) }

/** The columns of an event, under the names of `Stored`. */
const columns = `partition, position::float8 AS position, stream, version, event_id AS "eventId", type,
  schema_version AS "schemaVersion", date_part('epoch', occurred_at) * 1000 AS "occurredAtMillis",
  date_part('epoch', recorded_at) * 1000 AS "recordedAtMillis", command_id AS "commandId",
  correlation_id AS "correlationId", causation_id AS "causationId", actor, reason, trace_parent AS "traceParent", tenant, data`

const storedOf = (row: Stored): Stored => ({
  ...row,
  occurredAtMillis: Math.round(row.occurredAtMillis),
  recordedAtMillis: Math.round(row.recordedAtMillis)
})

/** A failure of the database, in words for the caller of a command or query. */
export const unavailable = (error: SqlError): JournalUnavailable =>
  new JournalUnavailable({
    retryAfterSeconds: 2,
    detail:
      `The journal's database failed (${error.message}). Whether the command was stored is not known: send it again with ` +
      "the same Idempotency-Key. Operators: check that the database runs, can be reached, and has free disk space."
  })

const orUnavailable = <A, E, R>(
  effect: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, Exclude<E, SqlError> | JournalUnavailable, R> =>
  Effect.mapError(effect, (error) => (isSqlError(error) ? unavailable(error) : error)) as never

const isSqlError = (error: unknown): error is SqlError =>
  (error as { readonly _tag?: unknown } | null)?._tag === "SqlError"

/** Half-open bounds and a limit as SQL parameters; a limit of no one means all. */
const rangeParams = (range: StreamRange | undefined): ReadonlyArray<string | null> => [
  String(range?.from ?? 0),
  range?.to === undefined ? null : String(range.to),
  range?.limit === undefined ? null : String(Math.max(range.limit, 0))
]

/** A journal in a migrated schema of the database in context. */
export const make = (options: Options): Effect.Effect<Journal["Service"], JournalUnavailable, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const schema = checkSchemaName(options.schema)
    const signal = new Signal()
    const query = <Row extends object>(text: string, params: ReadonlyArray<string | null>) =>
      orUnavailable(sql.unsafe<Row>(text, params as Array<string>))
    const counted = yield* query<{ readonly n: number }>(`SELECT count(*)::integer AS n FROM ${schema}.partition`, [])
    const appendText =
      `SELECT bases::text AS bases, refused FROM ${schema}.append(` +
      "$1::text::smallint[], $2::text::integer[], $3::text::json, $4::text::json, $5::text::json, $6::text::json)"

    /** Appends what is not refused; what is refused is left out of a second try, so that neighbours are stored. */
    const appendPrepared = (
      batch: ReadonlyArray<Prepared>,
      outcomes: Array<Outcome>
    ): Effect.Effect<void, JournalUnavailable> =>
      Effect.suspend(() => {
        if (batch.length === 0) return Effect.void
        const { starts, params } = statementOf(batch)
        return Effect.flatMap(
          query<{ bases: string; refused: ReadonlyArray<Refusal> | null }>(appendText, params),
          (rows) => {
            const { bases, refused } = rows[0]!
            if (refused !== null) {
              for (const refusal of refused) outcomes[batch[refusal.i]!.ordinal] = outcomeOfRefusal(refusal)
              return appendPrepared(
                batch.filter((_, i) => !refused.some((r) => r.i === i)),
                outcomes
              )
            }
            const heads = bases.slice(1, -1).split(",").map(Number)
            batch.forEach(({ append, events, ordinal }, i) => {
              const position = events.length === 0 ? 0 : heads[append.partition]! + starts[i]!
              outcomes[ordinal] = { _tag: "Appended", version: append.expectedVersion + append.events.length, position }
            })
            return Effect.void
          }
        )
      })

    const append = (batch: ReadonlyArray<Append>): Effect.Effect<ReadonlyArray<Outcome>, JournalUnavailable> =>
      Effect.suspend(() => {
        const outcomes: Array<Outcome> = new Array(batch.length)
        const prepared: Array<Prepared> = []
        batch.forEach((item, ordinal) => {
          const texts = serialise(item, encodeJson)
          if ("why" in texts) outcomes[ordinal] = { _tag: "Unserialisable", why: texts.why }
          else prepared.push({ ordinal, append: item, ...texts })
        })
        return Effect.as(appendPrepared(prepared, outcomes), outcomes)
      })

    return {
      partitions: counted[0]!.n,
      lanes: options.lanes,
      signal,
      append: (batch, within) => {
        const work =
          within === undefined
            ? append(batch)
            : orUnavailable(sql.withTransaction(Effect.tap(append(batch), (outcomes) => within(outcomes))))
        return Effect.tap(work, () => Effect.sync(() => signal.notify())) as never
      },
      readStream: (stream, range) =>
        Effect.map(
          query<Stored>(
            `SELECT ${columns} FROM ${schema}.event WHERE stream = $1::text AND version >= $2::text::integer
             AND version <= coalesce($3::text::integer, 2147483647) ORDER BY version LIMIT $4::text::integer`,
            [stream, ...rangeParams(range)]
          ),
          (rows) => rows.map(storedOf)
        ),
      version: (stream) =>
        Effect.map(
          query<{ readonly version: number }>(
            `SELECT greatest((SELECT max(version) FROM ${schema}.event WHERE stream = $1::text),
                             (SELECT version FROM ${schema}.state WHERE stream = $1::text), 0) AS version`,
            [stream]
          ),
          (rows) => rows[0]!.version
        ),
      readPartition: (partition, { after, limit }) =>
        Effect.map(
          query<Stored>(
            `SELECT ${columns} FROM ${schema}.event WHERE partition = $1::text::smallint AND position > $2::text::bigint
             ORDER BY position LIMIT $3::text::integer`,
            [String(partition), String(after), String(limit)]
          ),
          (rows) => rows.map(storedOf)
        ),
      heads: Effect.map(
        query<{ readonly head: number }>(`SELECT head::float8 AS head FROM ${schema}.partition ORDER BY id`, []),
        (rows) => rows.map((row) => row.head)
      ),
      state: (stream) =>
        Effect.map(
          query<StoredState>(
            `SELECT version, schema_version AS "schemaVersion", data FROM ${schema}.state WHERE stream = $1::text`,
            [stream]
          ),
          (rows) => Option.fromNullishOr(rows[0])
        ),
      receipt: (stream, commandId) =>
        Effect.map(
          query<Receipt>(
            `SELECT command_id AS "commandId", version, position::float8 AS position
             FROM ${schema}.find_receipts($1::text, ARRAY[$2::text])`,
            [stream, commandId]
          ),
          (rows) => Option.fromNullishOr(rows[0])
        ),
      deleteTo: (stream, version) =>
        Effect.map(
          query<{ readonly n: number }>(`SELECT ${schema}.delete_to($1::text, $2::text::integer)::integer AS n`, [
            stream,
            String(Math.min(version, 2_147_483_647))
          ]),
          (rows) => rows[0]!.n
        )
    }
  })

/** The journal of a schema as a layer. */
export const layer = (options: Options): Layer.Layer<Journal, JournalUnavailable, SqlClient.SqlClient> =>
  Layer.effect(Journal, make(options))
