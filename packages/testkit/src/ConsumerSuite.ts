/**
 * What consumers rely on, as a suite over a broker and an inbox: each effect once, order per key, failures set aside, dead
 * letters that can be corrected and replayed.
 *
 * Scenarios use topics and consumers of their own, and the witness of the adapter's store to see what was committed.
 */
import { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import { Inbox, type NewHeld } from "@daybook/core/Inbox"
import { toCloudEvent } from "@daybook/core/Message"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { consume, eventually, freshConversation, heldOf, patient, type Run, soon } from "./internal/ConsumerFixture.ts"
import { poison } from "./internal/PoisonMessages.ts"
import { type Registered, register, type Section, scenario, scenarioWith } from "./Suite.ts"
import type { Witness } from "./Witness.ts"

/** What is given to be tested. `R` is what the witness needs. */
export interface ConsumerSuiteOptions<R> {
  readonly layer: () => Layer.Layer<Broker | Inbox | R, unknown>
  /** A place in the store that handlers write to. */
  readonly witness: Witness<R>
  /** Given where what the witness writes is undone with the transaction. */
  readonly rollback?: true
}

const receiving = <R>(run: Run<R>): Section<Broker | Inbox | R> => ({
  title: `${run.effects}: receiving`,
  scenarios: [
    scenario(
      "every message has its effect, and one that comes twice has it once",
      Effect.gen(function* () {
        const broker = yield* Broker
        const conversation = yield* freshConversation
        const { contract, message } = conversation
        const { handled } = yield* consume(conversation, run)
        const [one, two, three] = [message("a", 1), message("b", 1), message("a", 2)]
        yield* broker.publish(contract.topic, [one, two, one])
        yield* broker.publish(contract.topic, [one, three, two])
        yield* soon(() => handled.includes(three.id) && handled.includes(two.id))
        yield* broker.publish(contract.topic, [one, message("a", 3), message("b", 2)])
        yield* soon(() => handled.length >= 5)
        // The witness refuses the same note twice, so that a second effect would have failed.
        assert.strictEqual(new Set(handled).size, handled.length)
        for (const { id } of [one, two, three]) yield* eventually(run.witness.has(id))
      })
    ),
    scenario(
      "a message that is ignored counts as received",
      Effect.gen(function* () {
        const broker = yield* Broker
        const conversation = yield* freshConversation
        const { contract, message, name } = conversation
        const { handled } = yield* consume(conversation, run)
        yield* broker.publish(contract.topic, [message("a", 1, { type: "Skipped", data: {} }), message("a", 2)])
        yield* soon(() => handled.length === 1)
        assert.deepStrictEqual(yield* heldOf(name, ["dead", "retrying", "waiting"]), [])
      })
    ),
    scenario(
      "a consumer that is stopped at work and started again has done everything once",
      Effect.gen(function* () {
        const broker = yield* Broker
        const conversation = yield* freshConversation
        const { contract, message } = conversation
        const first = yield* consume(conversation, run, ({ n }) => (n === 3 ? Effect.never : Effect.void))
        yield* broker.publish(contract.topic, [message("a", 1), message("a", 2)])
        yield* soon(() => first.handled.length >= 2)
        yield* broker.publish(contract.topic, [message("a", 3), message("a", 4)])
        yield* Effect.sleep(30)
        yield* Fiber.interrupt(first.fiber)
        const second = yield* consume(conversation, run)
        yield* soon(() => second.handled.includes(message("a", 4).id))
        // What has been handled is seen once it is committed.
        for (const n of [1, 2, 3, 4]) yield* eventually(run.witness.has(message("a", n).id))
      })
    )
  ]
})

const failing = <R>(run: Run<R>): Section<Broker | Inbox | R> => ({
  title: `${run.effects}: when a message fails`,
  scenarios: [
    scenario(
      "it is tried again, later ones of its key wait, and other keys go on",
      Effect.gen(function* () {
        const broker = yield* Broker
        const conversation = yield* freshConversation
        const { contract, message } = conversation
        let broken = true
        const ill = message("a", 1)
        const { handled } = yield* consume(conversation, run, (_, { id }) =>
          broken && id === ill.id ? Effect.fail("not yet") : Effect.void
        )
        yield* broker.publish(contract.topic, [ill, message("b", 1), message("a", 2), message("b", 2)])
        yield* soon(() => handled.filter((id) => id.includes("-b-")).length === 2)
        assert.isFalse(handled.some((id) => id.includes("-a-")))
        broken = false
        yield* soon(() => handled.length === 4)
        assert.deepStrictEqual(
          handled.filter((id) => id.includes("-a-")),
          [ill.id, message("a", 2).id]
        )
      })
    )
  ]
})

const undoing = <R>({ witness, rollback }: ConsumerSuiteOptions<R>): Section<Broker | Inbox | R> => ({
  title: "transactional: undoing",
  scenarios: [
    scenarioWith("rollback", rollback, "what a failed attempt has written is undone", () =>
      Effect.gen(function* () {
        const broker = yield* Broker
        const { contract, message, name } = yield* freshConversation
        const source = Consumer.on(contract, {
          Counted: (_, { id }) => Effect.andThen(witness.write(id), Effect.fail("after writing")),
          Skipped: Consumer.ignored
        })
        yield* Effect.forkScoped(Consumer.run(name, [source], patient))
        yield* broker.publish(contract.topic, [message("a", 1)])
        yield* eventually(Effect.map(heldOf(name, ["dead"]), (held) => held.length === 1))
        assert.isFalse(yield* witness.has(message("a", 1).id))
      })
    )
  ]
})

const givingUp = <R>(run: Run<R>): Section<Broker | Inbox | R> => ({
  title: `${run.effects}: when a message fails for good`,
  scenarios: [
    scenario(
      "after the last attempt it is a dead letter that says why, and its key waits",
      Effect.gen(function* () {
        const broker = yield* Broker
        const conversation = yield* freshConversation
        const { contract, message, name } = conversation
        const { handled } = yield* consume(conversation, run, ({ n }) =>
          n === 1 ? Effect.fail(new Error("no such customer")) : Effect.void
        )
        yield* broker.publish(contract.topic, [message("a", 1), message("a", 2), message("b", 2)])
        yield* eventually(Effect.map(heldOf(name, ["dead"]), (held) => held.length === 1))
        const [dead] = yield* heldOf(name, ["dead"])
        assert.strictEqual(dead!.messageId, message("a", 1).id)
        assert.strictEqual(dead!.attempts, patient.attempts)
        assert.include(dead!.error, "no such customer")
        yield* eventually(Effect.map(heldOf(name, ["waiting"]), (held) => held.length === 1))
        yield* soon(() => handled.length === 1)
      })
    ),
    scenario(
      "what cannot be read is a dead letter at once: unknown type, later version, wrong shape",
      Effect.gen(function* () {
        const broker = yield* Broker
        const conversation = yield* freshConversation
        const { contract, message, name } = conversation
        const { handled } = yield* consume(conversation, run)
        yield* broker.publish(contract.topic, [
          message("a", 1, { type: "Unheard" }),
          message("b", 1, { schemaVersion: 2 }),
          message("c", 1, { data: { n: "one" } }),
          message("d", 1)
        ])
        yield* eventually(Effect.map(heldOf(name, ["dead"]), (held) => held.length === 3))
        for (const dead of yield* heldOf(name, ["dead"])) assert.strictEqual(dead.attempts, 1)
        yield* soon(() => handled.length === 1)
      })
    )
  ]
})

const operating = <R>(run: Run<R>): Section<Broker | Inbox | R> => ({
  title: `${run.effects}: dead letters`,
  scenarios: [
    scenario(
      "corrected and replayed, a dead letter has its effect, and then those behind it, in order",
      Effect.gen(function* () {
        const broker = yield* Broker
        const inbox = yield* Inbox
        const conversation = yield* freshConversation
        const { contract, message, name } = conversation
        const { handled } = yield* consume(conversation, run, ({ fail }) =>
          fail === null ? Effect.void : Effect.fail(new Error(fail))
        )
        const wrong = message("a", 1, { data: { n: 1, fail: "wrong" } })
        yield* broker.publish(contract.topic, [wrong, message("a", 2), message("a", 3)])
        yield* eventually(Effect.map(heldOf(name, ["dead"]), (held) => held.length === 1))
        yield* eventually(Effect.map(heldOf(name, ["waiting"]), (held) => held.length === 2))
        const [dead] = yield* heldOf(name, ["dead"])
        const corrected = toCloudEvent({ ...wrong, data: { n: 1, fail: null } })
        yield* inbox.change(dead!.number, { text: corrected, state: "retrying", attempts: 0, nextAttemptAtMillis: 0 })
        yield* soon(() => handled.length === 3)
        assert.deepStrictEqual(handled, [wrong.id, message("a", 2).id, message("a", 3).id])
        yield* eventually(Effect.map(heldOf(name, ["dead", "retrying", "waiting"]), (held) => held.length === 0))
      })
    ),
    scenario(
      "discarded, it lets those behind it through",
      Effect.gen(function* () {
        const broker = yield* Broker
        const inbox = yield* Inbox
        const conversation = yield* freshConversation
        const { contract, message, name } = conversation
        const { handled } = yield* consume(conversation, run)
        yield* broker.publish(contract.topic, [message("a", 1, { type: "Unheard" }), message("a", 2)])
        yield* eventually(Effect.map(heldOf(name, ["dead", "waiting"]), (held) => held.length === 2))
        const [dead] = yield* heldOf(name, ["dead"])
        assert.isTrue(Option.isSome(yield* inbox.get(dead!.number)))
        yield* inbox.remove(dead!.number)
        yield* soon(() => handled.length === 1)
        yield* eventually(Effect.map(inbox.first(name, message("a", 1).key), Option.isNone))
      })
    )
  ]
})

/** What the inbox answers, whoever runs consumers. */
const inboxes: Section<Inbox> = {
  title: "the inbox",
  scenarios: [
    scenario(
      "it is known how many wait behind one, of its key and its consumer alone",
      Effect.gen(function* () {
        const inbox = yield* Inbox
        const { name } = yield* freshConversation
        const held = (key: string): NewHeld => ({
          topic: "topic",
          key: `${name}/${key}`,
          messageId: "id",
          text: "",
          state: "dead",
          attempts: 1,
          nextAttemptAtMillis: 0,
          error: "",
          heldAtMillis: 0
        })
        yield* inbox.setAside(name, [held("a"), held("b"), held("a"), held("a")])
        yield* inbox.setAside(`${name}-other`, [held("a")])
        const all = yield* inbox.list({ consumer: name, limit: 10 })
        assert.deepStrictEqual(yield* Effect.forEach(all, inbox.behind), [2, 0, 1, 0])
      })
    ),
    scenario(
      "received ids are forgotten when they are old enough, not before",
      Effect.gen(function* () {
        const inbox = yield* Inbox
        const { name } = yield* freshConversation
        yield* inbox.record(name, ["one", "two"])
        yield* inbox.forget(0)
        const { received } = yield* inbox.lookUp(name, { ids: ["one", "two", "three"], keys: [] })
        assert.deepStrictEqual([...received].sort(), ["one", "two"])
      })
    )
  ]
}

/** Registers the suite with vitest as `Consumer conformance: <name>`. */
export const consumerSuite = <R>(name: string, options: ConsumerSuiteOptions<R>): Registered =>
  register(`Consumer conformance: ${name}`, options.layer(), [
    ...(["transactional", "idempotent"] as const).flatMap((effects) => {
      const run = { witness: options.witness, effects }
      return [receiving(run), failing(run), givingUp(run), poison(run), operating(run)]
    }),
    undoing(options),
    inboxes
  ])
