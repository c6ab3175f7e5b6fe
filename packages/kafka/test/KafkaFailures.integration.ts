/**
 * What is left after a cluster died in the middle of the work: everything that it had acknowledged.
 */
import { Broker } from "@daybook/core/Broker"
import { startKafka } from "@daybook/infra/Kafka"
import * as KafkaBroker from "@daybook/kafka/KafkaBroker"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { assertFirstsInOrder, eventually, freshTopic, idsOf, listen, message, persistent } from "./Messages.ts"

const server = Effect.acquireRelease(
  Effect.promise(() => startKafka()),
  (kafka) => Effect.promise(kafka.stop)
)

const keys = ["a", "b", "c", "d", "e"]

it.live("a Kafka that is killed while messages are published and handled loses none, and keeps their order", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const kafka = yield* server
      const context = yield* Layer.build(KafkaBroker.layer({ brokers: [kafka.brokers] }))
      const topic = freshTopic()
      const subscriber = yield* Effect.provideContext(
        listen({ topic, group: "readers", batchSize: 3 }, () => Effect.sleep(1)),
        context
      )
      let going = true
      const acknowledged: Array<string> = []
      const publish = (key: string) =>
        Effect.gen(function* () {
          for (let n = 0; going; n++) {
            const one = message(key, n)
            yield* persistent(Context.get(context, Broker).publish(topic, [one]))
            acknowledged.push(one.id)
          }
        })
      const publishers = yield* Effect.forkScoped(Effect.forEach(keys, publish, { concurrency: "unbounded" }))
      yield* eventually(() => subscriber.received.length > 200)
      yield* Effect.promise(kafka.crash)
      yield* Effect.promise(kafka.recover)
      const before = acknowledged.length
      yield* eventually(() => acknowledged.length > before + 200)
      going = false
      yield* Fiber.join(publishers)
      yield* eventually(() => new Set(idsOf(subscriber.received)).size >= acknowledged.length)
      assert.deepStrictEqual(new Set(idsOf(subscriber.received)), new Set(acknowledged))
      assertFirstsInOrder(subscriber.received)
    })
  )
)
