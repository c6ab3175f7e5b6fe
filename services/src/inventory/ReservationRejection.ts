/**
 * Why a reservation refuses a command: the problems that its domain answers with, and their texts.
 *
 * Names and statuses stay as they are, as in `StockItemRejection.ts`. A shortage is none of these: it is an outcome, and stored
 * (`ReservationRefused`).
 */
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import { ReservationStatus } from "./ReservationEvents.ts"

export class ReservationNotFound extends Problem<ReservationNotFound>()("ReservationNotFound", {
  status: 404,
  title: "No such reservation"
}) {}

export class ReservationAlreadyMade extends Problem<ReservationAlreadyMade>()(
  "ReservationAlreadyMade",
  { status: 409, title: "The order has a reservation, of other items" },
  { orderId: Schema.String, lines: Schema.Int }
) {}

export class EmptyReservation extends Problem<EmptyReservation>()("EmptyReservation", {
  status: 422,
  title: "There is nothing to reserve"
}) {}

export class TooManyReservationLines extends Problem<TooManyReservationLines>()(
  "TooManyReservationLines",
  { status: 422, title: "The reservation has too many lines" },
  { lines: Schema.Int, maximum: Schema.Int }
) {}

export class ReservationQuantityOutOfRange extends Problem<ReservationQuantityOutOfRange>()(
  "ReservationQuantityOutOfRange",
  { status: 422, title: "The quantity is out of range" },
  { sku: Schema.String, quantity: Schema.Int, maximum: Schema.Int }
) {}

export class ExpiryOutOfRange extends Problem<ExpiryOutOfRange>()(
  "ExpiryOutOfRange",
  { status: 422, title: "The expiry is in the past, or too far off" },
  { expiresAtMillis: Schema.Int, nowMillis: Schema.Int, maximumMillis: Schema.Int }
) {}

export class LineNotRequested extends Problem<LineNotRequested>()(
  "LineNotRequested",
  { status: 404, title: "The reservation has no such line" },
  { sku: Schema.String, location: Schema.String }
) {}

export class ReservationPending extends Problem<ReservationPending>()(
  "ReservationPending",
  { status: 409, title: "The stock items have not all answered yet" },
  { orderId: Schema.String, awaited: Schema.Int }
) {}

export class ReservationClosed extends Problem<ReservationClosed>()(
  "ReservationClosed",
  { status: 409, title: "The reservation has ended otherwise" },
  { orderId: Schema.String, reservationStatus: ReservationStatus }
) {}

export class ReservationNotExpired extends Problem<ReservationNotExpired>()(
  "ReservationNotExpired",
  { status: 409, title: "The reservation's time is not over yet" },
  { orderId: Schema.String, expiresAtMillis: Schema.Int, nowMillis: Schema.Int }
) {}

export class ExtensionTooLate extends Problem<ExtensionTooLate>()(
  "ExtensionTooLate",
  { status: 409, title: "The reservation's time is over" },
  { orderId: Schema.String, expiresAtMillis: Schema.Int, nowMillis: Schema.Int }
) {}

/** Every rejection of a reservation, for the declarations of its API. */
export const reservationRejections = [
  ReservationNotFound,
  ReservationAlreadyMade,
  EmptyReservation,
  TooManyReservationLines,
  ReservationQuantityOutOfRange,
  ExpiryOutOfRange,
  LineNotRequested,
  ReservationPending,
  ReservationClosed,
  ReservationNotExpired,
  ExtensionTooLate
] as const

export type ReservationRejection = InstanceType<(typeof reservationRejections)[number]>

export const reservationNotFound = (): ReservationNotFound =>
  new ReservationNotFound({ detail: "There is no reservation for this order. Check the order id, or reserve first." })

export const reservationAlreadyMade = (orderId: string, lines: number): ReservationAlreadyMade =>
  new ReservationAlreadyMade({
    orderId,
    lines,
    detail: `Order ${orderId} has a reservation of ${lines} other lines. Reserve under another order id.`
  })

export const emptyReservation = (): EmptyReservation =>
  new EmptyReservation({ detail: "The reservation has no lines. Name at least one SKU and its quantity." })

export const tooManyReservationLines = (lines: number, maximum: number): TooManyReservationLines =>
  new TooManyReservationLines({
    lines,
    maximum,
    detail: `The reservation has ${lines} lines; ${maximum} is the limit. Split it over several orders.`
  })

export const reservationQuantityOutOfRange = (
  sku: string,
  quantity: number,
  maximum: number
): ReservationQuantityOutOfRange =>
  new ReservationQuantityOutOfRange({
    sku,
    quantity,
    maximum,
    detail: `The quantity of ${sku} is ${quantity}; it must be 1 to ${maximum}. Correct it, or split it over several lines.`
  })

export const expiryOutOfRange = (expiresAtMillis: number, nowMillis: number, maximumMillis: number): ExpiryOutOfRange =>
  new ExpiryOutOfRange({
    expiresAtMillis,
    nowMillis,
    maximumMillis,
    detail: `The expiry is ${expiresAtMillis - nowMillis} ms from now; it must be 1 to ${maximumMillis} ms. Correct it.`
  })

export const lineNotRequested = (sku: string, location: string): LineNotRequested =>
  new LineNotRequested({
    sku,
    location,
    detail: `The reservation has no line of ${sku} at ${location}. Check for which order the answer was meant.`
  })

export const reservationPending = (orderId: string, awaited: number): ReservationPending =>
  new ReservationPending({
    orderId,
    awaited,
    detail: `${awaited} stock items have not answered for order ${orderId} yet. Wait until the items are reserved.`
  })

type Ended = Exclude<ReservationStatus, "unrequested" | "pending" | "reserved">

const remedy: Record<Ended, string> = {
  refused: "There was too little stock",
  committed: "Its stock belongs to the order now; cancel the commitment of each line instead",
  released: "Reserve again under a new order id",
  expired: "Reserve again under a new order id"
}

export const reservationClosed = (orderId: string, status: Ended): ReservationClosed =>
  new ReservationClosed({
    orderId,
    reservationStatus: status,
    detail: `The reservation of order ${orderId} has been ${status}. ${remedy[status]}.`
  })

const time = (orderId: string, expiresAtMillis: number, nowMillis: number) => ({ orderId, expiresAtMillis, nowMillis })

export const reservationNotExpired = (orderId: string, expiresAtMillis: number, nowMillis: number) =>
  new ReservationNotExpired({
    ...time(orderId, expiresAtMillis, nowMillis),
    detail: `The reservation of order ${orderId} runs for another ${expiresAtMillis - nowMillis} ms. Try again at ${expiresAtMillis} ms.`
  })

export const extensionTooLate = (orderId: string, expiresAtMillis: number, nowMillis: number) =>
  new ExtensionTooLate({
    ...time(orderId, expiresAtMillis, nowMillis),
    detail: `The reservation of order ${orderId} ran out ${nowMillis - expiresAtMillis} ms ago. Reserve again under a new order id.`
  })
