/**
 * Publication: a service's domain events as integration events on its topic.
 *
 * A reaction that publishes: the journal is the outbox. The offset moves after the broker has the messages, so
 * that nothing is lost if the relay dies anywhere, and what was published twice has the same id both times. The mapping is
 * total: every event says what others are told of it, if only that they are told nothing.
 */
import * as Effect from "effect/Effect"
import { Broker } from "./Broker.ts"
import type { BrokerUnavailable, MessageTooLarge } from "./BrokerProblems.ts"
import type { Contract } from "./Contract.ts"
import type { Recorded } from "./Event.ts"
import type { Message } from "./Message.ts"
import * as Partition from "./Partition.ts"
import * as Projection from "./Projection.ts"

interface Tagged {
  readonly _tag: string
}

/** Said of an event that is the service's own business. */
export const notPublished = "not published"

/** What others are told of each event: some messages, or nothing. */
export type Mapping<Event extends Tagged, M extends Tagged> = {
  readonly [K in Event["_tag"]]:
    | typeof notPublished
    | ((event: Extract<Event, { readonly _tag: K }>, recorded: Recorded<Event>) => ReadonlyArray<M>)
}

/** What is published of one aggregate, and where. */
export interface Definition<Event extends Tagged, M extends Tagged> {
  /** Unique among the projections of the service. On disk. */
  readonly name: string
  /** The service, as consumers see it: `/cart`. */
  readonly source: string
  readonly aggregate: Projection.Source<Event>
  readonly contract: Contract<M>
}

const messagesOf =
  <Event extends Tagged, M extends Tagged>({ source, contract }: Definition<Event, M>, mapping: Mapping<Event, M>) =>
  (recorded: Recorded<Event>): ReadonlyArray<Message> => {
    const map = mapping[recorded.event._tag as Event["_tag"]]
    if (map === notPublished) return []
    const all = map(recorded.event as never, recorded)
    return all.map((one, i) => ({
      // One event may say several things; each keeps its own id when it is said again.
      id: all.length === 1 ? recorded.eventId : `${recorded.eventId}-${i + 1}`,
      source,
      ...contract.encode(one),
      key: Partition.idOf(recorded.stream),
      occurredAtMillis: recorded.occurredAtMillis,
      correlationId: recorded.correlationId ?? recorded.commandId ?? recorded.eventId,
      causationId: recorded.eventId,
      actor: recorded.actor,
      traceParent: recorded.traceParent,
      tenant: recorded.tenant,
      commandId: null,
      replyTo: null
    }))
  }

/**
 * The publication as a projection, to be run by the service's projector. It stops where a message cannot be published, since
 * going on would change what others believe to have happened.
 *
 * @example
 * Publication.make({ name: "cart-publication", source: "/cart", aggregate: Cart, contract: CartContract })({
 *   CheckoutBegun: ({ checkoutId }) => [{ _tag: "CartCheckedOut", checkoutId }],
 *   ItemAdded: Publication.notPublished
 * })
 */
export const make =
  <Event extends Tagged, M extends Tagged>(definition: Definition<Event, M>) =>
  (mapping: Mapping<Event, M>): Projection.Projection<Event, BrokerUnavailable | MessageTooLarge, Broker> => {
    const toMessages = messagesOf(definition, mapping)
    return Projection.reaction({
      name: definition.name,
      sources: [definition.aggregate],
      onFailure: "stop",
      handle: Effect.fnUntraced(function* (batch) {
        const broker = yield* Broker
        const messages = batch.flatMap(toMessages)
        if (messages.length > 0) yield* broker.publish(definition.contract.topic, messages)
      })
    })
  }
