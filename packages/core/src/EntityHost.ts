/**
 * What an entity and the runtime that it lives in say to each other. Used by `Entity`, `Entities` and `Draft`.
 */
import type * as Exit from "effect/Exit"
import type { Aggregate, Tagged } from "./Aggregate.ts"
import type { CommandOptions } from "./Entities.ts"
import type { OnOutcome } from "./GroupCommit.ts"
import type { Guesses } from "./Guesses.ts"
import type { Append, Receipt } from "./Journal.ts"
import type { Recovered } from "./Recovery.ts"
import type { OnEvents } from "./SnapshotPolicy.ts"

/** What became of a command, or the state that a read asked for. */
export interface Reply<State> {
  readonly version: number
  /** Position of the command's last event, 0 when it left none in the journal. */
  readonly position: number
  /** True when this command id had been carried out before; nothing was done again. */
  readonly duplicate: boolean
  /** The state after the command. */
  readonly state: State | undefined
}

/** A command, or a read (`command` undefined), that waits in the mailbox. */
export interface Pending<State, Command> {
  readonly command: Command | undefined
  /** A read that is content with what this process knows. */
  readonly glance: boolean
  readonly options: CommandOptions
  readonly reply: (exit: Exit.Exit<Reply<State>, unknown>) => void
  attempts: number
  /** To be appended on its own, because together with others it could not be stored. */
  solo: boolean
}

/** What an entity needs of the host that it lives in. */
export interface EntityHost<State, Command extends Tagged, Event extends Tagged> {
  readonly aggregate: Aggregate<State, Command, Event, Error>
  readonly keepEvents: boolean
  /** The state goes with a command that takes the version past a multiple of this; never when infinite. */
  readonly storeStateEvery: number
  readonly encodeState: (state: State) => unknown
  readonly now: () => number
  readonly submit: (append: Append, done: OnOutcome) => void
  /** Recovers the state, then calls back. */
  readonly recover: (stream: string, done: (exit: Exit.Exit<Recovered<State>, unknown>) => void) => void
  /** Whether other processes may write to the aggregate. */
  readonly shared: boolean
  /** Looks up which version the stream has, then calls back. */
  readonly versionOf: (stream: string, done: (exit: Exit.Exit<number, unknown>) => void) => void
  /** Looks a receipt up, then calls back. */
  readonly receipt: (
    stream: string,
    commandId: string,
    done: (exit: Exit.Exit<Receipt | undefined, unknown>) => void
  ) => void
  readonly guesses: Guesses
  readonly onEvents: OnEvents<State, Event>
  readonly warn: (message: string, why: unknown) => void
  readonly wait: (millis: number, then: () => void) => void
}
