/**
 * What the inventory tells other services, and what they can tell it. The only file of the inventory that they know.
 *
 * The schemas are public and stand on their own, so that the inventory's own events may change without them. Messages about
 * reservations have the order's id as their key, those about stock the stock item's. `services/test/contracts` records each
 * version; a change that would break a reader fails a test.
 */
import * as Contract from "@daybook/core/Contract"
import * as Schema from "effect/Schema"

const Where = { sku: Schema.String, location: Schema.String }

/** A line that is held. `backOrdered`: how many of it are promised, and were not there. */
const HeldLine = Schema.Struct({ ...Where, quantity: Schema.Int, backOrdered: Schema.Int })

const Line = Schema.Struct({ ...Where, quantity: Schema.Int })

/** Less in stock than was asked for. */
const Shortage = Schema.Struct({ ...Where, requested: Schema.Int, available: Schema.Int })

const Reason = Schema.Literals(["payment-declined", "cancelled", "failed"])

/** What has happened to reservations and to stock, for whoever wants to know. */
export const InventoryEvents = Contract.define("inventory-events", {
  /** Every line of the order is held, until then. */
  ItemsReserved: { orderId: Schema.String, lines: Schema.Array(HeldLine), expiresAtMillis: Schema.Int },
  /** Nothing is held: some lines were short. */
  ReservationRefused: { orderId: Schema.String, shortages: Schema.Array(Shortage) },
  ReservationExtended: { orderId: Schema.String, expiresAtMillis: Schema.Int },
  /** The items belong to the order, and wait to be shipped. */
  ReservationCommitted: { orderId: Schema.String, lines: Schema.Array(Line) },
  ReservationReleased: { orderId: Schema.String, reason: Reason },
  /** Nobody committed or released it in time. */
  ReservationExpired: { orderId: Schema.String, expiredAtMillis: Schema.Int },
  /** What lies there, and how much of it can be had, after something changed one of them. For catalogues and shop windows. */
  StockLevelChanged: { ...Where, onHand: Schema.Int, available: Schema.Int },
  /** Units have left for a customer. `reference` is the shipment. */
  ItemsShipped: { orderId: Schema.String, ...Where, quantity: Schema.Int, reference: Schema.String },
  /** What is available has come down to the reorder point. For whoever buys. */
  StockRanLow: { ...Where, available: Schema.Int, reorderPoint: Schema.Int },
  StockReplenished: { ...Where, available: Schema.Int, reorderPoint: Schema.Int }
})

/** What the inventory has to say. */
export type InventoryEvent = Contract.Type<typeof InventoryEvents>

/**
 * What other services may ask of the inventory, by the order's id as the key. Each may be sent again. Ids and amounts have the
 * inventory's limits, and are refused with a problem's name beyond them: a command that can be read always has an answer.
 */
export const InventoryCommands = Contract.define("inventory-commands", {
  /**
   * Holds every item of an order, or none, from now on for so long; a month at most. Answered later, by `ItemsReserved` or
   * `ReservationRefused`; at once where that has happened already: with `ItemsHeld`, or refused for the reason `shortage`, with
   * `ItemsShort`.
   */
  ReserveItems: {
    orderId: Schema.String,
    lines: Schema.Array(Schema.Struct({ sku: Schema.String, quantity: Schema.Int })),
    holdMillis: Schema.Int
  },
  /** The order is paid for: it keeps the items. Refused where the reservation has ended (`ReservationClosed`). */
  CommitReservation: {},
  /** The order does not need the items. Also before `ReserveItems` has come, which is refused then. */
  ReleaseReservation: { reason: Reason },
  /** Holds the items for so long from now on, unless they are held for longer. Answered with `ItemsHeld`. */
  ExtendReservation: { holdMillis: Schema.Int }
})

/** What the inventory can be asked. */
export type InventoryCommand = Contract.Type<typeof InventoryCommands>

/** What is held for an order, and until when. */
export const ItemsHeld = Schema.Struct({ lines: Schema.Array(HeldLine), expiresAtMillis: Schema.Int })

/** What there was too little of. */
export const ItemsShort = Schema.Struct({ shortages: Schema.Array(Shortage) })
