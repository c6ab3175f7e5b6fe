/**
 * Rejected commands: what was asked and not done, kept for a while beside the journal, so that an audit sees attempts too.
 *
 * A rejection is an answer, not a fact of the business: it is bounded in number and age, is written after the caller has been
 * answered, and under pressure is rather lost (and counted) than waited for. Entities tell `Observer`; `RejectionRecorder` writes
 * what it is told here in batches; `daybook audit` reads it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Aggregate, Tagged } from "./Aggregate.ts"
import type { CommandOptions } from "./Entities.ts"
import { Contended, Overloaded, RecoveryTimedOut, ShuttingDown } from "./EntityProblems.ts"
import { type Metadata, UndecodableEvent } from "./Event.ts"
import { JournalUnavailable } from "./Journal.ts"
import { makeMemory } from "./MemoryRejectedCommands.ts"
import { RecoveryFailed } from "./Recovery.ts"

/** A command that an aggregate refused. */
export interface RejectedCommand extends Metadata {
  /** UUIDv7, in time order. */
  readonly rejectionId: string
  readonly stream: string
  /** The command's name. */
  readonly command: string
  /** The command, encoded, as JSON text; only its beginning where it is longer than `maxDataLength`. */
  readonly data: string
  readonly isDataCut: boolean
  /** Why: the rejection's name, and what the sender was told. */
  readonly rejection: string
  readonly message: string
  /** The version that the sender expected, if any. */
  readonly expectedVersion: number | null
  /** When it was refused, milliseconds since 1970 (UTC). */
  readonly recordedAtMillis: number
}

/** Characters of a command's data that are kept. */
export const maxDataLength = 8_000

/** Characters of what the sender was told that are kept. */
export const maxMessageLength = 2_000

/** How many rejected commands are kept, and how long. */
export interface Bounds {
  /** The newest so many. */
  readonly keep: number
  /** None that was refused before. */
  readonly notBeforeMillis: number
}

export class RejectedCommands extends Context.Service<
  RejectedCommands,
  {
    /** Writes a batch, in the order given. Text that a database cannot hold is written with U+FFFD in its place. */
    record(batch: ReadonlyArray<RejectedCommand>): Effect.Effect<void, JournalUnavailable>
    /** Forgets what is out of bounds. How many were forgotten. */
    forget(bounds: Bounds): Effect.Effect<number, JournalUnavailable>
    /** The newest, newest first. */
    newest(limit: number): Effect.Effect<ReadonlyArray<RejectedCommand>, JournalUnavailable>
  }
>()("@daybook/core/RejectedCommands") {
  /** Rejected commands in this process's memory. */
  static readonly layerMemory: Layer.Layer<RejectedCommands> = Layer.sync(RejectedCommands, makeMemory)
}

/** A command that an entity has just refused, as it was sent. */
export interface Refusal {
  readonly aggregate: Aggregate<any, any, any, any>
  readonly stream: string
  readonly command: Tagged
  readonly options: CommandOptions
  /** What the sender was answered: a rejection of the domain, or `VersionMismatch`. */
  readonly rejection: unknown
  readonly atMillis: number
}

/**
 * Told of every command that an aggregate refuses, after its sender. It must not fail, nor take long. By default nobody is told,
 * which costs nothing. What never reached an aggregate's decision, for want of room or of a database, is no refusal.
 */
export const Observer = Context.Reference<((refusal: Refusal) => void) | undefined>(
  "@daybook/core/RejectedCommands/Observer",
  { defaultValue: () => undefined }
)

/** Failures that say nothing about the command: the same would have been done at another time. */
const circumstances = [
  Overloaded,
  ShuttingDown,
  Contended,
  RecoveryTimedOut,
  JournalUnavailable,
  UndecodableEvent,
  RecoveryFailed
]

/** Tells the observer of those answers that are refusals; `undefined` where nobody is to be told. */
export const refusing = (
  observer: ((refusal: Refusal) => void) | undefined,
  aggregate: Refusal["aggregate"],
  now: () => number
) =>
  observer === undefined
    ? undefined
    : (stream: string, command: Tagged, options: CommandOptions, exit: Exit.Exit<unknown, unknown>): void => {
        const rejection = Option.getOrUndefined(Exit.findErrorOption(exit))
        if (rejection === undefined || circumstances.some((problem) => rejection instanceof problem)) return
        observer({ aggregate, stream, command, options, rejection, atMillis: now() })
      }
