/**
 * The stores that hold something about people: the keys, and both sides of every service that has run. Used by `daybook subject`.
 * Nothing is created but the tables of the privacy service.
 */
import type { MasterKeys } from "@daybook/core/MasterKeys"
import { type KeyStore, SubjectKeys } from "@daybook/core/SubjectKeys"
import { Database } from "@daybook/postgres/Database"
import * as MasterKeyFile from "@daybook/postgres/MasterKeyFile"
import { hasTable } from "@daybook/postgres/Migrations"
import * as SqlSubjectKeys from "@daybook/postgres/SqlSubjectKeys"
import * as Privacy from "@daybook/services/privacy/Privacy"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { kept, writeSideOf } from "./ServiceProjections.ts"

/** A service that has run, and the clients of its sides; one client where they share a database. */
export interface Place {
  readonly service: Settings.ServiceName
  readonly schema: string
  readonly write: SqlClient
  readonly read: SqlClient
}

/** The keys, and the subjects as entities. */
const privacy = Effect.gen(function* () {
  const { write } = yield* Settings.sides("privacy")
  const client = database(write)
  const masters = MasterKeyFile.layer(yield* Settings.masterKeyFile)
  const store = SqlSubjectKeys.layer(Privacy.schema).pipe(Layer.provide(client))
  const keys = SubjectKeys.layer({ cacheMillis: 0 }).pipe(Layer.provideMerge(Layer.merge(store, masters)))
  const subjects = Privacy.commandSide().pipe(Layer.provide(yield* writeSideOf("privacy")))
  return Layer.mergeAll(keys, subjects) satisfies Layer.Layer<
    SubjectKeys | KeyStore | MasterKeys | Privacy.Subjects,
    unknown
  >
})

/** Every service that has run on its databases. */
const places = Effect.fnUntraced(function* (memo: Layer.MemoMap) {
  const scope = yield* Effect.scope
  const clientOf = (location: Settings.Sides["write"]) =>
    Effect.flatMap(Layer.buildWithMemoMap(database(location), memo, scope), (context) =>
      Effect.provideContext(Effect.all([SqlClient, Database]), context)
    )
  const found: Array<Place> = []
  for (const service of Settings.serviceNames) {
    const { schema } = kept[service]
    const sides = yield* Settings.sides(service)
    const [[write], [read]] = [yield* clientOf(sides.write), yield* clientOf(sides.read)]
    const has = (table: string, client: SqlClient) => Effect.provideService(hasTable(schema, table), SqlClient, client)
    if ((yield* has("event", write)) && (yield* has("held_message", read))) found.push({ service, schema, write, read })
  }
  return found
})

/** Runs work on the places, with the keys and the subjects in context. */
export const withPlaces = <A, E, R>(work: (places: ReadonlyArray<Place>) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const memo = yield* Layer.makeMemoMap
    const scope = yield* Effect.scope
    const context = yield* Layer.buildWithMemoMap(yield* privacy, memo, scope)
    return yield* Effect.provideContext(work(yield* places(memo)), context)
  }).pipe(Effect.scoped)
