/**
 * Deadlines: durable timers. What is due is asked of a read model, and fired as commands that do nothing when they come too
 * late or twice.
 *
 * A deadline is a column, not a process: it survives every crash, is listed like any other data, and is gone when the
 * aggregate has moved on. Several processes may fire the same one.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { HeldUp } from "./HeldUp.ts"

interface Explained {
  readonly message: string
}

/** Some deadlines. */
export interface Definition<A, Asking, Firing, R> {
  /** In logs. */
  readonly name: string
  /** What is due by now, the longest overdue first; at most `limit`. */
  readonly due: (nowMillis: number, limit: number) => Effect.Effect<ReadonlyArray<A>, Asking, R>
  /** Does what is due. Idempotent; a failure is told of (`HeldUp`), and the deadline fired again the next time. */
  readonly fire: (due: A, nowMillis: number) => Effect.Effect<unknown, Firing, R>
  /** How often to look. Default 500 ms. */
  readonly pollMillis?: number
}

/** Deadlines fired in one look. More are due at the next. */
const atOnce = 200
/** Fired side by side. */
const concurrency = 32

/** Fires what is due, until interrupted. */
export const run = <A, Asking extends Explained, Firing extends Explained, R>(
  definition: Definition<A, Asking, Firing, R>
): Effect.Effect<never, never, R> => {
  const { name, due, fire, pollMillis = 500 } = definition
  const worker = `timer ${name}`
  return Effect.flatMap(HeldUp, (heldUp) => {
    let hasFailed = false
    // A defect too: one aggregate that is broken must not end the timers of the others.
    const orTell = <A, E extends Explained, R1>(effect: Effect.Effect<A, E, R1>) =>
      Effect.catchCause(effect, (cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
        hasFailed = true
        return heldUp.failed(worker, cause)
      })
    const look = Effect.gen(function* () {
      hasFailed = false
      const now = yield* Clock.currentTimeMillis
      const found = yield* due(now, atOnce)
      yield* Effect.forEach(found, (one) => orTell(fire(one, now)), { concurrency, discard: true })
      if (!hasFailed) yield* heldUp.goesOn(worker)
    })
    return Effect.forever(Effect.andThen(orTell(look), Effect.sleep(pollMillis))).pipe(
      Effect.ensuring(heldUp.ended(worker))
    )
  })
}

/** The deadlines as a layer that fires them. */
export const layer = <A, Asking extends Explained, Firing extends Explained, R>(
  definition: Definition<A, Asking, Firing, R>
): Layer.Layer<never, never, R> => Layer.effectDiscard(Effect.forkScoped(run(definition)))
