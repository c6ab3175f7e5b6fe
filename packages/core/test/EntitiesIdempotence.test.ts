/** What a sender who repeats itself relies on: a command id is carried out once, and answered with the first outcome. */
import * as Persistence from "@daybook/core/Persistence"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Command, deposit, explode, withdraw } from "./Account.ts"
import {
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

const c = { commandId: "c" }

describe("a command with an id, sent again", () => {
  for (const persistence of [Persistence.inline, Persistence.state(), Persistence.events()]) {
    scenario(
      `at level ${persistence._tag}, is answered with the first outcome, also after others and after a restart`,
      Effect.gen(function* () {
        const first = yield* during(
          (accounts) =>
            Effect.gen(function* () {
              const first = yield* accounts.execute("a", deposit(1, 2), c)
              assert.isFalse(first.duplicate)
              assert.deepStrictEqual(yield* accounts.execute("a", deposit(1, 2), c), { ...first, duplicate: true })
              yield* accounts.execute("a", deposit(3))
              assert.deepStrictEqual(yield* accounts.execute("a", deposit(1, 2), c), { ...first, duplicate: true })
              return first
            }),
          { persistence }
        )
        const accounts = yield* open({ persistence })
        assert.deepStrictEqual(yield* accounts.execute("a", deposit(1, 2), c), { ...first, duplicate: true })
        assert.deepStrictEqual(yield* accounts.read("a"), { version: 3, state: { balance: 6, entries: 3 } })
      })
    )
  }
})

describe("a command with an id, sent again before the first is answered", () => {
  scenario(
    "waits for it",
    Effect.gen(function* () {
      const accounts = yield* open()
      const held = yield* hold()
      const first = yield* start(accounts.execute("a", deposit(1), c))
      yield* letOthersRun
      const again = yield* startAll([accounts.execute("a", deposit(1), c), accounts.execute("a", deposit(1), c)])
      yield* held.release
      const answer = yield* Fiber.join(first)
      assert.deepStrictEqual(yield* join(again), [
        { ...answer, duplicate: true },
        { ...answer, duplicate: true }
      ])
      assert.deepStrictEqual(yield* amounts("a"), [1])
    })
  )

  scenario(
    "is carried out once, and so are the commands around it",
    Effect.gen(function* () {
      const accounts = yield* open()
      const held = yield* hold()
      yield* start(accounts.execute("a", deposit(100)))
      yield* letOthersRun
      const callers = yield* startAll([
        accounts.execute("a", deposit(1)),
        accounts.execute("a", deposit(2), c),
        accounts.execute("a", deposit(3)),
        accounts.execute("a", deposit(2), c),
        accounts.execute("a", deposit(4))
      ])
      yield* held.release
      const answers = yield* join(callers)
      assert.deepStrictEqual(
        answers.map(({ version, duplicate }) => [version, duplicate]),
        [
          [2, false],
          [3, false],
          [4, false],
          [3, true],
          [5, false]
        ]
      )
      assert.deepStrictEqual(yield* amounts("a"), [100, 1, 2, 3, 4])
    })
  )
})

describe("a command that was carried out before the runtime started, sent again", () => {
  const before = during((accounts) => accounts.execute("a", deposit(2), c))

  scenario(
    "in the middle of others, leaves these carried out once, on what they find without it",
    Effect.gen(function* () {
      const first = yield* before
      const accounts = yield* open()
      const held = yield* hold()
      yield* start(accounts.execute("a", deposit(0)))
      yield* letOthersRun
      const callers = yield* startAll([
        accounts.execute("a", deposit(1), { commandId: "c-0" }),
        accounts.execute("a", deposit(2), c),
        // Would have been possible if the repetition had counted.
        accounts.execute("a", withdraw(5)),
        accounts.execute("a", withdraw(3))
      ])
      const reading = yield* start(accounts.read("a"))
      yield* held.release
      assert.deepStrictEqual(yield* outcomes(callers), ["success", "success", "Overdrawn", "success"])
      assert.deepStrictEqual(yield* Fiber.join(callers[1]!), { ...first, duplicate: true })
      assert.deepStrictEqual(yield* Fiber.join(reading), { version: 4, state: { balance: 0, entries: 4 } })
      assert.deepStrictEqual(yield* amounts("a"), [2, 0, 1, -3])
    })
  )

  scenario(
    "together with others that were, are all answered with their own outcome",
    Effect.gen(function* () {
      const ids = ["c1", "c2", "c3"]
      const send = (commandId: string) => during((accounts) => accounts.execute("a", deposit(1), { commandId }))
      const first = yield* Effect.forEach(ids, send)
      const accounts = yield* open()
      const again = yield* startAll(ids.map((commandId) => accounts.execute("a", deposit(1), { commandId })))
      assert.deepStrictEqual(
        yield* join(again),
        first.map((answer) => ({ ...answer, duplicate: true }))
      )
      assert.deepStrictEqual(yield* amounts("a"), [1, 1, 1])
    })
  )
})

describe("a command that was carried out before, sent again", () => {
  const before = during((accounts) => accounts.execute("a", deposit(2), c))

  for (const [what, command] of [
    ["be rejected", withdraw(1_000)],
    ["throw", explode]
  ] as const) {
    scenario(
      `although it would ${what} by now, is answered with the first outcome`,
      Effect.gen(function* () {
        const first = yield* before
        const accounts = yield* open()
        assert.deepStrictEqual(yield* accounts.execute("a", command, c), { ...first, duplicate: true })
        assert.deepStrictEqual(yield* accounts.execute("a", deposit(1), { commandId: "d" }), {
          ...first,
          version: 2,
          position: 2
        })
      })
    )
  }

  scenario(
    "is not called rejected when nobody can tell whether it was carried out",
    Effect.gen(function* () {
      yield* before
      const accounts = yield* open()
      yield* accounts.read("a")
      const faults = yield* FaultInjection.Faults
      yield* faults.failReads(true)
      assert.strictEqual(yield* failureOf(accounts.execute("a", withdraw(1_000), c)), "JournalUnavailable")
      assert.strictEqual(yield* failureOf(accounts.execute("a", withdraw(1_000))), "Overdrawn")
    })
  )
})

describe("a command id", () => {
  const twice = (first: Command, second: Command) =>
    Effect.gen(function* () {
      const accounts = yield* open()
      const one = yield* Effect.exit(accounts.execute("a", first, c))
      return [one, yield* Effect.exit(accounts.execute("a", second, c))] as const
    })

  scenario(
    "of a command that had nothing to do is remembered as well",
    Effect.gen(function* () {
      const accounts = yield* open()
      const first = yield* accounts.execute("a", deposit(), c)
      assert.deepInclude(first, { version: 0, position: 0, duplicate: false })
      yield* accounts.execute("a", deposit(1))
      assert.deepStrictEqual(yield* accounts.execute("a", deposit(), c), { ...first, duplicate: true })
      // Whatever it says now: the id was used.
      assert.deepStrictEqual(yield* accounts.execute("a", deposit(5), c), { ...first, duplicate: true })
      assert.deepStrictEqual(yield* amounts("a"), [1])
    })
  )

  scenario(
    "of a command that was rejected may be used again, when it is possible",
    Effect.gen(function* () {
      const [first, second] = yield* twice(withdraw(1), deposit(1))
      assert.deepStrictEqual([first._tag, second._tag], ["Failure", "Success"])
      assert.deepStrictEqual(yield* amounts("a"), [1])
    })
  )

  scenario(
    "belongs to its aggregate: another may use the same",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* accounts.execute("a", deposit(1), c)
      assert.isFalse((yield* accounts.execute("b", deposit(1), c)).duplicate)
    })
  )

  scenario(
    "repeated by a hundred callers at once is carried out once, on every journal that answers late or never",
    Effect.gen(function* () {
      const accounts = yield* open()
      const faults = yield* FaultInjection.Faults
      yield* faults.inject(FaultInjection.failAfter)
      const patient = Effect.retry(accounts.execute("a", deposit(1), c), {
        while: (e) => e._tag === "JournalUnavailable"
      })
      const answers = yield* join(yield* startAll(Array.from({ length: 100 }, () => patient)))
      assert.deepStrictEqual(yield* amounts("a"), [1])
      assert.isTrue(answers.every(({ version }) => version === 1))
    })
  )
})
