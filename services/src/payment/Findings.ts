/**
 * What follows from what the provider says: the events that a finding about an operation, or a dispute, adds to a payment. Pure.
 *
 * News is applied; what is known already, or overtaken, adds nothing; what cannot be true together is flagged for someone to
 * look at, and changes nothing else.
 */
import * as Money from "../Money.ts"
import type { AttentionKind, PaymentEvent, Statement, UnneededReason, Verdict } from "./Events.ts"
import { authorisationOf, type Finding, isOpen, judge, overdrawnMinor, voidOf } from "./Ledger.ts"
import type { Operation, State } from "./State.ts"

type Events = ReadonlyArray<PaymentEvent>

/** What follows, and in one word why. */
export interface Consequence {
  readonly verdict: Verdict
  readonly events: Events
}

/** Asks for someone's attention, unless the same is waiting for it already. */
export const attention = (state: State, kind: AttentionKind, about: string, detail: string): Events => {
  const attentionId = `${kind}:${about}`
  const waits = state.attentions.some((known) => known.attentionId === attentionId && !known.resolved)
  return waits ? [] : [{ _tag: "AttentionRequired", attentionId, kind, detail }]
}

/** What follows from what the provider says of an operation. */
export const consequenceOf = (state: State, operation: Operation, finding: Finding): Consequence => {
  switch (judge(operation, finding, state.currency)) {
    case "news":
      return { verdict: "applied", events: newsOf(state, operation, finding) }
    case "nothing-new":
      return { verdict: "nothing-new", events: [] }
    case "contradiction":
      return { verdict: "contradictory", events: contradiction(state, operation, finding) }
  }
}

const contradiction = (
  state: State,
  { operationId, kind, status, amountMinor }: Operation,
  finding: Finding
): Events => {
  const ours = kind === "void" ? "a void" : `to ${kind} ${Money.format({ amountMinor, currency: state.currency })}`
  const said = finding._tag === "Approved" ? `Approved for ${Money.format(finding.amount)}` : finding._tag
  const detail =
    `The provider says ${said} of operation ${operationId}, which is ${ours} and ${status}. ` +
    "Compare with the provider's own books, correct there what is wrong, and resolve this with a note."
  return attention(state, "contradiction", operationId, detail)
}

const newsOf = (state: State, operation: Operation, finding: Finding): Events => {
  const { operationId } = operation
  switch (finding._tag) {
    case "Approved":
      return approved(state, operation, finding)
    case "Declined":
      return declined(state, operation, finding.code)
    case "ActionRequired": {
      const { providerReference, url } = finding
      return [{ _tag: "AuthorisationActionRequired", operationId, providerReference, url }, ...voidAfterAll(state)]
    }
    case "Pending": {
      const pending: PaymentEvent = {
        _tag: "OperationPending",
        operationId,
        providerReference: finding.providerReference
      }
      return operation.kind === "authorise" ? [pending, ...voidAfterAll(state)] : [pending]
    }
    case "Expired":
      return [{ _tag: "AuthorisationExpired", operationId }, ...voidUnneeded(state, "expired")]
    case "NotFound": {
      const notFound: PaymentEvent = { _tag: "OperationNotFound", operationId }
      return operation.kind === "authorise" ? [notFound, ...voidUnneeded(state, "not-found")] : [notFound]
    }
  }
}

const approved = (state: State, operation: Operation, finding: Extract<Finding, { _tag: "Approved" }>): Events => {
  const { operationId, kind } = operation
  const { providerReference, expiresAtMillis } = finding
  const amount = { amountMinor: operation.amountMinor, currency: state.currency }
  switch (kind) {
    case "authorise":
      return [
        { _tag: "PaymentAuthorised", operationId, providerReference, amount, expiresAtMillis },
        ...voidAfterAll(state)
      ]
    case "capture":
      return [{ _tag: "PaymentCaptured", operationId, providerReference, amount }]
    case "refund":
      return [{ _tag: "PaymentRefunded", operationId, providerReference, amount }]
    case "void":
      return [{ _tag: "PaymentVoided", operationId, providerReference }]
  }
}

const declined = (state: State, { operationId, kind }: Operation, code: string): Events => {
  switch (kind) {
    case "authorise":
      return [{ _tag: "AuthorisationDeclined", operationId, code }, ...voidUnneeded(state, "declined")]
    case "capture":
      return [{ _tag: "CaptureDeclined", operationId, code }]
    case "refund": {
      const detail = `The provider declined refund ${operationId} (${code}). Give the money back in another way, and resolve this with a note.`
      return [
        { _tag: "RefundDeclined", operationId, code },
        ...attention(state, "refund-declined", operationId, detail)
      ]
    }
    case "void": {
      const detail = `The provider declined void ${operationId} (${code}): money may be held that nobody wants. Void it under a new operation id.`
      return [{ _tag: "VoidDeclined", operationId, code }, ...attention(state, "void-declined", operationId, detail)]
    }
  }
}

/** Nothing is held: a void that waits for the authorisation, or is on its way, has nothing to do. */
const voidUnneeded = (state: State, why: UnneededReason): Events => {
  const voided = voidOf(state)
  if (voided === undefined || !isOpen(voided)) return []
  return [{ _tag: "VoidUnneeded", operationId: voided.operationId, why }]
}

/** An authorisation that nobody expected any more is voided, under the id of the void that it made necessary. */
const voidAfterAll = (state: State): Events => {
  const voided = voidOf(state)
  if (voided?.status !== "unneeded") return []
  return [{ _tag: "VoidRequested", operationId: voided.operationId, reason: voided.reason ?? "" }]
}

type Chargeback = Extract<Statement, { readonly _tag: "Chargeback" }>

/** What follows from a dispute. A buyer's bank asks nobody, so that it may take more than what is left. */
export const consequenceOfChargeback = (state: State, chargeback: Chargeback): Consequence => {
  const { chargebackId, amount, stage } = chargeback
  const known = state.chargebacks.find((other) => other.chargebackId === chargebackId)
  const isOurs = amount.currency === state.currency && amount.amountMinor >= 0 && authorisationOf(state) !== undefined
  const isOther = known !== undefined && known.amountMinor !== amount.amountMinor
  const isClosedOtherwise = known !== undefined && known.stage !== "open" && stage !== "open" && known.stage !== stage
  if (!isOurs || isOther || isClosedOtherwise) {
    const detail =
      `The provider says that dispute ${chargebackId} over ${Money.format(amount)} is ${stage}, ` +
      `which does not fit what is known: ${known === undefined ? "nothing" : `${known.amountMinor} minor units of ${state.currency}, ${known.stage}`}. ` +
      "Compare with the provider's own books, and resolve this with a note."
    return { verdict: "contradictory", events: attention(state, "contradiction", chargebackId, detail) }
  }
  if (known !== undefined && (stage === "open" || known.stage === stage)) return { verdict: "nothing-new", events: [] }
  return { verdict: "applied", events: [chargebackEvent(chargeback), ...overdrawn(state, chargeback)] }
}

const chargebackEvent = ({ chargebackId, amount, stage, code }: Chargeback): PaymentEvent => {
  if (stage === "open") return { _tag: "ChargebackOpened", chargebackId, amount, code }
  return { _tag: stage === "won" ? "ChargebackWon" : "ChargebackLost", chargebackId, amount }
}

const overdrawn = (state: State, { chargebackId, amount, stage }: Chargeback): Events => {
  const others = state.chargebacks.filter((other) => other.chargebackId !== chargebackId)
  const after = { ...state, chargebacks: [...others, { chargebackId, amountMinor: amount.amountMinor, stage }] }
  const overMinor = overdrawnMinor(after)
  if (overMinor === 0) return []
  const detail =
    `Refunds and disputes take ${Money.format({ amountMinor: overMinor, currency: state.currency })} more than was captured. ` +
    "Contest the dispute with the refund as evidence, or write the difference off, and resolve this with a note."
  return attention(state, "overdrawn", chargebackId, detail)
}
