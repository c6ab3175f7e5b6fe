/**
 * What a payment comes to: the sums over its operations, where it stands, and what a statement of the provider adds to it.
 *
 * Everything is computed from what is known of each operation alone, never from the order in which it became known. That is what
 * makes late, repeated and reordered notifications harmless.
 */
import * as Schema from "effect/Schema"
import type { Kind, OperationStatus, Statement } from "./Events.ts"
import type { Operation, State } from "./State.ts"

/** A payment as both sides' books should show it, in minor units of its currency. What is in doubt counts as not done. */
export interface Ledger {
  /** Authorised and neither captured nor released. */
  readonly heldMinor: number
  readonly capturedMinor: number
  readonly refundedMinor: number
  /** Disputed or lost to disputes. */
  readonly chargedBackMinor: number
}

/** Where a payment stands, in one word. `captured`: at least in part. `refunded`: all that was captured. */
export const PaymentStatus = Schema.Literals([
  "unopened",
  "authorising",
  "unknown",
  "action-required",
  "authorised",
  "declined",
  "expired",
  "captured",
  "refunded",
  "cancelling",
  "cancelled"
])

/** Where a payment stands, in one word. */
export type PaymentStatus = typeof PaymentStatus.Type

const finals: ReadonlySet<OperationStatus> = new Set(["succeeded", "declined", "expired", "unneeded"])

/** Whether the operation has no outcome yet: money may or may not have moved. */
export const isOpen = ({ status }: Operation): boolean => !finals.has(status)

export const operationOf = (state: State, operationId: string): Operation | undefined =>
  state.operations.find((operation) => operation.operationId === operationId)

/** The payment's one authorisation. */
export const authorisationOf = (state: State): Operation | undefined =>
  state.operations.find(({ kind }) => kind === "authorise")

/** The void that counts: the last one, if it was not declined. */
export const voidOf = (state: State): Operation | undefined => {
  const last = state.operations.findLast(({ kind }) => kind === "void")
  return last?.status === "declined" ? undefined : last
}

const sum = (state: State, kind: Kind, counts: (operation: Operation) => boolean): number =>
  state.operations.reduce(
    (total, operation) => (operation.kind === kind && counts(operation) ? total + operation.amountMinor : total),
    0
  )

const succeeded = ({ status }: Operation): boolean => status === "succeeded"

const isCancelled = (state: State): boolean => {
  const voided = voidOf(state)
  return voided !== undefined && !isOpen(voided)
}

export const ledgerOf = (state: State): Ledger => {
  const capturedMinor = sum(state, "capture", succeeded)
  const authorisation = authorisationOf(state)
  const isHeld = authorisation?.status === "succeeded" && !isCancelled(state)
  return {
    heldMinor: isHeld ? authorisation.amountMinor - capturedMinor : 0,
    capturedMinor,
    refundedMinor: sum(state, "refund", succeeded),
    chargedBackMinor: state.chargebacks.reduce(
      (total, { stage, amountMinor }) => (stage === "won" ? total : total + amountMinor),
      0
    )
  }
}

/** What more can be captured: what is held, less captures without an outcome. */
export const capturableMinor = (state: State): number =>
  voidOf(state) === undefined ? Math.max(0, ledgerOf(state).heldMinor - sum(state, "capture", isOpen)) : 0

/**
 * What is held when nothing more will be captured: the authorisation less every capture, whatever became of it. Where one was
 * declined, something that was shipped is still to be paid, and nothing counts as held for nothing.
 */
export const heldForNothingMinor = (state: State): number => {
  const isToBePaid = state.operations.some(({ kind, status }) => kind === "capture" && status === "declined")
  return isToBePaid ? 0 : capturableMinor(state)
}

/** What more can be refunded: what was captured, less refunds, refunds without an outcome, and what disputes have taken. */
export const refundableMinor = (state: State): number => {
  const { capturedMinor, refundedMinor, chargedBackMinor } = ledgerOf(state)
  return Math.max(0, capturedMinor - refundedMinor - sum(state, "refund", isOpen) - chargedBackMinor)
}

/** What refunds and disputes take beyond what was captured. Above 0 only through disputes. */
export const overdrawnMinor = (state: State): number => {
  const { capturedMinor, refundedMinor, chargedBackMinor } = ledgerOf(state)
  const taken = refundedMinor + sum(state, "refund", isOpen) + chargedBackMinor
  return chargedBackMinor === 0 ? 0 : Math.max(0, taken - capturedMinor)
}

/**
 * Whether nothing more is expected of the payment: nothing is held or under way, no dispute is open, and no operator is asked. A
 * refund or a dispute may still come, as they do after months.
 */
export const isSettled = (state: State): boolean =>
  state.operations.length > 0 &&
  !state.operations.some(isOpen) &&
  ledgerOf(state).heldMinor === 0 &&
  !state.chargebacks.some(({ stage }) => stage === "open") &&
  state.attentions.every(({ resolved }) => resolved)

const authorisationStatus: Record<OperationStatus, PaymentStatus> = {
  requested: "authorising",
  sent: "authorising",
  pending: "authorising",
  unknown: "unknown",
  "action-required": "action-required",
  succeeded: "authorised",
  declined: "declined",
  expired: "expired",
  unneeded: "cancelled"
}

export const statusOf = (state: State): PaymentStatus => {
  const voided = voidOf(state)
  if (voided !== undefined && isOpen(voided)) return "cancelling"
  const { capturedMinor, refundedMinor } = ledgerOf(state)
  if (capturedMinor > 0) return refundedMinor === capturedMinor ? "refunded" : "captured"
  if (voided !== undefined) return "cancelled"
  const authorisation = authorisationOf(state)
  return authorisation === undefined ? "unopened" : authorisationStatus[authorisation.status]
}

/** Whether it is time to ask the provider for the operation. An authorisation that is not wanted any more is never asked for. */
export const callIsDue = (state: State, { kind, status }: Operation): boolean => {
  if (status !== "requested") return false
  if (kind === "authorise") return voidOf(state) === undefined
  if (kind !== "void") return true
  const authorisation = authorisationOf(state)?.status
  return authorisation === "succeeded" || authorisation === "action-required"
}

/** What the provider says of an operation, by notification, as an answer, or when queried. */
export type Finding = Exclude<Statement, { readonly _tag: "Chargeback" }> | { readonly _tag: "NotFound" }

/** What a statement adds to what is known. `contradiction`: not both can be true. */
export type Judgement = "news" | "nothing-new" | "contradiction"

const progress: ReadonlyArray<OperationStatus> = ["requested", "sent", "unknown", "action-required", "pending"]

const isBehind = (operation: Operation, status: OperationStatus): boolean =>
  isOpen(operation) && progress.indexOf(operation.status) < progress.indexOf(status)

/** Compares what the provider says of an operation with what is known of it. Never leads back to an earlier status. */
export const judge = (operation: Operation, finding: Finding, currency: string): Judgement => {
  const { kind, status } = operation
  const newsIf = (isNews: boolean): Judgement => (isNews ? "news" : "nothing-new")
  switch (finding._tag) {
    case "Approved": {
      const { amount } = finding
      const isOurs = amount.currency === currency && (kind === "void" || amount.amountMinor === operation.amountMinor)
      return !isOurs || status === "declined" ? "contradiction" : newsIf(isOpen(operation))
    }
    case "Declined":
      return status === "succeeded" || status === "expired" ? "contradiction" : newsIf(isOpen(operation))
    case "ActionRequired":
      return kind === "authorise" ? newsIf(isBehind(operation, "action-required")) : "contradiction"
    case "Pending":
      return newsIf(isBehind(operation, "pending"))
    case "Expired":
      if (kind !== "authorise" || status === "declined") return "contradiction"
      return newsIf(status !== "expired")
    case "NotFound":
      if (status === "sent" || status === "unknown") return "news"
      return status === "requested" || status === "unneeded" ? "nothing-new" : "contradiction"
  }
}
