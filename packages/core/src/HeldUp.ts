/**
 * Says that background work is held up, and that it goes on: once for a service and a reason, however many of its workers meet it
 * and however often they try. A database that goes away stops all of them at once, and each tries again for ever. Used by
 * projections, consumers and deadlines; who puts a service together gives it one of its own, by `layer`.
 *
 * What is not said again is in the log at the level Debug, each time and whole.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { isTransient, reasonOf } from "./Problem.ts"

/** Reasons that are remembered as said. Beyond that, which takes reasons that are never the same, all are said anew. */
const mostSaid = 100

/** The workers of one service that are held up, and what has been said of it. */
export class Troubles {
  readonly #prefix: string
  /** Why each worker that is held up was so the last time. */
  readonly #reasons = new Map<string, string>()
  readonly #said = new Set<string>()
  /** Workers that go on, and of which that has not been said. */
  #goingOn: ReadonlyArray<string> = []

  /** Of that service; without one, of whoever works in this process. */
  constructor(service?: string) {
    this.#prefix = service === undefined ? "" : `${service}: `
  }

  /** Of a worker that tries again: said, unless it has been said of any worker of the service since this reason came up. */
  failed(worker: string, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const error = Cause.squash(cause)
      const reason = reasonOf(error)
      const isNew = !this.#said.has(reason)
      this.#reasons.set(worker, reason)
      this.#goingOn = this.#goingOn.filter((other) => other !== worker)
      if (!isNew) return Effect.logDebug(`${this.#prefix}${worker} is still held up`, cause)
      if (this.#said.size >= mostSaid) this.#said.clear()
      this.#said.add(reason)
      const text = `${this.#prefix}${worker} is held up, as is all that meets the same, and tries again until it works: ${reason}`
      // What nobody has foreseen is said with where it came from.
      return isTransient(error) ? Effect.logWarning(text) : Effect.logWarning(text, cause)
    })
  }

  /** Of a worker that works, held up or not: said when no other is held up for the reason that it was. */
  goesOn(worker: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const reason = this.#reasons.get(worker)
      if (reason === undefined) return Effect.void
      this.#reasons.delete(worker)
      this.#goingOn = [...this.#goingOn, worker]
      const reasons = new Set(this.#reasons.values())
      if (reasons.has(reason)) return Effect.logDebug(`${this.#prefix}${worker} goes on`)
      for (const said of this.#said) if (!reasons.has(said)) this.#said.delete(said)
      const going = this.#goingOn.join(", ")
      this.#goingOn = []
      const still = this.#reasons.size === 0 ? "" : `; others still held up: ${this.#reasons.size}`
      return Effect.logInfo(`${this.#prefix}no longer held up: ${going}${still}`)
    })
  }

  /** Of a worker that has ended, and so is not waited for any more. */
  ended(worker: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#reasons.delete(worker)
      this.#goingOn = this.#goingOn.filter((other) => other !== worker)
    })
  }
}

/** Where workers say that they are held up. Unless told otherwise, the whole process is one service without a name. */
export const HeldUp = Context.Reference<Troubles>("@daybook/core/HeldUp", { defaultValue: () => new Troubles() })

/** What is built on this is a service of that name in what it says. */
export const layer = (service: string): Layer.Layer<never> => Layer.sync(HeldUp, () => new Troubles(service))

/** Not at once, since what has failed is most likely still down; and not all workers at once. */
const rest = Effect.flatMap(Random.next, (random) => Effect.sleep(800 + 400 * random))

/**
 * Work of which nobody hears while there is nothing to do counts as going on when it has lasted for twice as long as it took to fail
 * the last time; in these bounds. What cannot be reached fails at once, and what does not answer only when it is given up.
 */
const [leastSteadyMillis, mostSteadyMillis] = [5_000, 30_000]

const steadyMillisAfter = (failedAfterMillis: number): number =>
  Math.min(Math.max(2 * failedAfterMillis, leastSteadyMillis), mostSteadyMillis)

/**
 * Runs work that has no end, and runs it again when it has failed. After a defect too, and after an interruption from inside, as of a
 * pool that closes: it must not end while its service lives.
 */
export const keepRunning = <E, R>(worker: string, work: Effect.Effect<never, E, R>): Effect.Effect<never, never, R> =>
  Effect.flatMap(HeldUp, (heldUp) => {
    let steadyMillis = mostSteadyMillis
    const attempt = Effect.gen(function* () {
      const begunMillis = yield* Clock.currentTimeMillis
      const steady = Effect.andThen(Effect.sleep(steadyMillis), heldUp.goesOn(worker))
      const failing = Effect.all([work, steady], { concurrency: "unbounded" })
      yield* Effect.catchCause(failing, (cause) => heldUp.failed(worker, cause))
      steadyMillis = steadyMillisAfter((yield* Clock.currentTimeMillis) - begunMillis)
      yield* rest
    })
    return Effect.ensuring(Effect.forever(attempt), heldUp.ended(worker))
  })
