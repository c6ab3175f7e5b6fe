/**
 * What reservations and shipments rely on at a stock item: one answer for each reservation, given for good; no unit promised
 * twice; and late, repeated or overtaking commands without harm.
 */
import { describe, expect, it } from "vitest"
import { defaultStockItemLimits } from "../../src/inventory/StockItemDomain.ts"
import {
  HoldCommitted,
  HoldNotCommitted,
  HoldNotFound,
  InsufficientStock,
  MoreThanCommitted,
  ReferenceTaken,
  ReservationLapsed,
  StockQuantityOutOfRange
} from "../../src/inventory/StockItemRejection.ts"
import { toleratedSkewMillis } from "../../src/inventory/StockItemState.ts"
import * as Given from "./Given.ts"
import {
  balance,
  cancelCommitment,
  commitStock,
  committed,
  extendHold,
  givenStock,
  held,
  hour,
  noon,
  quarterPast,
  ranLow,
  releaseStock,
  reserveStock,
  shipStock,
  stocked,
  stockRefused,
  stockReleased,
  stockReserved,
  stockShipped
} from "./Given.ts"

const released = [...held, stockReleased()]
const refused = [...stocked, stockRefused()]
const barred = [...stocked, Given.holdBarred()]
const shipped = [...committed, stockShipped()]

describe("reserve", () => {
  it("holds what is asked for", () => {
    givenStock(stocked).when(reserveStock()).then([stockReserved()])
  })

  it("holds the last one, and says that it is sold out", () => {
    givenStock(stocked)
      .when(reserveStock({ quantity: 10 }))
      .then([stockReserved({ quantity: 10, after: balance({ reserved: 10, available: 0 }) }), ranLow()])
  })

  it("answers one more with what there is, for good", () => {
    givenStock(stocked)
      .when(reserveStock({ quantity: 11 }))
      .then([stockRefused()])
    givenStock([])
      .when(reserveStock())
      .then([stockRefused({ requested: 4, available: 0 })])
  })

  it("leaves the safety stock, and what others have", () => {
    const second = reserveStock({ reservationId: "order-2", quantity: 4 })
    const safe = Given.safetyStockSet({ after: balance({ reserved: 4, safetyStock: 3, available: 3 }) })
    givenStock([...held, safe])
      .when(second)
      .then([stockRefused({ reservationId: "order-2", requested: 4, available: 3 })])
  })

  it("promises more than there is where back-orders are allowed, up to the limit", () => {
    const history = [...stocked, Given.backOrderLimitSet()]
    givenStock(history)
      .when(reserveStock({ quantity: 15 }))
      .then([
        stockReserved({ quantity: 15, backOrdered: 5, after: balance({ reserved: 15, available: -5 }) }),
        ranLow({ available: -5 })
      ])
    givenStock(history)
      .when(reserveStock({ quantity: 16 }))
      .then([stockRefused({ requested: 16, available: 15 })])
  })

  it.each([
    ["held", held],
    ["committed", committed],
    ["shipped", shipped],
    ["released", released],
    ["refused", refused],
    ["barred", barred]
  ])("does nothing for a reservation that is %s: it has had its answer", (_, history) => {
    givenStock(history).when(reserveStock()).thenNothing()
  })

  it("refuses what comes when its time is over", () => {
    givenStock(stocked)
      .when(reserveStock({ nowMillis: quarterPast - 1 }))
      .then([stockReserved({ reservedAtMillis: quarterPast - 1 })])
    givenStock(stocked)
      .when(reserveStock({ nowMillis: quarterPast }))
      .thenRejected(ReservationLapsed, { status: 409, reservationId: "order-1", expiresAtMillis: quarterPast })
  })

  it.each([0, -1, defaultStockItemLimits.maxQuantity + 1])("refuses %d", (quantity) => {
    givenStock(stocked).when(reserveStock({ quantity })).thenRejected(StockQuantityOutOfRange, { quantity })
  })

  it.each([
    ["released", released],
    ["refused", refused],
    ["barred", barred]
  ])("forgets a reservation that was %s only when none of its messages can be granted any more", (_, history) => {
    const later = (nowMillis: number) =>
      stockReserved({ reservationId: "order-2", quantity: 1, reservedAtMillis: nowMillis })
    const remembers = (nowMillis: number) =>
      Given.stockAfter([...history, later(nowMillis)]).closed.some(({ reservationId }) => reservationId === "order-1")
    expect(remembers(quarterPast + toleratedSkewMillis - 1)).toBe(true)
    expect(remembers(quarterPast + toleratedSkewMillis)).toBe(false)
  })
})

describe("extend", () => {
  it("moves the expiry forwards, and never back", () => {
    givenStock(held).when(extendHold()).then([Given.holdExtended()])
    givenStock([...held, Given.holdExtended()])
      .when(extendHold())
      .thenNothing()
    givenStock(held)
      .when(extendHold({ expiresAtMillis: quarterPast - 1 }))
      .thenNothing()
  })

  it("does nothing for what has been committed, released, refused or shipped", () => {
    for (const history of [committed, released, refused, barred, shipped]) {
      givenStock(history).when(extendHold()).thenNothing()
    }
    givenStock(stocked).when(extendHold()).thenRejected(HoldNotFound, { status: 404, reservationId: "order-1" })
  })
})

describe("commit", () => {
  it("promises for certain what was reserved, once", () => {
    givenStock(held).when(commitStock()).then([Given.stockCommitted()])
    givenStock(committed).when(commitStock()).thenNothing()
    givenStock(shipped).when(commitStock()).thenNothing()
  })

  it("knows no reservation that never came here", () => {
    givenStock(stocked).when(commitStock()).thenRejected(HoldNotFound, { status: 404 })
  })
})

describe("release", () => {
  it.each(["refused", "released", "expired"] as const)("frees what was reserved, with the reason: %s", (reason) => {
    givenStock(held)
      .when(releaseStock({ reason }))
      .then([stockReleased({ reason })])
  })

  it("does nothing the second time, nor for a reservation that was refused or shipped", () => {
    for (const history of [released, refused, barred, shipped]) {
      givenStock(history).when(releaseStock()).thenNothing()
    }
  })

  it("that overtakes its reservation bars it", () => {
    givenStock(stocked).when(releaseStock()).then([Given.holdBarred()])
    givenStock([]).when(releaseStock()).then([Given.holdBarred()])
  })

  it("leaves what is committed", () => {
    givenStock(committed)
      .when(releaseStock())
      .thenRejected(HoldCommitted, { status: 409, reservationId: "order-1", committed: 4 })
  })
})

describe("ship", () => {
  it("takes out what is committed, at once or in parts, each shipment once", () => {
    givenStock(committed).when(shipStock()).then([stockShipped()])
    givenStock(shipped).when(shipStock()).thenNothing()
    const part = stockShipped({ quantity: 3, after: balance({ onHand: 7, committed: 1, available: 6 }) })
    givenStock(committed)
      .when(shipStock({ quantity: 3 }))
      .then([part])
    givenStock([...committed, part])
      .when(shipStock({ quantity: 1, reference: "shipment-2" }))
      .then([stockShipped({ quantity: 1, reference: "shipment-2" })])
    givenStock([...committed, part])
      .when(shipStock({ quantity: 2, reference: "shipment-2" }))
      .thenRejected(MoreThanCommitted, { status: 409, requested: 2, committed: 1 })
    givenStock([...committed, part])
      .when(shipStock({ quantity: 1 }))
      .thenRejected(ReferenceTaken, { reference: "shipment-1" })
  })

  it("refuses what is not committed, or gone", () => {
    givenStock(held).when(shipStock()).thenRejected(HoldNotCommitted, { status: 409, reserved: 4 })
    givenStock(stocked).when(shipStock()).thenRejected(HoldNotFound)
    givenStock(shipped)
      .when(shipStock({ reference: "shipment-2" }))
      .thenRejected(HoldNotFound)
    givenStock(committed)
      .when(shipStock({ quantity: 0 }))
      .thenRejected(StockQuantityOutOfRange)
  })

  it("cannot send what is on back-order", () => {
    const all = { quantity: 12, after: balance({ committed: 12, available: -2 }) }
    const history = [
      ...stocked,
      Given.backOrderLimitSet(),
      stockReserved({ quantity: 12, backOrdered: 2, after: balance({ reserved: 12, available: -2 }) }),
      Given.stockCommitted(all)
    ]
    givenStock(history)
      .when(shipStock({ quantity: 11 }))
      .thenRejected(InsufficientStock, { requested: 11, available: 10, detail: /the rest is on back-order/ })
    givenStock(history)
      .when(shipStock({ quantity: 10 }))
      .then([stockShipped({ quantity: 10, after: balance({ onHand: 0, committed: 2, available: -2 }) })])
  })

  it("counts one shipment of two orders for each of them", () => {
    const both = [
      ...committed,
      stockReserved({ reservationId: "order-2", after: balance({ reserved: 4, committed: 4, available: 2 }) }),
      Given.stockCommitted({ reservationId: "order-2", after: balance({ committed: 8, available: 2 }) }),
      stockShipped({ after: balance({ onHand: 6, committed: 4, available: 2 }) })
    ]
    givenStock(both)
      .when(shipStock({ reservationId: "order-2" }))
      .then([stockShipped({ reservationId: "order-2", after: balance({ onHand: 2, available: 2 }) })])
  })
})

describe("cancel a commitment", () => {
  it("frees what was not shipped, once", () => {
    givenStock(committed).when(cancelCommitment()).then([Given.commitmentCancelled()])
    givenStock([...committed, Given.commitmentCancelled()])
      .when(cancelCommitment())
      .thenNothing()
    givenStock(committed)
      .when(cancelCommitment({ quantity: 1 }))
      .then([Given.commitmentCancelled({ quantity: 1, after: balance({ committed: 3, available: 7 }) })])
  })

  it("is not for what is only reserved, and not for more than there is", () => {
    givenStock(held).when(cancelCommitment()).thenRejected(HoldNotCommitted)
    givenStock(committed)
      .when(cancelCommitment({ quantity: 5 }))
      .thenRejected(MoreThanCommitted, { requested: 5, committed: 4 })
    givenStock(shipped).when(cancelCommitment()).thenRejected(HoldNotFound)
  })
})

describe("500 buyers", () => {
  it("of one unit at one stock item: the first has it, whatever the clock says", () => {
    const one = Given.stockReceived({ quantity: 1, after: balance({ onHand: 1, available: 1 }) })
    const history = [one, stockReserved({ quantity: 1, after: balance({ onHand: 1, reserved: 1, available: 0 }) })]
    for (let i = 2; i <= 500; i++) {
      const reservationId = `order-${i}`
      const refusal = stockRefused({ reservationId, requested: 1, available: 0, refusedAtMillis: noon - hour })
      givenStock(history)
        .when(reserveStock({ reservationId, quantity: 1, nowMillis: noon - hour }))
        .then([refusal])
    }
  })
})
