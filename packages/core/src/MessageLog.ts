/**
 * A log of messages in partitions, with dense positions: what a broker that is not somebody else's server is made of.
 */
import type * as Effect from "effect/Effect"
import type { BrokerUnavailable } from "./BrokerProblems.ts"
import type { Signal } from "./Signal.ts"

/** A message in the log. */
export interface LogEntry {
  /** Place in the topic's partition: 1, 2, 3 … */
  readonly position: number
  readonly text: string
}

/** A message to be added. */
export interface NewLogEntry {
  readonly id: string
  readonly key: string
  readonly text: string
}

export interface MessageLog {
  /** Partitions of every topic. A key belongs to `Partition.ofId`. */
  readonly partitions: number
  readonly durable: boolean
  /** Moves after every append to the topic that this process hears of. Polling must suffice. */
  readonly signalOf: (topic: string) => Signal
  readonly append: (topic: string, entries: ReadonlyArray<NewLogEntry>) => Effect.Effect<void, BrokerUnavailable>
  /** The newest position of each partition of a topic; zeros for one that nothing was published to. */
  readonly heads: (topic: string) => Effect.Effect<ReadonlyArray<number>, BrokerUnavailable>
  readonly read: (
    topic: string,
    options: { readonly partition: number; readonly after: number; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<LogEntry>, BrokerUnavailable>
}
