/**
 * What is ready, and what is behind: the services of this process say how their projections are doing, and the readiness probe asks.
 */
import type { JournalUnavailable } from "@daybook/core/Journal"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { Observer, type Projector, type Status } from "@daybook/core/Projector"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

type Statuses = Effect.Effect<ReadonlyArray<Status>, ReadModelUnavailable | JournalUnavailable>

export class Readiness extends Context.Service<
  Readiness,
  {
    /** Has a projector asked from now on. */
    readonly add: (projector: Projector) => Effect.Effect<void>
    /** Every projection of the process. Fails when one of its databases does not answer. */
    readonly statuses: Statuses
  }
>()("@daybook/shop/Readiness") {
  static readonly layer: Layer.Layer<Readiness> = Layer.sync(Readiness, () => {
    const projectors: Array<Projector> = []
    const statuses: Statuses = Effect.suspend(() =>
      Effect.map(
        Effect.forEach(projectors, ({ status }) => status, { concurrency: "unbounded" }),
        (found) => found.flat()
      )
    )
    return { add: (projector) => Effect.sync(() => void projectors.push(projector)), statuses }
  })
}

/** Has every projector that is made asked. */
export const observed: Layer.Layer<never, never, Readiness> = Layer.effect(
  Observer,
  Effect.map(Readiness, ({ add }) => add)
)
