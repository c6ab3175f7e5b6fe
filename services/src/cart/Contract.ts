/**
 * What the cart tells other services, and what they can tell it. The only file of the cart that they know.
 *
 * The schemas are public and stand on their own, so that the cart's own events may change without them. The key of every message
 * is the cart's id. `services/test/contracts` records each version; a change that would break a reader fails a test.
 */
import * as Contract from "@daybook/core/Contract"
import * as Schema from "effect/Schema"
import { Money } from "../Money.ts"

/** What was in the cart, at the price that it was added at. */
const Line = Schema.Struct({
  lineId: Schema.String,
  sku: Schema.String,
  description: Schema.String,
  quantity: Schema.Int,
  unitPrice: Money
})

/** Less in stock than was asked for. */
const Shortage = Schema.Struct({ sku: Schema.String, requested: Schema.Int, available: Schema.Int })

const Whose = { cartId: Schema.String, customerId: Schema.NullOr(Schema.String), country: Schema.NullOr(Schema.String) }

/** What has happened to carts, for whoever wants to know. */
export const CartEvents = Contract.define("cart-events", {
  /** The cart is frozen at this content while the checkout goes on. */
  CartCheckedOut: { ...Whose, checkoutId: Schema.String, total: Money, lines: Schema.Array(Line) },
  /** The cart has been bought. */
  CartCompleted: { cartId: Schema.String, checkoutId: Schema.String },
  /**
   * The cart can be changed again. `checkoutId` is that of the checkout that failed; `null` when its buyer came back to an abandoned
   * cart (`recovered`).
   */
  CartRestored: {
    cartId: Schema.String,
    checkoutId: Schema.NullOr(Schema.String),
    reason: Schema.Literals(["shortage", "payment-declined", "cancelled", "failed", "recovered"]),
    shortages: Schema.Array(Shortage)
  },
  /** The cart was given up. `merged`: its lines live on in another cart, and none of it is lost to the shop. */
  CartAbandoned: {
    ...Whose,
    reason: Schema.Literals(["expired", "discarded", "merged"]),
    total: Money,
    lineCount: Schema.Int
  }
})

/** What the cart has to say. */
export type CartEvent = Contract.Type<typeof CartEvents>

/**
 * What other services may ask of a cart, by its id as the key. Each may be sent again, and each that can be read is answered: a
 * value that no cart would take is refused with `InvalidRequest`.
 */
export const CartCommands = Contract.define("cart-commands", {
  /**
   * Freezes the cart. Answered with its content: `{ cartId, customerId, country, total, lines }`, the same when it is sent again.
   * `acceptedTotal` is what the buyer was shown, and `expectedVersion` the version that it was shown at; the cart refuses when it
   * has changed since (`TotalChanged`, `VersionMismatch`). `null` where that does not matter.
   */
  BeginCheckout: {
    checkoutId: Schema.String,
    acceptedTotal: Schema.NullOr(Money),
    expectedVersion: Schema.NullOr(Schema.Int)
  },
  /** The checkout has succeeded: the cart has been bought. */
  CompleteCart: { checkoutId: Schema.String },
  /** The checkout has failed: the buyer gets the cart back as it was. */
  RestoreCart: {
    checkoutId: Schema.String,
    reason: Schema.Literals(["shortage", "payment-declined", "cancelled", "failed"]),
    shortages: Schema.Array(Shortage)
  }
})

/** What the cart can be asked. */
export type CartCommand = Contract.Type<typeof CartCommands>

/** The content of a cart that a checkout has frozen: the answer to `BeginCheckout`. */
export const FrozenCart = Schema.Struct({ ...Whose, total: Money, lines: Schema.Array(Line) })

/** The content of a cart that a checkout has frozen. */
export type FrozenCart = typeof FrozenCart.Type
