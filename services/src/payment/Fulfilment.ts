/**
 * What the payment service does about orders once they are certain: what is shipped is captured, what comes back is refunded, and
 * what is held for an order that nothing will be delivered of is released. A consumer of its own, so that it holds up no command.
 */

import * as Consumer from "@daybook/core/Consumer"
import type { Message } from "@daybook/core/Message"
import * as Effect from "effect/Effect"
import { OrderEvents } from "../order/Contract.ts"
import { optionsOf } from "./Consumer.ts"
import type { Command } from "./Domain.ts"
import { operationId } from "./OperationId.ts"
import type { Payments } from "./Payments.ts"

/** The name on disk: its group at the broker, and its name in the inbox. */
export const fulfilmentConsumerName = "payment-orders"

/** What follows for these payments from what happens to orders. Operation ids follow from the order's documents. */
export const orderEvents = (payments: Payments["Service"]) => {
  const send = (orderId: string, command: Command, message: Message) =>
    Effect.asVoid(payments.execute(orderId, command, optionsOf(message)))

  return Consumer.on(OrderEvents, {
    OrderPlaced: Consumer.ignored,
    // The checkout authorises the payment before it confirms the order, and releases it before it gives the order up.
    OrderConfirmed: Consumer.ignored,
    OrderRejected: Consumer.ignored,
    CancellationRequested: Consumer.ignored,
    // Nothing is charged before it is shipped.
    LinesCancelled: Consumer.ignored,
    OrderCancelled: ({ orderId, cancellationId }, message) =>
      Effect.gen(function* () {
        const { version } = yield* payments.read(orderId)
        // Cancelled before anything was asked of the provider.
        if (version === 0) return
        const id = operationId(orderId, "void", cancellationId)
        yield* send(orderId, { _tag: "Void", operationId: id, reason: "The order was cancelled" }, message)
      }),
    OrderShipped: ({ orderId, shipmentId, total }, message) => {
      const id = operationId(orderId, "capture", shipmentId)
      return total.amountMinor === 0
        ? Effect.void
        : send(orderId, { _tag: "Capture", operationId: id, amount: total }, message)
    },
    ShipmentDelivered: Consumer.ignored,
    ReturnRequested: Consumer.ignored,
    ReturnReceived: ({ orderId, returnId, reason, total }, message) => {
      const id = operationId(orderId, "refund", returnId)
      return total.amountMinor === 0
        ? Effect.void
        : send(orderId, { _tag: "Refund", operationId: id, amount: total, reason: `Returned: ${reason}` }, message)
    },
    OrderClosed: Consumer.ignored
  })
}
