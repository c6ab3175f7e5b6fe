/** The values that the payment's tests are made of. */
import * as Aggregate from "@daybook/core/Aggregate"
import * as DeciderSpec from "@daybook/testkit/DeciderSpec"
import * as Domain from "../../src/payment/Domain.ts"
import type { PaymentEvent } from "../../src/payment/Events.ts"
import type { State } from "../../src/payment/State.ts"
import * as Example from "../Example.ts"

const event = Example.of<PaymentEvent>()
const command = Example.of<Domain.Command>()

export const gbp = (amountMinor: number) => ({ amountMinor, currency: "GBP" })

/** When the authorisation of these tests runs out. */
export const expiresAtMillis = 604_800_000

const providerReference = "pi_1"
const paymentMethod = { token: "tok_approve", brand: "visa", last4: "4242" }

export const authorisationRequested = event<"AuthorisationRequested">({
  _tag: "AuthorisationRequested",
  operationId: "auth",
  orderId: "order-1",
  customerId: "17850",
  amount: gbp(10_000),
  paymentMethod
})
export const callBegun = event<"ProviderCallBegun">({ _tag: "ProviderCallBegun", operationId: "auth" })
export const outcomeUnknown = event<"OutcomeUnknown">({
  _tag: "OutcomeUnknown",
  operationId: "auth",
  why: "timed out"
})
export const notFound = event<"OperationNotFound">({ _tag: "OperationNotFound", operationId: "auth" })
export const pending = event<"OperationPending">({ _tag: "OperationPending", operationId: "auth", providerReference })
export const actionRequired = event<"AuthorisationActionRequired">({
  _tag: "AuthorisationActionRequired",
  operationId: "auth",
  providerReference,
  url: "https://provider.example/3ds/auth"
})
export const authorised = event<"PaymentAuthorised">({
  _tag: "PaymentAuthorised",
  operationId: "auth",
  providerReference,
  amount: gbp(10_000),
  expiresAtMillis
})
export const authorisationDeclined = event<"AuthorisationDeclined">({
  _tag: "AuthorisationDeclined",
  operationId: "auth",
  code: "insufficient_funds"
})
export const authorisationExpired = event<"AuthorisationExpired">({
  _tag: "AuthorisationExpired",
  operationId: "auth"
})
export const captureRequested = event<"CaptureRequested">({
  _tag: "CaptureRequested",
  operationId: "capture-1",
  amount: gbp(6_000)
})
export const captured = event<"PaymentCaptured">({
  _tag: "PaymentCaptured",
  operationId: "capture-1",
  providerReference: "ch_1",
  amount: gbp(6_000)
})
export const captureDeclined = event<"CaptureDeclined">({
  _tag: "CaptureDeclined",
  operationId: "capture-1",
  code: "processing_error"
})
export const voidRequested = event<"VoidRequested">({
  _tag: "VoidRequested",
  operationId: "void",
  reason: "the checkout failed"
})
export const voided = event<"PaymentVoided">({ _tag: "PaymentVoided", operationId: "void", providerReference: "v_1" })
export const voidDeclined = event<"VoidDeclined">({
  _tag: "VoidDeclined",
  operationId: "void",
  code: "processing_error"
})
export const voidUnneeded = event<"VoidUnneeded">({ _tag: "VoidUnneeded", operationId: "void", why: "declined" })
export const refundRequested = event<"RefundRequested">({
  _tag: "RefundRequested",
  operationId: "refund-1",
  amount: gbp(2_000),
  reason: "returned"
})
export const refunded = event<"PaymentRefunded">({
  _tag: "PaymentRefunded",
  operationId: "refund-1",
  providerReference: "re_1",
  amount: gbp(2_000)
})
export const refundDeclined = event<"RefundDeclined">({
  _tag: "RefundDeclined",
  operationId: "refund-1",
  code: "processing_error"
})
export const notificationRecorded = event<"NotificationRecorded">({
  _tag: "NotificationRecorded",
  providerEventId: "evt_1",
  operationId: "auth",
  occurredAtMillis: 1_000,
  statement: { _tag: "Approved", providerReference, amount: gbp(10_000), expiresAtMillis },
  verdict: "applied"
})
export const chargebackOpened = event<"ChargebackOpened">({
  _tag: "ChargebackOpened",
  chargebackId: "dp_1",
  amount: gbp(6_000),
  code: "fraudulent"
})
export const chargebackWon = event<"ChargebackWon">({
  _tag: "ChargebackWon",
  chargebackId: "dp_1",
  amount: gbp(6_000)
})
export const chargebackLost = event<"ChargebackLost">({
  _tag: "ChargebackLost",
  chargebackId: "dp_1",
  amount: gbp(6_000)
})
export const attentionRequired = event<"AttentionRequired">({
  _tag: "AttentionRequired",
  attentionId: "void-declined:void",
  kind: "void-declined",
  detail: "The provider declined void void (processing_error)."
})
export const attentionResolved = event<"AttentionResolved">({
  _tag: "AttentionResolved",
  attentionId: "void-declined:void",
  note: "Released by the bank, by telephone"
})

export const authorise = command<"Authorise">({
  _tag: "Authorise",
  operationId: "auth",
  orderId: "order-1",
  customerId: "17850",
  amount: gbp(10_000),
  paymentMethod
})
export const capture = command<"Capture">({ _tag: "Capture", operationId: "capture-1", amount: gbp(6_000) })
export const voidPayment = command<"Void">({ _tag: "Void", operationId: "void", reason: "the checkout failed" })
export const refund = command<"Refund">({
  _tag: "Refund",
  operationId: "refund-1",
  amount: gbp(2_000),
  reason: "returned"
})
export const beginCall = command<"BeginProviderCall">({ _tag: "BeginProviderCall", operationId: "auth" })
export const recordOutcome = command<"RecordOutcome">({
  _tag: "RecordOutcome",
  operationId: "auth",
  outcome: { _tag: "Approved", providerReference, amount: gbp(10_000), expiresAtMillis }
})
export const reconcile = command<"Reconcile">({
  _tag: "Reconcile",
  operationId: "auth",
  finding: { _tag: "Approved", providerReference, amount: gbp(10_000), expiresAtMillis }
})
export const notify = command<"RecordNotification">({
  _tag: "RecordNotification",
  providerEventId: "evt_1",
  operationId: "auth",
  occurredAtMillis: 1_000,
  statement: { _tag: "Approved", providerReference, amount: gbp(10_000), expiresAtMillis }
})
export const resolveAttention = command<"ResolveAttention">({
  _tag: "ResolveAttention",
  attentionId: "void-declined:void",
  note: "Released by the bank, by telephone"
})

/** Histories that many cases start from. */
export const requested = [authorisationRequested()]
export const sent = [...requested, callBegun()]
export const unknown = [...sent, outcomeUnknown()]
export const acting = [...sent, actionRequired()]
export const held = [...sent, authorised()]
export const declined = [...sent, authorisationDeclined()]
export const expired = [...held, authorisationExpired()]
export const capturing = [...held, captureRequested(), callBegun({ operationId: "capture-1" })]
export const taken = [...capturing, captured()]
export const refunding = [...taken, refundRequested(), callBegun({ operationId: "refund-1" })]
export const givenBack = [...refunding, refunded()]
export const voiding = [...held, voidRequested(), callBegun({ operationId: "void" })]
export const released = [...voiding, voided()]

/** The state after a history. */
export const stateAfter = (history: ReadonlyArray<PaymentEvent>): State => {
  const payment = Domain.make()
  return Aggregate.evolveAll(payment, payment.initial, history)
}

/** The beginning of a case: a payment with a history, at the default limits unless told otherwise. */
export const given = (history: ReadonlyArray<PaymentEvent>, limits?: Domain.Limits) =>
  DeciderSpec.for(Domain.make(limits)).given(history)
