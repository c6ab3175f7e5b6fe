/**
 * Scenarios about messages that no consumer can do anything with, and about handlers that come to grief: each is set aside by itself
 * and holds up no other.
 */
import { Broker } from "@daybook/core/Broker"
import { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import { Inbox } from "@daybook/core/Inbox"
import { fromCloudEvent, toCloudEvent } from "@daybook/core/Message"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Section, scenario } from "../Suite.ts"
import { consume, eventually, freshConversation, heldOf, patient, type Run, soon } from "./ConsumerFixture.ts"

/** The broker in context, but that it delivers these texts, in one batch and as often as told, and nothing else. */
const delivering = (topic: string, texts: ReadonlyArray<string>, times = 1) =>
  Effect.map(Broker, (broker): Broker["Service"] => ({
    ...broker,
    subscribe: (_, handler) => {
      const batch = texts.map((text, i) => ({
        topic,
        partition: 0,
        offset: i + 1,
        text,
        message: Option.getOrUndefined(fromCloudEvent(text))
      }))
      return Effect.andThen(Effect.repeat(handler(batch), { times: times - 1 }), Effect.never)
    }
  }))

const replaced = (text: string, attributes: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ ...JSON.parse(text), ...attributes })

/** Texts that are no message, or none that a store could look up. `text` is that of a message. */
const unreadable = (text: string): ReadonlyArray<string> => [
  "",
  "{",
  "\u0000\u0001\ufffd",
  "null",
  "[1]",
  "x".repeat(900_000),
  replaced(text, { specversion: "0.3" }),
  replaced(text, { partitionkey: "a\u0000b" }),
  replaced(text, { partitionkey: "\ud83d" }),
  replaced(text, { id: "i".repeat(100_000) })
]

const unreadableBytes = <R>(run: Run<R>) =>
  scenario(
    "bytes that are no message are dead letters, known by their place and once, and the rest of the batch goes on",
    Effect.gen(function* () {
      const conversation = yield* freshConversation
      const { contract, message, name } = conversation
      const [before, after] = [message("a", 1), message("a", 2)]
      const wrong = unreadable(toCloudEvent(message("b", 1)))
      const texts = [toCloudEvent(before), ...wrong, toCloudEvent(after)]
      const broker = yield* delivering(contract.topic, texts, 2)
      const { handled } = yield* Effect.provideService(consume(conversation, run), Broker, broker)
      yield* soon(() => handled.includes(after.id))
      // What was undone with the batch is handled again.
      assert.deepStrictEqual([...new Set(handled)], [before.id, after.id])
      yield* eventually(Effect.map(heldOf(name, ["dead"]), (dead) => dead.length >= wrong.length))
      const dead = yield* heldOf(name, ["dead", "retrying", "waiting"])
      const places = wrong.map((_, i) => `${contract.topic}/0/${i + 2}`)
      assert.deepStrictEqual(dead.map(({ messageId }) => messageId).toSorted(), places.toSorted())
      for (const { state, attempts, error } of dead) {
        assert.deepStrictEqual({ state, attempts }, { state: "dead", attempts: 1 })
        assert.include(error, "No CloudEvent of ours")
      }
    })
  )

const replacedBytes = <R>(run: Run<R>) =>
  scenario(
    "bytes that were no message have the effect of the message that an operator puts in their place",
    Effect.gen(function* () {
      const inbox = yield* Inbox
      const conversation = yield* freshConversation
      const { contract, message, name } = conversation
      const broker = yield* delivering(contract.topic, ["{"])
      const { handled } = yield* Effect.provideService(consume(conversation, run), Broker, broker)
      yield* eventually(Effect.map(heldOf(name, ["dead"]), (dead) => dead.length === 1))
      const [dead] = yield* heldOf(name, ["dead"])
      assert.strictEqual(dead!.text, "{")
      const text = toCloudEvent(message("a", 1))
      yield* inbox.change(dead!.number, { text, state: "retrying", attempts: 0, nextAttemptAtMillis: 0 })
      yield* soon(() => handled.includes(message("a", 1).id))
      yield* eventually(Effect.map(inbox.get(dead!.number), Option.isNone))
    })
  )

const brokenHandlers = <R>(run: Run<R>) =>
  scenario(
    "a handler that throws or dies fails its message alone, and what it says is kept, whatever it is",
    Effect.gen(function* () {
      const broker = yield* Broker
      const conversation = yield* freshConversation
      const { contract, message, name } = conversation
      const failures = [
        Effect.die(new Error("it died")),
        Effect.sync(() => {
          throw new Error("it threw")
        }),
        Effect.fail(new Error("it said \u0000 and \ud83d")),
        Effect.fail("it said a word")
      ]
      const { handled } = yield* consume(conversation, run, ({ n }) => failures[n] ?? Effect.void)
      const ill = failures.map((_, n) => message(`ill-${n}`, n))
      yield* broker.publish(contract.topic, [...ill, message("well", 7)])
      yield* soon(() => handled.length === 1)
      yield* eventually(Effect.map(heldOf(name, ["dead"]), (dead) => dead.length === ill.length))
      const errors = (yield* heldOf(name, ["dead"])).map(({ error }) => error)
      for (const words of ["it died", "it threw", "it said ", "it said a word"]) {
        assert.isTrue(
          errors.some((error) => error.includes(words)),
          `${words} is not among ${errors}`
        )
      }
    })
  )

const circumstances = <R>(run: Run<R>) =>
  scenario(
    "what is down for everyone makes no dead letter, however long it lasts",
    Effect.gen(function* () {
      const broker = yield* Broker
      const conversation = yield* freshConversation
      const { contract, message, name } = conversation
      const attempts = patient.attempts! + 3
      let tried = 0
      const { handled } = yield* consume(conversation, run, () =>
        Effect.suspend(() => {
          tried++
          return tried <= attempts ? Effect.fail(new BrokerUnavailable({ retryAfterSeconds: 1 })) : Effect.void
        })
      )
      yield* broker.publish(contract.topic, [message("a", 1)])
      yield* soon(() => handled.length === 1)
      assert.deepStrictEqual(yield* heldOf(name, ["dead"]), [])
    })
  )

const largest = <R>(run: Run<R>) =>
  scenario(
    "the largest message that the broker takes is set aside and tried again whole",
    Effect.gen(function* () {
      const broker = yield* Broker
      const conversation = yield* freshConversation
      const { contract, message } = conversation
      const envelope = toCloudEvent(message("a", 1)).length
      const long = "x".repeat(broker.guarantees.maxMessageBytes - envelope)
      const large = message("a", 1, { data: { n: 1, fail: long } })
      const lengths: Array<number> = []
      const { handled } = yield* consume(conversation, run, ({ fail }) => {
        lengths.push(fail?.length ?? 0)
        return lengths.length < 3 ? Effect.fail(new Error("not yet")) : Effect.void
      })
      yield* broker.publish(contract.topic, [large])
      yield* soon(() => handled.length === 1)
      assert.deepStrictEqual(lengths, Array(lengths.length).fill(long.length))
    })
  )

/** The scenarios. */
export const poison = <R>(run: Run<R>): Section<Broker | Inbox | R> => ({
  title: `${run.effects}: poison`,
  scenarios: [unreadableBytes(run), replacedBytes(run), brokenHandlers(run), circumstances(run), largest(run)]
})
