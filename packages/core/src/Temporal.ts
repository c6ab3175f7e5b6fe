/**
 * Questions about the past of an aggregate: its state at a version or at an instant, and the list of its versions. What changed
 * between two points is in `Difference.ts`. Used by the services' HTTP APIs and by `daybook history`.
 *
 * Which events count at a point is in `StreamFold.ts`. By version and by recorded time, remembered states (snapshots, and the stored
 * state of levels 1 and 2) spare the reading of what they cover, and tell of what is not kept any more.
 */
import * as Effect from "effect/Effect"
import { type Aggregate, evolve, type Tagged } from "./Aggregate.ts"
import type { Journal } from "./Journal.ts"
import { rowOf, type Stores, snapshotsOf, stateCodec } from "./Recovery.ts"
import type { Criteria } from "./Snapshot.ts"
import {
  type Asked,
  ask,
  atVersion,
  type Base,
  begun,
  type Fold,
  foldFrom,
  gone,
  newestOf,
  type Point,
  type Version,
  versionOf
} from "./StreamFold.ts"

/** An aggregate as far as its past goes: events, states, and how these follow from those. */
export type Remembering<State, Event extends Tagged> = Aggregate<State, any, Event, any>

/** What is asked about, and where its past is. */
export interface Source<State, Event extends Tagged> {
  readonly aggregate: Remembering<State, Event>
  readonly stores: Stores
}

/** The fold that makes an aggregate's state. */
export const stateFold = <State, Event extends Tagged>(
  aggregate: Aggregate<State, any, Event, any>
): Fold<State, Event> => ({
  events: aggregate.events,
  initial: aggregate.initial,
  step: (state, { event }) => evolve(aggregate, state, event)
})

/** Remembered states of up to a version that can be read, the newest first. */
const basesOf = <State>(
  { aggregate, stores }: Source<State, any>,
  stream: string,
  criteria: Criteria & { readonly maxVersion: number }
) =>
  Effect.gen(function* () {
    const reading = { stores, codec: stateCodec(aggregate) }
    const snapshots = yield* snapshotsOf(reading, stream, { criteria, older: true })
    const row = (yield* rowOf(reading, stream)).filter(({ version }) => version <= criteria.maxVersion)
    return [...row, ...snapshots]
      .flatMap(
        ({ version, state }): ReadonlyArray<Base<State>> => (state === undefined ? [] : [{ version, value: state }])
      )
      .sort((a, b) => b.version - a.version)
  })

/** Which remembered states may lead to a point. None by business time: events that they contain may have occurred later. */
const criteriaOf = ({ point, newest }: Asked) => {
  if (point._tag === "Version") return { maxVersion: point.version }
  return { maxVersion: point.by === "occurred" ? 0 : newest, maxTakenAtMillis: point.atMillis }
}

/** The oldest version whose state is known, where the stream's first events are gone. */
const knownFrom = <State>(source: Source<State, any>, { stream, newest }: Asked) =>
  Effect.gen(function* () {
    const [first] = yield* source.stores.journal.readStream(stream, { from: 1, limit: 1 })
    const bases = yield* basesOf(source, stream, { maxVersion: newest })
    const usable = bases.filter(({ version }) => version === newest || (first && version >= first.version - 1))
    return usable.at(-1)?.version ?? null
  })

/** What `stateAt` answers for an instant before the first event as well: the initial state, at version 0. */
export const stateOrInitialAt = Effect.fnUntraced(function* <State, Event extends Tagged>(
  source: Source<State, Event>,
  stream: string,
  point: Point
) {
  const asked = yield* ask(source.stores.journal, stream, point)
  const initial = { version: 0, value: source.aggregate.initial }
  const bases = yield* basesOf(source, stream, criteriaOf(asked))
  for (const base of [...bases, initial]) {
    const found = yield* foldFrom(source.stores.journal, stateFold(source.aggregate), asked, base)
    if (found !== undefined) return found
  }
  const byBusiness = point._tag === "Instant" && point.by === "occurred"
  return yield* gone(asked, byBusiness ? null : yield* knownFrom(source, asked))
})

/**
 * The state of an aggregate at a point: from its events, and by version or recorded time from a remembered state where that helps.
 * Fails where there is nothing: an unknown stream, a version that it has not reached, an instant before its first event.
 */
export const stateAt = Effect.fn("Temporal.stateAt")(function* <State, Event extends Tagged>(
  source: Source<State, Event>,
  stream: string,
  point: Point
) {
  return yield* begun(stream, point, yield* stateOrInitialAt(source, stream, point))
})

/** A page of the list of versions. */
export interface Versions {
  readonly stream: string
  readonly newestVersion: number
  /** The oldest version whose event is kept: above 1 where older ones were pruned. */
  readonly firstVersion: number
  readonly versions: ReadonlyArray<Version>
  /** Where the list goes on: the version to read after. `null` at its end. */
  readonly next: number | null
}

/** The versions of a stream after one of them, in order, at most `limit`. */
export const versions = Effect.fn("Temporal.versions")(function* (
  journal: Journal["Service"],
  stream: string,
  { after = 0, limit }: { readonly after?: number | undefined; readonly limit: number }
) {
  const newest = yield* newestOf(journal, stream)
  const [first] = yield* journal.readStream(stream, { from: 1, limit: 1 })
  if (first === undefined) return yield* gone({ stream, point: atVersion(1), newest }, null)
  const page = yield* journal.readStream(stream, { from: after + 1, to: newest, limit })
  const last = page.at(-1)?.version ?? newest
  const found: Versions = {
    stream,
    newestVersion: newest,
    firstVersion: first.version,
    versions: page.map(versionOf),
    next: last < newest ? last : null
  }
  return found
})
