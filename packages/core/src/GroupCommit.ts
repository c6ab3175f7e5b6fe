/**
 * Group commit: what has queued while the last batch was committing is the next batch.
 *
 * Appends are spread over the journal's lanes by partition; each lane has one batch under way. There is no artificial delay:
 * an append that finds its lane idle goes at once, and under load batches grow by themselves, up to half of all that is about
 * where the journal works in another process. The queue is bounded by its callers: an entity has at most one append under way.
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
  queue: Array<Queued>
  busy: boolean
  /** Appends of the batch before, whose callers are about to be told and may come back. */
  before: number
}

/** Events in one batch at most. Measured: past some hundreds a statement grows without getting cheaper per event. */
const maxBatchEvents = 1_000

/** A batch of no more appends than these is never halved: the price of another commit would be more than what waiting costs. */
const minShare = 64

export class GroupCommit {
  readonly #journal: Journal["Service"]
  readonly #fork: (effect: Effect.Effect<unknown, unknown>) => Fiber.Fiber<unknown, unknown>
  readonly #within: Within | undefined
  readonly #onCommit: (durationMillis: number) => void
  readonly #lanes: ReadonlyArray<Lane>

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
    this.#lanes = Array.from({ length: options.journal.lanes }, () => ({ queue: [], busy: false, before: 0 }))
  }

  /** Queues an append; `done` is called once, after the batch that holds it is durable or has failed. */
  submit(append: Append, done: OnOutcome): void {
    const lane = this.#lanes[append.partition % this.#lanes.length]!
    lane.queue.push({ append, done, alone: false })
    if (lane.busy) return
    lane.busy = true
    // A microtask later, so that commands which arrived in the same turn share the commit.
    queueMicrotask(() => this.#flush(lane))
  }

  #flush(lane: Lane): void {
    const queued = takeBatch(lane, this.#journal.remote ? shareOf(lane) : lane.queue.length)
    lane.before = queued.length
    if (queued.length === 0) {
      lane.busy = false
      return
    }
    const started = performance.now()
    this.#fork(this.#commit(queued.map(({ append }) => append))).addObserver((exit) => {
      const outcomes = Exit.isSuccess(exit) ? (exit.value as ReadonlyArray<Outcome | Refused>) : undefined
      const failure = Exit.isFailure(exit) ? (exit.cause as Cause.Cause<JournalUnavailable>) : undefined
      if (outcomes !== undefined) this.#onCommit(performance.now() - started)
      if (queued.length > 1 && outcomes?.[0]?._tag === "Refused") return this.#flushOneByOne(lane, queued)
      // The next batch goes out before the callers of this one run, so that the journal is not kept waiting for them.
      if (lane.queue[0]?.alone) queueMicrotask(() => this.#flush(lane))
      else this.#flush(lane)
      for (let i = 0; i < queued.length; i++) queued[i]!.done(outcomes?.[i], failure)
    })
  }

  #flushOneByOne(lane: Lane, queued: ReadonlyArray<Queued>): void {
    lane.queue = [...queued.map((one) => ({ ...one, alone: true })), ...lane.queue]
    queueMicrotask(() => this.#flush(lane))
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

/**
 * Half of all that is about, where the journal works elsewhere: while it works on one half, this process answers the other and
 * decides what follows. With all in one batch, each would wait for the other.
 */
const shareOf = ({ queue, before }: Lane): number => Math.max(Math.ceil((queue.length + before) / 2), minShare)

const takeBatch = (lane: Lane, most: number): ReadonlyArray<Queued> => {
  let events = 0
  let count = 0
  while (count < lane.queue.length && count < most && events < maxBatchEvents) {
    if (count > 0 && (lane.queue[count]!.alone || lane.queue[0]!.alone)) break
    events += lane.queue[count++]!.append.events.length
  }
  const batch = lane.queue.slice(0, count)
  lane.queue = count === lane.queue.length ? [] : lane.queue.slice(count)
  return batch
}
