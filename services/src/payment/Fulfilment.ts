/**
 * What the payment service does about orders once they are certain: what is shipped is captured, what comes back is refunded, and
 * what is held for goods that will not be delivered is released. A consumer of its own, so that it holds up no command.
 */

import * as Consumer from "@daybook/core/Consumer"
import type { Message } from "@daybook/core/Message"
import { Problem } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { OrderEvents } from "../order/Contract.ts"
import { optionsOf } from "./Consumer.ts"
import type { Command } from "./Domain.ts"
import { heldForNothingMinor } from "./Ledger.ts"
import { operationId } from "./OperationId.ts"
import type { Payments } from "./Payments.ts"

/** The name on disk: its group at the broker, and its name in the inbox. */
export const fulfilmentConsumerName = "payment-orders"

/** What is left of an authorisation is released once its captures are known. Transient: the message is handled again. */
class CaptureUnderWay extends Problem<CaptureUnderWay>()(
  "CaptureUnderWay",
  { status: 503, title: "A capture has no outcome yet" },
  { orderId: Schema.String, retryAfterSeconds: Schema.Int }
) {}

const captureUnderWay = (orderId: string): CaptureUnderWay =>
  new CaptureUnderWay({
    orderId,
    retryAfterSeconds: 1,
    detail: `What is left of the payment of order ${orderId} is released once the outcome of its capture is known.`
  })

/** What follows for these payments from what happens to orders. Operation ids follow from the order's documents. */
export const orderEvents = (payments: Payments["Service"]) => {
  const send = (orderId: string, command: Command, message: Message) =>
    Effect.asVoid(payments.execute(orderId, command, optionsOf(message)))

  /** Nothing more will be shipped: what is held beyond what was, or is being, captured is the buyer's again. */
  const releaseRest = Effect.fnUntraced(function* (
    orderId: string,
    document: string,
    fulfilment: string,
    message: Message
  ) {
    if (fulfilment === "confirmed" || fulfilment === "shipping") return
    const { state } = yield* payments.read(orderId)
    if (heldForNothingMinor(state) === 0) return
    const id = operationId(orderId, "void", document)
    yield* send(orderId, { _tag: "Void", operationId: id, reason: "Nothing is left to ship" }, message).pipe(
      Effect.catchTag("CaptureInDoubt", () => Effect.fail(captureUnderWay(orderId)))
    )
  })

  return Consumer.on(OrderEvents, {
    OrderPlaced: Consumer.ignored,
    // The checkout authorises the payment before it confirms the order, and releases it before it gives the order up.
    OrderConfirmed: Consumer.ignored,
    OrderRejected: Consumer.ignored,
    CancellationRequested: Consumer.ignored,
    // Nothing is charged before it is shipped. `OrderCancelled` comes after this where nothing is left of the order.
    LinesCancelled: ({ orderId, cancellationId, fulfilment }, message) =>
      fulfilment === "cancelled" ? Effect.void : releaseRest(orderId, cancellationId, fulfilment, message),
    OrderCancelled: Effect.fnUntraced(function* ({ orderId, cancellationId }, message) {
      const { version } = yield* payments.read(orderId)
      // Cancelled before anything was asked of the provider.
      if (version === 0) return
      const id = operationId(orderId, "void", cancellationId)
      yield* send(orderId, { _tag: "Void", operationId: id, reason: "The order was cancelled" }, message)
    }),
    OrderShipped: Effect.fnUntraced(function* ({ orderId, shipmentId, total, fulfilment }, message) {
      const id = operationId(orderId, "capture", shipmentId)
      if (total.amountMinor > 0) yield* send(orderId, { _tag: "Capture", operationId: id, amount: total }, message)
      yield* releaseRest(orderId, shipmentId, fulfilment, message)
    }),
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
