/**
 * A SQL client on PGlite: PostgreSQL compiled to WebAssembly, in this process, with its files in a folder.
 *
 * One connection serves everyone, so statements take turns and a transaction holds the turn until it ends. The folder is
 * guarded by `StoreLock`: two processes on one folder would destroy it.
 */

import { existsSync, mkdirSync, openAsBlob } from "node:fs"
import { dirname, resolve } from "node:path"
import { reasonOf } from "@daybook/core/Problem"
import { makeCompiler } from "@effect/sql-pg/PgClient"
import type { PGlite } from "@electric-sql/pglite"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { ConnectionError, SqlError, UniqueViolation, UnknownError } from "effect/sql/SqlError"
import * as DiskSpace from "./DiskSpace.ts"
import { ExactPglite } from "./ExactPglite.ts"
import * as StoreLock from "./StoreLock.ts"

const sqlError =
  (operation: string) =>
  (cause: unknown): SqlError => {
    const error = cause as { readonly message?: string; readonly code?: string; readonly constraint?: string }
    const props = { cause, message: error.message ?? String(cause), operation }
    return new SqlError({
      reason:
        error.code === "23505"
          ? new UniqueViolation({ ...props, constraint: error.constraint ?? "unknown" })
          : new UnknownError(props)
    })
  }

/** Ends a transaction, and so has to be let through however full the disk is. */
const endsTransaction = (sql: string): boolean => sql === "ROLLBACK" || sql === "COMMIT"

const makeConnection = (db: PGlite, refusal: () => string | undefined): Connection => {
  const query = (sql: string, params: ReadonlyArray<unknown>, rowMode: "object" | "array") =>
    Effect.suspend(() => {
      const refused = endsTransaction(sql) ? undefined : refusal()
      if (refused !== undefined) return Effect.fail(sqlError("query")(new Error(refused)))
      return Effect.tryPromise({
        try: () => db.query(sql, params as Array<unknown>, { rowMode }),
        catch: sqlError("query")
      })
    })
  const rows = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.map(query(sql, params, "object"), (result) => result.rows as ReadonlyArray<any>)
  const values = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.map(query(sql, params, "array"), (result) => result.rows as ReadonlyArray<any>)
  return {
    execute: (sql, params, transform) =>
      transform === undefined ? rows(sql, params) : Effect.map(rows(sql, params), transform),
    executeRaw: (sql, params) => query(sql, params, "object"),
    executeStream: (sql, params, transform) =>
      Stream.unwrap(
        Effect.map(rows(sql, params), (all) => Stream.fromIterable(transform === undefined ? all : transform(all)))
      ),
    executeValues: values,
    executeValuesUnprepared: values,
    executeUnprepared: (sql, params, transform) =>
      transform === undefined ? rows(sql, params) : Effect.map(rows(sql, params), transform)
  }
}

/** Not by `recursive`, which tries for ever where a folder is there and takes no others, such as below /proc. */
const makeFolder = (folder: string): void => {
  if (existsSync(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) makeFolder(parent)
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error
  }
}

/**
 * `PGLITE_TEMPLATE`: a file with a dump of an empty store (PGlite's `dumpDataDir`), from which new stores are made. For tests, which
 * make many: it takes a fifth of the time. A process that is killed while it makes a store this way leaves half of one.
 */
const template = Config.option(Config.NonEmptyString("PGLITE_TEMPLATE"))

const open = async (folder: string | undefined, copied: string | undefined): Promise<PGlite> => {
  const path = folder === undefined ? undefined : `${folder}/pglite`
  const isNew = path === undefined || !existsSync(path)
  const loadDataDir = isNew && copied !== undefined ? { loadDataDir: await openAsBlob(copied) } : {}
  const db =
    path === undefined
      ? new ExactPglite(loadDataDir)
      : new ExactPglite(path, { relaxedDurability: false, ...loadDataDir })
  await db.waitReady
  return db
}

/** Opens the store in a folder, which is created if need be; without one, a store in memory. Closes with the scope. */
export const make = (
  folder: string | undefined
): Effect.Effect<SqlClient.SqlClient, SqlError | StoreLock.StoreHeld, Scope.Scope | Reactivity.Reactivity> =>
  Effect.gen(function* () {
    if (folder !== undefined) {
      yield* Effect.try({ try: () => makeFolder(resolve(folder)), catch: openFailed(folder) })
      yield* Effect.catchTag(StoreLock.hold(folder), "CannotLock", ({ cause }) =>
        Effect.fail(openFailed(folder)(cause))
      )
    }
    const refusal = folder === undefined ? () => undefined : DiskSpace.watch(folder)
    const refused = refusal()
    if (refused !== undefined) return yield* openFailed(folder!)(new Error(refused))
    const copied = yield* Effect.orDie(template)
    const db = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => open(folder, Option.getOrUndefined(copied)),
        catch: openFailed(folder ?? "memory")
      }),
      (opened) => Effect.promise(() => opened.close())
    )
    const connection = makeConnection(db, refusal)
    const turn = yield* Semaphore.make(1)
    const takeTurn = Effect.gen(function* () {
      const scope = yield* Scope.Scope
      yield* Effect.uninterruptibleMask((restore) =>
        Effect.tap(restore(turn.take(1)), () => Scope.addFinalizer(scope, turn.release(1)))
      )
      return connection
    })
    return yield* SqlClient.make({
      driver: "pglite",
      acquirer: takeTurn,
      borrower: (use) => turn.withPermits(1)(use(connection)),
      transactionAcquirer: takeTurn,
      compiler: makeCompiler(),
      releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
      spanAttributes: [
        ["db.system.name", "postgresql"],
        ["db.namespace", folder ?? "memory"]
      ]
    })
  })

const openFailed =
  (folder: string) =>
  (cause: unknown): SqlError => {
    const message = reasonOf(cause)
    return new SqlError({
      reason: new ConnectionError({
        cause,
        operation: "open",
        message:
          `The embedded store in ${folder} cannot be opened: ${message}. Check that the folder is writable and the disk ` +
          "has room; to start anew, move the folder away."
      })
    })
  }

/** The client as a layer; see `make`. */
export const layer = (folder?: string): Layer.Layer<SqlClient.SqlClient, SqlError | StoreLock.StoreHeld> =>
  Layer.effect(SqlClient.SqlClient, make(folder)).pipe(Layer.provide(Reactivity.layer))
