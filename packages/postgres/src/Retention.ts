/**
 * Deletes the events of level 2 when their time is over: those that everybody has seen and nothing needs any more. Run by `Pruner`
 * in the shop, and by `daybook prune`.
 *
 * An event goes when all of this is so: it was recorded longer ago than the window; every read model, publication and reaction of the
 * service has passed it, and none has set its stream aside; it is sealed, so that its removal is put on record; the stored state of its
 * aggregate covers it; and it is not its stream's last, which carries the version. Where a stream has been quiet for the window and its
 * state is not stored, the state is stored first. With the events goes the memory of the commands that they were the answer to.
 */
import type { Aggregate } from "@daybook/core/Aggregate"
import { Journal, type JournalUnavailable } from "@daybook/core/Journal"
import { ProjectionStore, type ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { recover, stateCodec } from "@daybook/core/Recovery"
import { Snapshots } from "@daybook/core/Snapshot"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as AdvisoryLock from "./AdvisoryLock.ts"
import { instantOf } from "./Instants.ts"
import { checkSchemaName } from "./Migrations.ts"
import type { SealKeys } from "./SealKeys.ts"
import { type ArchiveFailure, count } from "./SqlArchive.ts"
import * as SqlSeals from "./SqlSeals.ts"

/** Whose events are pruned. */
export interface Pruned {
  readonly schema: string
  readonly aggregate: Aggregate<any, any, any, any>
  /** How long events stay; see `Persistence.state`. */
  readonly retainMillis: number
  /** Everything that reads the journal: events that one of them has not passed stay. */
  readonly projections: ReadonlyArray<string>
}

/** How a run is done. */
export interface Options {
  /** Only count, and change nothing. */
  readonly dryRun?: boolean
  /** Events that are looked at together; a transaction deletes no more, but for what those streams had before. Default 1,000. */
  readonly pageSize?: number
  /** What to do between pages: in the background, wait a little. */
  readonly rest?: Effect.Effect<void>
}

/** What a run came to. */
export interface Outcome {
  /** Deleted, or that would be. */
  readonly events: number
  /** Aggregates whose state was stored, so that their events could go. */
  readonly stored: number
}

/** What can go wrong. What was done before stays done. */
export type Failure =
  | Exclude<ArchiveFailure, { readonly _tag: "CannotArchive" | "ArchiveUnavailable" }>
  | JournalUnavailable
  | ReadModelUnavailable

/** Why removed events are gone, in the seals. */
export const prunedReason = "pruned"

/** How far every projection has come, by partition; and the streams that one of them has set aside. */
const passed = Effect.fnUntraced(function* (projections: ReadonlyArray<string>, partitions: number) {
  const store = yield* ProjectionStore
  const positions = new Array<number>(partitions).fill(projections.length === 0 ? 0 : Number.MAX_SAFE_INTEGER)
  const aside = new Set<string>()
  for (const projection of projections) {
    const offsets = new Map((yield* store.offsets(projection)).map((offset) => [offset.partition, offset.position]))
    positions.forEach((position, partition) => {
      positions[partition] = Math.min(position, offsets.get(partition) ?? 0)
    })
    for (const { stream } of yield* store.parked(projection)) aside.add(stream)
  }
  // Else a read side elsewhere could forget that it has seen what is about to be gone.
  yield* store.flush
  return { positions, aside }
})

/** A stream of which events of a page may go. */
interface Found {
  readonly stream: string
  /** The newest of them. */
  readonly version: number
  /** The stream's newest version, which stays. */
  readonly head: number
  /** The version of the stored state, 0 where there is none. */
  readonly stored: number
  /** Whether nothing has come to the stream since the window. */
  readonly quiet: boolean
}

/** What a page of a partition's events comes to, and where the next begins. */
const page = (schema: string, kind: string, partition: number, range: Range) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe<Found>(
      `WITH page AS (
         SELECT e.stream, max(e.version) AS version FROM (
           SELECT stream, version FROM ${schema}.event
           WHERE partition = $1::text::smallint AND position > $2::text::bigint AND position <= $3::text::bigint
             AND recorded_at <= ${instantOf("$4::text::float8")}
         ) e GROUP BY e.stream
       )
       SELECT p.stream, p.version, last.version AS head,
         coalesce(s.version, 0) AS stored, last.recorded_at <= ${instantOf("$4::text::float8")} AS quiet
       FROM page p
       CROSS JOIN LATERAL (
         SELECT e.version, e.recorded_at FROM ${schema}.event e WHERE e.stream = p.stream ORDER BY e.version DESC LIMIT 1
       ) last
       CROSS JOIN LATERAL (SELECT e.version FROM ${schema}.event e WHERE e.stream = p.stream ORDER BY e.version LIMIT 1) first
       LEFT JOIN ${schema}.state s ON s.stream = p.stream
       WHERE p.stream >= $5::text AND p.stream < $6::text AND first.version < last.version`,
      [partition, range.after, range.to, range.beforeMillis].map(String).concat(`${kind}-`, `${kind}.`)
    )
  )

interface Range {
  readonly after: number
  readonly to: number
  readonly beforeMillis: number
}

/**
 * Where the next page ends: pages are counted in events, of whatever stream. Null where there is nothing that is old enough: what
 * follows is younger still.
 */
const endOf = (schema: string, partition: number, range: Range, limit: number) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe<{ readonly position: number | null }>(
        `SELECT max(position) FILTER (WHERE e.recorded_at <= ${instantOf("$4::text::float8")})::float8 AS position FROM (
           SELECT position, recorded_at FROM ${schema}.event WHERE partition = $1::text::smallint
             AND position > $2::text::bigint AND position <= $3::text::bigint
           ORDER BY position LIMIT $5::text::integer
         ) e`,
        [partition, range.after, range.to, range.beforeMillis, limit].map(String)
      ),
      (rows) => rows[0]!.position
    )
  )

/**
 * Stores the state of a quiet aggregate, as a command that takes it past a multiple of `every` would. An aggregate that cannot be
 * recovered keeps its events, and does not keep others from losing theirs: false.
 */
const storeState = ({ schema, aggregate }: Pruned, stream: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const codec = stateCodec(aggregate)
    const stores = { journal: yield* Journal, snapshots: yield* Snapshots }
    const { state, version } = yield* recover({ aggregate, stores, codec })(stream)
    yield* sql.unsafe(
      `INSERT INTO ${schema}.state AS s (stream, version, schema_version, data, updated_at)
       VALUES ($1::text, $2::text::integer, $3::text::smallint, $4::text::json, clock_timestamp())
       ON CONFLICT (stream) DO UPDATE SET version = excluded.version, schema_version = excluded.schema_version,
         data = excluded.data, updated_at = excluded.updated_at
       WHERE s.version < excluded.version`,
      [stream, String(version), String(aggregate.state.version), JSON.stringify(codec.encode(state))]
    )
    return true
  }).pipe(
    Effect.catchTags({
      RecoveryFailed: (problem) => keeps(stream, problem.message),
      UndecodableEvent: (problem) => keeps(stream, problem.message)
    })
  )

const keeps = (stream: string, why: string) =>
  Effect.as(Effect.logWarning(`${stream} keeps its events, since its state cannot be stored: ${why}`), false)

/** A stream and the newest version that goes. */
interface Going {
  readonly stream: string
  readonly version: number
}

const goingRecords = `json_to_recordset($1::text::json) AS g ("stream" text, "version" integer)`

/** Deletes the beginnings of streams, and puts it on record. */
const remove = Effect.fnUntraced(function* (schema: string, partition: number, going: ReadonlyArray<Going>) {
  const sql = yield* SqlClient
  const json = JSON.stringify(going)
  // One at a time: who comes second finds nothing left.
  yield* AdvisoryLock.hold(`daybook-prune-${schema}`)
  const found = yield* sql.unsafe<{ readonly position: number }>(
    `SELECT e.position::float8 AS position FROM ${goingRecords}
     JOIN ${schema}.event e ON e.stream = g."stream" AND e.version <= g."version" ORDER BY e.position`,
    [json]
  )
  if (found.length === 0) return 0
  const positions = found.map(({ position }) => position)
  yield* SqlSeals.recordRemoval(schema, { partition, positions, reason: prunedReason })
  yield* sql.unsafe(`SELECT ${schema}.delete_to(g."stream", g."version") FROM ${goingRecords}`, [json])
  yield* count(schema, partition, { pruned: positions.length })
  return positions.length
})

/** How many events of these streams would go. */
const countGoing = (schema: string, going: ReadonlyArray<Going>) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe<{ readonly n: number }>(
        `SELECT count(*)::integer AS n FROM ${goingRecords}
         JOIN ${schema}.event e ON e.stream = g."stream" AND e.version <= g."version"`,
        [JSON.stringify(going)]
      ),
      (rows) => rows[0]!.n
    )
  )

/** Prunes one page: first the states that are not stored, then what they cover. */
const prunePage = Effect.fnUntraced(function* (
  pruned: Pruned,
  partition: number,
  found: ReadonlyArray<Found>,
  dryRun: boolean
) {
  const sql = yield* SqlClient
  // The last event stays, and whatever the stored state does not cover.
  const wanted = found.map((one) => ({ ...one, version: Math.min(one.version, one.head - 1) }))
  const uncovered = wanted.filter((one) => one.version > one.stored && one.quiet)
  const covered = wanted.map((one) => ({
    ...one,
    version: one.quiet ? one.version : Math.min(one.version, one.stored)
  }))
  const going = (without: ReadonlySet<string>): ReadonlyArray<Going> =>
    covered
      .filter(({ stream, version }) => version > 0 && !without.has(stream))
      .map(({ stream, version }) => ({ stream, version }))
  if (dryRun) {
    return { events: yield* countGoing(pruned.schema, going(new Set())), stored: uncovered.length }
  }
  const failed = new Set<string>()
  for (const { stream } of uncovered) if (!(yield* storeState(pruned, stream))) failed.add(stream)
  const events = yield* sql.withTransaction(remove(pruned.schema, partition, going(failed)))
  return { events, stored: uncovered.length - failed.size }
})

/** Prunes whatever may go now, page by page, each a transaction of its own. */
export const prune = (
  pruned: Pruned,
  { dryRun = false, pageSize = 1_000, rest = Effect.void }: Options = {}
): Effect.Effect<Outcome, Failure, Journal | Snapshots | ProjectionStore | SqlClient | SealKeys> =>
  Effect.gen(function* () {
    const schema = checkSchemaName(pruned.schema)
    const { partitions } = yield* Journal
    const beforeMillis = (yield* Clock.currentTimeMillis) - pruned.retainMillis
    const sum = { events: 0, stored: 0 }
    if (!Number.isFinite(beforeMillis)) return sum
    const seen = yield* passed(pruned.projections, partitions)
    const sealed = yield* SqlSeals.sealedTo(schema)
    for (let partition = 0; partition < partitions; partition++) {
      const to = Math.min(seen.positions[partition]!, sealed[partition]!)
      for (let after = 0; after < to; ) {
        const end = yield* endOf(schema, partition, { after, to, beforeMillis }, pageSize)
        if (end === null) break
        const found = yield* page(schema, pruned.aggregate.name, partition, { after, to: end, beforeMillis })
        const free = found.filter(({ stream }) => !seen.aside.has(stream))
        const done = yield* prunePage(pruned, partition, free, dryRun)
        sum.events += done.events
        sum.stored += done.stored
        after = end
        yield* rest
      }
    }
    return sum
  })
