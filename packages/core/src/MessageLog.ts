/**
 * A log of messages in partitions, with dense positions: what a broker that is not somebody else's server is made of.
 */
import type * as Effect from "effect/Effect"
import type { BrokerUnavailable } from "./BrokerProblems.ts"
import type { Message } from "./Message.ts"
import type { Signal } from "./Signal.ts"

/** A message in the log. */
export interface LogEntry {
  readonly partition: number
  /** Place in the topic's partition: 1, 2, 3 … */
  readonly position: number
  readonly text: string
  /** What the text says, where that is known without reading it. */
  readonly message?: Message | undefined
}

/** What to read. */
export interface LogRange {
  /** The partitions that are wanted, and the last position in each that is not. */
  readonly after: ReadonlyArray<{ readonly partition: number; readonly position: number }>
  /** Entries of one partition at most. */
  readonly each: number
  /** Entries in all at most. What is nearest to where its partition is read from comes first, so that none keeps the others out. */
  readonly all: number
  /**
   * Whether to look for what other processes have published; without it, what is not known here may be left out. Once in a while, and
   * when `others` has moved.
   */
  readonly look: boolean
}

/** A message to be added. */
export interface NewLogEntry {
  readonly id: string
  readonly key: string
  readonly text: string
  /** What the text says. */
  readonly message: Message
}

export interface MessageLog {
  /** Partitions of every topic. A key belongs to `Partition.ofId`. */
  readonly partitions: number
  readonly durable: boolean
  /** Moves after every append to the topic that this process hears of. Polling must suffice. */
  readonly signalOf: (topic: string) => Signal
  /** Moves when another process may have published something. So does the signal of every topic then. */
  readonly others: Signal
  readonly append: (topic: string, entries: ReadonlyArray<NewLogEntry>) => Effect.Effect<void, BrokerUnavailable>
  /** What there is after some positions; in order for each partition. */
  readonly read: (topic: string, range: LogRange) => Effect.Effect<ReadonlyArray<LogEntry>, BrokerUnavailable>
}
