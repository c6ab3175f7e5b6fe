/**
 * What may be asked of an order: the commands, how much they may bring, and which status takes which.
 *
 * Texts are as short as the cart's, so that an order at the default cap of lines fits a message of 1 MB (Kafka's default).
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"
import { recipient } from "../Recipient.ts"
import { Day, Id, Text } from "../Text.ts"
import { CancelReason, RejectReason, ReturnReason, Shortage, type Status } from "./Events.ts"

const OrderedLine = Schema.Struct({
  lineId: Id,
  sku: Id,
  description: Text(200),
  quantity: Schema.Int,
  unitPrice: Money.Price,
  tax: Money.Price
})

/** The parcels of one shipment. More than these go as several shipments. */
export const Parcels = Schema.Array(
  Schema.Struct({ carrier: Schema.NullOr(Text(100)), trackingNumber: Schema.NullOr(Text(100)) })
).check(Schema.isMaxLength(100))

const Quantities = Schema.Array(Schema.Struct({ lineId: Id, quantity: Schema.Int }))

/**
 * The commands. Ids are the sender's to choose; the same id again means the same cancellation, shipment or return again. The
 * order's own id is that of its stream.
 */
export const Command = Schema.TaggedUnion({
  /** The frozen cart, with tax and shipping. `country` is a name as the business gives it. goods + tax + shipping = total. */
  SubmitOrder: {
    cartId: Id,
    checkoutId: Id,
    customerId: Schema.NullOr(Id),
    country: Schema.NullOr(Text(100)),
    lines: Schema.Array(OrderedLine),
    goods: Money.Price,
    tax: Money.Price,
    shipping: Money.Price,
    total: Money.Price,
    /** Sealed for the customer; for the checkout's guest where there is none. */
    recipient: Schema.NullOr(recipient.token).pipe(Schema.withDecodingDefaultKey(Effect.succeed(null)))
  },
  /** The payment is authorised and the stock committed. A cancellation that was asked for meanwhile follows at once. */
  ConfirmOrder: { authorisationId: Id, reservationId: Id },
  RejectOrder: { reason: RejectReason, shortages: Schema.Array(Schema.Struct({ ...Shortage.fields, sku: Id })) },
  /** Ends a pending order. Its checkout has made certain that nothing will be charged. */
  CancelOrder: { cancellationId: Id, reason: CancelReason },
  /** The customer's wish: noted while the order is pending, later carried out at once for all that has not been shipped. */
  RequestCancellation: { cancellationId: Id },
  CancelLines: { cancellationId: Id, reason: CancelReason, lines: Quantities },
  /** None of the parcels need be known. `promisedBy` is the day that the customer was promised. */
  RecordShipment: { shipmentId: Id, parcels: Parcels, promisedBy: Schema.NullOr(Day), lines: Quantities },
  /** Of a whole shipment. */
  RecordDelivery: { shipmentId: Id },
  RequestReturn: { returnId: Id, reason: ReturnReason, lines: Quantities },
  /** Ends the return. `lines` is what came, which may be less than was announced, or nothing. */
  ReceiveReturn: { returnId: Id, lines: Quantities },
  /** The time for returns is over. */
  CloseOrder: {}
})

/** Something asked of an order. */
export type Command = typeof Command.Type

/** The command of that name. */
export type CommandOf<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>

/** A command that some statuses refuse. `SubmitOrder` is for an order that does not exist yet, whatever came of it. */
export type Restricted = Exclude<Command["_tag"], "SubmitOrder">

/** Which status takes which command, unless it is a repetition. */
export const allowedIn: Record<Restricted, ReadonlyArray<Status>> = {
  ConfirmOrder: ["pending"],
  RejectOrder: ["pending"],
  CancelOrder: ["pending"],
  RequestCancellation: ["pending", "confirmed", "shipping"],
  CancelLines: ["confirmed", "shipping"],
  RecordShipment: ["confirmed", "shipping"],
  RecordDelivery: ["shipping", "shipped"],
  RequestReturn: ["shipping", "shipped", "delivered"],
  ReceiveReturn: ["shipping", "shipped", "delivered"],
  CloseOrder: ["delivered"]
}

/** How much an order takes. */
export interface Limits {
  /** Largest quantity of a line. */
  readonly maxQuantity: number
  /** Most lines. */
  readonly maxLines: number
  /** Most cancellations, shipments and returns together. */
  readonly maxRecords: number
}

/**
 * Quantity and lines are the cart's, since every cart must fit an order. Records: all are kept, to recognise a repetition years
 * later, so that there must be an end; a wholesale order in 100 shipments is far from it.
 */
export const defaultLimits: Limits = { maxQuantity: 100_000, maxLines: 2_000, maxRecords: 1_000 }
