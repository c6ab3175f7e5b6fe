/** What everyone else relies on when an aggregate's own code breaks: only the command that broke it notices. */
import * as Persistence from "@daybook/core/Persistence"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Command, corrupt, deposit, explode, storableBalance, withdraw } from "./Account.ts"
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
  startAll
} from "./Bank.ts"

const levels = [Persistence.inline, Persistence.state({ every: 1 }), Persistence.events({ snapshotEvery: 1 })]

/** Sends commands so that they share a commit. */
const together = (accounts: Accounts, commands: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    const held = yield* hold()
    yield* start(accounts.execute("a", deposit()))
    const first = yield* start(accounts.execute("a", deposit(100)))
    yield* letOthersRun
    const callers = yield* startAll(commands.map((command) => accounts.execute("a", command)))
    yield* held.release
    yield* Fiber.join(first)
    return yield* outcomes(callers)
  })

describe("a command on which the aggregate's code throws", () => {
  for (const [what, broken] of [
    ["decide", explode],
    ["evolve", corrupt],
    ["the event's schema", deposit(0.5)]
  ] as const) {
    scenario(
      `in ${what} is the only one to fail`,
      Effect.gen(function* () {
        const accounts = yield* open()
        const found = yield* together(accounts, [deposit(1), broken, deposit(2), broken, withdraw(103)])
        assert.deepStrictEqual(found, ["success", "defect", "success", "defect", "success"])
        assert.deepStrictEqual(yield* amounts("a"), [100, 1, 2, -103])
        assert.deepStrictEqual(yield* accounts.read("a"), { version: 4, state: { balance: 0, entries: 4 } })
      })
    )
  }

  scenario(
    "is told what was thrown",
    Effect.gen(function* () {
      const accounts = yield* open()
      const defect = yield* Effect.catchDefect(accounts.execute("a", explode), Effect.succeed)
      assert.deepInclude(defect, { message: "decide is broken" })
    })
  )

  scenario(
    "may wait in a mailbox full of its like",
    Effect.gen(function* () {
      const accounts = yield* open()
      const held = yield* hold()
      yield* start(accounts.execute("a", deposit(1)))
      yield* letOthersRun
      const commands = Array.from({ length: 1_000 }, (_, i) => (i % 10 === 0 ? deposit(1) : explode))
      const callers = yield* startAll(commands.map((command) => accounts.execute("a", command)))
      yield* held.release
      const expected = commands.map((command) => (command === explode ? "defect" : "success"))
      assert.deepStrictEqual(yield* outcomes(callers), expected)
      assert.strictEqual((yield* accounts.read("a")).version, 101)
    })
  )

  scenario(
    "does not harm commands that are sent upon the answers of its batch",
    Effect.gen(function* () {
      const accounts = yield* open()
      const held = yield* hold()
      yield* start(accounts.execute("a", deposit(100)))
      yield* letOthersRun
      const callers = yield* startAll([
        Effect.andThen(accounts.execute("a", deposit(1)), accounts.execute("a", deposit(2))),
        Effect.andThen(Effect.exit(accounts.execute("a", explode)), accounts.execute("a", deposit(3)))
      ])
      yield* held.release
      assert.deepStrictEqual(yield* outcomes(callers), ["success", "success"])
      assert.deepStrictEqual(yield* amounts("a"), [100, 1, 2, 3])
    })
  )
})

describe("a state that cannot be encoded", () => {
  scenario(
    "fails the command that led to it, and no other, at level 1, which has nothing else",
    Effect.gen(function* () {
      const accounts = yield* open({ persistence: Persistence.inline })
      const found = yield* together(accounts, [
        deposit(1),
        deposit(2 * storableBalance),
        withdraw(1_000),
        withdraw(101)
      ])
      assert.deepStrictEqual(found, ["success", "defect", "Overdrawn", "success"])
      assert.deepStrictEqual(yield* accounts.read("a"), { version: 3, state: { balance: 0, entries: 3 } })
      assert.deepInclude(yield* accounts.execute("a", deposit(1)), { version: 4 })
    })
  )

  for (const persistence of [Persistence.state({ every: 2 }), Persistence.events({ snapshotEvery: 1 })]) {
    scenario(
      `costs level ${persistence._tag} a shorter recovery and nothing else`,
      Effect.gen(function* () {
        const use = { persistence }
        yield* during((accounts) => accounts.execute("a", deposit(storableBalance)), use)
        yield* during(
          (accounts) =>
            Effect.gen(function* () {
              const neighbour = yield* start(accounts.execute("b", deposit(1)))
              assert.strictEqual((yield* accounts.execute("a", deposit(1))).version, 2)
              assert.strictEqual((yield* Fiber.join(neighbour)).version, 1)
            }),
          use
        )
        const accounts = yield* open(use)
        assert.strictEqual((yield* accounts.execute("a", withdraw(1))).version, 3)
        assert.deepStrictEqual(yield* amounts("a"), [storableBalance, 1, -1])
        assert.strictEqual((yield* accounts.read("a")).state.balance, storableBalance)
      })
    )
  }
})

describe("an event that cannot be stored", () => {
  for (const persistence of levels) {
    scenario(
      `${persistence._tag}: fails its own command, and no other`,
      Effect.gen(function* () {
        const accounts = yield* open({ persistence })
        const held = yield* hold()
        yield* start(accounts.execute("a", deposit(100)))
        yield* letOthersRun
        const callers = yield* startAll([
          accounts.execute("a", deposit(1)),
          accounts.execute("a", deposit(2), { actor: "no\u0000such" }),
          accounts.execute("a", withdraw(1_000)),
          accounts.execute("b", deposit(3)),
          accounts.execute("a", withdraw(101))
        ])
        const reading = yield* start(accounts.read("a"))
        yield* held.release
        assert.deepStrictEqual(yield* outcomes(callers), ["success", "defect", "Overdrawn", "success", "success"])
        assert.deepInclude(yield* Fiber.join(reading), { version: 3 })
      })
    )
  }

  scenario(
    "is not a reason to forget the state",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* accounts.execute("a", deposit(1))
      assert.strictEqual(yield* failureOf(accounts.execute("a", deposit(2), { tenant: "\ud800" })), "defect")
      yield* (yield* FaultInjection.Faults).failReads(true)
      assert.strictEqual((yield* accounts.execute("a", deposit(3))).version, 2)
    })
  )
})

describe("a predicate for snapshots that throws", () => {
  scenario(
    "costs a snapshot and nothing else",
    Effect.gen(function* () {
      const snapshotWhen = () => {
        throw new Error("the predicate is broken")
      }
      const accounts = yield* open({ persistence: Persistence.events({ snapshotWhen }) })
      const callers = yield* startAll(["a", "b", "c"].map((id) => accounts.execute(id, deposit(1))))
      assert.deepStrictEqual(
        (yield* join(callers)).map(({ version }) => version),
        [1, 1, 1]
      )
    })
  )
})
