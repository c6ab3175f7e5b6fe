/**
 * The order's queries: they read the read models and nothing else.
 *
 * Lists go by the time at which orders were placed, which never changes: a list can be continued after an order that has left it
 * meanwhile, as orders leave a queue while somebody works through it.
 */

import type { Token } from "@daybook/core/PersonalToken"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { isoOf } from "@daybook/postgres/Instants"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SqlClient from "effect/sql/SqlClient"
import { UnknownCursor } from "../Http.ts"
import type { Money } from "../Money.ts"
import { asking, type Page } from "../Serving.ts"
import { asOne, type Parcel } from "./Parcels.ts"
import type { ConfirmedRevenue, OrderSummary, OrderView, TimelineEntry, Waiting } from "./Views.ts"

/** An order as the read models have it: its recipient still sealed. */
export type SealedOrder = Omit<OrderView, "recipient"> & { readonly recipient: Token | null }

const unknownCursor = (after: string): UnknownCursor =>
  new UnknownCursor({
    after,
    detail: `Order ${after} never was in this list. Give the id of the last order of the page before as "after", or leave it out.`
  })

/** A slice of a timeline: at most `limit`, after a version. */
export interface TimelinePage {
  readonly limit: number
  readonly after?: number | undefined
}

type Summaries = Effect.Effect<ReadonlyArray<OrderSummary>, ReadModelUnavailable | UnknownCursor>

export class OrderQueries extends Context.Service<
  OrderQueries,
  {
    order(id: string): Effect.Effect<Option.Option<SealedOrder>, ReadModelUnavailable>
    /** The version of an order that queries show; 0 when they know none. */
    version(id: string): Effect.Effect<number, ReadModelUnavailable>
    /** A customer's orders, the newest first. */
    ordersOf(customerId: string, page: Page): Summaries
    /** Orders that wait for something, the oldest first. */
    queue(waiting: Waiting, page: Page): Summaries
    /** What happened to an order, in order. Nothing for an order that queries do not know. */
    timeline(id: string, page: TimelinePage): Effect.Effect<ReadonlyArray<TimelineEntry>, ReadModelUnavailable>
    /** What confirmed orders come to, by country and currency: all of them, or those of some ids. */
    confirmedRevenue(
      orderIds?: ReadonlyArray<string>
    ): Effect.Effect<ReadonlyArray<ConfirmedRevenue>, ReadModelUnavailable>
  }
>()("@daybook/services/order/OrderQueries") {
  /** The queries over the read models in a schema of the database in context. */
  static readonly layer = (schema: string): Layer.Layer<OrderQueries, never, SqlClient.SqlClient> =>
    Layer.effect(
      OrderQueries,
      Effect.map(SqlClient.SqlClient, (sql) => make(sql, schema))
    )
}

// --- rows ---

interface SummaryRow extends Omit<OrderSummary, "total"> {
  readonly currency: string
  readonly totalMinor: number
}

type Shipment = OrderView["shipments"][number]
type Return = OrderView["returns"][number]
type Line = OrderView["lines"][number]

interface LineRow extends Omit<Line, "unitPrice" | "tax" | "charged" | "refunded"> {
  readonly unitPriceMinor: number
  readonly taxMinor: number
  readonly chargedMinor: number
  readonly refundedMinor: number
}

/** An order as it is read, before amounts have their currency. */
export interface ViewRow
  extends SummaryRow,
    Pick<SealedOrder, "authorisationId" | "reservationId" | "cancelReason" | "recipient" | "recipientErased"> {
  readonly goodsMinor: number
  readonly taxMinor: number
  readonly shippingMinor: number
  readonly chargedMinor: number
  readonly cancelledMinor: number
  readonly refundedMinor: number
  readonly rejectReason: string | null
  readonly shortages: NonNullable<OrderView["rejection"]>["shortages"]
  readonly lines: ReadonlyArray<LineRow> | null
  readonly shipments: ReadonlyArray<Omit<Shipment, "total" | keyof Parcel> & { readonly totalMinor: number }> | null
  readonly returns: ReadonlyArray<Omit<Return, "refund"> & { readonly refundMinor: number | null }> | null
}

interface TimelineRow extends Omit<TimelineEntry, "total" | keyof Parcel> {
  readonly currency: string
  readonly totalMinor: number | null
}

const summaryColumns = `order_id AS id, version, status, cart_id AS "cartId", checkout_id AS "checkoutId",
  customer_id AS "customerId", country, currency, total_minor::float8 AS "totalMinor", line_count AS "lineCount",
  open_returns AS "openReturns", cancellation_requested AS "cancellationRequested",
  ${isoOf("placed_at")} AS "placedAt", ${isoOf("updated_at")} AS "updatedAt"`

const dayOf = (column: string): string => `to_char(${column}, 'YYYY-MM-DD')`

const viewText = (schema: string): string =>
  `SELECT ${summaryColumns}, goods_minor::float8 AS "goodsMinor", tax_minor::float8 AS "taxMinor",
     shipping_minor::float8 AS "shippingMinor", charged_minor::float8 AS "chargedMinor",
     cancelled_minor::float8 AS "cancelledMinor", refunded_minor::float8 AS "refundedMinor",
     authorisation_id AS "authorisationId", reservation_id AS "reservationId", reject_reason AS "rejectReason",
     cancel_reason AS "cancelReason", recipient, recipient_erased AS "recipientErased", shortages, (
       SELECT json_agg(json_build_object('lineId', line_id, 'sku', sku, 'description', description, 'quantity', quantity,
         'unitPriceMinor', unit_price_minor, 'taxMinor', tax_minor, 'cancelled', cancelled, 'shipped', shipped,
         'delivered', delivered, 'returning', announced, 'returned', returned, 'chargedMinor', charged_minor,
         'refundedMinor', refunded_minor) ORDER BY place)
       FROM ${schema}.order_line l WHERE l.order_id = v.order_id) AS lines, (
       SELECT json_agg(json_build_object('shipmentId', s.record_id, 'parcels', s.parcels, 'promisedBy', ${dayOf("s.promised_by")},
         'totalMinor', s.total_minor, 'shippedAt', ${isoOf("s.occurred_at")}, 'deliveredAt', ${isoOf("d.occurred_at")})
         ORDER BY s.version)
       FROM ${schema}.order_timeline s LEFT JOIN ${schema}.order_timeline d
         ON d.order_id = s.order_id AND d.record_id = s.record_id AND d.event = 'ShipmentDelivered'
       WHERE s.order_id = v.order_id AND s.event = 'OrderShipped') AS shipments, (
       SELECT json_agg(json_build_object('returnId', a.record_id, 'reason', a.reason, 'requestedAt', ${isoOf("a.occurred_at")},
         'receivedAt', ${isoOf("r.occurred_at")}, 'refundMinor', r.total_minor) ORDER BY a.version)
       FROM ${schema}.order_timeline a LEFT JOIN ${schema}.order_timeline r
         ON r.order_id = a.order_id AND r.record_id = a.record_id AND r.event = 'ReturnReceived'
       WHERE a.order_id = v.order_id AND a.event = 'ReturnRequested') AS returns
   FROM ${schema}.order_view v WHERE order_id = $1::text`

const timelineText = (schema: string): string =>
  `SELECT t.version, ${isoOf("t.occurred_at")} AS at, event, actor, note, record_id AS "recordId", reason, parcels,
     ${dayOf("promised_by")} AS "promisedBy", lines, currency, t.total_minor::float8 AS "totalMinor"
   FROM ${schema}.order_timeline t JOIN ${schema}.order_view v USING (order_id)
   WHERE order_id = $1::text AND t.version > $2::text::integer ORDER BY t.version LIMIT $3::text::integer`

/** An order is confirmed from its confirmation on, unless all of it was cancelled. */
const confirmedRevenueText = (schema: string): string =>
  `SELECT coalesce(country, 'Unspecified') AS country, currency, count(*)::integer AS orders,
     sum(total_minor - cancelled_minor)::float8 AS "totalMinor"
   FROM ${schema}.order_view
   WHERE status IN ('confirmed', 'shipping', 'shipped', 'delivered', 'closed')
     AND ($1::text IS NULL OR order_id IN (SELECT json_array_elements_text($1::text::json)))
   GROUP BY coalesce(country, 'Unspecified'), currency ORDER BY 1, 2`

const summaryOf = <Row extends { readonly currency: string; readonly totalMinor: number }>({
  currency,
  totalMinor,
  ...row
}: Row) => ({
  ...row,
  total: { amountMinor: totalMinor, currency }
})

export const viewOf = (row: ViewRow): SealedOrder => {
  const { goodsMinor, taxMinor, shippingMinor, chargedMinor, cancelledMinor, refundedMinor, ...more } = row
  const { rejectReason, shortages, ...rest } = more
  const money = (amountMinor: number): Money => ({ amountMinor, currency: row.currency })
  return {
    ...summaryOf(rest),
    goods: money(goodsMinor),
    tax: money(taxMinor),
    shipping: money(shippingMinor),
    charged: money(chargedMinor),
    cancelled: money(cancelledMinor),
    refunded: money(refundedMinor),
    rejection: rejectReason === null ? null : { reason: rejectReason, shortages },
    lines: (row.lines ?? []).map(({ unitPriceMinor, taxMinor, chargedMinor, refundedMinor, ...line }) => ({
      ...line,
      unitPrice: money(unitPriceMinor),
      tax: money(taxMinor),
      charged: money(chargedMinor),
      refunded: money(refundedMinor)
    })),
    shipments: (row.shipments ?? []).map(({ totalMinor, ...one }) => ({
      ...one,
      ...asOne(one.parcels),
      total: money(totalMinor)
    })),
    returns: (row.returns ?? []).map(({ refundMinor, ...one }) => ({
      ...one,
      refund: refundMinor === null ? null : money(refundMinor)
    }))
  }
}

const entryOf = ({ currency, totalMinor, ...row }: TimelineRow): TimelineEntry => ({
  ...row,
  ...asOne(row.parcels),
  total: totalMinor === null ? null : { amountMinor: totalMinor, currency }
})

// --- queries ---

/** Orders under a condition, in the order in which they were placed or against it. */
interface List {
  readonly condition: string
  /** What an order must meet that the list may be continued after: what it meets for ever once it has met it. */
  readonly lasting: string
  readonly direction: "ASC" | "DESC"
  /** From $2 on. */
  readonly params: ReadonlyArray<string>
}

const ofCustomer = (customerId: string): List => ({
  condition: "customer_id = $2::text",
  lasting: "customer_id = $2::text",
  direction: "DESC",
  params: [customerId]
})

/** The status is spelled out, so that the partial index is seen to fit. */
const waitingFor = (waiting: Waiting): List => ({
  condition: waiting === "returning" ? "open_returns > 0" : `status = '${waiting}'`,
  lasting: "true",
  direction: "ASC",
  params: []
})

const make = (sql: SqlClient.SqlClient, schema: string): OrderQueries["Service"] => {
  const query = asking(sql, "The orders'")
  /** A page after an order that never was in the list would be empty and look like the list's end, so that it fails instead. */
  const pageOf = Effect.fnUntraced(function* (
    { condition, lasting, direction, params }: List,
    { limit, after }: Page
  ): Effect.fn.Return<ReadonlyArray<OrderSummary>, ReadModelUnavailable | UnknownCursor> {
    const cursor = `SELECT placed_at, order_id FROM ${schema}.order_view WHERE order_id = $1::text AND ${lasting}`
    // No OR of the two: a page deep in a list is to be found by the index, and not by going through the pages before it.
    const beyond = direction === "ASC" ? ">" : "<"
    const from = after === undefined ? "$1::text IS NULL" : `(placed_at, order_id) ${beyond} (${cursor})`
    const rows = yield* query<SummaryRow>(
      `SELECT ${summaryColumns} FROM ${schema}.order_view
       WHERE ${condition} AND ${from}
       ORDER BY placed_at ${direction}, order_id ${direction} LIMIT $${params.length + 2}::text::integer`,
      [after ?? null, ...params, String(limit)]
    )
    if (rows.length > 0 || after === undefined) return rows.map(summaryOf)
    return (yield* query(cursor, [after, ...params])).length > 0 ? [] : yield* unknownCursor(after)
  })
  return {
    order: (id) =>
      Effect.map(query<ViewRow>(viewText(schema), [id]), (rows) => Option.map(Option.fromNullishOr(rows[0]), viewOf)),
    version: (id) =>
      Effect.map(
        query<{ readonly version: number }>(`SELECT version FROM ${schema}.order_view WHERE order_id = $1::text`, [id]),
        ([row]) => row?.version ?? 0
      ),
    ordersOf: (customerId, page) => pageOf(ofCustomer(customerId), page),
    queue: (waiting, page) => pageOf(waitingFor(waiting), page),
    confirmedRevenue: (orderIds) =>
      Effect.map(
        query<Omit<ConfirmedRevenue, "total"> & { readonly currency: string; readonly totalMinor: number }>(
          confirmedRevenueText(schema),
          [orderIds === undefined ? null : JSON.stringify(orderIds)]
        ),
        (rows) => rows.map(summaryOf)
      ),
    timeline: (id, { limit, after = 0 }) =>
      Effect.map(query<TimelineRow>(timelineText(schema), [id, String(after), String(limit)]), (rows) =>
        rows.map(entryOf)
      )
  }
}
