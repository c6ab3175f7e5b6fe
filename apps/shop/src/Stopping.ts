/**
 * An orderly stop: told of beforehand where that is wanted, and bounded.
 *
 * It would otherwise take as long as the slowest of what the shop works with. What is asked of a database at the end, as to give leases
 * back, cannot be interrupted, nor can a statement before its server has had a chance to cancel it; and of a database that hangs neither
 * is ever answered. Used by `Shop.ts`.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * How long all that is behind the server may take to end, once what was accepted is answered. In order it is a fraction of a second.
 * Answers are waited for for 20 seconds at most, and orchestrators commonly kill after 30.
 */
const limitSeconds = 5

/** What is left undone is what a process that is killed leaves, and is made good in the same way. */
const unfinished =
  `The shop ended unfinished: a database, or something else that it works with, did not let it end within ${limitSeconds} s. As after ` +
  "a kill, nothing acknowledged is lost. Leases that were not given back run out by themselves after LEASE_SECONDS, and until then the " +
  "work under them stands still; steps that were not written down are done again, which is harmless; and commands refused in the last " +
  "moments may be missing in the audit trail."

/** The stop of this process. */
export class Stopping {
  #isServing = false
  #isAsked = false
  #endNotice = () => {}

  /** Whether the process was asked to stop. It is not ready any more then, though it may go on for a while. */
  get isAsked(): boolean {
    return this.#isAsked
  }

  /**
   * Lets some time go by in which requests are served as before, so that whoever sends traffic by the readiness probe learns of the stop
   * before connections are refused. To be asked again ends it.
   */
  notice(millis: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const timer = setTimeout(() => this.#endNotice(), millis)
      this.#endNotice = () => {
        clearTimeout(timer)
        resume(Effect.void)
      }
    })
  }

  /** Lives as long as requests are served: the time does not run before they are answered. */
  readonly serving: Effect.Effect<void, never, Scope.Scope> = Effect.acquireRelease(
    Effect.sync(() => {
      this.#isServing = true
    }),
    () =>
      Effect.sync(() => {
        this.#isServing = false
        this.#limit()
      })
  )

  /** Begins when the process is asked to stop. To be asked again changes nothing after the notice. */
  onSignals(): void {
    const asked = () => {
      if (this.#isAsked) return this.#endNotice()
      this.#isAsked = true
      this.#limit()
    }
    process.on("SIGINT", asked).on("SIGTERM", asked)
  }

  #limit(): void {
    if (!this.#isAsked || this.#isServing) return
    const end = () => {
      console.error(unfinished)
      process.exit(1)
    }
    setTimeout(end, limitSeconds * 1_000)
  }
}
