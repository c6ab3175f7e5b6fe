/**
 * What happens to a stock item: one SKU at one location. These names are on disk: events stay readable for ever, so that a
 * changed shape is a new schema version with an upcaster, never an edit. `test/inventory/golden` holds one file for each version
 * that was ever written.
 *
 * Every event names its SKU and location, and every event that moves a quantity says what stands after it, so that a read model
 * of availability needs the newest event alone. The movements (received, adjusted, shipped, restocked, transferred) are the
 * ledger: their quantities sum up to what is on hand, and each names the document that it follows from.
 */
import * as Event from "@daybook/core/Event"
import * as Schema from "effect/Schema"

/** Which stock item: a SKU, and where it lies. */
export const StockItemKey = Schema.Struct({ sku: Schema.String, location: Schema.String })

/** Which stock item: a SKU, and where it lies. */
export type StockItemKey = typeof StockItemKey.Type

/** What stands after an event. All are units. */
export const Balance = Schema.Struct({
  /** What lies there. Never negative. */
  onHand: Schema.Int,
  /** Promised to reservations that may still expire. */
  reserved: Schema.Int,
  /** Promised to orders that are certain, and not shipped yet. */
  committed: Schema.Int,
  safetyStock: Schema.Int,
  /** On hand − reserved − committed − safety stock. Never below 0, except where back-orders are allowed. */
  available: Schema.Int
})

/** What stands after an event. */
export type Balance = typeof Balance.Type

/** Why stock was adjusted: what a count found, or what became of the units. */
export const AdjustReason = Schema.Literals(["counted", "damaged", "lost", "found", "spoiled", "other"])

/** Why a hold was released. `refused`: another line of the same reservation was short. */
export const ReleaseReason = Schema.Literals(["refused", "released", "expired"])

/** Why shipped units came back. */
export const RestockReason = Schema.Literals(["returned", "undelivered"])

const held = { ...StockItemKey.fields, reservationId: Schema.String, quantity: Schema.Int, after: Balance }
const moved = { ...StockItemKey.fields, quantity: Schema.Int, reference: Schema.String, after: Balance }

/** The events of a stock item. `reference` is the document that a movement follows from: a delivery note, a shipment, a return. */
export const StockItemEvents = Event.define({
  StockReceived: moved,
  /** `quantity` is negative when units are gone. */
  StockAdjusted: { ...moved, reason: AdjustReason },
  /** `backOrdered`: how many of them were not there to be reserved. `reservedAtMillis` comes from the command. */
  StockReserved: { ...held, backOrdered: Schema.Int, expiresAtMillis: Schema.Int, reservedAtMillis: Schema.Int },
  /** There was too little. `available`: how many could have been reserved, back-orders included. */
  StockRefused: {
    ...StockItemKey.fields,
    reservationId: Schema.String,
    requested: Schema.Int,
    available: Schema.Int,
    expiresAtMillis: Schema.Int,
    refusedAtMillis: Schema.Int
  },
  HoldExtended: {
    ...StockItemKey.fields,
    reservationId: Schema.String,
    expiresAtMillisBefore: Schema.Int,
    expiresAtMillis: Schema.Int
  },
  StockCommitted: held,
  StockReleased: { ...held, reason: ReleaseReason },
  /** Private. A release has overtaken its reservation, which is not to be granted any more. */
  HoldBarred: {
    ...StockItemKey.fields,
    reservationId: Schema.String,
    reason: ReleaseReason,
    expiresAtMillis: Schema.Int
  },
  StockShipped: { ...moved, reservationId: Schema.String },
  /** Units of an order that was certain are free again: the order, or a line of it, was cancelled before it was shipped. */
  CommitmentCancelled: { ...moved, reservationId: Schema.String },
  StockRestocked: { ...moved, reason: RestockReason },
  /** On the way to another location. `reference` is the transfer's id, the same on both sides. */
  StockTransferredOut: { ...moved, toLocation: Schema.String },
  StockTransferredIn: { ...moved, fromLocation: Schema.String },
  SafetyStockSet: { ...StockItemKey.fields, safetyStockBefore: Schema.Int, after: Balance },
  /** How many more than there are may be promised; 0 when back-orders are not allowed. */
  BackOrderLimitSet: { ...StockItemKey.fields, limitBefore: Schema.Int, limit: Schema.Int, after: Balance },
  ReorderPointSet: { ...StockItemKey.fields, reorderPointBefore: Schema.Int, reorderPoint: Schema.Int },
  /** What is available has come down to the reorder point. Follows the event that did it. */
  StockRanLow: { ...StockItemKey.fields, available: Schema.Int, reorderPoint: Schema.Int },
  /** What is available has come above the reorder point again. Follows the event that did it. */
  StockReplenished: { ...StockItemKey.fields, available: Schema.Int, reorderPoint: Schema.Int }
})

/** An event of a stock item. */
export type StockItemEvent = Event.Type<typeof StockItemEvents>
