/**
 * What the order's queries answer with. Browser-safe: `Api.ts` declares these, `Queries.ts` reads them.
 */
import * as Schema from "effect/Schema"
import { Money } from "../Money.ts"
import { Recipient } from "../Recipient.ts"
import { Part, Shortage, Status } from "./Events.ts"
import { Parcel } from "./Parcels.ts"

/** An order in a list. */
export const OrderSummary = Schema.Struct({
  id: Schema.String,
  version: Schema.Int,
  status: Status,
  cartId: Schema.String,
  checkoutId: Schema.String,
  customerId: Schema.NullOr(Schema.String),
  country: Schema.NullOr(Schema.String),
  total: Money,
  lineCount: Schema.Int,
  /** Returns that have been announced and not received. */
  openReturns: Schema.Int,
  /** The customer asked for a cancellation while the checkout was under way. */
  cancellationRequested: Schema.Boolean,
  placedAt: Schema.String,
  updatedAt: Schema.String
}).annotate({ identifier: "OrderSummary" })

/** A line of an order, and what has become of it. */
const OrderLineView = Schema.Struct({
  lineId: Schema.String,
  sku: Schema.String,
  description: Schema.String,
  quantity: Schema.Int,
  /** Before tax. */
  unitPrice: Money,
  /** Of the whole line. */
  tax: Money,
  cancelled: Schema.Int,
  shipped: Schema.Int,
  delivered: Schema.Int,
  /** Announced to come back, and not yet received. */
  returning: Schema.Int,
  returned: Schema.Int,
  /** What the shipped part comes to. */
  charged: Money,
  /** What the returned part comes to. */
  refunded: Money
}).annotate({ identifier: "OrderLine" })

/** `carrier` and `trackingNumber` are those of the first parcel. */
const carriage = {
  carrier: Schema.NullOr(Schema.String),
  trackingNumber: Schema.NullOr(Schema.String),
  parcels: Schema.Array(Parcel),
  /** The day that the customer was promised. */
  promisedBy: Schema.NullOr(Schema.String)
}

const ShipmentView = Schema.Struct({
  shipmentId: Schema.String,
  ...carriage,
  total: Money,
  shippedAt: Schema.String,
  deliveredAt: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Shipment" })

const ReturnView = Schema.Struct({
  returnId: Schema.String,
  reason: Schema.String,
  requestedAt: Schema.String,
  receivedAt: Schema.NullOr(Schema.String),
  /** What is to be refunded; `null` until the return has been received. */
  refund: Schema.NullOr(Money)
}).annotate({ identifier: "Return" })

/** An order with its lines, shipments and returns. Which lines were in a shipment or a return is in the timeline. */
export const OrderView = Schema.Struct({
  ...OrderSummary.fields,
  goods: Money,
  tax: Money,
  shipping: Money,
  /** What the shipments come to, shipping included. */
  charged: Money,
  /** What was taken off after the confirmation. Once nothing is left to ship, charged + cancelled = total. */
  cancelled: Money,
  refunded: Money,
  authorisationId: Schema.NullOr(Schema.String),
  reservationId: Schema.NullOr(Schema.String),
  /** Whom it goes to; `null` where that was not said, or was erased. */
  recipient: Schema.NullOr(Recipient),
  /** There was a recipient, and the person has been erased. */
  recipientErased: Schema.Boolean,
  /** Why the shop could not take the order. */
  rejection: Schema.NullOr(Schema.Struct({ reason: Schema.String, shortages: Schema.Array(Shortage) })),
  /** Why nothing of the order will be delivered. */
  cancelReason: Schema.NullOr(Schema.String),
  lines: Schema.Array(OrderLineView),
  shipments: Schema.Array(ShipmentView),
  returns: Schema.Array(ReturnView)
}).annotate({ identifier: "OrderView" })

/** Something that happened to an order. */
export const TimelineEntry = Schema.Struct({
  /** The order's version after it. */
  version: Schema.Int,
  at: Schema.String,
  event: Schema.String,
  /** Who did it: a user, an operator, a service. */
  actor: Schema.NullOr(Schema.String),
  /** What they said about it. */
  note: Schema.NullOr(Schema.String),
  /** The cancellation, shipment or return that it is about. */
  recordId: Schema.NullOr(Schema.String),
  reason: Schema.NullOr(Schema.String),
  ...carriage,
  /** Parts of lines that it is about; none where it is about the whole order. */
  lines: Schema.Array(Part),
  /** What it comes to, where it comes to something. */
  total: Schema.NullOr(Money)
}).annotate({ identifier: "TimelineEntry" })

/** What confirmed orders of one country come to in one currency. */
export const ConfirmedRevenue = Schema.Struct({
  /** "Unspecified" where the order has none. */
  country: Schema.String,
  orders: Schema.Int,
  /** Less what was cancelled; what was returned is in it. */
  total: Money
}).annotate({ identifier: "ConfirmedRevenue" })

export type ConfirmedRevenue = typeof ConfirmedRevenue.Type
export type OrderSummary = typeof OrderSummary.Type
export type OrderView = typeof OrderView.Type
export type TimelineEntry = typeof TimelineEntry.Type

/** What an order can wait for: `returning` for a return that was announced, whatever its status; the others are its status. */
export const Waiting = Schema.Literals(["pending", "confirmed", "shipping", "shipped", "delivered", "returning"])

export type Waiting = typeof Waiting.Type
