/**
 * What queries show of payments. Browser-safe: the API declares these, and the queries make them.
 */
import * as Schema from "effect/Schema"
import { Money } from "../Money.ts"
import { AttentionKind, ChargebackStage, Kind, OperationStatus } from "./Events.ts"
import { PaymentStatus } from "./Ledger.ts"

/** A payment in a list. Amounts are what both sides' books should show; what is in doubt counts as not done. */
export const PaymentSummary = Schema.Struct({
  id: Schema.String,
  version: Schema.Int,
  status: PaymentStatus,
  orderId: Schema.NullOr(Schema.String),
  customerId: Schema.NullOr(Schema.String),
  /** Authorised, and neither captured nor released. */
  held: Money,
  captured: Money,
  refunded: Money,
  /** Disputed, or lost to disputes. */
  chargedBack: Money,
  begunAt: Schema.String,
  updatedAt: Schema.String
}).annotate({ identifier: "PaymentSummary" })

/** A payment with all that it was asked for. */
export const PaymentView = Schema.Struct({
  ...PaymentSummary.fields,
  /** What more can be captured, and what more can be refunded. */
  capturable: Money,
  refundable: Money,
  /** What a receipt may show of it. */
  paymentMethod: Schema.Struct({ brand: Schema.NullOr(Schema.String), last4: Schema.NullOr(Schema.String) }),
  /** Where the buyer has to confirm, as long as that is so. */
  actionUrl: Schema.NullOr(Schema.String),
  /** Until when the authorisation holds, if the provider said so. */
  expiresAt: Schema.NullOr(Schema.String),
  operations: Schema.Array(
    Schema.Struct({
      operationId: Schema.String,
      kind: Kind,
      /** 0 for a void, which releases whatever is left. */
      amount: Money,
      status: OperationStatus,
      providerReference: Schema.NullOr(Schema.String),
      code: Schema.NullOr(Schema.String),
      reason: Schema.NullOr(Schema.String),
      requestedAt: Schema.String,
      updatedAt: Schema.String
    })
  ),
  chargebacks: Schema.Array(
    Schema.Struct({ chargebackId: Schema.String, amount: Money, stage: ChargebackStage, updatedAt: Schema.String })
  ),
  attention: Schema.Array(
    Schema.Struct({
      attentionId: Schema.String,
      kind: AttentionKind,
      detail: Schema.String,
      requiredAt: Schema.String,
      resolvedAt: Schema.NullOr(Schema.String),
      note: Schema.NullOr(Schema.String)
    })
  )
}).annotate({ identifier: "PaymentView" })

/** Something that someone should look at. */
export const AttentionItem = Schema.Struct({
  /** The place in the list: it goes on after this. */
  number: Schema.Int,
  paymentId: Schema.String,
  orderId: Schema.NullOr(Schema.String),
  attentionId: Schema.String,
  kind: AttentionKind,
  detail: Schema.String,
  requiredAt: Schema.String
}).annotate({ identifier: "PaymentAttention" })

/** What was authorised, taken and given back on one day in one currency. */
export const LedgerDay = Schema.Struct({
  day: Schema.String,
  authorised: Money,
  captured: Money,
  refunded: Money,
  /** What disputes took, less what they gave back. */
  chargedBack: Money
}).annotate({ identifier: "PaymentLedgerDay" })

/** An operation without an outcome, or that the provider is to be asked about again. */
export const OpenOperationItem = Schema.Struct({
  paymentId: Schema.String,
  operationId: Schema.String,
  reason: Schema.String,
  since: Schema.String,
  /** How often it has been looked at. */
  tries: Schema.Int,
  /** `null` when it will not be looked at any more. */
  nextAt: Schema.NullOr(Schema.String)
}).annotate({ identifier: "OpenPaymentOperation" })

export type PaymentSummary = typeof PaymentSummary.Type
export type PaymentView = typeof PaymentView.Type
export type AttentionItem = typeof AttentionItem.Type
export type LedgerDay = typeof LedgerDay.Type
export type OpenOperationItem = typeof OpenOperationItem.Type
