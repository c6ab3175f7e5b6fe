/**
 * The journal on SQL: one code path for PostgreSQL and for PGlite.
 *
 * Appends go through the SQL function `append_after` (see `sql/journal-012-append.sql`, `OwnWrites.ts` and `AppendStatement.ts`); everything else
 * is a query.
 */
import { AppendSignal, type Written, writtenOf } from "@daybook/core/AppendSignal"
import type { Stored } from "@daybook/core/Event"
import {
  type Append,
  Journal,
  JournalUnavailable,
  type Outcome,
  type Receipt,
  type StreamRange
} from "@daybook/core/Journal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { AnswerLimit, orNoAnswer } from "./AnswerLimit.ts"
import * as AppendPipeline from "./AppendPipeline.ts"
import { type Answer, outcomeOfRefusal, type Prepared, prepare, statementOf, statementText } from "./AppendStatement.ts"
import { storedMillisOf } from "./Instants.ts"
import { isInTransaction } from "./InTransaction.ts"
import { checkSchemaName } from "./Migrations.ts"
import { OwnWrites } from "./OwnWrites.ts"
import { type Recall, recallOf } from "./Recall.ts"
import { isSqlError, reasonOf } from "./SqlFailure.ts"
import * as WakeUps from "./WakeUps.ts"

/** How a journal uses its database. */
export interface Options {
  /** The service's schema, already migrated. */
  readonly schema: string
  /** Batches under way at once. Measured best: 2 where the database is another process, 1 where it is embedded (ADR 3). */
  readonly lanes: number
  /** Whether other processes may be at work in the database. */
  readonly shared: boolean
}

/**
 * The columns of an event, under the names of `Stored`: a row is one as it comes. In ORDER BY, a bare `position` would be the one of the
 * result, which no index knows, and every page would sort all that is left of a partition: it is `event.position` there.
 */
export const columns = `partition, position::float8 AS position, stream, version, event_id AS "eventId", type,
  schema_version AS "schemaVersion", ${storedMillisOf("occurred_at")} AS "occurredAtMillis",
  ${storedMillisOf("recorded_at")} AS "recordedAtMillis", command_id AS "commandId",
  correlation_id AS "correlationId", causation_id AS "causationId", actor, reason, trace_parent AS "traceParent", tenant, data`

/** A failure of the database, in words for the caller of a command or query. */
export const unavailable = (error: SqlError): JournalUnavailable =>
  new JournalUnavailable({
    retryAfterSeconds: 2,
    detail:
      `The journal's database failed (${reasonOf(error)}). Whether the command was stored is not known: send it again with ` +
      "the same Idempotency-Key. Operators: check that the database runs, can be reached, and has free disk space."
  })

const orUnavailable = <A, E, R>(
  effect: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, Exclude<E, SqlError> | JournalUnavailable, R> =>
  Effect.mapError(effect, (error) => (isSqlError(error) ? unavailable(error) : error)) as never

/** The largest `integer` and `bigint` that a bound may be turned into; JavaScript's numbers go further. */
const maxInteger = 2_147_483_647

const integer = (value: number): string => String(Math.trunc(Math.max(Math.min(value, maxInteger), -maxInteger)))

const bigint = (value: number): string =>
  String(Math.trunc(Math.max(Math.min(value, Number.MAX_SAFE_INTEGER), Number.MIN_SAFE_INTEGER)))

type Query = <Row extends object>(
  text: string,
  params: ReadonlyArray<string | null>
) => Effect.Effect<ReadonlyArray<Row>, JournalUnavailable>

/** What became of a batch: each append's outcome, and all that is stored of it. */
interface Done {
  readonly outcomes: ReadonlyArray<Outcome>
  /** Not told where a reader would find it changed: times are stored in whole microseconds. */
  readonly written: ReadonlyArray<Written> | undefined
}

/** The events of a batch that has been stored, as a reader would find them. `places` are those of its appends' first events. */
const allWritten = (
  batch: ReadonlyArray<Prepared>,
  places: ReadonlyArray<number>,
  recordedAtMillis: number
): Done["written"] => {
  const written: Array<Written> = []
  for (const [i, { append, events }] of batch.entries()) {
    for (const [index, data] of events.entries()) {
      if (!Number.isSafeInteger(append.events[index]!.occurredAtMillis)) return undefined
      written.push(writtenOf(append, index, data, places[i]!, recordedAtMillis))
    }
  }
  return written
}

/**
 * Appends what is not refused; what is refused is left out of a second try, so that neighbours are stored. `ownWrites` are those that
 * an append may rely on. `tellsAll`: whether what was written is wanted.
 */
const appender = (query: Query, schema: string, ownWrites: () => OwnWrites, tellsAll: () => boolean) => {
  const text = statementText(schema)

  const appendPrepared = (
    batch: ReadonlyArray<Prepared>,
    outcomes: Array<Outcome>,
    own: OwnWrites
  ): Effect.Effect<Done, JournalUnavailable> =>
    Effect.suspend(() => {
      if (batch.length === 0) return Effect.succeed({ outcomes, written: [] })
      const { starts, params, parts, marks } = statementOf(batch, own)
      return Effect.flatMap(query<Answer>(text, params), (rows) => {
        const { bases, mark, moved, refused, recordedAtMillis } = rows[0]!
        if (moved) {
          own.forget(parts)
          return appendPrepared(batch, outcomes, own)
        }
        if (refused !== null) {
          const ordinals = new Set(refused.map((refusal) => refusal.i))
          for (const refusal of refused) outcomes[batch[refusal.i]!.ordinal] = outcomeOfRefusal(refusal)
          return appendPrepared(
            batch.filter((_, i) => !ordinals.has(i)),
            outcomes,
            own
          )
        }
        const heads = bases.slice(1, -1).split(",").map(Number)
        own.marked(parts, marks, mark)
        const places = batch.map(({ append, events, ordinal }, i) => {
          const position = events.length === 0 ? 0 : heads[append.partition]! + starts[i]!
          outcomes[ordinal] = { _tag: "Appended", version: append.expectedVersion + append.events.length, position }
          own.wrote(append)
          return position
        })
        const written = tellsAll() ? allWritten(batch, places, recordedAtMillis ?? 0) : undefined
        return Effect.succeed({ outcomes, written })
      })
    })

  return (batch: ReadonlyArray<Append>): Effect.Effect<Done, JournalUnavailable> =>
    Effect.suspend(() => {
      const outcomes: Array<Outcome> = new Array(batch.length)
      return appendPrepared(prepare(batch, outcomes), outcomes, ownWrites())
    })
}

const reader = (
  query: Query,
  recall: Recall,
  schema: string
): Omit<Journal["Service"], "partitions" | "lanes" | "shared" | "signal" | "append"> => ({
  readStream: (stream, range: StreamRange = {}) =>
    query<Stored>(
      `SELECT ${columns} FROM ${schema}.event WHERE stream = $1::text AND version >= $2::text::integer
       AND version <= $3::text::integer ORDER BY version LIMIT $4::text::integer`,
      [
        stream,
        integer(range.from ?? 0),
        integer(range.to ?? maxInteger),
        integer(Math.max(range.limit ?? maxInteger, 0))
      ]
    ),
  version: (stream) => Effect.map(orUnavailable(recall(stream)), ({ version }) => version),
  readPartition: (partition, { after, limit }) =>
    query<Stored>(
      `SELECT ${columns} FROM ${schema}.event WHERE partition = $1::text::smallint AND position > $2::text::bigint
       ORDER BY event.position LIMIT $3::text::integer`,
      [String(partition), bigint(after), integer(Math.max(limit, 0))]
    ),
  heads: Effect.map(
    query<{ readonly head: number }>(`SELECT head::float8 AS head FROM ${schema}.partition ORDER BY id`, []),
    (rows) => rows.map((row) => row.head)
  ),
  state: (stream) =>
    Effect.map(orUnavailable(recall(stream)), ({ stateVersion, stateSchemaVersion, stateData }) =>
      stateVersion === null
        ? Option.none()
        : Option.some({ version: stateVersion, schemaVersion: stateSchemaVersion, data: stateData })
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
        integer(version)
      ]),
      (rows) => rows[0]!.n
    )
})

/** A journal in a migrated schema of the database in context. */
export const make = (
  options: Options
): Effect.Effect<Journal["Service"], JournalUnavailable, SqlClient.SqlClient | Scope.Scope> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const schema = checkSchemaName(options.schema)
    const limit = yield* AnswerLimit
    const query: Query = (text, params) => orUnavailable(orNoAnswer(sql.unsafe(text, params), limit))
    const counted = yield* query<{ readonly n: number }>(`SELECT count(*)::integer AS n FROM ${schema}.partition`, [])
    const signal = new AppendSignal()
    const wakeOthers = yield* WakeUps.make(`daybook_${schema}`, signal)
    // No limit on these statements: it is that of the whole append, whose transaction may be waiting for more than one.
    const { n: partitions } = counted[0]!
    const send = yield* orUnavailable(AppendPipeline.make)
    const own = new OwnWrites(partitions)
    const durably = appender(
      (text, params) => orUnavailable(send(text, params)),
      schema,
      () => own,
      () => signal.isFollowed
    )
    // In a transaction, this journal's or its caller's. Nothing of what it has written is known until it is over.
    const inTransaction = appender(
      (text, params) => orUnavailable(sql.unsafe(text, params)),
      schema,
      () => new OwnWrites(partitions),
      () => false
    )
    const tell = ({ written }: Done) => {
      if (written === undefined) signal.notify()
      else signal.appended(written)
      wakeOthers()
    }
    return {
      partitions,
      lanes: options.lanes,
      shared: options.shared,
      signal,
      append: (batch, work) => {
        const appending =
          work === undefined
            ? Effect.flatMap(isInTransaction(sql), (isJoining) => (isJoining ? inTransaction(batch) : durably(batch)))
            : sql.withTransaction(Effect.tap(inTransaction(batch), ({ outcomes }) => work(outcomes)))
        return Effect.map(orUnavailable(orNoAnswer(appending, limit)), (done) => {
          tell(done)
          return done.outcomes
        }) as never
      },
      ...reader(query, yield* recallOf(sql, schema), schema)
    }
  })

/** The journal of a schema as a layer. */
export const layer = (options: Options): Layer.Layer<Journal, JournalUnavailable, SqlClient.SqlClient> =>
  Layer.effect(Journal, make(options))
