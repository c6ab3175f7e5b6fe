/**
 * The topics of a cluster as far as this process has used them: they are created when they are missing, if that is allowed,
 * and their numbers of partitions are remembered.
 */
import type { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import { Admin, type BaseOptions, type ClusterTopicMetadata } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { ask, closing, unavailable } from "./KafkaClient.ts"
import type { KafkaSettings } from "./KafkaSettings.ts"

const defaultPartitions = 8
/** Kafka's word for "what the cluster's configuration says". */
const asTheClusterSays = -1

export class KafkaTopics {
  readonly #admin: Admin
  readonly #settings: KafkaSettings
  readonly #partitions = new Map<string, number>()

  constructor(admin: Admin, settings: KafkaSettings) {
    this.#admin = admin
    this.#settings = settings
  }

  /** How many partitions a topic has. Creates it first if need be. */
  partitionsOf(topic: string): Effect.Effect<number, BrokerUnavailable> {
    const known = this.#partitions.get(topic)
    return known === undefined ? this.#find(topic) : Effect.succeed(known)
  }

  /** Looks again next time: the topic may have been deleted and created anew. */
  forget(topic: string): void {
    this.#partitions.delete(topic)
  }

  #find(topic: string): Effect.Effect<number, BrokerUnavailable> {
    return Effect.gen({ self: this }, function* () {
      const found = yield* this.#look(topic)
      const { partitionsCount } = found ?? (yield* this.#create(topic))
      this.#partitions.set(topic, partitionsCount)
      return partitionsCount
    })
  }

  /** `undefined` when there is no such topic, or when its partitions have no leaders yet. */
  #look(topic: string): Effect.Effect<ClusterTopicMetadata | undefined, BrokerUnavailable> {
    return ask(`looking at topic ${topic}`, async () => {
      const found = await this.#admin
        .metadata({ topics: [topic], forceUpdate: true, retries: 0 })
        .catch((error: Error) => (/unknown topic/i.test(error.message) ? undefined : Promise.reject(error)))
      const metadata = found?.topics.get(topic)
      return metadata?.partitions.every(({ leader }) => leader >= 0) ? metadata : undefined
    })
  }

  #create(topic: string): Effect.Effect<ClusterTopicMetadata, BrokerUnavailable> {
    const { createTopics = true, partitions = defaultPartitions, replication = asTheClusterSays } = this.#settings
    if (!createTopics) {
      return Effect.fail(unavailable(`using topic ${topic}`, "it does not exist, and createTopics is off: create it"))
    }
    const request = ask(`creating topic ${topic}`, () =>
      this.#admin.createTopics({ topics: [topic], partitions, replicas: replication }).then(
        () => undefined,
        // Somebody else was faster.
        (error) => (error.findBy?.("apiId", "TOPIC_ALREADY_EXISTS") ? undefined : Promise.reject(error))
      )
    )
    // The node that is asked may hear of the new topic a little later than the one that created it.
    const appeared = Effect.flatMap(this.#look(topic), (found) =>
      found === undefined
        ? Effect.fail(unavailable(`creating topic ${topic}`, "no leaders yet"))
        : Effect.succeed(found)
    ).pipe(Effect.retry({ times: 100, schedule: Schedule.spaced("50 millis") }))
    return Effect.andThen(request, appeared)
  }
}

export const make = (options: BaseOptions, settings: KafkaSettings): Effect.Effect<KafkaTopics, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Admin(options)),
      (admin) => closing(() => admin.close())
    ),
    (admin) => new KafkaTopics(admin, settings)
  )
