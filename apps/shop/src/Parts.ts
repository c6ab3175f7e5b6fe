/**
 * The shop's services, each as a part that a server takes up: its routes, and what it runs behind them.
 */
import type { Broker } from "@daybook/core/Broker"
import type { Options } from "@daybook/core/Projector"
import * as KafkaBroker from "@daybook/kafka/KafkaBroker"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import { CartApi } from "@daybook/services/cart/Api"
import * as Cart from "@daybook/services/cart/Cart"
import * as CartHandlers from "@daybook/services/cart/Handlers"
import { PriceList } from "@daybook/services/cart/PriceList"
import { tables as cartTables } from "@daybook/services/cart/Projections"
import { CheckoutApi } from "@daybook/services/checkout/Api"
import * as Checkout from "@daybook/services/checkout/Checkout"
import * as CheckoutHandlers from "@daybook/services/checkout/Handlers"
import type { RequestProblems } from "@daybook/services/InvalidRequest"
import { InventoryApi } from "@daybook/services/inventory/Api"
import * as InventoryHandlers from "@daybook/services/inventory/Handlers"
import * as Inventory from "@daybook/services/inventory/Inventory"
import { tables as inventoryTables } from "@daybook/services/inventory/Projections"
import { OrderApi } from "@daybook/services/order/Api"
import * as OrderHandlers from "@daybook/services/order/Handlers"
import * as Order from "@daybook/services/order/Order"
import { tables as orderTables } from "@daybook/services/order/Projections"
import { PaymentApi } from "@daybook/services/payment/Api"
import * as PaymentHandlers from "@daybook/services/payment/Handlers"
import * as Payment from "@daybook/services/payment/Payment"
import { tables as paymentTables } from "@daybook/services/payment/Projections"
import type { Provider } from "@daybook/services/payment/Provider"
import { ProviderSimulator } from "@daybook/services/payment/ProviderSimulator"
import * as SimulatedWebhooks from "@daybook/services/payment/SimulatedWebhooks"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import type { HttpRouter } from "effect/http"
import { type HttpApi, HttpApiBuilder } from "effect/http-api"
import * as Layer from "effect/Layer"
import { at, database, type Place } from "./Place.ts"
import { observed, type Readiness } from "./Readiness.ts"
import { sidesFit } from "./Services.ts"
import * as Settings from "./Settings.ts"

/** What every API's routes need of the server. */
type RouteNeeds = Layer.Services<ReturnType<typeof HttpApiBuilder.layer<"any", never>>>

/** A service that a server takes up. */
export interface Part {
  readonly name: Settings.ServiceName
  /** For the documentation. */
  readonly api: HttpApi.Top
  /** Its routes, and what it runs. */
  readonly layer: Layer.Layer<never, unknown, RouteNeeds | HttpRouter.HttpRouter | RequestProblems | Readiness>
}

/** The groups of an API matter to its handlers; here, all are alike. Readiness hears of every projector behind them. */
const part = (name: Part["name"], api: HttpApi.Constraint, layer: Part["layer"]): Part => ({
  name,
  api: api as HttpApi.Top,
  layer: layer.pipe(Layer.provide(observed))
})

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
  const running = at(
    {
      schema: Cart.schema,
      tables: cartTables,
      commands: Cart.commandSide(options),
      queries: Cart.querySide(run.queries),
      messages: Cart.messageSide(run.messages)
    },
    place
  )
  const handlers = CartHandlers.layer.pipe(Layer.provide(PriceList.layerConfig), Layer.provide(NodeFileSystem.layer))
  const routes = HttpApiBuilder.layer(CartApi).pipe(Layer.provide(handlers))
  const level = Layer.effectDiscard(sidesFit("cart", options.persistence ?? Cart.persistence, place))
  return part("cart", CartApi, routes.pipe(Layer.provide(running), Layer.provide(level)))
}

/** The orders. */
export const order = (place: Place, options: Order.Options = {}) => {
  const run = projectors(place, options)
  const running = at(
    {
      schema: Order.schema,
      tables: orderTables,
      commands: Order.commandSide(options),
      queries: Order.querySide(run.queries),
      messages: Order.messageSide(run.messages)
    },
    place
  )
  const routes = HttpApiBuilder.layer(OrderApi).pipe(Layer.provide(OrderHandlers.layer))
  return part("order", OrderApi, routes.pipe(Layer.provide(running)))
}

/** The stock and its reservations. */
export const inventory = (place: Place, options: Inventory.Options = {}) => {
  const run = projectors(place, options)
  const running = at(
    {
      schema: Inventory.schema,
      tables: inventoryTables,
      commands: Inventory.commandSide(options),
      queries: Inventory.querySide(run.queries),
      messages: Inventory.messageSide(run.messages)
    },
    place
  )
  const routes = HttpApiBuilder.layer(InventoryApi).pipe(Layer.provide(InventoryHandlers.layer))
  return part("inventory", InventoryApi, routes.pipe(Layer.provide(running)))
}

/** The checkouts. */
export const checkout = (place: Place, options: Checkout.Options = {}) => {
  const run = projectors(place, options)
  const running = at(
    {
      schema: Checkout.schema,
      tables: Checkout.tables,
      commands: Checkout.commandSide(options),
      queries: Checkout.querySide(run.queries),
      messages: Checkout.messageSide(run.messages)
    },
    place
  )
  const routes = HttpApiBuilder.layer(CheckoutApi).pipe(Layer.provide(CheckoutHandlers.layer))
  return part("checkout", CheckoutApi, routes.pipe(Layer.provide(running)))
}

/** The payments, and the provider that they ask. */
export const payment = (place: Place, provider: PaymentProvider, options: Payment.Options = {}) => {
  const run = projectors(place, options)
  const running = at(
    {
      schema: Payment.schema,
      tables: paymentTables,
      commands: Payment.commandSide(options).pipe(Layer.provide(provider.layer)),
      queries: Payment.querySide(run.queries),
      messages: Payment.messageSide(run.messages)
    },
    place
  )
  const routes = HttpApiBuilder.layer(PaymentApi).pipe(Layer.provide(PaymentHandlers.layer))
  const webhooks = place.roles.has("consumer") ? provider.webhooks : Layer.empty
  return part(
    "payment",
    PaymentApi,
    Layer.merge(routes, webhooks).pipe(Layer.provide(running), Layer.provide(provider.layer))
  )
}

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

/** The broker that the environment names. */
const broker: Effect.Effect<Layer.Layer<Broker, unknown>, unknown> = Effect.gen(function* () {
  if ((yield* Settings.brokerKind) === "kafka") return KafkaBroker.layerConfig
  const leaseMillis = yield* Settings.leaseMillis
  return SqlBroker.layer({ leaseMillis }).pipe(Layer.provide(database(yield* Settings.brokerLocation)))
})

/** The payment provider that the environment names. */
const provider: Effect.Effect<PaymentProvider, unknown> = Effect.map(Settings.providerFile, simulatedProvider)

/** The services of that name as the environment says, playing those roles. */
export const fromEnvironment = (
  services: ReadonlyArray<Settings.ServiceName>,
  roles: Settings.Roles
): Effect.Effect<ReadonlyArray<Part>, unknown> =>
  Effect.gen(function* () {
    const shared = yield* broker
    const partitions = yield* Settings.partitions
    const asked = yield* provider
    const leaseMillis = yield* Settings.leaseMillis
    const makers = { cart, order, inventory, checkout, payment: (place: Place) => payment(place, asked) }
    return yield* Effect.forEach(services, (name) =>
      Effect.map(Settings.sides(name), ({ write, read }): Part => {
        const place = { write: database(write), read: database(read), partitions, broker: shared, roles, leaseMillis }
        return makers[name](place)
      })
    )
  })
