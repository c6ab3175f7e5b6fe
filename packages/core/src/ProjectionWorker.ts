/**
 * The worker of one projection: leases, batches, and what happens when a batch fails. Used by `Projector`.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Recorded, type Stored, UndecodableEvent } from "./Event.ts"
import { HeldUp } from "./HeldUp.ts"
import type { Journal, JournalUnavailable } from "./Journal.ts"
import { type JournalTail, tailOf } from "./JournalTail.ts"
import * as Metrics from "./Metrics.ts"
import * as Partition from "./Partition.ts"
import { isTransient, reasonOf } from "./Problem.ts"
import { decodeFor, type Projection } from "./Projection.ts"
import { advancesOf, type Handled, type News, positionOf, type Sought } from "./ProjectionNews.ts"
import { stillFailing, takenBack } from "./ProjectionProblems.ts"
import type { Advance, Offset, ProjectionStore, ReadModelUnavailable } from "./ProjectionStore.ts"
import { oneAfterTheOther, ProjectionFenced, type StillFailing, standing } from "./ProjectionStore.ts"
import { Signal } from "./Signal.ts"
import { TrailingWrite } from "./TrailingWrite.ts"

/** Resolved options of the projector. */
export interface Settings {
  readonly owner: string
  readonly leaseMillis: number
  readonly pollMillis: number
  readonly attempts: number
}

type StoreFailure = ProjectionFenced | ReadModelUnavailable

const firstRetryMillis = 50
const maxRetryMillis = 5_000
/** How old an answer to whether it is paused may be. */
const pausedForMillis = 250

/** Failures that are not an event's fault: the same event will do once the store is back, or in another worker's hands. */
const isStoreFailure = (error: unknown): error is StoreFailure =>
  error instanceof ProjectionFenced || isTransient(error)

const backoffMillis = (attempt: number): number => Math.min(firstRetryMillis * 2 ** attempt, maxRetryMillis)

/** Effects that are run in every step are made once: a generator function costs V8 more than what most of them do (docs/adr/0013). */
export class ProjectionWorker<R> {
  /** Moves after every commit of this worker. */
  readonly progress = new Signal()
  readonly #projection: Projection<any, any, R>
  readonly #decode: (stored: Stored) => ReadonlyArray<Recorded<any>>
  readonly #journal: Journal["Service"]
  readonly #tail: JournalTail
  readonly #store: ProjectionStore["Service"]
  readonly #context: Context.Context<R>
  readonly #settings: Settings
  readonly #recordLag: (seconds: number) => void
  readonly #wake = new Signal()
  /** Up to where this worker has come. Where effects go elsewhere, what is stored follows. */
  #offsets = new Map<number, Offset>()
  readonly #moves: TrailingWrite<ReadonlyArray<Advance>, StoreFailure>
  #parked = new Set<string>()
  #claimedAtMillis = -Infinity
  #paused = false
  #askedAtMillis = -Infinity
  /** Whether to look at the journal though nobody has said that there is something: at first, and when a wait was over. */
  #look = true

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
    this.#tail = tailOf(input.journal)
    this.#store = input.store
    this.#context = input.context
    this.#settings = input.settings
    this.#moves = new TrailingWrite({
      write: (advances) =>
        Effect.map(this.#store.transact(this.#name, advances, Effect.void), () => this.progress.notify()),
      merge: oneAfterTheOther
    })
    this.#recordLag = Metrics.recorder(Metrics.projectionLagSeconds, input.context as Context.Context<never>, {
      projection: input.projection.name
    })
  }

  /** Whether handlers run before the offset moves, outside of the store's transaction. */
  get #hasEffectsElsewhere(): boolean {
    return this.#projection.effects === "idempotent"
  }

  get #name(): string {
    return this.#projection.name
  }

  /** Works until it is interrupted, then gives its leases back. A failing store is told of (`HeldUp`) and tried again for ever. */
  get run(): Effect.Effect<never> {
    return Effect.flatMap(HeldUp, (heldUp) => {
      const worker = `projection ${this.#name}`
      let failures = 0
      const round = this.#round.pipe(
        Effect.tap(() => {
          if (failures === 0) return Effect.void
          failures = 0
          return heldUp.goesOn(worker)
        }),
        // The interruption of this worker passes by here; one that comes from inside, as of a pool that closes, is a failure.
        Effect.catchCause((cause) => {
          // A rebuild's switch takes the partitions from their worker, and so does another process; no trouble, unless it goes on.
          const isFenced = failures === 0 && Cause.squash(cause) instanceof ProjectionFenced
          const told = isFenced
            ? Effect.logDebug(`${worker} claims its partitions anew`, cause)
            : heldUp.failed(worker, cause)
          return told.pipe(
            Effect.andThen(this.#claimAgain),
            Effect.andThen(Effect.suspend(() => Effect.sleep(backoffMillis(failures++))))
          )
        })
      )
      const release = this.#store.release(this.#name, this.#settings.owner)
      return Effect.forever(round as Effect.Effect<void>).pipe(
        Effect.ensuring(heldUp.ended(worker)),
        Effect.ensuring(Effect.andThen(Effect.ignore(this.#moves.settled), Effect.ignore(release)))
      )
    })
  }

  /** One look at the journal, and a wait when there was nothing. */
  readonly #round: Effect.Effect<void, JournalUnavailable | StoreFailure> = Effect.gen({ self: this }, function* () {
    const seen = [this.#journal.signal, this.#wake].map((signal) => ({ signal, count: signal.count }))
    const now = yield* Clock.currentTimeMillis
    if (now >= this.#claimDueMillis) yield* this.#claim(now)
    if (now >= this.#askedAtMillis + pausedForMillis) yield* this.#askWhetherPaused(now)
    const news = this.#paused ? [] : yield* this.#readNews
    if (news.length > 0) return yield* this.#apply(news)
    // In time to renew the leases, however seldom it is to look.
    const waitMillis = Math.min(this.#settings.pollMillis, this.#settings.leaseMillis / 3)
    if (!(yield* Signal.anyChanged(seen, waitMillis))) this.#look = true
  })

  /** Done at most four times a second: an operator of another process can wait for so long. Who wakes the worker meanwhile has it ask again. */
  #askWhetherPaused(nowMillis: number): Effect.Effect<void, ReadModelUnavailable> {
    this.#askedAtMillis = nowMillis
    return Effect.map(this.#store.paused(this.#name), (paused) => {
      this.#paused = paused
    })
  }

  /**
   * Whether this worker is known to have a version of a stream before it, which it then comes to sooner. What another process applies, it does
   * not know.
   */
  awaits({ stream, version }: Sought): boolean {
    const place = this.#offsets.get(Partition.ofId(Partition.idOf(stream), this.#journal.partitions))
    return place !== undefined && this.#tail.awaits(place, stream, version)
  }

  /** Has this worker read offsets anew, and go on at once. For an operator who has changed them. */
  get wake(): Effect.Effect<void> {
    return Effect.andThen(
      this.#claimAgain,
      Effect.sync(() => this.#wake.notify())
    )
  }

  get #claimAgain(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#claimedAtMillis = -Infinity
      this.#askedAtMillis = -Infinity
      this.#look = true
    })
  }

  /** From when on leases are to be renewed; sooner while something has stopped, which an operator may let go on. */
  get #claimDueMillis(): number {
    const { pollMillis, leaseMillis } = this.#settings
    const hasStopped = this.#offsets.values().some(({ stoppedBecause }) => stoppedBecause !== null)
    return this.#claimedAtMillis + (hasStopped ? pollMillis : leaseMillis / 3)
  }

  readonly #claim: (nowMillis: number) => Effect.Effect<void, StoreFailure> = Effect.fnUntraced(
    { self: this },
    function* (nowMillis) {
      const { owner, leaseMillis } = this.#settings
      // Before it asks, so that who wakes it meanwhile has it claim again. Where it fails, it does so anyway.
      this.#claimedAtMillis = nowMillis
      // What the store answers must not be behind where this worker is.
      yield* this.#moves.settled
      const offsets = yield* this.#store.claim(this.#name, { owner, leaseMillis, partitions: this.#journal.partitions })
      this.#offsets = new Map(offsets.map((offset) => [offset.partition, offset]))
      yield* this.#readParked
    }
  )

  /** What is new in the partitions that this worker holds, about a batch in all. */
  get #readNews(): Effect.Effect<ReadonlyArray<News>, JournalUnavailable> {
    const working = [...this.#offsets.values()].filter(({ stoppedBecause }) => stoppedBecause === null)
    const look = this.#look
    this.#look = false
    return Effect.map(this.#tail.news(working, { limit: this.#projection.batchSize, look }), (news) =>
      news.map(({ after, events }) => ({ offset: after, events }))
    )
  }

  readonly #apply: (news: ReadonlyArray<News>) => Effect.Effect<void, JournalUnavailable | StoreFailure> =
    Effect.fnUntraced({ self: this }, function* (news) {
      const together = yield* Effect.exit(this.#commit(news))
      if (Exit.isSuccess(together)) return
      if (isStoreFailure(Cause.squash(together.cause))) return yield* together as Exit.Exit<never, StoreFailure>
      // Some event in there cannot be applied: find it without holding up the others.
      for (const one of news) {
        const alone = news.length === 1 ? together : yield* Effect.exit(this.#commit([one]))
        if (Exit.isFailure(alone)) yield* this.#applyOneByOne(one, one.events.length === 1 ? alone : undefined)
      }
    })

  /** Applies events and moves the offsets: in one transaction, or, where the effects go elsewhere, one after the other. */
  #commit(news: ReadonlyArray<News>): Effect.Effect<void, unknown> {
    const stored = news.flatMap(({ events }) => events)
    const work = this.#handleStored(stored)
    const applied = this.#hasEffectsElsewhere
      ? Effect.tap(work, ({ passedOver }) => this.#moveOn(news, passedOver))
      : (this.#writePlan(news, stored) ?? this.#transact(news, work))
    return Effect.flatMap(applied, ({ last }) =>
      last === undefined
        ? Effect.void
        : Effect.map(Clock.currentTimeMillis, (now) => this.#recordLag((now - last.recordedAtMillis) / 1000))
    )
  }

  /** Handles all that is not of a stream that was set aside. */
  readonly #handleStored: (stored: ReadonlyArray<Stored>) => Effect.Effect<Handled, unknown> = Effect.fnUntraced(
    { self: this },
    function* (stored) {
      // An operator, of whatever process, may have taken a stream back in: under the offset's lock the store knows.
      if (stored.some(({ stream }) => this.#parked.has(stream))) yield* this.#readParked
      const passedOver = stored.filter(({ stream }) => this.#parked.has(stream))
      const wanted = passedOver.length === 0 ? stored : stored.filter(({ stream }) => !this.#parked.has(stream))
      const events = this.#decodeAll(wanted)
      yield* this.#handle(events)
      return { last: events.at(-1), passedOver }
    }
  )

  /** Has the store write a plan, where it can; where streams may have to be passed over, that is asked about in a transaction. */
  #writePlan(news: ReadonlyArray<News>, stored: ReadonlyArray<Stored>) {
    const [{ plan }, { write }] = [this.#projection, this.#store]
    if (plan === undefined || write === undefined || stored.some(({ stream }) => this.#parked.has(stream))) return
    return Effect.suspend(() => {
      const events = this.#decodeAll(stored)
      const writes = events.length === 0 ? Effect.succeed([]) : Effect.provideContext(plan(events), this.#context)
      return Effect.map(write(this.#name, advancesOf(news), writes), () => {
        this.#noteMoved(news)
        this.progress.notify()
        return { last: events.at(-1), passedOver: [] }
      })
    })
  }

  /** Goes on after effects elsewhere: the offsets follow, unless streams were passed over, which may have been taken back in meanwhile. */
  #moveOn(news: ReadonlyArray<News>, passedOver: ReadonlyArray<Stored>): Effect.Effect<void, StoreFailure> {
    if (passedOver.length === 0) {
      return Effect.map(this.#moves.add(advancesOf(news)), () => this.#noteMoved(news))
    }
    const check = Effect.gen({ self: this }, function* () {
      yield* this.#readParked
      const back = passedOver.find(({ stream }) => !this.#parked.has(stream))
      if (back !== undefined) return yield* takenBack(this.#name, back)
    })
    return this.#transact(news, check)
  }

  #decodeAll(stored: ReadonlyArray<Stored>): ReadonlyArray<Recorded<any>> {
    return stored.flatMap(this.#decode)
  }

  get #readParked(): Effect.Effect<void, ReadModelUnavailable> {
    return Effect.map(this.#store.parked(this.#name), (parked) => {
      this.#parked = new Set(parked.map(({ stream }) => stream))
    })
  }

  #handle(events: ReadonlyArray<Recorded<any>>): Effect.Effect<void, unknown> {
    if (events.length === 0) return Effect.void
    return Effect.suspend(() => this.#projection.handle(events, { replaying: false })).pipe(
      Effect.provideContext(this.#context)
    )
  }

  #transact<A, E>(news: ReadonlyArray<News>, work: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFailure> {
    const moved = Effect.suspend(() => this.#store.transact(this.#name, advancesOf(news), work))
    return Effect.tap(Effect.andThen(this.#moves.settled, moved), () =>
      Effect.sync(() => {
        this.#noteMoved(news)
        this.progress.notify()
      })
    )
  }

  #noteMoved(news: ReadonlyArray<News>): void {
    for (const one of news) {
      const { partition } = one.offset
      this.#offsets.set(partition, { ...this.#offsets.get(partition)!, position: positionOf(one) })
    }
  }

  /** Applies what was not applied together. `failed` is the first attempt at an event that was alone in it. */
  #applyOneByOne(news: News, failed: Exit.Exit<void, unknown> | undefined): Effect.Effect<void, StoreFailure> {
    return Effect.gen({ self: this }, function* () {
      for (const stored of news.events) {
        const offset = this.#offsets.get(news.offset.partition)!
        const one: News = { offset, events: [stored] }
        const failure = yield* this.#tryEvent(one, failed)
        if (failure === undefined) continue
        if (this.#projection.onFailure === "stop") return yield* this.#stop(offset, stored, failure)
        yield* this.#park(one, stored, failure)
      }
    })
  }

  /** Applies one event, again and again with backoff; why it cannot be applied, in the end. */
  #tryEvent(one: News, failed: Exit.Exit<void, unknown> | undefined): Effect.Effect<string | undefined, StoreFailure> {
    return Effect.gen({ self: this }, function* () {
      for (let attempt = 1; ; attempt++) {
        const exit = attempt === 1 && failed !== undefined ? failed : yield* Effect.exit(this.#commit([one]))
        if (Exit.isSuccess(exit)) return undefined
        const error = Cause.squash(exit.cause)
        if (isStoreFailure(error)) return yield* Effect.fail(error)
        const hopeless = error instanceof UndecodableEvent
        if (hopeless || attempt >= this.#settings.attempts) return reasonOf(error)
        yield* Effect.sleep(backoffMillis(attempt))
      }
    })
  }

  #stop(offset: Offset, stored: Stored, failure: string): Effect.Effect<void, StoreFailure> {
    const reason = `Position ${stored.position} (${stored.type}, stream ${stored.stream}): ${failure}`
    return Effect.gen({ self: this }, function* () {
      yield* this.#moves.settled
      yield* this.#store.transact(
        this.#name,
        [standing(offset)],
        this.#store.stop(this.#name, offset.partition, reason)
      )
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

  /** Applies what a parked stream has missed and takes it back in, in a transaction that moves no offset. */
  unpark(stream: string): Effect.Effect<void, StillFailing | ReadModelUnavailable | JournalUnavailable> {
    return Effect.gen({ self: this }, function* () {
      const parked = (yield* this.#store.parked(this.#name)).find((one) => one.stream === stream)
      if (parked === undefined) return
      const offset = (yield* this.#store.offsets(this.#name)).find((one) => one.partition === parked.partition)!
      const stored = yield* this.#journal.readStream(stream, { from: parked.version })
      const missed = stored.filter((one) => one.position <= offset.position)
      if (missed[0]?.version !== parked.version) return yield* stillFailing(this.#name, parked, "its events are gone")
      const handle = Effect.suspend(() => this.#handle(this.#decodeAll(missed)))
      const elsewhere = this.#hasEffectsElsewhere
      const work = Effect.gen({ self: this }, function* () {
        yield* this.#readParked
        // Under the offset's lock: another operator may have been quicker.
        if (!this.#parked.has(stream)) return
        if (!elsewhere) yield* handle
        yield* this.#store.unpark(this.#name, stream)
      })
      const back = this.#store.transact(this.#name, [standing(offset)], work)
      yield* (elsewhere ? Effect.andThen(handle, back) : back).pipe(
        Effect.catchCause((cause): ReturnType<typeof this.unpark> => {
          const error: unknown = Cause.squash(cause)
          // The worker has moved on meanwhile, and passed over more of the stream.
          if (error instanceof ProjectionFenced) return this.unpark(stream)
          if (isTransient(error)) return Effect.fail(error as ReadModelUnavailable)
          return Effect.fail(stillFailing(this.#name, parked, reasonOf(error)))
        })
      )
      yield* this.wake
      this.progress.notify()
    })
  }
}
