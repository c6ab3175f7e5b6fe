/**
 * The payment's queries: they read the read models and nothing else.
 */
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { isoOf } from "@daybook/postgres/Instants"
import { orReadModelUnavailable } from "@daybook/postgres/SqlProjectionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SqlClient from "effect/sql/SqlClient"
import { type UnknownCursor, unknownCursor } from "../Http.ts"
import type { Money } from "../Money.ts"
import type { AttentionItem, LedgerDay, OpenOperationItem, PaymentSummary, PaymentView } from "./Views.ts"

/** Whose payments. */
export type Owner = { readonly orderId: string } | { readonly customerId: string }

/** A slice of a list: at most `limit`, after the id that the slice before ended with. */
export interface Page<After = string> {
  readonly limit: number
  readonly after?: After | undefined
}

export class PaymentQueries extends Context.Service<
  PaymentQueries,
  {
    payment(id: string): Effect.Effect<Option.Option<PaymentView>, ReadModelUnavailable>
    /** An order's or a customer's payments, the newest first. */
    paymentsOf(
      owner: Owner,
      page: Page
    ): Effect.Effect<ReadonlyArray<PaymentSummary>, ReadModelUnavailable | UnknownCursor>
    /** What someone should look at, in the order in which it came up, after a number. */
    attention(page: Page<number>): Effect.Effect<ReadonlyArray<AttentionItem>, ReadModelUnavailable>
    /** By day and currency; both bounds are inclusive, as YYYY-MM-DD. */
    ledger(bounds: {
      readonly from?: string | undefined
      readonly to?: string | undefined
      readonly currency?: string | undefined
    }): Effect.Effect<ReadonlyArray<LedgerDay>, ReadModelUnavailable>
    /** What the provider is to be asked about, the oldest first. */
    open(limit: number): Effect.Effect<ReadonlyArray<OpenOperationItem>, ReadModelUnavailable>
  }
>()("@daybook/services/payment/PaymentQueries") {
  /** The queries over the read models in a schema of the database in context. */
  static readonly layer = (schema: string): Layer.Layer<PaymentQueries, never, SqlClient.SqlClient> =>
    Layer.effect(
      PaymentQueries,
      Effect.map(SqlClient.SqlClient, (sql) => make(sql, schema))
    )
}

interface SummaryRow extends Omit<PaymentSummary, "held" | "captured" | "refunded" | "chargedBack"> {
  readonly currency: string
  readonly heldMinor: number
  readonly capturedMinor: number
  readonly refundedMinor: number
  readonly chargedBackMinor: number
}

type WithMinor<A> = Omit<A, "amount"> & { readonly amountMinor: number }

/** A payment as it is read, before amounts have their currency. */
export interface ViewRow extends SummaryRow, Pick<PaymentView, "actionUrl" | "expiresAt"> {
  readonly capturableMinor: number
  readonly refundableMinor: number
  readonly brand: string | null
  readonly last4: string | null
  readonly operations: ReadonlyArray<WithMinor<PaymentView["operations"][number]>> | null
  readonly chargebacks: ReadonlyArray<WithMinor<PaymentView["chargebacks"][number]>> | null
  readonly attention: PaymentView["attention"] | null
}

const summaryColumns = `payment_id AS id, version, status, order_id AS "orderId", customer_id AS "customerId", currency,
  held_minor::float8 AS "heldMinor", captured_minor::float8 AS "capturedMinor", refunded_minor::float8 AS "refundedMinor",
  charged_back_minor::float8 AS "chargedBackMinor", ${isoOf("begun_at")} AS "begunAt", ${isoOf("updated_at")} AS "updatedAt"`

const summaryOf = (row: SummaryRow): PaymentSummary => {
  const { currency, heldMinor, capturedMinor, refundedMinor, chargedBackMinor, ...summary } = row
  const money = (amountMinor: number): Money => ({ amountMinor, currency })
  return {
    ...summary,
    held: money(heldMinor),
    captured: money(capturedMinor),
    refunded: money(refundedMinor),
    chargedBack: money(chargedBackMinor)
  }
}

const viewText = (schema: string): string =>
  `SELECT ${summaryColumns}, capturable_minor::float8 AS "capturableMinor", refundable_minor::float8 AS "refundableMinor",
     brand, last4, action_url AS "actionUrl", ${isoOf("expires_at")} AS "expiresAt",
     (SELECT json_agg(json_build_object('operationId', operation_id, 'kind', kind, 'amountMinor', amount_minor,
        'status', status, 'providerReference', provider_reference, 'code', code, 'reason', reason,
        'requestedAt', ${isoOf("requested_at")}, 'updatedAt', ${isoOf("updated_at")}) ORDER BY number)
      FROM ${schema}.payment_operation o WHERE o.payment_id = v.payment_id) AS operations,
     (SELECT json_agg(json_build_object('chargebackId', chargeback_id, 'amountMinor', amount_minor, 'stage', stage,
        'updatedAt', ${isoOf("updated_at")}) ORDER BY number)
      FROM ${schema}.payment_chargeback c WHERE c.payment_id = v.payment_id) AS chargebacks,
     (SELECT json_agg(json_build_object('attentionId', attention_id, 'kind', kind, 'detail', detail,
        'requiredAt', ${isoOf("required_at")}, 'resolvedAt', ${isoOf("resolved_at")}, 'note', note) ORDER BY number)
      FROM ${schema}.payment_attention a WHERE a.payment_id = v.payment_id) AS attention
   FROM ${schema}.payment_view v WHERE payment_id = $1::text`

export const viewOf = (row: ViewRow): PaymentView => {
  const { capturableMinor, refundableMinor, brand, last4, operations, chargebacks, attention, ...rest } = row
  const { actionUrl, expiresAt, ...summary } = rest
  const money = (amountMinor: number): Money => ({ amountMinor, currency: row.currency })
  return {
    ...summaryOf(summary),
    capturable: money(capturableMinor),
    refundable: money(refundableMinor),
    paymentMethod: { brand, last4 },
    actionUrl,
    expiresAt,
    operations: (operations ?? []).map(({ amountMinor, ...one }) => ({ ...one, amount: money(amountMinor) })),
    chargebacks: (chargebacks ?? []).map(({ amountMinor, ...one }) => ({ ...one, amount: money(amountMinor) })),
    attention: attention ?? []
  }
}

type Query = <Row extends object>(
  text: string,
  params: ReadonlyArray<string | null>
) => Effect.Effect<ReadonlyArray<Row>, ReadModelUnavailable>

/** A page after a payment that is not in the list would be empty and look like the list's end, so that it fails instead. */
const pageOf = Effect.fnUntraced(function* (query: Query, schema: string, owner: Owner, { limit, after }: Page) {
  const [column, key] = "orderId" in owner ? ["order_id", owner.orderId] : ["customer_id", owner.customerId]
  const condition = `${column} = $1::text`
  const rows = yield* query<SummaryRow>(
    `SELECT ${summaryColumns} FROM ${schema}.payment_view
     WHERE ${condition} AND ($2::text IS NULL OR (begun_at, payment_id) <
       (SELECT begun_at, payment_id FROM ${schema}.payment_view WHERE ${condition} AND payment_id = $2::text))
     ORDER BY begun_at DESC, payment_id DESC LIMIT $3::text::integer`,
    [key, after ?? null, String(limit)]
  )
  if (rows.length > 0 || after === undefined) return rows.map(summaryOf)
  const known = yield* query(`SELECT 1 FROM ${schema}.payment_view WHERE ${condition} AND payment_id = $2::text`, [
    key,
    after
  ])
  return known.length > 0 ? [] : yield* unknownCursor("Payment", after)
})

interface DayRow {
  readonly day: string
  readonly currency: string
  readonly authorisedMinor: number
  readonly capturedMinor: number
  readonly refundedMinor: number
  readonly chargedBackMinor: number
}

const dayOf = ({ day, currency, ...row }: DayRow): LedgerDay => ({
  day,
  authorised: { amountMinor: row.authorisedMinor, currency },
  captured: { amountMinor: row.capturedMinor, currency },
  refunded: { amountMinor: row.refundedMinor, currency },
  chargedBack: { amountMinor: row.chargedBackMinor, currency }
})

const make = (sql: SqlClient.SqlClient, schema: string): PaymentQueries["Service"] => {
  const query: Query = (text, params) => orReadModelUnavailable(sql.unsafe(text, params))
  return {
    payment: (id) =>
      Effect.map(query<ViewRow>(viewText(schema), [id]), (rows) => Option.map(Option.fromNullishOr(rows[0]), viewOf)),
    paymentsOf: (owner, page) => pageOf(query, schema, owner, page),
    attention: ({ limit, after }) =>
      query(
        `SELECT number::float8 AS number, a.payment_id AS "paymentId", order_id AS "orderId", attention_id AS "attentionId",
           kind, detail, ${isoOf("required_at")} AS "requiredAt"
         FROM ${schema}.payment_attention a JOIN ${schema}.payment_view USING (payment_id)
         WHERE resolved_at IS NULL AND number > $1::text::bigint ORDER BY number LIMIT $2::text::integer`,
        [String(after ?? 0), String(limit)]
      ),
    ledger: ({ from, to, currency }) =>
      Effect.map(
        query<DayRow>(
          `SELECT day::text AS day, currency, authorised_minor::float8 AS "authorisedMinor",
             captured_minor::float8 AS "capturedMinor", refunded_minor::float8 AS "refundedMinor",
             charged_back_minor::float8 AS "chargedBackMinor"
           FROM ${schema}.ledger_day
           WHERE ($1::text IS NULL OR day >= $1::text::date) AND ($2::text IS NULL OR day <= $2::text::date)
             AND ($3::text IS NULL OR currency = $3::text)
           ORDER BY day, currency`,
          [from ?? null, to ?? null, currency ?? null]
        ),
        (rows) => rows.map(dayOf)
      ),
    open: (limit) =>
      query(
        `SELECT payment_id AS "paymentId", operation_id AS "operationId", reason, ${isoOf("since")} AS since, tries,
           CASE WHEN next_at = 'infinity' THEN NULL ELSE ${isoOf("next_at")} END AS "nextAt"
         FROM ${schema}.open_operation ORDER BY open_operation.since, payment_id, operation_id LIMIT $1::text::integer`,
        [String(limit)]
      )
  }
}
