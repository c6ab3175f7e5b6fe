/**
 * What the bare servers carry: messages like those that Daybook publishes for a line in a cart, as long and as hard to compress. Used by
 * `BareKafka.ts` and `BareSql.ts`.
 */
import { randomUUID } from "node:crypto"
import { toCloudEvent } from "@daybook/core/Message"
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"

/** The text of the nth message about a cart. */
export const sample = (nth: number, cartId: string): string => {
  const [sku, description] = demoCatalogue[nth % demoCatalogue.length]!
  return toCloudEvent({
    id: randomUUID(),
    source: "/bench",
    type: "Filled",
    schemaVersion: 1,
    key: cartId,
    occurredAtMillis: Date.now(),
    correlationId: randomUUID(),
    causationId: randomUUID(),
    actor: `customer-${nth % 64}`,
    traceParent: null,
    tenant: null,
    commandId: null,
    replyTo: null,
    data: {
      cartId,
      lineId: randomUUID(),
      sku,
      description,
      quantity: 1 + (nth % 12),
      unitPrice: { amountMinor: 255 + (nth % 900), currency: "GBP" }
    }
  })
}
