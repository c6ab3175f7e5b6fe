/**
 * The contract of `Broker` as a suite: whatever passes it may carry the services' messages.
 *
 * Scenarios use topics of their own, so that they also hold on a broker that others use.
 */
import { Broker, type Delivery } from "@daybook/core/Broker"
import type { Message } from "@daybook/core/Message"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import { uuidV4Unsafe } from "effect/crypto/SecureRandom"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Registered, register, type Section, scenario, scenarioWith } from "./Suite.ts"

/** What a broker gives to be tested. Scenarios whose option is missing are skipped, and say so. */
export interface BrokerSuiteOptions {
  readonly layer: () => Layer.Layer<Broker, unknown>
  /** Prepares a broker, and answers a layer that opens the same one each time that it is built. For durable brokers. */
  readonly reopen?: Effect.Effect<Layer.Layer<Broker, unknown>, unknown, Scope.Scope>
}

const freshTopic = Effect.sync(() => `topic-${uuidV4Unsafe()}`)

const message = (key: string, n: number, given: Partial<Message> = {}): Message => ({
  id: `${key}-${n}`,
  source: "/test",
  type: "Counted",
  schemaVersion: 1,
  key,
  occurredAtMillis: 1_700_000_000_000 + n,
  correlationId: null,
  causationId: null,
  actor: null,
  traceParent: null,
  tenant: null,
  commandId: null,
  replyTo: null,
  data: { n },
  ...given
})

/** Messages of some keys, numbered, the keys taking turns. */
const interleaved = (keys: number, each: number): ReadonlyArray<Message> =>
  Array.from({ length: keys * each }, (_, i) => message(`key-${i % keys}`, Math.floor(i / keys)))

/** A subscriber in the background that remembers what it was given. */
const listen = (topic: string, group: string, options: { readonly batchSize?: number } = {}) =>
  Effect.gen(function* () {
    const broker = yield* Broker
    const received: Array<Delivery> = []
    const batches: Array<ReadonlyArray<Delivery>> = []
    const fiber = yield* Effect.forkScoped(
      broker.subscribe({ topic, group, ...options }, (batch) =>
        Effect.sync(() => {
          batches.push(batch)
          received.push(...batch)
        })
      )
    )
    return { received, batches, fiber }
  })

/** Waits until something is so; a scenario that waits in vain is ended by the test's own time-out. */
const eventually = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep(5), eventually(condition))))

const idsOf = (deliveries: ReadonlyArray<Delivery>): ReadonlyArray<string> =>
  deliveries.map((delivery) => delivery.message!.id)

const assertOrderPerKey = (deliveries: ReadonlyArray<Delivery>) => {
  const last = new Map<string, number>()
  for (const { message: found } of deliveries) {
    const { n } = found!.data as { readonly n: number }
    assert.isTrue(n >= (last.get(found!.key) ?? 0), `${found!.id} came after a later message of its key`)
    last.set(found!.key, n)
  }
}

const delivering: Section<Broker> = {
  title: "delivering",
  scenarios: [
    scenario(
      "a group gets every message once, in order for each key",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        const messages = interleaved(7, 40)
        const group = yield* listen(topic, "readers")
        for (let i = 0; i < messages.length; i += 50) yield* broker.publish(topic, messages.slice(i, i + 50))
        yield* eventually(() => group.received.length >= messages.length)
        assert.deepStrictEqual([...idsOf(group.received)].sort(), messages.map(({ id }) => id).sort())
        assertOrderPerKey(group.received)
      })
    ),
    scenario(
      "every group gets every message",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        const [one, other] = [yield* listen(topic, "one"), yield* listen(topic, "other")]
        yield* broker.publish(topic, interleaved(3, 5))
        yield* eventually(() => one.received.length === 15 && other.received.length === 15)
        assert.deepStrictEqual([...idsOf(one.received)].sort(), [...idsOf(other.received)].sort())
      })
    ),
    scenario(
      "a group that comes late begins with the first message",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        yield* broker.publish(topic, interleaved(2, 10))
        const late = yield* listen(topic, "late")
        yield* eventually(() => late.received.length === 20)
        assertOrderPerKey(late.received)
      })
    ),
    scenario(
      "what is published to one topic does not appear on another",
      Effect.gen(function* () {
        const broker = yield* Broker
        const [topic, other] = [yield* freshTopic, yield* freshTopic]
        const group = yield* listen(topic, "readers")
        yield* broker.publish(other, [message("a", 1)])
        yield* broker.publish(topic, [message("b", 2)])
        yield* eventually(() => group.received.length > 0)
        assert.deepStrictEqual(idsOf(group.received), ["b-2"])
      })
    ),
    scenario(
      "a message arrives as it was sent",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        const full = message("ключ €", 1, {
          schemaVersion: 3,
          correlationId: "conversation",
          causationId: "cause",
          actor: "someone",
          traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          tenant: "shop-1",
          data: { text: 'quotes " and \\ and 漢字 and 🎉', nested: [{ deep: null }], number: 0.1 }
        })
        const group = yield* listen(topic, "readers")
        yield* broker.publish(topic, [full])
        yield* eventually(() => group.received.length === 1)
        assert.deepStrictEqual(group.received[0]!.message, full)
      })
    ),
    scenario(
      "a batch is of one partition, no larger than asked for, with growing offsets",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        yield* broker.publish(topic, interleaved(12, 10))
        const group = yield* listen(topic, "readers", { batchSize: 7 })
        yield* eventually(() => group.received.length === 120)
        for (const batch of group.batches) {
          assert.isTrue(batch.length >= 1 && batch.length <= 7)
          assert.strictEqual(new Set(batch.map((delivery) => delivery.partition)).size, 1)
        }
        const offsets = new Map<number, number>()
        for (const { partition, offset } of group.received) {
          assert.isTrue(offset > (offsets.get(partition) ?? Number.NEGATIVE_INFINITY))
          offsets.set(partition, offset)
        }
      })
    ),
    scenario(
      "publishing nothing is harmless",
      Effect.gen(function* () {
        const broker = yield* Broker
        yield* broker.publish(yield* freshTopic, [])
      })
    )
  ]
}

const failing: Section<Broker> = {
  title: "when a subscriber fails",
  scenarios: [
    scenario(
      "a failure ends the subscription, and the batch comes again to the next one",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        yield* broker.publish(topic, [message("a", 1), message("a", 2)])
        let first: ReadonlyArray<Delivery> = []
        const exit = yield* Effect.exit(
          broker.subscribe({ topic, group: "readers" }, (batch) => {
            first = batch
            return Effect.fail("no")
          })
        )
        assert.isTrue(Exit.isFailure(exit))
        const next = yield* listen(topic, "readers")
        yield* eventually(() => next.received.length >= first.length)
        assert.deepStrictEqual(idsOf(next.received).slice(0, first.length), idsOf(first))
      })
    ),
    scenario(
      "what was handled before is not delivered again after a failure",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        const before = yield* listen(topic, "readers")
        yield* broker.publish(topic, [message("a", 1)])
        yield* eventually(() => before.received.length === 1)
        // The subscriber may still be about to record that; one more message says that it has.
        yield* broker.publish(topic, [message("a", 2)])
        yield* eventually(() => before.received.length === 2)
        yield* Fiber.interrupt(before.fiber)
        yield* broker.publish(topic, [message("a", 3)])
        const after = yield* listen(topic, "readers")
        yield* eventually(() => idsOf(after.received).includes("a-3"))
        assert.notInclude(idsOf(after.received), "a-1")
      })
    ),
    scenario(
      "a subscriber that is interrupted at work loses nothing",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        yield* broker.publish(topic, [message("a", 1)])
        const started = yield* Deferred.make<void>()
        const stuck = yield* Effect.forkScoped(
          broker.subscribe({ topic, group: "readers" }, () =>
            Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
          )
        )
        yield* Deferred.await(started)
        yield* Fiber.interrupt(stuck)
        const next = yield* listen(topic, "readers")
        yield* eventually(() => next.received.length === 1)
      })
    ),
    scenario(
      "while a handler works, no more of its partition is delivered",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        const release = yield* Deferred.make<void>()
        let atWork = 0
        let most = 0
        const seen: Array<string> = []
        yield* Effect.forkScoped(
          broker.subscribe({ topic, group: "readers", batchSize: 1 }, (batch) =>
            Effect.gen(function* () {
              most = Math.max(most, ++atWork)
              seen.push(...idsOf(batch))
              yield* Deferred.await(release)
              atWork--
            })
          )
        )
        yield* broker.publish(topic, [message("a", 1), message("a", 2), message("a", 3)])
        yield* eventually(() => seen.length === 1)
        yield* broker.publish(topic, [message("a", 4)])
        yield* Deferred.succeed(release, undefined)
        yield* eventually(() => seen.length === 4)
        assert.strictEqual(most, 1)
        assert.deepStrictEqual(seen, ["a-1", "a-2", "a-3", "a-4"])
      })
    )
  ]
}

const limits: Section<Broker> = {
  title: "limits",
  scenarios: [
    scenario(
      "a message that is too large is refused, and with it the batch",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        const large = message("a", 2, { data: "€".repeat(broker.guarantees.maxMessageBytes / 3 + 1) })
        const error = yield* Effect.flip(broker.publish(topic, [message("a", 1), large]))
        assert.strictEqual(error._tag, "MessageTooLarge")
        yield* broker.publish(topic, [message("a", 3)])
        const group = yield* listen(topic, "readers")
        yield* eventually(() => group.received.length > 0)
        assert.deepStrictEqual(idsOf(group.received), ["a-3"])
      })
    ),
    scenario(
      "many publishers at once lose nothing and keep the order of their keys",
      Effect.gen(function* () {
        const broker = yield* Broker
        const topic = yield* freshTopic
        const group = yield* listen(topic, "readers")
        const publisher = (key: string) =>
          Effect.forEach(
            Array.from({ length: 20 }, (_, n) => message(key, n)),
            (one) => broker.publish(topic, [one])
          )
        yield* Effect.forEach(
          Array.from({ length: 10 }, (_, i) => `publisher-${i}`),
          publisher,
          {
            concurrency: "unbounded"
          }
        )
        yield* eventually(() => group.received.length === 200)
        assertOrderPerKey(group.received)
      })
    )
  ]
}

const reopened = (reopen: Effect.Effect<Layer.Layer<Broker, unknown>, unknown, Scope.Scope>) =>
  Effect.gen(function* () {
    const layer = yield* reopen
    const topic = yield* freshTopic
    const open = <A, E>(use: Effect.Effect<A, E, Broker | Scope.Scope>) =>
      Effect.scoped(
        Effect.flatMap(Layer.build(Layer.fresh(layer)), (context) =>
          Effect.provideService(use, Broker, Context.get(context, Broker))
        )
      )
    yield* open(Effect.flatMap(Broker, (broker) => broker.publish(topic, [message("a", 1), message("a", 2)])))
    const received = yield* open(
      Effect.gen(function* () {
        const group = yield* listen(topic, "readers")
        yield* eventually(() => group.received.length === 2)
        return idsOf(group.received)
      })
    )
    assert.deepStrictEqual(received, ["a-1", "a-2"])
  })

const keeping = ({ reopen }: BrokerSuiteOptions): Section<Broker> => ({
  title: "keeping",
  scenarios: [scenarioWith("reopen", reopen, "published messages survive closing and opening again", reopened)]
})

/** Registers the suite with vitest as `Broker conformance: <name>`. */
export const brokerSuite = (name: string, options: BrokerSuiteOptions): Registered =>
  register(`Broker conformance: ${name}`, options.layer(), [delivering, failing, limits, keeping(options)])
