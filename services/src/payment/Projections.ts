/**
 * The payment's read models: the payment with its operations, what needs attention, the ledger by day and currency, and what the
 * provider is to be asked about.
 *
 * One projection writes them all, in the pattern "load, fold, save". What is loaded of a payment is its state, and what folds
 * events into it is the domain's own `evolve`, so that sums and statuses have one definition.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import { instantOf, millisOf } from "@daybook/postgres/Instants"
import { fromFiles, type MigrationSet } from "@daybook/postgres/Migrations"
import { keyedRows } from "@daybook/postgres/SqlProjectionStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type PaymentEvent, PaymentEvents } from "./Events.ts"
import { capturableMinor, ledgerOf, refundableMinor, statusOf } from "./Ledger.ts"
import { evolve, initial, type Operation, type State } from "./State.ts"
import { openOperations } from "./Timetable.ts"

/** The name on disk. */
export const paymentViewsName = "payment-views"

/** The migrations of the read models. */
export const tables: MigrationSet = {
  name: "payment",
  migrations: fromFiles(new URL("./sql/", import.meta.url), ["001-read-models", "002-comparison", "003-recorded"])
}

/** When an operation was requested, and when it last changed. Milliseconds since 1970, as all times here. */
interface Times {
  readonly requestedAtMillis: number
  readonly updatedAtMillis: number
}

/** A payment while a batch is folded into it. Notification ids are not needed here, and the method's token is none of a reader's business. */
export interface Folded {
  state: State
  version: number
  begunAtMillis: number
  updatedAtMillis: number
  recordedAtMillis: number
  readonly times: Map<string, Times>
  /** By chargeback id. */
  readonly disputedAtMillis: Map<string, number>
}

/** A row of `payment_attention`. */
export interface Attention {
  readonly paymentId: string
  readonly attentionId: string
  readonly kind: Extract<PaymentEvent, { readonly _tag: "AttentionRequired" }>["kind"]
  readonly detail: string
  readonly requiredAtMillis: number
}

export interface Resolution {
  readonly paymentId: string
  readonly attentionId: string
  readonly note: string
  readonly resolvedAtMillis: number
}

/** A change of one row of `ledger_day`. */
interface Day {
  readonly day: string
  readonly currency: string
  authorisedMinor: number
  capturedMinor: number
  refundedMinor: number
  chargedBackMinor: number
}

/** What a batch changes, gathered in memory. */
export class Changes {
  readonly payments = new Map<string, Folded>()
  /** Both in the order of the events: what needs attention may do so again after it was resolved. */
  readonly attention: Array<Attention | Resolution> = []
  readonly days = new Map<string, Day>()

  dayOf(atMillis: number, currency: string): Day {
    const day = new Date(atMillis).toISOString().slice(0, 10)
    const key = `${day}|${currency}`
    const zero = { authorisedMinor: 0, capturedMinor: 0, refundedMinor: 0, chargedBackMinor: 0 }
    const sums = this.days.get(key) ?? { day, currency, ...zero }
    this.days.set(key, sums)
    return sums
  }
}

const begun = (recorded: Recorded<PaymentEvent>): Folded => ({
  state: initial,
  version: 0,
  begunAtMillis: recorded.occurredAtMillis,
  updatedAtMillis: recorded.occurredAtMillis,
  recordedAtMillis: recorded.recordedAtMillis,
  times: new Map(),
  disputedAtMillis: new Map()
})

const foldTimes = ({ times, disputedAtMillis }: Folded, before: State, after: State, atMillis: number): void => {
  const known = new Set<unknown>([...before.operations, ...before.chargebacks])
  for (const operation of after.operations) {
    if (known.has(operation)) continue
    const { requestedAtMillis = atMillis } = times.get(operation.operationId) ?? {}
    times.set(operation.operationId, { requestedAtMillis, updatedAtMillis: atMillis })
  }
  for (const dispute of after.chargebacks) {
    if (!known.has(dispute)) disputedAtMillis.set(dispute.chargebackId, atMillis)
  }
}

const foldDay = (
  changes: Changes,
  before: State,
  after: State,
  { event, occurredAtMillis }: Recorded<PaymentEvent>
) => {
  const [was, is] = [ledgerOf(before), ledgerOf(after)]
  const authorisedMinor = event._tag === "PaymentAuthorised" ? event.amount.amountMinor : 0
  const capturedMinor = is.capturedMinor - was.capturedMinor
  const refundedMinor = is.refundedMinor - was.refundedMinor
  const chargedBackMinor = is.chargedBackMinor - was.chargedBackMinor
  if (authorisedMinor === 0 && capturedMinor === 0 && refundedMinor === 0 && chargedBackMinor === 0) return
  const day = changes.dayOf(occurredAtMillis, after.currency)
  day.authorisedMinor += authorisedMinor
  day.capturedMinor += capturedMinor
  day.refundedMinor += refundedMinor
  day.chargedBackMinor += chargedBackMinor
}

const foldAttention = (changes: Changes, paymentId: string, { event, occurredAtMillis }: Recorded<PaymentEvent>) => {
  if (event._tag === "AttentionRequired") {
    const { attentionId, kind, detail } = event
    changes.attention.push({ paymentId, attentionId, kind, detail, requiredAtMillis: occurredAtMillis })
  }
  if (event._tag === "AttentionResolved") {
    const { attentionId, note } = event
    changes.attention.push({ paymentId, attentionId, note, resolvedAtMillis: occurredAtMillis })
  }
}

/** Also for what a payment was: see `History.ts`. */
export const fold = (changes: Changes, recorded: Recorded<PaymentEvent>): void => {
  const paymentId = Partition.idOf(recorded.stream)
  if (recorded.version === 1) changes.payments.set(paymentId, begun(recorded))
  const payment = changes.payments.get(paymentId)
  if (payment === undefined)
    throw new Error(`Payment ${paymentId} is not in the read model, though its first event should have put it there`)
  const before = payment.state
  const after = Aggregate.evolve({ evolve }, before, recorded.event)
  foldTimes(payment, before, after, recorded.occurredAtMillis)
  foldDay(changes, before, after, recorded)
  foldAttention(changes, paymentId, recorded)
  payment.state = after
  payment.version = recorded.version
  payment.updatedAtMillis = recorded.occurredAtMillis
  payment.recordedAtMillis = recorded.recordedAtMillis
}

/** Payments that the batch does not begin itself, and that must be known already. */
const knownPayments = (batch: ReadonlyArray<Recorded<PaymentEvent>>): ReadonlyArray<string> => {
  const all = new Set(batch.map(({ stream }) => Partition.idOf(stream)))
  for (const { stream, version } of batch) if (version === 1) all.delete(Partition.idOf(stream))
  return [...all]
}

/** A payment as it is loaded. JSON has amounts and times as numbers, exact up to 2^53. */
interface LoadedRow {
  readonly paymentId: string
  readonly version: number
  readonly begunAtMillis: number
  readonly state: Omit<State, "operations" | "chargebacks" | "notificationIds" | "attentions">
  readonly operations: ReadonlyArray<Operation & Times> | null
  readonly chargebacks: ReadonlyArray<State["chargebacks"][number] & { readonly updatedAtMillis: number }> | null
}

const loadText = (schema: string): string =>
  `SELECT v.payment_id AS "paymentId", version, ${millisOf("begun_at")} AS "begunAtMillis",
     json_build_object('orderId', order_id, 'customerId', customer_id, 'currency', currency, 'actionUrl', action_url,
       'expiresAtMillis', ${millisOf("expires_at")}, 'paymentMethod', CASE WHEN order_id IS NULL THEN NULL
         ELSE json_build_object('token', '', 'brand', brand, 'last4', last4) END) AS state,
     (SELECT json_agg(json_build_object('operationId', operation_id, 'kind', kind, 'amountMinor', amount_minor,
         'status', status, 'calls', calls, 'providerReference', provider_reference, 'code', code, 'reason', reason,
         'requestedAtMillis', ${millisOf("requested_at")}, 'updatedAtMillis', ${millisOf("updated_at")}) ORDER BY number)
       FROM ${schema}.payment_operation o WHERE o.payment_id = v.payment_id) AS operations,
     (SELECT json_agg(json_build_object('chargebackId', chargeback_id, 'amountMinor', amount_minor, 'stage', stage,
         'updatedAtMillis', ${millisOf("updated_at")}) ORDER BY number)
       FROM ${schema}.payment_chargeback c WHERE c.payment_id = v.payment_id) AS chargebacks
   FROM ${keyedRows(`${schema}.payment_view`, "payment_id", "$1", "v")}`

const foldedOf = ({ version, begunAtMillis, state, operations, chargebacks }: LoadedRow): Folded => ({
  version,
  begunAtMillis,
  updatedAtMillis: begunAtMillis,
  recordedAtMillis: begunAtMillis,
  state: {
    ...state,
    operations: (operations ?? []).map(({ requestedAtMillis, updatedAtMillis, ...operation }) => operation),
    chargebacks: (chargebacks ?? []).map(({ updatedAtMillis, ...chargeback }) => chargeback),
    notificationIds: [],
    attentions: []
  },
  times: new Map((operations ?? []).map((times) => [times.operationId, times])),
  disputedAtMillis: new Map((chargebacks ?? []).map((one) => [one.chargebackId, one.updatedAtMillis]))
})

const load = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: string,
  batch: ReadonlyArray<Recorded<PaymentEvent>>
) {
  const changes = new Changes()
  const known = knownPayments(batch)
  if (known.length === 0) return changes
  const rows = yield* sql.unsafe<LoadedRow>(loadText(schema), [JSON.stringify(known)])
  for (const row of rows) changes.payments.set(row.paymentId, foldedOf(row))
  return changes
})

export const paymentRow = ([paymentId, { state, ...rest }]: readonly [string, Folded]) => ({
  paymentId,
  version: rest.version,
  begunAtMillis: rest.begunAtMillis,
  updatedAtMillis: rest.updatedAtMillis,
  recordedAtMillis: rest.recordedAtMillis,
  status: statusOf(state),
  ...ledgerOf(state),
  capturableMinor: capturableMinor(state),
  refundableMinor: refundableMinor(state),
  orderId: state.orderId,
  customerId: state.customerId,
  currency: state.currency,
  brand: state.paymentMethod?.brand ?? null,
  last4: state.paymentMethod?.last4 ?? null,
  actionUrl: state.actionUrl,
  expiresAtMillis: state.expiresAtMillis
})

const savePayments = (sql: SqlClient, schema: string, rows: ReadonlyArray<ReturnType<typeof paymentRow>>) =>
  sql.unsafe(
    `INSERT INTO ${schema}.payment_view (payment_id, version, begun_at, updated_at, recorded_at, status, held_minor,
       captured_minor, refunded_minor, charged_back_minor, capturable_minor, refundable_minor, order_id, customer_id, currency, brand, last4,
       action_url, expires_at)
     SELECT "paymentId", version, ${instantOf('"begunAtMillis"')}, ${instantOf('"updatedAtMillis"')},
       ${instantOf('"recordedAtMillis"')}, status, "heldMinor", "capturedMinor", "refundedMinor", "chargedBackMinor", "capturableMinor", "refundableMinor", "orderId", "customerId",
       currency, brand, last4, "actionUrl", ${instantOf('"expiresAtMillis"')}
     FROM json_to_recordset($1::text::json) AS p ("paymentId" text, version integer, "begunAtMillis" float8,
       "updatedAtMillis" float8, "recordedAtMillis" float8, status text, "heldMinor" bigint, "capturedMinor" bigint, "refundedMinor" bigint,
       "chargedBackMinor" bigint, "capturableMinor" bigint, "refundableMinor" bigint, "orderId" text, "customerId" text,
       currency text, brand text, last4 text, "actionUrl" text, "expiresAtMillis" float8)
     ON CONFLICT (payment_id) DO UPDATE SET
       version = excluded.version, updated_at = excluded.updated_at, recorded_at = excluded.recorded_at,
       status = excluded.status, held_minor = excluded.held_minor, captured_minor = excluded.captured_minor,
       refunded_minor = excluded.refunded_minor, charged_back_minor = excluded.charged_back_minor,
       capturable_minor = excluded.capturable_minor, refundable_minor = excluded.refundable_minor,
       order_id = excluded.order_id, customer_id = excluded.customer_id, currency = excluded.currency,
       brand = excluded.brand, last4 = excluded.last4, action_url = excluded.action_url, expires_at = excluded.expires_at`,
    [JSON.stringify(rows)]
  )

export const operationRows = ([paymentId, { state, times }]: readonly [string, Folded]) =>
  state.operations.map((operation, number) => ({
    paymentId,
    number,
    ...operation,
    ...times.get(operation.operationId)!
  }))

const saveOperations = (sql: SqlClient, schema: string, rows: ReadonlyArray<object>) =>
  sql.unsafe(
    `INSERT INTO ${schema}.payment_operation AS o (payment_id, operation_id, number, kind, amount_minor, status, calls,
       provider_reference, code, reason, requested_at, updated_at)
     SELECT "paymentId", "operationId", number, kind, "amountMinor", status, calls, "providerReference", code, reason,
       ${instantOf('"requestedAtMillis"')}, ${instantOf('"updatedAtMillis"')}
     FROM json_to_recordset($1::text::json) AS p ("paymentId" text, "operationId" text, number integer, kind text,
       "amountMinor" bigint, status text, calls integer, "providerReference" text, code text, reason text,
       "requestedAtMillis" float8, "updatedAtMillis" float8)
     ON CONFLICT (payment_id, operation_id) DO UPDATE SET
       status = excluded.status, calls = excluded.calls, provider_reference = excluded.provider_reference,
       code = excluded.code, reason = excluded.reason, updated_at = excluded.updated_at
     WHERE (o.status, o.calls, o.updated_at) IS DISTINCT FROM (excluded.status, excluded.calls, excluded.updated_at)`,
    [JSON.stringify(rows)]
  )

export const chargebackRows = ([paymentId, { state, disputedAtMillis }]: readonly [string, Folded]) =>
  state.chargebacks.map((chargeback, number) => ({
    paymentId,
    number,
    ...chargeback,
    updatedAtMillis: disputedAtMillis.get(chargeback.chargebackId)
  }))

const saveChargebacks = (sql: SqlClient, schema: string, rows: ReadonlyArray<object>) =>
  sql.unsafe(
    `INSERT INTO ${schema}.payment_chargeback (payment_id, chargeback_id, number, amount_minor, stage, updated_at)
     SELECT "paymentId", "chargebackId", number, "amountMinor", stage, ${instantOf('"updatedAtMillis"')}
     FROM json_to_recordset($1::text::json) AS p ("paymentId" text, "chargebackId" text, number integer,
       "amountMinor" bigint, stage text, "updatedAtMillis" float8)
     ON CONFLICT (payment_id, chargeback_id) DO UPDATE SET stage = excluded.stage, updated_at = excluded.updated_at`,
    [JSON.stringify(rows)]
  )

/** One by one, in order: they are few, and the same may be required and resolved in one batch. */
const saveAttention = (sql: SqlClient, schema: string, one: Attention | Resolution) =>
  "note" in one
    ? sql.unsafe(
        `UPDATE ${schema}.payment_attention SET note = $3::text, resolved_at = ${instantOf("$4::text::float8")}
         WHERE payment_id = $1::text AND attention_id = $2::text`,
        [one.paymentId, one.attentionId, one.note, String(one.resolvedAtMillis)]
      )
    : sql.unsafe(
        `INSERT INTO ${schema}.payment_attention (payment_id, attention_id, kind, detail, required_at)
         VALUES ($1::text, $2::text, $3::text, $4::text, ${instantOf("$5::text::float8")})
         ON CONFLICT (payment_id, attention_id) DO UPDATE SET
           detail = excluded.detail, required_at = excluded.required_at, resolved_at = NULL, note = NULL`,
        [one.paymentId, one.attentionId, one.kind, one.detail, String(one.requiredAtMillis)]
      )

const saveDays = (sql: SqlClient, schema: string, days: ReadonlyArray<Day>) =>
  sql.unsafe(
    `INSERT INTO ${schema}.ledger_day AS l
       (day, currency, authorised_minor, captured_minor, refunded_minor, charged_back_minor)
     SELECT day, currency, "authorisedMinor", "capturedMinor", "refundedMinor", "chargedBackMinor"
     FROM json_to_recordset($1::text::json) AS d (day date, currency text, "authorisedMinor" bigint,
       "capturedMinor" bigint, "refundedMinor" bigint, "chargedBackMinor" bigint)
     ON CONFLICT (day, currency) DO UPDATE SET
       authorised_minor = l.authorised_minor + excluded.authorised_minor,
       captured_minor = l.captured_minor + excluded.captured_minor,
       refunded_minor = l.refunded_minor + excluded.refunded_minor,
       charged_back_minor = l.charged_back_minor + excluded.charged_back_minor`,
    [JSON.stringify(days)]
  )

const openRows = (nowMillis: number, [paymentId, { state, recordedAtMillis }]: readonly [string, Folded]) =>
  openOperations(paymentId, state, nowMillis).map((one) => ({ ...one, sinceMillis: recordedAtMillis }))

/** What stays open for the same reason keeps its place in the timetable. */
const saveOpen = (sql: SqlClient, schema: string, payments: ReadonlyArray<string>, open: ReadonlyArray<object>) =>
  sql.unsafe(
    `WITH open AS (
       SELECT * FROM json_to_recordset($2::text::json) AS o ("paymentId" text, "operationId" text, reason text,
         "sinceMillis" float8, "nextAtMillis" float8)),
     over AS (
       DELETE FROM ${schema}.open_operation t WHERE payment_id IN (SELECT json_array_elements_text($1::text::json))
         AND NOT EXISTS (SELECT FROM open WHERE "paymentId" = t.payment_id AND "operationId" = t.operation_id))
     INSERT INTO ${schema}.open_operation AS t (payment_id, operation_id, reason, since, next_at)
     SELECT "paymentId", "operationId", reason, ${instantOf('"sinceMillis"')}, ${instantOf('"nextAtMillis"')} FROM open
     ON CONFLICT (payment_id, operation_id) DO UPDATE SET
       reason = excluded.reason, since = excluded.since, next_at = excluded.next_at, tries = 0
     WHERE t.reason <> excluded.reason`,
    [JSON.stringify(payments), JSON.stringify(open)]
  )

const save = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: string,
  changes: Changes
): Effect.fn.Return<void, SqlError> {
  const payments = [...changes.payments]
  const chargebacks = payments.flatMap(chargebackRows)
  // In one order everywhere: workers of other partitions add to the same rows, and would deadlock.
  const days = [...changes.days.keys()].sort().map((key) => changes.days.get(key)!)
  yield* savePayments(sql, schema, payments.map(paymentRow))
  yield* saveOperations(sql, schema, payments.flatMap(operationRows))
  if (chargebacks.length > 0) yield* saveChargebacks(sql, schema, chargebacks)
  for (const one of changes.attention) yield* saveAttention(sql, schema, one)
  if (days.length > 0) yield* saveDays(sql, schema, days)
  const nowMillis = yield* Clock.currentTimeMillis
  const open = payments.flatMap((payment) => openRows(nowMillis, payment))
  yield* saveOpen(sql, schema, [...changes.payments.keys()], open)
})

/** The projection that writes the payment's read models into a schema. */
export const paymentViews = (schema: string) =>
  Projection.make({
    name: paymentViewsName,
    sources: [{ name: "payment", events: PaymentEvents }],
    tables: [
      // The sweep writes what it has compared.
      { name: "payment_view", uncompared: ["compared_version", "compare_at"] },
      "payment_operation",
      "payment_chargeback",
      // A number follows from when its row was written, not from the event.
      { name: "payment_attention", uncompared: ["number"] },
      "ledger_day",
      // When the provider is asked next follows from the clock, from how often it was asked, and from what was in one batch.
      { name: "open_operation", uncompared: ["since", "next_at", "tries"] }
    ],
    handle: Effect.fnUntraced(function* (batch: ReadonlyArray<Recorded<PaymentEvent>>) {
      const sql = yield* SqlClient
      const changes = yield* load(sql, schema, batch)
      for (const recorded of batch) fold(changes, recorded)
      yield* save(sql, schema, changes)
    })
  })
