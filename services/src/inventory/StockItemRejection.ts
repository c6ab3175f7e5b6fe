/**
 * Why a stock item refuses a command: the problems that its domain answers with, and their texts.
 *
 * The type of each, `urn:daybook:problem:<name>`, is what clients switch on, so that names and statuses stay as they are. 409:
 * the item's present state forbids it. 422: the values themselves do. Too little stock for a reservation is none of these: it is
 * an answer, and stored (`StockRefused`).
 */
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import type { StockItemKey } from "./StockItemEvents.ts"

export class WrongStockItem extends Problem<WrongStockItem>()(
  "WrongStockItem",
  { status: 409, title: "The command is for another stock item" },
  { sku: Schema.String, location: Schema.String }
) {}

export class StockQuantityOutOfRange extends Problem<StockQuantityOutOfRange>()(
  "StockQuantityOutOfRange",
  { status: 422, title: "The quantity is out of range" },
  { quantity: Schema.Int, minimum: Schema.Int, maximum: Schema.Int }
) {}

export class TooMuchStock extends Problem<TooMuchStock>()(
  "TooMuchStock",
  { status: 409, title: "There would be more on hand than a stock item may hold" },
  { onHand: Schema.Int, quantity: Schema.Int, maximum: Schema.Int }
) {}

export class InsufficientStock extends Problem<InsufficientStock>()(
  "InsufficientStock",
  { status: 409, title: "There is too little stock" },
  { requested: Schema.Int, available: Schema.Int }
) {}

export class BackOrdersOutstanding extends Problem<BackOrdersOutstanding>()(
  "BackOrdersOutstanding",
  { status: 409, title: "More is on back-order than the limit would allow" },
  { outstanding: Schema.Int, limit: Schema.Int }
) {}

export class ReferenceTaken extends Problem<ReferenceTaken>()(
  "ReferenceTaken",
  { status: 409, title: "The document has been recorded before, with another content" },
  { reference: Schema.String }
) {}

export class SameLocation extends Problem<SameLocation>()(
  "SameLocation",
  { status: 422, title: "A transfer needs two locations" },
  { location: Schema.String }
) {}

export class ReservationLapsed extends Problem<ReservationLapsed>()(
  "ReservationLapsed",
  { status: 409, title: "The reservation's time was over before it came here" },
  { reservationId: Schema.String, expiresAtMillis: Schema.Int, nowMillis: Schema.Int }
) {}

export class HoldNotFound extends Problem<HoldNotFound>()(
  "HoldNotFound",
  { status: 404, title: "The reservation holds nothing of this stock item" },
  { reservationId: Schema.String }
) {}

export class HoldCommitted extends Problem<HoldCommitted>()(
  "HoldCommitted",
  { status: 409, title: "The stock has been committed to its order" },
  { reservationId: Schema.String, committed: Schema.Int }
) {}

export class HoldNotCommitted extends Problem<HoldNotCommitted>()(
  "HoldNotCommitted",
  { status: 409, title: "The stock has not been committed to its order yet" },
  { reservationId: Schema.String, reserved: Schema.Int }
) {}

export class MoreThanCommitted extends Problem<MoreThanCommitted>()(
  "MoreThanCommitted",
  { status: 409, title: "The order has less committed than that" },
  { reservationId: Schema.String, requested: Schema.Int, committed: Schema.Int }
) {}

/** Every rejection of a stock item, for the declarations of its API. */
export const stockItemRejections = [
  WrongStockItem,
  StockQuantityOutOfRange,
  TooMuchStock,
  InsufficientStock,
  BackOrdersOutstanding,
  ReferenceTaken,
  SameLocation,
  ReservationLapsed,
  HoldNotFound,
  HoldCommitted,
  HoldNotCommitted,
  MoreThanCommitted
] as const

export type StockItemRejection = InstanceType<(typeof stockItemRejections)[number]>

const nameOf = ({ sku, location }: StockItemKey): string => `${sku} at ${location}`

export const wrongStockItem = (item: StockItemKey, asked: StockItemKey): WrongStockItem =>
  new WrongStockItem({
    sku: item.sku,
    location: item.location,
    detail: `This is the stock item of ${nameOf(item)}, and the command is for ${nameOf(asked)}. Send it to that one.`
  })

export const stockQuantityOutOfRange = (
  what: string,
  quantity: number,
  range: { readonly minimum: number; readonly maximum: number }
): StockQuantityOutOfRange =>
  new StockQuantityOutOfRange({
    quantity,
    ...range,
    detail: `The ${what} is ${quantity}; it must be ${range.minimum} to ${range.maximum}${range.minimum < 0 ? ", and not 0" : ""}. Correct it.`
  })

export const tooMuchStock = (onHand: number, quantity: number, maximum: number): TooMuchStock =>
  new TooMuchStock({
    onHand,
    quantity,
    maximum,
    detail: `${onHand} are on hand, and ${quantity} more would exceed ${maximum}, the most that a stock item holds. Check the quantity.`
  })

/** `why` says what keeps the rest back. */
export const insufficientStock = (requested: number, available: number, why: string): InsufficientStock =>
  new InsufficientStock({
    requested,
    available,
    detail: `${requested} cannot be taken out, ${available} can: ${why}. Take out fewer, or free some first.`
  })

export const backOrdersOutstanding = (outstanding: number, limit: number): BackOrdersOutstanding =>
  new BackOrdersOutstanding({
    outstanding,
    limit,
    detail: `${outstanding} are promised beyond what is on hand, and the limit would be ${limit}. Receive stock or release reservations first.`
  })

export const referenceTaken = (reference: string): ReferenceTaken =>
  new ReferenceTaken({
    reference,
    detail: `${reference} has been recorded for this stock item with another content. Use a new reference, or adjust the stock.`
  })

export const sameLocation = (location: string): SameLocation =>
  new SameLocation({
    location,
    detail: `The transfer is from ${location} to ${location}. Name the location at its other end.`
  })

export const reservationLapsed = (
  reservationId: string,
  expiresAtMillis: number,
  nowMillis: number
): ReservationLapsed =>
  new ReservationLapsed({
    reservationId,
    expiresAtMillis,
    nowMillis,
    detail: `Reservation ${reservationId} ran out at ${expiresAtMillis} ms, and it is ${nowMillis} ms. Reserve again under a new order.`
  })

export const holdNotFound = (reservationId: string): HoldNotFound =>
  new HoldNotFound({
    reservationId,
    detail: `Reservation ${reservationId} holds nothing of this stock item: it never did, or it has ended. Check the id.`
  })

export const holdCommitted = (reservationId: string, committed: number): HoldCommitted =>
  new HoldCommitted({
    reservationId,
    committed,
    detail: `${committed} are committed to ${reservationId}, and can no longer be released. Cancel the commitment instead.`
  })

export const holdNotCommitted = (reservationId: string, reserved: number): HoldNotCommitted =>
  new HoldNotCommitted({
    reservationId,
    reserved,
    detail: `${reserved} are reserved for ${reservationId}, and not committed. Commit the reservation first.`
  })

export const moreThanCommitted = (reservationId: string, requested: number, committed: number): MoreThanCommitted =>
  new MoreThanCommitted({
    reservationId,
    requested,
    committed,
    detail: `${committed} are committed to ${reservationId}, and this is about ${requested}. Correct the quantity.`
  })
