/**
 * What a command takes over from whatever caused it. Used by consumers, reactions and sagas.
 */
import { system } from "./Actor.ts"
import type { CommandOptions } from "./Entities.ts"
import type { Metadata } from "./Event.ts"

/**
 * For a command that follows from an event or a message: it goes on with the same conversation, in the name of whoever began it,
 * and what it leads to occurred when its cause did, however late it is carried out. `causationId` is the id of the event or message.
 *
 * What a timer, an operator or an outside party begins follows from nothing, and occurs at its own now. Deadlines and ages are never
 * worked out from this time, which may be years ago: they go by the clock, or by when events were recorded.
 */
export const following = (
  cause: Pick<Metadata, "occurredAtMillis" | "actor" | "correlationId" | "traceParent" | "tenant"> & {
    readonly source?: string
  },
  causationId: string,
  commandId?: string
): CommandOptions => ({
  commandId,
  causationId,
  occurredAtMillis: cause.occurredAtMillis,
  // Where no person is known, the service that asks is who did it.
  actor: cause.actor ?? (cause.source === undefined ? undefined : system(cause.source.replace(/^\//, ""))),
  correlationId: cause.correlationId ?? undefined,
  traceParent: cause.traceParent ?? undefined,
  tenant: cause.tenant ?? undefined
})
