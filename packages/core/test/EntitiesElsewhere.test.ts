/** What callers rely on where several processes carry out commands of one aggregate: no answer is one from the past. */
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { deposit, withdraw } from "./Account.ts"
import { history, join, open, scenario, start, withJournal } from "./Bank.ts"

const shared = withJournal(() => ({ shared: true }))

/** Two processes, as far as the journal can tell. The first knows an account of 10, to which the second has added 90 since. */
const two = Effect.gen(function* () {
  const [ours, theirs] = yield* Effect.all([open(), open()])
  yield* ours.execute("a", deposit(10))
  yield* theirs.execute("a", deposit(90))
  return { ours, theirs }
})

describe("an aggregate that another process has written to", () => {
  scenario(
    "does not reject what the newer state allows",
    Effect.gen(function* () {
      const { ours } = yield* two
      const { version } = yield* ours.execute("a", withdraw(50))
      assert.strictEqual(version, 3)
      assert.strictEqual((yield* history("a")).length, 3)
    }).pipe(shared)
  )

  scenario(
    "rejects by the newer state",
    Effect.gen(function* () {
      const { ours } = yield* two
      const rejection = yield* Effect.flip(ours.execute("a", withdraw(500)))
      assert.deepInclude(rejection, { _tag: "Overdrawn", balance: 100 })
    }).pipe(shared)
  )

  scenario(
    "answers with the newer version where there is nothing to do, and to a read",
    Effect.gen(function* () {
      const { ours, theirs } = yield* two
      assert.strictEqual((yield* ours.execute("a", deposit())).version, 2)
      yield* theirs.execute("a", deposit(1))
      assert.deepStrictEqual(yield* ours.read("a"), { version: 3, state: { balance: 101, entries: 3 } })
    }).pipe(shared)
  )

  scenario(
    "is glanced at as this process knows it",
    Effect.gen(function* () {
      const { ours } = yield* two
      assert.deepStrictEqual(yield* ours.glance("a"), { version: 1, state: { balance: 10, entries: 1 } })
      assert.strictEqual((yield* ours.glance("new")).version, 0)
    }).pipe(shared)
  )

  scenario(
    "answers those that come meanwhile as well, in their order",
    Effect.gen(function* () {
      const { ours } = yield* two
      const callers = [withdraw(40), withdraw(500), withdraw(40), withdraw(40)].map((command) =>
        Effect.exit(ours.execute("a", command))
      )
      const fibers = yield* Effect.forEach(callers, start)
      const exits = yield* join(fibers)
      assert.deepStrictEqual(
        exits.map(({ _tag }) => _tag),
        ["Success", "Failure", "Success", "Failure"]
      )
      assert.strictEqual((yield* ours.read("a")).state.balance, 20)
    }).pipe(shared)
  )

  scenario(
    "rejects nothing while the journal cannot be asked",
    Effect.gen(function* () {
      const { ours } = yield* two
      const faults = yield* FaultInjection.Faults
      yield* faults.failReads(true)
      assert.strictEqual((yield* Effect.flip(ours.execute("a", withdraw(50))))._tag, "JournalUnavailable")
      yield* faults.failReads(false)
      assert.strictEqual((yield* ours.execute("a", withdraw(50))).version, 3)
    }).pipe(shared)
  )
})

describe("an aggregate of a journal that no other process writes to", () => {
  scenario(
    "is not looked up for an answer that stores nothing",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* accounts.execute("a", deposit(10))
      yield* (yield* FaultInjection.Faults).failReads(true)
      assert.strictEqual((yield* Effect.flip(accounts.execute("a", withdraw(50))))._tag, "Overdrawn")
      assert.strictEqual((yield* accounts.read("a")).version, 1)
    })
  )
})
