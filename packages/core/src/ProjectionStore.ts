/**
 * Where a projection keeps its place: one offset per projection and partition, beside the read model that it describes.
 *
 * The offset moves in the transaction that writes the read model, which makes the effect of an event on a SQL read model
 * exactly-once. Each partition of a projection is held by one worker at a time under a lease; taking it over raises its
 * `epoch`, and a worker that still holds the old epoch can no longer commit.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { makeMemory } from "./MemoryProjectionStore.ts"
import { Problem } from "./Problem.ts"
import type { Write } from "./Projection.ts"

/** The store of read models could not be reached, or refused a statement. Nothing of the transaction was kept. */
export class ReadModelUnavailable extends Problem<ReadModelUnavailable>()(
  "ReadModelUnavailable",
  { status: 503, title: "The read model store does not answer" },
  { retryAfterSeconds: Schema.Int }
) {}

/** Another worker has taken this partition over. Nothing of the transaction was kept. */
export class ProjectionFenced extends Problem<ProjectionFenced>()(
  "ProjectionFenced",
  { status: 409, title: "Another worker has taken over this partition of the projection" },
  { projection: Schema.String, partition: Schema.Int }
) {}

/** A stream that was set aside cannot be taken back in yet. Nothing was changed. */
export class StillFailing extends Problem<StillFailing>()(
  "StillFailing",
  { status: 409, title: "The projection still cannot apply the stream" },
  { projection: Schema.String, stream: Schema.String }
) {}

/** The place of one projection in one partition. */
export interface Offset {
  readonly partition: number
  /** Everything up to and including this position has been applied. */
  readonly position: number
  /** Rises with every take-over. */
  readonly epoch: number
  readonly owner: string | null
  /** Set where a failure has stopped this partition: what failed, in words. Cleared by `resume`. */
  readonly stoppedBecause: string | null
}

/** A step forward of one partition, from the position that the worker believes to be current. */
export interface Advance {
  readonly partition: number
  readonly epoch: number
  readonly from: number
  readonly to: number
}

/** The step from an offset to a position. */
export const stepOf = ({ partition, epoch, position }: Offset, to: number): Advance => ({
  partition,
  epoch,
  from: position,
  to
})

/** A step to where the offset is already. It fences: whoever goes on meanwhile makes it fail. */
export const standing = (offset: Offset): Advance => stepOf(offset, offset.position)

/** What steps come to with the steps after them. */
export const oneAfterTheOther = (
  earlier: ReadonlyArray<Advance>,
  later: ReadonlyArray<Advance>
): ReadonlyArray<Advance> => {
  const begun = new Map(earlier.map((advance) => [advance.partition, advance]))
  for (const advance of later) {
    const { from, epoch } = begun.get(advance.partition) ?? advance
    begun.set(advance.partition, { ...advance, from, epoch })
  }
  return [...begun.values()]
}

/** A stream whose events a projection has set aside, from the event that failed. */
export interface Parked {
  readonly stream: string
  readonly partition: number
  /** The version of the event that failed; it and all later ones of the stream wait. */
  readonly version: number
  readonly position: number
  readonly reason: string
  readonly parkedAtMillis: number
}

export class ProjectionStore extends Context.Service<
  ProjectionStore,
  {
    /**
     * Takes or renews the lease on every partition that is free, expired or already held by `owner`, creating missing offsets
     * at position 0. Answers the partitions that `owner` now holds. A renewal keeps the epoch; a take-over raises it.
     */
    claim(
      projection: string,
      claim: { readonly owner: string; readonly partitions: number; readonly leaseMillis: number }
    ): Effect.Effect<ReadonlyArray<Offset>, ReadModelUnavailable>
    /** Gives up the leases of `owner`, so that another worker need not wait for them to expire. */
    release(projection: string, owner: string): Effect.Effect<void, ReadModelUnavailable>
    /** Runs `work` and moves the offsets, both or neither. Fails with `ProjectionFenced` when an epoch or position has moved. */
    transact<A, E, R>(
      projection: string,
      advances: ReadonlyArray<Advance>,
      work: Effect.Effect<A, E, R>
    ): Effect.Effect<A, E | ProjectionFenced | ReadModelUnavailable, R>
    /**
     * Carries out a plan of writes and moves the offsets, both or neither, as `transact` does; the plan is made outside of any
     * transaction. Only stores on SQL have it. A store may answer before it is on disk (`flush`): after a crash both are as they were before.
     */
    write?<E, R>(
      projection: string,
      advances: ReadonlyArray<Advance>,
      plan: Effect.Effect<ReadonlyArray<Write>, E, R>
    ): Effect.Effect<void, E | ProjectionFenced | ReadModelUnavailable, R>
    offsets(projection: string): Effect.Effect<ReadonlyArray<Offset>, ReadModelUnavailable>
    /** Waits until all that `offsets` and the others have answered is on disk. For who deletes something elsewhere because of it. */
    readonly flush: Effect.Effect<void, ReadModelUnavailable>
    /** Records why a partition has stopped. Workers leave it alone until `resume`. */
    stop(projection: string, partition: number, reason: string): Effect.Effect<void, ReadModelUnavailable>
    /** Lets stopped partitions go on from where they were. */
    resume(projection: string): Effect.Effect<void, ReadModelUnavailable>
    /** Whether an operator has paused the projection. */
    paused(projection: string): Effect.Effect<boolean, ReadModelUnavailable>
    setPaused(projection: string, paused: boolean): Effect.Effect<void, ReadModelUnavailable>
    /** Sets a stream aside. Parking one that is parked already changes nothing. Call it inside `transact`. */
    park(projection: string, parked: Parked): Effect.Effect<void, ReadModelUnavailable>
    parked(projection: string): Effect.Effect<ReadonlyArray<Parked>, ReadModelUnavailable>
    /** Takes a stream back in. Call it inside `transact`, after its waiting events have been applied. */
    unpark(projection: string, stream: string): Effect.Effect<void, ReadModelUnavailable>
    /**
     * Forgets offsets and parked streams, so that the projection starts over. Whoever held a partition can no longer commit; a
     * paused projection stays paused. The read model is the caller's to empty.
     */
    reset(projection: string): Effect.Effect<void, ReadModelUnavailable>
  }
>()("@daybook/core/ProjectionStore") {
  /** Offsets in this process's memory. `transact` cannot undo what `work` did to other memory. */
  static readonly layerMemory: Layer.Layer<ProjectionStore> = Layer.sync(ProjectionStore, () => makeMemory())
}
