/**
 * A subscriber's membership of its consumer group: which partitions it has, and the group's offsets. Used by `KafkaSubscriber`.
 *
 * Rebalancing is cooperative: a member keeps working on the partitions that it keeps, and one that has to give partitions up
 * rejoins when it has finished with them, before which nobody else gets them.
 */
import type { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import { Signal } from "@daybook/core/Signal"
import { type BaseOptions, Consumer } from "@platformatic/kafka"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { ask, closing, reasonOf, unavailable } from "./KafkaClient.ts"

/** The version of the protocol's subscriptions that carries the generation, as Kafka's own client sends it since 3.2. */
const cooperative = [{ name: "cooperative-sticky", version: 3 }]

export interface MemberOptions {
  readonly groupId: string
  readonly topic: string
  readonly sessionTimeoutMillis: number
  /**
   * Stops working on partitions that are not among these. Called before each rejoining, which waits for it. With `lost`, the
   * group has given them to others already.
   */
  readonly release: (kept: ReadonlyArray<number>, lost: boolean) => Effect.Effect<void>
}

/** The next position in a partition. */
export interface Place {
  readonly partition: number
  readonly next: bigint
}

export class KafkaMember {
  /** Moves when partitions may have come. */
  readonly moved = new Signal()
  /** Fails when the group cannot be rejoined. */
  readonly expelled = Deferred.makeUnsafe<never, BrokerUnavailable>()
  /** Closed while rejoining: the group takes no commits between a join and its outcome. */
  readonly #settled = Latch.makeUnsafe(true)
  readonly #client: Consumer
  readonly #topic: string

  constructor(options: BaseOptions, { groupId, topic, sessionTimeoutMillis, release }: MemberOptions) {
    const rejoining = Effect.suspend(() => {
      const kept = this.partitions
      // Between two joins the group takes commits again, and what is finished now is to be committed.
      this.#settled.openUnsafe()
      return Effect.tap(release(kept, kept.length === 0), () => this.#settled.close)
    })
    this.#topic = topic
    this.#client = new Consumer({
      ...options,
      groupId,
      sessionTimeout: sessionTimeoutMillis,
      // A rebalance waits for members that are finishing; those that are gone are noticed by their session.
      rebalanceTimeout: 2 * sessionTimeoutMillis,
      // A join is answered when all members have joined, or the time for that has run out.
      requestTimeout: 3 * sessionTimeoutMillis,
      heartbeatInterval: Math.ceil(sessionTimeoutMillis / 10),
      protocols: cooperative,
      protocolsMetadata: () => Effect.runPromise(Effect.as(rejoining, Buffer.alloc(0)))
    })
    this.#client.on("consumer:group:join", () => {
      this.#settled.openUnsafe()
      this.moved.notify()
    })
    this.#client.on("error", (error: Error) =>
      Deferred.doneUnsafe(this.expelled, Effect.fail(unavailable(`rejoining group ${groupId}`, reasonOf(error))))
    )
  }

  /** The partitions that are this member's. */
  get partitions(): ReadonlyArray<number> {
    return this.#client.assignments?.find(({ topic }) => topic === this.#topic)?.partitions ?? []
  }

  get join(): Effect.Effect<void, BrokerUnavailable> {
    this.#client.topics.track(this.#topic)
    return Effect.asVoid(ask(`joining group ${this.#client.groupId}`, () => this.#client.joinGroup()))
  }

  get close(): Effect.Effect<void> {
    return closing(() => this.#client.close(true))
  }

  /** The group's next position in each of these partitions; negative for one that it has handled nothing of. */
  committed(partitions: ReadonlyArray<number>): Effect.Effect<ReadonlyArray<bigint>, BrokerUnavailable> {
    const topics = [{ topic: this.#topic, partitions: [...partitions] }]
    return Effect.map(
      ask(`reading the offsets of group ${this.#client.groupId}`, () => this.#client.listCommittedOffsets({ topics })),
      (offsets) => partitions.map((partition) => offsets.get(this.#topic)?.[partition] ?? -1n)
    )
  }

  /** Records the group's next position in each of some partitions. */
  commit(places: ReadonlyArray<Place>): Effect.Effect<void, BrokerUnavailable> {
    const topic = this.#topic
    const offsets = places.map(({ partition, next }) => ({ topic, partition, offset: next, leaderEpoch: -1 }))
    return this.#settled.whenOpen(
      ask(`committing offsets of group ${this.#client.groupId}`, () => this.#client.commit({ offsets }))
    )
  }
}

export const make = (options: BaseOptions, member: MemberOptions): Effect.Effect<KafkaMember, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new KafkaMember(options, member)),
    ({ close }) => close
  )
