/**
 * How much does not fit together, by kind, as a metric for alarms: looked at every minute. Run by `Checkout.ts`.
 */
import * as Metrics from "@daybook/core/Metrics"
import * as Repeated from "@daybook/core/Repeated"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
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
  return Repeated.layer(look, { everyMillis, failed: "Findings were not counted" })
}
