/**
 * What a cart's users, and the saga that sells it, rely on from checkout to the end: frozen means frozen, a late message about
 * one checkout never touches another, and sending a command again is harmless.
 */
import { describe, expect, it } from "vitest"
import { defaultLimits } from "../../src/cart/Domain.ts"
import {
  CartNotEditable,
  CartNotFound,
  CartTooLarge,
  CheckoutMismatch,
  EmptyCart,
  TotalChanged
} from "../../src/cart/Rejection.ts"
import {
  abandonCart,
  abandoned,
  addItem,
  beginCheckout,
  cartAbandoned,
  cartCompleted,
  cartOpened,
  cartRestored,
  changeQuantity,
  checkoutBegun,
  completeCart,
  completed,
  filled,
  frozen,
  gbp,
  given,
  itemAdded,
  itemRemoved,
  lantern,
  merged,
  mergeGuestCart,
  open,
  quantityChanged,
  removeItem,
  restoreCart,
  restored,
  stateAfter
} from "./Given.ts"

const heart = { ...lantern, lineId: "2", sku: "85123A", description: "WHITE HANGING HEART" }
const twoLines = [...filled, itemAdded(heart)]

describe("a cart that is not open", () => {
  const edits = [
    addItem({ lineId: "9" }),
    changeQuantity(),
    removeItem(),
    mergeGuestCart(),
    beginCheckout({ checkoutId: "checkout-9" })
  ]

  it.each([
    ["checking-out", frozen, /frozen by checkout checkout-1/],
    ["completed", completed, /bought in checkout checkout-1.*new cart/],
    ["abandoned", abandoned, /abandoned.*Restore it/],
    ["merged", merged, /moved into its customer's cart/]
  ] as const)("takes no changes: %s", (cartStatus, history, detail) => {
    for (const edit of edits) {
      given(history).when(edit).thenRejected(CartNotEditable, { status: 409, cartStatus, detail: detail })
    }
  })

  it("does not exist before it is opened", () => {
    for (const command of [...edits, completeCart(), restoreCart(), restoreCart({ checkoutId: null }), abandonCart()]) {
      given([]).when(command).thenRejected(CartNotFound, { status: 404 })
    }
  })
})

describe("begin checkout", () => {
  it("freezes the cart at its content: customer, country, total and lines", () => {
    given(twoLines)
      .when(beginCheckout())
      .then([checkoutBegun({ total: gbp(2 * 2034), lines: [lantern, heart] })])
  })

  it("freezes a guest's cart", () => {
    given([cartOpened({ customerId: null, country: null }), itemAdded()])
      .when(beginCheckout())
      .then([checkoutBegun({ customerId: null, country: null })])
  })

  it("holds the buyer to the total that was accepted", () => {
    given(filled)
      .when(beginCheckout({ acceptedTotal: gbp(2034) }))
      .then([checkoutBegun()])
  })

  it.each([gbp(2033), gbp(2035), { amountMinor: 2034, currency: "EUR" }])(
    "refuses when %j was accepted and it is another",
    (acceptedTotal) => {
      given(filled)
        .when(beginCheckout({ acceptedTotal }))
        .thenRejected(TotalChanged, { status: 409, accepted: acceptedTotal, actual: gbp(2034) })
    }
  )

  it("says both totals", () => {
    given(filled)
      .when(beginCheckout({ acceptedTotal: gbp(1999) }))
      .thenRejected(TotalChanged, {
        detail:
          "The buyer accepted GBP 19.99, and the cart comes to GBP 20.34. " +
          "Show the cart again, and check out with the total that it has now."
      })
  })

  it("is refused when the cart's content would not fit the messages about it, and taken when it just does", () => {
    const { lines } = stateAfter(twoLines)
    const total = gbp(2 * 2034)
    const bytes = new TextEncoder().encode(JSON.stringify(lines)).length
    const limited = (maxContentBytes: number) =>
      given(twoLines, { ...defaultLimits, maxContentBytes }).when(beginCheckout())
    limited(bytes).then([checkoutBegun({ total, lines })])
    const detail = /2 lines come to \d+ bytes.*Remove lines/
    limited(bytes - 1).thenRejected(CartTooLarge, { status: 422, bytes, maximumBytes: bytes - 1, detail })
  })

  it("leaves room in a message for the tax and the names that an order adds", () => {
    expect(defaultLimits.maxContentBytes + defaultLimits.maxLines * 60).toBeLessThan(1_000_000)
  })

  it.each([
    ["never filled", open],
    ["emptied", [...filled, itemRemoved()]]
  ])("refuses a cart that was %s", (_, history) => {
    given(history).when(beginCheckout()).thenRejected(EmptyCart, {
      status: 409,
      detail: "The cart has no lines, so that there is nothing to check out. Add an item first."
    })
  })

  it("does nothing when that checkout is under way or completed", () => {
    given(frozen).when(beginCheckout()).thenNothing()
    given(completed).when(beginCheckout()).thenNothing()
  })

  it("refuses the id of a checkout that ended without a sale, and takes a new one", () => {
    given(restored)
      .when(beginCheckout())
      .thenRejected(CheckoutMismatch, { status: 409, requested: "checkout-1", current: "checkout-1" })
    given(restored)
      .when(beginCheckout({ checkoutId: "checkout-2" }))
      .then([checkoutBegun({ checkoutId: "checkout-2" })])
  })
})

describe("complete", () => {
  it("ends the checkout with a sale", () => {
    given(frozen).when(completeCart()).then([cartCompleted()])
  })

  it("does nothing the second time", () => {
    given(completed).when(completeCart()).thenNothing()
  })

  it.each([
    ["open", filled, null],
    ["restored", restored, "checkout-1"],
    ["abandoned", abandoned, null]
  ])("refuses a cart that is %s", (_, history, current) => {
    given(history).when(completeCart()).thenRejected(CheckoutMismatch, { status: 409, current })
  })

  it("refuses another checkout than the one under way, and names that", () => {
    given(frozen)
      .when(completeCart({ checkoutId: "checkout-2" }))
      .thenRejected(CheckoutMismatch, {
        requested: "checkout-2",
        current: "checkout-1",
        detail:
          "Checkout checkout-2 is not under way: the cart is checking-out, and its last checkout is checkout-1. " +
          "Begin a new checkout under a new id, or name the one that is under way."
      })
  })
})

describe("restore", () => {
  it("ends the checkout without a sale, and lists the shortages", () => {
    given(frozen).when(restoreCart()).then([cartRestored()])
  })

  it("makes the cart editable again, with everything in it", () => {
    given(restored)
      .when(changeQuantity({ quantity: 2 }))
      .then([quantityChanged({ quantity: 2 })])
    expect(stateAfter(restored)).toMatchObject({ status: "open", lines: [lantern], totalMinor: 2034 })
  })

  it("does nothing when that checkout has been restored, whatever became of the cart since", () => {
    given(restored).when(restoreCart()).thenNothing()
    given([...restored, quantityChanged()])
      .when(restoreCart())
      .thenNothing()
    given([...restored, cartAbandoned()])
      .when(restoreCart())
      .thenNothing()
  })

  it("that comes late does not thaw a cart which a later checkout has frozen", () => {
    given([...restored, checkoutBegun({ checkoutId: "checkout-2" })])
      .when(restoreCart())
      .thenRejected(CheckoutMismatch, { requested: "checkout-1", current: "checkout-2" })
  })

  it("refuses a cart that was bought, or that has had no checkout", () => {
    given(completed).when(restoreCart()).thenRejected(CheckoutMismatch, { status: 409 })
    given(filled)
      .when(restoreCart())
      .thenRejected(CheckoutMismatch, { detail: /the cart is open, and it has had no checkout/ })
  })

  it("picks an abandoned cart up again, when no checkout is named", () => {
    const recover = restoreCart({ checkoutId: null, reason: "recovered", shortages: [] })
    const recovered = cartRestored({ checkoutId: null, reason: "recovered", shortages: [] })
    given(abandoned).when(recover).then([recovered])
    given([...abandoned, recovered])
      .when(recover)
      .thenNothing()
    given(merged).when(recover).thenRejected(CartNotEditable, { cartStatus: "merged" })
    given(frozen).when(recover).thenRejected(CartNotEditable, { cartStatus: "checking-out" })
    given(completed).when(recover).thenRejected(CartNotEditable, { cartStatus: "completed" })
  })
})

describe("abandon", () => {
  it("tells what was given up", () => {
    given(filled).when(abandonCart()).then([cartAbandoned()])
    given(open)
      .when(abandonCart({ reason: "discarded" }))
      .then([cartAbandoned({ reason: "discarded", total: gbp(0), lineCount: 0 })])
  })

  it("does nothing the second time", () => {
    given(abandoned)
      .when(abandonCart({ reason: "discarded" }))
      .thenNothing()
    given(merged)
      .when(abandonCart({ reason: "merged" }))
      .thenNothing()
    given(merged).when(abandonCart()).thenNothing()
  })

  it("as merged closes also a cart that was given up before", () => {
    given(abandoned)
      .when(abandonCart({ reason: "merged" }))
      .then([cartAbandoned({ reason: "merged" })])
  })

  it("refuses a cart that is being bought, or was", () => {
    given(frozen).when(abandonCart()).thenRejected(CartNotEditable, { cartStatus: "checking-out" })
    given(completed).when(abandonCart()).thenRejected(CartNotEditable, { cartStatus: "completed" })
  })
})
