/**
 * The journals of the services that have run. Used by the commands that look at write sides, or work on them. Nothing is created to
 * find out which there are.
 */
import type { Database } from "@daybook/postgres/Database"
import { hasTable } from "@daybook/postgres/Migrations"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import { kept } from "./ServiceProjections.ts"

/** The journal of a service, and its database. */
export interface Journal {
  readonly service: Settings.ServiceName
  readonly schema: string
  readonly sides: Settings.Sides
  /** Of the write side. */
  readonly context: Context.Context<SqlClient | Database>
  /** Builds more beside it. Services, and sides, that share a database share its client. */
  readonly build: <A, E>(layer: Layer.Layer<A, E>) => Effect.Effect<Context.Context<A>, E, Scope>
}

/** Opens those of some services that are there. */
export const open = Effect.fnUntraced(function* (services: ReadonlyArray<Settings.ServiceName>) {
  const memo = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  const build = <A, E>(layer: Layer.Layer<A, E>) => Layer.buildWithMemoMap(layer, memo, scope)
  const journals: Array<Journal> = []
  for (const service of services) {
    const { schema } = kept[service]
    const sides = yield* Settings.sides(service)
    const context = yield* build(database(sides.write))
    const isThere = yield* Effect.provideContext(hasTable(schema, "event"), context)
    if (isThere) journals.push({ service, schema, sides, context, build })
  }
  return journals
})
