/**
 * Projections: read models kept up to date from the journal.
 *
 * A projection names the aggregates whose events it wants and handles them in batches, in order within each partition. Its
 * handler writes through the client of the store that holds the offsets, so that both change in one transaction. Handlers
 * must not do anything that a rebuild may not repeat (send e-mail, call others): that is what reactions are for, and of these
 * publication is one.
 */
import type * as Effect from "effect/Effect"
import type { Aggregate } from "./Aggregate.ts"
import type { Events, Recorded, Stored } from "./Event.ts"
import { record } from "./Event.ts"
import * as Partition from "./Partition.ts"

/** Any aggregate, where only its name and events matter. */
export interface Source<Event extends { readonly _tag: string } = any> {
  readonly name: string
  readonly events: Events<Event>
}

/** What to do with an event that the handler keeps failing on. */
export type FailurePolicy =
  /** Stop the event's partition until an operator resumes it. Nothing is out of order, and nothing moves on. */
  | "stop"
  /** Set the event's stream aside and go on with the others. The default: one bad aggregate hides no other. */
  | "park"

/** Where a handler's effects go. */
export type Effects =
  /** Into the store that holds the offsets, in one transaction with them: every event has its effect once. */
  | "transactional"
  /**
   * Elsewhere: commands to entities, messages, calls. The handler runs before the offset moves and outside of any transaction,
   * so that an event may be handled again, also after it was handled with success. Handlers are idempotent.
   */
  | "idempotent"

/** A table of a read model in SQL, by its name in the schema that the projection writes into. */
export type Table =
  | string
  | {
      readonly name: string
      /** Columns that do not follow from the events alone: when a rebuild is compared with the live one, they may differ. */
      readonly uncompared: ReadonlyArray<string>
    }

/**
 * What a projection writes: an INSERT, UPDATE or DELETE in SQL that takes effect only where a condition holds, so that several can be
 * parts of one statement. `$1`, `$2` … are its own parameters. All of a plan see the tables as they were before: no two touch one row.
 */
export interface Write {
  readonly text: (condition: string) => string
  readonly params: ReadonlyArray<string>
}

/** A projection. `R` is what its handler needs: the client of its read model. */
export interface Projection<Event extends { readonly _tag: string }, E = never, R = never> {
  /** Unique among the projections of a store. On disk. */
  readonly name: string
  readonly sources: ReadonlyArray<Source>
  readonly effects: Effects
  /** Applies events, in order within each partition. May see an event again after a failure; after a success see `effects`. */
  readonly handle: (batch: ReadonlyArray<Recorded<Event>>, replay: Replay) => Effect.Effect<void, E, R>
  /**
   * What `handle` would write, found out by reading alone. A store that is able to then moves the offsets and writes in one statement,
   * instead of a transaction of many round trips; what was read is still so then, since nobody else writes these tables.
   */
  readonly plan?: ((batch: ReadonlyArray<Recorded<Event>>) => Effect.Effect<ReadonlyArray<Write>, E, R>) | undefined
  readonly onFailure: FailurePolicy
  /** Events per transaction at most. Default 500: beyond that a transaction grows without getting cheaper per event. */
  readonly batchSize: number
  /**
   * The same for a replay, whose events nobody waits for. Default 5,000, or `batchSize` where that is given: aggregates come up
   * again in the next few hundred events, and what a handler reads and writes for each is read and written once for all of them.
   */
  readonly replayBatchSize: number
  /**
   * The tables that it writes, and that no other projection writes: a rebuild makes them anew and switches them. None, the
   * default, where the read model is not in SQL.
   */
  readonly tables: ReadonlyArray<Table>
}

/** What a handler may want to know about where it is. */
export interface Replay {
  /** True while a rebuild goes through history, false for what has just happened. */
  readonly replaying: boolean
}

/** What is declared of a projection; the rest has defaults. */
interface Declaration<Sources extends ReadonlyArray<Source>, E, R> {
  readonly name: string
  readonly sources: Sources
  readonly handle: (
    batch: ReadonlyArray<Recorded<EventOf<Sources[number]>>>,
    replay: Replay
  ) => Effect.Effect<void, E, R>
  readonly plan?:
    | ((batch: ReadonlyArray<Recorded<EventOf<Sources[number]>>>) => Effect.Effect<ReadonlyArray<Write>, E, R>)
    | undefined
  readonly onFailure?: FailurePolicy
  readonly batchSize?: number
  readonly replayBatchSize?: number
  readonly tables?: ReadonlyArray<Table>
}

/** Declares a projection, with the defaults filled in. */
export const make = <const Sources extends ReadonlyArray<Source>, E, R>(
  declaration: Declaration<Sources, E, R>
): Projection<EventOf<Sources[number]>, E, R> => ({
  effects: "transactional",
  onFailure: "park",
  batchSize: 500,
  replayBatchSize: declaration.batchSize ?? 5_000,
  tables: [],
  ...declaration
})

/**
 * Declares a reaction: what is to happen outside the store because of an event, such as a command to another aggregate. Its
 * effects are idempotent, and it is never rebuilt.
 */
export const reaction = <const Sources extends ReadonlyArray<Source>, E, R>(
  declaration: Declaration<Sources, E, R>
): Projection<EventOf<Sources[number]>, E, R> => ({ ...make(declaration), effects: "idempotent" })

/** The events of a source. */
export type EventOf<S> =
  S extends Source<infer Event> ? Event : S extends Aggregate<any, any, infer Event, any> ? Event : never

const unwanted: ReadonlyArray<Recorded<any>> = []

/** What a stored event is to a projection: nothing where it is not of its sources. Throws `UndecodableEvent`. */
export const decodeFor = (projection: Projection<any, any, any>) => {
  const sources = new Map(projection.sources.map((source) => [source.name, source.events]))
  return (stored: Stored): ReadonlyArray<Recorded<any>> => {
    const events = sources.get(Partition.aggregateOf(stored.stream))
    return events === undefined ? unwanted : record(events, stored)
  }
}
