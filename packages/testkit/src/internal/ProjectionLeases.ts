/**
 * Scenarios about leases: each partition of a projection is held by one worker at a time, and passes on when its lease is
 * given up or runs out.
 */
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Section, scenario } from "../Suite.ts"
import {
  type AdvanceTime,
  advanceBy,
  claim,
  claimed,
  freshProjection,
  leaseMillis,
  move,
  offsets,
  partitions,
  positions
} from "./ProjectionFixture.ts"

const firstClaim = scenario(
  "the first worker gets every partition, from position 0",
  Effect.gen(function* () {
    const projection = yield* freshProjection
    const held = yield* claim(projection, "a")
    assert.deepStrictEqual(
      held.map(({ partition, position, owner, stoppedBecause }) => ({ partition, position, owner, stoppedBecause })),
      [0, 1, 2].map((partition) => ({ partition, position: 0, owner: "a", stoppedBecause: null }))
    )
    assert.isTrue(
      held.every(({ epoch }) => epoch >= 1),
      "taking a partition raises its epoch above that of one never taken"
    )
    assert.deepStrictEqual(
      (yield* offsets(projection)).map(({ partition, owner }) => [partition, owner]),
      [
        [0, "a"],
        [1, "a"],
        [2, "a"]
      ]
    )
  })
)

const unknownProjection = scenario(
  "a projection that nobody has claimed has no offsets, nothing parked, and is not paused",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const projection = yield* freshProjection
    assert.deepStrictEqual(yield* store.offsets(projection), [])
    assert.deepStrictEqual(yield* store.parked(projection), [])
    assert.isFalse(yield* store.paused(projection))
  })
)

const othersGetNothing = scenario(
  "another worker gets nothing while the lease lasts",
  Effect.gen(function* () {
    const { projection, held } = yield* claimed
    assert.deepStrictEqual(yield* claim(projection, "b"), [])
    assert.deepStrictEqual(yield* claim(projection, "a"), held)
  })
)

const renewal = <R>(advance: AdvanceTime<R>) =>
  scenario(
    "a renewal keeps the epoch and lengthens the lease",
    Effect.gen(function* () {
      const { projection, held } = yield* claimed
      for (let i = 0; i < 3; i++) {
        yield* advance(leaseMillis * 0.8)
        assert.deepStrictEqual(yield* claim(projection, "a"), held)
        assert.deepStrictEqual(yield* claim(projection, "b"), [])
      }
    })
  )

const takeOver = <R>(advance: AdvanceTime<R>) =>
  scenario(
    "a lease that has run out is taken over, at the position reached and under a higher epoch",
    Effect.gen(function* () {
      const { projection, held } = yield* claimed
      yield* move(projection, [advanceBy(held[1]!, 7)])
      yield* advance(leaseMillis * 1.1)
      const taken = yield* claim(projection, "b")
      assert.deepStrictEqual(
        taken.map(({ position, owner }) => [position, owner]),
        [
          [0, "b"],
          [7, "b"],
          [0, "b"]
        ]
      )
      for (const [i, { epoch }] of taken.entries()) assert.isAbove(epoch, held[i]!.epoch)
      assert.deepStrictEqual(yield* claim(projection, "a"), [])
    })
  )

const ownAfterExpiry = <R>(advance: AdvanceTime<R>) =>
  scenario(
    "a worker whose lease has run out may renew it as long as nobody has taken it over",
    Effect.gen(function* () {
      const { projection } = yield* claimed
      yield* advance(leaseMillis * 3)
      const again = yield* claim(projection, "a")
      assert.strictEqual(again.length, partitions)
      assert.deepStrictEqual(yield* claim(projection, "b"), [])
      yield* move(
        projection,
        again.map((offset) => advanceBy(offset, 1))
      )
    })
  )

const release = scenario(
  "a released lease is free at once, and its next holder has a higher epoch",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection, held } = yield* claimed
    yield* store.release(projection, "b")
    assert.deepStrictEqual(yield* claim(projection, "b"), [], "releasing what one does not hold frees nothing")
    yield* store.release(projection, "a")
    assert.deepStrictEqual(
      (yield* offsets(projection)).map(({ owner }) => owner),
      [null, null, null]
    )
    const taken = yield* claim(projection, "b")
    assert.strictEqual(taken.length, partitions)
    for (const [i, { epoch }] of taken.entries()) assert.isAbove(epoch, held[i]!.epoch)
  })
)

const releaseOfOne = scenario(
  "releasing one projection leaves the worker's others to it",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const [one, other] = [yield* claimed, yield* claimed]
    yield* store.release(one.projection, "a")
    assert.deepStrictEqual(yield* claim(other.projection, "b"), [])
    assert.strictEqual((yield* claim(one.projection, "b")).length, partitions)
  })
)

const apart = scenario(
  "projections are independent: their leases, positions and owners do not touch",
  Effect.gen(function* () {
    const [one, other] = [yield* claimed, yield* freshProjection]
    const held = yield* claim(other, "b")
    yield* move(one.projection, [advanceBy(one.held[0]!, 5)])
    yield* move(other, [advanceBy(held[0]!, 2), advanceBy(held[2]!, 3)])
    assert.deepStrictEqual(yield* positions(one.projection), [5, 0, 0])
    assert.deepStrictEqual(yield* positions(other), [2, 0, 3])
  })
)

const rivals = scenario(
  "of several workers that claim at once, each partition goes to exactly one",
  Effect.gen(function* () {
    for (let round = 0; round < 5; round++) {
      const projection = yield* freshProjection
      const workers = ["a", "b", "c", "d", "e"]
      const held = yield* Effect.forEach(workers, (worker) => claim(projection, worker), { concurrency: "unbounded" })
      const owned = held.flat().map(({ partition }) => partition)
      assert.deepStrictEqual(
        [...owned].sort((a, b) => a - b),
        [0, 1, 2]
      )
      for (const [i, worker] of workers.entries()) {
        const now = (yield* offsets(projection)).filter(({ owner }) => owner === worker)
        assert.deepStrictEqual(now, held[i])
      }
    }
  })
)

const growing = scenario(
  "claiming with more partitions than before adds the missing ones at position 0",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection, held } = yield* claimed
    yield* move(projection, [advanceBy(held[0]!, 4)])
    yield* store.claim(projection, { owner: "a", partitions: partitions + 2, leaseMillis })
    assert.deepStrictEqual(yield* positions(projection), [4, 0, 0, 0, 0])
  })
)

export const leases = <R>(advance: AdvanceTime<R>): Section<ProjectionStore | R> => ({
  title: "leases",
  scenarios: [
    firstClaim,
    unknownProjection,
    othersGetNothing,
    renewal(advance),
    takeOver(advance),
    ownAfterExpiry(advance),
    release,
    releaseOfOne,
    apart,
    rivals,
    growing
  ]
})
