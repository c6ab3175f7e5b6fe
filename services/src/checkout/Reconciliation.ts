/**
 * The checkout's own copy of what others publish about its orders, and what does not fit together in it. Written by
 * `ReconciliationConsumer.ts`; read by the API, by the metrics and by `daybook reconcile`.
 *
 * A row for each order, whose columns belong to one topic each: that tells of an order in order, and the topics need not
 * agree on theirs. Amounts are summed, and each message is counted once, since the inbox commits with it.
 */
import * as Instant from "@daybook/core/Instant"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { instantOf, wholeMillisOf } from "@daybook/postgres/Instants"
import { checkSchemaName, fromFiles, type MigrationSet } from "@daybook/postgres/Migrations"
import { orReadModelUnavailable } from "@daybook/postgres/SqlProjectionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { Money } from "../Money.ts"
import {
  explain,
  type Facts,
  type Finding,
  idOf,
  Kind,
  type OrderStatus,
  placeOf,
  type ReservationStatus
} from "./Findings.ts"
import { name } from "./Saga.ts"

/** The migrations of the copy. */
export const tables: MigrationSet = {
  name: "reconciliation",
  migrations: fromFiles(new URL("./sql/", import.meta.url), ["001-reconciliation"])
}

/** What a message adds to what is known of an order. Amounts are added, the rest replaces what was there. */
export interface News {
  readonly orderStatus?: OrderStatus
  /** Added to what is due. */
  readonly due?: Money
  readonly dueNoMore?: Money
  readonly reservation?: ReservationStatus
  readonly authorised?: Money
  /** Nothing is held any more; or something is, again. */
  readonly released?: boolean
  readonly captured?: Money
  readonly refunded?: Money
  /** Below zero when a dispute is won. */
  readonly disputed?: Money
}

/** What was heard of an order. */
export interface Heard {
  readonly orderId: string
  readonly news: News
}

/** Something in a payment that someone should look at. */
export interface Attention {
  readonly attentionId: string
  readonly kind: string
  readonly detail: string
  readonly requiredAtMillis: number
}

/** How long something may take before it is reported, unless told otherwise: a checkout takes seconds, a restart minutes. */
export const defaultOlderThanMillis = 15 * 60_000

/** Which findings. */
export interface Filter {
  readonly kind?: Kind | undefined
  /** What has changed since is under way, and not reported. */
  readonly beforeMillis: number
  /** The id of the last finding of the page before. It need not be there any more. */
  readonly after?: string | undefined
  readonly limit: number
}

export class Reconciliation extends Context.Service<
  Reconciliation,
  {
    /** Adds news of an order. Part of the inbox's transaction. */
    hear(orderId: string, news: News, nowMillis: number): Effect.Effect<void, ReadModelUnavailable>
    /** Adds news of orders, in the order in which they were heard. Part of the inbox's transaction. */
    hearAll(heard: ReadonlyArray<Heard>, nowMillis: number): Effect.Effect<void, ReadModelUnavailable>
    /** Says what a dispute takes by now. The difference to what it took before, in minor units. Part of the inbox's transaction. */
    dispute(orderId: string, chargebackId: string, takesMinor: number): Effect.Effect<number, ReadModelUnavailable>
    /** Something in an order's payment needs attention. Part of the inbox's transaction. */
    requireAttention(orderId: string, attention: Attention): Effect.Effect<void, ReadModelUnavailable>
    /** It does not any more. Part of the inbox's transaction. */
    resolveAttention(orderId: string, attentionId: string): Effect.Effect<void, ReadModelUnavailable>
    /** What does not fit together: by kind, and by order within a kind. */
    findings(filter: Filter): Effect.Effect<ReadonlyArray<Finding>, ReadModelUnavailable>
    /** How many there are of each kind. */
    counts(beforeMillis: number): Effect.Effect<ReadonlyMap<Kind, number>, ReadModelUnavailable>
  }
>()("@daybook/services/checkout/Reconciliation") {
  /** The copy in a schema of the database in context, beside the view of the sagas. */
  static readonly layer = (schema: string): Layer.Layer<Reconciliation, never, SqlClient> =>
    Layer.effect(
      Reconciliation,
      Effect.map(SqlClient, (sql) => make(sql, checkSchemaName(schema)))
    )
}

/**
 * Workers of different topics tell of the same orders in one transaction each: they take turns, or they would wait for each
 * other's rows in a circle.
 */
const hearing = (schema: string): string =>
  `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended('${schema}.reconciliation', 0)))
   INSERT INTO ${schema}.reconciliation AS r (order_id, heard_at, order_status, was_confirmed, order_currency, due_minor,
     reservation, payment_currency, authorised_minor, released, captured_minor, refunded_minor, disputed_minor)
   SELECT "orderId", ${instantOf('"nowMillis"')}, "orderStatus", "wasConfirmed", "orderCurrency", "dueMinor", reservation,
     "paymentCurrency", "authorisedMinor", released, "capturedMinor", "refundedMinor", "disputedMinor"
   FROM turn, json_to_recordset($1::text::json) AS n ("orderId" text, "nowMillis" float8, "orderStatus" text,
     "wasConfirmed" boolean, "orderCurrency" text, "dueMinor" bigint, reservation text, "paymentCurrency" text,
     "authorisedMinor" bigint, released boolean, "capturedMinor" bigint, "refundedMinor" bigint, "disputedMinor" bigint)
   ON CONFLICT (order_id) DO UPDATE SET
     heard_at = excluded.heard_at,
     order_status = coalesce(excluded.order_status, r.order_status),
     was_confirmed = r.was_confirmed OR excluded.was_confirmed,
     order_currency = coalesce(excluded.order_currency, r.order_currency),
     due_minor = r.due_minor + excluded.due_minor,
     reservation = coalesce(excluded.reservation, r.reservation),
     payment_currency = coalesce(excluded.payment_currency, r.payment_currency),
     authorised_minor = r.authorised_minor + excluded.authorised_minor,
     released = coalesce(excluded.released, r.released),
     captured_minor = r.captured_minor + excluded.captured_minor,
     refunded_minor = r.refunded_minor + excluded.refunded_minor,
     disputed_minor = r.disputed_minor + excluded.disputed_minor`

const minor = (plus: Money | undefined, minus?: Money): number => (plus?.amountMinor ?? 0) - (minus?.amountMinor ?? 0)

const rowOf = (orderId: string, news: News, nowMillis: number) => {
  const { orderStatus, due, dueNoMore, reservation, authorised, released, captured, refunded, disputed } = news
  const money = authorised ?? captured ?? refunded ?? disputed
  return {
    orderId,
    nowMillis,
    orderStatus: orderStatus ?? null,
    wasConfirmed: orderStatus === "confirmed",
    orderCurrency: (due ?? dueNoMore)?.currency ?? null,
    dueMinor: minor(due, dueNoMore),
    reservation: reservation ?? null,
    paymentCurrency: money?.currency ?? null,
    authorisedMinor: minor(authorised),
    released: released ?? null,
    capturedMinor: minor(captured),
    refundedMinor: minor(refunded),
    disputedMinor: minor(disputed)
  }
}

type CopyRow = ReturnType<typeof rowOf>

/** What two messages of one order come to, the later one last. */
const added = (before: CopyRow, after: CopyRow): CopyRow => ({
  ...after,
  orderStatus: after.orderStatus ?? before.orderStatus,
  wasConfirmed: before.wasConfirmed || after.wasConfirmed,
  orderCurrency: after.orderCurrency ?? before.orderCurrency,
  dueMinor: before.dueMinor + after.dueMinor,
  reservation: after.reservation ?? before.reservation,
  paymentCurrency: after.paymentCurrency ?? before.paymentCurrency,
  authorisedMinor: before.authorisedMinor + after.authorisedMinor,
  released: after.released ?? before.released,
  capturedMinor: before.capturedMinor + after.capturedMinor,
  refundedMinor: before.refundedMinor + after.refundedMinor,
  disputedMinor: before.disputedMinor + after.disputedMinor
})

/** A row for each order, since a statement may write a row only once. */
const rowsOf = (heard: ReadonlyArray<Heard>, nowMillis: number) => {
  const rows = new Map<string, CopyRow>()
  for (const { orderId, news } of heard) {
    const row = rowOf(orderId, news, nowMillis)
    const before = rows.get(orderId)
    rows.set(orderId, before === undefined ? row : added(before, row))
  }
  return [...rows.values()]
}

const isLive = "s.status IS NOT NULL AND s.status NOT IN ('completed', 'compensated')"

/** `$2` is the instant since which what has changed is under way. */
const before = `${instantOf("$2::text::float8")}`
const untouched = `r.heard_at < ${before}`

/** Where findings of a kind come from: `r` is the copy, `s` the checkout, `a` what needs attention. */
interface Rule {
  readonly from: (schema: string) => string
  readonly where: string
  readonly orderId: string
  readonly since: string
  /** What tells findings of one order apart. */
  readonly about?: string
}

const saga = (schema: string): string => `${schema}.saga s`
const copyOf = (schema: string, orderId: string): string =>
  `LEFT JOIN ${schema}.reconciliation r ON r.order_id = ${orderId}`
const sagaOf = (schema: string, orderId: string): string =>
  `LEFT JOIN ${schema}.saga s ON s.name = '${name}' AND s.saga_id = ${orderId}`

const ofCopy = (where: string): Rule => ({
  from: (schema) => `${schema}.reconciliation r ${sagaOf(schema, "r.order_id")}`,
  where: `${where} AND ${untouched}`,
  orderId: "r.order_id",
  since: "r.heard_at"
})

const ofSaga = (where: string, since: string): Rule => ({
  from: (schema) => `${saga(schema)} ${copyOf(schema, "s.saga_id")}`,
  where: `s.name = '${name}' AND ${where}`,
  orderId: "s.saga_id",
  since
})

/** What does not fit in the copy is in columns of it: see `sql/001-reconciliation.sql`. */
const rules: Record<Kind, Rule> = {
  "checkout-needs-attention": ofSaga("s.status = 'needs-attention'", "s.updated_at"),
  "checkout-overdue": ofSaga(`s.status IN ('running', 'compensating') AND s.started_at < ${before}`, "s.started_at"),
  "funds-without-order": ofCopy(`r.funds_unordered AND NOT (${isLive})`),
  "order-without-funds": ofCopy("r.order_unfunded"),
  "order-without-stock": ofCopy("r.order_unstocked"),
  "payment-needs-attention": {
    from: (schema) =>
      `${schema}.reconciliation_attention a ${copyOf(schema, "a.order_id")} ${sagaOf(schema, "a.order_id")}`,
    where: "true",
    orderId: "a.order_id",
    since: "a.required_at",
    about: "a.attention_id"
  },
  "reservation-without-checkout": ofCopy(`r.stock_unordered AND NOT (${isLive})`)
}

interface Row {
  readonly orderId: string
  readonly about: string
  readonly sinceMillis: number
  readonly checkoutStatus: string | null
  readonly checkoutStep: string | null
  readonly checkoutReason: string | null
  readonly orderStatus: OrderStatus | null
  readonly reservationStatus: ReservationStatus | null
  readonly orderCurrency: string | null
  readonly paymentCurrency: string | null
  readonly dueMinor: number | null
  readonly heldMinor: number | null
  readonly capturedMinor: number | null
  readonly refundedMinor: number | null
  readonly disputedMinor: number | null
  readonly attentionDetail: string | null
}

/** Beyond `$3`, an order and what it is about, so that a page goes on wherever the one before ended. */
const textOf = (schema: string, { from, where, orderId, since, about = "''" }: Rule): string =>
  `SELECT ${orderId} AS "orderId", ${about} AS about, ${wholeMillisOf(since)}::float8 AS "sinceMillis",
     s.status AS "checkoutStatus", s.step AS "checkoutStep", s.reason AS "checkoutReason", r.order_status AS "orderStatus",
     r.reservation AS "reservationStatus", r.order_currency AS "orderCurrency", r.payment_currency AS "paymentCurrency",
     r.due_minor::float8 AS "dueMinor", r.held_minor::float8 AS "heldMinor", r.captured_minor::float8 AS "capturedMinor",
     r.refunded_minor::float8 AS "refundedMinor", r.disputed_minor::float8 AS "disputedMinor",
     ${about === "''" ? "NULL" : "a.detail"} AS "attentionDetail"
   FROM ${from(schema)}
   WHERE ${where} AND $2::text IS NOT NULL
     AND ($3::text IS NULL OR (${orderId} COLLATE "C", ${about} COLLATE "C") > ($3::text, $4::text))
   ORDER BY ${orderId} COLLATE "C", ${about} COLLATE "C" LIMIT $1::text::integer`

const countText = (schema: string, { from, where }: Rule): string =>
  `SELECT count(*)::integer AS n FROM ${from(schema)} WHERE ${where} AND $1::text IS NULL AND $2::text IS NOT NULL`

const money = (amountMinor: number | null, currency: string | null): Money | null =>
  amountMinor === null || currency === null ? null : { amountMinor, currency }

const findingOf = (kind: Kind, row: Row): Finding => {
  const { orderId, about, sinceMillis, orderCurrency, paymentCurrency } = row
  const facts: Facts = {
    orderId,
    checkoutStatus: row.checkoutStatus,
    checkoutStep: row.checkoutStep,
    checkoutReason: row.checkoutReason,
    orderStatus: row.orderStatus,
    reservationStatus: row.reservationStatus,
    due: money(row.dueMinor, orderCurrency),
    held: money(row.heldMinor, paymentCurrency),
    captured: money(row.capturedMinor, paymentCurrency),
    refunded: money(row.refundedMinor, paymentCurrency),
    disputed: money(row.disputedMinor, paymentCurrency),
    attentionId: about === "" ? null : about,
    attentionDetail: row.attentionDetail
  }
  const since = Instant.format(sinceMillis)
  return { id: idOf(kind, orderId, about), kind, since, ...explain(kind, facts), ...facts }
}

const make = (sql: SqlClient, schema: string): Reconciliation["Service"] => {
  const query = <A extends object>(text: string, params: ReadonlyArray<string | null>) =>
    orReadModelUnavailable(sql.unsafe<A>(text, params))
  const hearAll: Reconciliation["Service"]["hearAll"] = (heard, nowMillis) =>
    Effect.asVoid(query(hearing(schema), [JSON.stringify(rowsOf(heard, nowMillis))]))
  return {
    hear: (orderId, news, nowMillis) => hearAll([{ orderId, news }], nowMillis),
    hearAll,
    dispute: (orderId, chargebackId, takesMinor) =>
      Effect.map(
        query<{ readonly addedMinor: number }>(
          `WITH was AS (SELECT takes_minor FROM ${schema}.reconciliation_dispute
                        WHERE order_id = $1::text AND chargeback_id = $2::text)
           INSERT INTO ${schema}.reconciliation_dispute AS d (order_id, chargeback_id, takes_minor)
           VALUES ($1::text, $2::text, $3::text::bigint)
           ON CONFLICT (order_id, chargeback_id) DO UPDATE SET takes_minor = excluded.takes_minor
           RETURNING (d.takes_minor - coalesce((SELECT takes_minor FROM was), 0))::float8 AS "addedMinor"`,
          [orderId, chargebackId, String(takesMinor)]
        ),
        (rows) => rows[0]!.addedMinor
      ),
    requireAttention: (orderId, { attentionId, kind, detail, requiredAtMillis }) =>
      Effect.asVoid(
        query(
          `INSERT INTO ${schema}.reconciliation_attention (order_id, attention_id, kind, detail, required_at)
           VALUES ($1::text, $2::text, $3::text, $4::text, ${instantOf("$5::text::float8")})
           ON CONFLICT (order_id, attention_id) DO UPDATE SET detail = excluded.detail, required_at = excluded.required_at`,
          [orderId, attentionId, kind, detail, String(requiredAtMillis)]
        )
      ),
    resolveAttention: (orderId, attentionId) =>
      Effect.asVoid(
        query(`DELETE FROM ${schema}.reconciliation_attention WHERE order_id = $1::text AND attention_id = $2::text`, [
          orderId,
          attentionId
        ])
      ),
    findings: Effect.fnUntraced(function* ({ kind: only, beforeMillis, after, limit }) {
      const from = after === undefined ? undefined : placeOf(after)
      const kinds = Kind.literals.filter((kind) => (only ?? kind) === kind && kind >= (from?.kind ?? kind))
      const found: Array<Finding> = []
      for (const kind of kinds) {
        const place = kind === from?.kind ? [from.orderId, from.about] : [null, null]
        const params = [String(limit - found.length), String(beforeMillis), ...place]
        const rows = yield* query<Row>(textOf(schema, rules[kind]), params)
        found.push(...rows.map((row) => findingOf(kind, row)))
        if (found.length === limit) break
      }
      return found
    }),
    counts: Effect.fnUntraced(function* (beforeMillis) {
      const counted = yield* Effect.forEach(Kind.literals, (kind) =>
        Effect.map(
          query<{ readonly n: number }>(countText(schema, rules[kind]), [null, String(beforeMillis)]),
          (rows) => [kind, rows[0]!.n] as const
        )
      )
      return new Map(counted)
    })
  }
}
