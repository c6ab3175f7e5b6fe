/**
 * The journal: the append-only record of every event, and the truth of the system.
 *
 * Streams hold one aggregate's events, numbered by `version`; partitions hold many streams' events, numbered by `position`.
 * Both are dense (1, 2, 3 …), and an event becomes visible only after every event before it in its partition, so that a
 * reader which asks for "after position n" can never skip one. `layerMemory` keeps everything in this process; adapters are
 * held to the same contract by the testkit's conformance suite.
 *
 * Written by entities (through group commit), read by recovery, projections, publication, audit and replay.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { AppendSignal } from "./AppendSignal.ts"
import type { Metadata, Stored } from "./Event.ts"
import { makeMemory } from "./MemoryJournal.ts"
import { Problem } from "./Problem.ts"

/** The journal could not be reached or did not answer. Whether the append took place is not known. */
export class JournalUnavailable extends Problem<JournalUnavailable>()(
  "JournalUnavailable",
  { status: 503, title: "The journal does not answer" },
  { retryAfterSeconds: Schema.Int }
) {}

/** An event to be appended: everything but what the journal assigns. */
export interface NewEvent extends Metadata {
  /** UUIDv7. */
  readonly eventId: string
  readonly type: string
  readonly schemaVersion: number
  /** A JSON value; anything else has the whole append refused as `Unserialisable`. */
  readonly data: unknown
}

/** A command that was carried out: the same id again is answered with this. */
export interface Receipt {
  readonly commandId: string
  /** The stream's version after the command. */
  readonly version: number
  /** The position of the command's last event; 0 when it left no event in the journal. */
  readonly position: number
}

/** The stored state of an aggregate (levels 1 and 2). */
export interface StoredState {
  readonly version: number
  readonly schemaVersion: number
  readonly data: unknown
}

/** One stream's share of a batch: some commands' events, all or nothing. */
export interface Append {
  readonly stream: string
  /** `Partition.ofId` of the aggregate id. */
  readonly partition: number
  /** The version that the stream must have now; 0 for a stream that must not exist. */
  readonly expectedVersion: number
  readonly events: ReadonlyArray<NewEvent>
  /** The ids of the commands in this append that have one, each with the stream's version after it. */
  readonly receipts: ReadonlyArray<{ readonly commandId: string; readonly version: number }>
  /** The state after the last event, to be stored in the same transaction; `null` at level 3. */
  readonly state: { readonly schemaVersion: number; readonly data: unknown } | null
  /** False at level 1: versions advance, yet no event is kept and no position is taken. */
  readonly keepEvents: boolean
}

/** What became of one `Append`. One stream's failure never touches its neighbours in the batch. */
export type Outcome =
  /** Durable. `position` is that of the first event, which the others follow without a gap; 0 when there was none. */
  | { readonly _tag: "Appended"; readonly version: number; readonly position: number }
  /** The stream is not at the expected version. Nothing of this append was stored. */
  | { readonly _tag: "Conflict"; readonly actualVersion: number }
  /** One or more of the commands have been carried out before. Nothing of this append was stored. */
  | { readonly _tag: "Duplicate"; readonly receipts: ReadonlyArray<Receipt> }
  /**
   * An event or the state is no JSON, or a name or a piece of metadata holds what a database's text cannot (a NUL character,
   * an unpaired surrogate). Nothing of this append was stored.
   */
  | { readonly _tag: "Unserialisable"; readonly why: string }

/** Which versions of a stream to read. Bounds are inclusive; `limit` counts events. */
export interface StreamRange {
  readonly from?: number
  readonly to?: number
  readonly limit?: number
}

export class Journal extends Context.Service<
  Journal,
  {
    /** How many partitions it was created with. */
    readonly partitions: number
    /**
     * How many appends may usefully be under way at once, each with partitions of its own. Above 1 where they are worked on
     * elsewhere, so that this process has time for other things meanwhile.
     */
    readonly lanes: number
    /** Whether other processes may append to it as well, so that what this one remembers of a stream may be behind. */
    readonly shared: boolean
    /**
     * Moves after every append of this process, once for each, and after those of others that the adapter hears of. Polling must
     * suffice. An adapter may hand over what was written (`AppendSignal.appended`), to save its readers the reading.
     */
    readonly signal: AppendSignal
    /**
     * Appends a batch in one transaction. Outcomes come in the order of the batch, after they are durable. A stream may appear
     * once in a batch. `within` runs inside the same transaction, after the events are written; its failure undoes the batch.
     * It works with the outcomes that it is given: what this journal's reads would show it of the batch is not defined.
     */
    append<E = never, R = never>(
      batch: ReadonlyArray<Append>,
      within?: (outcomes: ReadonlyArray<Outcome>) => Effect.Effect<void, E, R>
    ): Effect.Effect<ReadonlyArray<Outcome>, JournalUnavailable | E, R>
    /** One stream's events in order of version; empty for an unknown stream, or when `from` is above `to`. */
    readStream(stream: string, range?: StreamRange): Effect.Effect<ReadonlyArray<Stored>, JournalUnavailable>
    /** The stream's newest version, 0 when it has never been written. Deleting a prefix does not lower it. */
    version(stream: string): Effect.Effect<number, JournalUnavailable>
    /** One partition's events after a position, in order, at most `limit`. */
    readPartition(
      partition: number,
      options: { readonly after: number; readonly limit: number }
    ): Effect.Effect<ReadonlyArray<Stored>, JournalUnavailable>
    /** The newest position of each partition; the index is the partition. */
    readonly heads: Effect.Effect<ReadonlyArray<number>, JournalUnavailable>
    /** The stored state of an aggregate of level 1 or 2. */
    state(stream: string): Effect.Effect<Option.Option<StoredState>, JournalUnavailable>
    /** What a command id led to, when it has been carried out on this stream. */
    receipt(stream: string, commandId: string): Effect.Effect<Option.Option<Receipt>, JournalUnavailable>
    /**
     * Deletes a stream's events up to and including `version`, except its last event, which carries the version.
     * Answers how many were deleted. For retention and archiving only.
     */
    deleteTo(stream: string, version: number): Effect.Effect<number, JournalUnavailable>
  }
>()("@daybook/core/Journal") {
  /** A journal in this process's memory. For tests and for trying things out: it forgets everything. */
  static readonly layerMemory = (options?: { readonly partitions?: number }): Layer.Layer<Journal> =>
    Layer.sync(Journal, () => makeMemory(options?.partitions ?? defaultPartitions))
}

/** How many partitions a journal gets unless told otherwise. */
export const defaultPartitions = 8
