/**
 * The audit trail: who did what, when, why, and because of what. One view over what was done (a journal's events) and what was
 * refused (rejected commands). Read by `daybook audit`; adapters read it from a service's stores.
 */
import type { Metadata, Stored } from "./Event.ts"
import type { RejectedCommand } from "./RejectedCommands.ts"

/** One entry of the trail: an event, or a command that was rejected. What only one of them has is `null` in the other. */
export interface Entry extends Metadata {
  readonly service: string
  readonly outcome: "accepted" | "rejected"
  /** The event's id, or the rejection's. */
  readonly id: string
  readonly stream: string
  /** The event's type, or the command's name. */
  readonly type: string
  readonly recordedAtMillis: number
  /** A JSON value; the beginning of its text where a rejected command was too long to be kept whole. */
  readonly data: unknown
  readonly version: number | null
  readonly partition: number | null
  readonly position: number | null
  readonly schemaVersion: number | null
  /** Why it was rejected: a name for programs, and what its sender was told. */
  readonly rejection: string | null
  readonly message: string | null
  readonly expectedVersion: number | null
}

/** Which entries are looked for. All that is given has to fit. */
export interface Filter {
  readonly stream?: string | undefined
  /** A kind of aggregate, such as `order`. */
  readonly aggregate?: string | undefined
  readonly actor?: string | undefined
  /** An event's type; of a rejected command its name, or the rejection's. */
  readonly type?: string | undefined
  /** A conversation; see `conversationOf`. */
  readonly correlation?: string | undefined
  readonly fromMillis?: number | undefined
  /** Not included. */
  readonly toMillis?: number | undefined
  /** Which time is meant: when it was written down (the default), or when it happened in the business. */
  readonly by?: "recorded" | "occurred" | undefined
  readonly outcome?: Entry["outcome"] | undefined
}

/** An event as an entry. */
export const ofEvent = (service: string, { eventId, ...event }: Stored): Entry => ({
  ...event,
  service,
  outcome: "accepted",
  id: eventId,
  rejection: null,
  message: null,
  expectedVersion: null
})

const dataOf = ({ data, isDataCut }: RejectedCommand): unknown => (isDataCut ? data : JSON.parse(data))

/** A rejected command as an entry. */
export const ofRejected = (service: string, rejected: RejectedCommand): Entry => {
  const { rejectionId, command, isDataCut: _, ...rest } = rejected
  return {
    ...rest,
    service,
    outcome: "rejected",
    id: rejectionId,
    type: command,
    data: dataOf(rejected),
    version: null,
    partition: null,
    position: null,
    schemaVersion: null
  }
}

/**
 * The conversation that an entry belongs to: the one that its sender named; else the command, where that has an id; else the entry
 * itself, which may have begun one. Publications go on with the same.
 */
export const conversationOf = ({ correlationId, commandId, id }: Entry): string => correlationId ?? commandId ?? id
