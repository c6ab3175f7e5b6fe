/**
 * Metadata for tests to which it does not matter who caused an event, or sent a command that was refused, and why.
 */
import type { Metadata } from "@daybook/core/Event"

/** All of it but when it occurred. What is known is given after it. */
export const nothingKnown: Omit<Metadata, "occurredAtMillis"> = {
  actor: null,
  reason: null,
  commandId: null,
  correlationId: null,
  causationId: null,
  traceParent: null,
  tenant: null
}
