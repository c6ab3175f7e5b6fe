/**
 * Writes that follow the work: where a reader has come to, what it has received. Used by brokers on a log, consumers and reactions.
 *
 * The next work need not wait until it is written down how far the last one came: what is not written is done again after a crash, and
 * must be harmless when it is. So it is not written for each piece of work either: what is added within a quarter of a second of a
 * write is one write, and nothing piles up. With hundreds of pieces a second that is most of what they cost beside the work itself.
 * After a write has failed nothing more is written until its owner has heard of it.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { runInBackground } from "./Background.ts"
import { Signal } from "./Signal.ts"

/**
 * From the end of a write to the next, unless somebody waits for it. Default 250 ms: so much work a process that is killed may do again.
 * With 0 it is written as soon as the write before is done, for tests that crash around each.
 */
export const PauseMillis = Context.Reference<number>("@daybook/core/TrailingWrite/PauseMillis", {
  defaultValue: () => 250
})

/** How something is written, and what two of them come to. */
export interface Writing<A, E> {
  readonly write: (one: A) => Effect.Effect<void, E>
  readonly merge: (earlier: A, later: A) => A
}

export class TrailingWrite<A, E> {
  readonly #writing: Writing<A, E>
  #pending: { readonly value: A } | undefined
  #isBusy = false
  #failure: Cause.Cause<E> | undefined
  readonly #waiters: Array<() => void> = []
  /** Ends the pause. */
  readonly #hurry = new Signal()

  constructor(writing: Writing<A, E>) {
    this.#writing = writing
  }

  /** Has it written, at once or after the pause. Fails, and writes nothing, where an earlier write has failed: once, to whoever asks first. */
  add(value: A): Effect.Effect<void, E> {
    return Effect.andThen(
      this.#heard,
      Effect.map(PauseMillis, (pauseMillis) => {
        this.#pending = { value: this.#pending === undefined ? value : this.#writing.merge(this.#pending.value, value) }
        if (this.#isBusy) return
        this.#isBusy = true
        runInBackground(this.#work(pauseMillis))
      })
    )
  }

  /** Succeeds when all is written, without a pause. Fails as `add` does. */
  get settled(): Effect.Effect<void, E> {
    const written = Effect.callback<void>((resume) => {
      if (!this.#isBusy) return resume(Effect.void)
      this.#waiters.push(() => resume(Effect.void))
      this.#hurry.notify()
    })
    return Effect.andThen(written, this.#heard)
  }

  get #heard(): Effect.Effect<void, E> {
    return Effect.suspend(() => {
      const failure = this.#failure
      this.#failure = undefined
      return failure === undefined ? Effect.void : Effect.failCause(failure)
    })
  }

  /** Writes until there is nothing more. */
  readonly #work: (pauseMillis: number) => Effect.Effect<void> = Effect.fnUntraced(
    { self: this },
    function* (pauseMillis) {
      while (this.#pending !== undefined && this.#failure === undefined) {
        const { value } = this.#pending
        this.#pending = undefined
        const exit = yield* Effect.exit(Effect.suspend(() => this.#writing.write(value)))
        if (Exit.isFailure(exit)) this.#failure = exit.cause
        else if (pauseMillis > 0 && this.#waiters.length === 0) {
          yield* this.#hurry.changedWithin(this.#hurry.count, pauseMillis)
        }
      }
      this.#pending = undefined
      this.#isBusy = false
      for (const wake of this.#waiters.splice(0)) wake()
    }
  )
}
