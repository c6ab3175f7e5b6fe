/**
 * What a warehouse relies on: what comes of each movement and each rule of a stock item, what is refused and with which words,
 * and that sending it again is harmless. `Hold.test.ts` has what a stock item does for reservations.
 */
import { describe, expect, it } from "vitest"
import { defaultStockItemLimits } from "../../src/inventory/StockItemDomain.ts"
import {
  BackOrdersOutstanding,
  InsufficientStock,
  ReferenceTaken,
  SameLocation,
  StockQuantityOutOfRange,
  TooMuchStock,
  WrongStockItem
} from "../../src/inventory/StockItemRejection.ts"
import { remembered, stockItemId } from "../../src/inventory/StockItemState.ts"
import * as Given from "./Given.ts"
import {
  adjustStock,
  balance,
  committed,
  givenStock,
  held,
  ranLow,
  receiveStock,
  replenished,
  restockItems,
  setBackOrderLimit,
  setReorderPoint,
  setSafetyStock,
  stockAdjusted,
  stocked,
  stockReceived,
  stockRestocked,
  transferIn,
  transferOut,
  transferredIn,
  transferredOut
} from "./Given.ts"

const reservedFour = balance({ reserved: 4, available: 6 })
const most = defaultStockItemLimits.maxQuantity

describe("a stock item's id", () => {
  it("is its own, whatever is in the SKU and the location", () => {
    const ids = [
      { sku: "A@B", location: "C" },
      { sku: "A", location: "B@C" },
      { sku: "A%40B", location: "C" },
      { sku: "Ä", location: "/" }
    ].map(stockItemId)
    expect(new Set(ids).size).toBe(ids.length)
    expect(stockItemId(Given.item)).toBe("71053@LONDON")
  })

  it.each([{ sku: "85123A" }, { location: "LEEDS" }])("keeps commands for another item out: %j", (other) => {
    givenStock(stocked)
      .when(receiveStock({ ...other, reference: "delivery-2" }))
      .thenRejected(WrongStockItem, {
        status: 409,
        sku: "71053",
        location: "LONDON",
        detail: /^This is the stock item of 71053 at LONDON, and the command is for /
      })
  })
})

describe("receive", () => {
  it("adds to what is on hand, and says that there is something again", () => {
    givenStock([]).when(receiveStock()).then([stockReceived(), replenished()])
  })

  it("does nothing when the delivery was received before", () => {
    givenStock(stocked).when(receiveStock()).thenNothing()
  })

  it("refuses a delivery that was received with another quantity", () => {
    givenStock(stocked)
      .when(receiveStock({ quantity: 11 }))
      .thenRejected(ReferenceTaken, {
        status: 409,
        reference: "delivery-1",
        detail:
          "delivery-1 has been recorded for this stock item with another content. Use a new reference, or adjust the stock."
      })
  })

  it("remembers the newest documents, and no more", () => {
    const later = Array.from({ length: remembered - 1 }, (_, i) => stockReceived({ reference: `later-${i}` }))
    givenStock([...stocked, ...later])
      .when(receiveStock())
      .thenNothing()
    expect(Given.stockAfter([...stocked, ...later, stockReceived({ reference: "one more" })]).recorded).toHaveLength(
      remembered
    )
  })

  it.each([0, -1, most + 1])("refuses %d", (quantity) => {
    givenStock([])
      .when(receiveStock({ quantity }))
      .thenRejected(StockQuantityOutOfRange, {
        status: 422,
        quantity,
        minimum: 1,
        maximum: most,
        detail: `The quantity is ${quantity}; it must be 1 to ${most}. Correct it.`
      })
  })

  it("takes one, and the most; and no more in all than the most", () => {
    const all = balance({ onHand: most, available: most })
    givenStock([])
      .when(receiveStock({ quantity: most }))
      .then([stockReceived({ quantity: most, after: all }), replenished({ available: most })])
    givenStock(stocked)
      .when(receiveStock({ reference: "delivery-2", quantity: most - 10 }))
      .then([stockReceived({ reference: "delivery-2", quantity: most - 10, after: all })])
    givenStock(stocked)
      .when(receiveStock({ reference: "delivery-2", quantity: most - 9 }))
      .thenRejected(TooMuchStock, { status: 409, onHand: 10, quantity: most - 9, maximum: most })
  })
})

describe("restock", () => {
  it("adds what came back, with the reason, once", () => {
    givenStock(stocked).when(restockItems()).then([stockRestocked()])
    givenStock([...stocked, stockRestocked()])
      .when(restockItems())
      .thenNothing()
    givenStock([...stocked, stockRestocked()])
      .when(restockItems({ reason: "undelivered" }))
      .thenRejected(ReferenceTaken, { reference: "return-1" })
  })
})

describe("adjust", () => {
  it("takes out what is gone, and adds what was found, with the reason", () => {
    givenStock(stocked).when(adjustStock()).then([stockAdjusted()])
    givenStock(stocked)
      .when(adjustStock({ quantity: 2, reason: "found" }))
      .then([stockAdjusted({ quantity: 2, reason: "found", after: balance({ onHand: 12, available: 12 }) })])
  })

  it("does nothing the second time, and refuses another reason for the same document", () => {
    givenStock([...stocked, stockAdjusted()])
      .when(adjustStock())
      .thenNothing()
    givenStock([...stocked, stockAdjusted()])
      .when(adjustStock({ reason: "lost" }))
      .thenRejected(ReferenceTaken)
  })

  it("takes out the last one that is promised to nobody, and says that it is sold out", () => {
    givenStock(held)
      .when(adjustStock({ quantity: -6 }))
      .then([stockAdjusted({ quantity: -6, after: balance({ onHand: 4, reserved: 4, available: 0 }) }), ranLow()])
  })

  it.each([
    ["reserved", held],
    ["committed", committed]
  ])("refuses to take out what is %s", (_, history) => {
    givenStock(history)
      .when(adjustStock({ quantity: -7 }))
      .thenRejected(InsufficientStock, {
        status: 409,
        requested: 7,
        available: 6,
        detail:
          "7 cannot be taken out, 6 can: the rest is promised to orders, or is not there. Take out fewer, or free some first."
      })
  })

  it("may eat into the safety stock", () => {
    givenStock([...stocked, Given.safetyStockSet()])
      .when(adjustStock({ quantity: -9 }))
      .then([stockAdjusted({ quantity: -9, after: balance({ onHand: 1, safetyStock: 3, available: 0 }) }), ranLow()])
  })

  it("may leave promises to back-orders, up to their limit, and never less than nothing on hand", () => {
    const history = [...held, Given.backOrderLimitSet({ limit: 3, after: reservedFour })]
    givenStock(history)
      .when(adjustStock({ quantity: -9 }))
      .then([
        stockAdjusted({ quantity: -9, after: balance({ onHand: 1, reserved: 4, available: -3 }) }),
        ranLow({ available: -3 })
      ])
    givenStock(history)
      .when(adjustStock({ quantity: -10 }))
      .thenRejected(InsufficientStock, { available: 9 })
    givenStock([...held, Given.backOrderLimitSet({ limit: 50, after: reservedFour })])
      .when(adjustStock({ quantity: -11 }))
      .thenRejected(InsufficientStock, { available: 10 })
  })

  it.each([0, most + 1, -most - 1])("refuses %d", (quantity) => {
    givenStock(stocked)
      .when(adjustStock({ quantity }))
      .thenRejected(StockQuantityOutOfRange, { quantity, minimum: -most, detail: /, and not 0\. Correct it\.$/ })
  })

  it("refuses more than a stock item holds", () => {
    givenStock(stocked)
      .when(adjustStock({ quantity: most - 9, reason: "found" }))
      .thenRejected(TooMuchStock)
  })
})

describe("transfer", () => {
  it("takes out here, and in there, under one id", () => {
    givenStock(stocked).when(transferOut()).then([transferredOut()])
    givenStock(stocked).when(transferIn()).then([transferredIn()])
  })

  it("does nothing the second time, and refuses another place for the same id", () => {
    givenStock([...stocked, transferredOut()])
      .when(transferOut())
      .thenNothing()
    givenStock([...stocked, transferredIn()])
      .when(transferIn())
      .thenNothing()
    givenStock([...stocked, transferredOut()])
      .when(transferOut({ toLocation: "YORK" }))
      .thenRejected(ReferenceTaken)
    givenStock([...stocked, transferredIn()])
      .when(transferIn({ fromLocation: "YORK" }))
      .thenRejected(ReferenceTaken)
  })

  it("takes what is available to the last one, and neither promised units nor safety stock", () => {
    const history = [...held, Given.safetyStockSet({ after: balance({ reserved: 4, safetyStock: 3, available: 3 }) })]
    givenStock(history)
      .when(transferOut({ quantity: 3 }))
      .then([
        transferredOut({ quantity: 3, after: balance({ onHand: 7, reserved: 4, safetyStock: 3, available: 0 }) }),
        ranLow()
      ])
    givenStock(history)
      .when(transferOut({ quantity: 4 }))
      .thenRejected(InsufficientStock, { requested: 4, available: 3 })
  })

  it("does not count on back-orders", () => {
    givenStock([...stocked, Given.backOrderLimitSet()])
      .when(transferOut({ quantity: 11 }))
      .thenRejected(InsufficientStock, { available: 10 })
  })

  it("needs two places, and at least one unit", () => {
    givenStock(stocked)
      .when(transferOut({ toLocation: "LONDON" }))
      .thenRejected(SameLocation, { status: 422, location: "LONDON" })
    givenStock(stocked)
      .when(transferIn({ fromLocation: "LONDON" }))
      .thenRejected(SameLocation)
    givenStock(stocked)
      .when(transferOut({ quantity: 0 }))
      .thenRejected(StockQuantityOutOfRange)
    givenStock(stocked)
      .when(transferIn({ quantity: 0 }))
      .thenRejected(StockQuantityOutOfRange)
  })
})

describe("safety stock", () => {
  it("is not available", () => {
    givenStock(stocked).when(setSafetyStock()).then([Given.safetyStockSet()])
  })

  it("beyond what is free leaves nothing available, and not less", () => {
    givenStock(held)
      .when(setSafetyStock({ safetyStock: 7 }))
      .then([Given.safetyStockSet({ after: balance({ reserved: 4, safetyStock: 7, available: 0 }) }), ranLow()])
  })

  it("does nothing when it is so already; 0 takes it back", () => {
    const history = [...stocked, Given.safetyStockSet()]
    givenStock(history).when(setSafetyStock()).thenNothing()
    givenStock(history)
      .when(setSafetyStock({ safetyStock: 0 }))
      .then([Given.safetyStockSet({ safetyStockBefore: 3, after: balance() })])
  })

  it.each([-1, most + 1])("is not %d", (safetyStock) => {
    givenStock(stocked)
      .when(setSafetyStock({ safetyStock }))
      .thenRejected(StockQuantityOutOfRange, { detail: /^The safety stock is -?\d+; it must be 0 to / })
  })
})

describe("the back-order policy", () => {
  const promised = [
    ...stocked,
    Given.backOrderLimitSet(),
    Given.stockReserved({
      quantity: 12,
      backOrdered: 2,
      after: balance({ reserved: 12, available: -2 })
    })
  ]

  it("is set, and is not set again", () => {
    givenStock(stocked).when(setBackOrderLimit()).then([Given.backOrderLimitSet()])
    givenStock([...stocked, Given.backOrderLimitSet()])
      .when(setBackOrderLimit())
      .thenNothing()
  })

  it("may come down to what is on back-order, and not below", () => {
    givenStock(promised)
      .when(setBackOrderLimit({ limit: 2 }))
      .then([Given.backOrderLimitSet({ limitBefore: 5, limit: 2, after: balance({ reserved: 12, available: -2 }) })])
    for (const limit of [1, 0]) {
      givenStock(promised)
        .when(setBackOrderLimit({ limit }))
        .thenRejected(BackOrdersOutstanding, { status: 409, outstanding: 2, limit })
    }
  })

  it.each([-1, most + 1])("is not %d", (limit) => {
    givenStock(stocked).when(setBackOrderLimit({ limit })).thenRejected(StockQuantityOutOfRange)
  })
})

describe("the reorder point", () => {
  it("is told when what is available comes down to it, and when it comes above it, once each", () => {
    const history = [...stocked, Given.reorderPointSet()]
    givenStock(stocked).when(setReorderPoint()).then([Given.reorderPointSet()])
    givenStock(history)
      .when(adjustStock({ quantity: -3 }))
      .then([stockAdjusted()])
    const low = stockAdjusted({ quantity: -4, after: balance({ onHand: 6, available: 6 }) })
    givenStock(history)
      .when(adjustStock({ quantity: -4 }))
      .then([low, ranLow({ available: 6, reorderPoint: 6 })])
    givenStock([...history, low])
      .when(adjustStock({ quantity: -1, reference: "count-2" }))
      .then([stockAdjusted({ quantity: -1, reference: "count-2", after: balance({ onHand: 5, available: 5 }) })])
    givenStock([...history, low])
      .when(restockItems())
      .then([
        stockRestocked({ after: balance({ onHand: 7, available: 7 }) }),
        replenished({ available: 7, reorderPoint: 6 })
      ])
  })

  it("is told when it is itself what changes", () => {
    givenStock(stocked)
      .when(setReorderPoint({ reorderPoint: 10 }))
      .then([Given.reorderPointSet({ reorderPoint: 10 }), ranLow({ available: 10, reorderPoint: 10 })])
    givenStock([...stocked, Given.reorderPointSet()])
      .when(setReorderPoint())
      .thenNothing()
  })

  it.each([-1, most + 1])("is not %d", (reorderPoint) => {
    givenStock(stocked).when(setReorderPoint({ reorderPoint })).thenRejected(StockQuantityOutOfRange)
  })
})
