/**
 * Work that a process repeats while it runs: measuring, counting, deleting what is old. For background layers of adapters and services.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { reasonOf } from "./Problem.ts"

/** How work is repeated. */
export interface Options {
  /** The rest between two rounds. */
  readonly everyMillis: number
  /** The rest before the first round, of work that nobody waits for where a process that starts has other things to do. Default none. */
  readonly afterMillis?: number
  /** What to say of a round that failed; why is said after it. */
  readonly failed: string
}

/** A layer that works at once, unless told otherwise, and then every so often, while it lives. What fails, a defect too, is told of and tried again the next time. */
export const layer = <E extends { readonly message: string }, R>(
  work: Effect.Effect<void, E, R>,
  { everyMillis, afterMillis = 0, failed }: Options
): Layer.Layer<never, never, R> => {
  const orWarn = Effect.catchCause(work, (cause) =>
    Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.logWarning(`${failed}: ${reasonOf(Cause.squash(cause))}`)
  )
  const rounds = Effect.forever(Effect.andThen(orWarn, Effect.sleep(everyMillis)))
  return Layer.effectDiscard(
    Effect.forkScoped(afterMillis === 0 ? rounds : Effect.andThen(Effect.sleep(afterMillis), rounds))
  )
}
