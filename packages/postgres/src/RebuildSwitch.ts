/**
 * Puts a rebuilt read model in place of the live one, in one transaction. Part of `SqlRebuild`.
 *
 * The transaction takes the locks of the live offsets first, as workers do: from then on none of them can commit. What they had
 * applied by then is applied to the rebuilt tables too, so that no reader sees less than before. Only then are the tables
 * themselves locked, against queries, for as long as it takes to change names in the catalogue. Whoever waits for them resolves
 * the name anew afterwards, prepared statements included.
 */
import type { Journal } from "@daybook/core/Journal"
import type { Projection } from "@daybook/core/Projection"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Replay from "@daybook/core/Replay"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Tables } from "./RebuildTables.ts"

/** What is switched. */
export interface Switch {
  /** The live tables. */
  readonly live: Tables
  /** The schema of the rebuilt ones, which goes with the switch. */
  readonly side: string
  /** Writes into `side`. */
  readonly projection: Projection<any, any, SqlClient>
}

/** What became of an attempt. */
export type Attempted =
  | { readonly _tag: "Switched"; readonly heldMillis: number }
  /** Too much was left to be applied under the locks. Nothing was changed. */
  | { readonly _tag: "Behind" }

/** How many events may be left to be applied while workers wait: some hundredths of a second. */
export const mostEvents = 500

/**
 * How long each lock is waited for. Queries that come meanwhile wait too, so it is short; and it is shorter than
 * PostgreSQL's `deadlock_timeout` (1 s), so that of a query and a switch that wait for each other the switch gives way.
 */
const lockMillis = 150

/** Offsets of a projection as they are committed; with `FOR UPDATE`, nobody can move them from then on. */
export const positionsIn = (
  schema: string,
  projection: string,
  lock: "" | "FOR UPDATE" = ""
): Effect.Effect<ReadonlyArray<number>, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly partition: number; readonly position: number }>(
      `SELECT partition, position::float8 AS position FROM ${schema}.projection_offset
       WHERE projection = $1::text ORDER BY partition ${lock}`,
      [projection]
    )
    return rows.map(({ position }) => position)
  })

/** How many events `positions` is short of `to`. */
export const behind = (positions: ReadonlyArray<number>, to: ReadonlyArray<number>): number =>
  to.reduce((sum, position, partition) => sum + Math.max(0, position - (positions[partition] ?? 0)), 0)

/**
 * What happens while queries wait, as one statement: the tables change places, the live offsets are the rebuilt ones from here on, and
 * the rebuild's schema goes. Workers are fenced by the raised epochs, and take over what is there now.
 */
const swapText = ({ live, side, projection }: Switch): string => {
  const { schema, names } = live
  const name = `'${projection.name.replaceAll("'", "''")}'`
  return `DO $switch$ BEGIN
    DROP TABLE ${tablesOf(live)};
    ${names.map((table) => `ALTER TABLE ${side}.${table} SET SCHEMA ${schema};`).join("\n    ")}
    UPDATE ${schema}.projection_offset l SET position = r.position, epoch = l.epoch + 1, owner = NULL,
      lease_until = '-infinity', stopped_because = NULL
    FROM ${side}.projection_offset r
    WHERE l.projection = ${name} AND r.projection = ${name} AND r.partition = l.partition;
    DELETE FROM ${schema}.projection_parked WHERE projection = ${name};
    DROP SCHEMA ${side} CASCADE;
  END $switch$`
}

const tablesOf = ({ schema, names }: Tables): string => names.map((name) => `${schema}.${name}`).join(", ")

/** A projection that has never run has no offsets yet. */
const createOffsets = ({ live, side, projection }: Switch) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql.unsafe(`INSERT INTO ${live.schema}.projection (name) VALUES ($1::text) ON CONFLICT DO NOTHING`, [
      projection.name
    ])
    yield* sql.unsafe(
      `INSERT INTO ${live.schema}.projection_offset (projection, partition)
       SELECT projection, partition FROM ${side}.projection_offset WHERE projection = $1::text ON CONFLICT DO NOTHING`,
      [projection.name]
    )
  })

/** One attempt. Fails with a lock timeout where somebody holds what it needs; then nothing was changed. */
export const attempt = (
  what: Switch
): Effect.Effect<Attempted, Replay.Failure | SqlError, SqlClient | Journal | ProjectionStore> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const { live, side, projection } = what
    const { name } = projection
    const switched = sql.withTransaction(
      Effect.gen(function* () {
        yield* sql.unsafe(`SET LOCAL lock_timeout = ${lockMillis}`)
        yield* createOffsets(what)
        // A planned step has its tables locked while it waits for its offsets: it has to be kept from both, or neither would get on.
        if (projection.plan !== undefined) yield* sql.unsafe(`LOCK TABLE ${tablesOf(live)} IN SHARE ROW EXCLUSIVE MODE`)
        const reached = yield* positionsIn(live.schema, name, "FOR UPDATE")
        if (behind(yield* positionsIn(side, name), reached) > mostEvents) return undefined
        yield* Replay.run(projection, { until: reached, parallel: 1 })
        const left = behind(yield* positionsIn(side, name), reached)
        if (left > 0) return yield* Effect.die(new Error(`${name} lacks ${left} events that readers have seen`))
        const begun = performance.now()
        yield* sql.unsafe(`LOCK TABLE ${tablesOf(live)} IN ACCESS EXCLUSIVE MODE`)
        yield* sql.unsafe(swapText(what))
        return begun
      })
    )
    const begun = yield* switched
    return begun === undefined
      ? { _tag: "Behind" }
      : { _tag: "Switched", heldMillis: Math.round(performance.now() - begun) }
  })
