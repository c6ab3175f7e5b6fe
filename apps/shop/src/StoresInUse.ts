/**
 * Which stores a shop uses, and how to use others, in words for whoever starts it: `Shop` prints them when it is ready.
 */
import { resolve } from "node:path"
import { describe, type Location } from "@daybook/postgres/Database"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Settings from "./Settings.ts"

/** With the folder in full: where the shop was started from is not on the screen. */
const nameOf = (location: Location): string =>
  "folder" in location && location.folder !== undefined
    ? describe({ folder: resolve(location.folder) })
    : describe(location)

/** Whoever has named a server knows how. */
const others = (location: Location): ReadonlyArray<string> =>
  "url" in location
    ? []
    : ["DATABASE_URL=postgres://user:password@host:5432/database has it use PostgreSQL, DAYBOOK_HOME another folder"]

const othersOfMany =
  "DATABASE_URL names one for all; <SERVICE>_WRITE_URL, <SERVICE>_READ_URL and BROKER_URL name others"

/** A line for each store, with what is in it where there are several, and where need be a line that says how to use another. */
export const lines = (
  services: ReadonlyArray<Settings.ServiceName>,
  roles: Settings.Roles
): Effect.Effect<ReadonlyArray<string>, Config.ConfigError> =>
  Effect.gen(function* () {
    // Settings have one object for each place.
    const kept = new Map<Location, Array<string>>()
    const keep = (location: Location, what: string) => kept.set(location, [...(kept.get(location) ?? []), what])
    for (const service of services) {
      const { write, read } = yield* Settings.sides(service)
      keep(write, write === read ? service : `${service} (journal)`)
      if (write !== read) keep(read, `${service} (read models)`)
    }
    if (roles.has("consumer") && (yield* Settings.brokerKind) === "sql") {
      keep(yield* Settings.brokerLocation, "messages")
    }
    const stores = [...kept]
    if (stores.length === 1) return [nameOf(stores[0]![0]), ...others(stores[0]![0])]
    return [...stores.map(([location, what]) => `${nameOf(location)}: ${what.join(", ")}`), othersOfMany]
  })
