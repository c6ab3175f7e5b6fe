/**
 * Why a payment refuses a command: the problems that its domain answers with, and their texts.
 *
 * The type of each, `urn:daybook:problem:<name>`, is what clients switch on, so that names and statuses stay as they are. 409:
 * the payment's present state forbids it. 422: the values themselves do. A `detail` says what was wrong, with which value, and
 * what to do about it.
 */
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"
import { Kind, OperationStatus } from "./Events.ts"
import type { PaymentStatus } from "./Ledger.ts"
import type { Operation } from "./State.ts"

export class PaymentNotFound extends Problem<PaymentNotFound>()("PaymentNotFound", {
  status: 404,
  title: "No such payment"
}) {}

export class PaymentAlreadyBegun extends Problem<PaymentAlreadyBegun>()(
  "PaymentAlreadyBegun",
  { status: 409, title: "The payment has its authorisation already" },
  { operationId: Schema.String }
) {}

export class PaymentCancelled extends Problem<PaymentCancelled>()(
  "PaymentCancelled",
  { status: 409, title: "The payment was cancelled" },
  { voidOperationId: Schema.String }
) {}

export class OperationIdTaken extends Problem<OperationIdTaken>()(
  "OperationIdTaken",
  { status: 409, title: "The operation id stands for another operation" },
  { operationId: Schema.String, kind: Kind, amountMinor: Schema.Int }
) {}

export class UnknownOperation extends Problem<UnknownOperation>()(
  "UnknownOperation",
  { status: 404, title: "No such operation of the payment" },
  { operationId: Schema.String }
) {}

export class PaymentAmountOutOfRange extends Problem<PaymentAmountOutOfRange>()(
  "PaymentAmountOutOfRange",
  { status: 422, title: "The amount is out of range" },
  { amount: Money.Money, maximumMinor: Schema.Int }
) {}

export class PaymentCurrencyMismatch extends Problem<PaymentCurrencyMismatch>()(
  "PaymentCurrencyMismatch",
  { status: 422, title: "The amount is in another currency than the payment" },
  { expected: Schema.String, actual: Schema.String }
) {}

export class NotCapturable extends Problem<NotCapturable>()(
  "NotCapturable",
  { status: 409, title: "The payment cannot be captured now" },
  { paymentStatus: Schema.String }
) {}

export class CaptureExceedsAuthorised extends Problem<CaptureExceedsAuthorised>()(
  "CaptureExceedsAuthorised",
  { status: 409, title: "That is more than is left to capture" },
  { requested: Money.Money, capturable: Money.Money }
) {}

export class RefundExceedsCaptured extends Problem<RefundExceedsCaptured>()(
  "RefundExceedsCaptured",
  { status: 409, title: "That is more than is left to refund" },
  { requested: Money.Money, refundable: Money.Money }
) {}

export class NothingToVoid extends Problem<NothingToVoid>()(
  "NothingToVoid",
  { status: 409, title: "Nothing is left to void" },
  { captured: Money.Money }
) {}

export class CaptureInDoubt extends Problem<CaptureInDoubt>()(
  "CaptureInDoubt",
  { status: 409, title: "A capture has no outcome yet" },
  { operationId: Schema.String }
) {}

export class TooManyOperations extends Problem<TooManyOperations>()(
  "TooManyOperations",
  { status: 409, title: "The payment has too many operations" },
  { maximum: Schema.Int }
) {}

export class ProviderCallNotDue extends Problem<ProviderCallNotDue>()(
  "ProviderCallNotDue",
  { status: 409, title: "The provider is not to be called for this operation now" },
  { operationId: Schema.String, operationStatus: OperationStatus }
) {}

export class UnknownAttention extends Problem<UnknownAttention>()(
  "UnknownAttention",
  { status: 404, title: "Nothing of that id needs attention" },
  { attentionId: Schema.String }
) {}

/** Every rejection of a payment, for the declarations of its API. */
export const rejections = [
  PaymentNotFound,
  PaymentAlreadyBegun,
  PaymentCancelled,
  OperationIdTaken,
  UnknownOperation,
  PaymentAmountOutOfRange,
  PaymentCurrencyMismatch,
  NotCapturable,
  CaptureExceedsAuthorised,
  RefundExceedsCaptured,
  NothingToVoid,
  CaptureInDoubt,
  TooManyOperations,
  ProviderCallNotDue,
  UnknownAttention
] as const

export type Rejection = InstanceType<(typeof rejections)[number]>

export const paymentNotFound = (): PaymentNotFound =>
  new PaymentNotFound({ detail: "There is no payment of this id. Check the id, or authorise the payment first." })

export const paymentAlreadyBegun = ({ operationId }: Operation): PaymentAlreadyBegun =>
  new PaymentAlreadyBegun({
    operationId,
    detail: `The payment was begun with operation ${operationId}, and has one authorisation only. Begin a payment of another id.`
  })

export const paymentCancelled = (voided: Operation): PaymentCancelled =>
  new PaymentCancelled({
    voidOperationId: voided.operationId,
    detail: `The payment was cancelled by operation ${voided.operationId} (${voided.reason}). Begin a payment of another id.`
  })

export const operationIdTaken = ({ operationId, kind, amountMinor }: Operation, currency: string): OperationIdTaken => {
  const what = kind === "void" ? "a void" : `to ${kind} ${Money.format({ amountMinor, currency })}`
  return new OperationIdTaken({
    operationId,
    kind,
    amountMinor,
    detail: `Operation id ${operationId} stands for ${what}, or differs in its particulars. Use another id for another operation.`
  })
}

export const unknownOperation = (operationId: string): UnknownOperation =>
  new UnknownOperation({
    operationId,
    detail: `The payment has no operation ${operationId}. Read the payment again, and use one of its operation ids.`
  })

export const amountOutOfRange = (amount: Money.Money, maximumMinor: number): PaymentAmountOutOfRange =>
  new PaymentAmountOutOfRange({
    amount,
    maximumMinor,
    detail: `The amount is ${amount.amountMinor} minor units of ${amount.currency}; it must be 1 to ${maximumMinor}. Correct the amount.`
  })

export const currencyMismatch = (expected: string, amount: Money.Money): PaymentCurrencyMismatch =>
  new PaymentCurrencyMismatch({
    expected,
    actual: amount.currency,
    detail: `The amount is ${Money.format(amount)}, and the payment is in ${expected}. Give an amount in ${expected}.`
  })

/** What to do about a payment that cannot be captured. */
const captureAdvice: Partial<Record<PaymentStatus, string>> = {
  authorising: "Wait for the authorisation's outcome.",
  unknown: "Reconcile it with the provider first.",
  "action-required": "The buyer has to confirm it first.",
  cancelling: "It is being voided.",
  cancelled: "Begin another payment.",
  declined: "Begin another payment.",
  expired: "Begin another payment."
}

export const notCapturable = (status: PaymentStatus): NotCapturable =>
  new NotCapturable({
    paymentStatus: status,
    detail: `The payment is ${status}; only what is authorised can be captured. ${captureAdvice[status] ?? "Read it again."}`
  })

export const captureExceedsAuthorised = (requested: Money.Money, capturableMinor: number): CaptureExceedsAuthorised => {
  const capturable = { amountMinor: capturableMinor, currency: requested.currency }
  return new CaptureExceedsAuthorised({
    requested,
    capturable,
    detail:
      `${Money.format(requested)} is more than the ${Money.format(capturable)} that is left of the authorisation, ` +
      "captures under way taken off. Capture less."
  })
}

export const refundExceedsCaptured = (requested: Money.Money, refundableMinor: number): RefundExceedsCaptured => {
  const refundable = { amountMinor: refundableMinor, currency: requested.currency }
  return new RefundExceedsCaptured({
    requested,
    refundable,
    detail:
      `${Money.format(requested)} is more than the ${Money.format(refundable)} that is left of what was captured, ` +
      "refunds under way and disputes taken off. Refund less."
  })
}

export const nothingToVoid = (captured: Money.Money): NothingToVoid =>
  new NothingToVoid({
    captured,
    detail: `All that was authorised, ${Money.format(captured)}, has been captured. Refund it instead.`
  })

export const captureInDoubt = ({ operationId }: Operation): CaptureInDoubt =>
  new CaptureInDoubt({
    operationId,
    detail: `Capture ${operationId} has no outcome yet, so that it is not certain what is left to void. Wait for it, and try again.`
  })

export const tooManyOperations = (maximum: number): TooManyOperations =>
  new TooManyOperations({
    maximum,
    detail: `The payment has had ${maximum} operations, which is its limit. Capture or refund in fewer, larger parts.`
  })

export const providerCallNotDue = ({ operationId, status }: Operation): ProviderCallNotDue =>
  new ProviderCallNotDue({
    operationId,
    operationStatus: status,
    detail:
      `Operation ${operationId} is ${status}, and is not to be sent to the provider now. ` +
      "If its call was begun before, query the provider for its outcome."
  })

export const unknownAttention = (attentionId: string): UnknownAttention =>
  new UnknownAttention({
    attentionId,
    detail: `Nothing called ${attentionId} has needed attention. Read the payment again, and use one of its ids.`
  })
