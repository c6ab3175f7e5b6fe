/**
 * The publishing half of the broker: an idempotent producer that has one request under way at a time. What is published
 * meanwhile goes into the next one, so that many publishers share a request as they share a commit of the journal.
 *
 * One at a time is also what makes idempotence sound: a batch's sequence number is never taken while the fate of the one
 * before is open. After a failure the client starts anew with another producer id.
 */
import { type BrokerUnavailable, MessageTooLarge } from "@daybook/core/BrokerProblems"
import { type Message, toCloudEvent } from "@daybook/core/Message"
import * as Partition from "@daybook/core/Partition"
import { type BaseOptions, type MessageToProduce, Producer } from "@platformatic/kafka"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { ask, closing, unavailable } from "./KafkaClient.ts"
import type { KafkaSettings } from "./KafkaSettings.ts"
import type { KafkaTopics } from "./KafkaTopics.ts"

export const defaultMaxMessageBytes = 1_000_000

/** How much longer a record and its batch are than the CloudEvent, at most, but for the key. */
const overheadBytes = 512
/** Calls that may wait for the next request; further ones wait to be let in. */
const maxWaiting = 1_000

const headers = new Map([[Buffer.from("content-type"), Buffer.from("application/cloudevents+json")]])

/** Messages that go into one request together: some of one call's. */
interface Portion {
  readonly records: ReadonlyArray<MessageToProduce>
  readonly bytes: number
  readonly done: Deferred.Deferred<void, BrokerUnavailable>
}

interface Sized {
  readonly record: MessageToProduce
  readonly bytes: number
}

export class KafkaPublisher {
  readonly #topics: KafkaTopics
  readonly #queue: Queue.Queue<Portion>
  readonly #maxBytes: number

  constructor(topics: KafkaTopics, queue: Queue.Queue<Portion>, maxBytes: number) {
    this.#topics = topics
    this.#queue = queue
    this.#maxBytes = maxBytes
  }

  readonly publish: (
    topic: string,
    messages: ReadonlyArray<Message>
  ) => Effect.Effect<void, BrokerUnavailable | MessageTooLarge> = Effect.fnUntraced(
    { self: this },
    function* (topic, messages) {
      if (messages.length === 0) return
      const values = yield* Effect.forEach(messages, (message) => this.#encode(topic, message))
      const partitions = yield* this.#topics.partitionsOf(topic)
      const sized = messages.map(({ key }, i) => toRecord(topic, Partition.ofId(key, partitions), key, values[i]!))
      // One after the other: a later message must not arrive when an earlier one of its key has not.
      for (const portion of inPortions(sized, this.#maxBytes)) yield* this.#send(topic, portion)
    }
  )

  readonly #send: (topic: string, portion: ReadonlyArray<Sized>) => Effect.Effect<void, BrokerUnavailable> =
    Effect.fnUntraced({ self: this }, function* (topic, portion) {
      const done = yield* Deferred.make<void, BrokerUnavailable>()
      const waiting = { records: portion.map(({ record }) => record), bytes: sum(portion), done }
      if (!(yield* Queue.offer(this.#queue, waiting))) yield* refuse(waiting)
      yield* Effect.tapError(Deferred.await(done), () => Effect.sync(() => this.#topics.forget(topic)))
    })

  #encode(topic: string, message: Message): Effect.Effect<Buffer, MessageTooLarge> {
    const value = Buffer.from(toCloudEvent(message))
    const bytes = value.length
    // The key is in the record once more. Only one of tens of kilobytes makes a difference.
    if (bytes <= this.#maxBytes && Buffer.byteLength(message.key) <= this.#maxBytes / 32) return Effect.succeed(value)
    return Effect.fail(
      new MessageTooLarge({
        id: message.id,
        topic,
        bytes,
        maxBytes: this.#maxBytes,
        detail: `Message ${message.id} (${message.type}) has ${bytes} bytes; the broker takes ${this.#maxBytes}. Send less, or a reference.`
      })
    )
  }
}

const toRecord = (topic: string, partition: number, key: string, value: Buffer): Sized => {
  const keyBytes = Buffer.from(key)
  return {
    record: { topic, partition, key: keyBytes, value, headers },
    bytes: value.length + keyBytes.length + overheadBytes
  }
}

const sum = (portion: ReadonlyArray<{ readonly bytes: number }>): number =>
  portion.reduce((bytes, one) => bytes + one.bytes, 0)

/**
 * Divides into runs of at most so many bytes, or one item. All of a request's records for a partition are one batch to
 * Kafka, whose limit is on the batch.
 */
const inPortions = <A extends { readonly bytes: number }>(
  items: ReadonlyArray<A>,
  maxBytes: number
): ReadonlyArray<ReadonlyArray<A>> => {
  const portions: Array<Array<A>> = []
  let bytes = Number.POSITIVE_INFINITY
  for (const item of items) {
    if (bytes + item.bytes > maxBytes) {
      portions.push([])
      bytes = 0
    }
    portions.at(-1)!.push(item)
    bytes += item.bytes
  }
  return portions
}

export const make = (
  options: BaseOptions,
  topics: KafkaTopics,
  { compression = "lz4", maxMessageBytes = defaultMaxMessageBytes }: KafkaSettings
): Effect.Effect<KafkaPublisher, never, Scope.Scope> =>
  Effect.gen(function* () {
    const producer = yield* Effect.acquireRelease(
      Effect.sync(() => new Producer({ ...options, idempotent: true, compression })),
      (client) => closing(() => client.close())
    )
    const queue = yield* Effect.acquireRelease(Queue.bounded<Portion>(maxWaiting), abandon)
    const request = (portions: ReadonlyArray<Portion>) =>
      ask("publishing", () => producer.send({ messages: portions.flatMap(({ records }) => records) })).pipe(
        Effect.onInterrupt(() => Effect.forEach(portions, refuse)),
        Effect.exit,
        Effect.flatMap((exit) => Effect.forEach(portions, ({ done }) => Deferred.done(done, Exit.asVoid(exit))))
      )
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.flatMap(Queue.takeBetween(queue, 1, maxWaiting), (waiting) =>
          Effect.forEach(inPortions(waiting, maxMessageBytes), request)
        )
      )
    )
    return new KafkaPublisher(topics, queue, maxMessageBytes)
  })

const refuse = ({ done }: Portion): Effect.Effect<boolean> =>
  Deferred.fail(done, unavailable("publishing", "this process is closing its connection"))

/** Whoever still waits when the broker is closed is told so. */
const abandon = (queue: Queue.Queue<Portion>): Effect.Effect<void> =>
  Effect.flatMap(Queue.clear(queue), (left) => Effect.andThen(Effect.forEach(left, refuse), Queue.shutdown(queue)))
