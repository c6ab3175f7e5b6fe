/**
 * What happens to a reservation: the stock of one order, all of it or none. These names are on disk; see `StockItemEvents.ts`
 * for what that means.
 *
 * The events that end or begin something name every line, so that what follows from them, stock commands and integration events,
 * follows from the event alone.
 */
import * as Event from "@daybook/core/Event"
import * as Schema from "effect/Schema"

/** How much of which stock item. At most one line for each. */
export const ReservationLine = Schema.Struct({ sku: Schema.String, location: Schema.String, quantity: Schema.Int })

/** How much of which stock item. */
export type ReservationLine = typeof ReservationLine.Type

/** A line that is held. `backOrdered`: how many of it are promised, and were not there. */
const HeldLine = Schema.Struct({ ...ReservationLine.fields, backOrdered: Schema.Int })

/** Less in stock than a line asked for. */
export const Shortage = Schema.Struct({
  sku: Schema.String,
  location: Schema.String,
  requested: Schema.Int,
  available: Schema.Int
})

/** Less in stock than a line asked for. */
export type Shortage = typeof Shortage.Type

/** Why a reservation was given up. */
export const GiveUpReason = Schema.Literals(["payment-declined", "cancelled", "failed"])

/** Where a reservation is in its life. In stored states, not in events. `pending`: the stock items have not all answered. */
export const ReservationStatus = Schema.Literals([
  "unrequested",
  "pending",
  "reserved",
  "refused",
  "committed",
  "released",
  "expired"
])

/** Where a reservation is in its life. */
export type ReservationStatus = typeof ReservationStatus.Type

const closing = { orderId: Schema.String, lines: Schema.Array(ReservationLine), expiresAtMillis: Schema.Int }

/** The events of a reservation. `expiresAtMillis` and the other times come from the commands. */
export const ReservationEvents = Event.define({
  ReservationRequested: { ...closing, requestedAtMillis: Schema.Int },
  /** Private. One stock item has granted its line. */
  LineHeld: { orderId: Schema.String, ...HeldLine.fields },
  /** Private. One stock item has refused its line. */
  LineShort: { orderId: Schema.String, ...Shortage.fields },
  /** Every line is held. */
  ItemsReserved: { orderId: Schema.String, lines: Schema.Array(HeldLine), expiresAtMillis: Schema.Int },
  /** Every stock item has answered, and some were short. `lines` are the others: held, and to be released. */
  ReservationRefused: { ...closing, shortages: Schema.Array(Shortage) },
  ReservationExtended: { ...closing, expiresAtMillisBefore: Schema.Int },
  ReservationCommitted: { orderId: Schema.String, lines: Schema.Array(ReservationLine) },
  /** Without lines when it was given up before it was requested. */
  ReservationReleased: { ...closing, reason: GiveUpReason },
  ReservationExpired: { ...closing, expiredAtMillis: Schema.Int }
})

/** An event of a reservation. */
export type ReservationEvent = Event.Type<typeof ReservationEvents>
