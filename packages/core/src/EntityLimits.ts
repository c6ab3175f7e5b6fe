/**
 * The bounds of an entity runtime: memory, queues and time. Used by `Entities`.
 */
import * as Duration from "effect/Duration"

/** Limits of an entity runtime. */
export interface Limits {
  /** Commands waiting for one entity. Default 1,000: at a fifth of a millisecond each, a fifth of a second of work. */
  readonly mailbox?: number
  /** Commands under way in all entities together. Default 20,000, about 20 MB of commands. */
  readonly inFlight?: number
  /** Entities in memory. Default 100,000; beyond it the idle ones that were not used lately leave first. */
  readonly resident?: number
  /** An entity leaves memory when idle for so long. Default 2 minutes. */
  readonly passivateAfter?: Duration.Input
  /** Recovery takes at most so long. Default 30 seconds. */
  readonly recoverWithin?: Duration.Input
  /** Shutdown waits for accepted commands at most so long. Default 30 seconds. */
  readonly shutdownWithin?: Duration.Input
}

/** Limits with their defaults; times in milliseconds. */
export type Resolved = ReturnType<typeof limitsOf>

export const limitsOf = (limits: Limits) => ({
  mailbox: limits.mailbox ?? 1_000,
  inFlight: limits.inFlight ?? 20_000,
  resident: limits.resident ?? 100_000,
  passivateAfter: Duration.toMillis(Duration.fromInputUnsafe(limits.passivateAfter ?? "2 minutes")),
  recoverWithin: Duration.toMillis(Duration.fromInputUnsafe(limits.recoverWithin ?? "30 seconds")),
  shutdownWithin: Duration.toMillis(Duration.fromInputUnsafe(limits.shutdownWithin ?? "30 seconds"))
})
