/**
 * Seals a service's journal in the background, as it grows. Runs in the shop's processes that play the role `projection`.
 *
 * It keeps out of the way: after each block it rests for nine times as long as the block took, so that at the very most a tenth of a
 * processor's core is taken from commands and queries. What it cannot do it says, once, and tries again.
 */
import * as Metrics from "@daybook/core/Metrics"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SealKeys } from "./SealKeys.ts"
import { whyOf } from "./SqlFailure.ts"
import { seal } from "./SqlSeals.ts"

/** How a journal is sealed. */
export interface Options {
  readonly schema: string
  /** How long an event waits for its block to fill up. Default 60 seconds. */
  readonly idleMillis?: number
  /** How often to look for a block's worth, or for what has waited for long enough. Default 5 seconds. */
  readonly pollMillis?: number
}

/** After a block: so many times as long as it took. */
const restTimes = 9

/** Seals until interrupted. */
export const run = ({
  schema,
  idleMillis = 60_000,
  pollMillis = 5_000
}: Options): Effect.Effect<never, never, SqlClient | SealKeys> =>
  Effect.suspend(() => {
    const tagged = { schema }
    const sealed = Metric.withAttributes(Metrics.sealedEvents, tagged)
    const stopped = Metric.withAttributes(Metrics.sealsStopped, tagged)
    let told = ""
    /** The same trouble is not told again at every look. */
    const tell = (what: string) =>
      Effect.suspend(() => {
        if (what === told) return Effect.void
        told = what
        return what === "" ? Effect.logInfo(`Sealing ${schema} goes on`) : Effect.logError(what)
      })
    let begunMillis = 0
    const rest = Effect.gen(function* () {
      const tookMillis = (yield* Clock.currentTimeMillis) - begunMillis
      yield* Effect.sleep(restTimes * tookMillis)
      begunMillis = yield* Clock.currentTimeMillis
    })
    const onBlock = (events: number) => Effect.andThen(Metric.update(sealed, events), rest)
    const look = Effect.gen(function* () {
      begunMillis = yield* Clock.currentTimeMillis
      const outcome = yield* seal(schema, { idleMillis, onBlock })
      yield* Metric.update(stopped, outcome.stopped.length)
      yield* tell(outcome.stopped.map(({ message }) => message).join("\n"))
    })
    // A defect too: sealing must not end without a word.
    const orTell = Effect.catchCause(look, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : tell(`${schema} is not being sealed, which is tried again: ${whyOf(Cause.squash(cause))}`)
    )
    return Effect.forever(Effect.andThen(Effect.sleep(pollMillis), orTell))
  })

/** The background sealing of a migrated journal, as a layer. */
export const layer = (options: Options): Layer.Layer<never, never, SqlClient | SealKeys> =>
  Layer.effectDiscard(Effect.forkScoped(run(options)))
