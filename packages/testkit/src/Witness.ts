/**
 * A place in an adapter's store, outside the port under test, that shows whether two writes were one transaction.
 *
 * Given to the journal's and the projection store's suites. A SQL adapter gives a table of its own with one text column.
 */
import type * as Effect from "effect/Effect"

export interface Witness<R> {
  /** Writes a note through the adapter's client, in the current transaction if there is one. */
  readonly write: (note: string) => Effect.Effect<void, unknown, R>
  /** Whether the note is there, as seen from outside any transaction. */
  readonly has: (note: string) => Effect.Effect<boolean, unknown, R>
}
