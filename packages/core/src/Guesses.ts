/**
 * When an entity that nobody has looked for may be taken for new, so that its creation need not wait for a read (docs/adr/0018).
 * One for each kind of aggregate. Used by the entity runtime.
 */
import type { Persistence } from "./Persistence.ts"

/**
 * A wrong guess has a whole batch sent again, which costs as much as some ten recoveries. A kind whose commands do not show
 * whether they create an aggregate, as payments into an account, thus guesses wrong about once in a hundred.
 */
const doubtAfterWrongGuess = 100

export class Guesses {
  readonly #allowed: boolean
  /** How many entities must be found to be new before one is taken for new again. */
  #doubt = 0

  constructor(persistence: Persistence) {
    // Not where there are snapshots: recovery also drops those that a restored journal has not reached, which nothing else does.
    this.#allowed = persistence._tag !== "Events"
  }

  get allowed(): boolean {
    return this.#allowed && this.#doubt === 0
  }

  /** Told of an entity that recovery found to be new. */
  foundNew(): void {
    if (this.#doubt > 0) this.#doubt--
  }

  /** Told of an entity that was taken for new, and was not. */
  wasWrong(): void {
    this.#doubt = doubtAfterWrongGuess
  }
}
