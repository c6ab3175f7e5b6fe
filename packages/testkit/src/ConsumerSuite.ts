/**
 * What consumers rely on, as a suite over a broker and an inbox: each effect once, order per key, failures set aside, dead
 * letters that can be corrected and replayed.
 *
 * Scenarios use topics and consumers of their own, and the witness of the adapter's store to see what was committed.
 */
import { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import * as Contract from "@daybook/core/Contract"
import { type Held, Inbox } from "@daybook/core/Inbox"
import { type Message, toCloudEvent } from "@daybook/core/Message"
import { assert } from "@effect/vitest"
import { uuidV4Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
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

/** How consumers are run in the scenarios. */
type Effects = NonNullable<Consumer.Options["effects"]>

interface Counted {
  readonly n: number
  readonly fail: string | null
}

/** A contract on a topic of its own, and messages on it. */
const freshConversation = Effect.sync(() => {
  const run = uuidV4Unsafe()
  const contract = Contract.define(`counts-${run}`, {
    Counted: { n: Schema.Int, fail: Schema.NullOr(Schema.String) },
    Skipped: {}
  })
  const message = (key: string, n: number, given: Partial<Message> = {}): Message => ({
    id: `${run}-${key}-${n}`,
    source: "/test",
    type: "Counted",
    schemaVersion: 1,
    key: `${run}-${key}`,
    occurredAtMillis: 0,
    correlationId: null,
    causationId: null,
    actor: null,
    traceParent: null,
    tenant: null,
    commandId: null,
    replyTo: null,
    data: { n, fail: null },
    ...given
  })
  return { contract, message, name: `consumer-${run}` }
})

type Conversation = Effect.Success<typeof freshConversation>

const patient: Consumer.Options = { attempts: 4, firstBackoffMillis: 5, maxBackoffMillis: 20, pollMillis: 5 }

/** A witness, and how consumers are run. */
interface Run<R> {
  readonly witness: Witness<R>
  readonly effects: Effects
}

/** Starts a consumer that writes a note for each message, and does to it what `intercept` says first. */
const consume = <R>(
  { contract, name }: Conversation,
  { witness, effects }: Run<R>,
  intercept: (body: Counted, message: Message) => Effect.Effect<void, unknown> = () => Effect.void
) =>
  Effect.gen(function* () {
    const handled: Array<string> = []
    const source = Consumer.on(contract, {
      Counted: (body, message) =>
        Effect.gen(function* () {
          yield* intercept(body, message)
          // Idempotent, where the message may come again.
          if (effects === "transactional" || !(yield* witness.has(message.id))) yield* witness.write(message.id)
          handled.push(message.id)
        }),
      Skipped: Consumer.ignored
    })
    const fiber = yield* Effect.forkScoped(Consumer.run(name, [source], { ...patient, effects }))
    return { handled, fiber }
  })

const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (met) => (met ? Effect.void : Effect.andThen(Effect.sleep(5), eventually(condition))))

const soon = (condition: () => boolean) => eventually(Effect.sync(condition))

const heldOf = (name: string, states: ReadonlyArray<Held["state"]>) =>
  Effect.flatMap(Inbox, (inbox) =>
    Effect.map(inbox.list({ consumer: name, limit: 100 }), (held) => held.filter(({ state }) => states.includes(state)))
  )

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
        for (const { id } of [one, two, three]) assert.isTrue(yield* run.witness.has(id))
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
        for (const n of [1, 2, 3, 4]) assert.isTrue(yield* run.witness.has(message("a", n).id))
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
    ),
    scenario(
      "received ids are forgotten when they are old enough, not before",
      Effect.gen(function* () {
        const inbox = yield* Inbox
        const { name } = yield* freshConversation
        yield* inbox.record(name, ["one", "two"])
        yield* inbox.forget(0)
        assert.deepStrictEqual([...(yield* inbox.fresh(name, ["one", "two", "three"]))], ["three"])
      })
    )
  ]
})

/** Registers the suite with vitest as `Consumer conformance: <name>`. */
export const consumerSuite = <R>(name: string, options: ConsumerSuiteOptions<R>): Registered =>
  register(`Consumer conformance: ${name}`, options.layer(), [
    ...(["transactional", "idempotent"] as const).flatMap((effects) => {
      const run = { witness: options.witness, effects }
      return [receiving(run), failing(run), givingUp(run), operating(run)]
    }),
    undoing(options)
  ])
