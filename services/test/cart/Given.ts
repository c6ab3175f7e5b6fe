/** The values that the cart's tests are made of. */
import * as Aggregate from "@daybook/core/Aggregate"
import * as DeciderSpec from "@daybook/testkit/DeciderSpec"
import * as Domain from "../../src/cart/Domain.ts"
import type { CartEvent, Line } from "../../src/cart/Events.ts"
import * as Example from "../Example.ts"

const event = Example.of<CartEvent>()
const command = Example.of<Domain.Command>()

export const gbp = (amountMinor: number) => ({ amountMinor, currency: "GBP" })

export const lantern: Line = {
  lineId: "1",
  sku: "71053",
  description: "WHITE METAL LANTERN",
  quantity: 6,
  unitPrice: gbp(339)
}

export const cartOpened = event<"CartOpened">({
  _tag: "CartOpened",
  customerId: "17850",
  country: "United Kingdom",
  currency: "GBP"
})
export const itemAdded = event<"ItemAdded">({ _tag: "ItemAdded", ...lantern })
export const quantityChanged = event<"QuantityChanged">({
  _tag: "QuantityChanged",
  lineId: "1",
  quantityBefore: 6,
  quantity: 8
})
export const itemRemoved = event<"ItemRemoved">({ _tag: "ItemRemoved", lineId: "1", sku: "71053", quantity: 6 })
export const guestCartMerged = event<"GuestCartMerged">({ _tag: "GuestCartMerged", guestCartId: "guest-1" })
export const checkoutBegun = event<"CheckoutBegun">({
  _tag: "CheckoutBegun",
  checkoutId: "checkout-1",
  customerId: "17850",
  country: "United Kingdom",
  total: gbp(2034),
  lines: [lantern]
})
export const cartCompleted = event<"CartCompleted">({ _tag: "CartCompleted", checkoutId: "checkout-1" })
export const cartRestored = event<"CartRestored">({
  _tag: "CartRestored",
  checkoutId: "checkout-1",
  reason: "shortage",
  shortages: [{ sku: "71053", requested: 6, available: 2 }]
})
export const cartAbandoned = event<"CartAbandoned">({
  _tag: "CartAbandoned",
  reason: "expired",
  customerId: "17850",
  country: "United Kingdom",
  total: gbp(2034),
  lineCount: 1
})

export const openCart = command<"OpenCart">({
  _tag: "OpenCart",
  customerId: "17850",
  country: "United Kingdom",
  currency: "GBP"
})
export const addItem = command<"AddItem">({ _tag: "AddItem", ...lantern })
export const changeQuantity = command<"ChangeQuantity">({ _tag: "ChangeQuantity", lineId: "1", quantity: 8 })
export const removeItem = command<"RemoveItem">({ _tag: "RemoveItem", lineId: "1" })
export const mergeGuestCart = command<"MergeGuestCart">({
  _tag: "MergeGuestCart",
  guestCartId: "guest-1",
  lines: [{ ...lantern, lineId: "2", sku: "85123A", description: "WHITE HANGING HEART" }]
})
export const beginCheckout = command<"BeginCheckout">({
  _tag: "BeginCheckout",
  checkoutId: "checkout-1",
  acceptedTotal: null
})
export const completeCart = command<"CompleteCart">({ _tag: "CompleteCart", checkoutId: "checkout-1" })
export const restoreCart = command<"RestoreCart">({
  _tag: "RestoreCart",
  checkoutId: "checkout-1",
  reason: "shortage",
  shortages: [{ sku: "71053", requested: 6, available: 2 }]
})
export const abandonCart = command<"AbandonCart">({ _tag: "AbandonCart", reason: "expired" })

/** Histories that many cases start from. */
export const open = [cartOpened()]
export const filled = [...open, itemAdded()]
export const frozen = [...filled, checkoutBegun()]
export const completed = [...frozen, cartCompleted()]
export const restored = [...frozen, cartRestored()]
export const abandoned = [...filled, cartAbandoned()]
export const merged = [...filled, cartAbandoned({ reason: "merged" })]

/** The state after a history. */
export const stateAfter = (history: ReadonlyArray<CartEvent>): Domain.State =>
  Aggregate.evolveAll(Domain, Domain.initial, history)

/** The beginning of a case: a cart with a history, at the default limits unless told otherwise. */
export const given = (history: ReadonlyArray<CartEvent>, limits?: Domain.Limits) =>
  DeciderSpec.for(Domain.make(limits)).given(history)
