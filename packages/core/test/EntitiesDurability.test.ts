/** What a sender relies on when the journal is slow, fails, or has another writer: an answer is true, and stays true. */
import * as EventId from "@daybook/core/EventId"
import { type Append, Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { deposit, withdraw } from "./Account.ts"
import {
  type Accounts,
  amounts,
  during,
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

/** Commands of every kind, and a read, of which all but the first rest on what the first has written. */
const resting = (accounts: Accounts): ReadonlyArray<Effect.Effect<unknown, unknown>> => [
  accounts.execute("a", deposit(5)),
  accounts.execute("a", withdraw(1_000)),
  accounts.execute("a", deposit()),
  accounts.execute("a", deposit(), { commandId: "c" }),
  accounts.execute("a", deposit(1), { expectedVersion: 0 }),
  accounts.read("a")
]

const whenDurable = ["success", "Overdrawn", "success", "success", "VersionMismatch", "success"]

describe("nobody is answered", () => {
  for (const [when, how] of [
    ["before the commit that the answer rests on", FaultInjection.hold],
    ["before the journal has confirmed that commit", FaultInjection.holdAnswer]
  ] as const) {
    scenario(
      when,
      Effect.gen(function* () {
        const accounts = yield* open()
        const held = yield* hold(how)
        const callers = yield* startAll(resting(accounts))
        for (const caller of callers) assert.isTrue(yield* waits(caller))
        yield* held.release
        assert.deepStrictEqual(yield* outcomes(callers), whenDurable)
      })
    )
  }

  scenario(
    "before the commit of the batch that the answer was decided in",
    Effect.gen(function* () {
      const accounts = yield* open()
      const first = yield* hold()
      yield* start(accounts.execute("a", deposit(0)))
      yield* letOthersRun
      const callers = yield* startAll(resting(accounts))
      const second = yield* hold()
      yield* first.release
      for (const caller of callers) assert.isTrue(yield* waits(caller))
      yield* second.release
      assert.deepStrictEqual(yield* outcomes(callers), whenDurable)
    })
  )

  scenario(
    "by a commit that was lost: not by a rejection or a read that rested on it either",
    Effect.gen(function* () {
      const accounts = yield* open()
      const first = yield* hold()
      yield* start(accounts.execute("a", deposit(0)))
      yield* letOthersRun
      const callers = yield* startAll(resting(accounts))
      yield* (yield* FaultInjection.Faults).inject(FaultInjection.failBefore)
      yield* first.release
      assert.deepStrictEqual(yield* outcomes(callers), Array(6).fill("JournalUnavailable"))
      assert.deepStrictEqual(yield* accounts.read("a"), { version: 1, state: { balance: 0, entries: 1 } })
    })
  )
})

describe("when the journal does not answer", () => {
  for (const persistence of [Persistence.inline, Persistence.state(), Persistence.events()]) {
    for (const [when, fault, stored] of [
      ["before it stored anything", FaultInjection.failBefore, false],
      ["after it stored everything", FaultInjection.failAfter, true]
    ] as const) {
      scenario(
        `${when} (${persistence._tag}), the command fails, and repeating it carries it out once`,
        Effect.gen(function* () {
          const accounts = yield* open({ persistence })
          yield* accounts.execute("a", deposit(1))
          yield* (yield* FaultInjection.Faults).inject(fault)
          const command = accounts.execute("a", withdraw(1), { commandId: "c" })
          assert.strictEqual(yield* failureOf(command), "JournalUnavailable")
          // Decided on what the journal has, not on what memory had.
          assert.strictEqual((yield* accounts.read("a")).version, stored ? 2 : 1)
          assert.deepInclude(yield* command, { version: 2, duplicate: stored })
          assert.deepStrictEqual(yield* accounts.read("a"), { version: 2, state: { balance: 0, entries: 2 } })
        })
      )
    }
  }

  scenario(
    "others that wait are carried out all the same",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* (yield* FaultInjection.Faults).inject(FaultInjection.failAfter)
      const callers = yield* startAll([1, 2, 3].map((amount) => accounts.execute("a", deposit(amount))))
      assert.deepStrictEqual(yield* outcomes(callers), ["JournalUnavailable", "success", "success"])
      assert.deepStrictEqual(yield* amounts("a"), [1, 2, 3])
    })
  )

  scenario(
    "and not when asked for the state either, everyone is told, and all is well when it is back",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* accounts.execute("a", deposit(1))
      const faults = yield* FaultInjection.Faults
      yield* faults.inject(FaultInjection.failBefore)
      yield* faults.failReads(true)
      const callers = yield* startAll([2, 3, 4].map((amount) => accounts.execute("a", deposit(amount))))
      assert.deepStrictEqual(yield* outcomes(callers), Array(3).fill("JournalUnavailable"))
      yield* faults.failReads(false)
      const next = yield* start(accounts.execute("a", deposit(5)))
      yield* TestClock.adjust("100 millis")
      assert.strictEqual((yield* Fiber.join(next)).version, 2)
      assert.deepStrictEqual(yield* amounts("a"), [1, 5])
    })
  )

  scenario(
    "because its adapter is broken, the command dies, and the next one is carried out",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* (yield* FaultInjection.Faults).inject(FaultInjection.die(new Error("broken")))
      assert.strictEqual(yield* failureOf(accounts.execute("a", deposit(1))), "defect")
      assert.strictEqual((yield* accounts.execute("a", deposit(2))).version, 1)
    })
  )
})

describe("when another process writes the same aggregate", () => {
  scenario(
    "commands are decided again on what it wrote, without the sender noticing",
    Effect.gen(function* () {
      const here = yield* open()
      const there = yield* open()
      yield* here.execute("a", deposit(10))
      yield* there.execute("a", withdraw(4))
      const callers = yield* startAll([
        here.execute("a", deposit(1)),
        here.execute("a", withdraw(8)),
        here.execute("a", withdraw(7))
      ])
      assert.deepStrictEqual(yield* outcomes(callers), ["success", "Overdrawn", "success"])
      assert.deepInclude(yield* Fiber.join(callers[2]!), { version: 4, position: 4 })
      assert.deepStrictEqual(yield* amounts("a"), [10, -4, 1, -7])
      assert.strictEqual((yield* there.execute("a", deposit(3))).version, 5)
    })
  )

  scenario(
    "its commands keep their ids here, and ours there",
    Effect.gen(function* () {
      const here = yield* open()
      const there = yield* open()
      yield* here.read("a")
      const first = yield* there.execute("a", deposit(1), { commandId: "c" })
      assert.deepStrictEqual(yield* here.execute("a", deposit(1), { commandId: "c" }), { ...first, duplicate: true })
      assert.strictEqual((yield* here.read("a")).version, 1)
    })
  )

  /** Writes the same as each batch, just before it. */
  const rival = (batch: ReadonlyArray<Append>): ReadonlyArray<Append> =>
    batch.map((append) => ({
      ...append,
      receipts: [],
      events: append.events.map((event) => ({ ...event, eventId: EventId.make(0) }))
    }))

  scenario(
    "and is quicker four times, the fifth attempt counts",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* (yield* FaultInjection.Faults).inject(
        ...Array<FaultInjection.Fault>(4).fill(FaultInjection.overtake(rival))
      )
      assert.deepInclude(yield* accounts.execute("a", deposit(1)), { version: 5, position: 5 })
    })
  )
})

describe("when another process always writes first", () => {
  scenario(
    "commands are given up after five attempts, with nothing stored",
    Effect.gen(function* () {
      const accounts = yield* open()
      const faults = yield* FaultInjection.Faults
      yield* faults.always(FaultInjection.conflict)
      const callers = yield* startAll([accounts.execute("a", deposit(1)), accounts.execute("b", deposit(1))])
      assert.deepStrictEqual(yield* outcomes(callers), ["Contended", "Contended"])
      assert.strictEqual(yield* faults.appends, 5)
      assert.deepStrictEqual(yield* (yield* Journal).heads, Array(8).fill(0))
      yield* faults.always(FaultInjection.none)
      assert.strictEqual((yield* accounts.execute("a", deposit(1))).version, 1)
    })
  )

  scenario(
    "a command that comes later has its own five attempts",
    Effect.gen(function* () {
      const accounts = yield* open()
      const faults = yield* FaultInjection.Faults
      const held = yield* hold(FaultInjection.hold)
      yield* faults.inject(...Array<FaultInjection.Fault>(5).fill(FaultInjection.conflict))
      const first = yield* start(accounts.execute("a", deposit(1)))
      yield* letOthersRun
      const later = yield* start(accounts.execute("a", deposit(2)))
      yield* held.release
      yield* join([first])
      assert.deepStrictEqual(yield* outcomes([later]), ["Contended"])
      assert.strictEqual((yield* accounts.execute("a", deposit(3))).version, 2)
    })
  )
})

describe("a runtime that starts again", () => {
  for (const persistence of [Persistence.inline, Persistence.state(), Persistence.events({ snapshotEvery: 2 })]) {
    scenario(
      `at level ${persistence._tag}, finds everything that was acknowledged`,
      Effect.gen(function* () {
        for (let i = 1; i <= 7; i++) {
          const { version } = yield* during((accounts) => accounts.execute("a", deposit(i)), { persistence })
          assert.strictEqual(version, i)
        }
        const found = yield* during((accounts) => accounts.read("a"), { persistence })
        assert.deepStrictEqual(found, { version: 7, state: { balance: 28, entries: 7 } })
      })
    )
  }
})
