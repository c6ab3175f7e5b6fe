/**
 * What other services are told of the inventory's events.
 *
 * A reservation is everybody's business once it has an outcome; how the stock items came to it is not. Of stock others are told
 * how much there is, and when it runs low.
 */
import * as Publication from "@daybook/core/Publication"
import { InventoryEvents } from "./Contract.ts"
import { makeReservation } from "./ReservationDomain.ts"
import type { ReservationLine } from "./ReservationEvents.ts"
import { makeStockItem } from "./StockItemDomain.ts"
import type { Balance, StockItemKey } from "./StockItemEvents.ts"

const source = "/inventory"

const plain = ({ sku, location, quantity }: ReservationLine): ReservationLine => ({ sku, location, quantity })

/** The reservations' publication, for the service's projector. */
export const reservationPublication = Publication.make({
  name: "inventory-reservation-publication",
  source,
  aggregate: makeReservation(),
  contract: InventoryEvents
})({
  ReservationRequested: Publication.notPublished,
  LineHeld: Publication.notPublished,
  LineShort: Publication.notPublished,
  ItemsReserved: ({ orderId, lines, expiresAtMillis }) => [{ _tag: "ItemsReserved", orderId, lines, expiresAtMillis }],
  ReservationRefused: ({ orderId, shortages }) => [{ _tag: "ReservationRefused", orderId, shortages }],
  ReservationExtended: ({ orderId, expiresAtMillis }) => [{ _tag: "ReservationExtended", orderId, expiresAtMillis }],
  ReservationCommitted: ({ orderId, lines }) => [{ _tag: "ReservationCommitted", orderId, lines: lines.map(plain) }],
  ReservationReleased: ({ orderId, reason }) => [{ _tag: "ReservationReleased", orderId, reason }],
  ReservationExpired: ({ orderId, expiredAtMillis }) => [{ _tag: "ReservationExpired", orderId, expiredAtMillis }]
})

const levelOf = ({ sku, location, after }: StockItemKey & { readonly after: Balance }) => {
  const { onHand, available } = after
  return { _tag: "StockLevelChanged", sku, location, onHand, available } as const
}

const levelChanged = (event: StockItemKey & { readonly after: Balance }) => [levelOf(event)]

/** The stock items' publication, for the service's projector. */
export const stockPublication = Publication.make({
  name: "inventory-stock-publication",
  source,
  aggregate: makeStockItem(),
  contract: InventoryEvents
})({
  StockReceived: levelChanged,
  StockAdjusted: levelChanged,
  StockReserved: levelChanged,
  // Reservations tell of their shortages themselves.
  StockRefused: Publication.notPublished,
  HoldExtended: Publication.notPublished,
  // What was promised is promised still: there is as much as before, and as much of it can be had.
  StockCommitted: Publication.notPublished,
  StockReleased: levelChanged,
  HoldBarred: Publication.notPublished,
  StockShipped: (event) => {
    const { reservationId: orderId, sku, location, quantity, reference } = event
    return [{ _tag: "ItemsShipped", orderId, sku, location, quantity, reference }, levelOf(event)]
  },
  CommitmentCancelled: levelChanged,
  StockRestocked: levelChanged,
  StockTransferredOut: levelChanged,
  StockTransferredIn: levelChanged,
  SafetyStockSet: levelChanged,
  BackOrderLimitSet: levelChanged,
  ReorderPointSet: Publication.notPublished,
  StockRanLow: ({ sku, location, available, reorderPoint }) => [
    { _tag: "StockRanLow", sku, location, available, reorderPoint }
  ],
  StockReplenished: ({ sku, location, available, reorderPoint }) => [
    { _tag: "StockReplenished", sku, location, available, reorderPoint }
  ]
})
