/**
 * The write sides of the services that have run, one after the other, with the key that seals: for commands that work on journals
 * themselves, as `daybook archive` and `daybook prune` do.
 */
import type { Journal } from "@daybook/core/Journal"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import type { RejectedCommands } from "@daybook/core/RejectedCommands"
import type { Snapshots } from "@daybook/core/Snapshot"
import type { Database } from "@daybook/postgres/Database"
import { SealKeys } from "@daybook/postgres/SealKeys"
import * as SqlProjectionStore from "@daybook/postgres/SqlProjectionStore"
import * as Stores from "@daybook/postgres/Stores"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { Failure } from "./Failure.ts"
import * as Journals from "./Journals.ts"

/** What a write side is made of. The offsets are of its read side; the client is of the write side. */
type Parts = Journal | Snapshots | RejectedCommands | ProjectionStore | SqlClient | Database | SealKeys

/** The write side of a service. */
export interface WriteSide {
  readonly service: Settings.ServiceName
  readonly schema: string
  /** Provide it to what works on the journal. */
  readonly context: Context.Context<Parts>
}

/** Opens those that are there: nothing is created to find that out. What is there is migrated. */
export const open = Effect.fnUntraced(function* (services: ReadonlyArray<Settings.ServiceName>) {
  const keys = SealKeys.layerFile(yield* Settings.sealKeyFile)
  const opened: Array<WriteSide> = []
  for (const { service, schema, sides, build } of yield* Journals.open(services)) {
    const offsets = SqlProjectionStore.layer(schema).pipe(Layer.provide(database(sides.read)))
    const journal = Stores.writeSide({ schema }).pipe(Layer.provideMerge(database(sides.write)))
    opened.push({ service, schema, context: yield* build(Layer.mergeAll(offsets, journal, keys)) })
  }
  return opened
})

/** The services of that name; all where none is named. */
export const chosen = (names: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Settings.ServiceName>, Failure> => {
  const unknown = names.find((name) => !(Settings.serviceNames as ReadonlyArray<string>).includes(name))
  if (unknown !== undefined) {
    return Effect.fail(
      new Failure({ message: `There is no service ${unknown}. There are: ${Settings.serviceNames.join(", ")}.` })
    )
  }
  return Effect.succeed(Settings.serviceNames.filter((name) => names.length === 0 || names.includes(name)))
}
