/**
 * The worker of one projection: leases, batches, and what happens when a batch fails. Used by `Projector`.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Recorded, Stored } from "./Event.ts"
import { UndecodableEvent } from "./Event.ts"
import type { Journal, JournalUnavailable } from "./Journal.ts"
import * as Metrics from "./Metrics.ts"
import { isTransient } from "./Problem.ts"
import type { Projection } from "./Projection.ts"
import { decodeFor } from "./Projection.ts"
import type { Offset, ProjectionFenced, ProjectionStore, ReadModelUnavailable } from "./ProjectionStore.ts"
import { Signal } from "./Signal.ts"

/** Resolved options of the projector. */
export interface Settings {
  readonly owner: string
  readonly leaseMillis: number
  readonly pollMillis: number
  readonly attempts: number
}

/** New events of one partition, and where they begin. */
interface News {
  readonly offset: Offset
  readonly events: ReadonlyArray<Stored>
}

type StoreFailure = ProjectionFenced | ReadModelUnavailable

const firstRetryMillis = 50
const maxRetryMillis = 5_000

/** Failures that are not an event's fault: the same event will do once the store is back, or in another worker's hands. */
const isStoreFailure = (error: unknown): error is StoreFailure =>
  (error as { readonly _tag?: unknown } | null)?._tag === "ProjectionFenced" || isTransient(error)

const backoffMillis = (attempt: number): number => Math.min(firstRetryMillis * 2 ** attempt, maxRetryMillis)

const positionOf = (news: News): number => news.events[news.events.length - 1]!.position

export class ProjectionWorker<R> {
  /** Moves after every commit of this worker. */
  readonly progress = new Signal()
  /** Wakes this worker alone, for an operator. */
  readonly wake = new Signal()
  readonly #projection: Projection<any, any, R>
  readonly #decode: (stored: Stored) => Recorded<any> | undefined
  readonly #journal: Journal["Service"]
  readonly #store: ProjectionStore["Service"]
  readonly #context: Context.Context<R>
  readonly #settings: Settings
  readonly #recordLag: (seconds: number) => void
  #offsets = new Map<number, Offset>()
  #parked = new Set<string>()
  #claimedAtMillis = -Infinity

  constructor(input: {
    readonly projection: Projection<any, any, R>
    readonly journal: Journal["Service"]
    readonly store: ProjectionStore["Service"]
    readonly context: Context.Context<R>
    readonly settings: Settings
  }) {
    this.#projection = input.projection
    this.#decode = decodeFor(input.projection)
    this.#journal = input.journal
    this.#store = input.store
    this.#context = input.context
    this.#settings = input.settings
    this.#recordLag = Metrics.recorder(Metrics.projectionLagSeconds, input.context as Context.Context<never>, {
      projection: input.projection.name
    })
  }

  get #name(): string {
    return this.#projection.name
  }

  /** Works until it is interrupted, then gives its leases back. A failing store is logged and tried again for ever. */
  get run(): Effect.Effect<never> {
    let failures = 0
    const round = this.#round.pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          failures = 0
        })
      ),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.failCause(cause)
          : Effect.logWarning(`Projection ${this.#name} is held up and will try again`, Cause.squash(cause)).pipe(
              Effect.andThen(this.#claimAgain),
              Effect.andThen(Effect.suspend(() => Effect.sleep(backoffMillis(failures++))))
            )
      )
    )
    return Effect.forever(round as Effect.Effect<void>).pipe(
      Effect.ensuring(Effect.ignore(this.#store.release(this.#name, this.#settings.owner)))
    )
  }

  /** One look at the journal, and a wait when there was nothing. */
  get #round(): Effect.Effect<void, JournalUnavailable | StoreFailure> {
    return Effect.gen({ self: this }, function* () {
      yield* this.#claimIfDue
      const seen = this.#journal.signal.count
      const woken = this.wake.count
      if (!(yield* this.#store.paused(this.#name))) {
        const news = yield* this.#readNews
        if (news.length > 0) return yield* this.#apply(news)
      }
      yield* Effect.raceAll([
        this.#journal.signal.changed(seen),
        this.wake.changed(woken),
        Effect.sleep(this.#settings.pollMillis)
      ])
    })
  }

  get #claimAgain(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#claimedAtMillis = -Infinity
    })
  }

  get #claimIfDue(): Effect.Effect<void, ReadModelUnavailable> {
    return Effect.gen({ self: this }, function* () {
      const now = yield* Clock.currentTimeMillis
      const idle = [...this.#offsets.values()].some((offset) => offset.stoppedBecause !== null)
      const due = this.#claimedAtMillis + (idle ? this.#settings.pollMillis : this.#settings.leaseMillis / 3)
      if (now < due) return
      const { owner, leaseMillis } = this.#settings
      const offsets = yield* this.#store.claim(this.#name, { owner, leaseMillis, partitions: this.#journal.partitions })
      this.#offsets = new Map(offsets.map((offset) => [offset.partition, offset]))
      this.#parked = new Set((yield* this.#store.parked(this.#name)).map((parked) => parked.stream))
      this.#claimedAtMillis = now
    })
  }

  /** What is new in the partitions that this worker holds, about a batch in all. */
  get #readNews(): Effect.Effect<ReadonlyArray<News>, JournalUnavailable> {
    return Effect.gen({ self: this }, function* () {
      const heads = yield* this.#journal.heads
      const behind = [...this.#offsets.values()].filter(
        (offset) => offset.stoppedBecause === null && heads[offset.partition]! > offset.position
      )
      const limit = Math.max(Math.ceil(this.#projection.batchSize / Math.max(behind.length, 1)), 1)
      const news = yield* Effect.forEach(
        behind,
        (offset) =>
          Effect.map(
            this.#journal.readPartition(offset.partition, { after: offset.position, limit }),
            (events): News => ({ offset, events })
          ),
        { concurrency: 4 }
      )
      return news.filter(({ events }) => events.length > 0)
    })
  }

  #apply(news: ReadonlyArray<News>): Effect.Effect<void, JournalUnavailable | StoreFailure> {
    return Effect.gen({ self: this }, function* () {
      const together = yield* Effect.exit(this.#commit(news))
      if (Exit.isSuccess(together)) return
      if (isStoreFailure(Cause.squash(together.cause))) return yield* together as Exit.Exit<never, StoreFailure>
      // Some event in there cannot be applied: find it without holding up the others.
      for (const one of news) {
        const alone = news.length === 1 ? together : yield* Effect.exit(this.#commit([one]))
        if (Exit.isFailure(alone)) yield* this.#applyOneByOne(one)
      }
    })
  }

  /** Applies events and moves the offsets, in one transaction. */
  #commit(news: ReadonlyArray<News>): Effect.Effect<void, unknown> {
    return Effect.gen({ self: this }, function* () {
      const events: Array<Recorded<any>> = []
      for (const { events: stored } of news) {
        for (const one of stored) {
          if (this.#parked.has(one.stream)) continue
          const recorded = this.#decode(one)
          if (recorded !== undefined) events.push(recorded)
        }
      }
      const work = events.length === 0 ? Effect.void : this.#handle(events)
      yield* this.#transact(news, work)
      const last = events[events.length - 1]
      if (last !== undefined) this.#recordLag(((yield* Clock.currentTimeMillis) - last.recordedAtMillis) / 1000)
    })
  }

  #handle(events: ReadonlyArray<Recorded<any>>): Effect.Effect<void, unknown> {
    return Effect.suspend(() => this.#projection.handle(events, { replaying: false })).pipe(
      Effect.provideContext(this.#context)
    )
  }

  #transact<E>(news: ReadonlyArray<News>, work: Effect.Effect<void, E>): Effect.Effect<void, E | StoreFailure> {
    const advances = news.map((one) => ({
      partition: one.offset.partition,
      epoch: one.offset.epoch,
      from: one.offset.position,
      to: positionOf(one)
    }))
    return Effect.tap(this.#store.transact(this.#name, advances, work), () =>
      Effect.sync(() => {
        for (const { partition, to } of advances) {
          this.#offsets.set(partition, { ...this.#offsets.get(partition)!, position: to })
        }
        this.progress.notify()
      })
    )
  }

  #applyOneByOne(news: News): Effect.Effect<void, StoreFailure> {
    return Effect.gen({ self: this }, function* () {
      for (const stored of news.events) {
        const offset = this.#offsets.get(news.offset.partition)!
        const one: News = { offset, events: [stored] }
        const failure = yield* this.#tryEvent(one)
        if (failure === undefined) continue
        if (this.#projection.onFailure === "stop") return yield* this.#stop(offset, stored, failure)
        yield* this.#park(one, stored, failure)
      }
    })
  }

  /** Applies one event, again and again with backoff; why it cannot be applied, in the end. */
  #tryEvent(one: News): Effect.Effect<string | undefined, StoreFailure> {
    return Effect.gen({ self: this }, function* () {
      for (let attempt = 1; ; attempt++) {
        const exit = yield* Effect.exit(this.#commit([one]))
        if (Exit.isSuccess(exit)) return undefined
        const error = Cause.squash(exit.cause)
        if (isStoreFailure(error)) return yield* Effect.fail(error)
        const hopeless = error instanceof UndecodableEvent
        if (hopeless || attempt >= this.#settings.attempts)
          return error instanceof Error ? error.message : String(error)
        yield* Effect.sleep(backoffMillis(attempt))
      }
    })
  }

  #stop(offset: Offset, stored: Stored, failure: string): Effect.Effect<void, StoreFailure> {
    const reason = `Position ${stored.position} (${stored.type}, stream ${stored.stream}): ${failure}`
    return Effect.gen({ self: this }, function* () {
      yield* this.#store.stop(this.#name, offset.partition, reason)
      this.#offsets.set(offset.partition, { ...this.#offsets.get(offset.partition)!, stoppedBecause: reason })
      yield* Effect.logError(`Projection ${this.#name} has stopped at partition ${offset.partition}. ${reason}`)
    })
  }

  #park(one: News, stored: Stored, reason: string): Effect.Effect<void, StoreFailure> {
    return Effect.gen({ self: this }, function* () {
      const parkedAtMillis = yield* Clock.currentTimeMillis
      const { stream, partition, version, position } = stored
      yield* this.#transact(
        [one],
        this.#store.park(this.#name, { stream, partition, version, position, reason, parkedAtMillis })
      )
      this.#parked.add(stream)
      yield* Effect.logError(`Projection ${this.#name} has set stream ${stream} aside at version ${version}: ${reason}`)
    })
  }

  /** Applies what a parked stream has missed and takes it back in, in one transaction that moves no offset. */
  unpark(stream: string): Effect.Effect<void, ReadModelUnavailable | JournalUnavailable> {
    return Effect.gen({ self: this }, function* () {
      const parked = (yield* this.#store.parked(this.#name)).find((one) => one.stream === stream)
      if (parked === undefined) return
      const offset = (yield* this.#store.offsets(this.#name)).find((one) => one.partition === parked.partition)!
      const stored = yield* this.#journal.readStream(stream, { from: parked.version })
      const missed = stored
        .filter((one) => one.position <= offset.position)
        .map(this.#decode)
        .filter((one): one is Recorded<any> => one !== undefined)
      // Moving the offset from its place to the same place fences: a worker that goes on meanwhile makes this start again.
      const still = { partition: offset.partition, epoch: offset.epoch, from: offset.position, to: offset.position }
      yield* this.#store
        .transact(this.#name, [still], Effect.andThen(this.#handle(missed), this.#store.unpark(this.#name, stream)))
        .pipe(Effect.catchIf(isFenced, () => Effect.suspend(() => this.unpark(stream)))) as Effect.Effect<
        void,
        ReadModelUnavailable
      >
      this.#claimedAtMillis = -Infinity
      this.progress.notify()
    })
  }
}

const isFenced = (error: unknown): error is ProjectionFenced =>
  (error as { readonly _tag?: unknown } | null)?._tag === "ProjectionFenced"
