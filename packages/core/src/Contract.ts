/**
 * Contracts: what a service says to others, and what it can be told. The only thing that services know of each other.
 *
 * A contract is a topic and the messages on it, each with a schema version of its own. It is public and kept apart from the
 * domain's events: those may change with the domain, a contract only by adding a version that old readers can be raised to.
 */
import * as Schema from "effect/Schema"
import type { Message } from "./Message.ts"
import { Problem, reasonOf } from "./Problem.ts"
import * as Versioned from "./Versioned.ts"

/** A message that this code cannot read: of a later version, of an unknown type, or not what its schema says. */
export class UnreadableMessage extends Problem<UnreadableMessage>()(
  "UnreadableMessage",
  { status: 500, title: "A message cannot be read" },
  { id: Schema.String, topic: Schema.String, messageType: Schema.String, schemaVersion: Schema.Int }
) {}

/** The messages on one topic. */
export interface Contract<M extends { readonly _tag: string }> {
  readonly topic: string
  readonly definitions: Versioned.Definitions
  readonly names: ReadonlyArray<M["_tag"]>
  /** Throws `Schema.SchemaError` when the message does not fit its schema. */
  readonly encode: (message: M) => Versioned.Encoded
  /** Throws `UnreadableMessage`. */
  readonly decode: (message: Message) => M
}

/** The messages of a contract. */
export type Type<T> = T extends Contract<infer M> ? M : never

const topicPattern = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/

const unreadable = (topic: string, message: Message, why: string): UnreadableMessage =>
  new UnreadableMessage({
    id: message.id,
    topic,
    messageType: message.type,
    schemaVersion: message.schemaVersion,
    detail: `${message.type} (schema version ${message.schemaVersion}), message ${message.id} on ${topic}: ${why}`
  })

/**
 * Declares a contract. Events are past tense (`OrderPlaced`), commands imperative (`ReserveItems`).
 *
 * @example
 * export const CartContract = Contract.define("cart-events", {
 *   CartCheckedOut: { cartId: Schema.String, checkoutId: Schema.String, total: Money }
 * })
 */
export const define = <const D extends Versioned.Definitions>(
  topic: string,
  definitions: D
): Contract<Versioned.ValueOf<D>> => {
  if (!topicPattern.test(topic)) {
    throw new Error(`Topic ${JSON.stringify(topic)}: use lower-case words joined by hyphens, such as cart-events`)
  }
  const codecs = Versioned.codecsOf(definitions, "Message", `the contract of ${topic}`)
  return {
    topic,
    definitions,
    names: codecs.names,
    encode: codecs.encode,
    decode: (message) => {
      try {
        return codecs.decode(message)
      } catch (error) {
        throw unreadable(topic, message, reasonOf(error))
      }
    }
  }
}

/** Declares a message whose schema has changed since version 1; see `Versioned.versioned`. */
export const versioned = Versioned.versioned
