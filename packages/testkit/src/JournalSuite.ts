/**
 * The contract of `Journal` as a suite: whatever passes it may be put under the rest of the platform.
 *
 * The cases on reading, deletion and serialisation are those of Apache Pekko's persistence TCK; the others are what stores on
 * SQL are known to get wrong. All scenarios share one journal and use streams of their own, so that they also hold on a
 * journal that is not empty.
 */
import type { Journal } from "@daybook/core/Journal"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { appending, storedStates } from "./internal/JournalAppends.ts"
import { contents, refusals } from "./internal/JournalContent.ts"
import { model } from "./internal/JournalModel.ts"
import { partitions } from "./internal/JournalOrder.ts"
import { receipts } from "./internal/JournalReceipts.ts"
import { deletingPrefixes, readingStreams } from "./internal/JournalReplay.ts"
import { rivals, type Store } from "./internal/JournalRivals.ts"
import { type BackedUp, stores, type Tampering } from "./internal/JournalStores.ts"
import { transactions } from "./internal/JournalTransactions.ts"
import { type Registered, register, type Section } from "./Suite.ts"
import type { Witness } from "./Witness.ts"

export type { BackedUp, Tampering } from "./internal/JournalStores.ts"

/**
 * What a journal gives to be tested. Scenarios whose option is missing are skipped, and say so. `R` is what the adapter's own
 * hooks need of its layer.
 */
export interface JournalSuiteOptions<R = never> {
  /**
   * A journal of at least 4 partitions; built once. Where `lanes` is above 1, the store must be able to read, and to append
   * to one more partition, while an append is held open.
   */
  readonly layer: () => Layer.Layer<Journal | R, unknown>
  /** Prepares a store, and answers a layer that opens the same store each time that it is built. */
  readonly reopen?: Effect.Effect<Layer.Layer<Journal, unknown>, unknown, Scope.Scope>
  /** The same, where the layer may be built a second time while the first is still open. */
  readonly secondConnection?: Store
  /** Tries a statement on the table of events by hand. Must fail. */
  readonly rawSql?: (verb: Tampering) => Effect.Effect<unknown, unknown, R>
  /** Prepares a store, with the way to back it up and restore it elsewhere. */
  readonly backupRestore?: Effect.Effect<BackedUp, unknown, Scope.Scope>
  /** A place in the journal's own store that work inside the transaction writes to. */
  readonly witness?: Witness<R>
  /** Random histories to play against the model. Default 40. */
  readonly modelRuns?: number
}

/** The scenarios, for `journalSuite` and for tests of the suite itself. */
export const journalSections = <R>(options: JournalSuiteOptions<R>): ReadonlyArray<Section<Journal | R>> => [
  readingStreams,
  deletingPrefixes,
  contents,
  refusals,
  appending,
  storedStates,
  receipts,
  transactions(options.witness),
  partitions,
  rivals(options.secondConnection),
  stores(options),
  model(options.modelRuns ?? 40)
]

/** Registers the suite with vitest as `Journal conformance: <name>`. */
export const journalSuite = <R = never>(name: string, options: JournalSuiteOptions<R>): Registered =>
  register(`Journal conformance: ${name}`, options.layer(), journalSections(options))
