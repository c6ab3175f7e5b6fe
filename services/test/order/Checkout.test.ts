/**
 * What the checkout relies on: an order is placed as it was submitted, figures and all, and gets one outcome, which stands.
 */
import { describe, expect, it } from "vitest"
import { defaultLimits } from "../../src/order/Command.ts"
import {
  CancellationIdTaken,
  OrderAlreadyPlaced,
  OrderCurrencyMismatch,
  OrderLineRepeated,
  OrderLinesMissing,
  OrderOutcomeStands,
  OrderQuantityOutOfRange,
  OrderTotalsDisagree,
  OrderTotalTooLarge,
  RecipientOfAnother,
  TooManyOrderLines
} from "../../src/order/Rejection.ts"
import {
  cancellationRequested,
  cancelled,
  cancelOrder,
  closed,
  confirmed,
  confirmOrder,
  gbp,
  given,
  heart,
  lantern,
  linesCancelled,
  orderCancelled,
  orderConfirmed,
  orderPlaced,
  orderRejected,
  pending,
  rejected,
  rejectOrder,
  requestCancellation,
  requested,
  sealed,
  sealedForGuest,
  sealedOtherwise,
  submitOrder
} from "./Given.ts"

const eur = (amountMinor: number) => ({ amountMinor, currency: "EUR" })

/** One line alone, with figures that agree. */
const ofOneLine = (line: typeof lantern) => {
  const goods = line.quantity * line.unitPrice.amountMinor
  const parts = { lines: [line], goods: gbp(goods), tax: line.tax, shipping: gbp(0) }
  return { ...parts, total: gbp(goods + line.tax.amountMinor) }
}

describe("a recipient", () => {
  it("places an order with a recipient that is sealed for its customer, or for its guest", () => {
    given([])
      .when(submitOrder({ recipient: sealed }))
      .then([orderPlaced({ recipient: sealed })])
    const guest = { customerId: null, recipient: sealedForGuest }
    given([])
      .when(submitOrder(guest))
      .then([orderPlaced(guest)])
  })

  it.each([
    ["17850", sealedForGuest, "17850"],
    ["1785", sealed, "1785"],
    [null, sealed, "guest:checkout-1"]
  ])(
    "refuses for customer %s a recipient that their erasure would leave readable",
    (customerId, recipient, expected) => {
      given([])
        .when(submitOrder({ customerId, recipient }))
        .thenRejected(RecipientOfAnother, {
          status: 422,
          expected,
          detail:
            `The recipient's data is not sealed for ${expected}, whose order this is, and would outlive their erasure. ` +
            "Begin the checkout with the customerId of the cart, or without one if the cart has none."
        })
    }
  )

  it("takes a submission for the same whose recipient was erased meanwhile, and not one with another recipient", () => {
    given([orderPlaced({ recipient: sealed })])
      .when(submitOrder({ recipient: null }))
      .thenNothing()
    given([orderPlaced({ recipient: null })])
      .when(submitOrder({ recipient: sealed }))
      .thenNothing()
    given([orderPlaced({ recipient: sealed })])
      .when(submitOrder({ recipient: sealedOtherwise }))
      .thenRejected(OrderAlreadyPlaced, { status: 409 })
  })
})

describe("submit", () => {
  it("places an order as it was submitted", () => {
    given([]).when(submitOrder()).then([orderPlaced()])
  })

  it("places a guest's order, from nowhere in particular, of something free", () => {
    const order = { ...ofOneLine({ ...heart, unitPrice: gbp(0) }), customerId: null, country: null }
    given([])
      .when(submitOrder(order))
      .then([orderPlaced(order)])
  })

  it.each([
    ["pending", pending],
    ["confirmed", confirmed],
    ["rejected", rejected],
    ["cancelled", cancelled],
    ["closed", closed]
  ])("does nothing when the order was placed with that content and is %s", (_, history) => {
    given(history).when(submitOrder()).thenNothing()
  })

  it.each([
    { cartId: "cart-2" },
    { checkoutId: "checkout-2" },
    { customerId: null },
    { country: "EIRE" },
    { lines: [heart, lantern] },
    { lines: [lantern] },
    { lines: [{ ...lantern, description: "LANTERN" }, heart] },
    { lines: [{ ...lantern, unitPrice: eur(339) }, heart] },
    { goods: gbp(2545) },
    { tax: gbp(406) },
    { shipping: gbp(0) },
    { total: eur(3451) }
  ])("refuses an order that was placed with other content: %j", (other) => {
    given(pending)
      .when(submitOrder(other))
      .thenRejected(OrderAlreadyPlaced, {
        status: 409,
        checkoutId: "checkout-1",
        total: gbp(3451),
        detail:
          "The order was placed for checkout checkout-1 at GBP 34.51, and this submission says something else. Place an order of another id."
      })
  })

  it("refuses figures that do not add up, and says all of them", () => {
    given([])
      .when(submitOrder({ total: gbp(3450) }))
      .thenRejected(OrderTotalsDisagree, {
        status: 422,
        total: gbp(3450),
        actualTotal: gbp(3451),
        detail:
          "The submission says goods GBP 25.44, tax GBP 4.07, shipping GBP 5.00 and total GBP 34.50. " +
          "Its lines come to goods GBP 25.44 and tax GBP 4.07, which makes GBP 34.51 with the shipping. Work the figures out again."
      })
  })

  it.each([
    { goods: gbp(2543), tax: gbp(408) },
    { goods: gbp(2545), total: gbp(3452) },
    { tax: gbp(0), shipping: gbp(907) },
    { shipping: gbp(501) },
    { total: gbp(3452) },
    { lines: [lantern] },
    { lines: [{ ...lantern, quantity: 7 }, heart] }
  ])("refuses figures of which only some agree: %j", (wrong) => {
    given([]).when(submitOrder(wrong)).thenRejected(OrderTotalsDisagree, { status: 422 })
  })

  it.each([
    { shipping: eur(500) },
    { goods: eur(2544) },
    { tax: eur(407) },
    { lines: [lantern, { ...heart, unitPrice: eur(255) }] },
    { lines: [lantern, { ...heart, tax: eur(0) }] }
  ])("refuses amounts in several currencies: %j", (wrong) => {
    given([])
      .when(submitOrder(wrong))
      .thenRejected(OrderCurrencyMismatch, {
        status: 422,
        expected: "GBP",
        actual: "EUR",
        detail: /^The order's total is in GBP, and EUR /
      })
  })

  it("refuses an order of nothing", () => {
    given([])
      .when(submitOrder({ lines: [] }))
      .thenRejected(OrderLinesMissing, { status: 422 })
  })

  it("refuses a line that comes twice", () => {
    given([])
      .when(submitOrder({ lines: [lantern, lantern] }))
      .thenRejected(OrderLineRepeated, { status: 422, lineId: "1" })
  })

  it.each([1, defaultLimits.maxQuantity])("takes %i of a line", (quantity) => {
    const order = ofOneLine({ ...lantern, quantity })
    given([])
      .when(submitOrder(order))
      .then([orderPlaced(order)])
  })

  it.each([-1, 0, defaultLimits.maxQuantity + 1])("refuses %i of a line", (quantity) => {
    given([])
      .when(submitOrder({ lines: [{ ...lantern, quantity }] }))
      .thenRejected(OrderQuantityOutOfRange, {
        status: 422,
        quantity,
        maximum: 100_000,
        detail: `The quantity of line 1 is given as ${quantity}; it must be 1 to 100000. Correct it, or leave the line out.`
      })
  })

  it("takes as many lines as the limit says, and no more", () => {
    given([], { ...defaultLimits, maxLines: 2 })
      .when(submitOrder())
      .then([orderPlaced()])
    given([], { ...defaultLimits, maxLines: 1 })
      .when(submitOrder())
      .thenRejected(TooManyOrderLines, { status: 422, lines: 2, maximum: 1 })
  })

  it("takes the largest total that is exact, and none above it", () => {
    const line = { ...lantern, quantity: 1, unitPrice: gbp(Number.MAX_SAFE_INTEGER - 407) }
    const order = ofOneLine(line)
    given([])
      .when(submitOrder(order))
      .then([orderPlaced(order)])
    const tooLarge = { status: 422, lineId: "1", maximumMinor: Number.MAX_SAFE_INTEGER } as const
    given([])
      .when(submitOrder({ ...order, shipping: gbp(1) }))
      .thenRejected(OrderTotalTooLarge, tooLarge)
    given([])
      .when(submitOrder({ ...order, lines: [{ ...line, quantity: 100_000 }] }))
      .thenRejected(OrderTotalTooLarge, tooLarge)
  })
})

describe("confirm", () => {
  it("says what the outcome rests on, and whom it concerns", () => {
    given(pending).when(confirmOrder()).then([orderConfirmed()])
  })

  it.each([
    ["confirmed", confirmed],
    ["cancelled later", cancelled],
    ["closed", closed]
  ])("does nothing when the order was confirmed alike and is %s", (_, history) => {
    given(history).when(confirmOrder()).thenNothing()
  })

  it.each([{ authorisationId: "authorisation-2" }, { reservationId: "reservation-2" }])(
    "refuses an order that was confirmed otherwise: %j",
    (other) => {
      given(confirmed)
        .when(confirmOrder(other))
        .thenRejected(OrderOutcomeStands, {
          detail:
            "The order was confirmed with authorisation authorisation-1 and reservation reservation-1, which stands. " +
            "Repeat that exactly, or place a new order."
        })
    }
  )

  it("cancels everything at once when the customer has asked for it meanwhile", () => {
    given(requested)
      .when(confirmOrder())
      .then([orderConfirmed(), linesCancelled(), orderCancelled()])
      .thenState(({ status, backing }) => {
        expect(status).toBe("cancelled")
        expect(backing).toEqual({ authorisationId: "authorisation-1", reservationId: "reservation-1" })
      })
  })
})

describe("reject", () => {
  it.each(["shortage", "payment-declined", "failed"] as const)("says why: %s", (reason) => {
    given(pending)
      .when(rejectOrder({ reason }))
      .then([orderRejected({ reason })])
  })

  it("ends an order also whose cancellation was asked for", () => {
    given(requested).when(rejectOrder()).then([orderRejected()])
  })

  it("does nothing when the order was rejected alike", () => {
    given(rejected).when(rejectOrder()).thenNothing()
  })

  it.each([
    { reason: "failed" as const },
    { shortages: [] },
    { shortages: [{ sku: "71053", requested: 6, available: 3 }] }
  ])("refuses an order that was rejected otherwise: %j", (other) => {
    given(rejected).when(rejectOrder(other)).thenRejected(OrderOutcomeStands, {
      status: 409,
      orderStatus: "rejected",
      detail: "The order was rejected (shortage; 1 shortage), which stands. Repeat that exactly, or place a new order."
    })
  })
})

describe("cancel before the outcome", () => {
  it("notes the customer's wish, once", () => {
    given(pending).when(requestCancellation()).then([cancellationRequested()])
    given(requested).when(requestCancellation()).thenNothing()
    given(requested)
      .when(requestCancellation({ cancellationId: "cancellation-2" }))
      .thenNothing()
  })

  it("ends the order, with a wish or without one", () => {
    given(pending).when(cancelOrder()).then([orderCancelled()])
    given(requested).when(cancelOrder()).then([orderCancelled()])
    given(requested)
      .when(cancelOrder({ cancellationId: "cancellation-2", reason: "fraud" }))
      .then([orderCancelled({ cancellationId: "cancellation-2", reason: "fraud" })])
  })

  it("does nothing when it has happened, by this command or by another", () => {
    const history = [...requested, orderCancelled()]
    given(history).when(cancelOrder()).thenNothing()
    given(history).when(requestCancellation()).thenNothing()
    given(history)
      .when(cancelOrder({ cancellationId: "cancellation-2", reason: "fraud" }))
      .thenNothing()
    given(cancelled).when(cancelOrder()).thenNothing()
  })

  it("refuses an id that stands for another cancellation", () => {
    given(requested)
      .when(cancelOrder({ reason: "fraud" }))
      .thenRejected(CancellationIdTaken, {
        status: 409,
        cancellationId: "cancellation-1",
        detail:
          "Cancellation cancellation-1 stands for all that was not shipped (customer). Use a new id for another cancellation."
      })
    given([...pending, orderCancelled({ reason: "fraud" })])
      .when(requestCancellation())
      .thenRejected(CancellationIdTaken, { cancellationId: "cancellation-1" })
  })
})
