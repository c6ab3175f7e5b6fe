/**
 * A log of messages in partitions, with dense positions: what a broker that is not somebody else's server is made of.
 */
import type * as Effect from "effect/Effect"
import type { BrokerUnavailable } from "./BrokerProblems.ts"
import type { Signal } from "./Signal.ts"

/** A message in the log. */
export interface LogEntry {
  readonly partition: number
  /** Place in the topic's partition: 1, 2, 3 … */
  readonly position: number
  readonly text: string
}

/** What to read. */
export interface LogRange {
  /** The partitions that are wanted, and the last position in each that is not. */
  readonly after: ReadonlyArray<{ readonly partition: number; readonly position: number }>
  /** Entries of one partition at most. */
  readonly each: number
  /** Entries in all at most. What is nearest to where its partition is read from comes first, so that none keeps the others out. */
  readonly all: number
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
  /** What there is after some positions; in order for each partition. */
  readonly read: (topic: string, range: LogRange) => Effect.Effect<ReadonlyArray<LogEntry>, BrokerUnavailable>
}
