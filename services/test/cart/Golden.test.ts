/** The stored formats of the cart. */
import { expect, it } from "vitest"
import * as Domain from "../../src/cart/Domain.ts"
import { type CartEvent, CartEvents } from "../../src/cart/Events.ts"
import * as Golden from "../Golden.ts"
import * as Given from "./Given.ts"

/** What each file means, in today's terms. */
const meanings: Record<string, CartEvent> = {
  "CartOpened.v1.json": Given.cartOpened({ customerId: null, country: "EIRE" }),
  "ItemAdded.v1.json": Given.itemAdded({ description: 'GIN + TONIC "DIET" SIGN, £2' }),
  "QuantityChanged.v1.json": Given.quantityChanged(),
  "ItemRemoved.v1.json": Given.itemRemoved(),
  "GuestCartMerged.v1.json": Given.guestCartMerged(),
  "CheckoutBegun.v1.json": Given.checkoutBegun(),
  "CartCompleted.v1.json": Given.cartCompleted(),
  "CartRestored.v1.json": Given.cartRestored(),
  "CartAbandoned.v1.json": Given.cartAbandoned()
}

/** A state with something in every field. */
const state = Given.stateAfter([
  ...Given.filled,
  Given.itemAdded({ lineId: "2" }),
  Given.itemRemoved({ lineId: "2" }),
  Given.guestCartMerged(),
  Given.checkoutBegun()
])

Golden.holds(Domain.make(), new URL("golden/", import.meta.url), { meanings, state })

it("events are read also when their currency is no longer in use, and their texts are longer than commands may bring", () => {
  const line = { ...Given.lantern, description: "x".repeat(10_000), unitPrice: { amountMinor: 1, currency: "ANG" } }
  const event = Given.itemAdded(line)
  expect(CartEvents.decode({ ...Golden.metadata, ...CartEvents.encode(event) })).toStrictEqual([event])
})
