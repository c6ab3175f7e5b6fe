/**
 * What the checkout hears: replies to its commands, and what becomes of reservations, payments and orders. Run by `Checkout.ts`.
 */
import { following } from "@daybook/core/Causation"
import * as Consumer from "@daybook/core/Consumer"
import * as SagaRuntime from "@daybook/core/SagaRuntime"
import * as Effect from "effect/Effect"
import { InventoryEvents } from "../inventory/Contract.ts"
import { OrderEvents } from "../order/Contract.ts"
import { PaymentEvents } from "../payment/Contract.ts"
import { cancelled, name, step } from "./Saga.ts"

/** Who speaks in the checkout's name, and where it hears answers. */
export const conductor: SagaRuntime.Conductor = { name, source: "/checkout", replyTo: "checkout-replies" }

/** The name of its consumer: on disk. */
export const consumerName = "checkout"

/** What these checkouts listen to. */
export const sources = (checkouts: SagaRuntime.Sagas) => {
  const { success, failure } = SagaRuntime.hearing(checkouts)
  return [
    SagaRuntime.onReplies(conductor, { success, failure }),
    Consumer.on(InventoryEvents, {
      ItemsReserved: ({ orderId, lines }, message) =>
        success({ sagaId: orderId, step: step.reserve, answer: { lines }, message }),
      ReservationRefused: ({ orderId, shortages }, message) =>
        failure({ sagaId: orderId, step: step.reserve, reason: "shortage", answer: { shortages }, message }),
      ReservationCommitted: Consumer.ignored,
      ReservationReleased: Consumer.ignored,
      ReservationExpired: Consumer.ignored,
      ReservationExtended: Consumer.ignored,
      ItemsShipped: Consumer.ignored,
      StockLevelChanged: Consumer.ignored,
      StockRanLow: Consumer.ignored,
      StockReplenished: Consumer.ignored
    }),
    Consumer.on(PaymentEvents, {
      PaymentAuthorised: ({ orderId, authorisationId }, message) =>
        success({ sagaId: orderId, step: step.authorise, answer: { authorisationId }, message }),
      PaymentDeclined: ({ orderId, code }, message) =>
        failure({ sagaId: orderId, step: step.authorise, reason: "declined", answer: { code }, message }),
      // Ended by someone else while the checkout waited for it; to one that does not wait, it says nothing new.
      PaymentExpired: ({ orderId }, message) =>
        failure({ sagaId: orderId, step: step.authorise, reason: "expired", answer: null, message }),
      PaymentVoided: ({ orderId }, message) =>
        failure({ sagaId: orderId, step: step.authorise, reason: "voided", answer: null, message }),
      PaymentActionRequired: Consumer.ignored,
      PaymentCaptured: Consumer.ignored,
      CaptureDeclined: Consumer.ignored,
      PaymentRefunded: Consumer.ignored,
      RefundDeclined: Consumer.ignored,
      ChargebackOpened: Consumer.ignored,
      ChargebackWon: Consumer.ignored,
      ChargebackLost: Consumer.ignored,
      PaymentNeedsAttention: Consumer.ignored,
      PaymentAttentionResolved: Consumer.ignored
    }),
    Consumer.on(OrderEvents, {
      CancellationRequested: ({ orderId }, message) => {
        const options = { ...following(message, message.id), correlationId: orderId }
        return checkouts.execute(orderId, { _tag: "Cancel", reason: cancelled }, options).pipe(
          Effect.asVoid,
          // An order of no checkout of ours.
          Effect.catchTag("SagaNotStarted", () => Effect.void)
        )
      },
      OrderPlaced: Consumer.ignored,
      OrderConfirmed: Consumer.ignored,
      OrderRejected: Consumer.ignored,
      LinesCancelled: Consumer.ignored,
      OrderCancelled: Consumer.ignored,
      OrderShipped: Consumer.ignored,
      ShipmentDelivered: Consumer.ignored,
      ReturnRequested: Consumer.ignored,
      ReturnReceived: Consumer.ignored,
      OrderClosed: Consumer.ignored
    })
  ] as const
}
