/**
 * A broker on a log of messages: the embedded one, in memory or on SQL.
 *
 * A group's place in a partition is an offset in a `ProjectionStore`, with the same leases and fencing as a projection's: a
 * subscriber that dies is replaced when its lease runs out, and one that was replaced cannot move the offset any more.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Broker, Delivery, Subscription } from "./Broker.ts"
import { BrokerUnavailable, MessageTooLarge } from "./BrokerProblems.ts"
import { fromCloudEvent, type Message, toCloudEvent } from "./Message.ts"
import type { LogEntry, MessageLog, NewLogEntry } from "./MessageLog.ts"
import type { Offset, ProjectionStore } from "./ProjectionStore.ts"

/** Kafka's default, so that what works here works there. */
const maxMessageBytes = 1_000_000
const defaultBatchSize = 100
const defaultLeaseMillis = 15_000
const pollMillis = 1_000

/** How a broker is run. */
export interface Options {
  /** How long a subscriber that died keeps its partitions from others. Default 15 seconds. */
  readonly leaseMillis?: number | undefined
}

const encoder = new TextEncoder()

const toEntry =
  (topic: string) =>
  (message: Message): Effect.Effect<NewLogEntry, MessageTooLarge> => {
    const text = toCloudEvent(message)
    const bytes = text.length * 3 <= maxMessageBytes ? 0 : encoder.encode(text).length
    if (bytes <= maxMessageBytes) return Effect.succeed({ id: message.id, key: message.key, text })
    return Effect.fail(
      new MessageTooLarge({
        id: message.id,
        topic,
        bytes,
        maxBytes: maxMessageBytes,
        detail: `Message ${message.id} (${message.type}) has ${bytes} bytes; the broker takes ${maxMessageBytes}. Send less, or a reference.`
      })
    )
  }

const unavailable = (error: { readonly message: string }): BrokerUnavailable =>
  new BrokerUnavailable({ retryAfterSeconds: 2, detail: `The broker's offsets do not answer: ${error.message}` })

/** One subscriber: its leases, and where it is in each partition. */
class Subscriber {
  readonly #log: MessageLog
  readonly #store: ProjectionStore["Service"]
  readonly #subscription: Subscription
  readonly #leaseMillis: number
  readonly #owner = globalThis.crypto.randomUUID()
  #offsets: ReadonlyArray<Offset> = []
  #claimedAtMillis = -Infinity

  constructor(
    log: MessageLog,
    store: ProjectionStore["Service"],
    subscription: Subscription,
    { leaseMillis = defaultLeaseMillis }: Options
  ) {
    this.#log = log
    this.#store = store
    this.#subscription = subscription
    this.#leaseMillis = leaseMillis
  }

  get #name(): string {
    return `${this.#subscription.topic}/${this.#subscription.group}`
  }

  run<E, R>(
    handler: (batch: ReadonlyArray<Delivery>) => Effect.Effect<void, E, R>
  ): Effect.Effect<never, BrokerUnavailable | E, R> {
    return Effect.forever(this.#round(handler)).pipe(
      Effect.ensuring(Effect.ignore(this.#store.release(this.#name, this.#owner)))
    )
  }

  #round<E, R>(
    handler: (batch: ReadonlyArray<Delivery>) => Effect.Effect<void, E, R>
  ): Effect.Effect<void, BrokerUnavailable | E, R> {
    return Effect.gen({ self: this }, function* () {
      const signal = this.#log.signalOf(this.#subscription.topic)
      const seen = signal.count
      yield* this.#claimIfDue
      const heads = yield* this.#log.heads(this.#subscription.topic)
      const behind = this.#offsets.filter((offset) => heads[offset.partition]! > offset.position)
      if (behind.length === 0) {
        yield* Effect.race(signal.changed(seen), Effect.sleep(pollMillis))
        return
      }
      const moved = yield* Effect.forEach(behind, (offset) => this.#deliver(offset, handler), {
        concurrency: "unbounded"
      })
      this.#offsets = this.#offsets.map((offset) => moved.find((m) => m.partition === offset.partition) ?? offset)
    })
  }

  get #claimIfDue(): Effect.Effect<void, BrokerUnavailable> {
    return Effect.gen({ self: this }, function* () {
      const now = yield* Clock.currentTimeMillis
      if (now < this.#claimedAtMillis + this.#leaseMillis / 3) return
      this.#offsets = yield* Effect.mapError(
        this.#store.claim(this.#name, {
          owner: this.#owner,
          partitions: this.#log.partitions,
          leaseMillis: this.#leaseMillis
        }),
        unavailable
      )
      this.#claimedAtMillis = now
    })
  }

  /** Hands one batch of a partition over, and moves the offset when the handler has succeeded. */
  #deliver<E, R>(
    offset: Offset,
    handler: (batch: ReadonlyArray<Delivery>) => Effect.Effect<void, E, R>
  ): Effect.Effect<Offset, BrokerUnavailable | E, R> {
    return Effect.gen({ self: this }, function* () {
      const { topic, batchSize } = this.#subscription
      const { partition, position } = offset
      const limit = batchSize ?? defaultBatchSize
      const entries = yield* this.#log.read(topic, { partition, after: position, limit })
      if (entries.length === 0) return offset
      yield* handler(entries.map((entry) => deliveryOf(topic, partition, entry)))
      const to = entries[entries.length - 1]!.position
      const advance = { partition, epoch: offset.epoch, from: position, to }
      yield* this.#store.transact(this.#name, [advance], Effect.void).pipe(
        // Overtaken: whoever took over gets these messages again. Claim anew.
        Effect.catchTag("ProjectionFenced", () =>
          Effect.sync(() => {
            this.#claimedAtMillis = -Infinity
          })
        ),
        Effect.mapError(unavailable)
      )
      return { ...offset, position: to }
    })
  }
}

const deliveryOf = (topic: string, partition: number, { position, text }: LogEntry): Delivery => ({
  topic,
  partition,
  offset: position,
  text,
  message: Option.getOrUndefined(fromCloudEvent(text))
})

/** The broker on a log, with its groups' offsets in a store. */
export const make = (log: MessageLog, store: ProjectionStore["Service"], options: Options = {}): Broker["Service"] => ({
  guarantees: { durable: log.durable, failover: true, maxMessageBytes },
  publish: (topic, messages) =>
    Effect.flatMap(Effect.forEach(messages, toEntry(topic)), (entries) =>
      entries.length === 0 ? Effect.void : log.append(topic, entries)
    ),
  subscribe: (subscription, handler) =>
    Effect.suspend(() => new Subscriber(log, store, subscription, options).run(handler))
})
