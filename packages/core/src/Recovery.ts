/**
 * Recovery: an aggregate's state from the newest usable remembered state and the events after it.
 *
 * Works across a change of level: stored state, snapshot and events are all looked at, and the newest that this code can
 * read wins. A gap between them is an error, never a guess. `Temporal.ts` looks at the same, as of some time.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Aggregate, Tagged } from "./Aggregate.ts"
import { evolve } from "./Aggregate.ts"
import { type Stored, UndecodableEvent } from "./Event.ts"
import type { Journal, JournalUnavailable, StoredState } from "./Journal.ts"
import { attempt, Problem } from "./Problem.ts"
import type { Criteria, Snapshots, SnapshotsUnavailable } from "./Snapshot.ts"
import { readPages } from "./StreamPages.ts"

/** What is stored of an aggregate does not add up to a state. */
export class RecoveryFailed extends Problem<RecoveryFailed>()(
  "RecoveryFailed",
  { status: 500, title: "An aggregate cannot be recovered" },
  { stream: Schema.String }
) {}

/** A state and the version that it belongs to. */
export interface Recovered<State> {
  readonly version: number
  readonly state: State
  /** Events read since the remembered state, which says when the next snapshot is due. */
  readonly replayed: number
}

/** Where recovery reads from. */
export interface Stores {
  readonly journal: Journal["Service"]
  readonly snapshots: Snapshots["Service"]
}

/** Encoders and decoders of an aggregate's state. */
export interface StateCodec<State> {
  readonly encode: (state: State) => unknown
  /** `undefined` when the stored state is of another version that `upcast` does not raise, or cannot be read. */
  readonly decode: (stored: Omit<StoredState, "version">) => State | undefined
}

/** An aggregate, where only its state matters. */
type Kept<State> = Pick<Aggregate<State, any, any, any>, "state">

const codecOf = <State>({ state }: Kept<State>) => Schema.toCodecJson(state.schema) as Schema.Codec<State, unknown>

/** Reads stored states of an aggregate. Throws an `Error` that says why one cannot be read. */
export const stateReader = <State>(aggregate: Kept<State>) => {
  const decode = Schema.decodeUnknownSync(codecOf(aggregate))
  return ({ schemaVersion, data }: Omit<StoredState, "version">): State => {
    const { version, upcast } = aggregate.state
    if (schemaVersion === version) return decode(data)
    if (schemaVersion > version) {
      throw new Error(`this code knows versions up to ${version}; deploy the release that wrote it, or a later one`)
    }
    if (upcast === undefined) throw new Error(`the state's schema has no upcast from version ${schemaVersion}`)
    return decode(upcast(data, schemaVersion))
  }
}

export const stateCodec = <State>(aggregate: Kept<State>): StateCodec<State> => {
  const read = Option.liftThrowable(stateReader(aggregate))
  return {
    encode: Schema.encodeUnknownSync(codecOf(aggregate)),
    decode: (stored) => Option.getOrUndefined(read(stored))
  }
}

/** A state that was stored in some place, decoded where this code can read it. */
interface Remembered<State> {
  readonly version: number
  readonly schemaVersion: number
  readonly place: "row" | "snapshot"
  readonly state: State | undefined
}

/** Snapshots that are looked at before events alone have to do. More than a policy normally keeps. */
const maxSnapshotsTried = 5

/** Which snapshots are wanted: those that fit, or all; the newest that can be read, or also older ones. */
interface Wanted {
  readonly criteria?: Criteria
  readonly older?: boolean
}

/** Snapshots of a stream, the newest first, with those that cannot be read. A snapshot store that fails only costs time. */
export const snapshotsOf = Effect.fnUntraced(
  function* <State>(
    { stores, codec }: Reading<State>,
    stream: string,
    { criteria, older = false }: Wanted = {}
  ): Effect.fn.Return<ReadonlyArray<Remembered<State>>, SnapshotsUnavailable> {
    const found: Array<Remembered<State>> = []
    while (found.length < maxSnapshotsTried && (older || found.at(-1)?.state === undefined)) {
      const before = found.at(-1)?.version
      const next = yield* stores.snapshots.latest(
        stream,
        before === undefined ? criteria : { ...criteria, maxVersion: before - 1 }
      )
      if (Option.isNone(next)) break
      const { version, schemaVersion } = next.value
      found.push({ version, schemaVersion, place: "snapshot", state: codec.decode(next.value) })
    }
    return found
  },
  Effect.catch(() => Effect.succeed([]))
)

/** The state that is stored with the events at levels 1 and 2, if there is one. */
export const rowOf = <State>(
  { stores, codec }: Reading<State>,
  stream: string
): Effect.Effect<ReadonlyArray<Remembered<State>>, JournalUnavailable> =>
  Effect.map(stores.journal.state(stream), (row) =>
    Option.toArray(row).map((stored) => ({
      version: stored.version,
      schemaVersion: stored.schemaVersion,
      place: "row",
      state: codec.decode(stored)
    }))
  )

/** The version of a stream, and what has been remembered of it at any level, the newest first. Asked for in one turn. */
const remembered = <State>(options: Reading<State>, stream: string) =>
  Effect.map(
    Effect.all([options.stores.journal.version(stream), rowOf(options, stream), snapshotsOf(options, stream)], {
      concurrency: "unbounded"
    }),
    ([reached, row, snapshots]) => ({
      reached,
      known: [...row, ...snapshots].sort((a, b) => b.version - a.version)
    })
  )

const failed = (stream: string, detail: string) => new RecoveryFailed({ stream, detail })

/** The events of a stream end before a state that nobody can read. */
const unreadable = (
  stream: string,
  { schemaVersion, version }: Remembered<unknown>,
  { version: current, upcast }: Aggregate<any, any, any, any>["state"],
  lastVersion: number
): RecoveryFailed => {
  const remedy =
    schemaVersion > current
      ? `This code knows schema versions up to ${current}; deploy the release that wrote it, or a later one.`
      : schemaVersion < current && upcast === undefined
        ? `Give the state schema an \`upcast\` from version ${schemaVersion}.`
        : "Its data do not fit the schema; correct the schema or its `upcast`, or restore a backup."
  return failed(
    stream,
    `Stream ${stream} has a state of version ${version}, schema version ${schemaVersion}, that this code cannot read, and ` +
      `its events end at version ${lastVersion}. ${remedy}`
  )
}

/** Folds one page of events. Throws `UndecodableEvent`, `RecoveryFailed`, and what `evolve` throws. */
const foldPage = <State, Event extends Tagged>(
  aggregate: Aggregate<State, any, Event, any>,
  from: Recovered<State>,
  page: ReadonlyArray<Stored>
): Recovered<State> => {
  let { state, version } = from
  for (const stored of page) {
    if (stored.version !== version + 1) {
      throw failed(
        stored.stream,
        `Stream ${stored.stream} goes from version ${version} to ${stored.version}: the events between are gone and no ` +
          "readable state covers them. Restore them from the archive or a backup, or give the state schema an `upcast`."
      )
    }
    for (const event of aggregate.events.decode(stored)) state = evolve(aggregate, state, event)
    version = stored.version
  }
  return { state, version, replayed: from.replayed + page.length }
}

/** Reads the events after a remembered state, in pages, and folds them. */
const replay = Effect.fnUntraced(function* <State>(
  { aggregate, stores }: Options<State, any>,
  stream: string,
  from: Recovered<State>
) {
  let current = from
  yield* readPages(stores.journal, stream, { from: from.version + 1 }, (page) =>
    attempt([UndecodableEvent, RecoveryFailed], () => {
      current = foldPage(aggregate, current, page)
      return true
    })
  )
  return current
})

/**
 * Deletes snapshots of versions that the journal has not reached, as when the journal alone was restored from a backup. Left
 * in place they would be taken for the state of events that have not happened yet. Answers whether there were any.
 */
const dropFromTheFuture = Effect.fnUntraced(function* ({ stores }: Options<any, any>, stream: string, version: number) {
  const reached = yield* stores.journal.version(stream)
  if (version <= reached) return false
  yield* Effect.logWarning(`${stream} has a snapshot of version ${version}, but its events end at ${reached}: dropped`)
  yield* Effect.mapError(stores.snapshots.delete(stream, { minVersion: reached + 1 }), (problem) =>
    failed(
      stream,
      `Snapshots of ${stream} after version ${reached}, at which its events end, could not be deleted: ${problem.message}`
    )
  )
  return true
})

/** What reads remembered states. */
interface Reading<State> {
  readonly stores: Stores
  readonly codec: StateCodec<State>
}

/** What is recovered, how, and from where. */
export interface Options<State, Event extends Tagged> extends Reading<State> {
  readonly aggregate: Aggregate<State, any, Event, any>
}

/** Recovers one aggregate. An aggregate that was never written recovers to its initial state at version 0. */
export const recover = <State, Event extends Tagged>(
  options: Options<State, Event>
): ((stream: string) => Effect.Effect<Recovered<State>, JournalUnavailable | UndecodableEvent | RecoveryFailed>) => {
  const one = Effect.fnUntraced(function* (
    stream: string
  ): Effect.fn.Return<Recovered<State>, JournalUnavailable | UndecodableEvent | RecoveryFailed> {
    const { reached, known } = yield* remembered(options, stream)
    const newest = known.find(({ state }) => state !== undefined)
    const from: Recovered<State> =
      newest === undefined
        ? { version: 0, state: options.aggregate.initial, replayed: 0 }
        : { version: newest.version, state: newest.state!, replayed: 0 }
    const current = reached > from.version ? yield* replay(options, stream, from) : from
    const unread = known.find(({ version }) => version > current.version)
    if (unread !== undefined) {
      return yield* unreadable(stream, unread, options.aggregate.state, current.version)
    }
    const unproven = newest?.place === "snapshot" && current.replayed === 0
    if (unproven && (yield* dropFromTheFuture(options, stream, current.version))) return yield* one(stream)
    return current
  })
  return one
}
