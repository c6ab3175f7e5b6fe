/** What rebuilds and read models as of a time rely on: a replay shows a projection every event once, and says what it cannot do. */
import { Journal } from "@daybook/core/Journal"
import * as Projection from "@daybook/core/Projection"
import { ProjectionStore, ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import * as Replay from "@daybook/core/Replay"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Account } from "./Account.ts"
import { letOthersRun, waits } from "./Bank.ts"
import { deposits, idIn, ledgerEntry, makeLedger, positions, scenario, withStore } from "./Books.ts"

const [a, b, other] = [idIn(0), idIn(0, 1), idIn(1)]

/** Five events of two streams in partition 0, and two of a third one in partition 1. */
const history = Effect.gen(function* () {
  yield* deposits(a, [1, 2])
  yield* deposits(b, [1])
  yield* deposits(other, [1, 2])
  yield* deposits(a, [3])
  yield* deposits(b, [2])
})

const inPartition0 = [`${a}:1`, `${a}:2`, `${b}:1`, `${a}:3`, `${b}:2`]
const inPartition1 = [`${other}:1`, `${other}:2`]

const ofPartition1 = (entry: string) => entry.startsWith(`${other}:`)

/** Entries by partition: there is no order between partitions. */
const byPartition = (entries: ReadonlyArray<string>) => [
  entries.filter((entry) => !ofPartition1(entry)),
  entries.filter(ofPartition1)
]

const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.flip(effect)

const unavailable = new ReadModelUnavailable({ detail: "deadlock detected", retryAfterSeconds: 1 })

/** As many of a handler's batches fail, the first ones. */
const failingTimes = (times: number, error: unknown) => {
  const fault = { left: times, seen: 0 }
  return {
    fault,
    before: () =>
      Effect.suspend(() => {
        fault.seen++
        return fault.left-- > 0 ? Effect.fail(error) : Effect.void
      })
  }
}

describe("a replay", () => {
  scenario(
    "shows a projection every event once, in order within each partition, and leaves the offsets at the end",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 2 })
      yield* history
      assert.deepStrictEqual(yield* Replay.run(ledger.projection), [5, 2])
      assert.deepStrictEqual(byPartition(ledger.entries), [inPartition0, inPartition1])
      assert.deepStrictEqual(yield* positions(), [5, 2])
      assert.isAtMost(Math.max(...ledger.batches.map((batch) => batch.length)), 2)
    })
  )

  for (const [declared, expected] of [
    [{ batchSize: 2 }, [2, 2, 1]],
    [{ batchSize: 1, replayBatchSize: 4 }, [4, 1]],
    [{}, [5]]
  ] satisfies ReadonlyArray<[object, Array<number>]>)
    scenario(
      `shows as many events together as the projection says: ${JSON.stringify(declared)}`,
      Effect.gen(function* () {
        const batches: Array<number> = []
        const projection = Projection.make({
          name: "counted",
          sources: [Account],
          ...declared,
          handle: (batch) => Effect.sync(() => void batches.push(batch.length))
        })
        yield* history
        yield* Replay.run(projection, { until: [5, 0] })
        assert.deepStrictEqual(batches, expected)
      })
    )

  scenario(
    "tells the handler that it replays",
    Effect.gen(function* () {
      const told: Array<boolean> = []
      const projection = Projection.make({
        name: "told",
        sources: [Account],
        handle: (_, { replaying }) => Effect.sync(() => void told.push(replaying))
      })
      yield* history
      yield* Replay.run(projection)
      assert.deepStrictEqual(told, [true, true])
    })
  )
})

describe("a replay, as to what it replays,", () => {
  scenario(
    "is done at once with an empty journal",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Replay.run(makeLedger().projection), [0, 0])
    })
  )

  scenario(
    "ends at the positions that were asked for, and goes on from there when it is to go further",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* history
      assert.deepStrictEqual(yield* Replay.run(ledger.projection, { until: [3, 0] }), [3, 0])
      assert.deepStrictEqual(ledger.entries, inPartition0.slice(0, 3))
      assert.deepStrictEqual(yield* Replay.run(ledger.projection, { until: [1, 1] }), [1, 1])
      assert.deepStrictEqual(yield* positions(), [3, 1], "never back")
      yield* Replay.run(ledger.projection)
      assert.deepStrictEqual(byPartition(ledger.entries), [inPartition0, inPartition1])
    })
  )

  scenario(
    "does not wait for positions that the journal has not reached",
    Effect.gen(function* () {
      yield* history
      assert.deepStrictEqual(yield* Replay.run(makeLedger().projection, { until: [5_000, 5_000] }), [5, 2])
    })
  )

  scenario(
    "passes over the events that do not count, and goes on after them",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 2 })
      yield* history
      yield* Replay.run(ledger.projection, { only: ({ stream }) => stream === `account-${b}` })
      assert.deepStrictEqual(ledger.entries, [`${b}:1`, `${b}:2`])
      assert.deepStrictEqual(yield* positions(), [5, 2])
    })
  )

  scenario(
    "passes over the events of aggregates that the projection does not follow",
    Effect.gen(function* () {
      const projection = Projection.make({
        name: "others",
        sources: [{ name: "invoice", events: Account.events }],
        handle: () => Effect.die("has been shown an account")
      })
      yield* history
      assert.deepStrictEqual(yield* Replay.run(projection), [5, 2])
    })
  )
})

describe("a replay, as to how fast it goes,", () => {
  scenario(
    "says how far it is after each batch, what was done before included",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 2 })
      yield* history
      yield* Replay.run(ledger.projection, { until: [2, 0] })
      const seen: Array<Replay.Progress> = []
      yield* Replay.run(ledger.projection, { parallel: 1, onProgress: (progress) => seen.push(progress) })
      assert.deepStrictEqual(
        seen,
        [2, 4, 5, 7].map((done) => ({ done, total: 7 }))
      )
    })
  )

  for (const [parallel, expected] of [
    [1, 1],
    [2, 2]
  ] as const)
    scenario(
      `works on as many partitions at a time as it is told: ${parallel}`,
      Effect.gen(function* () {
        const ledger = makeLedger()
        let atOnce = 0
        let most = 0
        ledger.before = () =>
          Effect.gen(function* () {
            most = Math.max(most, ++atOnce)
            yield* letOthersRun
            atOnce--
          })
        // The memory store works on one transaction of a projection at a time.
        const apart = withStore(() => ({ transact: (_, __, work) => work }))
        yield* history
        yield* apart(Replay.run(ledger.projection, { parallel }))
        assert.strictEqual(most, expected)
      })
    )

  scenario(
    "keeps to a rate, over all partitions",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* history
      const fiber = yield* Effect.forkChild(Replay.run(ledger.projection, { eventsPerSecond: 2 }))
      const seen: Array<number> = []
      for (let second = 0; second <= 3; second++) {
        yield* letOthersRun
        seen.push(ledger.entries.length)
        yield* TestClock.adjust("1 second")
      }
      yield* Fiber.join(fiber)
      // The first two seconds' worth of two partitions begins at once and after a second; the last batch holds one event.
      assert.deepStrictEqual(seen, [2, 4, 6, 7])
    })
  )
})

describe("a replay that is interrupted", () => {
  scenario(
    "keeps what it has done, and is gone on with: every event is applied once",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 1 })
      yield* history
      let left = 3
      ledger.before = () => (left-- > 0 ? Effect.void : Effect.never)
      const fiber = yield* Effect.forkChild(Replay.run(ledger.projection))
      yield* letOthersRun
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(ledger.entries.length, 3)
      ledger.before = () => Effect.void
      yield* Replay.run(ledger.projection)
      assert.deepStrictEqual(byPartition(ledger.entries), [inPartition0, inPartition1])
    })
  )

  scenario(
    "is not disturbed by a second one, which is refused while the first lives",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* history
      ledger.before = () => Effect.never
      const fiber = yield* Effect.forkChild(Replay.run(ledger.projection))
      yield* letOthersRun
      const refused = yield* failure(Replay.run(ledger.projection))
      assert.strictEqual(refused._tag, "ReplayHeld")
      yield* Fiber.interrupt(fiber)
      ledger.before = () => Effect.void
      assert.deepStrictEqual(yield* Replay.run(ledger.projection), [5, 2])
    })
  )
})

describe("the claim of a replay", () => {
  scenario(
    "is renewed once for all partitions that are at work, and again when that fails",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 1 })
      yield* history
      let atOnce = 0
      let most = 0
      let claims = 0
      const counting = withStore((store) => ({
        claim: (name, claim) =>
          Effect.gen(function* () {
            most = Math.max(most, ++atOnce)
            yield* Effect.sleep("100 millis")
            atOnce--
            if (++claims === 2) return yield* Effect.fail(unavailable)
            return yield* store.claim(name, claim)
          })
      }))
      // Both partitions wait so long for every event that their claims are due when they go on, at the same moment.
      ledger.before = () => Effect.sleep("6 seconds")
      const together = withStore(() => ({ transact: (_, __, work) => work }))
      const fiber = yield* Effect.forkChild(counting(together(Replay.run(ledger.projection))))
      while (yield* waits(fiber)) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [5, 2])
      assert.isAbove(claims, 2)
      assert.strictEqual(most, 1)
    })
  )

  scenario(
    "is kept however long it takes; once it is lost, the replay cannot commit any more",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 1 })
      const store = yield* ProjectionStore
      yield* history
      const fiber = yield* Effect.forkChild(Effect.flip(Replay.run(ledger.projection, { eventsPerSecond: 0.25 })))
      yield* TestClock.adjust("20 seconds")
      const claim = { owner: "another", partitions: 2, leaseMillis: 1_000 }
      assert.deepStrictEqual(yield* store.claim("ledger", claim), [], "the lease is renewed while it works")
      const before = ledger.entries.length
      yield* store.reset("ledger")
      yield* TestClock.adjust("10 seconds")
      const { _tag } = yield* Fiber.join(fiber)
      assert.include(["ProjectionFenced", "ReplayHeld"], _tag)
      assert.strictEqual(ledger.entries.length, before)
    })
  )
})

describe("an event that cannot be applied", () => {
  scenario(
    "ends the replay, which names it; what comes before it stays, and once it is mended the replay goes on",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* history
      ledger.before = (batch) =>
        batch.map(ledgerEntry).includes(`${a}:3`) ? Effect.fail(new Error("no such account")) : Effect.void
      const failed = yield* failure(Replay.run(ledger.projection, { parallel: 1 }))
      assert.deepInclude(failed, {
        _tag: "ReplayFailed",
        stream: `account-${a}`,
        version: 3,
        partition: 0,
        position: 4,
        eventType: "Deposited"
      })
      assert.include(failed.message, "no such account")
      assert.deepStrictEqual(yield* positions(), [3, 0])
      ledger.before = () => Effect.void
      yield* Replay.run(ledger.projection)
      assert.deepStrictEqual(byPartition(ledger.entries), [inPartition0, inPartition1])
    })
  )

  scenario(
    "is named too when its type is not known to this code, and when the handler throws",
    Effect.gen(function* () {
      yield* deposits(a, [1, 2], (append) => ({
        ...append,
        events: append.events.map((event, i) => (i === 1 ? { ...event, type: "Lent" } : event))
      }))
      const unknown = yield* failure(Replay.run(makeLedger().projection))
      assert.deepInclude(unknown, { _tag: "ReplayFailed", position: 2, eventType: "Lent" })
      const ledger = makeLedger({ name: "thrower" })
      ledger.before = () => {
        throw new Error("a defect")
      }
      const thrown = yield* failure(Replay.run(ledger.projection))
      assert.deepInclude(thrown, { _tag: "ReplayFailed", position: 1 })
      assert.include(thrown.message, "a defect")
    })
  )
})

describe("a failure of the store", () => {
  scenario(
    "that is a deadlock passes, and is no event's fault",
    Effect.gen(function* () {
      const { fault, before } = failingTimes(3, unavailable)
      const ledger = makeLedger()
      ledger.before = before
      yield* history
      const fiber = yield* Effect.forkChild(Replay.run(ledger.projection, { parallel: 1 }))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [5, 2])
      assert.strictEqual(fault.seen, 5)
      assert.deepStrictEqual(byPartition(ledger.entries), [inPartition0, inPartition1])
    })
  )

  scenario(
    "is an event's where the store answers and yet refuses it again and again",
    Effect.gen(function* () {
      const ledger = makeLedger()
      ledger.before = (batch) => (batch.map(ledgerEntry).includes(`${b}:1`) ? Effect.fail(unavailable) : Effect.void)
      yield* history
      const fiber = yield* Effect.forkChild(Effect.flip(Replay.run(ledger.projection, { parallel: 1 })))
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "ReplayFailed", stream: `account-${b}`, version: 1 })
    })
  )

  scenario(
    "is not an event's where the store does not answer",
    Effect.gen(function* () {
      const ledger = makeLedger()
      yield* history
      const away = withStore(() => ({
        transact: () => Effect.fail(unavailable),
        offsets: () => Effect.fail(unavailable)
      }))
      const fiber = yield* Effect.forkChild(Effect.flip(away(Replay.run(ledger.projection))))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "ReadModelUnavailable")
    })
  )
})

describe("a journal", () => {
  scenario(
    "that does not answer for a moment is waited for",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 1 })
      const faults = yield* FaultInjection.Faults
      yield* history
      ledger.before = (batch) => (ledgerEntry(batch[0]!) === `${a}:2` ? faults.failReads(true) : Effect.void)
      const fiber = yield* Effect.forkChild(Replay.run(ledger.projection))
      yield* TestClock.adjust("3 seconds")
      yield* faults.failReads(false)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [5, 2])
    })
  )

  scenario(
    "from which events are gone is refused, saying how many: a read model from the others would be wrong",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const journal = yield* Journal
      yield* history
      yield* journal.deleteTo(`account-${a}`, 2)
      yield* journal.deleteTo(`account-${other}`, 1)
      const refused = yield* failure(Replay.run(ledger.projection, { parallel: 1 }))
      assert.deepInclude(refused, { _tag: "EventsGone", gone: 3, partition: 0, position: 1 })
      assert.include(refused.message, "3 events")
      assert.include(refused.message, "npx daybook audit verify tells whether they were removed on purpose.")
      assert.deepStrictEqual(ledger.entries, [])
    })
  )

  scenario(
    "is read up to an event that is gone in the middle",
    Effect.gen(function* () {
      const ledger = makeLedger({ batchSize: 1 })
      const journal = yield* Journal
      yield* history
      yield* journal.deleteTo(`account-${b}`, 1)
      const refused = yield* failure(Replay.run(ledger.projection, { parallel: 1 }))
      assert.deepInclude(refused, { _tag: "EventsGone", gone: 1, partition: 0, position: 3 })
      assert.deepStrictEqual(ledger.entries, inPartition0.slice(0, 2))
    })
  )
})

describe("a reaction", () => {
  scenario(
    "is never replayed: it would send again what was sent",
    Effect.gen(function* () {
      const reaction = Projection.reaction({
        name: "mail",
        sources: [Account],
        handle: () => Effect.die("sent a mail")
      })
      yield* history
      const refused = yield* failure(Replay.run(reaction))
      assert.strictEqual(refused._tag, "NotReplayable")
      assert.deepStrictEqual(yield* positions("mail"), [])
    })
  )
})
