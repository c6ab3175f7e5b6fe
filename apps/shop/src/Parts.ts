/**
 * The shop's services, each as a part that a server takes up: its routes, and what it runs behind them.
 */
import { CartApi } from "@daybook/services/cart/Api"
import type * as Cart from "@daybook/services/cart/Cart"
import * as CartHandlers from "@daybook/services/cart/Handlers"
import { PriceList } from "@daybook/services/cart/PriceList"
import { CheckoutApi } from "@daybook/services/checkout/Api"
import type * as Checkout from "@daybook/services/checkout/Checkout"
import * as CheckoutHandlers from "@daybook/services/checkout/Handlers"
import type { RequestProblems } from "@daybook/services/InvalidRequest"
import { InventoryApi } from "@daybook/services/inventory/Api"
import * as InventoryHandlers from "@daybook/services/inventory/Handlers"
import type * as Inventory from "@daybook/services/inventory/Inventory"
import { OrderApi } from "@daybook/services/order/Api"
import * as OrderHandlers from "@daybook/services/order/Handlers"
import type * as Order from "@daybook/services/order/Order"
import { PaymentApi } from "@daybook/services/payment/Api"
import * as PaymentHandlers from "@daybook/services/payment/Handlers"
import type * as Payment from "@daybook/services/payment/Payment"
import { PrivacyApi } from "@daybook/services/privacy/Api"
import * as PrivacyHandlers from "@daybook/services/privacy/Handlers"
import type * as Privacy from "@daybook/services/privacy/Privacy"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import type { HttpRouter } from "effect/http"
import { type HttpApi, HttpApiBuilder } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as DemoStock from "./DemoStock.ts"
import type { Place } from "./Place.ts"
import { observed, type Readiness } from "./Readiness.ts"
import * as Running from "./Running.ts"
import * as Settings from "./Settings.ts"

export { simulatedProvider } from "./Running.ts"

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

/** The cart. */
export const cart = (place: Place, options: Cart.Options = {}) => {
  const handlers = CartHandlers.layer.pipe(Layer.provide(PriceList.layerConfig), Layer.provide(NodeFileSystem.layer))
  const routes = HttpApiBuilder.layer(CartApi).pipe(Layer.provide(handlers))
  return part("cart", CartApi, routes.pipe(Layer.provide(Running.cart(place, options))))
}

/** The orders, and the keys to open whom they go to. */
export const order = (place: Place, keys: Running.SubjectKeysLayer, options: Order.Options = {}) => {
  const handlers = OrderHandlers.layer.pipe(Layer.provide(keys))
  const routes = HttpApiBuilder.layer(OrderApi).pipe(Layer.provide(handlers))
  return part("order", OrderApi, routes.pipe(Layer.provide(Running.order(place, options))))
}

/** The stock and its reservations; with the demo stock if it is to be there. */
export const inventory = (place: Place, options: Inventory.Options & { readonly demoStock?: boolean } = {}) => {
  const routes = HttpApiBuilder.layer(InventoryApi).pipe(Layer.provide(InventoryHandlers.layer))
  const goods = options.demoStock === true ? DemoStock.layer : Layer.empty
  const running = Running.inventory(place, options)
  return part("inventory", InventoryApi, Layer.merge(routes, goods).pipe(Layer.provide(running)))
}

/** The checkouts, and the keys to seal whom an order goes to. */
export const checkout = (place: Place, keys: Running.SubjectKeysLayer, options: Checkout.Options = {}) => {
  const handlers = CheckoutHandlers.layer.pipe(Layer.provide(keys))
  const routes = HttpApiBuilder.layer(CheckoutApi).pipe(Layer.provide(handlers))
  return part("checkout", CheckoutApi, routes.pipe(Layer.provide(Running.checkout(place, options))))
}

/** The payments, and the provider that they ask. */
export const payment = (place: Place, provider: Running.PaymentProvider, options: Payment.Options = {}) => {
  const routes = HttpApiBuilder.layer(PaymentApi).pipe(Layer.provide(PaymentHandlers.layer))
  const running = Running.payment(place, provider, options)
  return part("payment", PaymentApi, routes.pipe(Layer.provide(running), Layer.provide(provider.layer)))
}

/** Holds on data subjects, and erasures. */
export const privacy = (place: Place, keys: Running.SubjectKeysLayer, options: Privacy.Options = {}) => {
  const routes = HttpApiBuilder.layer(PrivacyApi).pipe(Layer.provide(PrivacyHandlers.layer))
  return part("privacy", PrivacyApi, routes.pipe(Layer.provide(Running.privacy(place, keys, options))))
}

/** The services of that name as the environment says, playing those roles. */
export const fromEnvironment = (
  services: ReadonlyArray<Settings.ServiceName>,
  roles: Settings.Roles
): Effect.Effect<ReadonlyArray<Part>, unknown> =>
  Effect.gen(function* () {
    const { placeOf, provider, keys } = yield* Running.surroundings(services, roles)
    const deadlines = yield* Settings.deadlines
    const demoStock = roles.has("command") && (yield* Settings.demoStock)
    const makers = {
      cart,
      order: (place: Place) => order(place, keys),
      inventory: (place: Place) => inventory(place, { demoStock }),
      checkout: (place: Place) => checkout(place, keys, { deadlines }),
      payment: (place: Place) => payment(place, provider),
      privacy: (place: Place) => privacy(place, keys)
    }
    const afterMillis = yield* Settings.sealAfterMillis
    const keyFile = yield* Settings.sealKeyFile
    const pruneEveryMillis = yield* Settings.pruneEveryMillis
    const seals = afterMillis === 0 ? undefined : { keyFile, afterMillis }
    return services.map((name): Part => makers[name]({ ...placeOf(name), seals, pruneEveryMillis }))
  })
