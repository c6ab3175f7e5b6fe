/**
 * Offsets of projections on SQL, in the database of the read models.
 *
 * A commit moves the offsets first: that takes their row locks, so that an overtaken worker fails before it writes anything,
 * and one that is being overtaken makes the newcomer wait.
 */

import type { Write } from "@daybook/core/Projection"
import {
  type Advance,
  type Offset,
  type Parked,
  ProjectionFenced,
  ProjectionStore,
  ReadModelUnavailable
} from "@daybook/core/ProjectionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { AnswerLimit, orNoAnswer } from "./AnswerLimit.ts"
import { Database } from "./Database.ts"
import { instantOf, millisOf } from "./Instants.ts"
import { checkSchemaName } from "./Migrations.ts"
import { itemsOf } from "./PlannedWrites.ts"
import { isRefusedValue, isSqlError, reasonOf } from "./SqlFailure.ts"

/** A failure of the read side's database, in words for whoever asked. */
export const readModelUnavailable = (error: SqlError): ReadModelUnavailable =>
  new ReadModelUnavailable({
    retryAfterSeconds: 2,
    detail: `The read models' database failed (${reasonOf(error)}). Try again; operators: check that it runs and can be reached.`
  })

/** Turns database failures into `ReadModelUnavailable`, and leaves other failures alone. */
export const orReadModelUnavailable = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, SqlError> | ReadModelUnavailable, R> =>
  Effect.mapError(effect, (error) => (isSqlError(error) ? readModelUnavailable(error) : error)) as never

/**
 * The same for a transaction with somebody else's work in it. Where the database refuses a value in that work, it would do so again:
 * that is no failure of the database, and whoever did the work deals with it as with any other failure of theirs.
 */
export const orReadModelUnavailableWithin = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, SqlError> | ReadModelUnavailable, R> =>
  Effect.mapError(effect, (error) => {
    if (!isSqlError(error)) return error
    return isRefusedValue(error)
      ? new Error(`The database refuses what was to be written: ${reasonOf(error)}`, { cause: error })
      : readModelUnavailable(error)
  }) as never

const offsetColumns = `partition, position::float8 AS position, epoch, owner, stopped_because AS "stoppedBecause"`

const fenced = (projection: string, partition: number): ProjectionFenced =>
  new ProjectionFenced({
    projection,
    partition,
    detail: `Partition ${partition} of projection ${projection} has moved on under another worker; this one gives up its claim`
  })

/**
 * The rows of a table that have some keys, as an item of a FROM list: `keys` is a parameter, a JSON array of texts. One look into the
 * index for each, whatever the planner takes the table to hold: statements are planned once for a connection, most likely while
 * tables are small, and a join that reads all of a table then reads all of it for good.
 */
export const keyedRows = (table: string, key: string, keys: string, alias = "kept"): string =>
  `json_array_elements_text(${keys}::text::json) AS wanted (value)
   CROSS JOIN LATERAL (SELECT * FROM ${table} WHERE ${key} = wanted.value OFFSET 0) AS ${alias}`

type Query = <Row extends object>(
  text: string,
  params: ReadonlyArray<string | null>
) => Effect.Effect<ReadonlyArray<Row>, SqlError>

type Store = ProjectionStore["Service"]
type Claim = Parameters<Store["claim"]>[1]

/** Leases: who works on which partition. */
const leasing = (query: Query, schema: string): Pick<Store, "claim" | "release"> => {
  const take = (projection: string, { owner, leaseMillis }: Claim) =>
    query<Offset>(
      `UPDATE ${schema}.projection_offset SET
         epoch = CASE WHEN owner = $2::text THEN epoch ELSE epoch + 1 END,
         owner = $2::text,
         lease_until = clock_timestamp() + $3::text::float8 * interval '1 millisecond'
       WHERE projection = $1::text AND (owner IS NULL OR owner = $2::text OR lease_until <= clock_timestamp())
       RETURNING ${offsetColumns}`,
      [projection, owner, String(leaseMillis)]
    )
  const create = (projection: string, { partitions }: Claim) =>
    query<{ readonly partition: number }>(
      `WITH known AS (INSERT INTO ${schema}.projection (name) VALUES ($1::text) ON CONFLICT DO NOTHING)
       INSERT INTO ${schema}.projection_offset (projection, partition)
       SELECT $1::text, generate_series(0, $2::text::integer - 1) ON CONFLICT DO NOTHING RETURNING partition`,
      [projection, String(partitions)]
    )
  /** Nearly always a renewal, of all partitions: then one statement does. */
  const claim = Effect.fnUntraced(function* (projection: string, wanted: Claim) {
    const taken = yield* take(projection, wanted)
    if (taken.length >= wanted.partitions) return taken
    const created = yield* create(projection, wanted)
    return created.length === 0 ? taken : yield* take(projection, wanted)
  })
  return {
    claim: (projection, wanted) => orReadModelUnavailable(claim(projection, wanted)),
    release: (projection, owner) =>
      orReadModelUnavailable(
        Effect.asVoid(
          query(
            `UPDATE ${schema}.projection_offset SET owner = NULL, lease_until = '-infinity'
             WHERE projection = $1::text AND owner = $2::text`,
            [projection, owner]
          )
        )
      )
  }
}

/** Moves what is where it should be, and nothing else: `$1` the projection, `$2` the steps. */
const moveEach = (schema: string): string =>
  `UPDATE ${schema}.projection_offset o SET position = a.to_
   FROM json_to_recordset($2::text::json) AS a (partition smallint, epoch integer, from_ bigint, to_ bigint)
   WHERE o.projection = $1::text AND o.partition = a.partition AND o.epoch = a.epoch AND o.position = a.from_
   RETURNING o.partition`

/** Whether all that is to be moved is where it should be, within `moveAll`. */
const allHeld = "(SELECT yes FROM all_held)"

/**
 * Conditions that hold, and say of a statement whether its commit waits for the disk. Where it does not, a server that crashes forgets the
 * newest steps, each with its offsets, and the worker takes them again from the journal.
 */
const commits = { flushed: "true", unflushed: "set_config('synchronous_commit', 'off', true) = 'off'" }

/**
 * Moves all or nothing by itself, without a transaction around it: `$3` is how many steps there are. `besides` are items that write
 * where `allHeld`. `commit` is one of `commits`.
 */
const moveAll = (schema: string, commit: string, besides: ReadonlyArray<string>): string =>
  `WITH held AS MATERIALIZED (
     SELECT o.partition, a.to_ FROM json_to_recordset($2::text::json) AS a (partition smallint, epoch integer, from_ bigint, to_ bigint)
     JOIN ${schema}.projection_offset o
       ON o.projection = $1::text AND o.partition = a.partition AND o.epoch = a.epoch AND o.position = a.from_
     ORDER BY o.partition FOR UPDATE OF o
   ), all_held AS MATERIALIZED (
     SELECT count(*) = $3::text::integer AND ${commit} AS yes FROM held
   ), moved AS (
     UPDATE ${schema}.projection_offset o SET position = held.to_ FROM held
     WHERE o.projection = $1::text AND o.partition = held.partition
       AND ${allHeld})${besides.map((item) => `, ${item}`).join("")}
   SELECT partition FROM held`

/** Fails when not all that was to be moved has moved. */
const orFenced = (
  projection: string,
  advances: ReadonlyArray<Advance>,
  moved: ReadonlyArray<{ readonly partition: number }>
): Effect.Effect<void, ProjectionFenced> => {
  const stale = advances.find((advance) => !moved.some(({ partition }) => partition === advance.partition))
  return stale === undefined ? Effect.void : Effect.fail(fenced(projection, stale.partition))
}

/** Offsets: how far a projection has come. An embedded store has nobody who would write to the disk behind the commits: there they wait. */
const moving = (
  sql: SqlClient.SqlClient,
  query: Query,
  { schema, isEmbedded }: { readonly schema: string; readonly isEmbedded: boolean }
): Pick<Store, "transact" | "write" | "offsets" | "flush"> => {
  const commit = isEmbedded ? commits.flushed : commits.unflushed
  const stepsOf = (advances: ReadonlyArray<Advance>) =>
    JSON.stringify(advances.map(({ partition, epoch, from, to }) => ({ partition, epoch, from_: from, to_: to })))
  const move = (projection: string, advances: ReadonlyArray<Advance>) =>
    Effect.flatMap(query<{ readonly partition: number }>(moveEach(schema), [projection, stepsOf(advances)]), (moved) =>
      orFenced(projection, advances, moved)
    )
  /** In one statement, which is a transaction by itself. */
  const moveAnd = (projection: string, advances: ReadonlyArray<Advance>, writes: ReadonlyArray<Write>) =>
    Effect.suspend(() => {
      const { items, params } = itemsOf(writes, allHeld, 3)
      const all = [projection, stepsOf(advances), String(advances.length), ...params]
      return Effect.flatMap(query<{ readonly partition: number }>(moveAll(schema, commit, items), all), (moved) =>
        orFenced(projection, advances, moved)
      )
    })
  return {
    transact: (projection, advances, work) =>
      orReadModelUnavailableWithin(
        // Offsets and nothing else: no transaction is needed.
        (work as unknown) === Effect.void
          ? moveAnd(projection, advances, [])
          : sql.withTransaction(Effect.andThen(move(projection, advances), work))
      ) as never,
    write: (projection, advances, plan) =>
      orReadModelUnavailableWithin(Effect.flatMap(plan, (writes) => moveAnd(projection, advances, writes))) as never,
    offsets: (projection) =>
      orReadModelUnavailable(
        query<Offset>(
          `SELECT ${offsetColumns} FROM ${schema}.projection_offset WHERE projection = $1::text ORDER BY partition`,
          [projection]
        )
      ),
    // The log has one order: what waits for the disk takes with it all that was before. This writes to the log and to no table.
    flush: orReadModelUnavailable(Effect.asVoid(query("SELECT pg_logical_emit_message(true, 'daybook', '')::text", [])))
  }
}

/** Stopping, pausing, parking: what failures and operators use. */
const operating = (
  query: Query,
  schema: string
): Omit<Store, "claim" | "release" | "transact" | "offsets" | "flush"> => {
  const run = (text: string, params: ReadonlyArray<string | null>) =>
    orReadModelUnavailable(Effect.asVoid(query(text, params)))
  return {
    stop: (projection, partition, reason) =>
      run(
        `UPDATE ${schema}.projection_offset SET stopped_because = $3::text
         WHERE projection = $1::text AND partition = $2::text::smallint`,
        [projection, String(partition), storable(reason)]
      ),
    resume: (projection) =>
      run(`UPDATE ${schema}.projection_offset SET stopped_because = NULL WHERE projection = $1::text`, [projection]),
    paused: (projection) =>
      orReadModelUnavailable(
        Effect.map(
          query<{ readonly paused: boolean }>(`SELECT paused FROM ${schema}.projection WHERE name = $1::text`, [
            projection
          ]),
          (rows) => rows[0]?.paused ?? false
        )
      ),
    setPaused: (projection, paused) =>
      run(
        `INSERT INTO ${schema}.projection (name, paused) VALUES ($1::text, $2::text::boolean)
         ON CONFLICT (name) DO UPDATE SET paused = excluded.paused`,
        [projection, String(paused)]
      ),
    park: (projection, { stream, partition, version, position, reason, parkedAtMillis }) =>
      run(
        `INSERT INTO ${schema}.projection_parked (projection, stream, partition, version, position, reason, parked_at)
         VALUES ($1::text, $2::text, $3::text::smallint, $4::text::integer, $5::text::bigint, $6::text,
                 ${instantOf("$7::text::float8")})
         ON CONFLICT DO NOTHING`,
        [projection, stream, ...[partition, version, position].map(String), storable(reason), String(parkedAtMillis)]
      ),
    parked: (projection) =>
      orReadModelUnavailable(
        query<Parked>(
          `SELECT stream, partition, version, position::float8 AS position, reason,
                  ${millisOf("parked_at")} AS "parkedAtMillis"
           FROM ${schema}.projection_parked WHERE projection = $1::text ORDER BY parked_at, stream`,
          [projection]
        )
      ),
    unpark: (projection, stream) =>
      run(`DELETE FROM ${schema}.projection_parked WHERE projection = $1::text AND stream = $2::text`, [
        projection,
        stream
      ]),
    reset: (projection) =>
      run(
        `WITH forgotten AS (DELETE FROM ${schema}.projection_parked WHERE projection = $1::text)
         UPDATE ${schema}.projection_offset SET
           position = 0, epoch = epoch + 1, owner = NULL, lease_until = '-infinity', stopped_because = NULL
         WHERE projection = $1::text`,
        [projection]
      )
  }
}

/** Text as PostgreSQL stores it: without NUL characters. */
const storable = (text: string): string => text.replaceAll("\u0000", "")

/** Whether the database is a part of this process, so that no other process can be at work in it. */
const isEmbedded: Effect.Effect<boolean> = Effect.map(Effect.serviceOption(Database), (database) =>
  Option.isSome(database) ? database.value.exclusive : false
)

const make = (schemaName: string): Effect.Effect<Store, never, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const limit = yield* AnswerLimit
    const embedded = yield* isEmbedded
    const schema = checkSchemaName(schemaName)
    const query: Query = (text, params) => orNoAnswer(sql.unsafe(text, params), limit)
    return {
      ...leasing(query, schema),
      ...moving(sql, query, { schema, isEmbedded: embedded }),
      ...operating(query, schema)
    }
  })

/** The offsets of a schema as a layer. */
export const layer = (schema: string): Layer.Layer<ProjectionStore, never, SqlClient.SqlClient> =>
  Layer.effect(ProjectionStore, make(schema))

/**
 * Takes every lease of a schema back, where no other process can be at work in its database: a process that was killed need
 * not be waited for.
 */
export const releaseIfExclusive = (schemaName: string): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    if (!(yield* isEmbedded)) return
    const sql = yield* SqlClient.SqlClient
    const schema = checkSchemaName(schemaName)
    yield* sql.unsafe(`UPDATE ${schema}.projection_offset SET owner = NULL, lease_until = '-infinity'`)
  })
