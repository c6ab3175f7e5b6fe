/**
 * The stores that the commands work on: the same as the shop's, found through the same settings.
 */
import { Broker } from "@daybook/core/Broker"
import { orElseAfter } from "@daybook/postgres/AnswerLimit"
import type * as Database from "@daybook/postgres/Database"
import { type Applied, migrate } from "@daybook/postgres/Migrations"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as SqlSubjectKeys from "@daybook/postgres/SqlSubjectKeys"
import * as Stores from "@daybook/postgres/Stores"
import type * as Cart from "@daybook/services/cart/Cart"
import { database } from "@daybook/shop/Place"
import * as Running from "@daybook/shop/Running"
import * as Settings from "@daybook/shop/Settings"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { ImportStore, schema as importSchema, tables as importTables } from "./online-retail/ImportStore.ts"
import { kept } from "./ServiceProjections.ts"
import * as Shop from "./Shop.ts"

/** Everything but to exchange messages with others. */
const alone: Settings.Roles = new Set(["command", "query", "projection"])

/** The cart service, and the import's own tables beside the cart's journal. */
const cart = (options: Cart.Options) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const sides = yield* Settings.sides("cart")
      const place = {
        write: database(sides.write),
        read: database(sides.read),
        partitions: yield* Settings.partitions,
        roles: alone,
        // Not asked for by these roles.
        broker: Broker.layerMemory()
      }
      return Layer.merge(Running.cart(place, options), ImportStore.layer.pipe(Layer.provide(place.write)))
    })
  )

/** How long to wait for the end of stores that a command is done with: accepted commands are answered within half a minute. */
const endMillis = 45_000

/** The same after a failure. A database that does not answer would keep whoever is to be told why. */
const failedEndMillis = 3_000

/** Runs a command on stores, which end with it. */
const during =
  <Stores, E2>(stores: Layer.Layer<Stores, E2>) =>
  <A, E, R>(command: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const end = (exit: Exit.Exit<A, unknown>) => {
        const failed = Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
        const ended = orElseAfter(Scope.close(scope, exit), failed ? failedEndMillis : endMillis, () => Effect.void)
        return Effect.interruptible(ended)
      }
      const built = Effect.flatMap(Layer.buildWithScope(stores, scope), (context) =>
        Effect.provideContext(command, context)
      )
      return yield* Effect.onExit(built, end)
    })

/** Runs a command on the cart's stores. */
export const withCart = (options: Cart.Options) => during(cart(options))

/** Runs a command beside all services, at work on their stores. */
export const withShop = (options: Shop.Options) => during(Shop.layer(options))

/** Brings every schema up to date; what was done, in order. */
export const migrateAll = Effect.gen(function* () {
  const partitions = yield* Settings.partitions
  const memo = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  // One memo for all, so that what shares a database shares its client.
  const on = <A, E, R>(location: Database.Location, work: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Layer.buildWithMemoMap(database(location), memo, scope), (context) =>
      Effect.provideContext(work, context)
    )
  const applied: Array<ReadonlyArray<Applied>> = []
  for (const service of Settings.serviceNames) {
    const { schema, tables } = kept[service]
    const { write, read } = yield* Settings.sides(service)
    applied.push(yield* on(write, Stores.migrateWriteSide(schema, partitions)))
    applied.push(yield* on(read, Stores.migrateReadSide(schema, ...[tables].flat())))
  }
  const keys = yield* Settings.sides("privacy")
  applied.push([yield* on(keys.write, migrate(kept.privacy.schema, SqlSubjectKeys.migrations))])
  const { write } = yield* Settings.sides("cart")
  applied.push([yield* on(write, migrate(importSchema, importTables))])
  if ((yield* Settings.brokerKind) === "sql") {
    applied.push(yield* on(yield* Settings.brokerLocation, SqlBroker.migrateAll()))
  }
  return applied.flat()
}).pipe(Effect.scoped)
