/** What the files in `golden/` mean: the stored formats of the payment. For `Golden.test.ts` and `npm run stored`. */
import { make } from "../../src/payment/Domain.ts"
import type { PaymentEvent } from "../../src/payment/Events.ts"
import { formats } from "../StoredFormats.ts"
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

/** The payment's. */
export const payment = formats({
  aggregate: make(),
  folder: new URL("golden/", import.meta.url),
  meanings,
  states: { "State.v1.json": state }
})
