/**
 * What the inventory's read models show, and what a look at them may fail with. Browser-safe; `Queries.ts` reads it.
 */
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import { GiveUpReason, ReservationStatus, Shortage } from "./ReservationEvents.ts"

/** A stock item: one SKU at one location. */
export const StockLevel = Schema.Struct({
  id: Schema.String,
  sku: Schema.String,
  location: Schema.String,
  version: Schema.Int,
  onHand: Schema.Int,
  /** Promised to reservations that may still expire. */
  reserved: Schema.Int,
  /** Promised to orders that are certain, and not shipped yet. */
  committed: Schema.Int,
  safetyStock: Schema.Int,
  /** On hand − reserved − committed − safety stock. Below 0 only where back-orders are allowed. */
  available: Schema.Int,
  backOrderLimit: Schema.Int,
  reorderPoint: Schema.Int,
  /** Since when no more has been available than the reorder point; `null` while there is more. */
  lowSince: Schema.NullOr(Schema.String),
  updatedAt: Schema.String
}).annotate({ identifier: "StockLevel" })

/** A SKU at all its locations, in sum and each. */
export const SkuStock = Schema.Struct({
  sku: Schema.String,
  onHand: Schema.Int,
  reserved: Schema.Int,
  committed: Schema.Int,
  available: Schema.Int,
  locations: Schema.Array(StockLevel)
}).annotate({ identifier: "SkuStock" })

/** What came to a stock item or left it. */
export const StockMovement = Schema.Struct({
  id: Schema.String,
  location: Schema.String,
  version: Schema.Int,
  kind: Schema.Literals(["received", "adjusted", "shipped", "restocked", "transferred-out", "transferred-in"]),
  /** Below 0 when units have left. */
  quantity: Schema.Int,
  /** What lay there afterwards. */
  onHand: Schema.Int,
  /** The document that it follows from. */
  reference: Schema.String,
  reason: Schema.NullOr(Schema.String),
  /** The other end of a transfer. */
  otherLocation: Schema.NullOr(Schema.String),
  /** The order that it was shipped for. */
  orderId: Schema.NullOr(Schema.String),
  actor: Schema.NullOr(Schema.String),
  occurredAt: Schema.String
}).annotate({ identifier: "StockMovement" })

/** What an order holds, or held. */
export const ReservationView = Schema.Struct({
  orderId: Schema.String,
  version: Schema.Int,
  status: ReservationStatus,
  /** Stock items that have not answered yet. */
  awaited: Schema.Int,
  lines: Schema.Array(
    Schema.Struct({
      sku: Schema.String,
      location: Schema.String,
      quantity: Schema.Int,
      /** How many of it are promised, and were not there. */
      backOrdered: Schema.Int
    })
  ),
  /** Why it was refused. */
  shortages: Schema.Array(Shortage),
  giveUpReason: Schema.NullOr(GiveUpReason),
  requestedAt: Schema.String,
  updatedAt: Schema.String,
  /** `null` when it was given up before it was requested. */
  expiresAt: Schema.NullOr(Schema.String)
}).annotate({ identifier: "ReservationView" })

export type StockLevel = typeof StockLevel.Type
export type SkuStock = typeof SkuStock.Type
export type StockMovement = typeof StockMovement.Type
export type ReservationView = typeof ReservationView.Type

/** Nothing is known of the stock of a SKU, or of it at a location. */
export class StockNotFound extends Problem<StockNotFound>()("StockNotFound", {
  status: 404,
  title: "No stock of this is known"
}) {}

export const stockNotFound = (sku: string, location?: string): StockNotFound =>
  new StockNotFound({
    detail: `Nothing is known of ${sku}${location === undefined ? "" : ` at ${location}`}. Check the spelling, or receive some first.`
  })
