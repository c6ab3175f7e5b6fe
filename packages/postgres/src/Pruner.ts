/**
 * Prunes on schedule, while the shop runs: see `Retention`. Any number of processes may run it; who comes second finds nothing left.
 */
import type { Journal } from "@daybook/core/Journal"
import { recorder } from "@daybook/core/Metrics"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Repeated from "@daybook/core/Repeated"
import type { Snapshots } from "@daybook/core/Snapshot"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { SqlClient } from "effect/sql/SqlClient"
import { type Pruned, prune } from "./Retention.ts"
import type { SealKeys } from "./SealKeys.ts"
import { inWords } from "./SqlFailure.ts"

/** Label: schema. */
const prunedEvents = Metric.counter("daybook_pruned_events_total", {
  description: "Events deleted when their time was over",
  incremental: true
})

/** Between pages, so that commands are not held up by a database that is busy with the past. */
const restMillis = 100

/** Whose events, and how often. */
export interface Options extends Pruned {
  readonly everyMillis: number
}

/** A layer that prunes while it lives, at once and then every so often. What fails is told of, and tried again the next time. */
export const layer = ({
  everyMillis,
  ...pruned
}: Options): Layer.Layer<never, never, Journal | Snapshots | ProjectionStore | SqlClient | SealKeys> => {
  const once = Effect.gen(function* () {
    const { events } = yield* prune(pruned, { rest: Effect.sleep(restMillis) })
    recorder(prunedEvents, yield* Effect.context<never>(), { schema: pruned.schema })(events)
  })
  return Repeated.layer(inWords(once), { everyMillis, failed: `Events of ${pruned.schema} were not pruned` })
}
