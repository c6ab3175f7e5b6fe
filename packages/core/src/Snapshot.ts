/**
 * Snapshots: remembered states that make recovery quick and may be thrown away at any time (level 3).
 *
 * The events are the truth. A snapshot that is missing, of another schema version or unreadable costs time, never
 * correctness. Many per stream may be kept, told apart by version.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Problem } from "./Problem.ts"

/** The snapshot store could not be reached, or a snapshot could not be written. Recovery goes on from events. */
export class SnapshotsUnavailable extends Problem<SnapshotsUnavailable>()(
  "SnapshotsUnavailable",
  { status: 503, title: "The snapshot store does not answer" },
  { retryAfterSeconds: Schema.Int }
) {}

/** The state of a stream after the event `version`. */
export interface Snapshot {
  readonly stream: string
  readonly version: number
  /** The version of the state's schema, `StateSchema.version`. */
  readonly schemaVersion: number
  /** Milliseconds since 1970 (UTC). */
  readonly takenAtMillis: number
  /** A JSON value. */
  readonly data: unknown
}

/** Which snapshots are meant. Bounds are inclusive; what is left out does not restrict. */
export interface Criteria {
  readonly minVersion?: number
  readonly maxVersion?: number
  readonly minTakenAtMillis?: number
  readonly maxTakenAtMillis?: number
}

export class Snapshots extends Context.Service<
  Snapshots,
  {
    /** Stores a snapshot; one of the same stream and version is overwritten. */
    save(snapshot: Snapshot): Effect.Effect<void, SnapshotsUnavailable>
    /** The snapshot of the highest version that fits. */
    latest(stream: string, criteria?: Criteria): Effect.Effect<Option.Option<Snapshot>, SnapshotsUnavailable>
    /** Deletes the snapshots that fit, and answers how many there were. */
    delete(stream: string, criteria: Criteria): Effect.Effect<number, SnapshotsUnavailable>
    /** Deletes all but the `keep` snapshots of the highest versions. */
    keepLatest(stream: string, keep: number): Effect.Effect<number, SnapshotsUnavailable>
  }
>()("@daybook/core/Snapshots") {
  /** Snapshots in this process's memory. */
  static readonly layerMemory: Layer.Layer<Snapshots> = Layer.sync(Snapshots, () => makeMemory())
}

const fits =
  (criteria: Criteria | undefined) =>
  (snapshot: Omit<Snapshot, "data">): boolean =>
    snapshot.version >= (criteria?.minVersion ?? 0) &&
    snapshot.version <= (criteria?.maxVersion ?? Infinity) &&
    snapshot.takenAtMillis >= (criteria?.minTakenAtMillis ?? -Infinity) &&
    snapshot.takenAtMillis <= (criteria?.maxTakenAtMillis ?? Infinity)

/** A snapshot whose data is JSON text, as in a real store. */
interface MemorySnapshot extends Omit<Snapshot, "data"> {
  readonly data: string
}

const jsonText = (snapshot: Snapshot): Effect.Effect<string, SnapshotsUnavailable> =>
  Effect.try({
    try: () => {
      const text = JSON.stringify(snapshot.data)
      if (text === undefined) throw new TypeError(`${typeof snapshot.data} is not a JSON value`)
      return text
    },
    catch: (error) =>
      new SnapshotsUnavailable({
        detail: `The state of ${snapshot.stream} at version ${snapshot.version} cannot be stored: ${error}`,
        retryAfterSeconds: 0
      })
  })

const makeMemory = (): Snapshots["Service"] => {
  const streams = new Map<string, ReadonlyArray<MemorySnapshot>>()
  const of = (stream: string) => streams.get(stream) ?? []
  const replace = (stream: string, kept: ReadonlyArray<MemorySnapshot>): number => {
    const before = of(stream).length
    streams.set(stream, kept)
    return before - kept.length
  }
  return {
    save: (snapshot) =>
      Effect.map(jsonText(snapshot), (data) => {
        const others = of(snapshot.stream).filter((s) => s.version !== snapshot.version)
        streams.set(
          snapshot.stream,
          [...others, { ...snapshot, data }].sort((a, b) => b.version - a.version)
        )
      }),
    latest: (stream, criteria) =>
      Effect.sync(() => {
        const found = of(stream).find(fits(criteria))
        return found === undefined ? Option.none() : Option.some({ ...found, data: JSON.parse(found.data) })
      }),
    delete: (stream, criteria) =>
      Effect.sync(() =>
        replace(
          stream,
          of(stream).filter((snapshot) => !fits(criteria)(snapshot))
        )
      ),
    keepLatest: (stream, keep) => Effect.sync(() => replace(stream, of(stream).slice(0, keep)))
  }
}
