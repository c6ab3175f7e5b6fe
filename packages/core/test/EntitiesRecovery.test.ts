/** What a sender relies on while an aggregate is being recovered, or cannot be: everyone is answered, in bounded time. */
import { Journal, JournalUnavailable } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { deposit, withdraw } from "./Account.ts"
import {
  amounts,
  during,
  failureOf,
  join,
  letOthersRun,
  open,
  outcomes,
  scenario,
  start,
  startAll,
  waits,
  withJournal
} from "./Bank.ts"

/** A journal that says of streams how far they are when the gate opens; `reads` counts the attempts. */
const gated = Effect.gen(function* () {
  const gate = yield* Deferred.make<void, JournalUnavailable>()
  const count = { reads: 0 }
  const through = withJournal((journal) => ({
    version: (stream) =>
      Effect.suspend(() => {
        if (stream !== "account-a") return journal.version(stream)
        count.reads++
        return Effect.andThen(Deferred.await(gate), journal.version(stream))
      })
  }))
  return { gate, count, through }
})

const unavailable = new JournalUnavailable({ detail: "Out to lunch", retryAfterSeconds: 1 })

describe("while an aggregate is being recovered", () => {
  scenario(
    "its commands wait, others do not, and one recovery serves all who wait, in their order",
    Effect.gen(function* () {
      const { gate, count, through } = yield* gated
      yield* during((accounts) => accounts.execute("a", deposit(5)))
      yield* Effect.gen(function* () {
        const accounts = yield* open()
        const commands = [withdraw(5), deposit(1), withdraw(1)]
        const callers = yield* startAll(commands.map((command) => accounts.execute("a", command)))
        const reading = yield* start(accounts.read("a"))
        assert.strictEqual((yield* accounts.execute("b", deposit(1))).version, 1)
        assert.isTrue(yield* waits(callers[0]!))
        yield* Deferred.succeed(gate, undefined)
        assert.deepStrictEqual(
          (yield* join(callers)).map(({ version }) => version),
          [2, 3, 4]
        )
        assert.strictEqual((yield* Fiber.join(reading)).version, 4)
        assert.strictEqual(count.reads, 1)
      }).pipe(through)
      assert.deepStrictEqual(yield* amounts("a"), [5, -5, 1, -1])
    })
  )

  scenario(
    "its mailbox has its bound",
    Effect.gen(function* () {
      const { gate, through } = yield* gated
      yield* Effect.gen(function* () {
        const accounts = yield* open({ mailbox: 3 })
        const callers = yield* startAll([1, 2, 3].map((amount) => accounts.execute("a", deposit(amount))))
        assert.strictEqual(yield* failureOf(accounts.execute("a", deposit(4))), "Overloaded")
        yield* Deferred.succeed(gate, undefined)
        yield* join(callers)
      }).pipe(through)
      assert.deepStrictEqual(yield* amounts("a"), [1, 2, 3])
    })
  )

  scenario(
    "it does not leave memory, and a shutdown waits for it",
    Effect.gen(function* () {
      const { gate, through } = yield* gated
      const callers = yield* Effect.gen(function* () {
        const accounts = yield* open({ passivateAfter: "1 second" })
        const caller = yield* Effect.forkDetach(accounts.execute("a", deposit(1)), { startImmediately: true })
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* accounts.resident, 1)
        yield* Effect.forkDetach(Effect.delay(Deferred.succeed(gate, undefined), "1 second"))
        yield* Effect.forkDetach(TestClock.adjust("1 second"))
        return [caller]
      }).pipe(Effect.scoped, through)
      assert.deepStrictEqual(yield* outcomes(callers), ["success"])
    })
  )
})

describe("when an aggregate cannot be recovered", () => {
  scenario(
    "everyone who waits is told why, and nothing is stored",
    Effect.gen(function* () {
      const { gate, through } = yield* gated
      const accounts = yield* through(open())
      const callers = yield* startAll([accounts.execute("a", deposit(1)), accounts.execute("a", withdraw(1))])
      const reading = yield* start(accounts.read("a"))
      yield* Deferred.fail(gate, unavailable)
      assert.deepStrictEqual(yield* outcomes([...callers, reading]), Array(3).fill("JournalUnavailable"))
      assert.deepStrictEqual(yield* amounts("a"), [])
    })
  )

  scenario(
    "within its time, everyone who waits is told so",
    Effect.gen(function* () {
      const { gate, count, through } = yield* gated
      const accounts = yield* through(open({ recoverWithin: "3 seconds" }))
      const callers = yield* startAll([accounts.execute("a", deposit(1)), accounts.execute("a", deposit(2))])
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(yield* waits(callers[0]!))
      yield* TestClock.adjust("1 milli")
      const error = yield* Effect.flip(Fiber.join(callers[0]!))
      assert.deepInclude(error, { _tag: "RecoveryTimedOut", stream: "account-a", retryAfterSeconds: 5 })
      assert.include(String(error), "3000 ms")
      assert.deepStrictEqual(yield* outcomes(callers), Array(2).fill("RecoveryTimedOut"))
      yield* Deferred.succeed(gate, undefined)
      const next = yield* start(accounts.execute("a", deposit(3)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(next)).version, 1)
      assert.strictEqual(count.reads, 2)
    })
  )

  scenario(
    "because of what is stored, it says so again and again, and others are not affected",
    Effect.gen(function* () {
      yield* during((accounts) => accounts.execute("a", deposit(1, 2, 3)))
      yield* (yield* Journal).deleteTo("account-a", 2)
      const accounts = yield* open()
      for (let i = 0; i < 3; i++) {
        const caller = yield* start(accounts.execute("a", deposit(1)))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* failureOf(Fiber.join(caller)), "RecoveryFailed")
        yield* accounts.execute("b", deposit(1))
      }
    })
  )
})

describe("between failed recoveries", () => {
  /** Sends a command, and answers how long it took until it was told that recovery failed. */
  const millisToFail = (accounts: { readonly read: (id: string) => Effect.Effect<unknown, unknown> }) =>
    Effect.gen(function* () {
      const caller = yield* start(accounts.read("a"))
      for (let waited = 0; ; waited += 100) {
        if (!(yield* waits(caller))) return waited
        yield* TestClock.adjust("100 millis")
      }
    })

  scenario(
    "more and more time passes, up to ten seconds",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* (yield* FaultInjection.Faults).failReads(true)
      const waited: Array<number> = []
      for (let i = 0; i < 10; i++) waited.push(yield* millisToFail(accounts))
      assert.deepStrictEqual(waited, [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
    })
  )

  scenario(
    "nobody waits for more than what is left of it, and after a success it is short again",
    Effect.gen(function* () {
      const accounts = yield* open()
      const faults = yield* FaultInjection.Faults
      yield* faults.failReads(true)
      for (let i = 0; i < 6; i++) yield* millisToFail(accounts)
      yield* TestClock.adjust("3 seconds")
      yield* faults.failReads(false)
      const caller = yield* start(accounts.execute("a", deposit(1)))
      yield* TestClock.adjust("200 millis")
      assert.strictEqual((yield* Fiber.join(caller)).version, 1)
      // Forgets its state, and finds the journal gone again.
      yield* faults.inject(FaultInjection.failBefore)
      yield* failureOf(accounts.execute("a", deposit(2)))
      yield* faults.failReads(true)
      assert.deepStrictEqual([yield* millisToFail(accounts), yield* millisToFail(accounts)], [0, 100])
    })
  )
})

describe("a recovered aggregate", () => {
  scenario(
    "has its state from snapshot and events, and goes on from there",
    Effect.gen(function* () {
      const persistence = Persistence.events({ snapshotEvery: 3 })
      for (let i = 0; i < 8; i++) {
        yield* during((accounts) => Effect.tap(accounts.execute("a", deposit(1)), letOthersRun), { persistence })
      }
      const accounts = yield* open({ persistence })
      assert.deepStrictEqual(yield* accounts.read("a"), { version: 8, state: { balance: 8, entries: 8 } })
      assert.strictEqual(yield* failureOf(accounts.execute("a", withdraw(9))), "Overdrawn")
      assert.strictEqual((yield* accounts.execute("a", withdraw(8))).version, 9)
    })
  )
})
