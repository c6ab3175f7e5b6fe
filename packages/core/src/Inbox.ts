/**
 * The inbox: a consumer's memory of what it has done, in the store that it writes to.
 *
 * Delivery is at least once; the id of a message, recorded in the transaction of its effect, makes the effect happen once. A
 * message that cannot be handled is set aside here too, in the same transaction, with the later ones of its key behind it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { makeMemory } from "./MemoryInbox.ts"
import type { ReadModelUnavailable } from "./ProjectionStore.ts"

/** Why a message has been set aside. */
export type HeldState =
  /** It failed, and is tried again at a time. */
  | "retrying"
  /** It failed for good: an operator corrects, replays or discards it. */
  | "dead"
  /** An earlier message of its key is held. */
  | "waiting"

/** A message that has been set aside. */
export interface Held {
  /** Grows in the order of setting aside. */
  readonly number: number
  readonly consumer: string
  readonly topic: string
  readonly key: string
  /** The message's id; for one that cannot be read, its place. */
  readonly messageId: string
  /** The CloudEvent as it came, or as an operator corrected it. */
  readonly text: string
  readonly state: HeldState
  readonly attempts: number
  readonly nextAttemptAtMillis: number
  /** What went wrong last; empty for one that only waits. */
  readonly error: string
  readonly heldAtMillis: number
}

/** A message to be set aside. */
export type NewHeld = Omit<Held, "number" | "consumer">

/** What may change of a held message. */
export type HeldChange = Partial<Pick<Held, "state" | "attempts" | "nextAttemptAtMillis" | "error" | "text">>

export class Inbox extends Context.Service<
  Inbox,
  {
    /** Runs work in one transaction of the consumer's store. The other functions take part in it. */
    transact<A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | ReadModelUnavailable, R>
    /** What a consumer knows of messages: those of the ids that it has received, those of the keys that have something set aside. */
    lookUp(
      consumer: string,
      about: { readonly ids: ReadonlyArray<string>; readonly keys: ReadonlyArray<string> }
    ): Effect.Effect<
      { readonly received: ReadonlySet<string>; readonly heldKeys: ReadonlySet<string> },
      ReadModelUnavailable
    >
    /** Marks ids as received. */
    record(consumer: string, ids: ReadonlyArray<string>): Effect.Effect<void, ReadModelUnavailable>
    /** Forgets ids received before an instant. A broker must not deliver anything that old again. */
    forget(beforeMillis: number): Effect.Effect<number, ReadModelUnavailable>
    setAside(consumer: string, held: ReadonlyArray<NewHeld>): Effect.Effect<void, ReadModelUnavailable>
    /**
     * For each key the first held message, where it is to be tried by now: because its time has come, or because it waited for
     * one that is there no more.
     */
    due(consumer: string, nowMillis: number, limit: number): Effect.Effect<ReadonlyArray<Held>, ReadModelUnavailable>
    /** The first held message of a key. */
    first(consumer: string, key: string): Effect.Effect<Option.Option<Held>, ReadModelUnavailable>
    /** How many messages of its key are held behind a message, and are handled when it is gone. */
    behind(held: Pick<Held, "consumer" | "key" | "number">): Effect.Effect<number, ReadModelUnavailable>
    change(number: number, to: HeldChange): Effect.Effect<void, ReadModelUnavailable>
    remove(number: number): Effect.Effect<void, ReadModelUnavailable>
    /** Held messages in order, for operators; of one consumer, or of all. */
    list(filter: {
      readonly consumer?: string | undefined
      readonly state?: HeldState | undefined
      readonly after?: number | undefined
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<Held>, ReadModelUnavailable>
    get(number: number): Effect.Effect<Option.Option<Held>, ReadModelUnavailable>
  }
>()("@daybook/core/Inbox") {
  /** An inbox in this process's memory. Its `transact` undoes what it did to the inbox, and nothing else. */
  static readonly layerMemory: Layer.Layer<Inbox> = Layer.effect(Inbox, makeMemory)
}
