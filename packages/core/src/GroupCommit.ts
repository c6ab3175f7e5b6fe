/**
 * Group commit: what has queued while the last batch was committing is the next batch.
 *
 * Appends are spread over the journal's lanes by partition, and a lane has at most one batch under way, so that batches that are
 * under way together never touch the same partition. Where there is much, each lane goes by itself: while the journal works on one, this
 * process answers the callers of the other and decides what follows. Where there is little, all go in one batch, since a commit
 * costs more than what waiting does. There is no artificial delay: an append that finds nothing under way goes at once. The queue
 * is bounded by its callers: an entity has at most one append under way.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { type Append, type Journal, JournalUnavailable, type Outcome } from "./Journal.ts"
import { isTransient } from "./Problem.ts"

/** The work within the transaction failed on this append. Nothing of it was stored. */
export interface Refused {
  readonly _tag: "Refused"
  readonly why: unknown
}

/** Told once what became of an append, or why that is not known. */
export type OnOutcome = (
  outcome: Outcome | Refused | undefined,
  failure: Cause.Cause<JournalUnavailable> | undefined
) => void

/**
 * Work that goes into the batch's transaction after its events, with the batch and its outcomes. When it fails because of
 * what is in a batch, its appends go again one by one, so that only those it fails on are `Refused`.
 */
export type Within = (batch: ReadonlyArray<Append>, outcomes: ReadonlyArray<Outcome>) => Effect.Effect<void, unknown>

interface Queued {
  readonly append: Append
  readonly done: OnOutcome
  /** To go without others, because the batch that it was in was refused. */
  readonly alone: boolean
}

interface Lane {
  readonly queue: Array<Queued>
  busy: boolean
}

/** Events in one batch at most. Measured: past some hundreds a statement grows without getting cheaper per event. */
const maxBatchEvents = 1_000

/** With so many appends a lane goes by itself. With fewer, another commit would cost more than to wait for the one under way. */
const enough = 64

export class GroupCommit {
  readonly #journal: Journal["Service"]
  readonly #fork: (effect: Effect.Effect<unknown, unknown>) => Fiber.Fiber<unknown, unknown>
  readonly #within: Within | undefined
  readonly #onCommit: (durationMillis: number) => void
  readonly #lanes: ReadonlyArray<Lane>
  /** A look at the lanes is due at the end of this turn. */
  #flushing = false

  constructor(options: {
    readonly journal: Journal["Service"]
    /** Runs an effect in the services of the owner. */
    readonly fork: (effect: Effect.Effect<unknown, unknown>) => Fiber.Fiber<unknown, unknown>
    readonly within?: Within | undefined
    /** Told the duration of each append that reached the journal. */
    readonly onCommit: (durationMillis: number) => void
  }) {
    this.#journal = options.journal
    this.#fork = options.fork
    this.#within = options.within
    this.#onCommit = options.onCommit
    this.#lanes = Array.from({ length: options.journal.lanes }, () => ({ queue: [], busy: false }))
  }

  /** Queues an append; `done` is called once, after the batch that holds it is durable or has failed. */
  submit(append: Append, done: OnOutcome): void {
    this.#laneOf(append).queue.push({ append, done, alone: false })
    if (this.#flushing) return
    this.#flushing = true
    const flush = () => {
      this.#flushing = false
      this.#flush(false)
    }
    // A microtask later, so that commands which arrived in the same turn share the commit. While the journal has something to do, at the end
    // of the turn, by which those have come who were answered in it.
    if (this.#isBusy) setImmediate(flush)
    else queueMicrotask(flush)
  }

  get #isBusy(): boolean {
    return this.#lanes.some(({ busy }) => busy)
  }

  #laneOf({ partition }: Append): Lane {
    return this.#lanes[partition % this.#lanes.length]!
  }

  /** Sends what may go: the lanes that have enough, and all others together after a batch, or when nothing is under way. */
  #flush(afterBatch: boolean): void {
    for (const lane of this.#lanes) {
      if (isWaiting(lane) && (lane.queue.length >= enough || lane.queue[0]!.alone)) this.#send([lane])
    }
    const few = this.#lanes.filter(isWaiting)
    if (few.length > 0 && (afterBatch || !this.#isBusy)) this.#send(few)
  }

  #send(lanes: ReadonlyArray<Lane>): void {
    const queued = takeBatch(lanes)
    for (const lane of lanes) lane.busy = true
    const started = performance.now()
    this.#fork(this.#commit(queued.map(({ append }) => append))).addObserver((exit) => {
      for (const lane of lanes) lane.busy = false
      const outcomes = Exit.isSuccess(exit) ? (exit.value as ReadonlyArray<Outcome | Refused>) : undefined
      const failure = Exit.isFailure(exit) ? (exit.cause as Cause.Cause<JournalUnavailable>) : undefined
      if (outcomes !== undefined) this.#onCommit(performance.now() - started)
      if (queued.length > 1 && outcomes?.[0]?._tag === "Refused") return this.#sendOneByOne(queued)
      // The next batch goes out before the callers of this one run, so that the journal is not kept waiting for them; where it has a batch of
      // another lane, with what they ask for next, since a batch of all of a lane's callers costs less than two of half of them.
      if (queued[0]!.alone) queueMicrotask(() => this.#flush(true))
      else if (this.#isBusy) setImmediate(() => this.#flush(true))
      else this.#flush(true)
      queueMicrotask(() => {
        for (let i = 0; i < queued.length; i++) queued[i]!.done(outcomes?.[i], failure)
      })
    })
  }

  #sendOneByOne(queued: ReadonlyArray<Queued>): void {
    for (const one of queued.toReversed()) this.#laneOf(one.append).queue.unshift({ ...one, alone: true })
    queueMicrotask(() => this.#flush(true))
  }

  #commit(batch: ReadonlyArray<Append>): Effect.Effect<ReadonlyArray<Outcome | Refused>, JournalUnavailable> {
    const within = this.#within
    if (within === undefined) return Effect.suspend(() => this.#journal.append(batch))
    let undone = false
    const work = (outcomes: ReadonlyArray<Outcome>) =>
      Effect.onError(within(batch, outcomes), () =>
        Effect.sync(() => {
          undone = true
        })
      )
    return Effect.catchCause(
      Effect.suspend(() => this.#journal.append(batch, work)),
      (cause): Effect.Effect<ReadonlyArray<Refused>, JournalUnavailable> => {
        const why = Cause.squash(cause)
        const problem = unavailable(why)
        if (problem !== undefined) return Effect.fail(problem)
        return undone ? Effect.succeed(batch.map(() => ({ _tag: "Refused", why }))) : Effect.die(why)
      }
    )
  }
}

/** A failure that no command is to blame for: the same will do once the database is back. */
const unavailable = (error: unknown): JournalUnavailable | undefined => {
  if (error instanceof JournalUnavailable) return error
  if (!isTransient(error)) return undefined
  const { message, retryAfterSeconds } = error as JournalUnavailable
  return new JournalUnavailable({ detail: message, retryAfterSeconds })
}

const isWaiting = ({ busy, queue }: Lane): boolean => !busy && queue.length > 0

/** Takes the next batch out of the lanes' queues. One that is to go alone is the first of the only lane. */
const takeBatch = (lanes: ReadonlyArray<Lane>): ReadonlyArray<Queued> => {
  const batch: Array<Queued> = []
  let events = 0
  for (const lane of lanes) {
    let count = 0
    while (count < lane.queue.length && events < maxBatchEvents && !batch[0]?.alone) {
      const queued = lane.queue[count]!
      if (queued.alone && batch.length > 0) break
      events += queued.append.events.length
      batch.push(queued)
      count++
    }
    lane.queue.splice(0, count)
  }
  return batch
}
