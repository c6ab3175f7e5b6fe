/**
 * Replay: feeds one projection from the journal into stores of its own, beside the live one. Rebuilds and read models as of some
 * time are made of it.
 *
 * The offsets are in the `ProjectionStore` in context, which is the one beside the read model that is written, and never the live
 * one. What was replayed is not replayed again: after an interruption, a failure or a crash the same replay goes on from there.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type { Stored } from "./Event.ts"
import { Journal, type JournalUnavailable } from "./Journal.ts"
import { isTransient, Problem, reasonOf } from "./Problem.ts"
import { decodeFor, type Projection } from "./Projection.ts"
import { type Offset, ProjectionFenced, ProjectionStore, type ReadModelUnavailable } from "./ProjectionStore.ts"

/** The projection does something outside of its store, which would be done again. Nothing was changed. */
export class NotReplayable extends Problem<NotReplayable>()(
  "NotReplayable",
  { status: 409, title: "What goes out because of events is never sent again" },
  { projection: Schema.String }
) {}

/** Somebody else is feeding the same stores. Nothing was changed. */
export class ReplayHeld extends Problem<ReplayHeld>()(
  "ReplayHeld",
  { status: 409, title: "The projection is being replayed already" },
  { projection: Schema.String }
) {}

/** The handler keeps failing on an event. Everything before it in its partition has been applied. */
export class ReplayFailed extends Problem<ReplayFailed>()(
  "ReplayFailed",
  { status: 500, title: "The projection cannot apply an event" },
  {
    projection: Schema.String,
    stream: Schema.String,
    version: Schema.Int,
    partition: Schema.Int,
    position: Schema.Int,
    eventType: Schema.String
  }
) {}

/** Events have been deleted, so that a read model made from the others would be wrong. */
export class EventsGone extends Problem<EventsGone>()(
  "EventsGone",
  { status: 409, title: "Events that the replay needs are gone" },
  {
    projection: Schema.String,
    /** How many are missing in all partitions. */
    gone: Schema.Int,
    /** The first that was missed. */
    partition: Schema.Int,
    position: Schema.Int
  }
) {}

/** What ends a replay early. What it has done until then is kept. */
export type Failure =
  | NotReplayable
  | ReplayHeld
  | ReplayFailed
  | EventsGone
  | JournalUnavailable
  | ReadModelUnavailable
  | ProjectionFenced

/** How far it has come. Events that are passed over count too. */
export interface Progress {
  readonly done: number
  readonly total: number
}

/** What to replay, and how. */
export interface Options {
  /** The last position of each partition; the index is the partition. Default: the journal's heads when it begins. */
  readonly until?: ReadonlyArray<number>
  /** Which events the projection gets to see; the others are passed over. Default: all. */
  readonly only?: (stored: Stored) => boolean
  /** Partitions at a time. Default 4. Within a transaction it has to be 1. */
  readonly parallel?: number
  /** How many events a second at most. Default: as many as can be done. */
  readonly eventsPerSecond?: number
  /** Told after each batch. */
  readonly onProgress?: (progress: Progress) => void
}

const defaultParallel = 4
const attempts = 5
const leaseMillis = 15_000
/** How many events are looked at together where they are only counted. */
const countedTogether = 10_000

/** Stores that do not answer are waited for about half a minute. */
const patience = { schedule: Schedule.exponential("100 millis"), times: 8 } as const

const backoffMillis = (attempt: number): number => 50 * 2 ** attempt

/** The first position that a page misses which follows `after`, and of which more is to come than there is. */
const firstGap = (page: ReadonlyArray<Stored>, after: number): number | undefined => {
  // Positions are dense: where the last one is right, all are.
  if (page.at(-1)?.position === after + page.length) return undefined
  const misplaced = page.findIndex(({ position }, i) => position !== after + i + 1)
  return after + Math.max(misplaced, 0) + 1
}

/** How many events up to some positions are not in the journal any more. Reads all that are. */
const countGone = (
  journal: Journal["Service"],
  until: ReadonlyArray<number>
): Effect.Effect<number, JournalUnavailable> =>
  Effect.map(
    Effect.forEach(until, (to, partition) =>
      Effect.gen(function* () {
        let there = 0
        for (let after = 0; after < to; ) {
          const page = yield* journal.readPartition(partition, { after, limit: countedTogether })
          there += page.filter(({ position }) => position <= to).length
          after = page.at(-1)?.position ?? to
        }
        return to - there
      })
    ),
    (gone) => gone.reduce((sum, n) => sum + n, 0)
  )

/** Lets so many events a second pass, over all partitions. */
const throttle = (eventsPerSecond: number | undefined) => {
  let freeAtMillis = 0
  return (events: number): Effect.Effect<void> =>
    eventsPerSecond === undefined
      ? Effect.void
      : Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const begin = Math.max(freeAtMillis, now)
          freeAtMillis = begin + (events / eventsPerSecond) * 1000
          return Effect.sleep(begin - now)
        })
}

/** One replay, while it runs. */
class Run<E, R> {
  readonly #projection: Projection<any, E, R>
  readonly #decode: ReturnType<typeof decodeFor>
  readonly #journal: Journal["Service"]
  readonly #store: ProjectionStore["Service"]
  readonly #until: ReadonlyArray<number>
  readonly #options: Options
  readonly #pace: (events: number) => Effect.Effect<void>
  readonly #owner = globalThis.crypto.randomUUID()
  readonly #epochs = new Map<number, number>()
  readonly #renewal = Semaphore.makeUnsafe(1)
  #claimedAtMillis = -Infinity
  #done = 0

  constructor(input: {
    readonly projection: Projection<any, E, R>
    readonly journal: Journal["Service"]
    readonly store: ProjectionStore["Service"]
    readonly until: ReadonlyArray<number>
    readonly options: Options
  }) {
    this.#projection = input.projection
    this.#decode = decodeFor(input.projection)
    this.#journal = input.journal
    this.#store = input.store
    this.#until = input.until
    this.#options = input.options
    this.#pace = throttle(input.options.eventsPerSecond)
  }

  get #name(): string {
    return this.#projection.name
  }

  get run(): Effect.Effect<void, Failure, R> {
    const release = Effect.ignore(this.#store.release(this.#name, this.#owner))
    return Effect.gen({ self: this }, function* () {
      const offsets = yield* this.#claim
      const behind = offsets.filter(({ partition, position }) => position < (this.#until[partition] ?? 0))
      this.#advance(offsets.reduce((sum, o) => sum + Math.min(o.position, this.#until[o.partition] ?? 0), 0))
      yield* Effect.forEach(behind, (offset) => this.#replay(offset), {
        concurrency: this.#options.parallel ?? defaultParallel,
        discard: true
      })
    }).pipe(Effect.ensuring(release))
  }

  /** Takes all partitions, or renews the claim. */
  get #claim(): Effect.Effect<ReadonlyArray<Offset>, ReplayHeld | ReadModelUnavailable> {
    return Effect.gen({ self: this }, function* () {
      const now = yield* Clock.currentTimeMillis
      const claim = { owner: this.#owner, partitions: this.#journal.partitions, leaseMillis }
      const offsets = yield* Effect.retry(this.#store.claim(this.#name, claim), patience)
      if (offsets.length < claim.partitions) return yield* held(this.#name)
      for (const { partition, epoch } of offsets) this.#epochs.set(partition, epoch)
      this.#claimedAtMillis = now
      return offsets
    })
  }

  /** One renews the claim on all partitions: two at once would lock the offsets in different orders, and deadlock. */
  get #renewClaim(): Effect.Effect<void, ReplayHeld | ReadModelUnavailable> {
    return this.#renewal.withPermits(1)(
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        now < this.#claimedAtMillis + leaseMillis / 3 ? Effect.void : Effect.asVoid(this.#claim)
      )
    )
  }

  #advance(events: number): void {
    this.#done += events
    this.#options.onProgress?.({ done: this.#done, total: this.#until.reduce((sum, position) => sum + position, 0) })
  }

  #replay({ partition, position }: Offset): Effect.Effect<void, Failure, R> {
    const to = this.#until[partition]!
    return Effect.gen({ self: this }, function* () {
      const { eventsPerSecond = Infinity } = this.#options
      const most = Math.max(1, Math.min(this.#projection.replayBatchSize, eventsPerSecond))
      for (let after = position; after < to; ) {
        const limit = Math.ceil(Math.min(most, to - after))
        const page = yield* Effect.retry(this.#journal.readPartition(partition, { after, limit }), patience)
        const gap = firstGap(page, after)
        if (gap !== undefined) return yield* this.#gone(partition, gap)
        yield* this.#pace(page.length)
        yield* this.#renewClaim
        yield* this.#apply(page)
        after += page.length
      }
    })
  }

  #gone(partition: number, position: number): Effect.Effect<never, EventsGone | JournalUnavailable> {
    return Effect.flatMap(countGone(this.#journal, this.#until), (gone) =>
      Effect.fail(eventsGone(this.#name, gone, partition, position))
    )
  }

  /** Applies a page. Where that fails it goes by halves, so that the event that fails is known, and all before it are applied. */
  #apply(page: ReadonlyArray<Stored>): Effect.Effect<void, Failure, R> {
    return Effect.gen({ self: this }, function* () {
      const failure = yield* this.#try(page)
      if (failure === undefined) return this.#advance(page.length)
      if (page.length === 1) return yield* replayFailed(this.#name, page[0]!, failure.reason)
      const half = page.length >> 1
      yield* this.#apply(page.slice(0, half))
      yield* this.#apply(page.slice(half))
    })
  }

  /** Applies a page in one transaction, again and again with backoff where that may help; why it cannot be, in the end. */
  #try(
    page: ReadonlyArray<Stored>
  ): Effect.Effect<{ readonly reason: string } | undefined, ProjectionFenced | ReadModelUnavailable, R> {
    return Effect.gen({ self: this }, function* () {
      for (let attempt = 1; ; attempt++) {
        const exit = yield* Effect.exit(this.#commit(page))
        if (Exit.isSuccess(exit)) return undefined
        const error = Cause.squash(exit.cause)
        if (error instanceof ProjectionFenced) return yield* error
        if (!isTransient(error)) return { reason: reasonOf(error) }
        // Either the store does not answer, which is no event's fault, or it refused this: a deadlock passes, a wrong row does not.
        yield* Effect.retry(this.#store.offsets(this.#name), patience)
        if (attempt >= attempts) return { reason: reasonOf(error) }
        yield* Effect.sleep(backoffMillis(attempt))
      }
    })
  }

  #commit(page: ReadonlyArray<Stored>): Effect.Effect<void, unknown, R> {
    const { partition, position } = page[0]!
    const advance = {
      partition,
      epoch: this.#epochs.get(partition)!,
      from: position - 1,
      to: position - 1 + page.length
    }
    const { only } = this.#options
    const work = Effect.suspend(() => {
      const wanted = only === undefined ? page : page.filter(only)
      const events = wanted.flatMap(this.#decode)
      return events.length === 0 ? Effect.void : this.#projection.handle(events, { replaying: true })
    })
    return this.#store.transact(this.#name, [advance], work)
  }
}

const held = (projection: string): ReplayHeld =>
  new ReplayHeld({
    projection,
    detail:
      `Projection ${projection} is being replayed into the same stores already, or was until a moment ago. Wait for the ` +
      `other to end; one that was killed lets go after ${leaseMillis / 1000} s.`
  })

const notReplayable = (projection: string): NotReplayable =>
  new NotReplayable({
    projection,
    detail:
      `${projection} is no read model: it sends commands or messages because of events, and a replay would send them again. ` +
      "What it has set aside or stopped at can be taken up again where it stands."
  })

/** Whether a projection may be replayed at all: a read model may, and what sends commands or messages may not. */
export const check = (projection: Projection<any, any, any>): Effect.Effect<void, NotReplayable> =>
  projection.effects === "transactional" ? Effect.void : Effect.fail(notReplayable(projection.name))

const replayFailed = (projection: string, stored: Stored, reason: string): ReplayFailed => {
  const { stream, version, partition, position, type } = stored
  return new ReplayFailed({
    projection,
    stream,
    version,
    partition,
    position,
    eventType: type,
    detail:
      `Projection ${projection} cannot apply ${type} at version ${version} of stream ${stream}, partition ${partition} ` +
      `position ${position}: ${reason}. Mend the projection, or the event's upcaster, and begin again.`
  })
}

const eventsGone = (projection: string, gone: number, partition: number, position: number): EventsGone =>
  new EventsGone({
    projection,
    gone,
    partition,
    position,
    detail:
      `${gone === 1 ? "1 event that" : `${gone} events that`} projection ${projection} is made from ${gone === 1 ? "is" : "are"} ` +
      `not in the journal any more, the first at partition ${partition} position ${position}: without ${gone === 1 ? "it" : "them"} ` +
      "the read model would be wrong. Bring deleted events back from an archive or a backup first; npx daybook audit verify " +
      "tells whether they were removed on purpose."
  })

/**
 * Replays a projection until it has seen everything that was asked for. Answers the position of each partition up to which it
 * was replayed. Interruption is safe at any time.
 */
export const run = <E, R>(
  projection: Projection<any, E, R>,
  options: Options = {}
): Effect.Effect<ReadonlyArray<number>, Failure, Journal | ProjectionStore | R> =>
  Effect.gen(function* () {
    yield* check(projection)
    const journal = yield* Journal
    const store = yield* ProjectionStore
    const heads = yield* journal.heads
    const until = heads.map((head, partition) => Math.min(head, options.until?.[partition] ?? head))
    yield* new Run({ projection, journal, store, until, options }).run
    return until
  })
