/**
 * Reads that are asked for in one turn, as one: of the same thing once, of different things in one statement. Used by `Recall` for
 * entities that recover together, and by `SqlJournal` for the workers that one append wakes.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as SqlClient from "effect/sql/SqlClient"

/** How things are read together. */
export interface SharedRead<Asked, Found, E> {
  /** The same for what is the same to read. */
  readonly keyOf: (asked: Asked) => string
  /** Things of one read at most. */
  readonly most: number
  /** Reads things, no two of which are the same; what was found comes in their order. */
  readonly read: (asked: ReadonlyArray<Asked>) => Effect.Effect<ReadonlyArray<Found>, E>
}

interface Waiting<Asked, Found, E> {
  readonly asked: Asked
  readonly waiters: Array<(exit: Exit.Exit<Found, E>) => void>
}

/** Answers a reader of one thing, which reads together whatever is asked for in the same turn. */
export const make = <Asked, Found, E>(
  sql: SqlClient.SqlClient,
  { keyOf, most, read }: SharedRead<Asked, Found, E>
): ((asked: Asked) => Effect.Effect<Found, E>) => {
  let waiting = new Map<string, Waiting<Asked, Found, E>>()

  const flush = () => {
    const flushed = [...waiting.values()]
    waiting = new Map()
    if (flushed.length === 0) return
    Effect.runFork(read(flushed.map(({ asked }) => asked))).addObserver((exit) => {
      flushed.forEach(({ waiters }, i) => {
        const answer = Exit.map(exit, (found) => found[i]!)
        for (const waiter of waiters) waiter(answer)
      })
    })
  }

  const together = (asked: Asked) =>
    Effect.callback<Found, E>((resume) => {
      const key = keyOf(asked)
      const others = waiting.get(key)
      if (others !== undefined) return void others.waiters.push(resume)
      waiting.set(key, { asked, waiters: [resume] })
      if (waiting.size === 1) queueMicrotask(flush)
      else if (waiting.size === most) flush()
    })

  return (asked) =>
    Effect.flatMap(Effect.serviceOption(sql.transactionService), (transaction) =>
      // Within a transaction the read is the transaction's own, on the connection that it holds.
      Option.isNone(transaction) ? together(asked) : Effect.map(read([asked]), (found) => found[0]!)
    )
}
