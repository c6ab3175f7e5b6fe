/**
 * What the provider is to be asked next, as it follows from a payment's state: a process manager without I/O.
 *
 * Whoever carries a `Call` or a `Void` out first sends `BeginProviderCall` for the operation, and calls the provider only if that
 * is not refused; then sends `RecordOutcome`. A `Query` is answered by `Reconcile`. Stopping anywhere in between is harmless: the
 * state that is left behind leads to the right next step.
 */
import { authorisationOf, callIsDue, ledgerOf, voidOf } from "./Ledger.ts"
import type { AuthoriseRequest, CaptureRequest, QueryRequest, RefundRequest, VoidRequest } from "./Provider.ts"
import type { Operation, State } from "./State.ts"

/**
 * Why the provider is queried, which says how soon: `unknown` at once after a restart, and then with backoff; `pending` and
 * `action-required` now and then, since a notification is due; `expiry` once the authorisation should have run out; `stray` a few
 * times over the following day, since a call of an authorisation that was cancelled and not found may still arrive, and its
 * notification get lost. It never ends by itself: the provider cannot say what will not come.
 */
export type QueryReason = "unknown" | "pending" | "action-required" | "expiry" | "stray"

/** One step. The empty list of steps is "none". */
export type NextCall =
  | { readonly _tag: "Call"; readonly kind: "authorise"; readonly request: AuthoriseRequest }
  | { readonly _tag: "Call"; readonly kind: "capture"; readonly request: CaptureRequest }
  | { readonly _tag: "Call"; readonly kind: "refund"; readonly request: RefundRequest }
  | { readonly _tag: "Void"; readonly kind: "void"; readonly request: VoidRequest }
  | { readonly _tag: "Query"; readonly reason: QueryReason; readonly request: QueryRequest }

/** A payment, and what time it is. */
export interface At {
  readonly paymentId: string
  readonly state: State
  readonly nowMillis: number
}

/** Whatever is to be asked about the payment, in the order of its operations. They do not depend on one another. */
export const nextCalls = ({ paymentId, state, nowMillis }: At): ReadonlyArray<NextCall> =>
  state.operations.flatMap((operation): ReadonlyArray<NextCall> => {
    if (callIsDue(state, operation)) return [call(paymentId, state, operation)]
    const reason = queryReason(state, operation, nowMillis)
    if (reason === undefined) return []
    return [{ _tag: "Query", reason, request: query(paymentId, state, operation) }]
  })

/** What the provider is asked about an operation whose call was begun. */
export const query = (
  paymentId: string,
  state: State,
  { operationId, kind, providerReference }: Operation
): QueryRequest => {
  const authorisationReference = authorisationOf(state)?.providerReference ?? null
  return { paymentId, operationId, kind, providerReference, authorisationReference }
}

const queryReason = (state: State, operation: Operation, nowMillis: number): QueryReason | undefined => {
  const { kind, status } = operation
  if (status === "sent" || status === "unknown") return "unknown"
  if (kind !== "authorise") return status === "pending" ? "pending" : undefined
  if (status === "requested") return operation.calls > 0 ? "stray" : undefined
  // What was voided cannot be confirmed any more.
  if ((status === "pending" || status === "action-required") && voidOf(state)?.status !== "succeeded") return status
  const isOver = status === "succeeded" && state.expiresAtMillis !== null && nowMillis >= state.expiresAtMillis
  return isOver && ledgerOf(state).heldMinor > 0 ? "expiry" : undefined
}

const call = (paymentId: string, state: State, { operationId, kind, amountMinor }: Operation): NextCall => {
  const amount = { amountMinor, currency: state.currency }
  if (kind === "authorise") {
    const { orderId, paymentMethod } = state
    const request = { paymentId, operationId, orderId: orderId ?? "", amount, token: paymentMethod?.token ?? "" }
    return { _tag: "Call", kind, request }
  }
  const authorisation = authorisationOf(state)
  const of = {
    paymentId,
    operationId,
    authorisationId: authorisation?.operationId ?? "",
    providerReference: authorisation?.providerReference ?? null
  }
  return kind === "void"
    ? { _tag: "Void", kind, request: { ...of, currency: state.currency } }
    : { _tag: "Call", kind, request: { ...of, amount } }
}
