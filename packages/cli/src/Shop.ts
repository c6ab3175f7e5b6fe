/**
 * All services of the shop at work in this process, on the shop's own stores: what a command that takes part in the shop's
 * business works with. Where the shop runs too, both share the work.
 */

import type { Limits } from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import { Observer, type Projector } from "@daybook/core/Projector"
import * as Cart from "@daybook/services/cart/Cart"
import { CartQueries } from "@daybook/services/cart/Queries"
import * as Checkout from "@daybook/services/checkout/Checkout"
import { defaultDeadlines } from "@daybook/services/checkout/Saga"
import { StockItems } from "@daybook/services/inventory/Entities"
import { InventoryProjector } from "@daybook/services/inventory/Inventory"
import { InventoryQueries } from "@daybook/services/inventory/Queries"
import { reservationReactionName } from "@daybook/services/inventory/ReservationReaction"
import { OrderProjector } from "@daybook/services/order/Order"
import { OrderQueries } from "@daybook/services/order/Queries"
import * as Running from "@daybook/shop/Running"
import * as Settings from "@daybook/shop/Settings"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ImportStore } from "./online-retail/ImportStore.ts"

/** A projector, and the journal that it follows. */
interface ReadSide {
  readonly projector: Projector
  readonly journal: Journal["Service"]
}

export class Shop extends Context.Service<
  Shop,
  {
    readonly checkouts: Checkout.Checkouts["Service"]
    readonly checkoutView: Checkout.CheckoutView["Service"]
    readonly stockItems: StockItems["Service"]
    readonly inventory: InventoryQueries["Service"]
    readonly inventoryReadSide: ReadSide
    /** What has reservations and stock items answer each other. */
    readonly reservationReaction: ReadSide
    readonly orders: OrderQueries["Service"]
    readonly orderReadSide: ReadSide
  }
>()("@daybook/cli/Shop") {}

/** How the services are run here. */
export interface Options {
  readonly cart: Limits
}

/** Aggregates of a checkout are not needed again when it has ended. */
const brief: Limits = { passivateAfter: "10 seconds" }

/**
 * When a request is sent again that was not answered. A process that is busy with thousands of checkouts is slow to answer, not
 * silent; and after a crash all goes on by itself.
 */
const deadlines = {
  ...defaultDeadlines,
  service: { ...defaultDeadlines.service, firstMillis: 120_000, maxMillis: 300_000 },
  payment: { ...defaultDeadlines.payment, firstMillis: 120_000 }
}

/** The services; beside them the cart's own, and the tables of imports, for whoever works on the cart with or without a shop. */
export const layer = (options: Options) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { placeOf, provider } = yield* Running.surroundings(Settings.serviceNames, new Set(Settings.roleNames))
      const memo = yield* Layer.makeMemoMap
      const scope = yield* Effect.scope
      const build = <A>(layer: Layer.Layer<A, unknown>) => Layer.buildWithMemoMap(layer, memo, scope)
      yield* build(Running.payment(placeOf("payment"), provider, { entities: brief }))
      const projectors: Array<Projector> = []
      const inventory = yield* build(Running.inventory(placeOf("inventory"), { entities: brief })).pipe(
        Effect.provideService(Observer, (projector) => Effect.sync(() => void projectors.push(projector)))
      )
      const order = yield* build(Running.order(placeOf("order"), { entities: brief }))
      const cart = yield* build(Running.cart(placeOf("cart"), { entities: options.cart }))
      const checkout = yield* build(Running.checkout(placeOf("checkout"), { deadlines, entities: brief }))
      const imports = yield* build(ImportStore.layer.pipe(Layer.provide(placeOf("cart").write)))
      const reacting = yield* Effect.findFirst(projectors, ({ status }) =>
        Effect.map(status, (all) => all.some(({ name }) => name === reservationReactionName))
      )
      const shop: Shop["Service"] = {
        checkouts: Context.get(checkout, Checkout.Checkouts),
        checkoutView: Context.get(checkout, Checkout.CheckoutView),
        stockItems: Context.get(inventory, StockItems),
        inventory: Context.get(inventory, InventoryQueries),
        inventoryReadSide: {
          projector: Context.get(inventory, InventoryProjector),
          journal: Context.get(inventory, Journal)
        },
        reservationReaction: { projector: Option.getOrThrow(reacting), journal: Context.get(inventory, Journal) },
        orders: Context.get(order, OrderQueries),
        orderReadSide: { projector: Context.get(order, OrderProjector), journal: Context.get(order, Journal) }
      }
      return Context.make(Shop, shop).pipe(
        Context.add(Cart.Carts, Context.get(cart, Cart.Carts)),
        Context.add(Cart.CartProjector, Context.get(cart, Cart.CartProjector)),
        Context.add(CartQueries, Context.get(cart, CartQueries)),
        Context.add(Journal, Context.get(cart, Journal)),
        Context.add(ImportStore, Context.get(imports, ImportStore))
      )
    })
  )
