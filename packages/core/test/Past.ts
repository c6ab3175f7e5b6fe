/**
 * Streams with a past that is known to the millisecond, for the tests of temporal queries: a shelf on which things are put in some
 * order, and from which they are taken.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Event from "@daybook/core/Event"
import * as EventId from "@daybook/core/EventId"
import { Journal } from "@daybook/core/Journal"
import { stateCodec } from "@daybook/core/Recovery"
import { Snapshots } from "@daybook/core/Snapshot"
import { atInstant, atVersion, type Point } from "@daybook/core/StreamFold"
import type { Source } from "@daybook/core/Temporal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"

const events = Event.define(
  { ThingPut: { thing: Schema.String }, ThingTaken: { thing: Schema.String }, ShelfLabelled: { label: Schema.String } },
  { former: { PairPut: Event.former(1, ({ thing }) => [put(thing), put(`${thing}'`)]) } }
)

const put = (thing: string) => ({ type: "ThingPut", schemaVersion: 1, data: { thing } })

/** Something that happens to a shelf. */
export type ShelfEvent = Event.Type<typeof events>

export interface Shelf {
  readonly label: string | null
  readonly things: ReadonlyArray<{ readonly thing: string; readonly place: number }>
}

const place = ({ things }: Shelf): number => (things.at(-1)?.place ?? 0) + 1

const empty: Shelf = { label: null, things: [] }

/** A shelf. Whoever takes `the last` of nothing breaks it. */
export const shelf: Aggregate.Aggregate<Shelf, { readonly _tag: "Nothing" }, ShelfEvent, never> = Aggregate.make({
  name: "shelf",
  initial: empty,
  evolve: {
    ThingPut: (state, { thing }) => ({ ...state, things: [...state.things, { thing, place: place(state) }] }),
    ThingTaken: (state, { thing }) => {
      if (thing === "the last" && state.things.length === 0) throw new Error("there is nothing to take")
      const at = thing === "the last" ? state.things.length - 1 : state.things.findIndex((one) => one.thing === thing)
      return { ...state, things: state.things.filter((_, i) => i !== at) }
    },
    ShelfLabelled: (state, { label }) => ({ ...state, label })
  },
  decide: { Nothing: () => [] },
  state: {
    version: 1,
    schema: Schema.Struct({
      label: Schema.NullOr(Schema.String),
      things: Schema.Array(Schema.Struct({ thing: Schema.String, place: Schema.Int }))
    })
  },
  events,
  commands: Schema.TaggedUnion({ Nothing: {} })
})

export const { encode } = stateCodec(shelf)

export const stream = "shelf-s"

/** Something that happened, when it did, and when it was recorded. Records are made in order. */
export interface Happening {
  readonly type: string
  readonly data: unknown
  readonly occurredAtMillis: number
  readonly recordedAtMillis: number
}

/** Something that happened and was recorded at once. */
export const happening = (type: string, data: unknown, atMillis: number, recordedAtMillis = atMillis): Happening => ({
  type,
  data,
  occurredAtMillis: atMillis,
  recordedAtMillis
})

/** Things that are put on the shelf, one each millisecond from 1 on. */
export const puts = (count: number): ReadonlyArray<Happening> =>
  Array.from({ length: count }, (_, i) => happening("ThingPut", { thing: `thing ${i + 1}` }, i + 1))

const metadata = { correlationId: "c", causationId: null, traceParent: null, tenant: null }

/** Records what happened, each at its time. `state`: stores the state after the last, as level 2 does. */
export const past = (
  happenings: ReadonlyArray<Happening>,
  options: { readonly state?: Shelf; readonly keepEvents?: boolean } = {}
) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const groups = Map.groupBy(happenings, ({ recordedAtMillis }) => recordedAtMillis)
    let version = 0
    for (const [recordedAtMillis, group] of [...groups].sort(([a], [b]) => a - b)) {
      yield* TestClock.setTime(recordedAtMillis)
      const isLast = version + group.length === happenings.length
      const state = isLast && options.state !== undefined ? { schemaVersion: 1, data: encode(options.state) } : null
      const outcomes = yield* journal.append([
        {
          stream,
          partition: 0,
          expectedVersion: version,
          receipts: [],
          state,
          keepEvents: options.keepEvents ?? true,
          events: group.map(({ type, data, occurredAtMillis }, i) => ({
            ...metadata,
            eventId: EventId.make(0),
            type,
            schemaVersion: 1,
            data,
            occurredAtMillis,
            actor: `actor ${version + i + 1}`,
            reason: `reason ${version + i + 1}`,
            commandId: `command ${version + i + 1}`
          }))
        }
      ])
      version += group.length
      if (outcomes[0]?._tag !== "Appended") throw new Error(`Not appended: ${JSON.stringify(outcomes)}`)
    }
  })

/** Remembers the state of a version, at a time. */
export const remember = (version: number, value: unknown, takenAtMillis: number, schemaVersion = 1) =>
  Effect.flatMap(Snapshots, (snapshots) =>
    snapshots.save({ stream, version, schemaVersion, takenAtMillis, data: value })
  )

/** Where the past of a shelf is. */
export const source: Effect.Effect<Source<Shelf, ShelfEvent>, never, Journal | Snapshots> = Effect.gen(function* () {
  return { aggregate: shelf, stores: { journal: yield* Journal, snapshots: yield* Snapshots } }
})

export const stores = Layer.merge(Journal.layerMemory({ partitions: 1 }), Snapshots.layerMemory)

/** What some events come to, as anyone would work it out. */
export const foldAll = (happenings: ReadonlyArray<Happening>): Shelf => {
  const decoded = happenings.flatMap(({ type, data }) =>
    events.decode({ type, schemaVersion: 1, data } as Parameters<typeof events.decode>[0])
  )
  return Aggregate.evolveAll(shelf, shelf.initial, decoded)
}

/** The events that count at a point, in order. */
export const upTo = (happenings: ReadonlyArray<Happening>, point: Point): ReadonlyArray<Happening> => {
  if (point._tag === "Version") return happenings.slice(0, point.version)
  return happenings.filter(
    (one) => (point.by === "recorded" ? one.recordedAtMillis : one.occurredAtMillis) <= point.atMillis
  )
}

const latest = 12

const thing = fc.constantFrom("book", "vase", "clock")

/** Some past of a shelf: recorded in order, and occurred whenever. */
export const pasts = fc
  .array(
    fc.record({
      what: fc.oneof(
        thing.map((thing) => ["ThingPut", { thing }] as const),
        thing.map((thing) => ["ThingTaken", { thing }] as const),
        thing.map((thing) => ["PairPut", { thing }] as const),
        fc.string({ maxLength: 2 }).map((label) => ["ShelfLabelled", { label }] as const)
      ),
      occurredAtMillis: fc.integer({ min: 1, max: latest }),
      later: fc.constantFrom(0, 0, 1, 2)
    }),
    { minLength: 1, maxLength: 20 }
  )
  .map((all): ReadonlyArray<Happening> => {
    let recordedAtMillis = 1
    return all.map(({ what: [type, data], occurredAtMillis, later }) => {
      recordedAtMillis += later
      return { type, data, occurredAtMillis, recordedAtMillis }
    })
  })

const instants = fc.integer({ min: 0, max: 45 })

/** Two points that can be compared, the earlier one first, of a past of so many events. */
export const pairs = (versions: number): fc.Arbitrary<readonly [Point, Point]> =>
  fc.oneof(
    ordered(fc.integer({ min: 0, max: versions })).map(([a, b]) => [atVersion(a), atVersion(b)] as const),
    ordered(instants).map(([a, b]) => [atInstant(a, "recorded"), atInstant(b, "recorded")] as const),
    ordered(instants).map(([a, b]) => [atInstant(a, "occurred"), atInstant(b, "occurred")] as const)
  )

const ordered = (one: fc.Arbitrary<number>) =>
  fc.tuple(one, one).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)

/** A past, and two points of it. */
export const questions = pasts.chain((happenings) => fc.tuple(fc.constant(happenings), pairs(happenings.length)))
