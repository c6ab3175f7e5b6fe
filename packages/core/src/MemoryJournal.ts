/**
 * The journal in memory: the reference that adapters are compared with, and the store of `Journal.layerMemory`.
 *
 * Data goes through JSON, as it does in a real store, so that a test finds out here what would not survive there.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Stored } from "./Event.ts"
import type { Append, Journal, Outcome, Receipt, StoredState, StreamRange } from "./Journal.ts"
import { Signal } from "./Signal.ts"

interface MemoryStream {
  version: number
  events: Array<Stored>
  state: StoredState | undefined
  readonly receipts: Map<string, Receipt>
}

interface Prepared {
  readonly append: Append
  readonly events: ReadonlyArray<unknown>
  readonly state: unknown
}

const emptyStream = (): MemoryStream => ({ version: 0, events: [], state: undefined, receipts: new Map() })

/** A JSON copy of a value. Throws what `JSON.stringify` throws, and for what JSON cannot hold. */
const jsonCopy = (value: unknown): unknown => {
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`${typeof value} is not a JSON value`)
  return JSON.parse(text)
}

const textsOf = (append: Append): ReadonlyArray<string | null> => [
  append.stream,
  ...append.receipts.map((r) => r.commandId),
  ...append.events.flatMap((e) => [
    e.type,
    e.actor,
    e.reason,
    e.commandId,
    e.correlationId,
    e.causationId,
    e.traceParent,
    e.tenant
  ])
]

/** Serialises an append, or says why that cannot be done. Shared by every adapter that stores JSON. */
export const serialise = <A>(
  append: Append,
  encode: (value: unknown) => A
): { readonly events: ReadonlyArray<A>; readonly state: A | null } | { readonly why: string } => {
  if (textsOf(append).some((text) => text?.includes("\u0000"))) {
    return { why: `stream ${JSON.stringify(append.stream)}: names and metadata cannot hold the NUL character` }
  }
  try {
    return {
      events: append.keepEvents ? append.events.map((event) => encode(event.data)) : [],
      state: append.state === null ? null : encode(append.state.data)
    }
  } catch (error) {
    return { why: `stream ${append.stream}: ${error instanceof Error ? error.message : String(error)}` }
  }
}

const refusal = (append: Append, current: MemoryStream | undefined): Outcome | undefined => {
  const receipts = append.receipts.flatMap((r) => current?.receipts.get(r.commandId) ?? [])
  if (receipts.length > 0) return { _tag: "Duplicate", receipts }
  const actualVersion = current?.version ?? 0
  return actualVersion === append.expectedVersion ? undefined : { _tag: "Conflict", actualVersion }
}

class MemoryStore {
  readonly streams = new Map<string, MemoryStream>()
  readonly partitions: ReadonlyArray<Array<Stored>>
  readonly heads: Array<number>

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => [])
    this.heads = this.partitions.map(() => 0)
  }

  store({ append, events, state }: Prepared, recordedAtMillis: number): Outcome {
    const stream: MemoryStream = this.streams.get(append.stream) ?? emptyStream()
    const { partition } = append
    const first = events.length > 0 ? this.heads[partition]! + 1 : 0
    append.events.forEach((event, i) => {
      stream.version++
      if (!append.keepEvents) return
      const position = ++this.heads[partition]!
      const stored: Stored = {
        ...event,
        data: events[i],
        partition,
        position,
        stream: append.stream,
        version: stream.version,
        recordedAtMillis
      }
      stream.events.push(stored)
      this.partitions[partition]!.push(stored)
    })
    for (const { commandId, version } of append.receipts) {
      const position =
        first === 0 || version === append.expectedVersion ? 0 : first + version - append.expectedVersion - 1
      stream.receipts.set(commandId, { commandId, version, position })
    }
    if (append.state !== null) {
      stream.state = { version: stream.version, schemaVersion: append.state.schemaVersion, data: state }
    }
    this.streams.set(append.stream, stream)
    return { _tag: "Appended", version: stream.version, position: first }
  }

  append(batch: ReadonlyArray<Append>, now: number): ReadonlyArray<Outcome> {
    return batch.map((append) => {
      const prepared = serialise(append, jsonCopy)
      if ("why" in prepared) return { _tag: "Unserialisable", why: prepared.why }
      return refusal(append, this.streams.get(append.stream)) ?? this.store({ append, ...prepared }, now)
    })
  }

  deleteTo(name: string, version: number): number {
    const stream = this.streams.get(name)
    if (stream === undefined) return 0
    const kept = stream.events.filter((event) => event.version > version || event.version === stream.version)
    const gone = new Set(stream.events.filter((event) => !kept.includes(event)))
    stream.events = kept
    for (const partition of this.partitions) {
      for (let i = partition.length - 1; i >= 0; i--) if (gone.has(partition[i]!)) partition.splice(i, 1)
    }
    return gone.size
  }

  /** A copy of everything, to go back to when a transaction fails. */
  save(): () => void {
    const streams = new Map(
      [...this.streams].map(([name, s]) => [name, { ...s, events: [...s.events], receipts: new Map(s.receipts) }])
    )
    const partitions = this.partitions.map((events) => [...events])
    const heads = [...this.heads]
    return () => {
      this.streams.clear()
      for (const [name, stream] of streams) this.streams.set(name, stream)
      partitions.forEach((events, i) => this.partitions[i]!.splice(0, Infinity, ...events))
      this.heads.splice(0, Infinity, ...heads)
    }
  }
}

const inRange =
  (range: StreamRange | undefined) =>
  (event: Stored): boolean =>
    event.version >= (range?.from ?? 0) && event.version <= (range?.to ?? Infinity)

/** A journal over plain arrays. Appends are atomic because nothing else runs meanwhile. */
export const makeMemory = (partitions: number): Journal["Service"] => {
  const store = new MemoryStore(partitions)
  const signal = new Signal()
  return {
    partitions,
    lanes: 1,
    signal,
    append: (batch, within) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const restore = within === undefined ? undefined : store.save()
        const outcomes = store.append(batch, now)
        if (within === undefined) {
          signal.notify()
          return Effect.succeed(outcomes)
        }
        return within(outcomes).pipe(
          Effect.as(outcomes),
          Effect.onExit((exit) => Effect.sync(() => (Exit.isSuccess(exit) ? signal.notify() : restore!())))
        )
      }),
    readStream: (stream, range) =>
      Effect.sync(() => (store.streams.get(stream)?.events ?? []).filter(inRange(range)).slice(0, range?.limit)),
    version: (stream) => Effect.sync(() => store.streams.get(stream)?.version ?? 0),
    readPartition: (partition, { after, limit }) =>
      Effect.sync(() => (store.partitions[partition] ?? []).filter((event) => event.position > after).slice(0, limit)),
    heads: Effect.sync(() => [...store.heads]),
    state: (stream) => Effect.sync(() => Option.fromNullishOr(store.streams.get(stream)?.state)),
    receipt: (stream, commandId) =>
      Effect.sync(() => Option.fromNullishOr(store.streams.get(stream)?.receipts.get(commandId))),
    deleteTo: (stream, version) => Effect.sync(() => store.deleteTo(stream, version))
  }
}
