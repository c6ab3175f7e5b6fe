/** The stored formats of the payment. */
import { expect, it } from "vitest"
import { make } from "../../src/payment/Domain.ts"
import { type PaymentEvent, PaymentEvents } from "../../src/payment/Events.ts"
import * as Golden from "../Golden.ts"
import * as Given from "./Given.ts"

/** What each file means, in today's terms. */
const meanings: Record<string, PaymentEvent> = {
  "AuthorisationRequested.v1.json": Given.authorisationRequested(),
  "CaptureRequested.v1.json": Given.captureRequested(),
  "VoidRequested.v1.json": Given.voidRequested(),
  "RefundRequested.v1.json": Given.refundRequested(),
  "ProviderCallBegun.v1.json": Given.callBegun(),
  "OutcomeUnknown.v1.json": Given.outcomeUnknown(),
  "OperationNotFound.v1.json": Given.notFound(),
  "OperationPending.v1.json": Given.pending(),
  "AuthorisationActionRequired.v1.json": Given.actionRequired(),
  "PaymentAuthorised.v1.json": Given.authorised(),
  "AuthorisationDeclined.v1.json": Given.authorisationDeclined(),
  "AuthorisationExpired.v1.json": Given.authorisationExpired(),
  "PaymentCaptured.v1.json": Given.captured(),
  "CaptureDeclined.v1.json": Given.captureDeclined(),
  "PaymentVoided.v1.json": Given.voided(),
  "VoidDeclined.v1.json": Given.voidDeclined(),
  "VoidUnneeded.v1.json": Given.voidUnneeded(),
  "PaymentRefunded.v1.json": Given.refunded(),
  "RefundDeclined.v1.json": Given.refundDeclined(),
  "NotificationRecorded.v1.json": Given.notificationRecorded(),
  "ChargebackOpened.v1.json": Given.chargebackOpened(),
  "ChargebackWon.v1.json": Given.chargebackWon(),
  "ChargebackLost.v1.json": Given.chargebackLost(),
  "AttentionRequired.v1.json": Given.attentionRequired(),
  "AttentionResolved.v1.json": Given.attentionResolved()
}

/** A state with something in every field. */
const state = Given.stateAfter([
  ...Given.givenBack,
  Given.notificationRecorded(),
  Given.voidRequested(),
  Given.voidDeclined(),
  Given.attentionRequired(),
  Given.chargebackOpened()
])

Golden.holds(make(), new URL("golden/", import.meta.url), { meanings, state })

const providerReference = "pi_1"
const dispute = { chargebackId: "dp_1", stage: "open" as const, code: "fraudulent" }

it.each([
  { _tag: "Declined" as const, code: "x".repeat(10_000) },
  { _tag: "ActionRequired" as const, providerReference, url: "https://provider.example" },
  { _tag: "Pending" as const, providerReference },
  { _tag: "Expired" as const },
  { _tag: "Chargeback" as const, ...dispute, amount: { amountMinor: 1, currency: "ANG" } }
])("events keep whatever a provider said, also what commands may not bring: %j", (statement) => {
  const event = Given.notificationRecorded({ operationId: null, statement, verdict: "unmatched" })
  expect(PaymentEvents.decode({ ...Golden.metadata, ...PaymentEvents.encode(event) })).toStrictEqual([event])
})
