/**
 * Recovery: an aggregate's state from the newest usable remembered state and the events after it.
 *
 * Works across a change of level: stored state, snapshot and events are all looked at, and the newest that this code can
 * read wins. A gap between them is an error, never a guess.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Aggregate, Tagged } from "./Aggregate.ts"
import { evolve } from "./Aggregate.ts"
import { type Stored, UndecodableEvent } from "./Event.ts"
import type { Journal, JournalUnavailable, StoredState } from "./Journal.ts"
import type { Persistence } from "./Persistence.ts"
import { Problem } from "./Problem.ts"
import type { Snapshots } from "./Snapshot.ts"

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

/** Events read at once: large enough to make round trips rare, small enough to bound memory. */
const pageSize = 1_000

/** Encoders and decoders of an aggregate's state. */
export interface StateCodec<State> {
  readonly encode: (state: State) => unknown
  /** `undefined` when the stored state is of another version, or cannot be read. */
  readonly decode: (stored: Omit<StoredState, "version">) => State | undefined
}

export const stateCodec = <State>(aggregate: Pick<Aggregate<State, any, any, any>, "state">): StateCodec<State> => {
  const schema = Schema.toCodecJson(aggregate.state.schema) as Schema.Codec<State, unknown>
  const decode = Schema.decodeUnknownOption(schema)
  return {
    encode: Schema.encodeUnknownSync(schema),
    decode: ({ schemaVersion, data }) => {
      const { version, upcast } = aggregate.state
      if (schemaVersion === version) return Option.getOrUndefined(decode(data))
      if (schemaVersion > version || upcast === undefined) return undefined
      return Option.getOrUndefined(decode(upcast(data, schemaVersion)))
    }
  }
}

/** What has been remembered of a stream, the newest first. A snapshot store that fails only costs time. */
const remembered = (
  stores: Stores,
  persistence: Persistence,
  stream: string
): Effect.Effect<ReadonlyArray<StoredState>, JournalUnavailable> => {
  const none: Effect.Effect<Option.Option<StoredState>> = Effect.succeedNone
  const snapshot = persistence._tag === "Inline" ? none : Effect.catch(stores.snapshots.latest(stream), () => none)
  return Effect.map(Effect.all([stores.journal.state(stream), snapshot], { concurrency: 2 }), (found) =>
    found.flatMap((s) => Option.toArray(s)).sort((a, b) => b.version - a.version)
  )
}

const failed = (stream: string, detail: string) => new RecoveryFailed({ stream, detail })

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
    state = evolve(aggregate, state, aggregate.events.decode(stored))
    version = stored.version
  }
  return { state, version, replayed: from.replayed + page.length }
}

/** What folding throws on purpose becomes a failure; anything else is a defect of the domain. */
const attempt = <A>(fold: () => A): Effect.Effect<A, UndecodableEvent | RecoveryFailed> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(fold())
    } catch (error) {
      if (error instanceof UndecodableEvent || error instanceof RecoveryFailed) return Effect.fail(error)
      throw error
    }
  })

/** Recovers one aggregate. An aggregate that was never written recovers to its initial state at version 0. */
export const recover =
  <State, Event extends Tagged>(
    aggregate: Aggregate<State, any, Event, any>,
    options: { readonly persistence: Persistence; readonly stores: Stores; readonly codec: StateCodec<State> }
  ) =>
  (stream: string): Effect.Effect<Recovered<State>, JournalUnavailable | UndecodableEvent | RecoveryFailed> =>
    Effect.gen(function* () {
      const known = yield* remembered(options.stores, options.persistence, stream)
      let current: Recovered<State> = { version: 0, state: aggregate.initial, replayed: 0 }
      for (const candidate of known) {
        const state = options.codec.decode(candidate)
        if (state === undefined) continue
        current = { version: candidate.version, state, replayed: 0 }
        break
      }
      while (true) {
        const page = yield* options.stores.journal.readStream(stream, { from: current.version + 1, limit: pageSize })
        current = yield* attempt(() => foldPage(aggregate, current, page))
        if (page.length < pageSize) break
      }
      const unread = known.find((candidate) => candidate.version > current.version)
      if (unread !== undefined) {
        return yield* failed(
          stream,
          `Stream ${stream} has a state of version ${unread.version}, schema version ${unread.schemaVersion}, that this code ` +
            `cannot read, and its events end at version ${current.version}. Give the state schema an \`upcast\` from version ` +
            `${unread.schemaVersion}.`
        )
      }
      return current
    })
