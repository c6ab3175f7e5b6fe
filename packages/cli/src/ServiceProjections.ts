/**
 * Every projection of every service: read models, and what goes out because of events: publications, reactions, the saga's requests.
 * Used by `daybook projection` and by `daybook migrate`; the workers run in the services' processes.
 */
import type { Projection } from "@daybook/core/Projection"
import * as Projector from "@daybook/core/Projector"
import * as SagaRuntime from "@daybook/core/SagaRuntime"
import { hasTable, type MigrationSet } from "@daybook/postgres/Migrations"
import * as SqlSagaView from "@daybook/postgres/SqlSagaView"
import * as Stores from "@daybook/postgres/Stores"
import * as Cart from "@daybook/services/cart/Cart"
import * as CartViews from "@daybook/services/cart/Projections"
import { cartPublication } from "@daybook/services/cart/Publication"
import * as Checkout from "@daybook/services/checkout/Checkout"
import { conductor } from "@daybook/services/checkout/Consumer"
import * as Saga from "@daybook/services/checkout/Saga"
import type * as Erasure from "@daybook/services/Erasure"
import * as Inventory from "@daybook/services/inventory/Inventory"
import * as InventoryViews from "@daybook/services/inventory/Projections"
import { reservationPublication, stockPublication } from "@daybook/services/inventory/Publication"
import { reservationReaction } from "@daybook/services/inventory/ReservationReaction"
import { eraseFromViews } from "@daybook/services/order/Erasure"
import * as Order from "@daybook/services/order/Order"
import * as OrderViews from "@daybook/services/order/Projections"
import { orderPublication } from "@daybook/services/order/Publication"
import * as Payment from "@daybook/services/payment/Payment"
import * as PaymentViews from "@daybook/services/payment/Projections"
import { reaction as providerReaction } from "@daybook/services/payment/ProviderReaction"
import { paymentPublication } from "@daybook/services/payment/Publication"
import * as Privacy from "@daybook/services/privacy/Privacy"
import { privacyPublication } from "@daybook/services/privacy/Publication"
import { database } from "@daybook/shop/Place"
import * as Running from "@daybook/shop/Running"
import * as Settings from "@daybook/shop/Settings"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"

/** What a service keeps where. */
export interface Kept {
  readonly schema: string
  readonly tables: MigrationSet | ReadonlyArray<MigrationSet>
  /** Takes an erased person out of its read models. */
  readonly eraseFromViews?: Erasure.Options["eraseFromViews"]
  /** The projections that write its read models into a schema: its own, or one beside it. */
  readonly readModels: (schema: string) => ReadonlyArray<Projection<any, any, SqlClient>>
  /** All projections: the read models in its own schema, and what goes out because of events. */
  readonly projections: ReadonlyArray<Projection<any, any, any>>
}

const keep = ({
  reactions,
  ...kept
}: Omit<Kept, "projections"> & { readonly reactions: ReadonlyArray<Projection<any, any, any>> }): Kept => ({
  ...kept,
  projections: [...kept.readModels(kept.schema), ...reactions]
})

/** What each service keeps. */
export const kept: Readonly<Record<Settings.ServiceName, Kept>> = {
  checkout: keep({
    schema: Checkout.schema,
    tables: Checkout.tables,
    readModels: (schema) => [SqlSagaView.projection(schema, Saga.name)],
    reactions: [SagaRuntime.dispatch(conductor)]
  }),
  cart: keep({
    schema: Cart.schema,
    tables: CartViews.tables,
    readModels: (schema) => [CartViews.cartViews(schema)],
    reactions: [cartPublication]
  }),
  order: keep({
    schema: Order.schema,
    eraseFromViews,
    tables: OrderViews.tables,
    readModels: (schema) => [OrderViews.orderViews(schema)],
    reactions: [orderPublication]
  }),
  inventory: keep({
    schema: Inventory.schema,
    tables: InventoryViews.tables,
    readModels: InventoryViews.views,
    reactions: [reservationReaction, reservationPublication, stockPublication]
  }),
  payment: keep({
    schema: Payment.schema,
    tables: PaymentViews.tables,
    readModels: (schema) => [PaymentViews.paymentViews(schema)],
    reactions: [providerReaction, paymentPublication]
  }),
  privacy: keep({
    schema: Privacy.schema,
    tables: Privacy.tables,
    readModels: () => [],
    reactions: [privacyPublication]
  })
}

/** The service that has a projection of a name; `undefined` when none has. */
export const serviceOf = (name: string): Settings.ServiceName | undefined =>
  Settings.serviceNames.find((service) => kept[service].projections.some((one) => one.name === name))

/** The names of all projections. */
export const names: ReadonlyArray<string> = Settings.serviceNames.flatMap((service) =>
  kept[service].projections.map(({ name }) => name)
)

/** The write side of a service, migrated. */
export const writeSideOf = Effect.fnUntraced(function* (service: Settings.ServiceName) {
  const { write } = yield* Settings.sides(service)
  const partitions = yield* Settings.partitions
  const writeSide = Stores.writeSide({
    schema: kept[service].schema,
    ...(partitions === undefined ? {} : { partitions })
  })
  return writeSide.pipe(Layer.provide(database(write)))
})

/** The stores of a service, migrated. The client is of its read side. */
export const storesOf = Effect.fnUntraced(function* (service: Settings.ServiceName) {
  const { schema, tables } = kept[service]
  const { read } = yield* Settings.sides(service)
  const readSide = Stores.readSide({ schema, tables }).pipe(Layer.provideMerge(database(read)))
  return Layer.merge(yield* writeSideOf(service), readSide)
})

/** The services that have ever run on their databases, or were migrated there. Nothing is created to find that out. */
export const known = Effect.gen(function* () {
  // A setting that is wrong is told of also where nothing has run.
  yield* Settings.partitions
  const memo = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  return yield* Effect.filter(Settings.serviceNames, (service) =>
    Effect.gen(function* () {
      const { read } = yield* Settings.sides(service)
      const context = yield* Layer.buildWithMemoMap(database(read), memo, scope)
      return yield* Effect.provideContext(hasTable(kept[service].schema, "migration"), context)
    })
  )
}).pipe(Effect.scoped)

/** What carries out the reactions that set streams aside. What publishes stops instead, and never needs to be taken back in. */
const reactingOf = Effect.fnUntraced(function* (service: Settings.ServiceName) {
  if (service === "inventory") return Inventory.commandSide()
  if (service !== "payment") return Layer.empty
  const { provider } = yield* Running.surroundings(["payment"], new Set())
  return Payment.commandSide().pipe(Layer.provide(provider.layer))
})

/**
 * The projectors of some services, their workers not running. Good for looking and for what workers go by; `reacting`, also for doing
 * what a reaction does. Services that share a database share its client.
 */
export const open = Effect.fnUntraced(function* (
  services: ReadonlyArray<Settings.ServiceName>,
  { reacting }: { readonly reacting: boolean } = { reacting: false }
) {
  const memo = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  return yield* Effect.forEach(services, (service) =>
    Effect.gen(function* () {
      const stores = yield* storesOf(service)
      const layer = reacting ? Layer.provideMerge(yield* reactingOf(service), stores) : stores
      const context = yield* Layer.buildWithMemoMap(layer, memo, scope)
      // What a reaction needs besides is in the context where it is to react.
      const projections: ReadonlyArray<Projection<any, any, SqlClient>> = kept[service].projections
      const projector = yield* Effect.provideContext(Projector.make(projections, { run: false }), context)
      return { service, projector }
    })
  )
})
