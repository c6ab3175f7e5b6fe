/**
 * What customers and warehouses rely on when goods come back: no more than was delivered, refunded once, at what was charged, and
 * an order is closed only when nothing is on its way any more.
 */
import { describe, it } from "vitest"
import { defaultLimits } from "../../src/order/Command.ts"
import {
  OrderLineRepeated,
  OrderLinesMissing,
  OrderQuantityUnavailable,
  ReturnIdTaken,
  ReturnsOpen,
  TooManyOrderRecords,
  UnknownOrderLine,
  UnknownReturn
} from "../../src/order/Rejection.ts"
import {
  closed,
  closeOrder,
  delivered,
  gbp,
  given,
  orderClosed,
  receiveReturn,
  requestReturn,
  returning,
  returnReceived,
  returnRequested,
  shipmentDelivered,
  shipping
} from "./Given.ts"

const lanterns = (quantity: number) => [{ lineId: "1", quantity }]
const partDelivered = [...shipping, shipmentDelivered()]
const received = [...returning, returnReceived()]

describe("request a return", () => {
  it("announces what will come", () => {
    given(delivered).when(requestReturn()).then([returnRequested()])
  })

  it("takes what has been delivered, and not one more", () => {
    given(partDelivered)
      .when(requestReturn({ lines: lanterns(4) }))
      .then([returnRequested({ lines: [{ lineId: "1", sku: "71053", quantity: 4 }] })])
    given(partDelivered)
      .when(requestReturn({ lines: lanterns(5) }))
      .thenRejected(OrderQuantityUnavailable, {
        status: 409,
        quantity: 5,
        available: 4,
        detail:
          "5 of line 1 (71053) are asked for, and 4 can be returned: 4 delivered, 0 returned, 0 announced. Return no more than that."
      })
    given(shipping)
      .when(requestReturn({ lines: lanterns(1) }))
      .thenRejected(OrderQuantityUnavailable, { available: 0 })
  })

  it.each([
    ["announced", returning],
    ["returned", received]
  ])("takes what is left beside what was %s, and not one more", (_, history) => {
    const returnId = "return-2"
    given(history)
      .when(requestReturn({ returnId, lines: lanterns(3) }))
      .then([returnRequested({ returnId })])
    given(history)
      .when(requestReturn({ returnId, lines: lanterns(4) }))
      .thenRejected(OrderQuantityUnavailable, { quantity: 4, available: 3 })
  })

  it("can be announced again after it did not come", () => {
    given([...returning, returnReceived({ lines: [], total: gbp(0) })])
      .when(requestReturn({ returnId: "return-2", lines: lanterns(6) }))
      .then([returnRequested({ returnId: "return-2", lines: [{ lineId: "1", sku: "71053", quantity: 6 }] })])
  })

  it("does nothing when that return says the same, whatever has happened since", () => {
    given(returning).when(requestReturn()).thenNothing()
    given([...received, orderClosed()])
      .when(requestReturn())
      .thenNothing()
  })

  it.each([{ reason: "unwanted" as const }, { lines: lanterns(2) }])(
    "refuses an id that stands for another return: %j",
    (other) => {
      given(returning).when(requestReturn(other)).thenRejected(ReturnIdTaken, {
        status: 409,
        returnId: "return-1",
        detail: "Return return-1 stands for 3 of line 1 (damaged), not received yet. Use a new id for another return."
      })
    }
  )

  it("refuses no lines, a line twice, and an unknown line", () => {
    const asking = (lines: ReturnType<typeof lanterns>) => given(delivered).when(requestReturn({ lines }))
    asking([]).thenRejected(OrderLinesMissing)
    asking([...lanterns(1), ...lanterns(1)]).thenRejected(OrderLineRepeated)
    asking([{ lineId: "9", quantity: 1 }]).thenRejected(UnknownOrderLine)
  })

  it("is counted: as many as the limit says, and no more", () => {
    given(delivered, { ...defaultLimits, maxRecords: 3 })
      .when(requestReturn())
      .then([returnRequested()])
    given(delivered, { ...defaultLimits, maxRecords: 2 })
      .when(requestReturn())
      .thenRejected(TooManyOrderRecords, { maximum: 2 })
  })
})

describe("receive a return", () => {
  // All six lanterns came to 24.41, so that three come to 12.20, and the other three to 12.21.
  it("refunds what was charged for what came", () => {
    given(returning).when(receiveReturn()).then([returnReceived()])
  })

  it("refunds the odd penny with the last of them", () => {
    given([...received, returnRequested({ returnId: "return-2" })])
      .when(receiveReturn({ returnId: "return-2" }))
      .then([
        returnReceived({
          returnId: "return-2",
          lines: [{ lineId: "1", sku: "71053", quantity: 3, amount: gbp(1221) }],
          total: gbp(1221)
        })
      ])
  })

  it("takes less than was announced, or nothing", () => {
    given(returning)
      .when(receiveReturn({ lines: lanterns(2) }))
      .then([
        returnReceived({ lines: [{ lineId: "1", sku: "71053", quantity: 2, amount: gbp(813) }], total: gbp(813) })
      ])
    given(returning)
      .when(receiveReturn({ lines: [] }))
      .then([returnReceived({ lines: [], total: gbp(0) })])
  })

  it("refuses more than was announced, or something else", () => {
    given(returning)
      .when(receiveReturn({ lines: lanterns(4) }))
      .thenRejected(OrderQuantityUnavailable, {
        quantity: 4,
        available: 3,
        detail:
          "4 of line 1 (71053) are asked for, and 3 were announced with this return. Request another return for the rest."
      })
    given(returning)
      .when(receiveReturn({ lines: [{ lineId: "2", quantity: 1 }] }))
      .thenRejected(OrderQuantityUnavailable, { lineId: "2", available: 0 })
    given(returning)
      .when(receiveReturn({ lines: [...lanterns(1), ...lanterns(1)] }))
      .thenRejected(OrderLineRepeated)
  })

  it("does nothing when the same was received, and refuses anything else under that id", () => {
    given(received).when(receiveReturn()).thenNothing()
    given([...received, orderClosed()])
      .when(receiveReturn())
      .thenNothing()
    given(received)
      .when(receiveReturn({ lines: lanterns(2) }))
      .thenRejected(ReturnIdTaken, {
        detail:
          "Return return-1 stands for 3 of line 1 (damaged), received: 3 of line 1. Use a new id for another return."
      })
  })

  it("refuses a return that was never announced", () => {
    given(delivered).when(receiveReturn()).thenRejected(UnknownReturn, {
      status: 404,
      returnId: "return-1",
      detail: "None of the order's 0 returns has the id return-1. Request the return first, or correct the id."
    })
  })
})

describe("close", () => {
  it("says what the shop has kept", () => {
    given(delivered).when(closeOrder()).then([orderClosed()])
    given(received)
      .when(closeOrder())
      .then([orderClosed({ kept: gbp(3451 - 1220) })])
  })

  it("does nothing when the order is closed", () => {
    given(closed).when(closeOrder()).thenNothing()
  })

  it("refuses while a return is under way", () => {
    given(returning)
      .when(closeOrder())
      .thenRejected(ReturnsOpen, {
        status: 409,
        returnIds: ["return-1"],
        detail:
          "Not received yet: 1 return, beginning with return-1. Record what came of it, if only that nothing did, and close the order then."
      })
  })
})
