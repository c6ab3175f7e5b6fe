/**
 * The journal in memory: the reference that adapters are compared with, and the store of `Journal.layerMemory`.
 *
 * Data is kept as JSON text, as it is in a real store, so that a test finds out here what would not survive there, and so
 * that a reader who changes what it was given changes nothing here.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import { AppendSignal, storedOf, type Written, writtenOf } from "./AppendSignal.ts"
import type { Stored } from "./Event.ts"
import type { Append, Journal, NewEvent, Outcome, Receipt, StoredState, StreamRange } from "./Journal.ts"
import { reasonOf } from "./Problem.ts"
import { isStorable } from "./StorableText.ts"

interface MemoryStream {
  version: number
  events: Array<Written>
  state: (Omit<StoredState, "data"> & { readonly data: string }) | undefined
  readonly receipts: Map<string, Receipt>
}

/** What a batch comes to, and the way to make it so. */
interface Plan {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly commit: () => void
}

interface Serialised<A> {
  readonly events: ReadonlyArray<A>
  readonly state: A | null
}

const emptyStream = (): MemoryStream => ({ version: 0, events: [], state: undefined, receipts: new Map() })

const jsonText = (value: unknown): string => {
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`${typeof value} is not a JSON value`)
  return text
}

const isStorableIfGiven = (text: string | null): boolean => text === null || isStorable(text)

const hasStorableTexts = (event: NewEvent): boolean =>
  isStorable(event.type) &&
  isStorableIfGiven(event.actor) &&
  isStorableIfGiven(event.reason) &&
  isStorableIfGiven(event.commandId) &&
  isStorableIfGiven(event.correlationId) &&
  isStorableIfGiven(event.causationId) &&
  isStorableIfGiven(event.traceParent) &&
  isStorableIfGiven(event.tenant)

/** Serialises an append, or says why that cannot be done. Shared by every adapter that stores JSON. */
export const serialise = <A>(
  append: Append,
  encode: (value: unknown) => A
): Serialised<A> | { readonly why: string } => {
  const storable =
    isStorable(append.stream) &&
    append.receipts.every((receipt) => isStorable(receipt.commandId)) &&
    append.events.every(hasStorableTexts)
  if (!storable) {
    return {
      why:
        `stream ${JSON.stringify(append.stream)}: names and metadata cannot hold the NUL character or unpaired ` +
        "surrogates; remove them"
    }
  }
  try {
    return {
      events: append.keepEvents ? append.events.map((event) => encode(event.data)) : [],
      state: append.state === null ? null : encode(append.state.data)
    }
  } catch (error) {
    return { why: `stream ${append.stream}: ${reasonOf(error)}` }
  }
}

const refusal = (append: Append, current: MemoryStream | undefined): Outcome | undefined => {
  const receipts = append.receipts.flatMap((r) => current?.receipts.get(r.commandId) ?? [])
  if (receipts.length > 0) return { _tag: "Duplicate", receipts }
  const actualVersion = current?.version ?? 0
  return actualVersion === append.expectedVersion ? undefined : { _tag: "Conflict", actualVersion }
}

/** The position of a command's last event in an append whose first event is at `first`; 0 when it left none. */
const positionOf = (append: Append, first: number, commandId: string): number => {
  const last = first === 0 ? -1 : append.events.findLastIndex((event) => event.commandId === commandId)
  return last < 0 ? 0 : first + last
}

/** The index of the first event after a position, in events ordered by position. */
const indexAfter = (events: ReadonlyArray<Written>, position: number): number => {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (events[middle]!.head.position <= position) low = middle + 1
    else high = middle
  }
  return low
}

class MemoryStore {
  readonly streams = new Map<string, MemoryStream>()
  readonly partitions: Array<Array<Written>>
  readonly heads: Array<number>

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => [])
    this.heads = this.partitions.map(() => 0)
  }

  /** Decides about a batch without changing anything. Holds for as long as no other batch is committed. */
  plan(batch: ReadonlyArray<Append>, now: number): Plan {
    const heads = [...this.heads]
    const commits: Array<() => void> = []
    const seen = new Set<string>()
    const outcomes = batch.map((append): Outcome => {
      if (seen.has(append.stream)) throw new Error(`Stream ${append.stream} appears twice in a batch; append it in two`)
      seen.add(append.stream)
      const data = serialise(append, jsonText)
      if ("why" in data) return { _tag: "Unserialisable", why: data.why }
      const refused = refusal(append, this.streams.get(append.stream))
      if (refused !== undefined) return refused
      const first = data.events.length === 0 ? 0 : heads[append.partition]! + 1
      heads[append.partition]! += data.events.length
      commits.push(() => this.#store(append, data, first, now))
      return { _tag: "Appended", version: append.expectedVersion + append.events.length, position: first }
    })
    return {
      outcomes,
      commit: () => {
        for (const commit of commits) commit()
      }
    }
  }

  #store(append: Append, data: Serialised<string>, first: number, now: number): void {
    const stream = this.streams.get(append.stream) ?? emptyStream()
    data.events.forEach((text, i) => {
      const event = writtenOf(append, i, text, first, now)
      stream.events.push(event)
      this.partitions[append.partition]!.push(event)
    })
    this.heads[append.partition]! += data.events.length
    stream.version += append.events.length
    for (const { commandId, version } of append.receipts) {
      stream.receipts.set(commandId, { commandId, version, position: positionOf(append, first, commandId) })
    }
    if (append.state !== null && data.state !== null) {
      stream.state = { version: stream.version, schemaVersion: append.state.schemaVersion, data: data.state }
    }
    this.streams.set(append.stream, stream)
  }

  readStream(name: string, { from = 0, to = Infinity, limit }: StreamRange): ReadonlyArray<Stored> {
    const events = this.streams.get(name)?.events ?? []
    const found = events.filter(({ head }) => head.version >= from && head.version <= to)
    return found.slice(0, limit).map(storedOf)
  }

  readPartition(partition: number, after: number, limit: number): ReadonlyArray<Stored> {
    const events = this.partitions[partition] ?? []
    const first = indexAfter(events, after)
    return events.slice(first, first + limit).map(storedOf)
  }

  state(name: string): Option.Option<StoredState> {
    const state = this.streams.get(name)?.state
    return state === undefined ? Option.none() : Option.some({ ...state, data: JSON.parse(state.data) })
  }

  deleteTo(name: string, version: number): number {
    const stream = this.streams.get(name)
    if (stream === undefined) return 0
    const last = stream.events.at(-1)
    const gone = new Set(stream.events.filter((event) => event.head.version <= version && event !== last))
    if (gone.size === 0) return 0
    stream.events = stream.events.filter((event) => !gone.has(event))
    this.partitions.forEach((events, i) => {
      if (events.some((event) => gone.has(event))) this.partitions[i] = events.filter((event) => !gone.has(event))
    })
    return gone.size
  }
}

/** A journal over plain arrays. One append at a time; what it stores is seen by nobody before it is complete. */
export const makeMemory = (partitions: number): Journal["Service"] => {
  const store = new MemoryStore(partitions)
  const signal = new AppendSignal()
  const mutex = Semaphore.makeUnsafe(1)
  return {
    partitions,
    lanes: 1,
    shared: false,
    signal,
    append: (batch, within) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const { outcomes, commit } = store.plan(batch, now)
        const finish = Effect.sync(() => {
          commit()
          signal.notify()
          return outcomes
        })
        return within === undefined ? finish : Effect.andThen(within(outcomes), finish)
      }).pipe(mutex.withPermits(1)),
    readStream: (stream, range) => Effect.sync(() => store.readStream(stream, range ?? {})),
    version: (stream) => Effect.sync(() => store.streams.get(stream)?.version ?? 0),
    readPartition: (partition, { after, limit }) => Effect.sync(() => store.readPartition(partition, after, limit)),
    heads: Effect.sync(() => [...store.heads]),
    state: (stream) => Effect.sync(() => store.state(stream)),
    receipt: (stream, commandId) =>
      Effect.sync(() => Option.fromNullishOr(store.streams.get(stream)?.receipts.get(commandId))),
    deleteTo: (stream, version) => Effect.sync(() => store.deleteTo(stream, version))
  }
}
