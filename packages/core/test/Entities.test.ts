/** What a sender of commands relies on: one at a time, in order, and an answer that says what was stored and where. */
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import * as Persistence from "@daybook/core/Persistence"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Account, deposit, withdraw } from "./Account.ts"
import {
  amounts,
  failureOf,
  history,
  hold,
  join,
  letOthersRun,
  open,
  outcomes,
  scenario,
  start,
  startAll
} from "./Bank.ts"

const partition = Partition.ofId("a", 8)

describe("a command", () => {
  scenario(
    "is answered with the version and the place of its last event",
    Effect.gen(function* () {
      const accounts = yield* open()
      const first = yield* accounts.execute("a", deposit(1, 2, 3))
      assert.deepStrictEqual(first, { id: "a", version: 3, partition, position: 3, duplicate: false })
      const second = yield* accounts.execute("a", withdraw(6))
      assert.deepStrictEqual(second, { id: "a", version: 4, partition, position: 4, duplicate: false })
      assert.deepStrictEqual(yield* accounts.read("a"), { version: 4, state: { balance: 0, entries: 4 } })
      assert.deepStrictEqual(yield* amounts("a"), [1, 2, 3, -6])
    })
  )

  scenario(
    "that is rejected says why, and stores nothing",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* accounts.execute("a", deposit(5))
      const rejection = yield* Effect.flip(accounts.execute("a", withdraw(6)))
      assert.deepInclude(rejection, { _tag: "Overdrawn", balance: 5, amount: 6 })
      assert.strictEqual((yield* accounts.execute("a", withdraw(5))).version, 2)
    })
  )

  scenario(
    "that has nothing to do is accepted at the version as it is, and leaves no event",
    Effect.gen(function* () {
      const accounts = yield* open()
      const unwritten = { id: "a", version: 0, partition, position: 0, duplicate: false }
      assert.deepStrictEqual(yield* accounts.execute("a", deposit()), unwritten)
      yield* accounts.execute("a", deposit(1))
      assert.deepStrictEqual(yield* accounts.execute("a", deposit(), { commandId: "c" }), { ...unwritten, version: 1 })
      assert.deepStrictEqual(yield* amounts("a"), [1])
    })
  )

  scenario(
    "is stored with everything that its sender said about it",
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const accounts = yield* open()
      const said = {
        commandId: "c-1",
        actor: "ada",
        reason: "salary",
        correlationId: "month-7",
        causationId: "message-1",
        traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        tenant: "north"
      }
      yield* accounts.execute("a", deposit(1, 2), { ...said, occurredAtMillis: 7 })
      yield* accounts.execute("a", deposit(3))
      const [first, second, third] = yield* history("a")
      assert.deepInclude(first, { ...said, occurredAtMillis: 7, recordedAtMillis: 1_000, version: 1 })
      assert.deepInclude(second, { ...said, occurredAtMillis: 7, version: 2 })
      assert.deepInclude(third, { actor: null, commandId: null, tenant: null, occurredAtMillis: 1_000 })
      assert.notStrictEqual(first!.eventId, second!.eventId)
    })
  )
})

describe("commands to one aggregate", () => {
  scenario(
    "are decided one at a time in the order of arrival, each on what the one before left",
    Effect.gen(function* () {
      const accounts = yield* open()
      // Only in this order does each withdrawal find what it needs.
      const sent = [deposit(1), withdraw(1), deposit(2), withdraw(2), deposit(3), withdraw(3), withdraw(1)]
      const callers = yield* startAll(sent.map((command) => accounts.execute("a", command)))
      assert.deepStrictEqual(yield* outcomes(callers), [...Array(6).fill("success"), "Overdrawn"])
      assert.deepStrictEqual(yield* amounts("a"), [1, -1, 2, -2, 3, -3])
    })
  )

  scenario(
    "of a thousand concurrent callers lose no update",
    Effect.gen(function* () {
      const accounts = yield* open()
      const answers = yield* join(
        yield* startAll(Array.from({ length: 1_000 }, () => accounts.execute("a", deposit(1))))
      )
      assert.deepStrictEqual(
        answers.map(({ version, position }) => [version, position]),
        Array.from({ length: 1_000 }, (_, i) => [i + 1, i + 1])
      )
      assert.deepStrictEqual(yield* accounts.read("a"), { version: 1_000, state: { balance: 1_000, entries: 1_000 } })
    })
  )

  scenario(
    "that share a commit are each answered with their own version, position and state",
    Effect.gen(function* () {
      const accounts = yield* open()
      const held = yield* hold()
      yield* start(accounts.execute("a", deposit(100)))
      yield* letOthersRun
      const sent = [deposit(1, 2), deposit(), withdraw(1_000), deposit(3)]
      const callers = yield* startAll(sent.map((command) => Effect.exit(accounts.execute("a", command))))
      const between = yield* start(accounts.read("a"))
      const last = yield* start(accounts.execute("a", withdraw(106)))
      yield* held.release
      const found = (yield* join(callers)).map((exit) =>
        exit._tag === "Success" ? [exit.value.version, exit.value.position] : "rejected"
      )
      assert.deepStrictEqual(found, [[3, 3], [3, 0], "rejected", [4, 4]])
      assert.deepStrictEqual(yield* Fiber.join(between), { version: 4, state: { balance: 106, entries: 4 } })
      assert.deepInclude(yield* Fiber.join(last), { version: 5, position: 5 })
      assert.strictEqual(yield* (yield* FaultInjection.Faults).appends, 2)
    })
  )

  scenario(
    "of callers who send the next one upon the answer go on sharing commits",
    Effect.gen(function* () {
      const accounts = yield* open()
      const caller = Effect.repeat(accounts.execute("a", deposit(1)), { times: 9 })
      yield* join(yield* startAll(Array.from({ length: 50 }, () => caller)))
      assert.strictEqual((yield* accounts.read("a")).version, 500)
      const appends = yield* (yield* FaultInjection.Faults).appends
      assert.isAtMost(appends, 12, "50 callers, 10 rounds")
    })
  )
})

describe("a read", () => {
  scenario(
    "of an aggregate that was never written is its initial state at version 0, and writes nothing",
    Effect.gen(function* () {
      const accounts = yield* open()
      assert.deepStrictEqual(yield* accounts.read("a"), { version: 0, state: Account.initial })
      assert.strictEqual(yield* (yield* FaultInjection.Faults).appends, 0)
    })
  )

  scenario(
    "sees every command that was sent before it, and none that was sent after",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* start(accounts.execute("a", deposit(1)))
      const reading = yield* start(accounts.read("a"))
      yield* start(accounts.execute("a", deposit(2)))
      assert.deepStrictEqual(yield* Fiber.join(reading), { version: 1, state: { balance: 1, entries: 1 } })
    })
  )
})

describe("aggregates", () => {
  scenario(
    "are independent of each other",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* Effect.forEach(["a", "b", "c"], (id) => accounts.execute(id, deposit(1)), { concurrency: "unbounded" })
      yield* accounts.execute("b", deposit(2))
      assert.deepStrictEqual([yield* amounts("a"), yield* amounts("b"), yield* amounts("c")], [[1], [1, 2], [1]])
      assert.strictEqual(yield* accounts.resident, 3)
    })
  )

  scenario(
    "share commits: what queues while one is under way is the next",
    Effect.gen(function* () {
      const accounts = yield* open()
      const held = yield* hold()
      const callers = yield* startAll(Array.from({ length: 200 }, (_, i) => accounts.execute(`${i}`, deposit(1))))
      yield* letOthersRun
      const later = yield* startAll(Array.from({ length: 200 }, (_, i) => accounts.execute(`${i}`, deposit(2))))
      yield* letOthersRun
      yield* held.release
      yield* join([...callers, ...later])
      assert.strictEqual(yield* (yield* FaultInjection.Faults).appends, 2)
      const heads = yield* (yield* Journal).heads
      assert.strictEqual(
        heads.reduce((sum, head) => sum + head, 0),
        400
      )
    })
  )

  scenario(
    "may have any text as an id",
    Effect.gen(function* () {
      const accounts = yield* open()
      for (const id of ["", "-", "a-b", "__proto__", "Zoë 🦊", " "]) {
        assert.deepInclude(yield* accounts.execute(id, deposit(1)), { id, version: 1 })
        assert.strictEqual((yield* history(id)).length, 1)
      }
    })
  )
})

describe("the expected version", () => {
  scenario(
    "lets a command through at that version, and refuses it at any other",
    Effect.gen(function* () {
      const accounts = yield* open()
      yield* accounts.execute("a", deposit(1), { expectedVersion: 0 })
      const error = yield* Effect.flip(accounts.execute("a", deposit(2), { expectedVersion: 0 }))
      assert.deepInclude(error, { _tag: "VersionMismatch", expectedVersion: 0, actualVersion: 1 })
      assert.strictEqual(yield* failureOf(accounts.execute("a", deposit(2), { expectedVersion: 2 })), "VersionMismatch")
      yield* accounts.execute("a", deposit(3), { expectedVersion: 1 })
      assert.deepStrictEqual(yield* amounts("a"), [1, 3])
    })
  )

  scenario(
    "lets one of many concurrent callers through",
    Effect.gen(function* () {
      const accounts = yield* open()
      const one = accounts.execute("a", deposit(1), { expectedVersion: 0 })
      const found = yield* outcomes(yield* startAll([one, one, one]))
      assert.deepStrictEqual(found, ["success", "VersionMismatch", "VersionMismatch"])
    })
  )

  scenario(
    "does not stand in the way of a command that is repeated after its success",
    Effect.gen(function* () {
      const accounts = yield* open()
      const options = { expectedVersion: 0, commandId: "c" }
      const first = yield* accounts.execute("a", deposit(1), options)
      assert.deepStrictEqual(yield* accounts.execute("a", deposit(1), options), { ...first, duplicate: true })
      assert.deepStrictEqual(yield* amounts("a"), [1])
    })
  )
})

describe("at every level", () => {
  for (const persistence of [Persistence.inline, Persistence.state({ every: 1 }), Persistence.events()]) {
    scenario(
      `${persistence._tag}: commands are answered with versions; positions are those of kept events`,
      Effect.gen(function* () {
        const accounts = yield* Entities.make(Account, { persistence })
        const kept = persistence._tag === "Inline" ? 0 : 1
        assert.deepInclude(yield* accounts.execute("a", deposit(1, 2)), { version: 2, position: 2 * kept })
        assert.deepInclude(yield* accounts.execute("a", withdraw(3)), { version: 3, position: 3 * kept })
        assert.deepStrictEqual(yield* accounts.read("a"), { version: 3, state: { balance: 0, entries: 3 } })
        assert.strictEqual((yield* history("a")).length, 3 * kept)
        const stored = yield* (yield* Journal).state("account-a")
        assert.strictEqual(stored._tag, persistence._tag === "Events" ? "None" : "Some")
      })
    )
  }
})
