/**
 * What happens to an order. These names are on disk: events stay readable for ever, so that a changed shape is a new schema
 * version with an upcaster, never an edit. `test/order/golden` holds one file for each version that was ever written.
 *
 * Each event says all that readers need who do not know the events before it: who bought, what it is worth, where the order
 * stands. Only the full lines are said once, in `OrderPlaced`. As with the cart, limits that may change are not here but with
 * the commands in `Domain.ts`.
 */
import * as Event from "@daybook/core/Event"
import * as Schema from "effect/Schema"
import { Money } from "../Money.ts"
import { recipient } from "../Recipient.ts"
import { ofOne, Parcel } from "./Parcels.ts"

/** One line, as it was when the order was placed. Nothing is ever looked up again. */
export const Line = Schema.Struct({
  lineId: Schema.String,
  sku: Schema.String,
  description: Schema.String,
  quantity: Schema.Int,
  /** Before tax. */
  unitPrice: Money,
  /** Of the whole line, on top of quantity × price. */
  tax: Money
})

/** One line, as it was when the order was placed. */
export type Line = typeof Line.Type

/** A part of a line. */
export const Part = Schema.Struct({ lineId: Schema.String, sku: Schema.String, quantity: Schema.Int })

/** A part of a line. */
export type Part = typeof Part.Type

/** A part of a line and what it comes to, tax included. */
export const ValuedPart = Schema.Struct({ ...Part.fields, amount: Money })

/** A part of a line and what it comes to, tax included. */
export type ValuedPart = typeof ValuedPart.Type

/** Less in stock than the order asks for. */
export const Shortage = Schema.Struct({ sku: Schema.String, requested: Schema.Int, available: Schema.Int })

/** Why the shop could not take an order. */
export const RejectReason = Schema.Literals(["shortage", "payment-declined", "failed"])

/** Why an order, or a part of it, will not be delivered. `unavailable`: it was sold and could not be found. */
export const CancelReason = Schema.Literals(["customer", "unavailable", "fraud", "other"])

/** What a cancellation asked for: all that had not been shipped, or certain quantities. */
export const CancelScope = Schema.Literals(["order", "lines"])

/** Why goods come back. */
export const ReturnReason = Schema.Literals(["unwanted", "damaged", "faulty", "wrong-item", "other"])

/**
 * Where an order is in its life. `pending`: its checkout is under way. `confirmed`: nothing has been shipped yet. `shipping`:
 * a part has. `shipped`: all has that was not cancelled. `delivered`: all of that has arrived.
 */
export const Status = Schema.Literals([
  "unplaced",
  "pending",
  "confirmed",
  "shipping",
  "shipped",
  "delivered",
  "closed",
  "rejected",
  "cancelled"
])

/** Where an order is in its life. */
export type Status = typeof Status.Type

/** Where the order came from and whose it is. `country` is a name as the business gives it, which may be none of ISO 3166's. */
const origin = {
  cartId: Schema.String,
  checkoutId: Schema.String,
  customerId: Schema.NullOr(Schema.String),
  country: Schema.NullOr(Schema.String)
}

/** The payment and the stock behind a confirmed order, for whoever captures, refunds, ships or restocks. */
const backing = { authorisationId: Schema.String, reservationId: Schema.String }

/** The events of an order. */
export const OrderEvents = Event.define({
  /** The stream's first event. goods + tax + shipping = total. Version 1 knew no recipient. */
  OrderPlaced: Event.versioned(
    2,
    {
      ...origin,
      lines: Schema.Array(Line),
      goods: Money,
      tax: Money,
      shipping: Money,
      total: Money,
      recipient: Schema.NullOr(recipient.token)
    },
    { 1: (placed) => ({ ...placed, recipient: null }) }
  ),
  /** Certain: the payment is authorised and the stock is committed. */
  OrderConfirmed: { ...origin, ...backing, total: Money },
  OrderRejected: { ...origin, reason: RejectReason, shortages: Schema.Array(Shortage), total: Money },
  /** The customer wants a pending order cancelled. Its checkout either gives way to that or confirms the order first. */
  CancellationRequested: { cancellationId: Schema.String, customerId: Schema.NullOr(Schema.String) },
  /**
   * Will not be delivered; what it comes to is not to be charged. `shipping` is the charge for shipping when nothing is left to
   * ship, else zero. amounts + shipping = total.
   */
  LinesCancelled: {
    cancellationId: Schema.String,
    scope: CancelScope,
    reason: CancelReason,
    ...backing,
    lines: Schema.Array(ValuedPart),
    shipping: Money,
    total: Money,
    status: Status
  },
  /** Nothing of the order will be delivered. After a confirmation, `LinesCancelled` of the same cancellation comes before it. */
  OrderCancelled: { cancellationId: Schema.String, ...origin, reason: CancelReason, total: Money },
  /**
   * On its way. What it comes to is to be charged; `shipping` is charged with the first shipment. amounts + shipping = total.
   * `promisedBy` is the day that the customer was promised, such as 2011-03-31. Version 1 knew one parcel, version 2 no promise.
   */
  OrderShipped: Event.versioned(
    3,
    {
      shipmentId: Schema.String,
      parcels: Schema.Array(Parcel),
      promisedBy: Schema.NullOr(Schema.String),
      ...backing,
      lines: Schema.Array(ValuedPart),
      shipping: Money,
      total: Money,
      status: Status
    },
    {
      1: ({ carrier, trackingNumber, ...rest }) => ({ ...rest, parcels: ofOne({ carrier, trackingNumber }) }),
      2: (data) => ({ ...data, promisedBy: null })
    }
  ),
  ShipmentDelivered: { shipmentId: Schema.String, lines: Schema.Array(Part), status: Status },
  ReturnRequested: { returnId: Schema.String, reason: ReturnReason, lines: Schema.Array(Part) },
  /** What came back, which may be less than was announced. Its total is to be refunded. */
  ReturnReceived: {
    returnId: Schema.String,
    reason: ReturnReason,
    ...backing,
    lines: Schema.Array(ValuedPart),
    total: Money
  },
  /** Nothing can happen to the order any more. `kept` is what was charged and not refunded. */
  OrderClosed: { ...origin, kept: Money }
})

/** An event of an order. */
export type OrderEvent = Event.Type<typeof OrderEvents>
