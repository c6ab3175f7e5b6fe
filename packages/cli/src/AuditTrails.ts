/**
 * The audit trails of all services, as one: what fits, in order of time across databases, and what belongs to a conversation. Used
 * by `daybook audit`. Nothing is created or migrated.
 */
import { conversationOf, type Entry, type Filter } from "@daybook/core/AuditTrail"
import { missingCauses } from "@daybook/core/AuditTree"
import * as Partition from "@daybook/core/Partition"
import * as Saga from "@daybook/core/Saga"
import * as SqlAuditTrail from "@daybook/postgres/SqlAuditTrail"
import { database } from "@daybook/shop/Place"
import * as Settings from "@daybook/shop/Settings"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Failure } from "./Failure.ts"
import { aggregates } from "./ServiceAggregates.ts"
import { kept } from "./ServiceProjections.ts"

/** The trails that there are. */
export type Trails = ReadonlyArray<SqlAuditTrail.AuditTrail>

const nothingHere = new Failure({
  message:
    "No service has run on this database, so that there is no trail. Name another one with DAYBOOK_HOME or DATABASE_URL."
})

/** The trails of a service, or of all. Services that share a database share its client. */
export const open = Effect.fnUntraced(function* (only: Option.Option<Settings.ServiceName>) {
  const memo = yield* Layer.makeMemoMap
  const scope = yield* Effect.scope
  const trails: Array<SqlAuditTrail.AuditTrail> = []
  for (const service of Option.match(only, { onNone: () => Settings.serviceNames, onSome: (one) => [one] })) {
    const { write } = yield* Settings.sides(service)
    const context = yield* Layer.buildWithMemoMap(database(write), memo, scope)
    const trail = yield* Effect.provideContext(SqlAuditTrail.open(service, kept[service].schema), context)
    if (trail !== undefined) trails.push(trail)
  }
  return trails.length === 0 ? yield* nothingHere : trails
})

/** Every source of what fits, always in the same order. */
export const sourcesOf = (trails: Trails, filter: Filter, order: SqlAuditTrail.Order) =>
  Effect.map(
    Effect.forEach(trails, (trail) => trail.sources(filter, order)),
    (sources) => sources.flat()
  )

/** Entries of one conversation that are shown; those of an order are some dozens. */
export const maxEntries = 5_000

/** Kinds of aggregate that are sagas: each is a conversation of its own name, begun in another. */
const sagas: ReadonlySet<string> = new Set(
  Object.values(aggregates).flatMap((all) => all.filter(({ events }) => events === Saga.Events).map(({ name }) => name))
)

const fromAll = (
  ask: (trail: SqlAuditTrail.AuditTrail) => Effect.Effect<ReadonlyArray<Entry>, unknown>,
  trails: Trails
) => Effect.map(Effect.forEach(trails, ask), (found) => found.flat())

/** The conversations in which sagas of these names were begun. */
const begunIn = (trails: Trails, names: ReadonlyArray<string>) => {
  const streams = names.flatMap((name) => [...sagas].map((saga) => Partition.streamOf(saga, name)))
  return Effect.map(
    fromAll((trail) => trail.beginnings(streams), trails),
    (entries) => entries.map(conversationOf)
  )
}

/** The sagas that were begun in a conversation. */
const begun = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  entries
    .filter(({ version, type }) => version === 1 && type === "SagaStarted")
    .map(({ stream }) => Partition.idOf(stream))

const tooMany = (name: string): Failure =>
  new Failure({
    message:
      `More than ${maxEntries} entries belong to ${name}, which no tree shows in a way that anybody could read. ` +
      `Search them: daybook audit search --correlation ${name}`
  })

/** Everything of a conversation: also what sagas did that it began, or the other way round, and what it follows from. */
export const conversation = Effect.fnUntraced(function* (trails: Trails, name: string) {
  // Named by one of its events?
  const named = yield* fromAll((trail) => trail.events([name]), trails)
  const names = new Set<string>()
  const entries = new Map<string, Entry>()
  let next: ReadonlyArray<string> = [name, ...named.map(conversationOf)]
  while (next.length > 0) {
    const wanted = [...new Set([...next, ...(yield* begunIn(trails, next))])].filter((one) => !names.has(one))
    for (const one of wanted) names.add(one)
    if (wanted.length === 0) break
    for (const entry of yield* fromAll((trail) => trail.conversations(wanted, maxEntries + 1), trails)) {
      entries.set(entry.id, entry)
    }
    if (entries.size > maxEntries) return yield* tooMany(name)
    next = begun([...entries.values()]).filter((one) => !names.has(one))
  }
  const missing = missingCauses([...entries.values()])
  for (const entry of yield* fromAll((trail) => trail.events(missing), trails)) entries.set(entry.id, entry)
  return [...entries.values()]
})
