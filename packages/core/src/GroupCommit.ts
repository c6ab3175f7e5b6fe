/**
 * Group commit: what has queued while the last batch was committing is the next batch.
 *
 * Appends are spread over the journal's lanes by partition; each lane has one batch under way. There is no artificial delay:
 * an append that finds its lane idle goes at once, and under load batches grow by themselves. The queue is bounded by its
 * callers: an entity has at most one append under way.
 */
import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Append, Journal, Outcome } from "./Journal.ts"

/** Told once what became of an append, or why that is not known. */
export type OnOutcome = (outcome: Outcome | undefined, failure: Cause.Cause<unknown> | undefined) => void

/** Work that goes into the batch's transaction after its events, with the batch and its outcomes. */
export type Within = (batch: ReadonlyArray<Append>, outcomes: ReadonlyArray<Outcome>) => Effect.Effect<void, unknown>

interface Queued {
  readonly append: Append
  readonly done: OnOutcome
}

interface Lane {
  queue: Array<Queued>
  busy: boolean
}

/** Events in one batch at most. Measured: past some hundreds a statement grows without getting cheaper per event. */
const maxBatchEvents = 1_000

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
    this.#lanes = Array.from({ length: options.journal.lanes }, () => ({ queue: [], busy: false }))
  }

  /** Queues an append; `done` is called once, after the batch that holds it is durable or has failed. */
  submit(append: Append, done: OnOutcome): void {
    const lane = this.#lanes[append.partition % this.#lanes.length]!
    lane.queue.push({ append, done })
    if (lane.busy) return
    lane.busy = true
    // A microtask later, so that commands which arrived in the same turn share the commit.
    queueMicrotask(() => this.#flush(lane))
  }

  #flush(lane: Lane): void {
    const queued = takeBatch(lane)
    if (queued.length === 0) {
      lane.busy = false
      return
    }
    const batch = queued.map((q) => q.append)
    const within = this.#within
    const started = performance.now()
    const append =
      within === undefined
        ? this.#journal.append(batch)
        : this.#journal.append(batch, (outcomes) => within(batch, outcomes))
    this.#fork(append).addObserver((exit) => {
      if (Exit.isSuccess(exit)) this.#onCommit(performance.now() - started)
      const outcomes = Exit.isSuccess(exit) ? (exit.value as ReadonlyArray<Outcome>) : undefined
      const failure = Exit.isFailure(exit) ? exit.cause : undefined
      // The next batch goes out before the callers of this one run, so that the journal is not kept waiting for them.
      this.#flush(lane)
      for (let i = 0; i < queued.length; i++) queued[i]!.done(outcomes?.[i], failure)
    })
  }
}

const takeBatch = (lane: Lane): ReadonlyArray<Queued> => {
  let events = 0
  let count = 0
  while (count < lane.queue.length && events < maxBatchEvents) events += lane.queue[count++]!.append.events.length
  const batch = lane.queue.slice(0, count)
  lane.queue = count === lane.queue.length ? [] : lane.queue.slice(count)
  return batch
}
