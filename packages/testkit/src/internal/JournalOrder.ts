/**
 * Scenarios about partitions as readers see them: positions without gaps, in order, and no late commit skipped.
 */
import type { Stored } from "@daybook/core/Event"
import { Journal } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Section, scenario } from "../Suite.ts"
import {
  append,
  appendTo,
  expectAppended,
  expectDense,
  freshTarget,
  freshTargetIn,
  freshTargets,
  handedOver,
  hold,
  letOthersRun,
  numbered,
  range,
  readAfter,
  store,
  versionsOf,
  written
} from "./JournalFixture.ts"

const pages = scenario(
  "reading on from the last position in pages of any size gives every event once",
  Effect.gen(function* () {
    const journal = yield* Journal
    const partition = 0
    const after = (yield* journal.heads)[partition]!
    for (let i = 0; i < 5; i++) yield* store(appendTo(yield* freshTargetIn(partition), 0, numbered(1, 3)))
    for (const limit of [1, 2, 7, 15, 16, Number.MAX_SAFE_INTEGER]) {
      const events = yield* readAfter(partition, after, limit)
      assert.strictEqual(events.length, 15, `in pages of ${limit}`)
      expectDense(events, after)
    }
  })
)

const bounds = scenario(
  "nothing is read after the head or with a limit of 0, and a limit is never exceeded",
  Effect.gen(function* () {
    const journal = yield* Journal
    const { partition } = yield* written(3)
    const head = (yield* journal.heads)[partition]!
    const read = (after: number, limit: number) => journal.readPartition(partition, { after, limit })
    assert.deepStrictEqual(yield* read(head, 10), [])
    assert.deepStrictEqual(yield* read(head + 1_000_000, 10), [])
    assert.deepStrictEqual(yield* read(head - 3, 0), [])
    assert.deepStrictEqual(versionsOf(yield* read(head - 3, 2)), [1, 2])
    assert.deepStrictEqual(versionsOf(yield* read(head - 1, 10)), [3])
  })
)

const apart = scenario(
  "a partition holds its own streams alone, and its head moves with them alone",
  Effect.gen(function* () {
    const journal = yield* Journal
    const before = yield* journal.heads
    assert.strictEqual(before.length, journal.partitions)
    for (const partition of range(0, journal.partitions - 1)) {
      const target = yield* freshTargetIn(partition)
      yield* store(appendTo(target, 0, numbered(1, partition + 1)))
      const events = yield* readAfter(partition, before[partition]!)
      assert.deepStrictEqual([...new Set(events.map((event) => event.stream))], [target.stream])
    }
    assert.deepStrictEqual(
      yield* journal.heads,
      before.map((head, partition) => head + partition + 1)
    )
  })
)

/** Polls a partition, a few events at a time, until `count` events after a position have come. */
const follow = (partition: number, after: number, count: number) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const seen: Array<Stored> = []
    while (seen.length < count) {
      const page = yield* journal.readPartition(partition, { after: seen.at(-1)?.position ?? after, limit: 3 })
      seen.push(...page)
      yield* Effect.yieldNow
    }
    return seen
  })

/** Polls every partition for what is about to be appended there. */
const followAll = (expected: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const heads = yield* (yield* Journal).heads
    const fibers = yield* Effect.forEach(heads, (after, partition) =>
      Effect.forkScoped(follow(partition, after, expected[partition] ?? 0))
    )
    return Effect.gen(function* () {
      for (const [partition, fiber] of fibers.entries()) expectDense(yield* Fiber.join(fiber), heads[partition]!)
    })
  })

const countsOf = (
  partitions: number,
  appends: ReadonlyArray<{ readonly partition: number; readonly events: number }>
) =>
  range(0, partitions - 1).map((partition) =>
    appends.filter((one) => one.partition === partition).reduce((sum, one) => sum + one.events, 0)
  )

const concurrentAppends = scenario(
  "positions stay dense under concurrent appends, and a reader that polls meanwhile sees each event once, in order",
  Effect.gen(function* () {
    const journal = yield* Journal
    const targets = yield* freshTargets(120)
    const sizes = targets.map((target, i) => ({ ...target, events: (i % 4) + 1 }))
    const expectFollowed = yield* followAll(countsOf(journal.partitions, sizes))
    const outcomes = yield* Effect.forEach(sizes, (one) => append(appendTo(one, 0, numbered(1, one.events))), {
      concurrency: "unbounded"
    })
    for (const outcome of outcomes) expectAppended(outcome)
    yield* expectFollowed
  })
)

const failuresBetween = scenario(
  "transactions that fail among others leave no gap",
  Effect.gen(function* () {
    const journal = yield* Journal
    const targets = (yield* freshTargets(60)).map((target, i) => ({ ...target, events: i % 3 === 0 ? 0 : 2 }))
    const expectFollowed = yield* followAll(countsOf(journal.partitions, targets))
    yield* Effect.forEach(
      targets,
      (target) => {
        const batch = [appendTo(target, 0, numbered(1, 2))]
        const undone = Effect.flip(journal.append(batch, () => Effect.fail("undo")))
        return Effect.asVoid<unknown, unknown, Journal>(target.events === 0 ? undone : store(batch[0]!))
      },
      { concurrency: "unbounded" }
    )
    yield* expectFollowed
  })
)

/**
 * Keeps one append's transaction open while others append, then ends it. Readers poll all the while. Where the store does
 * several appends at once, other partitions must not wait for the one that is held.
 */
const lateCommit = (name: string, end: Effect.Effect<void, string>, kept: boolean) =>
  scenario(
    name,
    Effect.gen(function* () {
      const journal = yield* Journal
      const late = yield* freshTargetIn(0)
      const elsewhere = yield* Effect.forEach(range(1, journal.partitions - 1), freshTargetIn)
      const behind = [yield* freshTargetIn(0), yield* freshTargetIn(0)]
      const counted = [...(kept ? [late] : []), ...elsewhere, ...behind].map((target) => ({ ...target, events: 2 }))
      const expectFollowed = yield* followAll(countsOf(journal.partitions, counted))
      const held = yield* hold<string>([appendTo(late, 0, numbered(1, 2))])
      const fork = (target: typeof late) => Effect.forkScoped(append(appendTo(target, 0, numbered(1, 2))))
      const free = yield* Effect.forEach(elsewhere, fork)
      if (journal.lanes > 1) yield* Effect.forEach(free, Fiber.join)
      const waiting = yield* Effect.forEach(behind, fork)
      yield* letOthersRun
      // Reads go on meanwhile; the ones asked for here give the appends behind the held one time to overtake it, if they can.
      if (journal.lanes > 1) yield* Effect.repeat(journal.heads, { times: 20 })
      yield* held.release(end)
      assert.strictEqual((yield* Effect.exit(Fiber.join(held.fiber)))._tag, kept ? "Success" : "Failure")
      for (const fiber of [...free, ...waiting]) expectAppended(yield* Fiber.join(fiber))
      yield* expectFollowed
    })
  )

const signalMoves = scenario(
  "the signal moves after an append, and wakes who waits for it",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const seen = journal.signal.count
    const head = (yield* journal.heads)[target.partition]!
    const woken = yield* Effect.forkScoped(
      Effect.andThen(journal.signal.changed(seen), readAfter(target.partition, head))
    )
    yield* letOthersRun
    yield* store(appendTo(target, 0, numbered(1, 1)))
    assert.isAbove(journal.signal.count, seen)
    const found = yield* Fiber.join(woken)
    assert.deepStrictEqual(
      found.map((event) => event.stream),
      [target.stream]
    )
  })
)

const handsOver = scenario(
  "what the signal hands over of a batch, if anything, is what the batch has left in the partitions, in order",
  Effect.gen(function* () {
    const journal = yield* Journal
    const rival = yield* written(2)
    const before = yield* journal.heads
    const [first, ...others] = yield* freshTargets(9)
    const batch = [first!, rival, ...others].map((target) => appendTo(target, 0, numbered(1, 2)))
    const appending = Effect.andThen(journal.append(batch), store(appendTo(first!, 2, numbered(3, 3))))
    const [, handed] = yield* handedOver(appending)
    if (handed === undefined) return
    for (const [partition, after] of before.entries()) {
      assert.deepStrictEqual(
        handed.filter((event) => event.partition === partition),
        yield* readAfter(partition, after)
      )
    }
  })
)

const undone = scenario(
  "what a transaction has undone is not handed over",
  Effect.gen(function* () {
    const journal = yield* Journal
    const failing = journal.append([appendTo(yield* freshTarget, 0, numbered(1, 1))], () => Effect.fail("undo"))
    const [, handed] = yield* handedOver(Effect.exit(failing))
    assert.isEmpty(handed ?? [])
  })
)

export const partitions: Section<Journal> = {
  title: "reading partitions",
  scenarios: [
    pages,
    bounds,
    apart,
    concurrentAppends,
    failuresBetween,
    lateCommit("an append that commits late is not skipped by readers", Effect.void, true),
    lateCommit("an append that fails late leaves no gap for readers", Effect.fail("undo"), false),
    signalMoves,
    handsOver,
    undone
  ]
}
