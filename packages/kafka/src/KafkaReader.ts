/**
 * Reads a topic's partitions from the nodes that lead them. Used by `KafkaSubscriber`.
 *
 * It has connections of its own: a node answers one request of a connection after the other, and one that waits for messages
 * would hold up the group's heartbeats and commits.
 */
import type { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import { type BaseOptions, type ClusterTopicMetadata, Consumer, ListOffsetTimestamps } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { ask, closing } from "./KafkaClient.ts"

/** What is read of a partition at once, at most, and so kept in memory of each partition. */
const maxPartitionBytes = 1_048_576
const maxResponseBytes = 8 * maxPartitionBytes

/** A bit of a batch's attributes: it holds marks of transactions, not messages. */
const controlBatch = 1 << 5

type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>

/** A message as Kafka keeps it. */
export interface KafkaRow {
  readonly offset: bigint
  readonly value: Buffer | null
}

/** From where to read a partition. */
export interface Wanted {
  readonly partition: number
  readonly position: bigint
}

/** What was read of a partition, and from where to read on. */
export interface Read {
  readonly partition: number
  readonly rows: ReadonlyArray<KafkaRow>
  readonly next: bigint
}

export class KafkaReader {
  readonly #client: Consumer
  readonly #topic: string

  constructor(client: Consumer, topic: string) {
    this.#client = client
    this.#topic = topic
  }

  /** The first position of each partition that still has its message. */
  get beginnings(): Effect.Effect<ReadonlyArray<bigint>, BrokerUnavailable> {
    const topics = [this.#topic]
    return Effect.map(
      ask(`looking for the first message of ${this.#topic}`, () =>
        this.#client.listOffsets({ topics, timestamp: ListOffsetTimestamps.EARLIEST })
      ),
      (offsets) => offsets.get(this.#topic) ?? []
    )
  }

  /** Reads what there is, and waits a while if there is nothing. Answers only partitions that something was read of. */
  read(wanted: ReadonlyArray<Wanted>, maxWaitMillis: number): Effect.Effect<ReadonlyArray<Read>, BrokerUnavailable> {
    return ask(`reading ${this.#topic}`, async () => {
      const topic = (await this.#client.metadata({ topics: [this.#topic] })).topics.get(this.#topic)!
      const byNode = Map.groupBy(wanted, ({ partition }) => topic.partitions[partition]!.leader)
      const responses = await Promise.all(
        [...byNode].map(([node, some]) => this.#fetch(node, topic, some, maxWaitMillis))
      )
      return responses.flatMap((response) => readOf(response, wanted))
    })
  }

  #fetch(node: number, { id }: ClusterTopicMetadata, wanted: ReadonlyArray<Wanted>, maxWaitTime: number) {
    const partitions = wanted.map(({ partition, position }) => ({
      partition,
      fetchOffset: position,
      partitionMaxBytes: maxPartitionBytes,
      // Unknown: the client need not prove that it has seen the newest leader.
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1
    }))
    const topics = [{ topicId: id, partitions }]
    return this.#client.fetch({ node, topics, maxWaitTime, minBytes: 1, maxBytes: maxResponseBytes })
  }
}

const readOf = (response: FetchResponse, wanted: ReadonlyArray<Wanted>): ReadonlyArray<Read> =>
  response.responses
    .flatMap(({ partitions }) => partitions)
    .flatMap(({ partitionIndex: partition, records }) => {
      const from = wanted.find((one) => one.partition === partition)?.position
      const last = records?.at(-1)
      if (from === undefined || last === undefined) return []
      const rows = records!
        .filter((batch) => (batch.attributes & controlBatch) === 0)
        .flatMap((batch) =>
          batch.records.map(({ offsetDelta, value }) => ({ offset: batch.firstOffset + BigInt(offsetDelta), value }))
        )
        // Kafka answers whole batches, also when the position is within one.
        .filter(({ offset }) => offset >= from)
      return [{ partition, rows, next: last.firstOffset + BigInt(last.lastOffsetDelta) + 1n }]
    })

export const make = (
  options: BaseOptions,
  groupId: string,
  topic: string
): Effect.Effect<KafkaReader, never, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* Effect.acquireRelease(
      // Named after the group for the cluster's logs. It never joins it.
      Effect.sync(() => new Consumer({ ...options, groupId })),
      (consumer) => closing(() => consumer.close(true))
    )
    client.topics.track(topic)
    return new KafkaReader(client, topic)
  })
