/**
 * The ids of a payment's operations: unique across all payments, since the provider gets them as idempotency keys of one
 * account, and such that whoever sends a command again means the same operation.
 *
 * `<payment>/authorise`, `<payment>/void` (or `<payment>/void/<name>`), `<payment>/capture/<name>`, `<payment>/refund/<name>`.
 */
import type { Kind } from "./Events.ts"

/** The id of a payment's operation. `name` tells captures and refunds apart: their senders choose it. */
export const operationId = (paymentId: string, kind: Kind, name?: string): string =>
  name === undefined ? `${paymentId}/${kind}` : `${paymentId}/${kind}/${name}`

/** The name in an operation's id, as its sender chose it; the whole id when it is none of these. */
export const nameOf = (paymentId: string, kind: Kind, id: string): string => {
  const prefix = `${paymentId}/${kind}/`
  return id.startsWith(prefix) ? id.slice(prefix.length) : id
}
