/** The payment's read models in an embedded store, and a model of them that is plain enough to be believed. */
import * as Aggregate from "@daybook/core/Aggregate"
import type { Recorded } from "@daybook/core/Event"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { PaymentEvent } from "../../src/payment/Events.ts"
import { capturableMinor, ledgerOf, refundableMinor, statusOf } from "../../src/payment/Ledger.ts"
import { nextCalls } from "../../src/payment/NextCall.ts"
import { schema } from "../../src/payment/Payment.ts"
import { paymentViews, tables } from "../../src/payment/Projections.ts"
import { evolve, initial, type State } from "../../src/payment/State.ts"
import { metadata } from "../Golden.ts"

export { schema } from "../../src/payment/Payment.ts"

/** Empty read models, with the offsets that belong to them. */
export const readModels = Stores.readSide({ schema, tables }).pipe(
  Layer.provideMerge(Database.layer({ folder: undefined }))
)

/** An event of a payment, at a time. */
export interface Happening {
  readonly payment: string
  readonly atMillis: number
  readonly event: PaymentEvent
}

/** Events as a projection gets them, each payment's with versions of its own. */
export const recorded = (happenings: ReadonlyArray<Happening>): ReadonlyArray<Recorded<PaymentEvent>> => {
  const versions = new Map<string, number>()
  return happenings.map(({ payment, atMillis, event }, i) => {
    const version = (versions.get(payment) ?? 0) + 1
    versions.set(payment, version)
    const at = { occurredAtMillis: atMillis, recordedAtMillis: atMillis }
    return { ...metadata, stream: `payment-${payment}`, version, position: i + 1, ...at, event }
  })
}

type Batches = ReadonlyArray<ReadonlyArray<Recorded<PaymentEvent>>>

/** Applies events to the read models, in batches. */
export const project = (batches: Batches) =>
  Effect.forEach(batches, (batch) => paymentViews(schema).handle(batch, { replaying: false }), { discard: true })

/** The same as a worker does it: a statement for each batch. */
export const projectAtOnce = Effect.fnUntraced(function* (batches: Batches) {
  const { name, plan } = paymentViews(schema)
  const store = yield* ProjectionStore
  yield* Effect.forEach(batches, (batch) => store.write!(name, [], plan!(batch)), { discard: true })
})

const names = [
  "payment_view",
  "payment_operation",
  "payment_chargeback",
  "payment_attention",
  "ledger_day",
  "open_operation"
]

export const empty = Effect.flatMap(SqlClient, (sql) =>
  sql.unsafe(`TRUNCATE ${names.map((name) => `${schema}.${name}`).join(", ")}`)
)

type Row = Readonly<Record<string, unknown>>

/** Every row of the read models, times in milliseconds. */
export interface Rows {
  readonly payments: ReadonlyArray<Row>
  readonly operations: ReadonlyArray<Row>
  readonly chargebacks: ReadonlyArray<Row>
  readonly attention: ReadonlyArray<Row>
  readonly days: ReadonlyArray<Row>
  readonly open: ReadonlyArray<Row>
}

const millis = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8 AS ${column}`
const amount = (name: string): string => `${name}_minor::float8 AS ${name}_minor`

/** A day on which nothing is left of what moved has a row in the table, and none in the model. */
export const rows: Effect.Effect<Rows, unknown, SqlClient> = Effect.flatMap(SqlClient, (sql) =>
  Effect.all({
    payments: sql.unsafe<Row>(
      `SELECT payment_id, version, status, order_id, customer_id, currency, brand, last4, action_url, ${millis("expires_at")},
              ${["held", "captured", "refunded", "charged_back", "capturable", "refundable"].map(amount).join(", ")},
              ${millis("begun_at")}, ${millis("updated_at")}
       FROM ${schema}.payment_view ORDER BY payment_id`
    ),
    operations: sql.unsafe<Row>(
      `SELECT payment_id, number, operation_id, kind, ${amount("amount")}, status, calls, provider_reference, code, reason,
              ${millis("requested_at")}, ${millis("updated_at")}
       FROM ${schema}.payment_operation ORDER BY payment_id, number`
    ),
    chargebacks: sql.unsafe<Row>(
      `SELECT payment_id, number, chargeback_id, ${amount("amount")}, stage, ${millis("updated_at")}
       FROM ${schema}.payment_chargeback ORDER BY payment_id, number`
    ),
    attention: sql.unsafe<Row>(
      `SELECT payment_id, attention_id, kind, detail, note, ${millis("required_at")}, ${millis("resolved_at")}
       FROM ${schema}.payment_attention ORDER BY payment_id, attention_id COLLATE "C"`
    ),
    days: sql.unsafe<Row>(
      `SELECT day::text AS day, currency, ${["authorised", "captured", "refunded", "charged_back"].map(amount).join(", ")}
       FROM ${schema}.ledger_day
       WHERE authorised_minor <> 0 OR captured_minor <> 0 OR refunded_minor <> 0 OR charged_back_minor <> 0
       ORDER BY day, currency`
    ),
    open: sql.unsafe<Row>(
      `SELECT payment_id, operation_id FROM ${schema}.open_operation ORDER BY payment_id, operation_id COLLATE "C"`
    )
  })
)

/** One payment's events, with their times and the states after each. */
interface Life {
  readonly events: ReadonlyArray<PaymentEvent>
  readonly times: ReadonlyArray<number>
  readonly states: ReadonlyArray<State>
}

const lifeOf = (happened: ReadonlyArray<Happening>): Life => {
  const events = happened.map(({ event }) => event)
  const states: Array<State> = []
  for (const event of events) states.push(Aggregate.evolve({ evolve }, states.at(-1) ?? initial, event))
  return { events, times: happened.map(({ atMillis }) => atMillis), states }
}

const paymentRow = (payment: string, { events, times, states }: Life): Row => {
  const state = states.at(-1)!
  const { heldMinor, capturedMinor, refundedMinor, chargedBackMinor } = ledgerOf(state)
  return {
    payment_id: payment,
    version: events.length,
    status: statusOf(state),
    order_id: state.orderId,
    customer_id: state.customerId,
    currency: state.currency,
    brand: state.paymentMethod?.brand ?? null,
    last4: state.paymentMethod?.last4 ?? null,
    action_url: state.actionUrl,
    expires_at: state.expiresAtMillis,
    held_minor: heldMinor,
    captured_minor: capturedMinor,
    refunded_minor: refundedMinor,
    charged_back_minor: chargedBackMinor,
    capturable_minor: capturableMinor(state),
    refundable_minor: refundableMinor(state),
    begun_at: times[0],
    updated_at: times.at(-1)
  }
}

/** The times at which something of a state changed, the first and the last. */
const changes = <A>({ states, times }: Life, pick: (state: State) => A | undefined) => {
  const at = times.filter((_, i) => pick(states[i]!) !== pick(states[i - 1] ?? initial))
  return { first: at[0], last: at.at(-1) }
}

const operationRows = (payment: string, life: Life): ReadonlyArray<Row> =>
  life.states.at(-1)!.operations.map((operation, number) => {
    const { first, last } = changes(life, ({ operations }) =>
      operations.find(({ operationId }) => operationId === operation.operationId)
    )
    return {
      payment_id: payment,
      number,
      operation_id: operation.operationId,
      kind: operation.kind,
      amount_minor: operation.amountMinor,
      status: operation.status,
      calls: operation.calls,
      provider_reference: operation.providerReference,
      code: operation.code,
      reason: operation.reason,
      requested_at: first,
      updated_at: last
    }
  })

const chargebackRows = (payment: string, life: Life): ReadonlyArray<Row> =>
  life.states.at(-1)!.chargebacks.map(({ chargebackId, amountMinor, stage }, number) => ({
    payment_id: payment,
    number,
    chargeback_id: chargebackId,
    amount_minor: amountMinor,
    stage,
    updated_at: changes(life, ({ chargebacks }) => chargebacks.find((one) => one.chargebackId === chargebackId)).last
  }))

const attentionRows = (payment: string, { events, times }: Life): ReadonlyArray<Row> => {
  const found = new Map<string, Row>()
  events.forEach((event, i) => {
    if (event._tag === "AttentionRequired") {
      const { attentionId, kind, detail } = event
      const open = { note: null, required_at: times[i], resolved_at: null }
      found.set(attentionId, { payment_id: payment, attention_id: attentionId, kind, detail, ...open })
    }
    if (event._tag === "AttentionResolved") {
      const { attentionId, note } = event
      found.set(attentionId, { ...found.get(attentionId), note, resolved_at: times[i] })
    }
  })
  return [...found.keys()].sort().map((key) => found.get(key)!)
}

/** The sums of a day, from what each event says that moved. */
const movedBy = (event: PaymentEvent): Record<string, number> => {
  switch (event._tag) {
    case "PaymentAuthorised":
      return { authorised_minor: event.amount.amountMinor }
    case "PaymentCaptured":
      return { captured_minor: event.amount.amountMinor }
    case "PaymentRefunded":
      return { refunded_minor: event.amount.amountMinor }
    default:
      return {}
  }
}

const dayRows = (lives: ReadonlyMap<string, Life>): ReadonlyArray<Row> => {
  const days = new Map<string, Record<string, number>>()
  for (const { events, times, states } of lives.values()) {
    events.forEach((event, i) => {
      const disputed = ledgerOf(states[i]!).chargedBackMinor - ledgerOf(states[i - 1] ?? initial).chargedBackMinor
      const moved = { ...movedBy(event), ...(disputed === 0 ? {} : { charged_back_minor: disputed }) }
      const key = JSON.stringify([new Date(times[i]!).toISOString().slice(0, 10), states[i]!.currency])
      const sums = days.get(key) ?? { authorised_minor: 0, captured_minor: 0, refunded_minor: 0, charged_back_minor: 0 }
      for (const [name, minor] of Object.entries(moved)) sums[name]! += minor
      days.set(key, sums)
    })
  }
  return [...days.keys()].sort().flatMap((key) => {
    const [day, currency] = JSON.parse(key)
    const sums = days.get(key)!
    return Object.values(sums).every((minor) => minor === 0) ? [] : [{ day, currency, ...sums }]
  })
}

const openRows = (payment: string, { states }: Life): ReadonlyArray<Row> =>
  nextCalls({ paymentId: payment, state: states.at(-1)!, nowMillis: Number.MAX_SAFE_INTEGER })
    .map(({ request }) => request.operationId)
    .sort()
    .map((operation) => ({ payment_id: payment, operation_id: operation }))

/** What the read models must hold after these events. */
export const model = (happenings: ReadonlyArray<Happening>): Rows => {
  const lives = new Map(
    [...Map.groupBy(happenings, ({ payment }) => payment)].map(([payment, happened]) => [payment, lifeOf(happened)])
  )
  const payments = [...lives.keys()].sort()
  const of = (rowsOf: (payment: string, life: Life) => ReadonlyArray<Row>) =>
    payments.flatMap((payment) => rowsOf(payment, lives.get(payment)!))
  return {
    payments: payments.map((payment) => paymentRow(payment, lives.get(payment)!)),
    operations: of(operationRows),
    chargebacks: of(chargebackRows),
    attention: of(attentionRows),
    days: dayRows(lives),
    open: of(openRows)
  }
}
