/**
 * Where the past of a stream is, by the stream's name. Used by `daybook history`. Services that have not run are left alone.
 */
import type { Aggregate } from "@daybook/core/Aggregate"
import { Journal } from "@daybook/core/Journal"
import { Snapshots } from "@daybook/core/Snapshot"
import type { Source } from "@daybook/core/Temporal"
import * as Stores from "@daybook/postgres/Stores"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Failure } from "./Failure.ts"
import * as Journals from "./Journals.ts"
import { aggregates } from "./ServiceAggregates.ts"

/** A kind of aggregate, and whose it is. */
interface Kind {
  readonly service: Settings.ServiceName
  readonly aggregate: Aggregate<any, any, any, any>
}

const kinds: ReadonlyMap<string, Kind> = new Map(
  Settings.serviceNames.flatMap((service) =>
    aggregates[service].map((aggregate) => [aggregate.name, { service, aggregate }] as const)
  )
)

/** A stream is named by its kind and its id, as `order-o-1`. */
const kindOf = (stream: string): Effect.Effect<Kind, Failure> => {
  const end = stream.indexOf("-")
  const kind = kinds.get(stream.slice(0, Math.max(end, 0)))
  if (kind !== undefined && end < stream.length - 1) return Effect.succeed(kind)
  return Effect.fail(
    new Failure({
      message:
        `${JSON.stringify(stream)} names no stream. Give the kind of thing and its id, with a hyphen between: order-o-1. ` +
        `There are: ${[...kinds.keys()].join(", ")}.`
    })
  )
}

/** A stream's service, its aggregate, and the stores that its past is in. Nothing is created to find that out. */
export const open = Effect.fnUntraced(function* (stream: string) {
  const { service, aggregate } = yield* kindOf(stream)
  const [journal] = yield* Journals.open([service])
  if (journal === undefined) {
    return yield* new Failure({
      message: `The ${service} has not run on this store, so that there is no ${stream}. Name another store with DAYBOOK_HOME or DATABASE_URL.`
    })
  }
  const stores = Stores.writeSide({ schema: journal.schema }).pipe(Layer.provide(database(journal.sides.write)))
  const opened = yield* journal.build(stores)
  const source: Source<any, any> = {
    aggregate,
    stores: { journal: Context.get(opened, Journal), snapshots: Context.get(opened, Snapshots) }
  }
  return { service, source }
})
