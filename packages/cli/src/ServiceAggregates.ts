/**
 * Every aggregate of every service, by whose events and states its journal can be read: for commands that look at history.
 */
import type { Aggregate } from "@daybook/core/Aggregate"
import * as Cart from "@daybook/services/cart/Domain"
import * as Checkout from "@daybook/services/checkout/Saga"
import { makeReservation } from "@daybook/services/inventory/ReservationDomain"
import { makeStockItem } from "@daybook/services/inventory/StockItemDomain"
import * as Order from "@daybook/services/order/Domain"
import * as Payment from "@daybook/services/payment/Domain"
import * as Privacy from "@daybook/services/privacy/Domain"
import type * as Settings from "@daybook/shop/Settings"

/** What each service keeps in its journal. */
export const aggregates: Readonly<Record<Settings.ServiceName, ReadonlyArray<Aggregate<any, any, any, any>>>> = {
  checkout: [Checkout.make()],
  cart: [Cart.make()],
  order: [Order.make()],
  inventory: [makeStockItem(), makeReservation()],
  payment: [Payment.make()],
  privacy: [Privacy.make()]
}
