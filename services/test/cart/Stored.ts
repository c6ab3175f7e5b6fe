/** What the files in `golden/` mean: the stored formats of the cart. For `Golden.test.ts` and `npm run stored`. */
import * as Domain from "../../src/cart/Domain.ts"
import type { CartEvent } from "../../src/cart/Events.ts"
import { formats } from "../StoredFormats.ts"
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

/** The cart's. */
export const cart = formats({
  aggregate: Domain.make(),
  folder: new URL("golden/", import.meta.url),
  meanings,
  states: { "State.v1.json": state }
})
