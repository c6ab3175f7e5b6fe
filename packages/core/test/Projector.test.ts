/** What the author of a read model relies on: every event once, in order, in the transaction that moves the offset. */

import { AppendSignal } from "@daybook/core/AppendSignal"
import { Journal } from "@daybook/core/Journal"
import * as Projection from "@daybook/core/Projection"
import * as Projector from "@daybook/core/Projector"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import { Account } from "./Account.ts"
import { failureOf, letOthersRun, start, waits, withJournal } from "./Bank.ts"
import { deposits, during, idIn, ledgerEntry, makeLedger, positions, run, scenario } from "./Books.ts"

const [a, b, other] = [idIn(0), idIn(0, 1), idIn(1)]

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe("events", () => {
  scenario(
    "are applied in the order of their partition, those from before the start and those that come",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* deposits(a, [1, 2])
      yield* deposits(b, [3])
      yield* deposits(a, [4])
      yield* run(ledger)
      assert.deepStrictEqual(ledger.entries, [`${a}:1`, `${a}:2`, `${b}:3`, `${a}:4`])
      yield* deposits(b, [5])
      yield* deposits(a, [6])
      assert.deepStrictEqual(ledger.entries.slice(4), [`${b}:5`, `${a}:6`])
      assert.deepStrictEqual(yield* positions(), [6, 0])
    })
  )

  scenario(
    "are applied exactly once across restarts",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 7 })
      for (let i = 0; i < 5; i++) {
        yield* deposits(a, range(10 * i + 1, 10 * i + 5))
        yield* during(ledger, deposits(a, range(10 * i + 6, 10 * i + 10)))
      }
      assert.deepStrictEqual(
        ledger.entries,
        range(1, 50).map((amount) => `${a}:${amount}`)
      )
      yield* during(ledger, letOthersRun)
      assert.strictEqual(ledger.entries.length, 50)
    })
  )

  scenario(
    "come with all that is known about them, decoded",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* TestClock.setTime(1_000)
      yield* deposits(a, [1], (append) => ({
        ...append,
        events: append.events.map((event) => ({ ...event, actor: "ada", occurredAtMillis: 7 }))
      }))
      const replays: Array<Projection.Replay> = []
      const handle: typeof ledger.projection.handle = (batch, replay) => {
        replays.push(replay)
        return ledger.projection.handle(batch, replay)
      }
      yield* run({ ...ledger, projection: { ...ledger.projection, handle } })
      assert.deepInclude(ledger.batches[0]![0], {
        stream: `account-${a}`,
        version: 1,
        partition: 0,
        position: 1,
        actor: "ada",
        occurredAtMillis: 7,
        recordedAtMillis: 1_000,
        event: { _tag: "Deposited", amount: 1 }
      })
      assert.deepStrictEqual(replays, [{ replaying: false }])
    })
  )
})

describe("events of aggregates that a projection does not want", () => {
  const others = (id: string, amounts: ReadonlyArray<number>, type = "Deposited") =>
    deposits(id, amounts, (append) => ({
      ...append,
      stream: `order-${id}`,
      expectedVersion: 0,
      events: append.events.map((event) => ({ ...event, type }))
    }))

  scenario(
    "are passed over, also where nothing else comes, and need not be readable",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* others(a, [1, 2, 3], "Unheard-of")
      yield* deposits(a, [4])
      yield* run(ledger)
      yield* others(other, [5])
      assert.deepStrictEqual(ledger.entries, [`${a}:4`])
      assert.deepStrictEqual(yield* positions(), [4, 1])
      assert.strictEqual(ledger.batches.length, 1, "the handler is not called for nothing")
    })
  )

  scenario(
    "go to the projection that wants them, or wants several",
    Effect.gen(function* () {
      yield* others(a, [1])
      yield* deposits(a, [2])
      const seen: Array<string> = []
      const both = Projection.make({
        name: "both",
        sources: [Account, { name: "order", events: Account.events }],
        handle: (batch) => Effect.sync(() => seen.push(...batch.map(({ stream }) => stream)))
      })
      yield* Projector.make([both])
      yield* letOthersRun
      assert.deepStrictEqual(seen, [`order-${a}`, `account-${a}`])
    })
  )
})

describe("a batch", () => {
  scenario(
    "holds no more events than the projection wants, of all partitions together",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 10 })
      yield* deposits(a, range(1, 25))
      yield* deposits(other, range(1, 8))
      yield* run(ledger)
      assert.isTrue(ledger.batches.every((batch) => batch.length <= 10))
      assert.strictEqual(ledger.entries.length, 33)
      const ofA = ledger.entries.filter((entry) => entry.startsWith(`${a}:`))
      assert.deepStrictEqual(
        ofA,
        range(1, 25).map((amount) => `${a}:${amount}`)
      )
      // Five of each partition while both are behind.
      assert.deepStrictEqual(
        ledger.batches.map((batch) => batch.length),
        [10, 8, 10, 5]
      )
    })
  )

  scenario(
    "moves the offset with its writes, or neither",
    Effect.gen(function* () {
      const ledger = makeLedger({ onFailure: "stop" })
      yield* deposits(a, [1, 2, 3])
      ledger.before = (batch) => (batch.map(ledgerEntry).includes(`${a}:2`) ? Effect.fail("no") : Effect.void)
      yield* run(ledger, { attempts: 1 })
      assert.deepStrictEqual(ledger.entries, [`${a}:1`])
      assert.deepStrictEqual(yield* positions(), [1, 0])
    })
  )
})

describe("a worker", () => {
  scenario(
    "is woken by the journal, without any time passing",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* run(ledger, { poll: "1 hour" })
      yield* deposits(a, [1])
      assert.deepStrictEqual(ledger.entries, [`${a}:1`])
    })
  )

  scenario(
    "finds everything by polling alone where the journal's signal never moves",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* run(ledger, { poll: "1 second" }).pipe(withJournal(() => ({ signal: new AppendSignal() })))
      yield* deposits(a, [1])
      assert.deepStrictEqual(ledger.entries, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(ledger.entries, [`${a}:1`])
      yield* deposits(other, [2])
      yield* deposits(a, [3])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(ledger.entries.length, 3)
    })
  )

  scenario(
    "of one projection does not wait for another's",
    Effect.gen(function* () {
      const slow = makeLedger({ name: "slow" })
      const quick = makeLedger({ name: "quick" })
      slow.before = () => Effect.never
      yield* run([slow, quick])
      yield* deposits(a, [1])
      yield* deposits(a, [2])
      assert.deepStrictEqual(quick.entries, [`${a}:1`, `${a}:2`])
      assert.deepStrictEqual(slow.entries, [])
    })
  )

  scenario(
    "shares its name with no other",
    Effect.gen(function* () {
      const exit = yield* Effect.exit(run([makeLedger(), makeLedger()]))
      assert.strictEqual(exit._tag, "Failure")
    })
  )
})

describe("the status", () => {
  scenario(
    "says how far a projection is behind",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* deposits(a, [1, 2])
      yield* deposits(other, [3])
      const projector = yield* run(ledger, { run: false })
      const [before] = yield* projector.status
      assert.deepInclude(before, { name: "ledger", paused: false, lag: 3, parked: [] })
      yield* during(ledger, Effect.void)
      const [after] = yield* projector.status
      assert.strictEqual(after!.lag, 0)
      assert.deepStrictEqual(
        after!.offsets.map(({ position }) => position),
        [2, 1]
      )
    })
  )

  scenario(
    "knows no other projections than its own",
    Effect.gen(function* () {
      const projector = yield* run(makeLedger())
      for (const use of [projector.pause("x"), projector.resume("x"), projector.unpark("x", "s")]) {
        assert.strictEqual(yield* failureOf(use), "defect")
      }
    })
  )
})

describe("a reader of its own writes", () => {
  scenario(
    "waits until the position has been applied, and no longer",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const projector = yield* run(ledger)
      const reading = yield* start(projector.awaitPosition("ledger", { partition: 0, position: 2 }, "5 seconds"))
      yield* deposits(a, [1])
      assert.isTrue(yield* waits(reading))
      yield* deposits(a, [2])
      assert.isTrue(yield* Fiber.join(reading))
      assert.isTrue(yield* projector.awaitPosition("ledger", { partition: 0, position: 1 }, 0))
    })
  )

  scenario(
    "is told when it has not been applied in time, exactly then",
    Effect.gen(function* () {
      const projector = yield* run(makeLedger())
      yield* deposits(other, [1])
      const reading = yield* start(projector.awaitPosition("ledger", { partition: 0, position: 1 }, "5 seconds"))
      yield* TestClock.adjust("4999 millis")
      assert.isTrue(yield* waits(reading))
      yield* TestClock.adjust("1 milli")
      assert.isFalse(yield* Fiber.join(reading))
    })
  )

  scenario(
    "sees also what another process applies",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const projector = yield* run(ledger, { run: false })
      const reading = yield* start(projector.awaitPosition("ledger", { partition: 0, position: 1 }, "5 seconds"))
      yield* deposits(a, [1])
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* waits(reading))
      yield* during(ledger, Effect.void)
      yield* TestClock.adjust("20 millis")
      assert.isTrue(yield* Fiber.join(reading))
    })
  )

  scenario(
    "may wait for whatever it can check",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const projector = yield* run(ledger)
      const sum = Effect.sync(() => Option.liftPredicate(ledger.entries.length, (count) => count >= 2))
      const reading = yield* start(projector.awaitUntil("ledger", sum, "5 seconds"))
      yield* deposits(a, [1])
      assert.isTrue(yield* waits(reading))
      yield* deposits(a, [2])
      assert.deepStrictEqual(yield* Fiber.join(reading), Option.some(2))
      const never = yield* start(projector.awaitUntil("ledger", Effect.succeedNone, "5 seconds"))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(never), Option.none())
      assert.strictEqual(yield* failureOf(projector.awaitUntil("ledger", Effect.fail({ _tag: "Gone" }), 1)), "Gone")
    })
  )
})

describe("who waits for a version of a stream", () => {
  scenario(
    "is spared looks in vain while it waits for a version of a stream, and looks now and then anyway",
    Effect.gen(function* () {
      const ledger = makeLedger()
      let gate = yield* Deferred.make<void>()
      const handle: typeof ledger.projection.handle = (batch, replay) =>
        Effect.andThen(Deferred.await(gate), ledger.projection.handle(batch, replay))
      const projector = yield* run({ ...ledger, projection: { ...ledger.projection, handle } })
      const looks: Array<number> = []
      const read = (stream: string, version: number) => {
        const look = Effect.sync(() => {
          looks.push(version)
          return Option.liftPredicate(ledger.entries.length, (count) => count >= version)
        })
        return start(projector.awaitUntil("ledger", look, "5 seconds", { stream, version }))
      }
      yield* deposits(a, [1, 2])
      const first = yield* read(`account-${a}`, 2)
      yield* letOthersRun
      assert.deepStrictEqual(looks, [], "the worker has these events before it")
      yield* TestClock.adjust("20 millis")
      assert.deepStrictEqual(looks, [2], "another process may have applied them")
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(first), Option.some(2))
      assert.deepStrictEqual(looks, [2, 2])
      const again = yield* read(`account-${a}`, 2)
      assert.deepStrictEqual(yield* Fiber.join(again), Option.some(2), "what has been applied is looked for at once")
      gate = yield* Deferred.make<void>()
      yield* deposits(b, [3])
      const elsewhere = yield* read(`account-${a}`, 3)
      yield* letOthersRun
      assert.deepStrictEqual(looks, [2, 2, 2, 3], "of another stream's events nothing follows")
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(elsewhere), Option.some(3))
      gate = yield* Deferred.make<void>()
      yield* deposits(a, [4])
      yield* letOthersRun
      const before = yield* read(`account-${a}`, 2)
      assert.deepStrictEqual(
        yield* Fiber.join(before),
        Option.some(3),
        "a version that is there, though the next is not"
      )
      yield* Deferred.succeed(gate, undefined)
    })
  )
})

describe("a journal that does not answer", () => {
  scenario(
    "holds a projection up and costs it nothing",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const journal = yield* Journal
      let failing = true
      const heads = Effect.suspend(() => (failing ? Effect.die(new Error("broken")) : journal.heads))
      yield* run(ledger).pipe(withJournal(() => ({ heads })))
      yield* deposits(a, [1])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(ledger.entries, [])
      failing = false
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(ledger.entries, [`${a}:1`])
    })
  )
})
