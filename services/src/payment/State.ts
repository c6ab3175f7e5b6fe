/**
 * What is known of a payment, and how each event changes it. Snapshots hold this state: with a change of its shape, or of what
 * `evolve` computes, raise `stateVersion`.
 */
import type * as Aggregate from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"
import { AttentionKind, ChargebackStage, Kind, OperationStatus, type PaymentEvent, PaymentMethod } from "./Events.ts"

const Operation = Schema.Struct({
  operationId: Schema.String,
  kind: Kind,
  /** 0 for a void, which releases whatever is left. */
  amountMinor: Schema.Int,
  status: OperationStatus,
  /** How often its call was begun. */
  calls: Schema.Int,
  providerReference: Schema.NullOr(Schema.String),
  /** Why it was declined, in the provider's words. */
  code: Schema.NullOr(Schema.String),
  /** Why it was asked for. */
  reason: Schema.NullOr(Schema.String)
})

/** One thing that the provider was or will be asked to do. */
export type Operation = typeof Operation.Type

/** The stored form of a payment. */
export const StateSchema = Schema.Struct({
  orderId: Schema.NullOr(Schema.String),
  customerId: Schema.NullOr(Schema.String),
  /** `XXX` until there is an authorisation. */
  currency: Money.CurrencyCode,
  paymentMethod: Schema.NullOr(PaymentMethod),
  /** Where the buyer has something to do, as long as that is so. */
  actionUrl: Schema.NullOr(Schema.String),
  /** Until when the authorisation holds, if the provider said so. */
  expiresAtMillis: Schema.NullOr(Schema.Int),
  /** Every operation that there ever was, in the order in which they were first requested. */
  operations: Schema.Array(Operation),
  chargebacks: Schema.Array(
    Schema.Struct({ chargebackId: Schema.String, amountMinor: Schema.Int, stage: ChargebackStage })
  ),
  /** The provider's ids of the newest notifications, at most `remembered`. */
  notificationIds: Schema.Array(Schema.String),
  attentions: Schema.Array(Schema.Struct({ attentionId: Schema.String, kind: AttentionKind, resolved: Schema.Boolean }))
})

export type State = typeof StateSchema.Type

export const stateVersion = 1

export const initial: State = {
  orderId: null,
  customerId: null,
  currency: Money.noCurrency,
  paymentMethod: null,
  actionUrl: null,
  expiresAtMillis: null,
  operations: [],
  chargebacks: [],
  notificationIds: [],
  attentions: []
}

/**
 * How many notifications are remembered, to recognise a repeated one: many times what a payment of 100 operations causes. One
 * that is older is recorded twice, and still applied once.
 */
export const remembered = 1_000

type Changes = Partial<Operation>

const request = (state: State, kind: Kind, operationId: string, fields: Changes): State => {
  const operation: Operation = {
    operationId,
    kind,
    amountMinor: 0,
    status: "requested",
    calls: 0,
    providerReference: null,
    code: null,
    reason: null,
    ...fields
  }
  return !state.operations.some((known) => known.operationId === operationId)
    ? { ...state, operations: [...state.operations, operation] }
    : change(state, operationId, { status: "requested" })
}

const change = (state: State, operationId: string, changes: Changes | ((operation: Operation) => Changes)): State => ({
  ...state,
  operations: state.operations.map((operation) =>
    operation.operationId === operationId
      ? { ...operation, ...(typeof changes === "function" ? changes(operation) : changes) }
      : operation
  )
})

const succeed = (
  state: State,
  { operationId, providerReference }: { operationId: string; providerReference: string }
) => change(state, operationId, { status: "succeeded", providerReference })

const decline = (state: State, { operationId, code }: { operationId: string; code: string }) =>
  change(state, operationId, { status: "declined", code })

const dispute = (
  state: State,
  { chargebackId, amount }: { chargebackId: string; amount: Money.Money },
  stage: typeof ChargebackStage.Type
): State => {
  const chargeback = { chargebackId, amountMinor: amount.amountMinor, stage }
  const isKnown = state.chargebacks.some((known) => known.chargebackId === chargebackId)
  const chargebacks = isKnown
    ? state.chargebacks.map((known) => (known.chargebackId === chargebackId ? chargeback : known))
    : [...state.chargebacks, chargeback]
  return { ...state, chargebacks }
}

export const evolve: Aggregate.Evolve<State, PaymentEvent> = {
  AuthorisationRequested: (state, { operationId, orderId, customerId, amount, paymentMethod }) => ({
    ...request(state, "authorise", operationId, { amountMinor: amount.amountMinor }),
    orderId,
    customerId,
    currency: amount.currency,
    paymentMethod
  }),
  CaptureRequested: (state, { operationId, amount: { amountMinor } }) =>
    request(state, "capture", operationId, { amountMinor }),
  VoidRequested: (state, { operationId, reason }) => request(state, "void", operationId, { reason }),
  RefundRequested: (state, { operationId, amount: { amountMinor }, reason }) =>
    request(state, "refund", operationId, { amountMinor, reason }),
  ProviderCallBegun: (state, { operationId }) =>
    change(state, operationId, ({ calls }) => ({ status: "sent", calls: calls + 1 })),
  OutcomeUnknown: (state, { operationId }) => change(state, operationId, { status: "unknown" }),
  OperationNotFound: (state, { operationId }) => change(state, operationId, { status: "requested" }),
  OperationPending: (state, { operationId, providerReference }) =>
    change(state, operationId, { status: "pending", providerReference }),
  AuthorisationActionRequired: (state, { operationId, providerReference, url }) => ({
    ...change(state, operationId, { status: "action-required", providerReference }),
    actionUrl: url
  }),
  PaymentAuthorised: (state, event) => ({
    ...succeed(state, event),
    actionUrl: null,
    expiresAtMillis: event.expiresAtMillis
  }),
  AuthorisationDeclined: (state, event) => ({ ...decline(state, event), actionUrl: null }),
  AuthorisationExpired: (state, { operationId }) => ({
    ...change(state, operationId, { status: "expired" }),
    actionUrl: null
  }),
  PaymentCaptured: succeed,
  CaptureDeclined: decline,
  PaymentVoided: (state, event) => ({ ...succeed(state, event), actionUrl: null }),
  VoidDeclined: decline,
  VoidUnneeded: (state, { operationId }) => change(state, operationId, { status: "unneeded" }),
  PaymentRefunded: succeed,
  RefundDeclined: decline,
  NotificationRecorded: (state, { providerEventId }) => ({
    ...state,
    notificationIds: [...state.notificationIds, providerEventId].slice(-remembered)
  }),
  ChargebackOpened: (state, event) => dispute(state, event, "open"),
  ChargebackWon: (state, event) => dispute(state, event, "won"),
  ChargebackLost: (state, event) => dispute(state, event, "lost"),
  AttentionRequired: (state, { attentionId, kind }) => ({
    ...state,
    attentions: [
      ...state.attentions.filter((known) => known.attentionId !== attentionId),
      { attentionId, kind, resolved: false }
    ]
  }),
  AttentionResolved: (state, { attentionId }) => ({
    ...state,
    attentions: state.attentions.map((known) =>
      known.attentionId === attentionId ? { ...known, resolved: true } : known
    )
  })
}
