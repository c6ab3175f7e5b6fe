/**
 * Reads that are asked for in one turn, as one: of the same thing once, of different things in one statement. So are those that are
 * asked for while enough others are under way, so that a read costs the less the more is asked for. Used by `Recall` for entities that
 * recover together, by `Stores` for the workers that one append wakes, and by services.
 */
import { runInBackground } from "@daybook/core/Background"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as SqlClient from "effect/sql/SqlClient"
import { isInTransaction } from "./InTransaction.ts"

/** How things are read together. */
export interface SharedRead<Asked, Found, E> {
  /** The same for what is the same to read. */
  readonly keyOf: (asked: Asked) => string
  /** Things of one read at most. */
  readonly most: number
  /** Reads things, no two of which are the same; what was found comes in their order. */
  readonly read: (asked: ReadonlyArray<Asked>) => Effect.Effect<ReadonlyArray<Found>, E>
}

/** Reads under way at once: one more than the server works on, so that it need not wait for the next. */
const mostUnderWay = 2

interface Waiting<Asked, Found, E> {
  readonly asked: Asked
  readonly waiters: Array<(exit: Exit.Exit<Found, E>) => void>
}

/** What is asked for and not yet being read, by key. */
type Asking<Asked, Found, E> = Map<string, Waiting<Asked, Found, E>>

/** Answers a reader of one thing, which reads together whatever is asked for in the same turn. */
export const make = <Asked, Found, E>(
  sql: SqlClient.SqlClient,
  { keyOf, most, read }: SharedRead<Asked, Found, E>
): ((asked: Asked) => Effect.Effect<Found, E>) => {
  let waiting: Asking<Asked, Found, E> = new Map()
  let underWay = 0

  const flush = () => {
    if (underWay === mostUnderWay || waiting.size === 0) return
    const all = [...waiting]
    const flushed = all.slice(0, most)
    // Another map, since one that lives long is made over from time to time: V8 keeps the dead ones in a chain, and who waited with them.
    waiting = new Map(all.slice(most))
    underWay++
    runInBackground(read(flushed.map(([, { asked }]) => asked))).addObserver((exit) => {
      underWay--
      flush()
      flushed.forEach(([, { waiters }], i) => {
        const answer = Exit.map(exit, (found) => found[i]!)
        for (const waiter of waiters) waiter(answer)
      })
    })
  }

  /** Whoever gives up leaves nothing behind: what nobody waits for any more is not read, and does not pile up. */
  const leave = (key: string, entry: Waiting<Asked, Found, E>, waiter: Waiting<Asked, Found, E>["waiters"][number]) => {
    entry.waiters.splice(entry.waiters.indexOf(waiter), 1)
    if (entry.waiters.length === 0 && waiting.get(key) === entry) waiting.delete(key)
  }

  const together = (asked: Asked) =>
    Effect.callback<Found, E>((resume) => {
      const key = keyOf(asked)
      const others = waiting.get(key)
      const entry = others ?? { asked, waiters: [] }
      entry.waiters.push(resume)
      if (others === undefined) {
        waiting.set(key, entry)
        // At the end of the event loop's turn: of what came in together, each part has a callback of its own.
        if (waiting.size === 1) setImmediate(flush)
        else if (waiting.size === most) flush()
      }
      return Effect.sync(() => leave(key, entry, resume))
    })

  return (asked) =>
    Effect.flatMap(isInTransaction(sql), (inTransaction) =>
      // Within a transaction the read is the transaction's own, on the connection that it holds.
      inTransaction ? Effect.map(read([asked]), (found) => found[0]!) : together(asked)
    )
}
