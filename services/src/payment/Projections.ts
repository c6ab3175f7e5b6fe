/**
 * The payment's read models: the payment with its operations, what needs attention, the ledger by day and currency, and what the
 * provider is to be asked about.
 *
 * One projection writes them all: what a batch is about is loaded at once, its events are folded in memory (`ReadModels.ts`), and
 * what has changed is saved at once.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import { instantOf, millisOf } from "@daybook/postgres/Instants"
import { fromFiles, type MigrationSet } from "@daybook/postgres/Migrations"
import { planned } from "@daybook/postgres/PlannedWrites"
import { keyedRows } from "@daybook/postgres/SqlProjectionStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { type PaymentEvent, PaymentEvents } from "./Events.ts"
import {
  attentionAfter,
  Changes,
  chargebackRows,
  type Day,
  type Folded,
  fold,
  openRows,
  operationRows,
  paymentRow,
  type Resolution,
  type Times
} from "./ReadModels.ts"
import type { Operation, State } from "./State.ts"

/** The name on disk. */
export const paymentViewsName = "payment-views"

/** The migrations of the read models. */
export const tables: MigrationSet = {
  name: "payment",
  migrations: fromFiles(new URL("./sql/", import.meta.url), ["001-read-models", "002-comparison", "003-recorded"])
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

const savePayments = (schema: string, rows: ReadonlyArray<ReturnType<typeof paymentRow>>): Projection.Write => ({
  text: (condition) =>
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
     WHERE ${condition}
     ON CONFLICT (payment_id) DO UPDATE SET
       version = excluded.version, updated_at = excluded.updated_at, recorded_at = excluded.recorded_at,
       status = excluded.status, held_minor = excluded.held_minor, captured_minor = excluded.captured_minor,
       refunded_minor = excluded.refunded_minor, charged_back_minor = excluded.charged_back_minor,
       capturable_minor = excluded.capturable_minor, refundable_minor = excluded.refundable_minor,
       order_id = excluded.order_id, customer_id = excluded.customer_id, currency = excluded.currency,
       brand = excluded.brand, last4 = excluded.last4, action_url = excluded.action_url, expires_at = excluded.expires_at`,
  params: [JSON.stringify(rows)]
})

const saveOperations = (schema: string, rows: ReadonlyArray<object>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.payment_operation AS o (payment_id, operation_id, number, kind, amount_minor, status, calls,
       provider_reference, code, reason, requested_at, updated_at)
     SELECT "paymentId", "operationId", number, kind, "amountMinor", status, calls, "providerReference", code, reason,
       ${instantOf('"requestedAtMillis"')}, ${instantOf('"updatedAtMillis"')}
     FROM json_to_recordset($1::text::json) AS p ("paymentId" text, "operationId" text, number integer, kind text,
       "amountMinor" bigint, status text, calls integer, "providerReference" text, code text, reason text,
       "requestedAtMillis" float8, "updatedAtMillis" float8)
     WHERE ${condition}
     ON CONFLICT (payment_id, operation_id) DO UPDATE SET
       status = excluded.status, calls = excluded.calls, provider_reference = excluded.provider_reference,
       code = excluded.code, reason = excluded.reason, updated_at = excluded.updated_at
     WHERE (o.status, o.calls, o.updated_at) IS DISTINCT FROM (excluded.status, excluded.calls, excluded.updated_at)`,
  params: [JSON.stringify(rows)]
})

const saveChargebacks = (schema: string, rows: ReadonlyArray<object>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.payment_chargeback (payment_id, chargeback_id, number, amount_minor, stage, updated_at)
     SELECT "paymentId", "chargebackId", number, "amountMinor", stage, ${instantOf('"updatedAtMillis"')}
     FROM json_to_recordset($1::text::json) AS p ("paymentId" text, "chargebackId" text, number integer,
       "amountMinor" bigint, stage text, "updatedAtMillis" float8)
     WHERE ${condition}
     ON CONFLICT (payment_id, chargeback_id) DO UPDATE SET stage = excluded.stage, updated_at = excluded.updated_at`,
  params: [JSON.stringify(rows)]
})

const saveRequired = (schema: string, rows: ReadonlyArray<object>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.payment_attention (payment_id, attention_id, kind, detail, required_at, resolved_at, note)
     SELECT "paymentId", "attentionId", kind, detail, ${instantOf('"requiredAtMillis"')}, ${instantOf('"resolvedAtMillis"')}, note
     FROM json_to_recordset($1::text::json) AS a ("paymentId" text, "attentionId" text, kind text, detail text,
       "requiredAtMillis" float8, "resolvedAtMillis" float8, note text)
     WHERE ${condition}
     ON CONFLICT (payment_id, attention_id) DO UPDATE SET
       detail = excluded.detail, required_at = excluded.required_at, resolved_at = excluded.resolved_at, note = excluded.note`,
  params: [JSON.stringify(rows)]
})

const saveResolved = (schema: string, rows: ReadonlyArray<Resolution>): Projection.Write => ({
  text: (condition) =>
    `UPDATE ${schema}.payment_attention t SET note = a.note, resolved_at = ${instantOf('a."resolvedAtMillis"')}
     FROM json_to_recordset($1::text::json) AS a ("paymentId" text, "attentionId" text, note text, "resolvedAtMillis" float8)
     WHERE t.payment_id = a."paymentId" AND t.attention_id = a."attentionId" AND ${condition}`,
  params: [JSON.stringify(rows)]
})

const saveDays = (schema: string, days: ReadonlyArray<Day>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.ledger_day AS l
       (day, currency, authorised_minor, captured_minor, refunded_minor, charged_back_minor)
     SELECT day, currency, "authorisedMinor", "capturedMinor", "refundedMinor", "chargedBackMinor"
     FROM json_to_recordset($1::text::json) AS d (day date, currency text, "authorisedMinor" bigint,
       "capturedMinor" bigint, "refundedMinor" bigint, "chargedBackMinor" bigint)
     WHERE ${condition}
     ON CONFLICT (day, currency) DO UPDATE SET
       authorised_minor = l.authorised_minor + excluded.authorised_minor,
       captured_minor = l.captured_minor + excluded.captured_minor,
       refunded_minor = l.refunded_minor + excluded.refunded_minor,
       charged_back_minor = l.charged_back_minor + excluded.charged_back_minor`,
  params: [JSON.stringify(days)]
})

const closeOthers = (
  schema: string,
  payments: ReadonlyArray<string>,
  open: ReadonlyArray<object>
): Projection.Write => ({
  text: (condition) =>
    `DELETE FROM ${schema}.open_operation t WHERE payment_id IN (SELECT json_array_elements_text($1::text::json))
       AND NOT EXISTS (SELECT FROM json_to_recordset($2::text::json) AS o ("paymentId" text, "operationId" text)
         WHERE "paymentId" = t.payment_id AND "operationId" = t.operation_id)
       AND ${condition}`,
  params: [JSON.stringify(payments), JSON.stringify(open)]
})

/** What stays open for the same reason keeps its place in the timetable. */
const saveOpen = (schema: string, open: ReadonlyArray<object>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.open_operation AS t (payment_id, operation_id, reason, since, next_at)
     SELECT "paymentId", "operationId", reason, ${instantOf('"sinceMillis"')}, ${instantOf('"nextAtMillis"')}
     FROM json_to_recordset($1::text::json) AS o ("paymentId" text, "operationId" text, reason text,
       "sinceMillis" float8, "nextAtMillis" float8)
     WHERE ${condition}
     ON CONFLICT (payment_id, operation_id) DO UPDATE SET
       reason = excluded.reason, since = excluded.since, next_at = excluded.next_at, tries = 0
     WHERE t.reason <> excluded.reason`,
  params: [JSON.stringify(open)]
})

/** The writes that have something to write. */
const save = (schema: string, changes: Changes, nowMillis: number): ReadonlyArray<Projection.Write> => {
  const payments = [...changes.payments]
  const some = <Row>(
    rows: ReadonlyArray<Row>,
    write: (schema: string, rows: ReadonlyArray<Row>) => Projection.Write
  ) => (rows.length > 0 ? [write(schema, rows)] : [])
  const { required, resolved } = attentionAfter(changes.attention)
  // In one order everywhere: workers of other partitions add to the same rows, and would deadlock.
  const days = [...changes.days.keys()].sort().map((key) => changes.days.get(key)!)
  const open = payments.flatMap((payment) => openRows(nowMillis, payment))
  return [
    savePayments(schema, payments.map(paymentRow)),
    ...some(payments.flatMap(operationRows), saveOperations),
    ...some(payments.flatMap(chargebackRows), saveChargebacks),
    ...some(required, saveRequired),
    ...some(resolved, saveResolved),
    ...some(days, saveDays),
    closeOthers(schema, [...changes.payments.keys()], open),
    ...some(open, saveOpen)
  ]
}

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
    ...planned(
      Effect.fnUntraced(function* (batch: ReadonlyArray<Recorded<PaymentEvent>>) {
        const sql = yield* SqlClient
        const changes = yield* load(sql, schema, batch)
        for (const recorded of batch) fold(changes, recorded)
        return save(schema, changes, yield* Clock.currentTimeMillis)
      })
    )
  })
