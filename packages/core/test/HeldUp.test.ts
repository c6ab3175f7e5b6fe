/**
 * What an operator reads in the log when a store or broker goes away: each reason once for a service, and once that its work goes on.
 */
import { Broker } from "@daybook/core/Broker"
import { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import * as Consumer from "@daybook/core/Consumer"
import * as Deadlines from "@daybook/core/Deadlines"
import * as HeldUp from "@daybook/core/HeldUp"
import { Inbox } from "@daybook/core/Inbox"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import { deposits, idIn, makeLedger, run, scenario } from "./Books.ts"

const away = (why: string) => new BrokerUnavailable({ detail: why, retryAfterSeconds: 2 })

/** What is said, by level. */
const listen = (levels: ReadonlyArray<string> = ["Warn", "Info"]) => {
  const said: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    const [text] = message as ReadonlyArray<unknown>
    if (levels.includes(logLevel)) said.push(`${logLevel}: ${text}`)
  })
  return { said, log: Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Debug")) }
}

const heldUp = (worker: string, reason: string) =>
  `Warn: cart: ${worker} is held up, as is all that meets the same, and tries again until it works: ${reason}`

/** Tells the troubles of a service what happened: `a!why` is a failure of worker a, `a` that it works, `a.` that it has ended. */
const story = (events: string, service: string | undefined = "cart") =>
  Effect.gen(function* () {
    const { said, log } = listen()
    const troubles = new HeldUp.Troubles(service)
    for (const event of events.split(" ")) {
      const [worker, why] = event.split("!")
      const told =
        why !== undefined
          ? troubles.failed(worker!, Cause.fail(away(why)))
          : event.endsWith(".")
            ? troubles.ended(event.slice(0, -1))
            : troubles.goesOn(event)
      yield* Effect.provide(told, log)
    }
    return said
  })

describe("what is said of a service's workers", () => {
  it.effect("is each reason once, and once that they go on, when the last of them does", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* story("a!gone b!gone a!gone b!gone a b b a"), [
        heldUp("a", "gone"),
        "Info: cart: no longer held up: a, b"
      ])
    })
  )

  it.effect("is another reason too, and the same again after it was over", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* story("a!gone a!full a!gone a a!gone"), [
        heldUp("a", "gone"),
        heldUp("a", "full"),
        "Info: cart: no longer held up: a",
        heldUp("a", "gone")
      ])
    })
  )

  it.effect("is that some go on while others are held up for another reason, which hides no later outage", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* story("z!full a!gone b!gone a b a!gone"), [
        heldUp("z", "full"),
        heldUp("a", "gone"),
        "Info: cart: no longer held up: a, b; others still held up: 1",
        heldUp("a", "gone")
      ])
    })
  )

  it.effect("is nothing of a worker that has ended, nor of one that was never held up", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* story("a!gone b!gone b. a c"), [
        heldUp("a", "gone"),
        "Info: cart: no longer held up: a"
      ])
    })
  )

  it.effect("is said anew where the reasons have no end", () =>
    Effect.gen(function* () {
      const endless = Array.from({ length: 100 }, (_, n) => `a!number-${n}`)
      assert.strictEqual((yield* story([...endless, "a!number-7"].join(" "))).length, 100)
      assert.strictEqual((yield* story([...endless, "a!one-more", "a!number-7"].join(" "))).length, 102)
    })
  )

  it.effect("has each try at the level Debug, and the whole of what nobody has foreseen", () =>
    Effect.gen(function* () {
      const messages: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message, cause }) => void messages.push([logLevel, message, cause]))
      const log = Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Debug"))
      const troubles = new HeldUp.Troubles()
      const bug = Cause.die(new TypeError("x is undefined"))
      yield* Effect.provide(Effect.andThen(troubles.failed("a", bug), troubles.failed("a", bug)), log)
      assert.deepStrictEqual(messages, [
        ["Warn", ["a is held up, as is all that meets the same, and tries again until it works: x is undefined"], bug],
        ["Debug", ["a is still held up"], bug]
      ])
    })
  )
})

describe("a consumer", () => {
  /** A consumer of a broker that does `listening`, anew for each subscription. */
  const consumerAt = (listening: () => Effect.Effect<never, BrokerUnavailable>) =>
    Effect.gen(function* () {
      const { said, log } = listen()
      const broker = Layer.succeed(Broker, {
        guarantees: { durable: false, failover: false, maxMessageBytes: 1 },
        publish: () => Effect.void,
        subscribe: () => Effect.suspend(listening)
      })
      const around = Layer.mergeAll(broker, Inbox.layerMemory, HeldUp.layer("cart"), log)
      const source = { topic: "news", ignores: () => false, handle: () => Effect.void }
      yield* Layer.build(Layer.provide(Consumer.layer("news", [source]), around))
      return said
    })

  it.effect("that cannot reach its broker says so once, and that it goes on when that lasts", () =>
    Effect.gen(function* () {
      let isDown = true
      const said = yield* consumerAt(() => (isDown ? Effect.fail(away("nobody is there")) : Effect.never))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(said, [heldUp("consumer news", "nobody is there")])
      isDown = false
      yield* TestClock.adjust("4900 millis")
      assert.lengthOf(said, 1)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(said.slice(1), ["Info: cart: no longer held up: consumer news"])
    })
  )

  it.effect("that gets no answer does not say in between that it goes on", () =>
    Effect.gen(function* () {
      let hangs = true
      const givenUp = Effect.andThen(Effect.sleep("14 seconds"), Effect.fail(away("no answer")))
      const said = yield* consumerAt(() => (hangs ? givenUp : Effect.never))
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(said, [heldUp("consumer news", "no answer")])
      hangs = false
      yield* TestClock.adjust("45 seconds")
      assert.deepStrictEqual(said.slice(1), ["Info: cart: no longer held up: consumer news"])
    })
  )

  it.effect("is run again after a defect, and after an interruption from inside", () =>
    Effect.gen(function* () {
      const ends = [Effect.die(new Error("a bug")), Effect.interrupt]
      let runs = 0
      const said = yield* consumerAt(() => ends[runs++] ?? Effect.never)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(runs, 3)
      assert.strictEqual(said[0], heldUp("consumer news", "a bug"))
      assert.match(said[1]!, /^Warn: cart: consumer news is held up, .+ interrupted/)
      assert.lengthOf(said, 2)
    })
  )
})

describe("deadlines", () => {
  it.effect("that cannot be asked for say so once, and that they are fired again", () =>
    Effect.gen(function* () {
      const { said, log } = listen()
      const state: { down: boolean } = { down: true }
      const timer = Deadlines.layer({
        name: "expiries",
        due: () => (state.down ? Effect.fail(away("gone")) : Effect.succeed([])),
        fire: () => Effect.void
      })
      yield* Layer.build(Layer.provide(timer, Layer.merge(HeldUp.layer("cart"), log)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(said, [heldUp("timer expiries", "gone")])
      state.down = false
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(said.slice(1), ["Info: cart: no longer held up: timer expiries"])
    })
  )
})

describe("projections", () => {
  scenario(
    "that the journal keeps from working say so once, and that they go on",
    Effect.gen(function* () {
      const { said, log } = listen()
      const faults = yield* FaultInjection.Faults
      const ledger = makeLedger()
      yield* deposits(idIn(0), [1])
      yield* faults.failReads(true)
      yield* run(ledger).pipe(Effect.provide(Layer.merge(log, HeldUp.layer("bank"))))
      yield* TestClock.adjust("10 minutes")
      assert.lengthOf(said, 1)
      assert.match(said[0]!, /^Warn: bank: projection ledger is held up, .+: .+$/)
      yield* faults.failReads(false)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(said.slice(1), ["Info: bank: no longer held up: projection ledger"])
      assert.lengthOf(ledger.entries, 1)
    })
  )
})
