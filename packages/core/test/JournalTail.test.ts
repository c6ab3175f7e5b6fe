/**
 * What the workers of projections rely on who follow a journal together: every event once and in order, whoever reads it, and one
 * read for all of them.
 */
import { setTimeout } from "node:timers/promises"
import { AppendSignal, writtenOf } from "@daybook/core/AppendSignal"
import { type Append, Journal, JournalUnavailable } from "@daybook/core/Journal"
import { JournalTail, looksAtOnce, tailOf } from "@daybook/core/JournalTail"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as fc from "fast-check"

const append = (partition: number, version: number, events: number): Append => ({
  stream: `thing-${partition}`,
  partition,
  expectedVersion: version,
  events: Array.from({ length: events }, (_, i) => ({
    eventId: `00000000-0000-7000-8${String(partition).padStart(3, "0")}-${String(version + i).padStart(12, "0")}`,
    type: "Happened",
    schemaVersion: 1,
    data: {},
    occurredAtMillis: 0,
    ...nothingKnown
  })),
  receipts: [],
  state: null,
  keepEvents: true
})

/** A journal that counts how often its partitions are read, and lets a read wait. */
const watched = Effect.gen(function* () {
  const journal = yield* Journal
  const seen = { reads: 0, hold: Effect.void as Effect.Effect<void, JournalUnavailable> }
  const readPartition: Journal["Service"]["readPartition"] = (partition, options) => {
    seen.reads++
    const { hold } = seen
    return Effect.tap(journal.readPartition(partition, options), () => hold)
  }
  return { journal: { ...journal, readPartition }, seen }
})

const places = (...positions: ReadonlyArray<number>) =>
  positions.map((position, partition) => ({ partition, position }))

const news = (tail: JournalTail, after: ReturnType<typeof places>, look = false, limit = 500) =>
  Effect.map(tail.news(after, { limit, look }), (found) =>
    found.map(({ after: { partition }, events }) => [partition, ...events.map(({ position }) => position)])
  )

const scenario = (name: string, run: Effect.Effect<void, JournalUnavailable, Journal>) =>
  it.effect(name, () => Effect.provide(run, Journal.layerMemory({ partitions: 2 })))

describe("the tail of a journal", () => {
  scenario(
    "has what is new in all partitions, in order, and an equal share of each",
    Effect.gen(function* () {
      const { journal } = yield* watched
      const tail = new JournalTail(journal)
      yield* journal.append([append(0, 0, 3), append(1, 0, 2)])
      assert.deepStrictEqual(yield* news(tail, places(0, 0)), [
        [0, 1, 2, 3],
        [1, 1, 2]
      ])
      yield* journal.append([append(0, 3, 3), append(1, 2, 3)])
      assert.deepStrictEqual(yield* news(tail, places(3, 2), false, 4), [
        [0, 4, 5],
        [1, 3, 4]
      ])
      assert.deepStrictEqual(yield* news(tail, places(5, 4)), [
        [0, 6],
        [1, 5]
      ])
      assert.deepStrictEqual(yield* news(tail, places(6, 5)), [])
    })
  )

  scenario(
    "is read once for all who follow it, wherever they are",
    Effect.gen(function* () {
      const { journal, seen } = yield* watched
      const tail = new JournalTail(journal)
      assert.deepStrictEqual(yield* news(tail, places(0, 0)), [])
      yield* journal.append([append(0, 0, 4)])
      seen.reads = 0
      const all = yield* Effect.forEach([0, 1, 2, 3, 4], (from) => news(tail, places(from, 0)), { concurrency: 5 })
      assert.deepStrictEqual(all, [[[0, 1, 2, 3, 4]], [[0, 2, 3, 4]], [[0, 3, 4]], [[0, 4]], []])
      assert.strictEqual(seen.reads, 2)
      assert.strictEqual(tailOf(journal), tailOf(journal))
    })
  )

  scenario(
    "reads again when something was appended while it read",
    Effect.gen(function* () {
      const { journal, seen } = yield* watched
      const tail = new JournalTail(journal)
      yield* news(tail, places(0, 0))
      const release = yield* Deferred.make<void>()
      seen.hold = Deferred.await(release)
      const first = yield* Effect.forkChild(news(tail, places(0, 0), true))
      yield* Effect.yieldNow
      yield* journal.append([append(0, 0, 1)])
      const second = yield* Effect.forkChild(news(tail, places(0, 0)))
      yield* Effect.yieldNow
      seen.hold = Effect.void
      yield* Deferred.succeed(release, undefined)
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [[[0, 1]], [[0, 1]]])
    })
  )
})

describe("a tail that is asked", () => {
  scenario(
    "looks when it is told to, though nobody has said that there is something",
    Effect.gen(function* () {
      const { journal, seen } = yield* watched
      const tail = new JournalTail(journal)
      yield* news(tail, places(0, 0))
      seen.reads = 0
      yield* news(tail, places(0, 0))
      assert.strictEqual(seen.reads, 0)
      yield* news(tail, places(0, 0), true)
      assert.strictEqual(seen.reads, 2)
    })
  )

  scenario(
    "says to everyone that the journal does not answer, and reads again for whoever asks then",
    Effect.gen(function* () {
      const { journal, seen } = yield* watched
      const tail = new JournalTail(journal)
      yield* news(tail, places(0, 0))
      yield* journal.append([append(0, 0, 1)])
      seen.hold = Effect.fail(new JournalUnavailable({ retryAfterSeconds: 1, detail: "down" }))
      const both = Effect.all([news(tail, places(0, 0)), news(tail, places(0, 0))].map(Effect.exit), { concurrency: 2 })
      assert.isTrue((yield* both).every(Exit.isFailure))
      seen.hold = Effect.void
      assert.deepStrictEqual(yield* news(tail, places(0, 0)), [[0, 1]])
    })
  )
})

describe("whoever follows the tail of a journal", () => {
  scenario(
    "serves who is far behind, and who has gone ahead, by a read of their own",
    Effect.gen(function* () {
      const { journal } = yield* watched
      yield* journal.append([append(0, 0, 400)])
      const tail = new JournalTail(journal)
      let [behind, count] = [0, 0]
      while (behind < 400) {
        const [found] = yield* tail.news(places(behind, 0), { limit: 60, look: false })
        for (const { position } of found!.events) assert.strictEqual(position, ++behind)
        count++
      }
      // Of sixty, half are for the other partition, which has none.
      assert.isAtMost(count, 14)
      yield* journal.append([append(0, 400, 300)])
      let ahead = 500
      while (ahead < 700) {
        const [found] = yield* tail.news(places(ahead, 0), { limit: 60, look: false })
        for (const { position } of found!.events) assert.strictEqual(position, ++ahead)
      }
      // More than is kept has come meanwhile.
      assert.deepStrictEqual((yield* news(tail, places(400, 0), false, 2))[0]!.slice(0, 2), [0, 401])
    })
  )

  scenario(
    "brings who is far behind forward, however much is appended meanwhile",
    Effect.gen(function* () {
      const { journal, seen } = yield* watched
      yield* journal.append([append(0, 0, 400), append(1, 0, 400)])
      const tail = new JournalTail(journal)
      yield* news(tail, places(400, 400))
      let version = 400
      seen.hold = Effect.suspend(() => journal.append([append(1, version++, 1)]))
      for (const from of [0, 100, 200]) {
        const found = yield* tail.news(places(from, version), { limit: 200, look: false })
        const behind = found.find(({ after }) => after.partition === 0)
        assert.strictEqual(behind?.events[0]?.position, from + 1)
      }
    })
  )
})

/** Two processes on one journal: this one's appends are handed over, of the other's it hears at most that there are some. */
const sharedWith = Effect.fnUntraced(function* (options: {
  readonly readAnywayMillis?: number
  readonly pauseMillis?: number
}) {
  const { journal: watchedJournal, seen } = yield* watched
  const beneath = yield* Journal
  const signal = new AppendSignal()
  const versions = [0, 0]
  const appendNext = (partition: number, events: number) =>
    Effect.suspend(() => {
      const version = versions[partition]!
      versions[partition] = version + events
      return Effect.as(beneath.append([append(partition, version, events)]), version)
    })
  return {
    seen,
    tail: new JournalTail({ ...watchedJournal, shared: true, signal }, options),
    ours: (partition: number, events: number) =>
      Effect.map(appendNext(partition, events), (version) =>
        signal.appended(
          Array.from({ length: events }, (_, i) =>
            writtenOf(append(partition, version, events), i, "{}", version + 1, 0)
          )
        )
      ),
    theirs: (partition: number, events: number, isHeard: boolean) =>
      Effect.map(appendNext(partition, events), () => (isHeard ? signal.notify() : undefined))
  }
})

const shared = sharedWith({ readAnywayMillis: Number.POSITIVE_INFINITY })

describe("what this process has appended", () => {
  scenario(
    "is not read back",
    Effect.gen(function* () {
      const { tail, seen, ours } = yield* shared
      yield* news(tail, places(0, 0))
      seen.reads = 0
      yield* ours(0, 2)
      yield* ours(1, 1)
      yield* ours(0, 1)
      assert.deepStrictEqual(yield* news(tail, places(0, 0)), [
        [0, 1, 2, 3],
        [1, 1]
      ])
      assert.deepStrictEqual(yield* news(tail, places(3, 1)), [])
      yield* ours(1, 1)
      assert.deepStrictEqual(yield* news(tail, places(3, 1)), [[1, 2]])
      assert.strictEqual(seen.reads, 0)
    })
  )

  scenario(
    "is read with what others have put in between, whether they were heard or not",
    Effect.gen(function* () {
      const { tail, ours, theirs } = yield* shared
      yield* news(tail, places(0, 0))
      yield* theirs(0, 1, false)
      yield* ours(0, 1)
      assert.deepStrictEqual(yield* news(tail, places(0, 0)), [[0, 1, 2]])
      yield* ours(0, 1)
      yield* theirs(0, 1, true)
      assert.deepStrictEqual(yield* news(tail, places(2, 0)), [[0, 3, 4]])
      yield* ours(0, 1)
      yield* theirs(0, 1, false)
      yield* ours(0, 1)
      assert.deepStrictEqual(yield* news(tail, places(4, 0)), [[0, 5, 6, 7]])
      yield* theirs(1, 1, false)
      assert.deepStrictEqual(yield* news(tail, places(7, 0)), [])
      assert.deepStrictEqual(yield* news(tail, places(7, 0), true), [[1, 1]])
    })
  )
})

describe("what this process has appended, while nobody looks or somebody reads,", () => {
  scenario(
    "is read when it was let go, since nobody had asked for it",
    Effect.gen(function* () {
      const { tail, seen, ours } = yield* shared
      yield* news(tail, places(0, 0))
      seen.reads = 0
      for (let i = 0; i < 13; i++) yield* ours(0, 10)
      const all: Array<number> = []
      while (all.length < 130) {
        all.push(
          ...(yield* tail.news(places(all.length, 0), { limit: 500, look: false }))[0]!.events.map((e) => e.position)
        )
      }
      assert.deepStrictEqual(
        all,
        Array.from({ length: 130 }, (_, i) => i + 1)
      )
      assert.isAbove(seen.reads, 0)
    })
  )

  scenario(
    "does not keep from it for good what others append elsewhere, and nobody hears of",
    Effect.gen(function* () {
      const { tail, ours, theirs } = yield* sharedWith({ readAnywayMillis: 0 })
      yield* news(tail, places(0, 0))
      yield* theirs(1, 1, false)
      yield* ours(0, 1)
      assert.deepStrictEqual(yield* news(tail, places(0, 0)), [
        [0, 1],
        [1, 1]
      ])
    })
  )

  scenario(
    "while a read is under way is neither lost nor there twice",
    Effect.gen(function* () {
      const { tail, seen, ours, theirs } = yield* shared
      yield* news(tail, places(0, 0))
      yield* theirs(0, 1, true)
      const release = yield* Deferred.make<void>()
      seen.hold = Deferred.await(release)
      const reading = yield* Effect.forkChild(news(tail, places(0, 0)))
      yield* Effect.yieldNow
      yield* ours(0, 2)
      seen.hold = Effect.void
      yield* Deferred.succeed(release, undefined)
      assert.deepStrictEqual(yield* Fiber.join(reading), [[0, 1]])
      seen.reads = 0
      assert.deepStrictEqual(yield* news(tail, places(1, 0)), [[0, 2, 3]])
      assert.strictEqual(seen.reads, 0)
    })
  )
})

describe("what this process has appended, one by one,", () => {
  const longMillis = 1_000_000
  const paced = sharedWith({ readAnywayMillis: Number.POSITIVE_INFINITY, pauseMillis: longMillis })

  /** Appends an event to the first partition and takes it up, as often as that is done at once. */
  const atOnce = Effect.fnUntraced(function* ({ tail, ours }: Effect.Success<typeof paced>) {
    yield* news(tail, places(0, 0))
    for (let version = 1; version <= looksAtOnce; version++) {
      yield* ours(0, 1)
      assert.deepStrictEqual(yield* news(tail, places(version - 1, 0)), [[0, version]])
    }
    return looksAtOnce
  })

  const isThere = (found: Fiber.Fiber<unknown, unknown>) =>
    Effect.andThen(
      Effect.promise(() => setTimeout(20)),
      Effect.sync(() => found.pollUnsafe() !== undefined)
    )

  scenario(
    "is taken up at once a few times, then in its time, and sooner when somebody waits for it, but not for what is taken up already, or is not there",
    Effect.gen(function* () {
      const both = yield* paced
      const { tail, ours } = both
      const taken = yield* atOnce(both)
      yield* ours(0, 2)
      const next = yield* Effect.forkChild(news(tail, places(taken, 0)))
      assert.isTrue(tail.awaits({ partition: 0, position: taken - 1 }, "thing-0", taken))
      assert.isFalse(tail.awaits({ partition: 0, position: taken }, "thing-0", taken))
      assert.isFalse(tail.awaits({ partition: 0, position: taken }, "thing-0", taken + 3))
      assert.isFalse(tail.awaits({ partition: 1, position: 0 }, "thing-1", 1))
      assert.isFalse(yield* isThere(next))
      assert.isTrue(tail.awaits({ partition: 0, position: taken }, "thing-0", taken + 2))
      assert.isTrue(tail.awaits({ partition: 0, position: taken }, "thing-0", taken + 1))
      assert.deepStrictEqual(yield* Fiber.join(next), [[0, taken + 1, taken + 2]])
      // It holds for once.
      yield* ours(0, 1)
      const later = yield* Effect.forkChild(news(tail, places(taken + 2, 0)))
      assert.isFalse(yield* isThere(later))
      assert.isTrue(tail.awaits({ partition: 0, position: taken + 2 }, "thing-0", taken + 3))
      assert.deepStrictEqual(yield* Fiber.join(later), [[0, taken + 3]])
    })
  )

  scenario(
    "is taken up at once by who looks next, where somebody waited before",
    Effect.gen(function* () {
      const both = yield* paced
      const { tail, ours } = both
      const taken = yield* atOnce(both)
      yield* ours(0, 1)
      assert.isTrue(tail.awaits({ partition: 0, position: taken }, "thing-0", taken + 1))
      assert.deepStrictEqual(yield* news(tail, places(taken, 0)), [[0, taken + 1]])
    })
  )
})

it.effect(
  "whoever follows gets every event once and in order, whatever two processes append and whatever is heard of it",
  () => {
    const step = fc.oneof(
      fc.record({
        by: fc.constantFrom("ours", "heard", "unheard"),
        partition: fc.nat(1),
        events: fc.integer({ min: 1, max: 90 })
      }),
      fc.record({
        by: fc.constantFrom("look", "follow"),
        partition: fc.nat(1),
        events: fc.integer({ min: 1, max: 300 })
      })
    )
    const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const { tail, ours, theirs } = yield* shared
          const appended = [0, 0]
          const reached = [
            [0, 0],
            [0, 0]
          ]
          const follow = (who: number, limit: number, look: boolean) =>
            Effect.map(tail.news(places(...reached[who]!), { limit, look }), (found) => {
              for (const { after, events } of found) {
                for (const { position } of events) assert.strictEqual(position, ++reached[who]![after.partition]!)
              }
              return found.length
            })
          for (const { by, partition, events } of steps) {
            if (by === "look" || by === "follow") yield* follow(partition, events, by === "look")
            else {
              appended[partition]! += events
              yield* by === "ours" ? ours(partition, events) : theirs(partition, events, by === "heard")
            }
          }
          for (const who of [0, 1]) {
            while ((yield* follow(who, 200, true)) > 0);
            assert.deepStrictEqual(reached[who], appended)
          }
        }).pipe(Effect.provide(Journal.layerMemory({ partitions: 2 })))
      )
    )
    return Effect.promise(() => fc.assert(property, { numRuns: 60 }))
  }
)
