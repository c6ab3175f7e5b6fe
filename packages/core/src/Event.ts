/**
 * Events: their definition, their metadata, and how they are stored and read back.
 *
 * `define` takes a record of event names to fields. The names and the fields' encoded form are on disk for ever, so a changed
 * shape is a new schema version with an upcaster from the one before; see `versioned`.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Problem } from "./Problem.ts"

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

/** An event as handlers see it: where it stands, who caused it, and the decoded event of the current schema version. */
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

type Json = any

/** Raises data of one schema version to the next. Pure; sees and returns the encoded (JSON) form. */
export type Upcaster = (data: Json) => Json

type CountTo<N extends number, Counted extends ReadonlyArray<unknown>, Below = never> = Counted["length"] extends N
  ? Below
  : CountTo<N, readonly [...Counted, unknown], Below | Counted["length"]>

/** The versions before `N`: `Before<3>` is `1 | 2`. */
export type Before<N extends number> = CountTo<N, readonly [unknown]>

/**
 * The upcasters of an event at version `N`: one from each version before it. The index signature tells the compiler what an
 * upcaster's argument is before it knows `N`; the last part takes back what it would allow.
 */
export type Upcasters<N extends number> = { readonly [from: number]: Upcaster } & {
  readonly [K in Before<N>]: Upcaster
} & { readonly [K in Exclude<Before<50>, Before<N>>]?: never }

/** An event whose schema has changed since version 1. */
export interface Versioned<Fields extends Schema.Struct.Fields, N extends number = number> {
  readonly "~daybook/versioned": true
  readonly version: N
  readonly fields: Fields
  readonly upcasters: { readonly [from: number]: Upcaster }
}

/**
 * Declares an event at schema version `version`, with one upcaster from each earlier version to the one after it.
 * A missing upcaster, or one from a version that is not in the past, does not compile.
 */
export const versioned = <const N extends number, const Fields extends Schema.Struct.Fields>(
  version: N,
  fields: Fields,
  upcasters: Upcasters<N>
): Versioned<Fields, N> => ({ "~daybook/versioned": true, version, fields, upcasters })

/** A record of event names to fields, or to `versioned` fields. */
export type Definitions = { readonly [name: string]: Schema.Struct.Fields | Versioned<Schema.Struct.Fields> }

type FieldsOf<D> = D extends Versioned<infer F> ? F : D extends Schema.Struct.Fields ? D : never

/** The union of the events that a record of definitions declares, told apart by `_tag`. */
export type EventOf<D extends Definitions> = {
  readonly [K in keyof D & string]: { readonly _tag: K } & Schema.Struct.Type<FieldsOf<D[K]>>
}[keyof D & string]

/** What `encode` gives: the parts of a stored event that come from the event itself. */
export interface Encoded {
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
}

/** The events of one aggregate: their names, and the way to disk and back. */
export interface Events<E extends { readonly _tag: string }> {
  /** Event names, in the order of declaration. */
  readonly names: ReadonlyArray<E["_tag"]>
  /** The current schema version of an event name, or `undefined` when the name is unknown. */
  readonly schemaVersion: (name: string) => number | undefined
  /** Throws `Schema.SchemaError` when the event does not fit its schema. */
  readonly encode: (event: E) => Encoded
  /** Throws `UndecodableEvent` when no schema or upcaster understands the stored event. */
  readonly decode: (stored: Stored) => E
}

/** The event type of an `Events` value. */
export type Type<T> = T extends Events<infer E> ? E : never

interface Codec {
  readonly version: number
  readonly upcasters: { readonly [from: number]: Upcaster }
  readonly encode: (event: unknown) => unknown
  readonly decode: (data: unknown) => Record<string, unknown>
}

const isVersioned = (definition: object): definition is Versioned<Schema.Struct.Fields> =>
  "~daybook/versioned" in definition

const codecOf = (name: string, definition: Definitions[string]): Codec => {
  const current = isVersioned(definition) ? definition : versioned(1, definition, {} as never)
  if (!Number.isInteger(current.version) || current.version < 1) {
    throw new Error(`Event ${name}: schema version ${current.version} is not a whole number of at least 1`)
  }
  const from = Object.keys(current.upcasters).map(Number)
  const missing = Array.from({ length: current.version - 1 }, (_, i) => i + 1).filter((v) => !from.includes(v))
  const extra = from.filter((v) => v >= current.version || v < 1)
  if (missing.length > 0) throw new Error(`Event ${name}: add an upcaster from schema version ${missing.join(", ")}`)
  if (extra.length > 0) {
    throw new Error(
      `Event ${name}: the upcaster from version ${extra.join(", ")} is not of a past version (current: ${current.version})`
    )
  }
  return { version: current.version, upcasters: current.upcasters, ...fieldsCodec(current.fields) }
}

/** The way of an event's fields to disk and back. Both ways give a new object, so that neither side can change the other's. */
const fieldsCodec = (fields: Schema.Struct.Fields): Pick<Codec, "encode" | "decode"> => {
  // A struct without fields lets every value pass as it is: `_tag` would be stored, and what is stored be tagged.
  if (Object.keys(fields).length === 0) return { encode: () => ({}), decode: decodeEmpty }
  const schema = Schema.toCodecJson(Schema.Struct(fields)) as unknown as Schema.Codec<Record<string, unknown>, unknown>
  return { encode: Schema.encodeUnknownSync(schema), decode: Schema.decodeUnknownSync(schema) }
}

const decodeEmpty = (data: unknown): Record<string, unknown> => {
  if (!Predicate.isObject(data)) throw new Error(`Expected an object, not ${JSON.stringify(data)}`)
  return {}
}

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

const upcast = (codec: Codec, stored: Stored): unknown => {
  if (stored.schemaVersion > codec.version) {
    throw undecodable(
      stored,
      `this code knows versions up to ${codec.version}; deploy the release that wrote it, or a later one`
    )
  }
  if (!(stored.schemaVersion >= 1)) throw undecodable(stored, "schema versions start at 1")
  let data = stored.data
  for (let from = stored.schemaVersion; from < codec.version; from++) data = codec.upcasters[from]!(data)
  return data
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Declares the events of an aggregate. Names are past tense and unique: a name given twice does not compile.
 *
 * @example
 * const Events = Event.define({
 *   CartOpened: { customerId: Schema.String },
 *   ItemAdded: Event.versioned(2, { sku: Schema.String, quantity: Schema.Int }, { 1: (old) => ({ ...old, quantity: 1 }) })
 * })
 */
export const define = <const D extends Definitions>(definitions: D): Events<EventOf<D>> => {
  const codecs = new Map<string, Codec>()
  for (const [name, definition] of Object.entries(definitions)) codecs.set(name, codecOf(name, definition))
  return {
    names: [...codecs.keys()] as never,
    schemaVersion: (name) => codecs.get(name)?.version,
    encode: (event) => {
      const codec = codecs.get(event._tag)
      if (codec === undefined) throw new Error(`Event ${event._tag} is not declared; add it to the aggregate's events`)
      return { type: event._tag, schemaVersion: codec.version, data: codec.encode(event) }
    },
    decode: (stored) => {
      const codec = codecs.get(stored.type)
      if (codec === undefined) throw undecodable(stored, "this code has no event of that name")
      try {
        const event = codec.decode(upcast(codec, stored))
        event._tag = stored.type
        return event as never
      } catch (error) {
        throw error instanceof UndecodableEvent ? error : undecodable(stored, messageOf(error))
      }
    }
  }
}

/** Decodes a stored event into what handlers see. Throws `UndecodableEvent`. */
export const record = <E extends { readonly _tag: string }>(events: Events<E>, stored: Stored): Recorded<E> => ({
  partition: stored.partition,
  position: stored.position,
  stream: stored.stream,
  version: stored.version,
  eventId: stored.eventId,
  occurredAtMillis: stored.occurredAtMillis,
  recordedAtMillis: stored.recordedAtMillis,
  actor: stored.actor,
  reason: stored.reason,
  commandId: stored.commandId,
  correlationId: stored.correlationId,
  causationId: stored.causationId,
  traceParent: stored.traceParent,
  tenant: stored.tenant,
  event: events.decode(stored)
})
