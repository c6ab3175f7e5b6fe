/**
 * What is kept of an aggregate: the maturity levels of ADR-0007 as policies over one decider and one journal.
 *
 * Changing a service's level is changing which of these it names.
 */
import * as Duration from "effect/Duration"

/** Level 1: the state is stored with every command; no events are kept, and projections run in the same transaction. */
export interface Inline {
  readonly _tag: "Inline"
}

/** Level 2: the state is stored now and then, in the transaction of its events; events stay until published, plus a window. */
export interface State {
  readonly _tag: "State"
  /** The state is stored when a command takes the version past a multiple of this. */
  readonly every: number
  /** How long events stay after publication, in milliseconds. Also how long a repeated command id is recognised. */
  readonly retainMillis: number
}

/** Level 3: events stay for ever and are the truth; snapshots only make recovery quick. */
export interface Events {
  readonly _tag: "Events"
  /** A snapshot is taken when at least this many events follow the one before. */
  readonly snapshotEvery: number
  /** How many snapshots to keep for a stream. */
  readonly keepSnapshots: number
  /** Asks for a snapshot besides, after an event. */
  readonly snapshotWhen: ((state: any, event: any) => boolean) | undefined
}

/** One of the three policies. */
export type Persistence = Inline | State | Events

/** Level 1. For simple services whose history nobody will ask for. */
export const inline: Inline = { _tag: "Inline" }

/**
 * Level 2, the default for cart, catalog and customer. Events stay 7 days after publication unless told otherwise, and those
 * that the stored state does not cover yet stay in any case. The state is stored every 200 events by default: with every command
 * (`every: 1`) more than half of a command's time went into writing again what the events say already (docs/adr/0009).
 */
export const state = (options?: { readonly every?: number; readonly retain?: Duration.Input }): State => {
  const every = options?.every ?? 200
  if (!(Number.isInteger(every) && every >= 1))
    throw new Error(`every must be a whole number of at least 1, not ${every}`)
  return {
    _tag: "State",
    every,
    retainMillis: Duration.toMillis(Duration.fromInputUnsafe(options?.retain ?? "7 days"))
  }
}

/**
 * Level 3, for order, payment and inventory. By default a snapshot every 100 events (recovery then reads at most a hundred
 * events, which is quicker than one more round trip), the last 2 kept (one to fall back on when the newest is unreadable).
 */
export const events = <S = unknown, E = unknown>(options?: {
  readonly snapshotEvery?: number
  readonly keepSnapshots?: number
  readonly snapshotWhen?: (state: S, event: E) => boolean
}): Events => {
  const snapshotEvery = options?.snapshotEvery ?? 100
  const keepSnapshots = options?.keepSnapshots ?? 2
  if (!(snapshotEvery >= 1)) throw new Error(`snapshotEvery must be at least 1, not ${snapshotEvery}`)
  if (!(keepSnapshots >= 1)) throw new Error(`keepSnapshots must be at least 1, not ${keepSnapshots}`)
  return { _tag: "Events", snapshotEvery, keepSnapshots, snapshotWhen: options?.snapshotWhen }
}
