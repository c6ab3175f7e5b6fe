/** What a sender relies on when a command may be the first of its aggregate: it is quick where it is, and right where it is not. */
import { Guesses } from "@daybook/core/Guesses"
import * as Persistence from "@daybook/core/Persistence"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Command, corrupt, deposit, withdraw } from "./Account.ts"
import {
  amounts,
  during,
  failureOf,
  hold,
  join,
  open,
  outcomes,
  scenario,
  start,
  startAll,
  waits,
  withJournal
} from "./Bank.ts"

const level2 = { persistence: Persistence.state() }

/** A journal whose look-ups of versions are counted. */
const counted = () => {
  const count = { reads: 0 }
  const through = withJournal((journal) => ({
    version: (stream) =>
      Effect.suspend(() => {
        count.reads++
        return journal.version(stream)
      })
  }))
  return { count, through }
}

const existing = during((accounts) => accounts.execute("a", deposit(5)), level2)

describe("the first command of an aggregate", () => {
  for (const persistence of [Persistence.inline, Persistence.state()]) {
    scenario(
      `needs no read where it creates it (${persistence._tag}), nor do those that follow`,
      Effect.gen(function* () {
        const { count, through } = counted()
        const accounts = yield* through(open({ persistence }))
        assert.strictEqual((yield* accounts.execute("a", deposit(1))).version, 1)
        assert.strictEqual((yield* accounts.execute("a", withdraw(1))).version, 2)
        assert.deepStrictEqual(yield* accounts.read("a"), { version: 2, state: { balance: 0, entries: 2 } })
        assert.strictEqual(count.reads, 0)
      })
    )
  }

  scenario(
    "waits for a read where the initial state does not accept it, where it leaves nothing, and where it breaks",
    Effect.gen(function* () {
      const { count, through } = counted()
      const accounts = yield* through(open(level2))
      assert.strictEqual(yield* failureOf(accounts.execute("a", withdraw(1))), "Overdrawn")
      assert.strictEqual((yield* accounts.execute("b", deposit())).version, 0)
      assert.strictEqual(yield* failureOf(accounts.execute("c", corrupt)), "defect")
      assert.strictEqual((yield* accounts.read("d")).version, 0)
      assert.strictEqual(count.reads, 4)
    })
  )

  scenario(
    "waits for a read at level 3, which looks after snapshots too",
    Effect.gen(function* () {
      const { count, through } = counted()
      const accounts = yield* through(open())
      yield* accounts.execute("a", deposit(1))
      assert.strictEqual(count.reads, 1)
    })
  )

  scenario(
    "fails where the journal does not answer, and the next one finds what was stored nevertheless",
    Effect.gen(function* () {
      const accounts = yield* open(level2)
      yield* (yield* FaultInjection.Faults).inject(FaultInjection.failAfter)
      assert.strictEqual(yield* failureOf(accounts.execute("a", deposit(1))), "JournalUnavailable")
      assert.strictEqual((yield* accounts.execute("a", withdraw(1))).version, 2)
    })
  )
})

describe("a command that would create an aggregate which exists", () => {
  scenario(
    "is decided again on what there is, and so are all that wait with it; nobody hears of the guess",
    Effect.gen(function* () {
      yield* existing
      const accounts = yield* open(level2)
      const held = yield* hold()
      const first = yield* start(accounts.execute("a", deposit(1)))
      const others = yield* startAll([accounts.execute("a", withdraw(6)), accounts.execute("b", deposit(7))])
      assert.isTrue(yield* waits(first))
      yield* held.release
      assert.deepStrictEqual(
        (yield* join([first, ...others])).map(({ id, version }) => [id, version]),
        [
          ["a", 2],
          ["a", 3],
          ["b", 1]
        ]
      )
      assert.deepStrictEqual(yield* amounts("a"), [5, 1, -6])
    })
  )

  scenario(
    "is answered with the first outcome when its id was carried out before, and what follows it rests on what there is",
    Effect.gen(function* () {
      const first = yield* during((accounts) => accounts.execute("a", deposit(1, 2), { commandId: "c" }), level2)
      const accounts = yield* open(level2)
      const repeated = yield* accounts.execute("a", deposit(1, 2), { commandId: "c" })
      assert.deepStrictEqual(repeated, { ...first, duplicate: true })
      assert.strictEqual((yield* accounts.execute("a", withdraw(3))).version, 3)
    })
  )

  scenario(
    "has those that come next look first, until enough of them turn out to be new",
    Effect.gen(function* () {
      yield* existing
      const { count, through } = counted()
      const accounts = yield* through(open(level2))
      yield* accounts.execute("a", deposit(1))
      for (let i = 0; i < 99; i++) yield* accounts.execute(`new-${i}`, deposit(1))
      assert.strictEqual(count.reads, 100)
      yield* accounts.execute("last", deposit(1))
      yield* accounts.execute("guessed", deposit(1))
      assert.strictEqual(count.reads, 101)
    })
  )
})

describe("a command that would create an aggregate which exists, and is refused in any case,", () => {
  const refused: ReadonlyArray<readonly [string, Command, object, string]> = [
    ["a version that it no longer has", deposit(1), { expectedVersion: 0 }, "VersionMismatch"],
    [
      "the same, in a command that could not be stored",
      deposit(1),
      { expectedVersion: 0, actor: "\u0000" },
      "VersionMismatch"
    ],
    ["nothing but to be stored, which it cannot be", deposit(1), { actor: "\u0000" }, "defect"]
  ]
  for (const [what, command, options, outcome] of refused) {
    scenario(
      `is refused for what there is, not for what was guessed: it wants ${what}`,
      Effect.gen(function* () {
        yield* existing
        const callers = yield* startAll([(yield* open(level2)).execute("a", command, options)])
        assert.deepStrictEqual(yield* outcomes(callers), [outcome])
        assert.deepStrictEqual(yield* amounts("a"), [5])
      })
    )
  }
})

describe("guesses", () => {
  it("are made again after one wrong guess and a hundred that would have been right, however many were wrong at once", () => {
    const guesses = new Guesses(Persistence.state())
    expect(guesses.allowed).toBe(true)
    for (let i = 0; i < 7; i++) guesses.wasWrong()
    for (let i = 0; i < 100; i++) {
      expect(guesses.allowed).toBe(false)
      guesses.foundNew()
    }
    expect(guesses.allowed).toBe(true)
    guesses.foundNew()
    expect(guesses.allowed).toBe(true)
  })
})
