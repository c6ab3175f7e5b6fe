/**
 * Commands that follow from an event or a message: they go on with its conversation, in the name of whoever began it.
 */
import type { CommandOptions } from "@daybook/core/Entities"
import type { Metadata } from "@daybook/core/Event"

/** What both events and messages know of where they come from. */
type Cause = Pick<Metadata, "actor" | "correlationId" | "traceParent" | "tenant">

/** `causationId` is the id of the event or message. */
export const following = (cause: Cause, causationId: string, commandId: string): CommandOptions => ({
  commandId,
  causationId,
  actor: cause.actor ?? undefined,
  correlationId: cause.correlationId ?? undefined,
  traceParent: cause.traceParent ?? undefined,
  tenant: cause.tenant ?? undefined
})
