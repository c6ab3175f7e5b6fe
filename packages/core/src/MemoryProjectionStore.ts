/**
 * The projection store in memory: the reference that adapters are compared with, behind `ProjectionStore.layerMemory`.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Advance, Offset, Parked, ProjectionStore } from "./ProjectionStore.ts"
import { ProjectionFenced } from "./ProjectionStore.ts"

interface MemoryOffset extends Offset {
  readonly leaseUntilMillis: number
}

const unclaimed = (partition: number, epoch: number): MemoryOffset => ({
  partition,
  position: 0,
  epoch,
  owner: null,
  stoppedBecause: null,
  leaseUntilMillis: 0
})

const claimed = (before: MemoryOffset, owner: string, now: number, leaseMillis: number): MemoryOffset => {
  const lease = { owner, leaseUntilMillis: now + leaseMillis }
  if (before.owner === owner) return { ...before, ...lease }
  const free = before.owner === null || before.leaseUntilMillis <= now
  return free ? { ...before, ...lease, epoch: before.epoch + 1 } : before
}

/** What is stored of one projection. */
class MemoryProjection {
  /** One transaction at a time; those of other projections do not wait. */
  readonly mutex = Semaphore.makeUnsafe(1)
  offsets: ReadonlyArray<MemoryOffset> = []
  parked: ReadonlyArray<Parked> = []
  paused = false

  claim(owner: string, partitions: number, now: number, leaseMillis: number): ReadonlyArray<Offset> {
    const missing = Math.max(0, partitions - this.offsets.length)
    const created = Array.from({ length: missing }, (_, i) => unclaimed(this.offsets.length + i, 0))
    this.offsets = [...this.offsets, ...created].map((offset) => claimed(offset, owner, now, leaseMillis))
    return this.offsets.filter((offset) => offset.owner === owner)
  }

  change(which: (offset: Offset) => boolean, to: Partial<MemoryOffset>): void {
    this.offsets = this.offsets.map((offset) => (which(offset) ? { ...offset, ...to } : offset))
  }

  stale(advances: ReadonlyArray<Advance>): Advance | undefined {
    return advances.find(
      ({ partition, epoch, from }) =>
        !this.offsets.some((o) => o.partition === partition && o.epoch === epoch && o.position === from)
    )
  }

  advance(advances: ReadonlyArray<Advance>): void {
    for (const { partition, to } of advances) this.change((o) => o.partition === partition, { position: to })
  }

  park(parked: Parked): void {
    if (this.parked.some((p) => p.stream === parked.stream)) return
    this.parked = [...this.parked, parked]
  }

  unpark(stream: string): void {
    this.parked = this.parked.filter((parked) => parked.stream !== stream)
  }

  /** Epochs go on rising, so that a worker from before the reset cannot commit after it. */
  reset(): void {
    this.offsets = this.offsets.map(({ partition, epoch }) => unclaimed(partition, epoch + 1))
    this.parked = []
  }
}

const fenced = (projection: string, { partition }: Advance): ProjectionFenced =>
  new ProjectionFenced({
    projection,
    partition,
    detail: `Partition ${partition} of projection ${projection} has moved on under another worker; this one gives up its claim`
  })

const transact = <A, E, R>(
  name: string,
  projection: MemoryProjection,
  advances: ReadonlyArray<Advance>,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ProjectionFenced, R> => {
  const check = Effect.suspend(() => {
    const stale = projection.stale(advances)
    return stale === undefined ? Effect.void : fenced(name, stale)
  })
  return Effect.gen(function* () {
    yield* check
    const { parked } = projection
    const undo = Effect.sync(() => {
      projection.parked = parked
    })
    // Checked again afterwards: a claim does not wait for a transaction here.
    const result = yield* work.pipe(
      Effect.tap(check),
      Effect.onError(() => undo)
    )
    projection.advance(advances)
    return result
  })
}

/** A projection store over plain objects. */
export const makeMemory = (): ProjectionStore["Service"] => {
  const projections = new Map<string, MemoryProjection>()
  const of = (name: string): MemoryProjection => {
    const found = projections.get(name) ?? new MemoryProjection()
    projections.set(name, found)
    return found
  }
  return {
    claim: (name, { owner, partitions, leaseMillis }) =>
      Effect.map(Clock.currentTimeMillis, (now) => of(name).claim(owner, partitions, now, leaseMillis)),
    release: (name, owner) =>
      Effect.sync(() => of(name).change((o) => o.owner === owner, { owner: null, leaseUntilMillis: 0 })),
    transact: (name, advances, work) =>
      Effect.suspend(() => of(name).mutex.withPermits(1)(transact(name, of(name), advances, work))),
    offsets: (name) => Effect.sync(() => of(name).offsets),
    flush: Effect.void,
    stop: (name, partition, reason) =>
      Effect.sync(() => of(name).change((o) => o.partition === partition, { stoppedBecause: reason })),
    resume: (name) => Effect.sync(() => of(name).change(() => true, { stoppedBecause: null })),
    paused: (name) => Effect.sync(() => of(name).paused),
    setPaused: (name, paused) =>
      Effect.sync(() => {
        of(name).paused = paused
      }),
    park: (name, parked) => Effect.sync(() => of(name).park(parked)),
    parked: (name) => Effect.sync(() => of(name).parked),
    unpark: (name, stream) => Effect.sync(() => of(name).unpark(stream)),
    reset: (name) => Effect.sync(() => of(name).reset())
  }
}
