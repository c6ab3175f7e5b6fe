/**
 * How long to wait for a database that does not answer: a server that is frozen or out of reach, a row that somebody holds. Used
 * by the journal, by what several readers share, and by queries.
 *
 * A limit ends the waiting, not the work: what was sent may still be carried out, now or when the database is back. Whoever
 * sends it again has to see to it that it is done once, as commands do by their receipts.
 */
import { SharedTimer } from "@daybook/core/SharedTimer"
import { Clock } from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { SqlError, StatementTimeoutError } from "effect/sql/SqlError"

/** How long a server may take to answer unless told otherwise. A statement of the journal takes milliseconds. */
export const defaultAnswerMillis = 15_000

/** The limit of the database in context. None for an embedded store, which is a part of this process. */
export const AnswerLimit: Context.Reference<number> = Context.Reference("@daybook/postgres/AnswerLimit", {
  defaultValue: () => Number.POSITIVE_INFINITY
})

/**
 * Waits for an effect so long, and then goes on with another. The effect is interrupted and not waited for, since to take back
 * a statement that is not answered takes another answer.
 *
 * Every read and every batch goes through here, and nearly all are answered in time: what is not needed then is not made.
 */
export const orElseAfter = <A, E, R, A2, E2, R2>(
  effect: Effect.Effect<A, E, R>,
  limitMillis: number,
  late: () => Effect.Effect<A2, E2, R2>
): Effect.Effect<A | A2, E | E2, R | R2> =>
  limitMillis === Number.POSITIVE_INFINITY
    ? effect
    : Effect.contextWith((context: Context.Context<R | R2>) =>
        Effect.callback<A | A2, E | E2, R | R2>((resume) => {
          const working = Effect.runForkWith(context)(effect)
          const done = working.pollUnsafe()
          if (done !== undefined) return resume(done)
          const meet = SharedTimer.of(Context.get(context, Clock), limitMillis).begin(() => {
            resume(Effect.suspend(late))
            working.interruptUnsafe()
          })
          working.addObserver((exit) => {
            meet()
            resume(exit)
          })
          return Effect.sync(() => {
            meet()
            working.interruptUnsafe()
          })
        })
      )

/** Fails when a statement, or a transaction, is not answered within the limit. */
export const orNoAnswer = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limitMillis: number
): Effect.Effect<A, E | SqlError, R> => orElseAfter(effect, limitMillis, () => Effect.fail(noAnswer(limitMillis)))

const noAnswer = (limitMillis: number): SqlError => {
  const message = `no answer within ${limitMillis / 1000} s`
  return new SqlError({
    reason: new StatementTimeoutError({ cause: new Error(message), message, operation: "answer" })
  })
}
