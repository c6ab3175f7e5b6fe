/**
 * The projector: keeps read models up to date, one worker for each projection.
 *
 * A worker holds leases on partitions, reads what is new in all of them, and applies it in one transaction with its offsets.
 * When that fails it goes partition by partition, then event by event, until the one that fails is known; that event is
 * retried with backoff and then dealt with by the projection's policy, so that it holds up no one else. The journal's signal
 * wakes workers; polling alone would do.
 */
import { Clock } from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { JournalUnavailable } from "./Journal.ts"
import { Journal } from "./Journal.ts"
import type { Projection } from "./Projection.ts"
import type { Sought } from "./ProjectionNews.ts"
import {
  type Offset,
  type Parked,
  ProjectionStore,
  type ReadModelUnavailable,
  type StillFailing
} from "./ProjectionStore.ts"
import { ProjectionWorker, type Settings } from "./ProjectionWorker.ts"
import type { Signal } from "./Signal.ts"

/** How one projection is doing. */
export interface Status {
  readonly name: string
  readonly paused: boolean
  /** Events in the journal that it has not applied. */
  readonly lag: number
  readonly offsets: ReadonlyArray<Offset>
  readonly parked: ReadonlyArray<Parked>
}

/** The read models of one service, and the handles that queries and operators need. */
export interface Projector {
  readonly status: Effect.Effect<ReadonlyArray<Status>, ReadModelUnavailable | JournalUnavailable>
  /** Stops applying events: here with the batch at hand, in other processes a quarter of a second later. Queries go on with what there is. */
  readonly pause: (projection: string) => Effect.Effect<void, ReadModelUnavailable>
  /** Goes on after `pause`, or after a failure stopped a partition. */
  readonly resume: (projection: string) => Effect.Effect<void, ReadModelUnavailable>
  /** Applies the waiting events of a stream that was set aside, and takes it back in. Does nothing when it was not. */
  readonly unpark: (
    projection: string,
    stream: string
  ) => Effect.Effect<void, StillFailing | ReadModelUnavailable | JournalUnavailable>
  /**
   * Waits until a projection has applied a position, for reading your own writes. Answers false when it has not within the
   * time. Works also when another process runs the projection.
   */
  readonly awaitPosition: (
    projection: string,
    place: { readonly partition: number; readonly position: number },
    within: Duration.Input
  ) => Effect.Effect<boolean, ReadModelUnavailable>
  /**
   * Runs `check` until it finds something, again after each step of the projection; `none` when it has not within the time. Where it is a version
   * of a stream that is `sought`, `check` is spared as long as the projection is known not to have come there, and the projection goes on at once.
   */
  readonly awaitUntil: <A, E, R>(
    projection: string,
    check: Effect.Effect<Option.Option<A>, E, R>,
    within: Duration.Input,
    sought?: Sought
  ) => Effect.Effect<Option.Option<A>, E, R>
}

/**
 * Told of every projector that is made, for readiness probes and the like: those of a service's messages too, which nobody else
 * gets to see. By default nobody is told.
 */
export const Observer = Context.Reference<(projector: Projector) => Effect.Effect<void>>(
  "@daybook/core/Projector/Observer",
  { defaultValue: () => () => Effect.void }
)

/** How workers run. */
export interface Options {
  /** Names this process in leases. Default: a random id. */
  readonly owner?: string
  /** How long a worker that died keeps its partitions from others. Default 15 seconds. */
  readonly lease?: Duration.Input
  /** How often to look without being woken. Default 1 second. */
  readonly poll?: Duration.Input
  /** How often an event that the handler fails on is tried before the policy applies. Default 5. */
  readonly attempts?: number
  /** False where another process runs the workers: then only status and waiting work here. Default true. */
  readonly run?: boolean
}

/** How often a waiting query looks at the offsets when it is another process that moves them. */
const remotePollMillis = 20

/** Starts a worker for each projection. They stop with the scope, and give their leases back. */
export const make = <R = never>(
  projections: ReadonlyArray<Projection<any, any, R>>,
  options: Options = {}
): Effect.Effect<Projector, never, Journal | ProjectionStore | Scope.Scope | R> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const store = yield* ProjectionStore
    const context = yield* Effect.context<R>()
    const settings = settingsOf(options)
    const twice = projections.find(({ name }, i) => projections.findIndex((other) => other.name === name) !== i)
    if (twice !== undefined) return yield* Effect.die(new Error(`Two projections are called ${twice.name}`))
    const workers = new Map(
      projections.map((projection) => [
        projection.name,
        new ProjectionWorker<R>({ projection, journal, store, context, settings })
      ])
    )
    if (options.run ?? true) for (const worker of workers.values()) yield* Effect.forkScoped(worker.run)
    const workerOf = (name: string) => {
      const worker = workers.get(name)
      return worker === undefined
        ? Effect.die(new Error(`No projection ${name}; there are ${[...workers.keys()].join(", ")}`))
        : Effect.succeed(worker)
    }

    const awaitUntil: Projector["awaitUntil"] = (name, check, within, sought) =>
      Effect.flatMap(workerOf(name), (worker) => {
        const inVain = sought === undefined ? () => false : () => worker.awaits(sought)
        return waitFor(worker.progress, check, within, inVain)
      })

    const projector: Projector = {
      awaitUntil,
      awaitPosition: (name, { partition, position }, within) =>
        Effect.map(
          awaitUntil(
            name,
            Effect.map(store.offsets(name), (offsets) =>
              offsets.some((o) => o.partition === partition && o.position >= position)
                ? Option.some(true)
                : Option.none()
            ),
            within
          ),
          Option.isSome
        ),
      status: Effect.flatMap(journal.heads, (heads) =>
        Effect.forEach(projections, ({ name }) =>
          Effect.map(
            Effect.all({ paused: store.paused(name), offsets: store.offsets(name), parked: store.parked(name) }),
            (found) => ({ name, ...found, lag: lagOf(heads, found.offsets) })
          )
        )
      ),
      pause: (name) =>
        Effect.flatMap(workerOf(name), (worker) => Effect.andThen(store.setPaused(name, true), worker.wake)),
      resume: (name) =>
        Effect.flatMap(workerOf(name), (worker) =>
          store.setPaused(name, false).pipe(Effect.andThen(store.resume(name)), Effect.andThen(worker.wake))
        ),
      unpark: (name, stream) => Effect.flatMap(workerOf(name), (worker) => worker.unpark(stream))
    }
    yield* (yield* Observer)(projector)
    return projector
  })

/** Runs a check after each step of a worker, unless that would be in vain, and now and then anyway, until it finds something or time is up. */
const waitFor = Effect.fnUntraced(function* <A, E, R>(
  progress: Signal,
  check: Effect.Effect<Option.Option<A>, E, R>,
  within: Duration.Input,
  inVain: () => boolean
) {
  const clock = yield* Clock
  const deadline = clock.currentTimeMillisUnsafe() + Duration.toMillis(Duration.fromInputUnsafe(within))
  let isDue = false
  while (true) {
    const seen = progress.count
    const isSpared: boolean = !isDue && inVain() && clock.currentTimeMillisUnsafe() < deadline
    const found: Option.Option<A> = isSpared ? Option.none() : yield* check
    const left = deadline - clock.currentTimeMillisUnsafe()
    if (Option.isSome(found) || (left <= 0 && !isSpared)) return found
    // Whole milliseconds, since each length of a wait has a timer of its own.
    isDue = !(yield* progress.changedWithin(seen, Math.ceil(Math.min(Math.max(left, 0), remotePollMillis))))
  }
})

const settingsOf = (options: Options): Settings => ({
  owner: options.owner ?? globalThis.crypto.randomUUID(),
  leaseMillis: Duration.toMillis(Duration.fromInputUnsafe(options.lease ?? "15 seconds")),
  pollMillis: Duration.toMillis(Duration.fromInputUnsafe(options.poll ?? "1 second")),
  attempts: options.attempts ?? 5
})

const lagOf = (heads: ReadonlyArray<number>, offsets: ReadonlyArray<Offset>): number =>
  heads.reduce(
    (sum, head, partition) => sum + head - (offsets.find((o) => o.partition === partition)?.position ?? 0),
    0
  )
