/**
 * What an entity has decided and not stored yet. Used by `Entity`.
 */
import type { Pending } from "./EntityHost.ts"
import type { NewEvent } from "./Journal.ts"

/** A command that has been decided and waits for its batch to become durable. */
export interface Decided<State, Command> {
  readonly pending: Pending<State, Command>
  readonly version: number
  readonly events: number
  /** The state for its answer, or why it was rejected. */
  readonly result: { readonly state: State } | { readonly rejection: unknown } | { readonly defect: unknown }
}

/** The commands of one append, and what they make of the state. */
export interface Draft<State, Command, Event> {
  state: State
  version: number
  decided: Array<Decided<State, Command>>
  events: Array<NewEvent>
  applied: Array<Event>
  receipts: Array<{ readonly commandId: string; readonly version: number }>
  commandIds: Set<string> | undefined
  /** A handler threw: start again from the journal after this batch. */
  crashed: boolean
}

/** A draft of nothing yet, on a state and its version. */
export const draftOn = <State, Command, Event>(state: State, version: number): Draft<State, Command, Event> => ({
  state,
  version,
  decided: [],
  events: [],
  applied: [],
  receipts: [],
  commandIds: undefined,
  crashed: false
})

/**
 * A list with more in it. Most drafts are of one command, with one of everything; and an empty list that is pushed to gets room for
 * seventeen, which was a tenth of what a command left to be collected.
 */
export const joined = <A>(list: Array<A>, more: ReadonlyArray<A>): Array<A> => {
  if (list.length === 0) return more.slice()
  list.push(...more)
  return list
}

/** A command id twice in one draft would be refused by the journal; the second waits for the outcome of the first. */
export const isRepeatWithin = (draft: Draft<any, any, any>, pending: Pending<any, any>): boolean =>
  pending.options.commandId !== undefined && draft.commandIds?.has(pending.options.commandId) === true
