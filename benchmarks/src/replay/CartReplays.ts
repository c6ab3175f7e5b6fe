/**
 * The cart service's history, and what is replayed of it: through the cart's decider into states in memory, and into the cart's
 * read models, as `daybook projection rebuild cart-views` does. Used by the `replay` benchmark.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import { Journal } from "@daybook/core/Journal"
import * as Projection from "@daybook/core/Projection"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Replay from "@daybook/core/Replay"
import * as Database from "@daybook/postgres/Database"
import * as SqlRebuild from "@daybook/postgres/SqlRebuild"
import * as Stores from "@daybook/postgres/Stores"
import { schema } from "@daybook/services/cart/Cart"
import { make, type State } from "@daybook/services/cart/Domain"
import { cartViews, tables } from "@daybook/services/cart/Projections"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { writeHistory } from "./CartHistory.ts"

const cart = make()

/** What became of all carts. */
interface Folded {
  readonly carts: number
  /** The sum of the carts' versions: as many as there are events. */
  readonly versions: number
}

/** Every event of the journal, decoded and evolved, a state for each cart. The offsets are in memory. */
const fold = Effect.gen(function* () {
  const journal = yield* Journal
  const carts = new Map<string, { version: number; state: State }>()
  const states = Projection.make({
    name: "states",
    sources: [cart],
    handle: (batch) =>
      Effect.sync(() => {
        for (const { stream, version, event } of batch) {
          const state = Aggregate.evolve(cart, carts.get(stream)?.state ?? cart.initial, event)
          carts.set(stream, { version, state })
        }
      })
  })
  yield* Replay.run(states).pipe(
    Effect.provideService(Journal, journal),
    Effect.provide(ProjectionStore.layerMemory, { local: true })
  )
  const versions = carts.values().reduce((sum, { version }) => sum + version, 0)
  const folded: Folded = { carts: carts.size, versions }
  return folded
})

const subject: SqlRebuild.Subject = {
  schema,
  migrations: [tables],
  projection: cartViews,
  fingerprint: "of this run"
}

const stores = (databaseUrl: string) =>
  Layer.merge(Stores.writeSide({ schema }), Stores.readSide({ schema, tables })).pipe(
    Layer.provideMerge(Database.layer({ url: Redacted.make(databaseUrl) }))
  )

/** The service's stores in an empty database, and what is done with them. */
export const open = (databaseUrl: string) => {
  const runtime = ManagedRuntime.make(stores(databaseUrl))
  return {
    write: (events: number): Promise<number> => runtime.runPromise(writeHistory(events)),
    fold: (): Promise<Folded> => runtime.runPromise(fold),
    /** Makes the read models anew and switches to them. Answers how many events they were made from. */
    rebuild: async (): Promise<number> => {
      const { positions } = await runtime.runPromise(SqlRebuild.run(subject))
      return positions.reduce((sum, position) => sum + position, 0)
    },
    [Symbol.asyncDispose]: () => runtime.dispose()
  }
}
