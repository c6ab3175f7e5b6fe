/**
 * Scenarios about moving forward: the offset and the read model change together or not at all, and only by the worker that
 * holds the partition, from the position that it believes to be current.
 */
import { type Advance, type Parked, ProjectionStore } from "@daybook/core/ProjectionStore"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { type Section, scenario, scenarioWith } from "../Suite.ts"
import type { Witness } from "../Witness.ts"
import { freshId, letOthersRun } from "./JournalFixture.ts"
import {
  type AdvanceTime,
  advanceBy,
  claim,
  claimed,
  fencedPartition,
  leaseMillis,
  move,
  offsets,
  positions
} from "./ProjectionFixture.ts"

const together = scenario(
  "several partitions move in one transaction, which answers what its work answers",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection, held } = yield* claimed
    const steps = [advanceBy(held[0]!, 10), advanceBy(held[2]!, 3)]
    assert.strictEqual(yield* store.transact(projection, steps, Effect.succeed("done")), "done")
    assert.deepStrictEqual(yield* positions(projection), [10, 0, 3])
    const [first] = yield* offsets(projection)
    yield* move(projection, [advanceBy(first!, 5)])
    assert.deepStrictEqual(yield* positions(projection), [15, 0, 3])
  })
)

const withoutSteps = scenario(
  "a transaction without a step runs its work and moves nothing",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection } = yield* claimed
    assert.strictEqual(yield* store.transact(projection, [], Effect.succeed("done")), "done")
    assert.deepStrictEqual(yield* positions(projection), [0, 0, 0])
  })
)

/** Ways in which work ends badly. */
const endings: ReadonlyArray<readonly [string, Effect.Effect<never, string>]> = [
  ["failure", Effect.fail("no")],
  ["defect", Effect.die("broken")],
  ["interruption", Effect.interrupt]
]

const failing = ([what, end]: (typeof endings)[number]) =>
  scenario(
    `a ${what} of the work moves nothing, and the same step then succeeds`,
    Effect.gen(function* () {
      const store = yield* ProjectionStore
      const { projection, held } = yield* claimed
      const steps = held.map((offset) => advanceBy(offset, 2))
      const exit = yield* Effect.exit(store.transact(projection, steps, end))
      assert.isTrue(Exit.isFailure(exit))
      if (what === "failure") assert.strictEqual(yield* Effect.flip(store.transact(projection, steps, end)), "no")
      assert.deepStrictEqual(yield* positions(projection), [0, 0, 0])
      yield* move(projection, steps)
      assert.deepStrictEqual(yield* positions(projection), [2, 2, 2])
    })
  )

/** A step that must be fenced, made from a right one. Other partitions of the same transaction must stay as well. */
const fences = (name: string, spoil: (right: Advance) => Advance) =>
  scenario(
    name,
    Effect.gen(function* () {
      const { projection, held } = yield* claimed
      yield* move(
        projection,
        held.map((offset) => advanceBy(offset, 5))
      )
      const now = yield* offsets(projection)
      const steps = [advanceBy(now[0]!, 1), spoil(advanceBy(now[1]!, 1)), advanceBy(now[2]!, 1)]
      assert.strictEqual(yield* fencedPartition(move(projection, steps)), 1)
      assert.deepStrictEqual(yield* positions(projection), [5, 5, 5])
    })
  )

const overtaken = <R>(advance: AdvanceTime<R>) =>
  scenario(
    "a worker whose partition was taken over can no longer commit; its successor can",
    Effect.gen(function* () {
      const { projection, held } = yield* claimed
      yield* advance(leaseMillis * 1.1)
      const taken = yield* claim(projection, "b")
      assert.strictEqual(yield* fencedPartition(move(projection, [advanceBy(held[0]!, 1)])), 0)
      yield* move(projection, [advanceBy(taken[0]!, 4)])
      assert.strictEqual(yield* fencedPartition(move(projection, [advanceBy(held[0]!, 4)])), 0)
      assert.deepStrictEqual(yield* positions(projection), [4, 0, 0])
    })
  )

const takenMeanwhile = <R>(advance: AdvanceTime<R>) =>
  scenario(
    "a take-over in the middle of a transaction either waits for it or fences it",
    Effect.gen(function* () {
      const store = yield* ProjectionStore
      const { projection, held } = yield* claimed
      const [inside, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      yield* advance(leaseMillis * 1.1)
      const work = Effect.andThen(Deferred.succeed(inside, undefined), Deferred.await(go))
      const old = yield* Effect.forkScoped(Effect.exit(store.transact(projection, [advanceBy(held[0]!, 6)], work)))
      yield* Deferred.await(inside)
      const successor = yield* Effect.forkScoped(claim(projection, "b"))
      yield* letOthersRun
      yield* Deferred.succeed(go, undefined)
      const committed = Exit.isSuccess(yield* Fiber.join(old))
      const taken = (yield* Fiber.join(successor)).find(({ partition }) => partition === 0)
      // A store that skips rows in use may leave the partition for the next claim.
      const now = taken ?? (yield* claim(projection, "b"))[0]!
      assert.strictEqual(now.position, committed ? 6 : 0, "the successor is told where the read model really is")
      yield* move(projection, [advanceBy(now, 1)])
      assert.strictEqual((yield* positions(projection))[0], committed ? 7 : 1)
    })
  )

const rivals = scenario(
  "the same step tried several times at once is made exactly once",
  Effect.gen(function* () {
    const { projection, held } = yield* claimed
    const attempts = Array.from({ length: 5 }, () => Effect.exit(move(projection, [advanceBy(held[0]!, 3)])))
    const exits = yield* Effect.all(attempts, { concurrency: "unbounded" })
    assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
    assert.deepStrictEqual(yield* positions(projection), [3, 0, 0])
  })
)

const parkedOf = (projection: string): Parked => ({
  stream: `cart-${projection}`,
  partition: 0,
  version: 3,
  position: 9,
  reason: "total is negative",
  parkedAtMillis: 1_700_000_000_000
})

const parksTogether = scenario(
  "a stream parked or taken back in a transaction that fails is as it was before",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection, held } = yield* claimed
    const parked = parkedOf(projection)
    const steps = [advanceBy(held[0]!, 9)]
    const park = store.park(projection, parked)
    yield* Effect.exit(store.transact(projection, steps, Effect.andThen(park, Effect.fail("no"))))
    assert.deepStrictEqual(yield* store.parked(projection), [])
    yield* store.transact(projection, steps, park)
    assert.deepStrictEqual(yield* store.parked(projection), [parked])
    const unpark = store.unpark(projection, parked.stream)
    yield* Effect.exit(store.transact(projection, [], Effect.andThen(unpark, Effect.fail("no"))))
    assert.deepStrictEqual(yield* store.parked(projection), [parked])
    yield* store.transact(projection, [], unpark)
    assert.deepStrictEqual(yield* store.parked(projection), [])
  })
)

const keptTogether = <R>(witness: Witness<R>) =>
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection, held } = yield* claimed
    const note = freshId()
    yield* store.transact(projection, [advanceBy(held[0]!, 1)], witness.write(note))
    assert.isTrue(yield* witness.has(note))
  })

const undoneTogether = <R>(witness: Witness<R>) =>
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    for (const [, end] of endings) {
      const { projection, held } = yield* claimed
      const note = freshId()
      const work = Effect.andThen(witness.write(note), end)
      yield* Effect.exit(store.transact(projection, [advanceBy(held[0]!, 1)], work))
      assert.isFalse(yield* witness.has(note))
    }
  })

const fencedLeavesNothing =
  <R>(advance: AdvanceTime<R>) =>
  (witness: Witness<R>) =>
    Effect.gen(function* () {
      const store = yield* ProjectionStore
      const { projection, held } = yield* claimed
      const [wrongFrom, oldEpoch] = [freshId(), freshId()]
      const step = { ...advanceBy(held[1]!, 1), from: 5, to: 6 }
      yield* fencedPartition(store.transact(projection, [advanceBy(held[0]!, 1), step], witness.write(wrongFrom)))
      yield* advance(leaseMillis * 1.1)
      yield* claim(projection, "b")
      yield* fencedPartition(store.transact(projection, [advanceBy(held[0]!, 1)], witness.write(oldEpoch)))
      assert.isFalse(yield* witness.has(wrongFrom), "from a wrong position")
      assert.isFalse(yield* witness.has(oldEpoch), "from an old epoch")
    })

export const transactions = <R>(
  advance: AdvanceTime<R>,
  witness: Witness<R> | undefined
): Section<ProjectionStore | R> => ({
  title: "moving forward",
  scenarios: [
    together,
    withoutSteps,
    ...endings.map(failing),
    fences("a step from a position behind the current one is fenced", (right) => ({ ...right, from: right.from - 1 })),
    fences("a step from a position ahead of the current one is fenced", (right) => ({
      ...right,
      from: right.from + 1
    })),
    fences("a step under an older epoch is fenced", (right) => ({ ...right, epoch: right.epoch - 1 })),
    fences("a step under an epoch still to come is fenced", (right) => ({ ...right, epoch: right.epoch + 1 })),
    overtaken(advance),
    takenMeanwhile(advance),
    rivals,
    parksTogether,
    scenarioWith("witness", witness, "what the work wrote is kept with the offset", keptTogether<R>),
    scenarioWith("witness", witness, "what the work wrote is undone with the offset", undoneTogether<R>),
    scenarioWith("witness", witness, "what the work of a fenced worker wrote is undone", fencedLeavesNothing(advance))
  ]
})
