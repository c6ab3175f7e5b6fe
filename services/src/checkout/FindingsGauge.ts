/**
 * How much does not fit together, by kind, as a metric for alarms: looked at every minute. Run by `Checkout.ts`.
 */
import * as Metrics from "@daybook/core/Metrics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { defaultOlderThanMillis, type Reconciliation } from "./Reconciliation.ts"

/** Alarms look every quarter of a minute or less often, and what is found is a quarter of an hour old. */
const everyMillis = 60_000

/** A layer that counts the findings while it lives. A database that is down leaves the last count, and a warning. */
export const findingsGauge = (
  copy: Reconciliation["Service"],
  afterMillis: number = defaultOlderThanMillis
): Layer.Layer<never> => {
  const look = Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const counts = yield* copy.counts((yield* Clock.currentTimeMillis) - afterMillis)
    for (const [kind, n] of counts) Metrics.recorder(Metrics.findings, context, { kind })(n)
  })
  const warned = Effect.catch(look, (error) => Effect.logWarning(`Findings were not counted: ${error.message}`))
  return Layer.effectDiscard(Effect.forkScoped(Effect.forever(Effect.andThen(warned, Effect.sleep(everyMillis)))))
}
