/**
 * Scenarios about what operators do to a projection, and what a failure policy does for them: stop and resume, pause, park,
 * and start over.
 */
import { type Parked, ProjectionStore } from "@daybook/core/ProjectionStore"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Section, scenario } from "../Suite.ts"
import {
  advanceBy,
  claim,
  claimed,
  fencedPartition,
  freshProjection,
  move,
  offsets,
  partitions,
  positions
} from "./ProjectionFixture.ts"

const reasons = (projection: string) =>
  Effect.map(offsets(projection), (all) => all.map(({ stoppedBecause }) => stoppedBecause))

const stopAndResume = scenario(
  "stopping records why, on that partition alone; resuming goes on from where it was",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection, held } = yield* claimed
    yield* move(projection, [advanceBy(held[1]!, 8)])
    const why = 'ItemAdded at position 9: "total" is negative \u{1f6d2}'
    yield* store.stop(projection, 1, why)
    assert.deepStrictEqual(yield* reasons(projection), [null, why, null])
    assert.strictEqual((yield* claim(projection, "a"))[1]!.stoppedBecause, why, "a worker is told by its claim")
    yield* store.resume(projection)
    assert.deepStrictEqual(yield* reasons(projection), [null, null, null])
    assert.deepStrictEqual(yield* positions(projection), [0, 8, 0])
  })
)

const stopOutlivesOwner = scenario(
  "a stopped partition stays stopped when its worker goes, and is no concern of other projections",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const [{ projection }, other] = [yield* claimed, yield* claimed]
    yield* store.stop(projection, 2, "broken")
    yield* store.stop(other.projection, 0, "also broken")
    yield* store.release(projection, "a")
    yield* claim(projection, "b")
    assert.deepStrictEqual(yield* reasons(projection), [null, null, "broken"])
    yield* store.resume(other.projection)
    assert.deepStrictEqual(yield* reasons(projection), [null, null, "broken"])
  })
)

const pause = scenario(
  "a projection is paused until it is not, before its first claim too; others are not",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const [projection, other] = [yield* freshProjection, yield* claimed]
    yield* store.setPaused(projection, true)
    yield* store.setPaused(projection, true)
    assert.isTrue(yield* store.paused(projection))
    assert.isFalse(yield* store.paused(other.projection))
    yield* claim(projection, "a")
    assert.isTrue(yield* store.paused(projection))
    yield* store.setPaused(projection, false)
    assert.isFalse(yield* store.paused(projection))
  })
)

const parkedOf = (stream: string, given: Partial<Parked> = {}): Parked => ({
  stream,
  partition: 1,
  version: 3,
  position: 9,
  reason: "total is negative",
  parkedAtMillis: 1_700_000_000_123,
  ...given
})

const byStream = (a: Parked, b: Parked): number => (a.stream < b.stream ? -1 : 1)

const park = scenario(
  "a parked stream is listed with what is known of it, until it is taken back",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection } = yield* claimed
    const [one, other] = [parkedOf("cart-1"), parkedOf("cart-2", { partition: 2, reason: "Zoë \u{1f6d2} 'quoted'" })]
    yield* store.transact(projection, [], store.park(projection, one))
    yield* store.transact(projection, [], store.park(projection, other))
    assert.deepStrictEqual([...(yield* store.parked(projection))].sort(byStream), [one, other])
    yield* store.transact(projection, [], store.unpark(projection, "cart-1"))
    assert.deepStrictEqual(yield* store.parked(projection), [other])
    yield* store.transact(projection, [], store.unpark(projection, "cart-1"))
    assert.deepStrictEqual(yield* store.parked(projection), [other])
  })
)

const parkTwice = scenario(
  "parking a stream that is parked already changes nothing; parked again after it was taken back, it is new",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection } = yield* claimed
    const [first, later] = [parkedOf("cart-1"), parkedOf("cart-1", { version: 8, reason: "another" })]
    yield* store.transact(projection, [], store.park(projection, first))
    yield* store.transact(projection, [], store.park(projection, later))
    assert.deepStrictEqual(yield* store.parked(projection), [first])
    yield* store.transact(projection, [], store.unpark(projection, "cart-1"))
    yield* store.transact(projection, [], store.park(projection, later))
    assert.deepStrictEqual(yield* store.parked(projection), [later])
  })
)

const parkedApart = scenario(
  "the same stream may be parked by one projection and not by another",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const [one, other] = [yield* claimed, yield* claimed]
    yield* store.transact(one.projection, [], store.park(one.projection, parkedOf("cart-1")))
    assert.deepStrictEqual(yield* store.parked(other.projection), [])
    yield* store.transact(other.projection, [], store.unpark(other.projection, "cart-1"))
    assert.strictEqual((yield* store.parked(one.projection)).length, 1)
  })
)

const reset = scenario(
  "a reset forgets positions, reasons for stopping and parked streams, and frees every partition",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const [{ projection, held }, other] = [yield* claimed, yield* claimed]
    yield* move(
      projection,
      held.map((offset) => advanceBy(offset, 5))
    )
    yield* move(other.projection, [advanceBy(other.held[0]!, 5)])
    yield* store.stop(projection, 0, "broken")
    yield* store.transact(projection, [], store.park(projection, parkedOf("cart-1")))
    yield* store.reset(projection)
    const taken = yield* claim(projection, "b")
    assert.deepStrictEqual(
      taken.map(({ position, stoppedBecause }) => [position, stoppedBecause]),
      Array.from({ length: partitions }, () => [0, null])
    )
    assert.deepStrictEqual(yield* store.parked(projection), [])
    assert.deepStrictEqual(yield* positions(other.projection), [5, 0, 0], "other projections stay where they are")
  })
)

const resetFences = scenario(
  "a worker from before a reset can no longer commit, not even from position 0",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection, held } = yield* claimed
    yield* store.reset(projection)
    assert.strictEqual(yield* fencedPartition(move(projection, [advanceBy(held[0]!, 1)])), 0)
    const taken = yield* claim(projection, "b")
    assert.strictEqual(yield* fencedPartition(move(projection, [advanceBy(held[0]!, 1)])), 0)
    yield* move(projection, [advanceBy(taken[0]!, 2)])
    assert.deepStrictEqual(yield* positions(projection), [2, 0, 0])
  })
)

const resetKeepsPause = scenario(
  "a reset leaves a paused projection paused",
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const { projection } = yield* claimed
    yield* store.setPaused(projection, true)
    yield* store.reset(projection)
    assert.isTrue(yield* store.paused(projection))
  })
)

export const operations: Section<ProjectionStore> = {
  title: "stopping, pausing, parking and starting over",
  scenarios: [
    stopAndResume,
    stopOutlivesOwner,
    pause,
    park,
    parkTwice,
    parkedApart,
    reset,
    resetFences,
    resetKeepsPause
  ]
}
