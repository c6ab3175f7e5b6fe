/**
 * What a command takes over from whatever caused it. Used by consumers, reactions and sagas.
 */
import type { CommandOptions } from "./Entities.ts"
import type { Metadata } from "./Event.ts"

/**
 * For a command that follows from an event or a message: it goes on with the same conversation, in the name of whoever began it.
 * `causationId` is the id of the event or message.
 */
export const following = (
  cause: Pick<Metadata, "actor" | "correlationId" | "traceParent" | "tenant">,
  causationId: string,
  commandId?: string
): CommandOptions => ({
  commandId,
  causationId,
  actor: cause.actor ?? undefined,
  correlationId: cause.correlationId ?? undefined,
  traceParent: cause.traceParent ?? undefined,
  tenant: cause.tenant ?? undefined
})
