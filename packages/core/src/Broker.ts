/**
 * The broker: how services' messages reach each other. Two small things, publish and subscribe, and what may be relied on.
 *
 * Delivery is at least once. Messages of one key are delivered in the order in which they were published; a group shares a
 * topic's partitions among its subscribers, and each partition is read by one of them at a time. Making an effect happen
 * exactly once on top of that is the consumer's business (`Consumer`, with its inbox).
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BrokerUnavailable, MessageTooLarge } from "./BrokerProblems.ts"
import * as LogBroker from "./LogBroker.ts"
import { MemoryMessageLog } from "./MemoryMessageLog.ts"
import type { Message } from "./Message.ts"
import { ProjectionStore } from "./ProjectionStore.ts"

/** What an implementation promises beyond the contract. The conformance suite holds it to that. */
export interface Guarantees {
  /** Published messages survive a crash of every process, the broker's included. */
  readonly durable: boolean
  /** A subscriber that dies is replaced by another of its group. */
  readonly failover: boolean
  /** The largest message, in bytes of its CloudEvent. */
  readonly maxMessageBytes: number
}

/** A message as it arrives. */
export interface Delivery {
  readonly topic: string
  readonly partition: number
  /** Place in the partition; grows, and may have gaps. */
  readonly offset: number
  /** The bytes as text, which is what a dead letter keeps of a message that cannot be read. */
  readonly text: string
  /** `undefined` when the text is no CloudEvent of ours. */
  readonly message: Message | undefined
}

export { defaultBatchSize } from "./LogBroker.ts"

/** Who subscribes to what. */
export interface Subscription {
  readonly topic: string
  /** Every group gets every message; within a group each partition has one reader. */
  readonly group: string
  /** Deliveries handed over at once, at most. Default 100. */
  readonly batchSize?: number
  /**
   * Whether a batch may hold deliveries of several partitions, in order for each: then there are fewer batches, and fuller ones. A
   * broker need not make use of it. Default false.
   */
  readonly mixed?: boolean
}

export class Broker extends Context.Service<
  Broker,
  {
    readonly guarantees: Guarantees
    /** Publishes messages, in order for each key. Succeeds when the broker has them for good. */
    publish(topic: string, messages: ReadonlyArray<Message>): Effect.Effect<void, BrokerUnavailable | MessageTooLarge>
    /**
     * Delivers messages, from the first of the topic for a group that is new, until interrupted. A batch is of one partition,
     * unless the subscription says otherwise. It counts as received when the handler has succeeded, or a moment later: whoever takes
     * over from a subscriber that has died may get what that one had just handled. A handler that fails ends the subscription, and the
     * batch is delivered again to whoever subscribes next. While a handler works, nothing more of its partition is delivered.
     */
    subscribe<E, R>(
      subscription: Subscription,
      handler: (batch: ReadonlyArray<Delivery>) => Effect.Effect<void, E, R>
    ): Effect.Effect<never, BrokerUnavailable | E, R>
  }
>()("@daybook/core/Broker") {
  /** A broker in this process's memory. */
  static readonly layerMemory = (options?: { readonly partitions?: number }): Layer.Layer<Broker> =>
    Layer.effect(
      Broker,
      Effect.map(ProjectionStore, (store) => LogBroker.make(new MemoryMessageLog(options?.partitions ?? 8), store))
    ).pipe(Layer.provide(ProjectionStore.layerMemory))
}
