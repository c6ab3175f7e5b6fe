/** What the files in `golden/` mean: the stored formats of stock items and reservations. For `Golden.test.ts` and `npm run stored`. */
import { makeReservation } from "../../src/inventory/ReservationDomain.ts"
import type { ReservationEvent } from "../../src/inventory/ReservationEvents.ts"
import { makeStockItem } from "../../src/inventory/StockItemDomain.ts"
import type { StockItemEvent } from "../../src/inventory/StockItemEvents.ts"
import { formats } from "../StoredFormats.ts"
import * as Given from "./Given.ts"

/** What each file means, in today's terms. */
const stockItemMeanings: Record<string, StockItemEvent> = {
  "StockReceived.v1.json": Given.stockReceived(),
  "StockAdjusted.v1.json": Given.stockAdjusted(),
  "StockReserved.v1.json": Given.stockReserved(),
  "StockRefused.v1.json": Given.stockRefused(),
  "HoldExtended.v1.json": Given.holdExtended(),
  "StockCommitted.v1.json": Given.stockCommitted(),
  "StockReleased.v1.json": Given.stockReleased(),
  "HoldBarred.v1.json": Given.holdBarred(),
  "StockShipped.v1.json": Given.stockShipped(),
  "CommitmentCancelled.v1.json": Given.commitmentCancelled(),
  "StockRestocked.v1.json": Given.stockRestocked(),
  "StockTransferredOut.v1.json": Given.transferredOut(),
  "StockTransferredIn.v1.json": Given.transferredIn(),
  "SafetyStockSet.v1.json": Given.safetyStockSet(),
  "BackOrderLimitSet.v1.json": Given.backOrderLimitSet(),
  "ReorderPointSet.v1.json": Given.reorderPointSet(),
  "StockRanLow.v1.json": Given.ranLow(),
  "StockReplenished.v1.json": Given.replenished()
}

const reservationMeanings: Record<string, ReservationEvent> = {
  "ReservationRequested.v1.json": Given.requested(),
  "LineHeld.v1.json": Given.lineHeld({ backOrdered: 1 }),
  "LineShort.v1.json": Given.lineShort(),
  "ItemsReserved.v1.json": Given.itemsReserved(),
  "ReservationRefused.v1.json": Given.reservationRefused(),
  "ReservationExtended.v1.json": Given.reservationExtended(),
  "ReservationCommitted.v1.json": Given.reservationCommitted(),
  "ReservationReleased.v1.json": Given.reservationReleased(),
  "ReservationExpired.v1.json": Given.reservationExpired()
}

/** A stock item with something in every field but what is reserved. */
const busy = [
  ...Given.committed,
  Given.stockRefused({ reservationId: "order-2" }),
  Given.reorderPointSet(),
  Given.safetyStockSet({ after: Given.balance({ committed: 4, safetyStock: 3, available: 3 }) }),
  Given.backOrderLimitSet({ after: Given.balance({ committed: 4, safetyStock: 3, available: 3 }) })
]

/** The stock items'. */
export const stockItem = formats({
  aggregate: makeStockItem(),
  folder: new URL("golden/stockitem/", import.meta.url),
  meanings: stockItemMeanings,
  states: { "State.v1.json": Given.stockAfter(busy) }
})

/** The reservations'. */
export const reservation = formats({
  aggregate: makeReservation(),
  folder: new URL("golden/reservation/", import.meta.url),
  meanings: reservationMeanings,
  states: { "State.v1.json": Given.reservationAfter(Given.refused) }
})
