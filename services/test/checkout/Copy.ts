/**
 * The checkout's copy of what others publish, over an embedded store, told by messages as they come. For tests.
 */
import type { Contract } from "@daybook/core/Contract"
import type { Message } from "@daybook/core/Message"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { schema, tables } from "../../src/checkout/Checkout.ts"
import type { Finding, Kind } from "../../src/checkout/Findings.ts"
import { Reconciliation } from "../../src/checkout/Reconciliation.ts"
import { reconciliationSources } from "../../src/checkout/ReconciliationConsumer.ts"
import { type InventoryEvent, InventoryEvents } from "../../src/inventory/Contract.ts"
import type { Money } from "../../src/Money.ts"
import { type OrderEvent, OrderEvents } from "../../src/order/Contract.ts"
import { type PaymentEvent, PaymentEvents } from "../../src/payment/Contract.ts"
import { commandMessage } from "../Conversation.ts"

/** The copy, on its own tables. */
export const copy = Reconciliation.layer(schema).pipe(
  Layer.provide(Stores.readSide({ schema, tables })),
  Layer.provideMerge(Database.layer({ folder: undefined }))
)

export const minute = 60_000

export const gbp = (amountMinor: number): Money => ({ amountMinor, currency: "GBP" })

/** Something that another service says of an order. */
export type Said = OrderEvent | InventoryEvent | PaymentEvent

const contracts: ReadonlyArray<Contract<any>> = [OrderEvents, InventoryEvents, PaymentEvents]

/** The topic on which it is said, and the message. */
export const messageOf = (said: Said, given: Partial<Message> = {}) => {
  const contract = contracts.find(({ names }) => names.includes(said._tag))!
  return { topic: contract.topic, message: commandMessage(contract, "key", said, given) }
}

/** Has the consumer hear that, in this order. */
export const hear = Effect.fnUntraced(function* (...all: ReadonlyArray<Said>) {
  const sources = reconciliationSources(yield* Reconciliation)
  for (const said of all) {
    const { topic, message } = messageOf(said)
    const source = sources.find((one) => one.topic === topic)!
    if (!source.ignores(message.type)) yield* source.handle(message)
  }
})

/** What is found a while after everything was heard. */
export const report = (afterMillis = 16 * minute, kind?: Kind) =>
  Effect.flatMap(Reconciliation, ({ findings }) =>
    findings({ beforeMillis: afterMillis - 15 * minute, kind, limit: 500 })
  )

/** The kinds that are found of an order. */
export const kindsOf = (orderId: string, afterMillis?: number) =>
  Effect.map(report(afterMillis), (found) => found.filter((one) => one.orderId === orderId).map(({ kind }) => kind))

/** The one finding of an order. */
export const findingOf = Effect.fnUntraced(function* (orderId: string) {
  const found: ReadonlyArray<Finding> = (yield* report()).filter((one) => one.orderId === orderId)
  if (found.length !== 1) throw new Error(`${found.length} findings of ${orderId}: ${JSON.stringify(found)}`)
  return found[0]!
})

/** A checkout as the view of the sagas has it. */
export const checkout = Effect.fnUntraced(function* (sagaId: string, status: string, startedAtMillis = 0) {
  const sql = yield* SqlClient
  yield* sql.unsafe(
    `INSERT INTO ${schema}.saga (name, saga_id, version, status, step, reason, started_at, updated_at)
     SELECT 'checkout', $1::text, 1, $2::text, 'authorise-payment', 'No answer after 52 attempts', at, at
     FROM (SELECT timestamptz 'epoch' + $3::text::float8 * interval '1 millisecond' AS at) t
     ON CONFLICT (name, saga_id) DO UPDATE SET status = excluded.status`,
    [sagaId, status, String(startedAtMillis)]
  )
})

const origin = { cartId: "cart", checkoutId: "checkout", customerId: null, country: null }
const nothing = gbp(0)

/** Its payment. */
const payment = (orderId: string) =>
  ({
    authorised: {
      _tag: "PaymentAuthorised",
      orderId,
      authorisationId: `${orderId}/authorise`,
      amount: gbp(10_000),
      expiresAtMillis: null
    },
    declined: { _tag: "PaymentDeclined", orderId, code: "card_declined" },
    voided: { _tag: "PaymentVoided", orderId },
    authorisationExpired: { _tag: "PaymentExpired", orderId },
    captured: (amountMinor: number, captureId = "c"): Said => ({
      _tag: "PaymentCaptured",
      orderId,
      captureId,
      amount: gbp(amountMinor)
    }),
    refunded: (amountMinor: number): Said => ({
      _tag: "PaymentRefunded",
      orderId,
      refundId: "r",
      amount: gbp(amountMinor)
    }),
    disputed: (stage: "Opened" | "Won" | "Lost", amountMinor: number): Said =>
      ({
        _tag: `Chargeback${stage}`,
        orderId,
        chargebackId: "d",
        amount: gbp(amountMinor),
        ...(stage === "Opened" ? { code: "fraudulent" } : {})
      }) as Said,
    needsAttention: (attentionId: string): Said => ({
      _tag: "PaymentNeedsAttention",
      orderId,
      attentionId,
      kind: "contradiction",
      detail: "The provider says Declined of what succeeded."
    }),
    resolved: (attentionId: string): Said => ({ _tag: "PaymentAttentionResolved", orderId, attentionId })
  }) as const satisfies Record<string, Said | ((...given: never) => Said)>

/** An order of 100.00, on its way. */
export const life = (orderId: string) => {
  const backing = { authorisationId: `${orderId}/authorise`, reservationId: orderId }
  const total = gbp(10_000)
  return {
    placed: {
      _tag: "OrderPlaced",
      orderId,
      ...origin,
      lines: [],
      goods: total,
      tax: nothing,
      shipping: nothing,
      total
    },
    confirmed: { _tag: "OrderConfirmed", orderId, ...origin, ...backing, total },
    rejected: { _tag: "OrderRejected", orderId, ...origin, reason: "failed", shortages: [], total },
    cancelled: { _tag: "OrderCancelled", orderId, cancellationId: "c", ...origin, reason: "customer", total },
    closed: { _tag: "OrderClosed", orderId, ...origin, kept: total },
    linesCancelled: (amountMinor: number): Said => ({
      _tag: "LinesCancelled",
      orderId,
      cancellationId: "c",
      reason: "customer",
      ...backing,
      lines: [],
      shipping: nothing,
      total: gbp(amountMinor),
      fulfilment: "confirmed"
    }),
    reserved: { _tag: "ItemsReserved", orderId, lines: [], expiresAtMillis: 0 },
    committed: { _tag: "ReservationCommitted", orderId, lines: [] },
    released: { _tag: "ReservationReleased", orderId, reason: "failed" },
    expired: { _tag: "ReservationExpired", orderId, expiredAtMillis: 0 },
    refused: { _tag: "ReservationRefused", orderId, shortages: [] },
    ...payment(orderId)
  } as const satisfies Record<string, Said | ((...given: never) => Said)>
}
