/** What an operator relies on: pause and resume, and streams that were set aside come back whole and in order. */
import { Journal } from "@daybook/core/Journal"
import { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { failureOf, letOthersRun, start, waits, withJournal } from "./Bank.ts"
import { deposits, idIn, type Ledger, ledgerEntry, makeLedger, positions, run, scenario, withStore } from "./Books.ts"

const [a, b, other] = [idIn(0), idIn(0, 1), idIn(1)]
const streamA = `account-${a}`

/** The entries of account a. */
const ofA = (ledger: Ledger) =>
  ledger.entries.filter((entry) => entry.startsWith(`${a}:`)).map((entry) => entry.slice(2))

/** A ledger that has set account a aside at its second entry, of which there are three by now. */
const parked = (options: { readonly attempts: number } = { attempts: 1 }) =>
  Effect.gen(function* () {
    const ledger = makeLedger()
    const fault = { on: true }
    ledger.before = (batch) =>
      Effect.suspend(() => (fault.on && batch.map(ledgerEntry).includes(`${a}:2`) ? Effect.fail("no") : Effect.void))
    yield* deposits(a, [1, 2])
    yield* deposits(b, [1])
    yield* deposits(a, [3])
    const projector = yield* run(ledger, options)
    assert.deepStrictEqual(ledger.entries, [`${a}:1`, `${b}:1`])
    return { ledger, fault, projector }
  })

describe("a paused projection", () => {
  scenario(
    "applies nothing until it is resumed, and then at once what has come meanwhile",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const projector = yield* run(ledger)
      yield* deposits(a, [1])
      yield* projector.pause("ledger")
      yield* deposits(a, [2])
      yield* deposits(other, [1])
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(ledger.entries, [`${a}:1`])
      assert.deepInclude((yield* projector.status)[0], { paused: true, lag: 2 })
      yield* projector.resume("ledger")
      yield* letOthersRun
      assert.deepStrictEqual(ledger.entries.slice(1).sort(), [`${a}:2`, `${other}:1`].sort())
      assert.deepInclude((yield* projector.status)[0], { paused: false, lag: 0 })
    })
  )

  scenario(
    "is paused and resumed from another process as well, and across restarts",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const elsewhere = yield* run(ledger, { run: false })
      yield* elsewhere.pause("ledger")
      yield* Effect.scoped(Effect.andThen(run(ledger), deposits(a, [1])))
      yield* run(ledger)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(ledger.entries, [])
      yield* elsewhere.resume("ledger")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(ledger.entries, [`${a}:1`])
    })
  )

  scenario(
    "is resumed at once though its worker has just been told that it is paused",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const told = yield* Deferred.make<void>()
      // The first answer is long on its way, and old when it comes.
      let asked = 0
      yield* Effect.flatMap(run(ledger, { run: false }), (elsewhere) => elsewhere.pause("ledger"))
      yield* deposits(a, [1])
      const projector = yield* run(ledger).pipe(
        withStore((store) => ({
          paused: (name) => Effect.tap(store.paused(name), () => (asked++ === 0 ? Deferred.await(told) : Effect.void))
        }))
      )
      assert.strictEqual(asked, 1)
      yield* projector.resume("ledger")
      yield* Deferred.succeed(told, undefined)
      yield* letOthersRun
      assert.deepStrictEqual(ledger.entries, [`${a}:1`])
    })
  )

  scenario(
    "leaves the others running",
    Effect.gen(function* () {
      const [one, two] = [makeLedger({ name: "one" }), makeLedger({ name: "two" })]
      const projector = yield* run([one, two])
      yield* projector.pause("one")
      yield* deposits(a, [1])
      assert.deepStrictEqual([one.entries, two.entries], [[], [`${a}:1`]])
    })
  )
})

describe("a stream that is taken back in", () => {
  scenario(
    "has what it missed applied, once and in order, and goes on from there",
    Effect.gen(function* () {
      const { ledger, fault, projector } = yield* parked()
      fault.on = false
      yield* projector.unpark("ledger", streamA)
      assert.deepStrictEqual(ofA(ledger), ["1", "2", "3"])
      yield* deposits(a, [4])
      yield* projector.unpark("ledger", streamA)
      assert.deepStrictEqual(ofA(ledger), ["1", "2", "3", "4"])
      assert.deepInclude((yield* projector.status)[0], { parked: [], lag: 0 })
    })
  )

  scenario(
    "by another process has the events applied that come before the worker has heard of it",
    Effect.gen(function* () {
      const { ledger, fault } = yield* parked()
      fault.on = false
      const elsewhere = yield* run(ledger, { run: false })
      yield* elsewhere.unpark("ledger", streamA)
      yield* deposits(a, [4])
      yield* deposits(b, [2])
      yield* deposits(a, [5])
      assert.deepStrictEqual(ofA(ledger), ["1", "2", "3", "4", "5"])
    })
  )

  scenario(
    "while new events arrive misses none of them",
    Effect.gen(function* () {
      const { ledger, projector } = yield* parked()
      const gate = yield* Deferred.make<void>()
      ledger.before = (batch) => (batch.length > 1 ? Deferred.await(gate) : Effect.void)
      const unparking = yield* start(projector.unpark("ledger", streamA))
      // The worker gets as far as to skip it, and finds the offset locked.
      yield* deposits(a, [4])
      assert.isTrue(yield* waits(unparking))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(unparking)
      yield* letOthersRun
      assert.deepStrictEqual(ofA(ledger), ["1", "2", "3", "4"])
      assert.deepStrictEqual((yield* projector.status)[0]!.parked, [])
    })
  )
})

describe("a stream that a reaction has set aside", () => {
  scenario(
    "is told of every event, also of one that the worker passes over just when the stream is taken back in",
    Effect.gen(function* () {
      const told: Array<string> = []
      const fault = { on: true }
      const [first, second] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const ledger = makeLedger()
      const reaction: Ledger = {
        ...ledger,
        projection: {
          ...ledger.projection,
          effects: "idempotent",
          handle: (batch) =>
            Effect.gen(function* () {
              const entries = batch.map(ledgerEntry)
              if (fault.on && entries.includes(`${a}:2`)) return yield* Effect.fail("no")
              if (entries.includes(`${b}:1`)) yield* Deferred.await(first)
              if (entries.includes(`${b}:2`)) yield* Deferred.await(second)
              told.push(...entries)
            })
        }
      }
      yield* deposits(a, [1, 2])
      yield* run(reaction, { attempts: 1 })
      fault.on = false
      const elsewhere = yield* run(reaction, { run: false })
      yield* deposits(b, [1])
      yield* deposits(a, [3])
      yield* deposits(b, [2])
      yield* Deferred.succeed(first, undefined)
      yield* letOthersRun
      yield* elsewhere.unpark("ledger", streamA)
      yield* Deferred.succeed(second, undefined)
      yield* TestClock.adjust("10 seconds")
      assert.includeMembers(told, [`${a}:1`, `${a}:2`, `${a}:3`, `${b}:1`, `${b}:2`])
      assert.deepInclude((yield* elsewhere.status)[0], { parked: [], lag: 0 })
    })
  )
})

describe("a stream that is set aside and taken back in", () => {
  scenario(
    "has those applied as well that the worker passes over while the operator reads",
    Effect.gen(function* () {
      const { ledger, fault, projector } = yield* parked()
      fault.on = false
      const gate = yield* Deferred.make<void>()
      const elsewhere = yield* run(ledger, { run: false }).pipe(
        withJournal((journal) => ({
          readStream: (stream, range) => Effect.tap(journal.readStream(stream, range), () => Deferred.await(gate))
        }))
      )
      const unparking = yield* start(elsewhere.unpark("ledger", streamA))
      yield* deposits(a, [4])
      assert.deepInclude((yield* projector.status)[0], { lag: 0 })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(unparking)
      yield* deposits(a, [5])
      assert.deepStrictEqual(ofA(ledger), ["1", "2", "3", "4", "5"])
    })
  )

  scenario(
    "by two operators at once has it applied once",
    Effect.gen(function* () {
      const { ledger, projector } = yield* parked()
      const gate = yield* Deferred.make<void>()
      ledger.before = () => Deferred.await(gate)
      const elsewhere = yield* run(ledger, { run: false })
      const unparking = [
        yield* start(projector.unpark("ledger", streamA)),
        yield* start(elsewhere.unpark("ledger", streamA))
      ]
      yield* letOthersRun
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll(unparking)
      assert.deepStrictEqual(ofA(ledger), ["1", "2", "3"])
    })
  )

  for (const events of [10, 40]) {
    scenario(
      `again and again among ${events} events, has each applied once and in order`,
      Effect.gen(function* () {
        const { ledger, fault, projector } = yield* parked()
        const operator = Effect.forEach(Array.from({ length: events }), () =>
          Effect.andThen(Effect.exit(projector.unpark("ledger", streamA)), Effect.yieldNow)
        )
        const writer = Effect.forEach(Array.from({ length: events }), (_, i) =>
          Effect.gen(function* () {
            fault.on = i % 3 !== 0
            yield* deposits(a, [4 + i])
            yield* deposits(b, [4 + i])
          })
        )
        yield* Effect.all([operator, writer], { concurrency: "unbounded" })
        fault.on = false
        yield* projector.unpark("ledger", streamA)
        yield* letOthersRun
        assert.deepStrictEqual(
          ofA(ledger),
          Array.from({ length: events + 3 }, (_, i) => `${i + 1}`)
        )
      })
    )
  }
})

describe("a stream that cannot be taken back in yet", () => {
  scenario(
    "stays as it is, and the operator is told why",
    Effect.gen(function* () {
      const { ledger, projector } = yield* parked()
      const [before] = yield* projector.status
      const error = yield* Effect.flip(projector.unpark("ledger", streamA))
      assert.deepInclude(error, { _tag: "StillFailing", projection: "ledger", stream: streamA })
      assert.include(error.message, "from version 2 on: no")
      assert.deepStrictEqual(yield* projector.status, [before!])
      yield* deposits(a, [4])
      assert.deepStrictEqual(ofA(ledger), ["1"])
    })
  )

  scenario(
    "because its events are gone is not taken for one that missed nothing",
    Effect.gen(function* () {
      const { fault, projector } = yield* parked()
      fault.on = false
      yield* (yield* Journal).deleteTo(streamA, 2)
      const error = yield* Effect.flip(projector.unpark("ledger", streamA))
      assert.include(error.message, "its events are gone")
    })
  )

  scenario(
    "because the store is away may be tried again",
    Effect.gen(function* () {
      const { ledger, fault } = yield* parked()
      fault.on = false
      const down = new ReadModelUnavailable({ detail: "Out to lunch", retryAfterSeconds: 1 })
      const projector = yield* run(ledger, { run: false }).pipe(withStore(() => ({ unpark: () => Effect.fail(down) })))
      assert.strictEqual(yield* failureOf(projector.unpark("ledger", streamA)), "ReadModelUnavailable")
      assert.deepStrictEqual(ofA(ledger), ["1"])
    })
  )

  scenario(
    "is not affected by unparking another",
    Effect.gen(function* () {
      const { ledger, projector } = yield* parked()
      yield* projector.unpark("ledger", `account-${b}`)
      yield* projector.unpark("ledger", "account-unheard-of")
      assert.deepStrictEqual(ofA(ledger), ["1"])
      assert.strictEqual((yield* projector.status)[0]!.parked.length, 1)
      assert.deepStrictEqual(yield* positions(), [4, 0])
    })
  )
})
