/**
 * Rebuilds a read model side by side with the live one, and switches. Used by `daybook projection rebuild`.
 *
 * The same migrations make the same tables in a schema beside the service's, and a replay fills them, in transactions of their own:
 * it can be stopped, or killed, at any time and goes on from there. When it has come up to the live one, both change places in one
 * transaction (`RebuildSwitch`). Workers and queries of running processes go on throughout. See docs/adr/0023.
 */
import { Journal } from "@daybook/core/Journal"
import type { Projection, Table } from "@daybook/core/Projection"
import { ProjectionStore, type ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import * as Replay from "@daybook/core/Replay"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Database } from "./Database.ts"
import { readModel } from "./JournalMigrations.ts"
import { checkSchemaName, type DatabaseNewer, hasTable, type MigrationSet, migrateAll } from "./Migrations.ts"
import {
  type CannotCatchUp,
  hasDependents,
  liveBehind,
  type NotRebuildable,
  noTables,
  nothingToReplay,
  otherColumns,
  type RebuildRunning,
  rebuildRunning,
  type SwitchBlocked,
  switchBlocked,
  tooSlow
} from "./RebuildProblems.ts"
import { attempt, behind, mostEvents, positionsIn, type Switch } from "./RebuildSwitch.ts"
import { type Column, columns, copyIndexes, copyRights, dependents, haveRows } from "./RebuildTables.ts"
import { type Compared, compare } from "./SqlComparison.ts"
import { isSqlError, whyOf } from "./SqlFailure.ts"
import * as SqlProjectionStore from "./SqlProjectionStore.ts"

/** What to rebuild. */
export interface Subject {
  /** The service's schema, already migrated. */
  readonly schema: string
  /** The migrations of its read models. */
  readonly migrations: ReadonlyArray<MigrationSet>
  /** The projection that writes into a schema: the live one, or one beside it. */
  readonly projection: (schema: string) => Projection<any, any, SqlClient>
  /** Changes whenever the projection's code does: what another code has begun is not gone on with. */
  readonly fingerprint: string
}

/** How to rebuild. */
export interface Options {
  /** Partitions at a time. Default 4. */
  readonly parallel?: number | undefined
  /** Events a second at most. Default: as many as can be done. */
  readonly eventsPerSecond?: number | undefined
  /** Whether to compare the rebuilt tables with the live ones before the switch. Default false. */
  readonly compare?: boolean | undefined
  /** Whether to switch. Default true; otherwise what was rebuilt stays, to be gone on with. */
  readonly switch?: boolean | undefined
  /** Told what is being done. */
  readonly onStep?: ((step: Step) => void) | undefined
}

/** What a rebuild is doing. */
export type Step =
  /** `anew`: another code had begun a rebuild, which was thrown away. */
  | { readonly _tag: "Begun"; readonly resumed: boolean; readonly anew: boolean }
  | ({ readonly _tag: "Replaying" } & Replay.Progress)
  | { readonly _tag: "Comparing" }
  | { readonly _tag: "Switching" }

/** What a rebuild has done. */
export interface Rebuilt {
  readonly projection: string
  readonly resumed: boolean
  /** Up to where it was replayed, by partition. */
  readonly positions: ReadonlyArray<number>
  /** Table by table, if it was asked for. */
  readonly compared: ReadonlyArray<Compared> | undefined
  readonly switched: boolean
  /** How long the switch has held up queries. */
  readonly heldMillis: number
}

/** Why a rebuild has ended early. The live read model is as it was, and what was rebuilt is kept. */
export type Failure =
  | Replay.Failure
  | NotRebuildable
  | RebuildRunning
  | CannotCatchUp
  | SwitchBlocked
  | DatabaseNewer
  | SqlError

/** Catching up with a journal that others write to: near enough is what a switch may do itself. */
const near = 200
const usualRounds = 5
const mostRounds = 50

/** How long a switch is attempted, and how long the live one may take to get to where it is to be compared. */
const switchPatienceMillis = 120_000
const livePatienceMillis = 30_000
const firstPauseMillis = 50
const maxPauseMillis = 2_000

/** Notes in the rebuild's schema which code fills it. */
const bookkeeping: MigrationSet = {
  name: "rebuild",
  migrations: [
    {
      name: "rebuild-001-fingerprint",
      sql: "CREATE TABLE {schema}.rebuild (fingerprint text NOT NULL, begun_at timestamptz NOT NULL DEFAULT clock_timestamp());"
    }
  ]
}

/** The schema in which a projection of a service is rebuilt. */
export const sideSchema = (schema: string, projection: string): string =>
  checkSchemaName(`${schema}_rebuild_${projection.replaceAll("-", "_")}`)

const nameOf = (table: Table): string => (typeof table === "string" ? table : table.name)

/**
 * Keeps other processes from rebuilding the same until the scope closes. The lock is the session's, and goes with a process that is
 * killed. An embedded store has one process anyway.
 */
const exclusively = (
  side: string,
  projection: string
): Effect.Effect<void, RebuildRunning | SqlError, SqlClient | Database | Scope.Scope> =>
  Effect.gen(function* () {
    if ((yield* Database).exclusive) return
    const sql = yield* SqlClient
    const connection = yield* sql.reserve
    const call = (lock: string) =>
      connection.execute(`SELECT ${lock}(hashtextextended($1::text, 0)) AS taken`, [`daybook-${side}`], undefined)
    const [row] = yield* call("pg_try_advisory_lock")
    if (!(row as { readonly taken: boolean }).taken) return yield* rebuildRunning(projection)
    yield* Effect.addFinalizer(() => Effect.ignore(call("pg_advisory_unlock")))
  })

const drop = (side: string) => Effect.flatMap(SqlClient, (sql) => sql.unsafe(`DROP SCHEMA IF EXISTS ${side} CASCADE`))

/** Which code has filled a rebuild's schema; `undefined` where there is none, or one that was not finished being made. */
const fingerprintIn = (side: string): Effect.Effect<string | undefined, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    if (!(yield* hasTable(side, "rebuild"))) return undefined
    const rows = yield* sql.unsafe<{ readonly fingerprint: string }>(`SELECT fingerprint FROM ${side}.rebuild`)
    return rows[0]?.fingerprint
  })

const create = ({ migrations, fingerprint }: Subject, side: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* drop(side)
    yield* migrateAll(side, [readModel, ...migrations, bookkeeping])
    // Last: what has no fingerprint is not whole.
    yield* sql.unsafe(`INSERT INTO ${side}.rebuild (fingerprint) VALUES ($1::text)`, [fingerprint])
  })

/** The schema to rebuild in: what is there, if this code has begun it. */
const prepare = (subject: Subject, side: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const found = yield* fingerprintIn(side)
    const resumed = found === subject.fingerprint
    if (!resumed) yield* create(subject, side)
    // Whoever has held it is gone, or can no longer commit from here on.
    yield* sql.unsafe(`UPDATE ${side}.projection_offset SET owner = NULL, lease_until = '-infinity'`)
    return { resumed, anew: found !== undefined && !resumed }
  })

const shapeOf = (all: ReadonlyArray<Column>): string =>
  JSON.stringify(all.map(({ table, name, type }) => `${table}.${name} ${type}`))

/** Finds what would be in the way of the switch, before anything is replayed. */
const check = (live: Projection<any, any, SqlClient>, schema: string) =>
  Effect.gen(function* () {
    const tables = { schema, names: live.tables.map(nameOf) }
    const depending = yield* dependents(tables)
    if (depending.length > 0) return yield* hasDependents(live.name, depending)
    const heads = yield* (yield* Journal).heads
    if (heads.every((head) => head === 0) && (yield* haveRows(tables))) return yield* nothingToReplay(live.name)
  })

/** Statements that running processes have prepared must find the columns that they were prepared with. */
const checkColumns = (projection: string, names: ReadonlyArray<string>, schema: string, side: string) =>
  Effect.gen(function* () {
    const [live, rebuilt] = [yield* columns({ schema, names }), yield* columns({ schema: side, names })]
    if (shapeOf(live) !== shapeOf(rebuilt))
      return yield* otherColumns(projection, shapeOf(without(live, rebuilt)), shapeOf(without(rebuilt, live)))
  })

/** The columns of one side that the other has not, or all where only their order differs. */
const without = (some: ReadonlyArray<Column>, others: ReadonlyArray<Column>): ReadonlyArray<Column> => {
  const known = new Set(others.map((column) => shapeOf([column])))
  const left = some.filter((column) => !known.has(shapeOf([column])))
  return left.length === 0 && some.length === others.length ? some : left
}

/** The rebuild's offsets. Its commits are not flushed one by one: what a crash takes, it takes together with the offset. */
const storeIn = (side: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const store = Context.get(yield* Layer.build(SqlProjectionStore.layer(side)), ProjectionStore)
    const unflushed = sql.unsafe("SET LOCAL synchronous_commit TO off")
    const relaxed: ProjectionStore["Service"] = {
      ...store,
      transact: (projection, advances, work) =>
        store.transact(projection, advances, Effect.andThen(unflushed, work) as typeof work)
    }
    return relaxed
  })

/** A rebuild while it runs. */
interface Running extends Switch {
  readonly tables: ReadonlyArray<Table>
  readonly options: Options
}

const targetOf = ({ live, projection, options }: Running, comparing: boolean) =>
  Effect.gen(function* () {
    const { heads } = yield* Journal
    // What is to be compared may not get ahead of the live one.
    return comparing && options.compare === true ? yield* positionsIn(live.schema, projection.name) : yield* heads
  })

/** Replays until there is nearly nothing left, however much was written meanwhile. */
const catchUp = (running: Running, comparing: boolean) =>
  Effect.gen(function* () {
    const { projection, options, side } = running
    const { parallel, eventsPerSecond, onStep } = options
    const replay = (until: ReadonlyArray<number>) =>
      Replay.run(projection, {
        until,
        ...(parallel === undefined ? {} : { parallel }),
        ...(eventsPerSecond === undefined ? {} : { eventsPerSecond }),
        onProgress: (progress) => onStep?.({ _tag: "Replaying", ...progress })
      })
    let before = Infinity
    for (let round = 1; ; round++) {
      yield* replay(yield* targetOf(running, comparing))
      const left = behind(yield* positionsIn(side, projection.name), yield* targetOf(running, comparing))
      // A round takes a while itself, on a busy machine as long as it takes for as much to come again.
      if (left <= (round < usualRounds ? near : mostEvents)) return
      if (round >= mostRounds || (round >= usualRounds && left >= before)) return yield* tooSlow(projection.name, left)
      before = left
    }
  })

/** What a switch needs, once the tables are full: their indexes and rights, and statistics, without which the first queries would be slow. */
const finish = ({ live, side }: Running) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* copyIndexes(live, side)
    yield* copyRights(live, side)
    for (const name of live.names) yield* sql.unsafe(`ANALYZE ${side}.${name}`)
  })

/**
 * Compares both in one snapshot, at the same offsets: the rebuilt one is replayed to exactly where the live one is in it. Workers go
 * on meanwhile.
 */
const compareBoth = ({ live, side, projection, tables, options }: Running) => {
  const compared = Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql.unsafe("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    const until = yield* positionsIn(live.schema, projection.name)
    const ahead = behind(until, yield* positionsIn(side, projection.name))
    if (ahead > 0) return ahead
    yield* Replay.run(projection, { until, parallel: 1 })
    return yield* compare(tables, { live: live.schema, rebuilt: side })
  })
  return Effect.gen(function* () {
    const sql = yield* SqlClient
    options.onStep?.({ _tag: "Comparing" })
    const deadline = (yield* Clock.currentTimeMillis) + livePatienceMillis
    while (true) {
      const result = yield* sql.withTransaction(compared)
      if (typeof result !== "number") return result
      if ((yield* Clock.currentTimeMillis) >= deadline) return yield* liveBehind(projection.name, result)
      yield* Effect.sleep(200)
    }
  })
}

/** Whether an attempt to switch failed because somebody else was in its way. */
const isBlocked = (error: unknown): error is SqlError =>
  isSqlError(error) && ["LockTimeoutError", "DeadlockError", "SerializationError"].includes(error.reason._tag)

const isWaitedFor = (error: unknown): error is SqlError | ReadModelUnavailable =>
  isBlocked(error) || (error as { readonly _tag?: unknown } | null)?._tag === "ReadModelUnavailable"

/** Switches as soon as it can be done without holding anyone up for long. */
const switchOver = (running: Running) =>
  Effect.gen(function* () {
    const { projection, options } = running
    options.onStep?.({ _tag: "Switching" })
    const deadline = (yield* Clock.currentTimeMillis) + switchPatienceMillis
    for (let pause = firstPauseMillis; ; pause = Math.min(pause * 1.5, maxPauseMillis)) {
      const attempted = yield* Effect.result(attempt(running))
      if (attempted._tag === "Success") {
        if (attempted.success._tag === "Switched") return attempted.success.heldMillis
        yield* catchUp(running, false)
        continue
      }
      const error = attempted.failure
      if (!isWaitedFor(error)) return yield* Effect.fail(error)
      if ((yield* Clock.currentTimeMillis) >= deadline) {
        return yield* switchBlocked(projection.name, switchPatienceMillis / 1000, whyOf(error))
      }
      yield* Effect.sleep(pause)
      // Workers wait while a switch is attempted, so that the next attempt is to have no more to do than this one had.
      yield* catchUp(running, false)
    }
  })

/** All of it, once nobody else does the same. */
const rebuild = (subject: Subject, side: string, options: Options) =>
  Effect.gen(function* () {
    const projection = subject.projection(side)
    const live = { schema: subject.schema, names: projection.tables.map(nameOf) }
    yield* check(projection, live.schema)
    const { resumed, anew } = yield* prepare(subject, side)
    yield* checkColumns(projection.name, live.names, live.schema, side)
    options.onStep?.({ _tag: "Begun", resumed, anew })
    const running: Running = { live, side, projection, tables: projection.tables, options }
    return yield* Effect.gen(function* () {
      yield* catchUp(running, true)
      yield* finish(running)
      const compared = options.compare === true ? yield* compareBoth(running) : undefined
      yield* catchUp(running, false)
      const positions = yield* positionsIn(side, projection.name)
      const done = { projection: projection.name, resumed, positions, compared }
      if (options.switch === false) return { ...done, switched: false, heldMillis: 0 }
      return { ...done, switched: true, heldMillis: yield* switchOver(running) }
    }).pipe(Effect.provideService(ProjectionStore, yield* storeIn(side)))
  })

/** Rebuilds a read model. `SqlClient` is of the read side's database. Interruption is safe at any time. */
export const run = (
  subject: Subject,
  options: Options = {}
): Effect.Effect<Rebuilt, Failure, Journal | SqlClient | Database> =>
  Effect.scoped(
    Effect.gen(function* () {
      const projection = subject.projection(subject.schema)
      const { name, tables } = projection
      yield* Replay.check(projection)
      if (tables.length === 0) return yield* noTables(name)
      const side = sideSchema(subject.schema, name)
      yield* exclusively(side, name)
      return yield* rebuild(subject, side, options)
    })
  )

/** Throws away what a rebuild has done that has not switched. Answers whether there was anything. */
export const abandon = (
  schema: string,
  projection: string
): Effect.Effect<boolean, RebuildRunning | SqlError, SqlClient | Database> =>
  Effect.scoped(
    Effect.gen(function* () {
      const side = sideSchema(schema, projection)
      yield* exclusively(side, projection)
      const found = yield* hasTable(side, "projection_offset")
      yield* drop(side)
      return found
    })
  )
