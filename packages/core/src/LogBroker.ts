/**
 * A broker on a log of messages: the embedded one, in memory or on SQL.
 *
 * A group's place in a partition is an offset in a `ProjectionStore`, with the same leases and fencing as a projection's: a
 * subscriber that dies is replaced when its lease runs out, and one that was replaced cannot move the offset any more.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Broker, Delivery, Subscription } from "./Broker.ts"
import { BrokerUnavailable, MessageTooLarge } from "./BrokerProblems.ts"
import { fromCloudEvent, type Message, toCloudEvent } from "./Message.ts"
import type { LogEntry, MessageLog, NewLogEntry } from "./MessageLog.ts"
import { type Advance, type Offset, oneAfterTheOther, type ProjectionStore } from "./ProjectionStore.ts"
import { TrailingWrite } from "./TrailingWrite.ts"

/** Kafka's default, so that what works here works there. */
const maxMessageBytes = 1_000_000
/** Deliveries handed over at once, where a subscription does not say how many. */
export const defaultBatchSize = 100
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
    if (bytes <= maxMessageBytes) return Effect.succeed({ id: message.id, key: message.key, text, message })
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
  /** Up to where the handler has come; what is stored follows. */
  #offsets: ReadonlyArray<Offset> = []
  readonly #moves: TrailingWrite<ReadonlyArray<Advance>, BrokerUnavailable>
  #claimedAtMillis = -Infinity
  /** Whether to look though nobody has said that there is something: at first, and when a wait was over. */
  #look = true
  #othersSeen = 0

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
    this.#moves = new TrailingWrite({ write: (advances) => this.#write(advances), merge: oneAfterTheOther })
  }

  get #name(): string {
    return `${this.#subscription.topic}/${this.#subscription.group}`
  }

  run<E, R>(
    handler: (batch: ReadonlyArray<Delivery>) => Effect.Effect<void, E, R>
  ): Effect.Effect<never, BrokerUnavailable | E, R> {
    return Effect.forever(this.#round(handler)).pipe(
      Effect.ensuring(
        Effect.andThen(Effect.ignore(this.#moves.settled), Effect.ignore(this.#store.release(this.#name, this.#owner)))
      )
    )
  }

  #round<E, R>(
    handler: (batch: ReadonlyArray<Delivery>) => Effect.Effect<void, E, R>
  ): Effect.Effect<void, BrokerUnavailable | E, R> {
    return Effect.gen({ self: this }, function* () {
      const { topic, batchSize = defaultBatchSize, mixed = false } = this.#subscription
      const signal = this.#log.signalOf(topic)
      const seen = signal.count
      yield* this.#claimIfDue
      const all = mixed ? batchSize : batchSize * Math.max(this.#offsets.length, 1)
      const others = this.#log.others.count
      const look = this.#look || others !== this.#othersSeen
      const entries = yield* this.#log.read(topic, { after: this.#offsets, each: batchSize, all, look })
      if (entries.length === 0) {
        this.#othersSeen = others
        this.#look = !(yield* signal.changedWithin(seen, pollMillis))
        return
      }
      const deliveries = entries.map((entry) => deliveryOf(topic, entry))
      const batches = mixed ? [deliveries] : [...Map.groupBy(deliveries, ({ partition }) => partition).values()]
      const handled = yield* Effect.forEach(batches, (batch) => Effect.exit(handler(batch)), {
        concurrency: "unbounded"
      })
      yield* this.#move(batches.filter((_, i) => Exit.isSuccess(handled[i]!)).flat())
      const failed = handled.find(Exit.isFailure)
      if (failed !== undefined) yield* failed
    })
  }

  readonly #claimIfDue: Effect.Effect<void, BrokerUnavailable> = Effect.gen({ self: this }, function* () {
    const now = yield* Clock.currentTimeMillis
    if (now < this.#claimedAtMillis + this.#leaseMillis / 3) return
    // What the store answers must not be behind what has been handled.
    yield* this.#moves.settled
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

  /** Moves the offsets behind what has been handled, while the next is handled. */
  #move(deliveries: ReadonlyArray<Delivery>): Effect.Effect<void, BrokerUnavailable> {
    return Effect.suspend(() => {
      const last = new Map(deliveries.map(({ partition, offset }) => [partition, offset]))
      if (last.size === 0) return Effect.void
      const advances = this.#offsets.flatMap(({ partition, epoch, position: from }) => {
        const to = last.get(partition)
        return to === undefined ? [] : [{ partition, epoch, from, to }]
      })
      this.#offsets = this.#offsets.map((offset) => ({
        ...offset,
        position: last.get(offset.partition) ?? offset.position
      }))
      return this.#moves.add(advances)
    })
  }

  #write(advances: ReadonlyArray<Advance>): Effect.Effect<void, BrokerUnavailable> {
    return this.#store.transact(this.#name, advances, Effect.void).pipe(
      // Overtaken: whoever took over gets these messages again. Claim anew.
      Effect.catchTag("ProjectionFenced", () =>
        Effect.sync(() => {
          this.#claimedAtMillis = -Infinity
        })
      ),
      Effect.mapError(unavailable)
    )
  }
}

const deliveryOf = (topic: string, { partition, position, text, message }: LogEntry): Delivery => ({
  topic,
  partition,
  offset: position,
  text,
  message: message ?? Option.getOrUndefined(fromCloudEvent(text))
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
