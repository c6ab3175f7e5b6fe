/**
 * What the checkout writes down of others' messages, for `Reconciliation.ts` to compare. Run by `Checkout.ts`.
 *
 * A consumer that keeps its own copy: it is told everything, asks nobody, and each message counts once, since the inbox and the
 * copy are written in one transaction. It is a consumer of its own, so that it never holds a checkout up.
 */
import * as Consumer from "@daybook/core/Consumer"
import { UnreadableMessage } from "@daybook/core/Contract"
import type { Message } from "@daybook/core/Message"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { InventoryEvents } from "../inventory/Contract.ts"
import type { Money } from "../Money.ts"
import { OrderEvents } from "../order/Contract.ts"
import { PaymentEvents } from "../payment/Contract.ts"
import { Text } from "../Text.ts"
import type { Heard, News, Reconciliation } from "./Reconciliation.ts"

/** The name on disk: its group at the broker, and its name in the inbox. */
export const reconciliationConsumerName = "checkout-reconciliation"

const isStorable: (text: string) => boolean = Schema.is(Text(4_000))

/** What no database can hold is none of our services' words: a dead letter at once, which an operator may correct. */
const checked = (message: Message, ...texts: ReadonlyArray<string>): Effect.Effect<void, UnreadableMessage> => {
  const wrong = texts.find((text) => !isStorable(text))
  if (wrong === undefined) return Effect.void
  const { id, type: messageType, schemaVersion } = message
  const detail = `${JSON.stringify(wrong.slice(0, 80))} is no id and no text of ours: empty, too long, or with characters that cannot be stored.`
  return Effect.fail(new UnreadableMessage({ id, topic: "", messageType, schemaVersion, detail }))
}

/** What this copy listens to. */
export const reconciliationSources = (copy: Reconciliation["Service"]) => {
  const write = (heard: ReadonlyArray<Heard>) =>
    Effect.flatMap(Clock.currentTimeMillis, (nowMillis) => copy.hearAll(heard, nowMillis))
  return [orders(write), reservations(write), payments(write, copy)] as const
}

type Write = (heard: ReadonlyArray<Heard>) => Effect.Effect<void, ReadModelUnavailable>

const hear = (orderId: string, news: News, message: Message): Effect.Effect<Heard, UnreadableMessage> =>
  Effect.as(checked(message, orderId), { orderId, news })

const orders = (write: Write) =>
  Consumer.gather(OrderEvents, write, {
    OrderPlaced: ({ orderId }, message) => hear(orderId, { orderStatus: "placed" }, message),
    OrderConfirmed: ({ orderId, total }, message) => hear(orderId, { orderStatus: "confirmed", due: total }, message),
    OrderRejected: ({ orderId }, message) => hear(orderId, { orderStatus: "rejected" }, message),
    CancellationRequested: Consumer.ignored,
    LinesCancelled: ({ orderId, total }, message) => hear(orderId, { dueNoMore: total }, message),
    OrderCancelled: ({ orderId }, message) => hear(orderId, { orderStatus: "cancelled" }, message),
    OrderShipped: Consumer.ignored,
    ShipmentDelivered: Consumer.ignored,
    ReturnRequested: Consumer.ignored,
    ReturnReceived: Consumer.ignored,
    OrderClosed: ({ orderId }, message) => hear(orderId, { orderStatus: "closed" }, message)
  })

const reservations = (write: Write) =>
  Consumer.gather(InventoryEvents, write, {
    ItemsReserved: ({ orderId }, message) => hear(orderId, { reservation: "reserved" }, message),
    ReservationRefused: ({ orderId }, message) => hear(orderId, { reservation: "refused" }, message),
    ReservationExtended: Consumer.ignored,
    ReservationCommitted: ({ orderId }, message) => hear(orderId, { reservation: "committed" }, message),
    ReservationReleased: ({ orderId }, message) => hear(orderId, { reservation: "released" }, message),
    ReservationExpired: ({ orderId }, message) => hear(orderId, { reservation: "expired" }, message),
    StockLevelChanged: Consumer.ignored,
    ItemsShipped: Consumer.ignored,
    StockRanLow: Consumer.ignored,
    StockReplenished: Consumer.ignored
  })

const payments = (write: Write, copy: Reconciliation["Service"]) => {
  /** What a dispute takes by now, whatever was heard of it before: its opening may not have been. */
  const dispute = Effect.fnUntraced(function* (orderId: string, chargebackId: string, amount: Money, message: Message) {
    yield* checked(message, orderId, chargebackId)
    const amountMinor = yield* copy.dispute(orderId, chargebackId, amount.amountMinor)
    return yield* hear(orderId, { disputed: { ...amount, amountMinor } }, message)
  })
  return Consumer.gather(PaymentEvents, write, {
    PaymentActionRequired: Consumer.ignored,
    // Also an authorisation that arrives after its payment was given up, until that is voided again.
    PaymentAuthorised: ({ orderId, amount }, message) =>
      hear(orderId, { authorised: amount, released: false }, message),
    PaymentDeclined: ({ orderId }, message) => hear(orderId, { released: true }, message),
    PaymentExpired: ({ orderId }, message) => hear(orderId, { released: true }, message),
    PaymentCaptured: ({ orderId, amount }, message) => hear(orderId, { captured: amount }, message),
    CaptureDeclined: Consumer.ignored,
    PaymentVoided: ({ orderId }, message) => hear(orderId, { released: true }, message),
    PaymentRefunded: ({ orderId, amount }, message) => hear(orderId, { refunded: amount }, message),
    RefundDeclined: Consumer.ignored,
    ChargebackOpened: ({ orderId, chargebackId, amount }, message) => dispute(orderId, chargebackId, amount, message),
    ChargebackLost: ({ orderId, chargebackId, amount }, message) => dispute(orderId, chargebackId, amount, message),
    ChargebackWon: ({ orderId, chargebackId, amount }, message) =>
      dispute(orderId, chargebackId, { ...amount, amountMinor: 0 }, message),
    PaymentNeedsAttention: Effect.fnUntraced(function* ({ orderId, attentionId, kind, detail }, message) {
      yield* checked(message, orderId, attentionId, kind, detail)
      const { occurredAtMillis } = message
      yield* copy.requireAttention(orderId, { attentionId, kind, detail, requiredAtMillis: occurredAtMillis })
      return undefined
    }),
    PaymentAttentionResolved: ({ orderId, attentionId }, message) =>
      Effect.as(
        Effect.andThen(checked(message, orderId, attentionId), copy.resolveAttention(orderId, attentionId)),
        undefined
      )
  })
}
