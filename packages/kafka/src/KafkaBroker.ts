/**
 * The broker on Apache Kafka, version 3.5 or later: for services in processes of their own, and for other programs, which find
 * CloudEvents in structured JSON on ordinary topics.
 *
 * A message's key is Kafka's key, and its partition is `Partition.ofId`, as everywhere in Daybook. A topic's number of
 * partitions must therefore not change while it is in use.
 */
import { Broker } from "@daybook/core/Broker"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { clientOptions } from "./KafkaClient.ts"
import * as KafkaPublisher from "./KafkaPublisher.ts"
import { fromEnvironment, type KafkaSettings } from "./KafkaSettings.ts"
import * as KafkaSubscriber from "./KafkaSubscriber.ts"
import * as KafkaTopics from "./KafkaTopics.ts"

const defaultSessionTimeoutMillis = 30_000

/** A broker on a cluster. The cluster is first spoken to when something is published or subscribed to. */
const make = (settings: KafkaSettings): Effect.Effect<Broker["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const { maxMessageBytes = KafkaPublisher.defaultMaxMessageBytes } = settings
    const { sessionTimeoutMillis = defaultSessionTimeoutMillis } = settings
    const options = yield* clientOptions(settings)
    const topics = yield* KafkaTopics.make(options, settings)
    const publisher = yield* KafkaPublisher.make(options, topics, settings)
    return {
      guarantees: { durable: true, failover: true, maxMessageBytes },
      publish: (topic, messages) => publisher.publish(topic, messages),
      subscribe: (subscription, handler) =>
        Effect.andThen(
          topics.partitionsOf(subscription.topic),
          KafkaSubscriber.subscribe(options, subscription, handler, sessionTimeoutMillis)
        )
    }
  })

/** The broker on the cluster of these settings. */
export const layer = (settings: KafkaSettings): Layer.Layer<Broker> => Layer.effect(Broker, make(settings))

/** The broker on the cluster that the environment names: `KAFKA_BROKERS` and its fellows. */
export const layerConfig: Layer.Layer<Broker, Config.ConfigError> = Layer.unwrap(Effect.map(fromEnvironment, layer))
