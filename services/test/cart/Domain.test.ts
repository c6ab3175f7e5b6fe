/**
 * What a cart's users rely on while they fill it: for each command what comes of it, what is refused and with which words, and
 * that sending it again is harmless. `Checkout.test.ts` has the rest of a cart's life.
 */
import { describe, expect, it } from "vitest"
import { defaultLimits, remembered } from "../../src/cart/Domain.ts"
import {
  CartAlreadyOpened,
  CartNotFound,
  CurrencyMismatch,
  LineIdTaken,
  QuantityOutOfRange,
  TooManyLines,
  TotalTooLarge,
  UnknownLine
} from "../../src/cart/Rejection.ts"
import {
  abandoned,
  addItem,
  cartOpened,
  changeQuantity,
  checkoutBegun,
  completed,
  filled,
  frozen,
  gbp,
  given,
  guestCartMerged,
  itemAdded,
  itemRemoved,
  lantern,
  mergeGuestCart,
  open,
  openCart,
  quantityChanged,
  removeItem,
  stateAfter
} from "./Given.ts"

const largest = Number.MAX_SAFE_INTEGER
const heart = { ...lantern, lineId: "2", sku: "85123A", description: "WHITE HANGING HEART" }
const twoLines = [...filled, itemAdded(heart)]

describe("open", () => {
  it("opens a customer's cart", () => {
    given([]).when(openCart()).then([cartOpened()])
  })

  it("opens a guest's cart, from nowhere in particular", () => {
    given([])
      .when(openCart({ customerId: null, country: null, currency: "EUR" }))
      .then([cartOpened({ customerId: null, country: null, currency: "EUR" })])
  })

  it.each([
    ["open", filled],
    ["frozen", frozen],
    ["completed", completed],
    ["abandoned", abandoned]
  ])("does nothing for a cart that is %s and was opened alike", (_, history) => {
    given(history).when(openCart()).thenNothing()
  })

  it.each([{ customerId: "13047" }, { customerId: null }, { country: "EIRE" }, { currency: "EUR" }])(
    "refuses a cart that was opened otherwise: %j",
    (other) => {
      given(open).when(openCart(other)).thenRejected(CartAlreadyOpened, {
        status: 409,
        customerId: "17850",
        country: "United Kingdom",
        currency: "GBP"
      })
    }
  )

  it("says for whom the cart was opened", () => {
    given(open)
      .when(openCart({ customerId: null, country: null, currency: "EUR" }))
      .thenRejected(CartAlreadyOpened, {
        detail:
          "The cart was opened for customer 17850, United Kingdom, GBP; this asks for a guest, no country, EUR. Open a cart of another id."
      })
  })
})

describe("add an item", () => {
  it("adds a line at the price that the command brings", () => {
    given(open).when(addItem()).then([itemAdded()])
  })

  it("adds the same product again as another line, at the same price or at another one", () => {
    given(filled)
      .when(addItem({ lineId: "2" }))
      .then([itemAdded({ lineId: "2" })])
    given(filled)
      .when(addItem({ lineId: "2", unitPrice: gbp(299) }))
      .then([itemAdded({ lineId: "2", unitPrice: gbp(299) })])
  })

  it("adds something that is free", () => {
    given(open)
      .when(addItem({ unitPrice: gbp(0) }))
      .then([itemAdded({ unitPrice: gbp(0) })])
  })

  it("does nothing when the line is there already, also once the cart is frozen or bought", () => {
    given(filled).when(addItem()).thenNothing()
    given(frozen).when(addItem()).thenNothing()
    given(completed).when(addItem()).thenNothing()
  })

  it.each([{ sku: "85123A" }, { description: "METAL LANTERN" }, { quantity: 7 }, { unitPrice: gbp(338) }])(
    "refuses a line id that stands for something else: %j",
    (other) => {
      given(filled)
        .when(addItem(other))
        .thenRejected(LineIdTaken, {
          status: 409,
          lineId: "1",
          detail:
            "Line id 1 stands for 6 of 71053 (WHITE METAL LANTERN) at GBP 3.39. " +
            "Add the item under a new line id, or change the quantity of the line."
        })
    }
  )

  it("refuses the line id of a line that was removed, so that a late repetition does not bring it back", () => {
    given([...filled, itemRemoved()])
      .when(addItem())
      .thenRejected(LineIdTaken, { status: 409, lineId: "1" })
  })

  it("refuses another currency than the cart's", () => {
    given(open)
      .when(addItem({ unitPrice: { amountMinor: 399, currency: "EUR" } }))
      .thenRejected(CurrencyMismatch, {
        status: 422,
        expected: "GBP",
        actual: "EUR",
        detail: "The price is EUR 3.99, and the cart is in GBP. Give a price in GBP, or open a cart in EUR."
      })
  })

  it("refuses a cart that was never opened", () => {
    given([]).when(addItem()).thenRejected(CartNotFound, {
      status: 404,
      detail: "There is no cart of this id. Check the id, or open the cart first."
    })
  })
})

describe("quantities", () => {
  const { maxQuantity } = defaultLimits

  it.each([1, maxQuantity])("may be %d", (quantity) => {
    given(open)
      .when(addItem({ quantity }))
      .then([itemAdded({ quantity })])
    given(filled)
      .when(changeQuantity({ quantity }))
      .then([quantityChanged({ quantity })])
  })

  it.each([0, -1, maxQuantity + 1, largest, -largest])("may not be %d", (quantity) => {
    const fields = { status: 422, lineId: "1", quantity, maximum: maxQuantity } as const
    given(open).when(addItem({ quantity })).thenRejected(QuantityOutOfRange, fields)
    given(filled).when(changeQuantity({ quantity })).thenRejected(QuantityOutOfRange, fields)
  })

  it("takes the largest quantity ever seen in one line", () => {
    given(open)
      .when(addItem({ quantity: 80_995 }))
      .then([itemAdded({ quantity: 80_995 })])
  })

  it("follow the limit that the service was given", () => {
    const limits = { ...defaultLimits, maxQuantity: 10 }
    given(open, limits)
      .when(addItem({ quantity: 10 }))
      .then([itemAdded({ quantity: 10 })])
    given(open, limits)
      .when(addItem({ quantity: 11 }))
      .thenRejected(QuantityOutOfRange, {
        detail:
          "The quantity of line 1 would be 11; it must be 1 to 10. Correct the quantity, or split it over several carts."
      })
  })

  it("of zero are a removal, and the refusal says so", () => {
    given(filled)
      .when(changeQuantity({ quantity: 0 }))
      .thenRejected(QuantityOutOfRange, {
        detail: "The quantity of line 1 would be 0; it must be 1 to 100000. To take the line out, remove it."
      })
  })
})

describe("the cap on lines", () => {
  const history = (lines: number) => [
    ...open,
    ...Array.from({ length: lines }, (_, i) => itemAdded({ lineId: `line-${i}` }))
  ]

  it("is 2,000 unless told otherwise", () => {
    given(history(1_999)).when(addItem()).then([itemAdded()])
    given(history(2_000)).when(addItem()).thenRejected(TooManyLines, {
      status: 422,
      maximum: 2_000,
      detail: "The cart holds 2000 lines, which is its limit. Remove a line, or put the rest into another cart."
    })
  })

  it("is what the service was given", () => {
    const limits = { ...defaultLimits, maxLines: 2 }
    given(history(1), limits).when(addItem()).then([itemAdded()])
    given(history(2), limits).when(addItem()).thenRejected(TooManyLines, { maximum: 2 })
  })

  it("counts the lines that are there, not those that were", () => {
    const limits = { ...defaultLimits, maxLines: 1 }
    given([...filled, itemRemoved()], limits)
      .when(addItem({ lineId: "2" }))
      .then([itemAdded({ lineId: "2" })])
  })

  it("leaves quantities alone", () => {
    given(filled, { ...defaultLimits, maxLines: 1 })
      .when(changeQuantity())
      .then([quantityChanged()])
  })
})

describe("the total", () => {
  const almostFull = [...open, itemAdded({ quantity: 1, unitPrice: gbp(largest - 10) })]

  it("may reach the largest number that is exact", () => {
    given(almostFull)
      .when(addItem({ lineId: "2", quantity: 2, unitPrice: gbp(5) }))
      .then([itemAdded({ lineId: "2", quantity: 2, unitPrice: gbp(5) })])
  })

  it("counts a change of quantity by what it changes", () => {
    given([...almostFull, itemAdded({ lineId: "2", quantity: 1, unitPrice: gbp(5) })])
      .when(changeQuantity({ lineId: "2", quantity: 2 }))
      .then([quantityChanged({ lineId: "2", quantityBefore: 1, quantity: 2 })])
  })

  it("may not exceed it by a penny", () => {
    given(almostFull)
      .when(addItem({ lineId: "2", quantity: 1, unitPrice: gbp(11) }))
      .thenRejected(TotalTooLarge, {
        status: 422,
        lineId: "2",
        maximumMinor: largest,
        detail:
          "1 more of line 2 at GBP 0.11 on top of GBP 90071992547409.81 is beyond GBP 90071992547409.91, " +
          "the largest total that is exact. Lower the quantity, or split it over several carts."
      })
  })

  it("may not exceed it by a change of quantity or a product of large numbers either", () => {
    given(almostFull)
      .when(changeQuantity({ quantity: 2 }))
      .thenRejected(TotalTooLarge)
    given(open)
      .when(addItem({ quantity: 100_000, unitPrice: gbp(largest) }))
      .thenRejected(TotalTooLarge)
  })

  it("follows every change", () => {
    expect(stateAfter(twoLines).totalMinor).toBe(2 * 2034)
    expect(stateAfter([...twoLines, quantityChanged({ quantity: 1 })]).totalMinor).toBe(339 + 2034)
    expect(stateAfter([...twoLines, quantityChanged(), itemRemoved()]).totalMinor).toBe(2034)
  })
})

describe("change a quantity", () => {
  it("up and down, and tells the one before", () => {
    given(filled)
      .when(changeQuantity({ quantity: 8 }))
      .then([quantityChanged({ quantityBefore: 6, quantity: 8 })])
    given(filled)
      .when(changeQuantity({ quantity: 1 }))
      .then([quantityChanged({ quantityBefore: 6, quantity: 1 })])
  })

  it("does nothing when the line has that quantity, also once the cart is frozen", () => {
    given(filled)
      .when(changeQuantity({ quantity: 6 }))
      .thenNothing()
    given(frozen)
      .when(changeQuantity({ quantity: 6 }))
      .thenNothing()
  })

  it("refuses a line that was never there, or no longer is", () => {
    const fields = { status: 404, lineId: "1" } as const
    given(open).when(changeQuantity()).thenRejected(UnknownLine, fields)
    given([...filled, itemRemoved()])
      .when(changeQuantity())
      .thenRejected(UnknownLine, fields)
  })

  it("says which line is unknown, and what to do", () => {
    given(twoLines)
      .when(changeQuantity({ lineId: "3" }))
      .thenRejected(UnknownLine, {
        detail: "None of the cart's 2 lines has the id 3. Read the cart again, and use one of its line ids."
      })
  })
})

describe("remove an item", () => {
  it("takes the line out, and tells what it was", () => {
    given(twoLines).when(removeItem()).then([itemRemoved()])
  })

  it("does nothing when the line was removed before, also once the cart is frozen", () => {
    given([...filled, itemRemoved()])
      .when(removeItem())
      .thenNothing()
    given([...twoLines, itemRemoved(), checkoutBegun()])
      .when(removeItem())
      .thenNothing()
  })

  it("refuses a line that was never there", () => {
    given(filled)
      .when(removeItem({ lineId: "2" }))
      .thenRejected(UnknownLine, { status: 404, lineId: "2" })
  })

  it("remembers the newest hundred removals, and no more", () => {
    const removals = Array.from({ length: remembered + 1 }, (_, i) => `line-${i}`).flatMap((lineId) => [
      itemAdded({ lineId }),
      itemRemoved({ lineId })
    ])
    const history = [...open, ...removals]
    given(history)
      .when(removeItem({ lineId: "line-1" }))
      .thenNothing()
    given(history)
      .when(removeItem({ lineId: "line-0" }))
      .thenRejected(UnknownLine)
    expect(stateAfter(history).removedLineIds).toHaveLength(remembered)
  })
})

describe("merge a guest cart", () => {
  it("adds the guest's lines, and marks the merge", () => {
    given(filled)
      .when(mergeGuestCart({ lines: [heart] }))
      .then([itemAdded(heart), guestCartMerged()])
  })

  it("adds up what both carts hold of one product at one price", () => {
    given(filled)
      .when(mergeGuestCart({ lines: [{ ...lantern, lineId: "2", quantity: 4 }] }))
      .then([quantityChanged({ lineId: "1", quantityBefore: 6, quantity: 10 }), guestCartMerged()])
  })

  it("keeps one product at two prices apart", () => {
    const cheaper = { ...lantern, lineId: "2", unitPrice: gbp(299) }
    given(filled)
      .when(mergeGuestCart({ lines: [cheaper] }))
      .then([itemAdded(cheaper), guestCartMerged()])
  })

  it("adds up what the guest cart itself holds twice", () => {
    given(open)
      .when(mergeGuestCart({ lines: [lantern, { ...lantern, lineId: "2", quantity: 1 }] }))
      .then([itemAdded(), quantityChanged({ quantity: 7 }), guestCartMerged()])
  })

  it("does nothing the second time, also once the cart is frozen", () => {
    const history = [...filled, itemAdded(heart), guestCartMerged()]
    given(history).when(mergeGuestCart()).thenNothing()
    given([...history, checkoutBegun()])
      .when(mergeGuestCart())
      .thenNothing()
  })

  it("does nothing for an empty guest cart", () => {
    given(filled)
      .when(mergeGuestCart({ lines: [] }))
      .thenNothing()
  })

  it("is all or nothing: one line that is refused refuses the merge", () => {
    const merge = (line: Partial<typeof heart>) =>
      given(filled, { ...defaultLimits, maxQuantity: 10, maxLines: 2 }).when(
        mergeGuestCart({ lines: [heart, { ...heart, lineId: "3", ...line }] })
      )
    merge({ sku: "22423" }).thenRejected(TooManyLines)
    merge({ quantity: 5 }).thenRejected(QuantityOutOfRange, { lineId: "2", quantity: 11 })
    merge({ quantity: -1 }).thenRejected(QuantityOutOfRange, { lineId: "3", quantity: -1 })
    merge({ unitPrice: { amountMinor: 1, currency: "EUR" } }).thenRejected(CurrencyMismatch)
    merge({ sku: "22423", lineId: "1" }).thenRejected(LineIdTaken, { lineId: "1" })
  })

  it("remembers the newest hundred merges, and no more", () => {
    const merges = Array.from({ length: remembered + 1 }, (_, i) => guestCartMerged({ guestCartId: `guest-${i}` }))
    const history = [...filled, ...merges]
    given(history)
      .when(mergeGuestCart({ guestCartId: "guest-1" }))
      .thenNothing()
    expect(stateAfter(history).mergedCartIds).toHaveLength(remembered)
  })
})
