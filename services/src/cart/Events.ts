/**
 * What happens to a cart. These names are on disk: events stay readable for ever, so that a changed shape is a new schema
 * version with an upcaster, never an edit. `test/cart/golden` holds one file for each version that was ever written.
 *
 * The schemas say what the data is made of, and no more. Limits that may change (a longest text, the list of currencies)
 * belong to the commands in `Domain.ts`; a limit here would make yesterday's events unreadable.
 */
import * as Event from "@daybook/core/Event"
import * as Schema from "effect/Schema"
import { CurrencyCode, Money } from "../Money.ts"

/** One line: something in the cart, at the price that it was added at. */
export const Line = Schema.Struct({
  lineId: Schema.String,
  sku: Schema.String,
  description: Schema.String,
  quantity: Schema.Int,
  unitPrice: Money
})

/** One line: something in the cart, at the price that it was added at. */
export type Line = typeof Line.Type

/** Less in stock than a line asked for. */
export const Shortage = Schema.Struct({ sku: Schema.String, requested: Schema.Int, available: Schema.Int })

/** Why a cart became editable again. `recovered`: an abandoned cart was picked up; the others ended a checkout. */
export const RestoreReason = Schema.Literals(["shortage", "payment-declined", "cancelled", "failed", "recovered"])

/** Why a cart was given up. `merged`: its lines live on in another cart. */
export const AbandonReason = Schema.Literals(["expired", "discarded", "merged"])

/** Where a cart is in its life. In stored states, not in events. `merged`: its lines live on in another cart. */
export const Status = Schema.Literals(["unopened", "open", "checking-out", "completed", "abandoned", "merged"])

/** The events of a cart. */
export const CartEvents = Event.define({
  /** The stream's first event. `country` is a name as the business gives it, which may be none of ISO 3166's. */
  CartOpened: {
    customerId: Schema.NullOr(Schema.String),
    country: Schema.NullOr(Schema.String),
    currency: CurrencyCode
  },
  ItemAdded: Line.fields,
  QuantityChanged: { lineId: Schema.String, quantityBefore: Schema.Int, quantity: Schema.Int },
  ItemRemoved: { lineId: Schema.String, sku: Schema.String, quantity: Schema.Int },
  /** Marks a merge as done. Its lines come before it, as `ItemAdded` and `QuantityChanged` of the same command. */
  GuestCartMerged: { guestCartId: Schema.String },
  /**
   * The cart is frozen at this content. It says everything that follows from a checkout, since earlier events may be gone by
   * the time that it is read (level 2).
   */
  CheckoutBegun: {
    checkoutId: Schema.String,
    customerId: Schema.NullOr(Schema.String),
    country: Schema.NullOr(Schema.String),
    total: Money,
    lines: Schema.Array(Line)
  },
  CartCompleted: { checkoutId: Schema.String },
  /** The cart is editable again. `checkoutId` is that of the checkout that failed, `null` when an abandoned cart was recovered. */
  CartRestored: {
    checkoutId: Schema.NullOr(Schema.String),
    reason: RestoreReason,
    shortages: Schema.Array(Shortage)
  },
  CartAbandoned: {
    reason: AbandonReason,
    customerId: Schema.NullOr(Schema.String),
    country: Schema.NullOr(Schema.String),
    total: Money,
    lineCount: Schema.Int
  }
})

/** An event of a cart. */
export type CartEvent = Event.Type<typeof CartEvents>
