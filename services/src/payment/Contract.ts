/**
 * What the payment service says to others, and what it can be told. The only file of it that other services import.
 *
 * The key of every message is the payment's id, which is its order's id too.
 */
import * as Contract from "@daybook/core/Contract"
import * as Schema from "effect/Schema"
import { Money } from "../Money.ts"

const orderId = Schema.String

/** What happens to payments, as others see it. Amounts are what has moved, or is held, now. */
export const PaymentEvents = Contract.define("payment-events", {
  /** The buyer has to confirm at `url` (3-D Secure). The outcome is open. */
  PaymentActionRequired: { orderId, url: Schema.String },
  /** The amount is held; `expiresAtMillis` says until when, if the provider does. */
  PaymentAuthorised: {
    orderId,
    authorisationId: Schema.String,
    amount: Money,
    expiresAtMillis: Schema.NullOr(Schema.Int)
  },
  /** Nothing is held, and nothing will be. `code` is the provider's. */
  PaymentDeclined: { orderId, code: Schema.String },
  /** The authorisation has run out: nothing is held any more. */
  PaymentExpired: { orderId },
  PaymentCaptured: { orderId, captureId: Schema.String, amount: Money },
  CaptureDeclined: { orderId, captureId: Schema.String, code: Schema.String },
  /** Nothing is held, whether or not anything was. What was captured stays so. */
  PaymentVoided: { orderId },
  PaymentRefunded: { orderId, refundId: Schema.String, amount: Money },
  /** The buyer has to get the money back in another way. */
  RefundDeclined: { orderId, refundId: Schema.String, code: Schema.String },
  /** The buyer's bank has taken money back. `code` is the provider's. */
  ChargebackOpened: { orderId, chargebackId: Schema.String, amount: Money, code: Schema.String },
  /** The bank has returned it. */
  ChargebackWon: { orderId, chargebackId: Schema.String, amount: Money },
  ChargebackLost: { orderId, chargebackId: Schema.String, amount: Money },
  /** Someone should look at it. `kind` may be one that the reader does not know. */
  PaymentNeedsAttention: { orderId, attentionId: Schema.String, kind: Schema.String, detail: Schema.String },
  PaymentAttentionResolved: { orderId, attentionId: Schema.String }
})

/** What the payment service says. */
export type PaymentEvent = Contract.Type<typeof PaymentEvents>

/**
 * What the payment service can be told. Capture and refund ids are the sender's to choose: the same again means the same again.
 * What the provider has not decided yet is answered later, by the event that says how it ended.
 */
export const PaymentCommands = Contract.define("payment-commands", {
  /** Done: `{ authorisationId, amount, expiresAtMillis }`. Refused: `declined`, `expired`, `cancelled`, or a rejection. */
  AuthorisePayment: {
    orderId,
    customerId: Schema.NullOr(Schema.String),
    amount: Money,
    /** The provider's token, and what a receipt may show of it. Never a card number. */
    paymentMethod: Schema.Struct({
      token: Schema.String,
      brand: Schema.NullOr(Schema.String),
      last4: Schema.NullOr(Schema.String)
    })
  },
  CapturePayment: { captureId: Schema.String, amount: Money },
  /** Done as soon as it is recorded: from there on the service sees to it that nothing stays held, however long it takes. */
  VoidPayment: { reason: Schema.String },
  RefundPayment: { refundId: Schema.String, amount: Money, reason: Schema.String }
})

/** What the payment service can be told. */
export type PaymentCommand = Contract.Type<typeof PaymentCommands>
