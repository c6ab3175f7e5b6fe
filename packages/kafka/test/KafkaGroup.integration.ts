/**
 * What subscribers of one group rely on when others come, go, are slow, or find what they cannot read.
 */
import { Broker, type Delivery } from "@daybook/core/Broker"
import * as KafkaBroker from "@daybook/kafka/KafkaBroker"
import { assert, layer } from "@effect/vitest"
import { Producer } from "@platformatic/kafka"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { assertFirstsInOrder, eventually, freshTopic, idsOf, listen, message } from "./Messages.ts"

const brokers = (process.env.KAFKA_BROKERS ?? "").split(",")

/** Seldom heartbeats would make each rebalance wait. */
const kafka = KafkaBroker.layer({ brokers, sessionTimeoutMillis: 6_000 })

const keys = Array.from({ length: 24 }, (_, i) => `key-${i}`)

const round = (n: number) => keys.map((key) => message(key, n))

const partitionsOf = (deliveries: ReadonlyArray<Delivery>) => new Set(deliveries.map(({ partition }) => partition))

layer(kafka, { excludeTestServices: true })("a Kafka group", (it) => {
  it.effect.each([
    { mixed: false, batchSize: 5, batches: "of one partition" },
    { mixed: true, batchSize: 20, batches: "of several partitions" }
  ])(
    "shares its partitions with a subscriber that joins, and keeps the order of each key, in batches $batches",
    ({ mixed, batchSize }) =>
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = freshTopic()
        const together: Array<Delivery> = []
        const atWork = new Set<number>()
        const twice = new Set<number>()
        let severalAtOnce = false
        const handle = (batch: ReadonlyArray<Delivery>) =>
          Effect.gen(function* () {
            const partitions = partitionsOf(batch)
            for (const partition of partitions.intersection(atWork)) twice.add(partition)
            for (const partition of partitions) atWork.add(partition)
            if (partitions.size > 1) severalAtOnce = true
            yield* Effect.sleep(20)
            together.push(...batch)
          }).pipe(
            Effect.ensuring(
              Effect.sync(() => partitionsOf(batch).forEach((partition) => void atWork.delete(partition)))
            )
          )
        const subscription = { topic, group: "readers", batchSize, mixed }
        const one = yield* listen(subscription, handle)
        for (let n = 0; n < 10; n++) yield* broker.publish(topic, round(n))
        yield* eventually(() => one.received.length > 0)
        const other = yield* listen(subscription, handle)
        let n = 10
        while (partitionsOf(other.received).size < 4) {
          yield* broker.publish(topic, round(n++))
          yield* Effect.sleep(50)
        }
        const first = yield* Fiber.interrupt(one.fiber).pipe(Effect.as(one.received.length))
        for (let more = 0; more < 10; more++) yield* broker.publish(topic, round(n++))
        const all = n * keys.length
        yield* eventually(() => new Set(idsOf(together)).size === all)
        assertFirstsInOrder(together)
        assert.deepStrictEqual([...twice], [], "partitions with two readers at a time")
        assert.strictEqual(one.received.length, first)
        assert.strictEqual(severalAtOnce, mixed)
        // A joining member takes over what has been committed, so that hardly anything comes twice: only what was being
        // handled when the first subscriber was interrupted.
        assert.isAtMost(together.length - all, 8 * 5)
      })
  )

  it.effect("does not let a slow partition hold up the others", () =>
    Effect.gen(function* () {
      const broker = yield* Broker
      const topic = freshTopic()
      const release = yield* Deferred.make<void>()
      const slow = keys[0]!
      const group = yield* listen({ topic, group: "readers", batchSize: 1 }, ([delivery]) =>
        delivery!.message!.key === slow ? Deferred.await(release) : Effect.void
      )
      for (let n = 0; n < 5; n++) yield* broker.publish(topic, round(n))
      const held = () => group.received.find((delivery) => delivery.message!.key === slow)!.partition
      const elsewhere = () => group.received.filter(({ partition }) => partition !== held())
      yield* eventually(
        () => idsOf(group.received).includes(`${slow}-0`) && new Set(elsewhere().map((d) => d.partition)).size === 7
      )
      const soFar = group.received.filter(({ partition }) => partition === held()).length
      yield* broker.publish(topic, round(5))
      yield* eventually(() => elsewhere().some((delivery) => delivery.message!.id.endsWith("-5")))
      assert.strictEqual(group.received.filter(({ partition }) => partition === held()).length, soFar)
      yield* Deferred.succeed(release, undefined)
      yield* eventually(() => group.received.length === 6 * keys.length)
      assertFirstsInOrder(group.received)
    })
  )

  it.effect("delivers what other programs put there, whether it can be read or not", () =>
    Effect.gen(function* () {
      const broker = yield* Broker
      const topic = freshTopic()
      yield* broker.publish(topic, [message("a", 0)])
      const others = new Producer({ clientId: "others", bootstrapBrokers: brokers })
      const foreign = [Buffer.from("no JSON at all"), Buffer.from([0xff, 0xfe]), Buffer.from('{"specversion":"2.0"}')]
      yield* Effect.promise(() => others.send({ messages: foreign.map((value) => ({ topic, partition: 0, value })) }))
      yield* Effect.promise(() => others.close())
      const group = yield* listen({ topic, group: "readers" })
      yield* eventually(() => group.received.length === 4)
      const unread = group.received.filter((delivery) => delivery.message === undefined)
      assert.deepStrictEqual(
        unread.map(({ text }) => text),
        ["no JSON at all", "\ufffd\ufffd", '{"specversion":"2.0"}']
      )
    })
  )

  it.effect("delivers more than fits into one request in order", () =>
    Effect.gen(function* () {
      const broker = yield* Broker
      const topic = freshTopic()
      // More than one request and one batch of Kafka's.
      const many = Array.from({ length: 5_000 }, (_, n) => message("a", n))
      yield* broker.publish(topic, many)
      const group = yield* listen({ topic, group: "readers", batchSize: 1_000 })
      yield* eventually(() => group.received.length === many.length)
      assert.deepStrictEqual(
        idsOf(group.received),
        many.map(({ id }) => id)
      )
    })
  )
})

layer(KafkaBroker.layer({ brokers, createTopics: false }), { excludeTestServices: true })("a Kafka client", (it) => {
  it.effect("that may not create topics says which one is missing", () =>
    Effect.gen(function* () {
      const broker = yield* Broker
      const topic = freshTopic()
      const error = yield* Effect.flip(broker.publish(topic, [message("a", 0)]))
      assert.strictEqual(error._tag, "BrokerUnavailable")
      assert.include(error.detail, topic)
      assert.include(error.detail, "createTopics")
    })
  )
})

layer(KafkaBroker.layer({ brokers: ["127.0.0.1:1"] }), { excludeTestServices: true })(
  "a Kafka that is not there",
  (it) => {
    it.effect("is unavailable, within seconds, to publishers and subscribers", () =>
      Effect.gen(function* () {
        const broker = yield* Broker
        const publishing = yield* Effect.flip(broker.publish("t", [message("a", 0)]))
        const subscribing = yield* Effect.flip(broker.subscribe({ topic: "t", group: "g" }, () => Effect.void))
        for (const error of [publishing, subscribing]) {
          assert.strictEqual(error._tag, "BrokerUnavailable")
          assert.include(error.message + error.detail, "127.0.0.1:1")
        }
      })
    )
  }
)
