/**
 * Messages between services, and their form on the wire: CloudEvents 1.0, JSON, structured mode.
 *
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md. Attributes of our own are extensions, in lower case as the
 * specification wants it; `partitionkey` and `traceparent` are its registered ones.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isStorable } from "./StorableText.ts"

/** A message. `null` where nothing was given. */
export interface Message {
  /** The same message again has the same id, so that a consumer can tell. */
  readonly id: string
  /** Who says it: a service, as `/cart`. */
  readonly source: string
  readonly type: string
  readonly schemaVersion: number
  /** The aggregate that it is about. Messages of one key stay in order. */
  readonly key: string
  /** When it happened in the business, milliseconds since 1970 (UTC). */
  readonly occurredAtMillis: number
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly actor: string | null
  readonly traceParent: string | null
  readonly tenant: string | null
  /** Of a command: the same however often it is sent, so that its receiver carries it out once. */
  readonly commandId: string | null
  /** Of a command: the topic on which its sender waits for the answer. */
  readonly replyTo: string | null
  /** A JSON value. */
  readonly data: unknown
}

/**
 * Text that every store can keep and look up: no NUL characters or lone surrogates, and short enough for a database's index. A
 * message with anything else could not even be set aside.
 */
const Attribute = Schema.String.check(
  Schema.isMaxLength(500),
  Schema.makeFilter<string>((text) => isStorable(text) || "Expected text without NUL characters or lone surrogates")
)

const Name = Attribute.check(Schema.isNonEmpty())

const about = <S extends Schema.Top>(schema: S, description: string) => schema.annotate({ description })

/** The envelope. Unknown attributes are kept out, as every consumer is free to. */
export const CloudEvent = Schema.Struct({
  specversion: Schema.Literal("1.0"),
  id: about(Name, "The same message again has the same id"),
  source: about(Name, "Who says it: a service, as /cart"),
  type: about(Name, "The message's name"),
  datacontenttype: Schema.optionalKey(Schema.Literal("application/json")),
  time: about(Schema.String, "When it happened in the business (RFC 3339)"),
  partitionkey: about(Attribute, "The aggregate that it is about; messages of one key stay in order"),
  schemaversion: about(Schema.Int, "The version of the data's schema"),
  correlationid: Schema.optionalKey(about(Attribute, "The business conversation that it belongs to")),
  causationid: Schema.optionalKey(about(Attribute, "The message or event that caused it")),
  actor: Schema.optionalKey(about(Attribute, "Who did it")),
  traceparent: Schema.optionalKey(about(Attribute, "W3C trace context")),
  tenant: Schema.optionalKey(Attribute),
  commandid: Schema.optionalKey(about(Attribute, "Of a command: the same however often it is sent")),
  replyto: Schema.optionalKey(about(Attribute, "Of a command: the topic on which its sender waits for the answer")),
  data: Schema.Json
})

const decodeCloudEvent = Schema.decodeUnknownOption(Schema.fromJsonString(CloudEvent))

/** The message as the text of a CloudEvent. JSON has no `undefined`: what was not given is not there. */
export const toCloudEvent = (message: Message): string =>
  JSON.stringify({
    specversion: "1.0",
    id: message.id,
    source: message.source,
    type: message.type,
    datacontenttype: "application/json",
    time: new Date(message.occurredAtMillis).toISOString(),
    partitionkey: message.key,
    schemaversion: message.schemaVersion,
    correlationid: message.correlationId ?? undefined,
    causationid: message.causationId ?? undefined,
    actor: message.actor ?? undefined,
    traceparent: message.traceParent ?? undefined,
    tenant: message.tenant ?? undefined,
    commandid: message.commandId ?? undefined,
    replyto: message.replyTo ?? undefined,
    data: message.data
  })

/** Reads a CloudEvent; `none` when the text is not one, or not one of ours. */
export const fromCloudEvent = (text: string): Option.Option<Message> =>
  Option.flatMap(decodeCloudEvent(text), (event) => {
    const occurredAtMillis = Date.parse(event.time)
    if (Number.isNaN(occurredAtMillis)) return Option.none()
    return Option.some({
      id: event.id,
      source: event.source,
      type: event.type,
      schemaVersion: event.schemaversion,
      key: event.partitionkey,
      occurredAtMillis,
      correlationId: event.correlationid ?? null,
      causationId: event.causationid ?? null,
      actor: event.actor ?? null,
      traceParent: event.traceparent ?? null,
      tenant: event.tenant ?? null,
      commandId: event.commandid ?? null,
      replyTo: event.replyto ?? null,
      data: event.data
    })
  })
