/** Random lives of carts, for properties. */
import * as fc from "fast-check"
import * as Domain from "../../src/cart/Domain.ts"
import {
  abandonCart,
  addItem,
  beginCheckout,
  changeQuantity,
  completeCart,
  mergeGuestCart,
  openCart,
  removeItem,
  restoreCart
} from "./Given.ts"

export const limits: Domain.Limits = { maxQuantity: 10, maxLines: 4, maxContentBytes: 350 }
/** A cart with limits that random commands reach. */
export const cart = Domain.make(limits)

const lineId = fc.constantFrom("1", "2", "3", "4", "5", "6")
const checkoutId = fc.constantFrom("checkout-1", "checkout-2", "checkout-3")
const quantity = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 10 }) }, fc.integer({ min: -1, max: 11 }))
const price = fc.record({
  amountMinor: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(0, 1, 255) },
    fc.constantFrom(Number.MAX_SAFE_INTEGER - 300, Number.MAX_SAFE_INTEGER)
  ),
  currency: fc.oneof({ weight: 20, arbitrary: fc.constant("GBP") }, fc.constant("EUR"))
})
const line = fc.record({
  lineId,
  sku: fc.constantFrom("A", "B"),
  description: fc.constantFrom("LANTERN", "HEART"),
  quantity,
  unitPrice: price
})

/** Weighted towards a cart that stays open for a while: whatever closes it is rare, and what opens it again is not. */
const command: fc.Arbitrary<Domain.Command> = fc.oneof(
  fc.constantFrom(openCart(), openCart({ customerId: null })),
  { weight: 12, arbitrary: line.map((fields) => addItem(fields)) },
  { weight: 5, arbitrary: fc.record({ lineId, quantity }).map(changeQuantity) },
  { weight: 3, arbitrary: fc.record({ lineId }).map(removeItem) },
  {
    weight: 2,
    arbitrary: fc
      .record({ guestCartId: fc.constantFrom("guest-1", "guest-2"), lines: fc.array(line, { maxLength: 3 }) })
      .map(mergeGuestCart)
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ checkoutId, acceptedTotal: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, price) })
      .map(beginCheckout)
  },
  fc.record({ checkoutId }).map(completeCart),
  {
    weight: 4,
    arbitrary: fc
      .record({ checkoutId: fc.oneof(checkoutId, fc.constant(null)), reason: fc.constantFrom("shortage", "recovered") })
      .map(restoreCart)
  },
  fc.record({ reason: fc.constantFrom("expired", "discarded", "merged") }).map(abandonCart)
)

/** A cart's whole life, which mostly begins with its opening. */
export const commands = fc
  .tuple(
    fc.oneof({ weight: 9, arbitrary: fc.constant([openCart()]) }, fc.constant([])),
    fc.array(command, { maxLength: 60, size: "max" })
  )
  .map(([first, rest]) => [...first, ...rest])
