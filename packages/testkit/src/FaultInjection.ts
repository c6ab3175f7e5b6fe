/**
 * A journal that fails on demand, wrapped around any other: for tests of what must survive lost answers, slow stores and
 * other writers. What the faults leave behind in the journal underneath is real.
 */
import { type Append, Journal, JournalUnavailable, type Outcome } from "@daybook/core/Journal"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** What happens to one append. `append` is the append as the journal underneath does it. */
export type Fault = <E, R>(
  append: Effect.Effect<ReadonlyArray<Outcome>, E, R>,
  batch: ReadonlyArray<Append>,
  journal: Journal["Service"]
) => Effect.Effect<ReadonlyArray<Outcome>, E | JournalUnavailable, R>

const unavailable = (detail: string) => new JournalUnavailable({ detail, retryAfterSeconds: 1 })

/** Nothing goes wrong. Lets one append pass before the next fault. */
export const none: Fault = (append) => append

/** The journal does not answer, and has stored nothing. */
export const failBefore: Fault = () => Effect.fail(unavailable("Injected: the append did not reach the journal"))

/** The journal has stored everything, and its answer is lost. The caller cannot tell this from `failBefore`. */
export const failAfter: Fault = (append) =>
  Effect.andThen(append, Effect.fail(unavailable("Injected: the answer to the append was lost")))

/** The append is stored late, by the clock: a test's clock decides when. */
export const delay =
  (duration: Duration.Input): Fault =>
  (append) =>
    Effect.delay(append, duration)

/** The append reaches the journal when the given effect is done. */
export const hold =
  (until: Effect.Effect<unknown>): Fault =>
  (append) =>
    Effect.andThen(until, append)

/** The append is stored at once, and answered when the given effect is done. */
export const holdAnswer =
  (until: Effect.Effect<unknown>): Fault =>
  (append) =>
    Effect.tap(append, until)

/** Every stream of the batch is answered with a conflict, though no other writer was there. Nothing is stored. */
export const conflict: Fault = (_, batch, journal) =>
  Effect.forEach(batch, ({ stream }) =>
    Effect.map(journal.version(stream), (actualVersion): Outcome => ({ _tag: "Conflict", actualVersion }))
  )

/** Another writer is quicker: what `rival` makes of the batch is stored first, so that conflicts are real. */
export const overtake =
  (rival: (batch: ReadonlyArray<Append>) => ReadonlyArray<Append>): Fault =>
  (append, batch, journal) =>
    Effect.andThen(journal.append(rival(batch)), append)

/** The adapter is broken: a defect, before anything is stored. */
export const die =
  (defect: unknown): Fault =>
  () =>
    Effect.die(defect)

/** Decides what goes wrong with the journal that is wrapped. */
export class Faults extends Context.Service<
  Faults,
  {
    /** Gives the coming appends one fault each, in this order, after those already given. */
    inject(...faults: ReadonlyArray<Fault>): Effect.Effect<void>
    /** The fault of every append that none was injected for. `none` ends it. */
    always(fault: Fault): Effect.Effect<void>
    /** Whether reads fail, of events, versions, heads, state and receipts. */
    failReads(failing: boolean): Effect.Effect<void>
    /** How many appends have been asked for. */
    readonly appends: Effect.Effect<number>
  }
>()("@daybook/testkit/Faults") {}

class Plan {
  readonly next: Array<Fault> = []
  otherwise: Fault = none
  failReads = false
  appends = 0

  take(): Fault {
    this.appends++
    return this.next.shift() ?? this.otherwise
  }
}

const faultsOf = (plan: Plan): Faults["Service"] => ({
  inject: (...faults) =>
    Effect.sync(() => {
      plan.next.push(...faults)
    }),
  always: (fault) =>
    Effect.sync(() => {
      plan.otherwise = fault
    }),
  failReads: (failing) =>
    Effect.sync(() => {
      plan.failReads = failing
    }),
  appends: Effect.sync(() => plan.appends)
})

const wrap = (journal: Journal["Service"], plan: Plan): Journal["Service"] => {
  const read = <A>(effect: Effect.Effect<A, JournalUnavailable>): Effect.Effect<A, JournalUnavailable> =>
    Effect.suspend(() => (plan.failReads ? Effect.fail(unavailable("Injected: reads fail")) : effect))
  return {
    partitions: journal.partitions,
    lanes: journal.lanes,
    shared: journal.shared,
    signal: journal.signal,
    append: (batch, within) => Effect.suspend(() => plan.take()(journal.append(batch, within), batch, journal)),
    readStream: (stream, range) => read(journal.readStream(stream, range)),
    version: (stream) => read(journal.version(stream)),
    readPartition: (partition, options) => read(journal.readPartition(partition, options)),
    heads: read(journal.heads),
    state: (stream) => read(journal.state(stream)),
    receipt: (stream, commandId) => read(journal.receipt(stream, commandId)),
    deleteTo: (stream, version) => journal.deleteTo(stream, version)
  }
}

/** Wraps a journal. The test gets `Faults`, everyone else the journal that they afflict. */
export const layer = <E, R>(journal: Layer.Layer<Journal, E, R>): Layer.Layer<Journal | Faults, E, R> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const plan = new Plan()
      const afflicted = wrap(yield* Journal, plan)
      return Context.add(Context.make(Journal, afflicted), Faults, faultsOf(plan))
    })
  ).pipe(Layer.provide(journal))
