/** What an operator relies on: bounded queues and memory, a refusal that did nothing, and a shutdown that loses nothing. */
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Account, deposit } from "./Account.ts"
import {
  type Accounts,
  amounts,
  failureOf,
  hold,
  join,
  letOthersRun,
  open,
  outcomes,
  scenario,
  start,
  startAll,
  waits
} from "./Bank.ts"

const pay = (accounts: Accounts, id: string, amount = 1) => accounts.execute(id, deposit(amount))

describe("beyond its bound, Overloaded comes at once and nothing is done:", () => {
  scenario(
    "a mailbox",
    Effect.gen(function* () {
      const accounts = yield* open({ mailbox: 2 })
      const held = yield* hold()
      // One under way, two that wait.
      const accepted = yield* startAll([1, 2, 3].map((amount) => pay(accounts, "a", amount)))
      const error = yield* Effect.flip(pay(accounts, "a", 4))
      assert.deepInclude(error, { _tag: "Overloaded", retryAfterSeconds: 1 })
      assert.include(error.detail, "2 commands wait for account-a")
      assert.strictEqual(yield* failureOf(accounts.read("a")), "Overloaded")
      const other = yield* start(pay(accounts, "b"))
      yield* held.release
      yield* join([...accepted, other])
      assert.deepStrictEqual(yield* amounts("a"), [1, 2, 3])
      assert.strictEqual((yield* pay(accounts, "a", 5)).version, 4)
    })
  )

  scenario(
    "all that is under way",
    Effect.gen(function* () {
      const accounts = yield* open({ inFlight: 2 })
      const held = yield* hold()
      const accepted = yield* startAll([pay(accounts, "a"), pay(accounts, "b")])
      assert.strictEqual(yield* failureOf(pay(accounts, "c")), "Overloaded")
      yield* held.release
      yield* join(accepted)
      yield* pay(accounts, "c", 2)
      assert.deepStrictEqual(yield* amounts("c"), [2])
    })
  )

  scenario(
    "memory, while every entity in it is busy",
    Effect.gen(function* () {
      const accounts = yield* open({ resident: 2 })
      const held = yield* hold()
      const accepted = yield* startAll([pay(accounts, "a"), pay(accounts, "b")])
      const error = yield* Effect.flip(pay(accounts, "c"))
      assert.deepInclude(error, { _tag: "Overloaded" })
      yield* held.release
      yield* join(accepted)
      yield* pay(accounts, "c")
      assert.strictEqual(yield* accounts.resident, 2)
    })
  )

  scenario(
    "failures give their place back",
    Effect.gen(function* () {
      const accounts = yield* open({ inFlight: 1, mailbox: 1 })
      yield* (yield* FaultInjection.Faults).always(FaultInjection.failBefore)
      for (let i = 0; i < 5; i++) assert.strictEqual(yield* failureOf(pay(accounts, "a")), "JournalUnavailable")
      for (let i = 0; i < 5; i++)
        assert.strictEqual(yield* failureOf(accounts.execute("a", { _tag: "Explode" })), "defect")
    })
  )
})

describe("an entity leaves memory", () => {
  scenario(
    "when idle for long enough, and comes back with the same state",
    Effect.gen(function* () {
      const accounts = yield* open({ passivateAfter: "2 minutes" })
      yield* pay(accounts, "a", 7)
      yield* TestClock.adjust("1 minute")
      yield* pay(accounts, "b", 1)
      assert.strictEqual(yield* accounts.resident, 2)
      yield* TestClock.adjust("90 seconds")
      assert.strictEqual(yield* accounts.resident, 1, "b was used a minute and a half ago")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* accounts.resident, 0)
      assert.deepStrictEqual(yield* accounts.read("a"), { version: 1, state: { balance: 7, entries: 1 } })
    })
  )

  scenario(
    "not while it works, however long that takes",
    Effect.gen(function* () {
      const accounts = yield* open({ passivateAfter: "1 second" })
      const held = yield* hold()
      const caller = yield* start(pay(accounts, "a"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* accounts.resident, 1)
      yield* held.release
      assert.strictEqual((yield* Fiber.join(caller)).version, 1)
    })
  )
})

describe("where there are too many, an entity leaves memory", () => {
  scenario(
    "that was not used lately, and comes back with the same state",
    Effect.gen(function* () {
      const accounts = yield* open({ resident: 3 })
      for (const id of ["a", "b", "c"]) {
        yield* pay(accounts, id)
        yield* TestClock.adjust("1 second")
      }
      yield* pay(accounts, "a")
      yield* pay(accounts, "d")
      assert.strictEqual(yield* accounts.resident, 3)
      // Whoever is in memory answers without the journal; b was used longest ago.
      const faults = yield* FaultInjection.Faults
      yield* faults.failReads(true)
      for (const id of ["a", "c", "d"]) yield* accounts.read(id)
      assert.strictEqual(yield* failureOf(accounts.read("b")), "JournalUnavailable")
      yield* faults.failReads(false)
      yield* TestClock.adjust("1 second")
      const again = yield* start(accounts.read("b"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(again), { version: 1, state: { balance: 1, entries: 1 } })
    })
  )

  scenario(
    "if one is idle, also where most are busy",
    Effect.gen(function* () {
      const accounts = yield* open({ resident: 100 })
      for (let i = 0; i < 100; i++) yield* pay(accounts, `${i}`)
      const held = yield* hold()
      const busy = yield* startAll(Array.from({ length: 95 }, (_, i) => pay(accounts, `${i}`)))
      yield* letOthersRun
      const others = yield* startAll(Array.from({ length: 5 }, (_, i) => pay(accounts, `other-${i}`)))
      assert.strictEqual(yield* failureOf(pay(accounts, "one-too-many")), "Overloaded")
      yield* held.release
      yield* join([...busy, ...others])
      assert.strictEqual(yield* accounts.resident, 100)
    })
  )

  scenario(
    "many times over, and no update is lost",
    Effect.gen(function* () {
      const accounts = yield* open({ resident: 4 })
      const caller = (n: number) =>
        Effect.forEach(
          Array.from({ length: 20 }, (_, i) => `${(i * n) % 10}`),
          (id) => Effect.eventually(pay(accounts, id))
        )
      yield* join(yield* startAll([1, 3, 7].map(caller)))
      const heads = yield* (yield* Journal).heads
      assert.strictEqual(
        heads.reduce((sum, head) => sum + head, 0),
        60
      )
    })
  )
})

describe("a caller that stops waiting", () => {
  scenario(
    "does not take its command back",
    Effect.gen(function* () {
      const accounts = yield* open()
      const held = yield* hold()
      const callers = yield* startAll([1, 2, 3].map((amount) => pay(accounts, "a", amount)))
      yield* letOthersRun
      yield* Fiber.interruptAll(callers.slice(0, 2))
      yield* held.release
      assert.strictEqual((yield* Fiber.join(callers[2]!)).version, 3)
      assert.deepStrictEqual(yield* amounts("a"), [1, 2, 3])
    })
  )
})

describe("a shutdown", () => {
  /** A runtime that is to be shut down while an append is held. */
  const closing = (options: Entities.Limits = {}) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const accounts = yield* Entities.make(Account, { persistence: Persistence.events(), ...options }).pipe(
        Scope.provide(scope)
      )
      const held = yield* hold()
      const accepted = yield* startAll([pay(accounts, "a", 1), pay(accounts, "a", 2), pay(accounts, "b", 3)])
      yield* letOthersRun
      const closed = yield* start(Scope.close(scope, Exit.void))
      return { accounts, held, accepted, closed }
    })

  scenario(
    "answers everything that was accepted, and takes nothing more",
    Effect.gen(function* () {
      const { accounts, held, accepted, closed } = yield* closing()
      const error = yield* Effect.flip(pay(accounts, "a", 4))
      assert.deepInclude(error, { _tag: "ShuttingDown", retryAfterSeconds: 5 })
      assert.strictEqual(yield* failureOf(accounts.read("b")), "ShuttingDown")
      assert.isTrue(yield* waits(closed))
      yield* held.release
      assert.deepStrictEqual(yield* outcomes(accepted), ["success", "success", "success"])
      yield* Fiber.join(closed)
      assert.deepStrictEqual(yield* amounts("a"), [1, 2])
      assert.strictEqual(yield* failureOf(pay(accounts, "a", 5)), "ShuttingDown")
    })
  )

  scenario(
    "waits for no longer than it may",
    Effect.gen(function* () {
      const { held, closed } = yield* closing({ shutdownWithin: "10 seconds" })
      yield* TestClock.adjust("9 seconds")
      assert.isTrue(yield* waits(closed))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closed)
      yield* held.release
      assert.deepStrictEqual(yield* amounts("a"), [1, 2])
    })
  )

  scenario(
    "of a runtime with nothing to do is immediate",
    Effect.gen(function* () {
      const accounts = yield* Effect.scoped(Effect.tap(open(), (accounts) => pay(accounts, "a")))
      assert.strictEqual(yield* failureOf(pay(accounts, "a")), "ShuttingDown")
    })
  )
})
