/**
 * What the projection store's scenarios are written with: projections that no other scenario uses, and workers that claim
 * their partitions.
 */
import { type Advance, type Offset, ProjectionFenced, ProjectionStore } from "@daybook/core/ProjectionStore"
import { uuidV4Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"

/** How the suite lets time pass; given by the adapter. */
export type AdvanceTime<R> = (millis: number) => Effect.Effect<unknown, unknown, R>

export const partitions = 3
export const leaseMillis = 10_000

/** A projection that nothing else uses. */
export const freshProjection = Effect.sync(() => `case-${uuidV4Unsafe()}`)

/** Offsets by partition, without what an adapter may keep in them besides. */
const inOrder = (offsets: ReadonlyArray<Offset>): ReadonlyArray<Offset> =>
  offsets
    .map(({ partition, position, epoch, owner, stoppedBecause }) => ({
      partition,
      position,
      epoch,
      owner,
      stoppedBecause
    }))
    .sort((a, b) => a.partition - b.partition)

/** Claims for a worker, and answers what it then holds, by partition. */
export const claim = (projection: string, owner: string) =>
  Effect.gen(function* () {
    return inOrder(yield* (yield* ProjectionStore).claim(projection, { owner, partitions, leaseMillis }))
  })

export const offsets = (projection: string) =>
  Effect.gen(function* () {
    return inOrder(yield* (yield* ProjectionStore).offsets(projection))
  })

/** The positions of a projection, by partition. */
export const positions = (projection: string) =>
  Effect.map(offsets(projection), (all) => all.map(({ position }) => position))

/** A projection all of whose partitions are held by a worker called `a`, and what that worker holds. */
export const claimed = Effect.gen(function* () {
  const projection = yield* freshProjection
  const held = yield* claim(projection, "a")
  return { projection, held }
})

/** A step of a held partition by that many positions. */
export const advanceBy = ({ partition, epoch, position }: Offset, count: number): Advance => ({
  partition,
  epoch,
  from: position,
  to: position + count
})

/** Moves offsets, with nothing else in the transaction. */
export const move = (projection: string, advances: ReadonlyArray<Advance>) =>
  Effect.gen(function* () {
    yield* (yield* ProjectionStore).transact(projection, advances, Effect.void)
  })

/** Expects a transaction to be fenced, and answers the partition that was. */
export const fencedPartition = <A, E, R>(transaction: Effect.Effect<A, E, R>): Effect.Effect<number, A | E, R> =>
  Effect.flatMap(Effect.flip(transaction), (error) =>
    error instanceof ProjectionFenced ? Effect.succeed(error.partition) : Effect.fail(error)
  )
