/**
 * The broker on a real Kafka.
 */
import * as KafkaBroker from "@daybook/kafka/KafkaBroker"
import { brokerSuite } from "@daybook/testkit/BrokerSuite"
import * as Effect from "effect/Effect"

brokerSuite("Kafka", { layer: () => KafkaBroker.layerConfig, reopen: Effect.succeed(KafkaBroker.layerConfig) })
