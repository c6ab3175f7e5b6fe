/**
 * What someone who asks for what they have just done relies on: the query says which version of which stream it waits for, so that
 * it does not look, again and again, while the read model is known not to be there. Every service that answers such queries, over
 * an embedded store, without a socket.
 */
import { Journal } from "@daybook/core/Journal"
import type { Sought } from "@daybook/core/ProjectionNews"
import type { Projector } from "@daybook/core/Projector"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Database from "@daybook/postgres/Database"
import type { MigrationSet } from "@daybook/postgres/Migrations"
import * as Stores from "@daybook/postgres/Stores"
import { expect, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as Layer from "effect/Layer"
import { CartApi } from "../src/cart/Api.ts"
import * as Cart from "../src/cart/Cart.ts"
import * as CartHandlers from "../src/cart/Handlers.ts"
import { PriceList } from "../src/cart/PriceList.ts"
import { tables as cartTables } from "../src/cart/Projections.ts"
import { CheckoutApi } from "../src/checkout/Api.ts"
import * as Checkout from "../src/checkout/Checkout.ts"
import * as CheckoutHandlers from "../src/checkout/Handlers.ts"
import { RequestProblems } from "../src/InvalidRequest.ts"
import { InventoryApi } from "../src/inventory/Api.ts"
import { Reservations, StockItems } from "../src/inventory/Entities.ts"
import * as InventoryHandlers from "../src/inventory/Handlers.ts"
import * as Inventory from "../src/inventory/Inventory.ts"
import { tables as inventoryTables } from "../src/inventory/Projections.ts"
import { stockItemId } from "../src/inventory/StockItemState.ts"
import { OrderApi } from "../src/order/Api.ts"
import * as OrderHandlers from "../src/order/Handlers.ts"
import * as Order from "../src/order/Order.ts"
import { tables as orderTables } from "../src/order/Projections.ts"
import { PaymentApi } from "../src/payment/Api.ts"
import * as PaymentHandlers from "../src/payment/Handlers.ts"
import * as Payment from "../src/payment/Payment.ts"
import { Payments } from "../src/payment/Payments.ts"
import { tables as paymentTables } from "../src/payment/Projections.ts"
import { ProviderSimulator } from "../src/payment/ProviderSimulator.ts"
import * as CartGiven from "./cart/Given.ts"
import * as InventoryGiven from "./inventory/Given.ts"
import * as OrderGiven from "./order/Given.ts"
import * as PaymentGiven from "./payment/Given.ts"

const paymentMethod = { token: "tok_approve", brand: null, last4: null }

const database = Database.layer({ folder: undefined })

const stores = (schema: string, tables: MigrationSet | ReadonlyArray<MigrationSet>) =>
  Layer.merge(Stores.writeSide({ schema }), Stores.readSide({ schema, tables })).pipe(Layer.provideMerge(database))

/** What queries have said that they wait for. */
const sought: Array<Sought | undefined> = []

/** The projector, overheard. */
const overheard = <I>(tag: Context.Key<I, Projector>) =>
  Layer.effect(
    tag,
    Effect.map(tag, (projector) => ({
      ...projector,
      awaitUntil: (name, check, within, what) => {
        sought.push(what)
        return projector.awaitUntil(name, check, within, what)
      }
    }))
  )

const common = Layer.mergeAll(
  RequestProblems.layer,
  SubjectKeys.layerMemory,
  PriceList.layerDemo,
  HttpServer.layerServices
)

/** A service, what is done in it, and what is then asked for. */
interface Case<A, E> {
  readonly service: Layer.Layer<A | Journal, E>
  readonly routes: Layer.Layer<never, never, A | Journal | Layer.Success<typeof common> | HttpRouter.HttpRouter>
  readonly act: Effect.Effect<{ readonly version: number }, unknown, A>
  readonly path: string
  readonly stream: string
}

const itIsSaid = <A, E>(name: string, { service, routes, act, path, stream }: Case<A, E>) =>
  layer(service, { excludeTestServices: true, timeout: "60 seconds" })(`who waits for ${name}`, (it) => {
    it.effect("says which version of which stream", () =>
      Effect.gen(function* () {
        const context = yield* Effect.context<A | Journal>()
        const all = routes.pipe(Layer.provide(Layer.succeedContext(context)), Layer.provide(common))
        const { handler, dispose } = HttpRouter.toWebHandler(all, { disableLogger: true })
        yield* Effect.addFinalizer(() => Effect.promise(dispose))
        const { version } = yield* act
        sought.length = 0
        const request = new Request(`http://shop${path}?atLeastVersion=${version}`)
        const answer = yield* Effect.promise(() => handler(request, Context.empty() as never))
        expect(answer.status).toBe(200)
        expect(sought).toEqual([{ stream, version }])
        expect(yield* (yield* Journal).version(stream), "there is such a stream").toBe(version)
      })
    )
  })

itIsSaid("a cart", {
  service: Layer.merge(Cart.commandSide(), Cart.querySide()).pipe(Layer.provideMerge(stores(Cart.schema, cartTables))),
  routes: HttpApiBuilder.layer(CartApi).pipe(
    Layer.provide(CartHandlers.layer),
    Layer.provide(overheard(Cart.CartProjector))
  ),
  act: Effect.flatMap(Cart.Carts, (carts) => carts.execute("c", CartGiven.openCart())),
  path: "/carts/c",
  stream: "cart-c"
})

const order = {
  service: Layer.merge(Order.commandSide(), Order.querySide()).pipe(
    Layer.provideMerge(Layer.merge(stores(Order.schema, orderTables), SubjectKeys.layerMemory))
  ),
  routes: HttpApiBuilder.layer(OrderApi).pipe(
    Layer.provide(OrderHandlers.layer),
    Layer.provide(overheard(Order.OrderProjector))
  ),
  act: Effect.flatMap(Order.Orders, (orders) => orders.execute("o", OrderGiven.submitOrder())),
  stream: "order-o"
}

itIsSaid("an order", { ...order, path: "/orders/o" })
itIsSaid("an order's timeline", { ...order, path: "/orders/o/timeline" })

itIsSaid("a payment", {
  service: Layer.merge(Payment.commandSide(), Payment.querySide()).pipe(
    Layer.provideMerge(Layer.merge(stores(Payment.schema, paymentTables), ProviderSimulator.layer()))
  ),
  routes: HttpApiBuilder.layer(PaymentApi).pipe(
    Layer.provide(PaymentHandlers.layer),
    Layer.provide(overheard(Payment.PaymentProjector))
  ),
  act: Effect.flatMap(Payments, (payments) => payments.execute("p", PaymentGiven.authorise())),
  path: "/payments/p",
  stream: "payment-p"
})

itIsSaid("a checkout", {
  service: Layer.merge(Checkout.commandSide(), Checkout.querySide()).pipe(
    Layer.provideMerge(stores(Checkout.schema, Checkout.tables))
  ),
  routes: HttpApiBuilder.layer(CheckoutApi).pipe(
    Layer.provide(CheckoutHandlers.layer),
    Layer.provide(overheard(Checkout.CheckoutProjector))
  ),
  act: Effect.flatMap(Checkout.Checkouts, (checkouts) =>
    checkouts.execute("b", {
      _tag: "Start",
      sagaId: "b",
      data: { cartId: "c", cartVersion: null, acceptedTotal: null, paymentMethod },
      nowMillis: 0
    })
  ),
  path: "/checkouts/b",
  stream: "checkout-b"
})

const inventory = {
  service: Layer.merge(Inventory.commandSide(), Inventory.querySide()).pipe(
    Layer.provideMerge(stores(Inventory.schema, inventoryTables))
  ),
  routes: HttpApiBuilder.layer(InventoryApi).pipe(
    Layer.provide(InventoryHandlers.layer),
    Layer.provide(overheard(Inventory.InventoryProjector))
  )
}

itIsSaid("a stock item", {
  ...inventory,
  act: Effect.flatMap(StockItems, (items) =>
    items.execute(stockItemId(InventoryGiven.item), InventoryGiven.receiveStock())
  ),
  path: "/stock/71053/LONDON",
  stream: `stockitem-${stockItemId(InventoryGiven.item)}`
})

itIsSaid("a reservation", {
  ...inventory,
  act: Effect.flatMap(Reservations, (all) => all.execute("o", InventoryGiven.reserveItems())),
  path: "/reservations/o",
  stream: "reservation-o"
})
