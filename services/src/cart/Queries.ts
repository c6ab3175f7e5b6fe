/**
 * The cart's queries: they read the read models and nothing else.
 */
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { AnswerLimit } from "@daybook/postgres/AnswerLimit"
import { instantOf, isoOf } from "@daybook/postgres/Instants"
import * as SharedRead from "@daybook/postgres/SharedRead"
import { keyedRows } from "@daybook/postgres/SqlProjectionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { type UnknownCursor, unknownCursor } from "../Http.ts"
import { Money } from "../Money.ts"
import { asking, type Page } from "../Serving.ts"
import { Status } from "./Events.ts"
import type { StoredLine } from "./Projections.ts"

/** A cart in a list. */
export const CartSummary = Schema.Struct({
  id: Schema.String,
  version: Schema.Int,
  status: Status,
  customerId: Schema.NullOr(Schema.String),
  country: Schema.NullOr(Schema.String),
  total: Money,
  lineCount: Schema.Int,
  checkoutId: Schema.NullOr(Schema.String),
  openedAt: Schema.String,
  updatedAt: Schema.String
}).annotate({ identifier: "CartSummary" })

/** A cart with its lines. */
export const CartView = Schema.Struct({
  ...CartSummary.fields,
  lines: Schema.Array(
    Schema.Struct({
      lineId: Schema.String,
      sku: Schema.String,
      description: Schema.String,
      quantity: Schema.Int,
      unitPrice: Money
    })
  )
}).annotate({ identifier: "CartView" })

/** What checked-out carts come to on one day in one country. */
export const RevenueOfDay = Schema.Struct({
  country: Schema.String,
  day: Schema.String,
  carts: Schema.Int,
  total: Money
}).annotate({ identifier: "RevenueOfDay" })

export type CartSummary = typeof CartSummary.Type
export type CartView = typeof CartView.Type
export type RevenueOfDay = typeof RevenueOfDay.Type

/** Which lines to total: those of checked-out carts whose checkout's id and whose own id begin so. */
export interface Selection {
  readonly checkoutPrefix: string
  /** A line is taken when its id begins with any of these. */
  readonly linePrefixes: ReadonlyArray<string>
}

/** What a selection of lines comes to. Amounts are added up whatever their currency: select lines of one. */
export interface Totals {
  readonly lines: number
  readonly carts: number
  /** Guests do not count. */
  readonly customers: number
  readonly skus: number
  readonly revenueMinor: number
  /** "Unspecified" where the cart has no country. */
  readonly revenueMinorByCountry: Readonly<Record<string, number>>
}

export class CartQueries extends Context.Service<
  CartQueries,
  {
    cart(id: string): Effect.Effect<Option.Option<CartView>, ReadModelUnavailable>
    /** A customer's carts, the newest first. */
    cartsOf(
      customerId: string,
      page: Page
    ): Effect.Effect<ReadonlyArray<CartSummary>, ReadModelUnavailable | UnknownCursor>
    /** Carts with lines that are open or given up, untouched since before an instant; the longest untouched first. */
    abandoned(
      beforeMillis: number,
      page: Page
    ): Effect.Effect<ReadonlyArray<CartSummary>, ReadModelUnavailable | UnknownCursor>
    /** By country and day; both bounds are inclusive, as YYYY-MM-DD. */
    revenue(bounds: {
      readonly from?: string | undefined
      readonly to?: string | undefined
      readonly country?: string | undefined
    }): Effect.Effect<ReadonlyArray<RevenueOfDay>, ReadModelUnavailable>
    /** For reports on an import, whose lines and checkouts have ids of its own. Reads every line: seconds for a million. */
    totals(selection: Selection): Effect.Effect<Totals, ReadModelUnavailable>
  }
>()("@daybook/services/cart/CartQueries") {
  /** The queries over the read models in a schema of the database in context. */
  static readonly layer = (schema: string): Layer.Layer<CartQueries, never, SqlClient.SqlClient> =>
    Layer.effect(
      CartQueries,
      Effect.gen(function* () {
        return make(yield* SqlClient.SqlClient, schema, yield* AnswerLimit)
      })
    )
}

interface SummaryRow {
  readonly id: string
  readonly version: number
  readonly status: CartSummary["status"]
  readonly customerId: string | null
  readonly country: string | null
  readonly currency: string
  readonly totalMinor: number
  readonly lineCount: number
  readonly checkoutId: string | null
  readonly openedAt: string
  readonly updatedAt: string
}

const summaryColumns = `cart_id AS id, version, status, customer_id AS "customerId", country, currency,
  total_minor::float8 AS "totalMinor", line_count AS "lineCount", checkout_id AS "checkoutId",
  ${isoOf("opened_at")} AS "openedAt", ${isoOf("updated_at")} AS "updatedAt"`

const summaryOf = ({ currency, totalMinor, ...row }: SummaryRow): CartSummary => ({
  ...row,
  total: { amountMinor: totalMinor, currency }
})

type Query = ReturnType<typeof asking>

/** Lines by block; null where there is none. */
type ViewRow = SummaryRow & { readonly lines: ReadonlyArray<ReadonlyArray<StoredLine>> | null }

const viewOf = ({ lines, ...summary }: ViewRow): CartView => {
  const { currency } = summary
  return {
    ...summaryOf(summary),
    lines: (lines ?? []).flat().map(([lineId, sku, description, quantity, amountMinor]) => ({
      ...{ lineId, sku, description, quantity },
      unitPrice: { amountMinor, currency }
    }))
  }
}

/** Carts under a condition on $1, in an order that is total. */
interface List {
  readonly condition: string
  readonly by: ReadonlyArray<string>
  readonly direction: "ASC" | "DESC"
}

const ofCustomer: List = { condition: "customer_id = $1::text", by: ["opened_at", "cart_id"], direction: "DESC" }

/**
 * By when it was recorded that somebody touched them: an import of years ago has been touched just now. The index knows the hour; what
 * is of one hour is sorted.
 */
const untouched: List = {
  condition: `status IN ('open', 'abandoned') AND line_count > 0
    AND recorded_hour <= floor($1::text::float8 / 3600000)::bigint AND recorded_at < ${instantOf("$1::text::float8")}`,
  by: ["recorded_hour", "recorded_at", "cart_id"],
  direction: "ASC"
}

const revenueText = (schema: string): string =>
  `SELECT country, day::text AS day, currency, carts, total_minor::float8 AS "totalMinor" FROM ${schema}.revenue
   WHERE carts > 0 AND ($1::text IS NULL OR day >= $1::text::date) AND ($2::text IS NULL OR day <= $2::text::date)
     AND ($3::text IS NULL OR country = $3::text)
   ORDER BY day, country, currency`

const totalsText = (schema: string): string =>
  `WITH sold AS MATERIALIZED (
     SELECT v.cart_id, line ->> 1 AS sku, (line ->> 3)::integer * (line ->> 4)::bigint AS amount, v.customer_id,
            coalesce(v.country, 'Unspecified') AS country
     FROM ${schema}.cart_lines l JOIN ${schema}.cart_view v USING (cart_id) CROSS JOIN LATERAL json_array_elements(l.lines) AS line
     WHERE v.status IN ('checking-out', 'completed') AND starts_with(v.checkout_id, $1::text)
       AND line ->> 0 ^@ ANY (ARRAY (SELECT json_array_elements_text($2::text::json))))
   SELECT json_build_object(
     'lines', (SELECT count(*) FROM sold),
     'carts', (SELECT count(*) FROM (SELECT DISTINCT cart_id FROM sold) distinct_cart),
     'customers', (SELECT count(*) FROM (SELECT DISTINCT customer_id FROM sold WHERE customer_id IS NOT NULL) distinct_customer),
     'skus', (SELECT count(*) FROM (SELECT DISTINCT sku FROM sold) distinct_sku),
     'revenueMinor', (SELECT coalesce(sum(amount), 0) FROM sold),
     'revenueMinorByCountry', (SELECT json_object_agg(country, amount ORDER BY country COLLATE "C") FROM (
        SELECT country, sum(amount) AS amount FROM sold GROUP BY country) by_country)
   ) AS totals`

/** Carts with their lines, from rows of their table. */
const viewText = (schema: string, from: string): string =>
  `SELECT ${summaryColumns}, (
     SELECT json_agg(b.lines) FROM (SELECT lines FROM ${schema}.cart_lines WHERE cart_id = v.cart_id ORDER BY block) AS b) AS lines
   FROM ${from}`

/** Carts of one statement at most: it takes a few milliseconds. */
const mostCarts = 100

/** Carts by id. Those that are asked for while others are being read are read together, so that many queries cost less each. */
const cartOf = (sql: SqlClient.SqlClient, query: Query, schema: string): CartQueries["Service"]["cart"] => {
  const ofOne = viewText(schema, `${schema}.cart_view v WHERE cart_id = $1::text`)
  const ofSeveral = viewText(schema, keyedRows(`${schema}.cart_view`, "cart_id", "$1", "v"))
  const rowsOf = (ids: ReadonlyArray<string>) =>
    ids.length === 1 ? query<ViewRow>(ofOne, [ids[0]!]) : query<ViewRow>(ofSeveral, [JSON.stringify(ids)])
  return SharedRead.make(sql, {
    keyOf: (id: string) => id,
    most: mostCarts,
    read: (ids) =>
      Effect.map(rowsOf(ids), (rows) => {
        const found = new Map(rows.map((row) => [row.id, viewOf(row)]))
        return ids.map((id) => Option.fromNullishOr(found.get(id)))
      })
  })
}

const make = (sql: SqlClient.SqlClient, schema: string, limitMillis: number): CartQueries["Service"] => {
  const query = asking(sql, "The carts'")
  /** A page after a cart that is not in the list would be empty and look like the list's end, so that it fails instead. */
  const pageOf = Effect.fnUntraced(function* ({ condition, by, direction }: List, key: string, page: Page) {
    const { limit, after } = page
    const place = by.join(", ")
    const rows = yield* query<SummaryRow>(
      `SELECT ${summaryColumns} FROM ${schema}.cart_view
       WHERE ${condition} AND ($2::text IS NULL OR (${place}) ${direction === "ASC" ? ">" : "<"}
         (SELECT ${place} FROM ${schema}.cart_view WHERE ${condition} AND cart_id = $2::text))
       ORDER BY ${by.map((column) => `${column} ${direction}`).join(", ")} LIMIT $3::text::integer`,
      [key, after ?? null, String(limit)]
    )
    if (rows.length > 0 || after === undefined) return rows.map(summaryOf)
    const known = yield* query(`SELECT 1 FROM ${schema}.cart_view WHERE ${condition} AND cart_id = $2::text`, [
      key,
      after
    ])
    return known.length > 0 ? [] : yield* unknownCursor("Cart", after)
  })
  return {
    cart: cartOf(sql, asking(sql, "The carts'", limitMillis), schema),
    cartsOf: (customerId, page) => pageOf(ofCustomer, customerId, page),
    abandoned: (beforeMillis, page) => pageOf(untouched, String(beforeMillis), page),
    revenue: ({ from, to, country }) =>
      Effect.map(
        query<{ country: string; day: string; currency: string; carts: number; totalMinor: number }>(
          revenueText(schema),
          [from ?? null, to ?? null, country ?? null]
        ),
        (rows) =>
          rows.map(({ currency, totalMinor, ...row }) => ({ ...row, total: { amountMinor: totalMinor, currency } }))
      ),
    totals: ({ checkoutPrefix, linePrefixes }) =>
      Effect.map(
        query<{ totals: Totals & { revenueMinorByCountry: Record<string, number> | null } }>(totalsText(schema), [
          checkoutPrefix,
          JSON.stringify(linePrefixes)
        ]),
        (rows) => {
          const { totals } = rows[0]!
          return { ...totals, revenueMinorByCountry: totals.revenueMinorByCountry ?? {} }
        }
      )
  }
}
