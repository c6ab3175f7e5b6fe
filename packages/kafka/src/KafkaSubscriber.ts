/**
 * The subscribing half of the broker: one member of a consumer group, with a worker for each partition that it has.
 *
 * A worker hands one batch over, commits when the handler has succeeded, and takes the next; where a batch may hold messages of
 * several partitions, those of all workers go together. What has been read ahead of it is bounded: a partition is read again only
 * when less than a batch is left for its worker to take.
 */
import { type Delivery, defaultBatchSize, type Subscription } from "@daybook/core/Broker"
import type { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import { fromCloudEvent } from "@daybook/core/Message"
import { Signal } from "@daybook/core/Signal"
import type { BaseOptions } from "@platformatic/kafka"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { KafkaHandover, type Share } from "./KafkaHandover.ts"
import * as KafkaMember from "./KafkaMember.ts"
import * as KafkaReader from "./KafkaReader.ts"

/** A read waits so long for messages. One that new partitions or emptied ones wait for is shorter. */
const idleWaitMillis = 250
const busyWaitMillis = 25

type Handler<E, R> = (batch: ReadonlyArray<Delivery>) => Effect.Effect<void, E, R>

/** Handles what workers have taken, and commits it. */
type HandOver<E, R> = (share: Share<KafkaReader.KafkaRow>) => Effect.Effect<void, BrokerUnavailable | E, R>

/** A partition that is worked on. */
interface Work {
  readonly partition: number
  /** Read, and not yet handed over. */
  ahead: ReadonlyArray<KafkaReader.KafkaRow>
  /** From where to read on. */
  position: bigint
  /** Another member waits for it: the batch at hand is the last. */
  stopping: boolean
  readonly filled: Signal
}

interface Lane extends Work {
  readonly worker: Fiber.Fiber<void>
}

const deliveryOf = (topic: string, partition: number, { offset, value }: KafkaReader.KafkaRow): Delivery => {
  const text = value?.toString() ?? ""
  return { topic, partition, offset: Number(offset), text, message: Option.getOrUndefined(fromCloudEvent(text)) }
}

class KafkaSubscriber<E, R> {
  readonly #subscription: Subscription
  readonly #handler: Handler<E, R>
  readonly #sessionTimeoutMillis: number
  readonly #lanes = new Map<number, Lane>()
  /** Taking partitions on and giving them up take turns. */
  readonly #turns = Semaphore.makeUnsafe(1)
  /** Moves when there is something to read again. */
  readonly #emptied = new Signal()
  readonly #ended = Deferred.makeUnsafe<never, BrokerUnavailable | E>()

  constructor(subscription: Subscription, handler: Handler<E, R>, sessionTimeoutMillis: number) {
    this.#subscription = subscription
    this.#handler = handler
    this.#sessionTimeoutMillis = sessionTimeoutMillis
  }

  run(options: BaseOptions): Effect.Effect<never, BrokerUnavailable | E, R | Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const { topic, group } = this.#subscription
      // A group of its own for each topic, since members of a Kafka group rebalance together whatever they subscribe to.
      const groupId = `${group}.${topic}`
      const sessionTimeoutMillis = this.#sessionTimeoutMillis
      const release = (kept: ReadonlyArray<number>, lost: boolean) => this.#release(kept, lost)
      const member = yield* KafkaMember.make(options, { groupId, topic, sessionTimeoutMillis, release })
      const reader = yield* KafkaReader.make(options, groupId, topic)
      const handle = (shares: ReadonlyArray<Share<KafkaReader.KafkaRow>>) => this.#handle(member, shares)
      const together = new KafkaHandover(this.#subscription.batchSize ?? defaultBatchSize, handle)
      const handOver: HandOver<E, R> =
        this.#subscription.mixed === true ? (share) => together.handOver(share) : (share) => handle([share])
      yield* member.join
      return yield* Effect.raceAllFirst([
        Deferred.await(this.#ended),
        Deferred.await(member.expelled),
        this.#takingOn(member, reader, handOver),
        Effect.forever(this.#read(reader)),
        together.run
      ])
    })
  }

  #handle(
    member: KafkaMember.KafkaMember,
    shares: ReadonlyArray<Share<KafkaReader.KafkaRow>>
  ): Effect.Effect<void, BrokerUnavailable | E, R> {
    const { topic } = this.#subscription
    const batch = shares.flatMap(({ partition, rows }) => rows.map((row) => deliveryOf(topic, partition, row)))
    const handled = shares.map(({ partition, rows }) => ({ partition, next: rows.at(-1)!.offset + 1n }))
    return Effect.andThen(this.#handler(batch), this.#outlasting(member.commit(handled)))
  }

  /** Begins to work on the partitions that have come. */
  #takingOn(
    member: KafkaMember.KafkaMember,
    reader: KafkaReader.KafkaReader,
    handOver: HandOver<E, R>
  ): Effect.Effect<never, BrokerUnavailable, R | Scope.Scope> {
    const takeOn = Effect.gen({ self: this }, function* () {
      const fresh = member.partitions.filter((partition) => !this.#lanes.has(partition))
      if (fresh.length === 0) return
      const [committed, beginnings] = [yield* member.committed(fresh), yield* reader.beginnings]
      for (const [i, partition] of fresh.entries()) {
        const beginning = beginnings[partition] ?? 0n
        // What is committed is gone when the topic keeps messages for a shorter time than the group was away.
        const position = committed[i]! > beginning ? committed[i]! : beginning
        // It may have been lost again while this was asked.
        if (member.partitions.includes(partition)) yield* this.#open(handOver, partition, position)
      }
      this.#emptied.notify()
    })
    return Effect.forever(
      Effect.gen({ self: this }, function* () {
        const seen = member.moved.count
        yield* this.#turns.withPermit(takeOn)
        yield* member.moved.changed(seen)
      })
    )
  }

  #open(handOver: HandOver<E, R>, partition: number, position: bigint): Effect.Effect<void, never, R | Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const lane = { partition, ahead: [], position, stopping: false, filled: new Signal() }
      const worker = Effect.catchCause(this.#work(handOver, lane), (cause) => Deferred.failCause(this.#ended, cause))
      this.#lanes.set(partition, Object.assign(lane, { worker: yield* Effect.forkScoped(Effect.asVoid(worker)) }))
    })
  }

  /** Hands batches of a partition over, one after the other. */
  #work(handOver: HandOver<E, R>, lane: Work): Effect.Effect<void, BrokerUnavailable | E, R> {
    return Effect.gen({ self: this }, function* () {
      const { batchSize = defaultBatchSize } = this.#subscription
      const { partition } = lane
      while (!lane.stopping) {
        const seen = lane.filled.count
        const rows = lane.ahead.slice(0, batchSize)
        if (rows.length === 0) {
          yield* lane.filled.changed(seen)
          continue
        }
        lane.ahead = lane.ahead.slice(batchSize)
        if (lane.ahead.length < batchSize) this.#emptied.notify()
        yield* handOver({ partition, rows })
      }
    })
  }

  /** Stops working on all partitions but these. A batch that is being handled is finished and committed, within reason. */
  #release(kept: ReadonlyArray<number>, lost: boolean): Effect.Effect<void> {
    const stop = (lane: Lane) =>
      Effect.gen({ self: this }, function* () {
        lane.stopping = true
        lane.filled.notify()
        // Well before the group would take this member, which sends no heartbeats meanwhile, for dead.
        if (!lost) yield* Effect.timeoutOption(Fiber.await(lane.worker), this.#sessionTimeoutMillis / 3)
        yield* Fiber.interrupt(lane.worker)
        this.#lanes.delete(lane.partition)
      })
    return this.#turns.withPermit(
      Effect.suspend(() => {
        const leaving = [...this.#lanes.values()].filter(({ partition }) => !kept.includes(partition))
        return Effect.forEach(leaving, stop, { concurrency: "unbounded", discard: true })
      })
    )
  }

  /**
   * Reads once from the partitions that hardly anything is left of. Not only from those that nothing is left of: what comes for the
   * others would have to wait until this read is over.
   */
  #read(reader: KafkaReader.KafkaReader): Effect.Effect<void, BrokerUnavailable> {
    return Effect.gen({ self: this }, function* () {
      const seen = this.#emptied.count
      const lanes = new Map(this.#lanes)
      const { batchSize = defaultBatchSize } = this.#subscription
      const wanted = [...lanes.values()].filter(({ ahead, stopping }) => ahead.length < batchSize && !stopping)
      if (wanted.length === 0) return yield* this.#emptied.changed(seen)
      const maxWaitMillis = wanted.length === lanes.size ? idleWaitMillis : busyWaitMillis
      const reads = yield* this.#outlasting(reader.read(wanted, maxWaitMillis))
      for (const { partition, rows, next } of reads) {
        const lane = lanes.get(partition)!
        // Given up meanwhile, and perhaps taken on anew, from another position.
        if (this.#lanes.get(partition) !== lane) continue
        lane.ahead = [...lane.ahead, ...rows]
        lane.position = next
        lane.filled.notify()
      }
    })
  }

  /** Tries again while the cluster does not answer, as long as the group would wait for this member. */
  #outlasting<A>(effect: Effect.Effect<A, BrokerUnavailable>): Effect.Effect<A, BrokerUnavailable> {
    const schedule = Schedule.spaced("250 millis").pipe(
      Schedule.while(({ elapsed }) => Effect.succeed(elapsed < this.#sessionTimeoutMillis))
    )
    return Effect.retry(effect, schedule)
  }
}

/** Delivers a topic's messages until interrupted. */
export const subscribe = <E, R>(
  options: BaseOptions,
  subscription: Subscription,
  handler: Handler<E, R>,
  sessionTimeoutMillis: number
): Effect.Effect<never, BrokerUnavailable | E, R> =>
  Effect.scoped(Effect.suspend(() => new KafkaSubscriber(subscription, handler, sessionTimeoutMillis).run(options)))
