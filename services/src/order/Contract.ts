/**
 * What the order tells other services, and what they can tell it. The only file of the order that they know.
 *
 * The schemas are public and stand on their own, so that the order's own events may change without them. The key of every
 * message is the order's id. `services/test/contracts` records each version; a change that would break a reader fails a test.
 */
import * as Contract from "@daybook/core/Contract"
import * as Schema from "effect/Schema"
import { Money } from "../Money.ts"
import { recipient } from "../Recipient.ts"

/** What was bought. Nothing of it is ever looked up again. */
const Line = Schema.Struct({
  lineId: Schema.String,
  sku: Schema.String,
  description: Schema.String,
  quantity: Schema.Int,
  /** Before tax. */
  unitPrice: Money,
  /** Of the whole line, on top of quantity × price. */
  tax: Money
})

/** A part of a line. */
const Part = Schema.Struct({ lineId: Schema.String, sku: Schema.String, quantity: Schema.Int })

/** A part of a line and what it comes to, tax included. */
const ValuedPart = Schema.Struct({ ...Part.fields, amount: Money })

/** Less in stock than was asked for. */
const Shortage = Schema.Struct({ sku: Schema.String, requested: Schema.Int, available: Schema.Int })

/** Where the order came from and whose it is. `country` is a name as the business gives it. */
const Origin = {
  cartId: Schema.String,
  checkoutId: Schema.String,
  customerId: Schema.NullOr(Schema.String),
  country: Schema.NullOr(Schema.String)
}

/** goods + tax + shipping = total. */
const Content = { ...Origin, lines: Schema.Array(Line), goods: Money, tax: Money, shipping: Money, total: Money }

/** The payment and the stock behind a confirmed order, for whoever captures, refunds, ships or restocks. */
const Backing = { authorisationId: Schema.String, reservationId: Schema.String }

const RejectReason = Schema.Literals(["shortage", "payment-declined", "failed"])

/** `unavailable`: it was sold and could not be found. */
const CancelReason = Schema.Literals(["customer", "unavailable", "fraud", "other"])

const ReturnReason = Schema.Literals(["unwanted", "damaged", "faulty", "wrong-item", "other"])

/** One parcel of a shipment. `null` where nobody said. */
const Parcel = Schema.Struct({ carrier: Schema.NullOr(Schema.String), trackingNumber: Schema.NullOr(Schema.String) })

/** How far a confirmed order has come: `shipping` and `shipped`, a part or all of what was not cancelled is on its way. */
const Fulfilment = Schema.Literals(["confirmed", "shipping", "shipped", "delivered", "cancelled"])

/** What has happened to orders, for whoever wants to know. */
export const OrderEvents = Contract.define("order-events", {
  /** An order is there. Nothing is certain yet: its checkout is under way. */
  OrderPlaced: { orderId: Schema.String, ...Content },
  /** Certain: the payment is authorised and the stock is committed. */
  OrderConfirmed: { orderId: Schema.String, ...Origin, ...Backing, total: Money },
  /** The shop could not take the order. Nothing is charged. */
  OrderRejected: {
    orderId: Schema.String,
    ...Origin,
    reason: RejectReason,
    shortages: Schema.Array(Shortage),
    total: Money
  },
  /** The customer wants an order cancelled whose checkout is under way. What comes of it is said by a later event. */
  CancellationRequested: {
    orderId: Schema.String,
    cancellationId: Schema.String,
    customerId: Schema.NullOr(Schema.String)
  },
  /**
   * A part of a confirmed order, or all of it, will not be delivered, and what it comes to is not to be charged. `shipping` is
   * the charge for shipping when nothing is left to ship, else zero. amounts + shipping = total.
   */
  LinesCancelled: {
    orderId: Schema.String,
    cancellationId: Schema.String,
    reason: CancelReason,
    ...Backing,
    lines: Schema.Array(ValuedPart),
    shipping: Money,
    total: Money,
    fulfilment: Fulfilment
  },
  /** Nothing of the order will be delivered. After a confirmation, `LinesCancelled` of the same cancellation comes before it. */
  OrderCancelled: {
    orderId: Schema.String,
    cancellationId: Schema.String,
    ...Origin,
    reason: CancelReason,
    total: Money
  },
  /**
   * Lines are on their way. `total` is to be charged: amounts + shipping, which is charged with the first shipment. `carrier` and
   * `trackingNumber` are those of the first parcel; `parcels`, and the day that the customer was promised, are not in messages
   * from before they were known.
   */
  OrderShipped: {
    orderId: Schema.String,
    shipmentId: Schema.String,
    carrier: Schema.NullOr(Schema.String),
    trackingNumber: Schema.NullOr(Schema.String),
    parcels: Schema.optionalKey(Schema.Array(Parcel)),
    promisedBy: Schema.optionalKey(Schema.NullOr(Schema.String)),
    ...Backing,
    lines: Schema.Array(ValuedPart),
    shipping: Money,
    total: Money,
    fulfilment: Fulfilment
  },
  /** A whole shipment has arrived. */
  ShipmentDelivered: {
    orderId: Schema.String,
    shipmentId: Schema.String,
    lines: Schema.Array(Part),
    fulfilment: Fulfilment
  },
  /** The customer means to send something back. */
  ReturnRequested: {
    orderId: Schema.String,
    returnId: Schema.String,
    reason: ReturnReason,
    lines: Schema.Array(Part)
  },
  /** What came back, which may be less than was announced, or nothing. `total` is to be refunded. */
  ReturnReceived: {
    orderId: Schema.String,
    returnId: Schema.String,
    reason: ReturnReason,
    ...Backing,
    lines: Schema.Array(ValuedPart),
    total: Money
  },
  /** Nothing can happen to the order any more. `kept` is what was charged and not refunded. */
  OrderClosed: { orderId: Schema.String, ...Origin, kept: Money }
})

/** What the order has to say. */
export type OrderEvent = Contract.Type<typeof OrderEvents>

/**
 * What other services may ask of an order, by its id as the key. Each may be sent again, and is answered with `OrderAnswer`.
 * Texts and amounts have the order's limits, and are refused with `InvalidRequest` beyond them: a command that can be read
 * always has an answer.
 */
export const OrderCommands = Contract.define("order-commands", {
  /**
   * Places an order with the content of a frozen cart, its tax and its shipping. The recipient is sealed for the customer; where
   * there is none, for the checkout's guest.
   */
  SubmitOrder: { ...Content, recipient: Schema.optionalKey(Schema.NullOr(recipient.token)) },
  /** The checkout has succeeded. A cancellation that the customer asked for meanwhile follows at once. */
  ConfirmOrder: Backing,
  /** The checkout has failed. Nothing will be charged. */
  RejectOrder: { reason: RejectReason, shortages: Schema.Array(Shortage) },
  /** The checkout gives way to a cancellation. Nothing will be charged. */
  CancelOrder: { cancellationId: Schema.String, reason: CancelReason }
})

/** What the order can be asked. */
export type OrderCommand = Contract.Type<typeof OrderCommands>

/** The answer to a command that was carried out, now or before: the order's version after it, for `atLeastVersion`. */
export const OrderAnswer = Schema.Struct({ orderId: Schema.String, version: Schema.Int })

/** The answer to a command that was carried out, now or before. */
export type OrderAnswer = typeof OrderAnswer.Type
