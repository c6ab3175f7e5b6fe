/**
 * Events: their definition, their metadata, and how they are stored and read back.
 *
 * `define` takes a record of event names to fields. The names and the fields' encoded form are on disk for ever, so a changed
 * shape is a new schema version with an upcaster from the one before (`versioned`), and a name that is not used any more says
 * what its events are today (`former`). A stored event is one version of its stream, however many events it is to handlers.
 */
import * as Schema from "effect/Schema"
import { Problem, reasonOf } from "./Problem.ts"
import * as Versioned from "./Versioned.ts"

/** What is known about an event besides its data. `null` where nothing was given. */
export interface Metadata {
  /** When it happened in the business, milliseconds since 1970 (UTC). */
  readonly occurredAtMillis: number
  /** Who did it: a user, an operator, a service. */
  readonly actor: string | null
  /** Why, where the service asks for a reason. */
  readonly reason: string | null
  /** The command that caused it, when its sender named one (the HTTP `Idempotency-Key`). */
  readonly commandId: string | null
  /** The business conversation that it belongs to. */
  readonly correlationId: string | null
  /** The message that caused it. */
  readonly causationId: string | null
  /** W3C trace context, `traceparent` form. */
  readonly traceParent: string | null
  readonly tenant: string | null
}

/** An event as a journal holds it: encoded data, not yet decoded or upcast. */
export interface Stored extends Metadata {
  readonly partition: number
  /** Place in the partition: 1, 2, 3 … without gaps. */
  readonly position: number
  readonly stream: string
  /** Place in the stream: 1, 2, 3 … without gaps. */
  readonly version: number
  /** UUIDv7. */
  readonly eventId: string
  readonly type: string
  readonly schemaVersion: number
  /** When the journal stored it, milliseconds since 1970 (UTC). */
  readonly recordedAtMillis: number
  /** A JSON value. */
  readonly data: unknown
}

/**
 * An event as handlers see it: where it stands, who caused it, and the decoded event of the current schema version. Where one
 * stored event is several today, they stand at the same place, and the event ids of those after the first end in `.2`, `.3` …
 */
export interface Recorded<E> extends Omit<Stored, "data" | "type" | "schemaVersion"> {
  readonly event: E
}

/** A stored event that this code cannot read. Its reader stops: dropping it would falsify every state built from it. */
export class UndecodableEvent extends Problem<UndecodableEvent>()(
  "UndecodableEvent",
  { status: 500, title: "A stored event cannot be decoded" },
  {
    stream: Schema.String,
    version: Schema.Int,
    partition: Schema.Int,
    position: Schema.Int,
    eventType: Schema.String,
    schemaVersion: Schema.Int
  }
) {}

/** Raises an event's data of one schema version to the next. */
export type Upcaster = Versioned.Upcaster

/** Declares an event whose schema has changed since version 1; see `Versioned.versioned`. */
export const versioned = Versioned.versioned

/** What is stored under a name that no event has any more. */
export interface Former<N extends number = number> extends Versioned.History<N> {
  readonly today: (data: any) => ReadonlyArray<Versioned.Encoded>
}

/**
 * Declares what events of a former name are today: one (renamed), several (split), or none (retired). `today` is pure, sees the
 * data of schema version `version`, the last that the name had, and answers stored forms, each with the schema version that it
 * was written for. They may be of a former name in turn.
 *
 * @example
 * Event.former(1, (data) => [{ type: "ItemAdded", schemaVersion: 1, data }])
 */
export const former = <const N extends number>(
  version: N,
  today: (data: any) => ReadonlyArray<Versioned.Encoded>,
  ...upcasters: N extends 1 ? [] : [Versioned.Upcasters<N>]
): Former<N> => ({ version, today, upcasters: upcasters[0] ?? {} })

/** The union of the events that a record of definitions declares, told apart by `_tag`. */
type EventOf<D extends Versioned.Definitions> = Versioned.ValueOf<D>

/** The events of one aggregate: their names, and the way to disk and back. */
export interface Events<E extends { readonly _tag: string }> {
  /** Event names, in the order of declaration. */
  readonly names: ReadonlyArray<E["_tag"]>
  /** The current schema version of an event name, or `undefined` when the name is unknown. */
  readonly schemaVersion: (name: string) => number | undefined
  /** Names that are read and not written any more, with the last schema version of each. */
  readonly former: ReadonlyMap<string, number>
  /** Throws `Schema.SchemaError` when the event does not fit its schema. */
  readonly encode: (event: E) => Versioned.Encoded
  /**
   * What a stored event is today: one event, or several or none where it has a former name. Throws `UndecodableEvent` when no
   * schema or upcaster understands it.
   */
  readonly decode: (stored: Stored) => ReadonlyArray<E>
}

/** The event type of an `Events` value. */
export type Type<T> = T extends Events<infer E> ? E : never

const undecodable = (stored: Stored, why: string): UndecodableEvent =>
  new UndecodableEvent({
    stream: stored.stream,
    version: stored.version,
    partition: stored.partition,
    position: stored.position,
    eventType: stored.type,
    schemaVersion: stored.schemaVersion,
    detail:
      `${stored.type} (schema version ${stored.schemaVersion}) at version ${stored.version} of stream ${stored.stream}, ` +
      `partition ${stored.partition} position ${stored.position}: ${why}`
  })

/** Names that are not used any more, and what is to be made of what is stored under them. */
export interface Options {
  readonly former?: { readonly [name: string]: Former }
}

/** The former names, once they are found to be in order. */
const formersOf = (former: Options["former"], names: ReadonlyArray<string>): ReadonlyMap<string, Former> => {
  const formers = new Map(Object.entries(former ?? {}))
  for (const [name, history] of formers) {
    if (names.includes(name))
      throw new Error(`Event ${name} is declared and a former name; give the new event another name`)
    Versioned.checkHistory(`Former event ${name}`, history)
  }
  return formers
}

/**
 * Declares the events of an aggregate. Names are past tense and unique: a name given twice does not compile.
 *
 * @example
 * const Events = Event.define(
 *   {
 *     CartOpened: { customerId: Schema.String },
 *     ItemAdded: Event.versioned(2, { sku: Schema.String, quantity: Schema.Int }, { 1: (old) => ({ ...old, quantity: 1 }) })
 *   },
 *   { former: { ItemPutIn: Event.former(1, (data) => [{ type: "ItemAdded", schemaVersion: 1, data }]) } }
 * )
 */
export const define = <const D extends Versioned.Definitions>(
  definitions: D,
  options: Options = {}
): Events<EventOf<D>> => {
  const codecs = Versioned.codecsOf(definitions, "Event", "the aggregate's events")
  const formers = formersOf(options.former, codecs.names)
  /** `through`: the former names that led here. */
  const today = (encoded: Versioned.Encoded, through: ReadonlyArray<string>): ReadonlyArray<EventOf<D>> => {
    const { type } = encoded
    const former = formers.get(type)
    if (through.includes(type)) throw new Error(`the former names ${through.join(", ")} lead back to ${type}`)
    try {
      if (former === undefined) return [codecs.decode(encoded)]
      return former.today(Versioned.raise(former, encoded)).flatMap((one) => today(one, [...through, type]))
    } catch (error) {
      if (through.length === 0) throw error
      throw new Error(`today's ${type} (schema version ${encoded.schemaVersion}): ${reasonOf(error)}`)
    }
  }
  return {
    names: codecs.names,
    schemaVersion: codecs.schemaVersion,
    former: new Map([...formers].map(([name, { version }]) => [name, version])),
    encode: codecs.encode,
    decode: (stored) => {
      try {
        return formers.size === 0 ? [codecs.decode(stored)] : today(stored, [])
      } catch (error) {
        throw undecodable(stored, reasonOf(error))
      }
    }
  }
}

/** A stored event as handlers see it: usually once; see `Events.decode`. Throws `UndecodableEvent`. */
export const record = <E extends { readonly _tag: string }>(
  events: Events<E>,
  stored: Stored
): ReadonlyArray<Recorded<E>> => events.decode(stored).map((event, i) => recordedAs(stored, event, i))

/** `place` among what the stored event is today, from 0. */
const recordedAs = <E>(stored: Stored, event: E, place: number): Recorded<E> => ({
  partition: stored.partition,
  position: stored.position,
  stream: stored.stream,
  version: stored.version,
  eventId: place === 0 ? stored.eventId : `${stored.eventId}.${place + 1}`,
  occurredAtMillis: stored.occurredAtMillis,
  recordedAtMillis: stored.recordedAtMillis,
  actor: stored.actor,
  reason: stored.reason,
  commandId: stored.commandId,
  correlationId: stored.correlationId,
  causationId: stored.causationId,
  traceParent: stored.traceParent,
  tenant: stored.tenant,
  event
})
