/**
 * What happens to a payment. These names are on disk: events stay readable for ever, so that a changed shape is a new schema
 * version with an upcaster, never an edit. `test/payment/golden` holds one file for each version that was ever written.
 *
 * Whatever the provider is asked for is an *operation*, under an id of our own that it gets as idempotency key and that is kept
 * for ever. An operation is requested, its call is begun, and it ends in an outcome; each is an event, so that a crash at any
 * point leaves behind what is needed to go on. An operation whose call was begun and that has no outcome is unknown until the
 * provider was queried, and never assumed to be either.
 *
 * No card data is in here: only the provider's reference to a payment method, and what a receipt may show of it.
 */
import * as Event from "@daybook/core/Event"
import * as Schema from "effect/Schema"
import { Money } from "../Money.ts"

/** What the provider can be asked to do. */
export const Kind = Schema.Literals(["authorise", "capture", "void", "refund"])

/** What the provider can be asked to do. */
export type Kind = typeof Kind.Type

/**
 * How far an operation has come, in this order; it never goes back, with one exception. `requested`: nothing is at the provider,
 * as far as is known. `sent`: its call was begun, so that it may have been carried out. `unknown`: its call ended without an
 * answer. The exception: the provider, queried, does not have it, and it is `requested` again. `expired` is for authorisations,
 * `unneeded` for voids of what is not held.
 */
export const OperationStatus = Schema.Literals([
  "requested",
  "sent",
  "unknown",
  "action-required",
  "pending",
  "succeeded",
  "declined",
  "expired",
  "unneeded"
])

/** How far an operation has come. */
export type OperationStatus = typeof OperationStatus.Type

/** How a payment is paid: the provider's token for a payment method, and what a receipt may show of it. Never a card number. */
export const PaymentMethod = Schema.Struct({
  token: Schema.String,
  brand: Schema.NullOr(Schema.String),
  last4: Schema.NullOr(Schema.String)
})

/** How a payment is paid. */
export type PaymentMethod = typeof PaymentMethod.Type

/** Why nothing had to be voided. */
export const UnneededReason = Schema.Literals(["never-authorised", "not-sent", "not-found", "declined", "expired"])

/** Why nothing had to be voided. */
export type UnneededReason = typeof UnneededReason.Type

/** Where a dispute stands. */
export const ChargebackStage = Schema.Literals(["open", "won", "lost"])

/** The answers that a provider gives about an operation. `text` says how long a text may be, if that is limited. */
export const answers = <S extends Schema.Codec<string, string>>(text: (maxLength: number) => S) => ({
  /** The amount is the one that was asked for. `expiresAtMillis`: until when an authorisation holds, if the provider says so. */
  Approved: { providerReference: text(255), amount: Money, expiresAtMillis: Schema.NullOr(Schema.Int) },
  Declined: { code: text(64) },
  /** The buyer has something to do at `url` (3-D Secure). */
  ActionRequired: { providerReference: text(255), url: text(2048) },
  /** The provider has it, and will say later. */
  Pending: { providerReference: text(255) }
})

/** What a provider says by notification: an answer that comes late, or something that nobody asked for. */
export const statements = <S extends Schema.Codec<string, string>>(text: (maxLength: number) => S) => ({
  ...answers(text),
  /** An authorisation has run out: nothing is held any more. */
  Expired: {},
  /** The buyer's bank has taken money back, or has decided about it. */
  Chargeback: { chargebackId: text(64), amount: Money, stage: ChargebackStage, code: text(64) }
})

const anyText = () => Schema.String

/** What a provider says, as it is stored. */
export const Statement = Schema.TaggedUnion(statements(anyText))

/** What a provider says. */
export type Statement = typeof Statement.Type

/** What came of a notification. `unmatched`: it is about an operation that is none of ours. */
export const Verdict = Schema.Literals(["applied", "nothing-new", "contradictory", "unmatched"])

/** What came of a notification. */
export type Verdict = typeof Verdict.Type

/** Why someone should look at a payment. `overdrawn`: more was taken or given back than was captured. */
export const AttentionKind = Schema.Literals([
  "contradiction",
  "unmatched",
  "void-declined",
  "refund-declined",
  "overdrawn"
])

/** Why someone should look at a payment. */
export type AttentionKind = typeof AttentionKind.Type

const operationId = Schema.String

/** The events of a payment. */
export const PaymentEvents = Event.define({
  AuthorisationRequested: {
    operationId,
    orderId: Schema.String,
    customerId: Schema.NullOr(Schema.String),
    amount: Money,
    paymentMethod: PaymentMethod
  },
  CaptureRequested: { operationId, amount: Money },
  /**
   * The payment is not wanted any more. It may come before the authorisation's outcome: the void waits for it. It comes again,
   * under the same id, when an authorisation shows up that no longer was expected.
   */
  VoidRequested: { operationId, reason: Schema.String },
  RefundRequested: { operationId, amount: Money, reason: Schema.String },
  /** Written before the provider is called: from here on the operation may have been carried out. */
  ProviderCallBegun: { operationId },
  /** The call ended without an answer. */
  OutcomeUnknown: { operationId, why: Schema.String },
  /** The provider was queried and does not have the operation. It can be called again under the same id. */
  OperationNotFound: { operationId },
  OperationPending: { operationId, providerReference: Schema.String },
  AuthorisationActionRequired: { operationId, providerReference: Schema.String, url: Schema.String },
  PaymentAuthorised: {
    operationId,
    providerReference: Schema.String,
    amount: Money,
    expiresAtMillis: Schema.NullOr(Schema.Int)
  },
  AuthorisationDeclined: { operationId, code: Schema.String },
  AuthorisationExpired: { operationId },
  PaymentCaptured: { operationId, providerReference: Schema.String, amount: Money },
  CaptureDeclined: { operationId, code: Schema.String },
  /** What was held and not captured is released. */
  PaymentVoided: { operationId, providerReference: Schema.String },
  VoidDeclined: { operationId, code: Schema.String },
  VoidUnneeded: { operationId, why: UnneededReason },
  PaymentRefunded: { operationId, providerReference: Schema.String, amount: Money },
  RefundDeclined: { operationId, code: Schema.String },
  /** Once for each id that the provider gave; what follows from it is in the events after it. */
  NotificationRecorded: {
    providerEventId: Schema.String,
    operationId: Schema.NullOr(Schema.String),
    occurredAtMillis: Schema.Int,
    statement: Statement,
    verdict: Verdict
  },
  ChargebackOpened: { chargebackId: Schema.String, amount: Money, code: Schema.String },
  ChargebackWon: { chargebackId: Schema.String, amount: Money },
  ChargebackLost: { chargebackId: Schema.String, amount: Money },
  AttentionRequired: { attentionId: Schema.String, kind: AttentionKind, detail: Schema.String },
  AttentionResolved: { attentionId: Schema.String, note: Schema.String }
})

/** An event of a payment. */
export type PaymentEvent = Event.Type<typeof PaymentEvents>
