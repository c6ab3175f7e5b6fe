/**
 * What of a payment can be compared with the provider's books, and which of its answers say something. Pure; carried out by
 * `ProviderCalls.ts`.
 *
 * Money counts: an authorisation of which nothing is held any more tells nothing, since providers forget or rename those in
 * their own ways; and of what was declined, only that it was approved after all.
 */
import { authorisationOf, isOpen, ledgerOf, voidOf } from "./Ledger.ts"
import type { QueryAnswer } from "./Provider.ts"
import type { Operation, State } from "./State.ts"

/** The operations to ask the provider about. */
export const comparable = (state: State): ReadonlyArray<Operation> =>
  state.operations.filter((operation) => {
    if (operation.calls === 0) return false
    return operation === authorisationOf(state) ? isAuthorisationComparable(state, operation) : true
  })

const isAuthorisationComparable = (state: State, { status, ...rest }: Operation): boolean => {
  if (isOpen({ status, ...rest })) return voidOf(state)?.status !== "succeeded"
  return status === "declined" || (status === "succeeded" && ledgerOf(state).heldMinor > 0)
}

/** Whether an answer is to be recorded, as `Reconcile`. A request that was refused may have left no trace, or a cancelled one. */
export const tells = ({ status }: Operation, finding: QueryAnswer): boolean =>
  status !== "declined" || finding._tag === "Approved"
