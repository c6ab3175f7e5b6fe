/**
 * The shop's services at work in some place, without HTTP: each is its entities, its queries and its journal, and behind them
 * whatever it runs there. `Parts` puts routes before them; the `daybook` command runs them as they are.
 */
import type { Broker } from "@daybook/core/Broker"
import { reasonOf } from "@daybook/core/Problem"
import type { Options } from "@daybook/core/Projector"
import { SubjectKeys, SubjectKeysUnavailable } from "@daybook/core/SubjectKeys"
import * as MasterKeyFile from "@daybook/postgres/MasterKeyFile"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as SqlSubjectKeys from "@daybook/postgres/SqlSubjectKeys"
import * as Cart from "@daybook/services/cart/Cart"
import { tables as cartTables } from "@daybook/services/cart/Projections"
import * as Checkout from "@daybook/services/checkout/Checkout"
import * as Inventory from "@daybook/services/inventory/Inventory"
import { tables as inventoryTables } from "@daybook/services/inventory/Projections"
import { eraseFromViews } from "@daybook/services/order/Erasure"
import * as Order from "@daybook/services/order/Order"
import { tables as orderTables } from "@daybook/services/order/Projections"
import * as Payment from "@daybook/services/payment/Payment"
import { tables as paymentTables } from "@daybook/services/payment/Projections"
import type { Provider } from "@daybook/services/payment/Provider"
import { ProviderSimulator } from "@daybook/services/payment/ProviderSimulator"
import * as SimulatedWebhooks from "@daybook/services/payment/SimulatedWebhooks"
import * as Privacy from "@daybook/services/privacy/Privacy"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { at, database, type Place, sidesFit } from "./Place.ts"
import * as Settings from "./Settings.ts"

/** How a service runs its projectors: those of read models where that is its role, those of messages wherever these are. */
const projectors = <O extends { readonly projector?: Options }>({ roles, leaseMillis }: Place, options: O) => {
  const lease = { ...options.projector, ...(leaseMillis === undefined ? {} : { lease: leaseMillis }) }
  return {
    messages: { ...options, projector: lease },
    queries: { ...options, projector: { ...lease, run: roles.has("projection") } }
  }
}

/** The cart. */
export const cart = (place: Place, options: Cart.Options = {}) => {
  const run = projectors(place, options)
  const level = Layer.effectDiscard(sidesFit("cart", options.persistence ?? Cart.persistence, place))
  const sides = {
    schema: Cart.schema,
    tables: cartTables,
    pruned: Cart.pruned(options),
    commands: Cart.commandSide(options),
    queries: Cart.querySide(run.queries),
    messages: Cart.messageSide(run.messages)
  }
  return at(sides, place).pipe(Layer.provide(level))
}

/** The orders. */
export const order = (place: Place, options: Order.Options = {}) => {
  const run = projectors(place, options)
  const sides = {
    schema: Order.schema,
    eraseFromViews,
    tables: orderTables,
    commands: Order.commandSide(options),
    queries: Order.querySide(run.queries),
    messages: Order.messageSide(run.messages)
  }
  return at(sides, place)
}

/** Holds on data subjects, and erasures. */
export const privacy = (place: Place, keys: SubjectKeysLayer, options: Privacy.Options = {}) => {
  const run = projectors(place, options)
  const sides = {
    schema: Privacy.schema,
    tables: Privacy.tables,
    commands: Privacy.commandSide(options),
    queries: Layer.empty,
    messages: Privacy.messageSide(run.messages).pipe(Layer.provide(keys))
  }
  return at(sides, place)
}

/** The stock and its reservations. */
export const inventory = (place: Place, options: Inventory.Options = {}) => {
  const run = projectors(place, options)
  const sides = {
    schema: Inventory.schema,
    tables: inventoryTables,
    commands: Inventory.commandSide(options),
    queries: Inventory.querySide(run.queries),
    messages: Inventory.messageSide(run.messages)
  }
  return at(sides, place)
}

/** The checkouts. */
export const checkout = (place: Place, options: Checkout.Options = {}) => {
  const run = projectors(place, options)
  const sides = {
    schema: Checkout.schema,
    tables: Checkout.tables,
    commands: Checkout.commandSide(options),
    queries: Checkout.querySide(run.queries),
    messages: Checkout.messageSide(run.messages)
  }
  return at(sides, place)
}

/** The payments, and the provider that they ask. */
export const payment = (place: Place, provider: PaymentProvider, options: Payment.Options = {}) => {
  const run = projectors(place, options)
  const sides = {
    schema: Payment.schema,
    tables: paymentTables,
    commands: Payment.commandSide(options).pipe(Layer.provide(provider.layer)),
    queries: Payment.querySide(run.queries),
    messages: Payment.messageSide(run.messages)
  }
  const running = at(sides, place)
  return place.roles.has("consumer") ? Layer.provideMerge(provider.webhooks, running) : running
}

/** The keys of data subjects, for whoever seals or opens what is personal. */
export type SubjectKeysLayer = Layer.Layer<SubjectKeys, unknown>

/** The keys of data subjects where the environment says: one database and one file of master keys for all services. */
const subjectKeys: Effect.Effect<SubjectKeysLayer, unknown> = Effect.gen(function* () {
  const { write } = yield* Settings.sides("privacy")
  const masters = MasterKeyFile.layer(yield* Settings.masterKeyFile)
  const store = SqlSubjectKeys.layer(Privacy.schema).pipe(Layer.provide(database(write)))
  return whenNeeded(SubjectKeys.layer().pipe(Layer.provide(Layer.merge(store, masters))))
})

const notOpened = (error: unknown): SubjectKeysUnavailable =>
  new SubjectKeysUnavailable({
    retryAfterSeconds: 10,
    detail:
      `The database of the keys of personal data cannot be opened: ${reasonOf(error)} ` +
      "Services that have databases of their own share that of the keys: name it with PRIVACY_WRITE_URL."
  })

/**
 * Opens the keys when something personal first comes up: a service that may meet personal data and never does needs no database for
 * it. What could not be opened is tried again the next time.
 */
const whenNeeded = (keys: SubjectKeysLayer): SubjectKeysLayer =>
  Layer.fromBuild((memo, scope) => {
    let opened: SubjectKeys["Service"] | undefined
    const opening = Effect.gen(function* () {
      // What fails must leave nothing behind that would be taken for the result the next time.
      const own = yield* Scope.fork(scope)
      const context = yield* Layer.buildWithMemoMap(keys, memo, own).pipe(
        Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
        Effect.mapError(notOpened)
      )
      opened = Context.get(context, SubjectKeys)
      return opened
    })
    const once = Effect.suspend(() => (opened === undefined ? opening : Effect.succeed(opened)))
    const needed: SubjectKeys["Service"] = {
      seal: (subject, text) => Effect.flatMap(once, (all) => all.seal(subject, text)),
      open: (tokens) => Effect.flatMap(once, (all) => all.open(tokens)),
      destroy: (subject) => Effect.flatMap(once, (all) => all.destroy(subject)),
      status: (subject) => Effect.flatMap(once, (all) => all.status(subject))
    }
    return Effect.succeed(Context.make(SubjectKeys, needed))
  })

/** A payment provider. */
export interface PaymentProvider {
  readonly layer: Layer.Layer<Provider, unknown>
  /** Brings its webhooks here, where nobody else does. */
  readonly webhooks: Layer.Layer<never, unknown, Payment.Payments>
}

/** The simulated provider, with its books in a file, or in memory. */
export const simulatedProvider = (file?: string): PaymentProvider => {
  const layer = ProviderSimulator.layer({ file })
  return { layer, webhooks: SimulatedWebhooks.layer.pipe(Layer.provide(layer)) }
}

/** The provider that the environment names. */
const provider: Effect.Effect<PaymentProvider, unknown> = Effect.gen(function* () {
  if ((yield* Settings.providerKind) === "simulated") return simulatedProvider(yield* Settings.providerFile)
  const { layerConfig } = yield* Effect.promise(() => import("@daybook/services/payment/StripeProvider"))
  // Its webhooks come over HTTP.
  return { layer: layerConfig, webhooks: Layer.empty }
})

/** The broker that the environment names. */
const broker: Effect.Effect<Layer.Layer<Broker, unknown>, unknown> = Effect.gen(function* () {
  if ((yield* Settings.brokerKind) === "kafka") {
    return (yield* Effect.promise(() => import("@daybook/kafka/KafkaBroker"))).layerConfig
  }
  const leaseMillis = yield* Settings.leaseMillis
  return SqlBroker.layer({ leaseMillis }).pipe(Layer.provide(database(yield* Settings.brokerLocation)))
})

/** Where the environment has services run. */
export interface Surroundings {
  readonly placeOf: (service: Settings.ServiceName) => Place
  readonly provider: PaymentProvider
  readonly keys: SubjectKeysLayer
}

/** Where services are, as the environment says, playing those roles there. Nothing is opened yet. */
export const surroundings = (
  services: ReadonlyArray<Settings.ServiceName>,
  roles: Settings.Roles
): Effect.Effect<Surroundings, unknown> =>
  Effect.gen(function* () {
    const shared = yield* broker
    const partitions = yield* Settings.partitions
    const asked = yield* provider
    const keys = yield* subjectKeys
    const leaseMillis = yield* Settings.leaseMillis
    const places = yield* Effect.forEach(services, (name) =>
      Effect.map(Settings.sides(name), ({ write, read }) => {
        const place: Place = {
          write: database(write),
          read: database(read),
          partitions,
          broker: shared,
          roles,
          leaseMillis
        }
        return [name, place] as const
      })
    )
    const known = new Map(places)
    return { placeOf: (name) => known.get(name)!, provider: asked, keys }
  })
