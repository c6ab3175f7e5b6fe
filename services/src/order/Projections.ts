/**
 * The order's read models: the order view with its lines, a customer's orders, the operations queue, the timeline.
 *
 * One projection writes them all, as the cart's does: what a batch is about is loaded at once, its events are folded in memory
 * (`ReadModels.ts`), and what has changed is saved at once. A line is saved when an event was about it, not with every event.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import { instantOf, millisOf } from "@daybook/postgres/Instants"
import { fromFiles, type MigrationSet } from "@daybook/postgres/Migrations"
import { planned } from "@daybook/postgres/PlannedWrites"
import { keyedRows } from "@daybook/postgres/SqlProjectionStore"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type OrderEvent, OrderEvents, type Part } from "./Events.ts"
import * as Lines from "./Lines.ts"
import {
  isLineEvent,
  linesAfter,
  type OrderRow,
  placedRow,
  rowAfter,
  type TimelineRow,
  timelineRow
} from "./ReadModels.ts"

/** The name on disk. */
export const orderViewsName = "order-views"

/** The migrations of the read models. */
export const tables: MigrationSet = {
  name: "order",
  migrations: fromFiles(new URL("./sql/", import.meta.url), ["001-read-models", "002-parcels", "003-recipient"])
}

type Batch = ReadonlyArray<Recorded<OrderEvent>>

/** What a batch changes, gathered in memory. */
export class Changes {
  readonly orders = new Map<string, OrderRow>()
  /** By order, as they are in the table; none for an order that the batch places. */
  readonly linesBefore = new Map<string, ReadonlyArray<Lines.OrderLine>>()
  readonly lines = new Map<string, ReadonlyArray<Lines.OrderLine>>()
  readonly timeline: Array<TimelineRow> = []
  /** What returns were announced with. */
  readonly announced = new Map<string, ReadonlyArray<Part>>()
}

const returnKey = (orderId: string, returnId: string): string => `${orderId}\n${returnId}`

// --- fold ---

const foldLines = (changes: Changes, orderId: string, event: OrderEvent): void => {
  if (event._tag === "OrderPlaced") return void changes.lines.set(orderId, event.lines.map(Lines.placed))
  if (!isLineEvent(event)) return
  const key = "returnId" in event ? returnKey(orderId, event.returnId) : ""
  if (event._tag === "ReturnRequested") changes.announced.set(key, event.lines)
  const announced = changes.announced.get(key) ?? []
  changes.lines.set(orderId, linesAfter(changes.lines.get(orderId) ?? [], event, announced))
}

/** Also for what an order was: see `History.ts`. */
export const fold = (changes: Changes, recorded: Recorded<OrderEvent>): void => {
  const { event, occurredAtMillis } = recorded
  const orderId = Partition.idOf(recorded.stream)
  const row = event._tag === "OrderPlaced" ? placedRow(orderId, event, occurredAtMillis) : changes.orders.get(orderId)
  if (row === undefined)
    throw new Error(`Order ${orderId} is not in the read model, though its first event should have put it there`)
  changes.orders.set(orderId, rowAfter(row, recorded))
  changes.timeline.push(timelineRow(orderId, recorded))
  foldLines(changes, orderId, event)
}

// --- load ---

/** What a batch needs and does not bring itself: orders, lines of orders, and returns that were announced before. */
const needs = (batch: Batch) => {
  const placed = new Set<string>()
  const orders = new Set<string>()
  const lines = new Set<string>()
  const announced = new Set<string>()
  const returns = new Map<string, { readonly o: string; readonly r: string }>()
  for (const { stream, event } of batch) {
    const orderId = Partition.idOf(stream)
    if (event._tag === "OrderPlaced") placed.add(orderId)
    if (placed.has(orderId)) continue
    orders.add(orderId)
    if (isLineEvent(event)) lines.add(orderId)
    if (event._tag === "ReturnRequested") announced.add(returnKey(orderId, event.returnId))
    if (event._tag !== "ReturnReceived") continue
    const key = returnKey(orderId, event.returnId)
    if (!announced.has(key)) returns.set(key, { o: orderId, r: event.returnId })
  }
  return { orders: [...orders], lines: [...lines], returns: [...returns.values()] }
}

const loadOrders = (sql: SqlClient, schema: string, ids: ReadonlyArray<string>) =>
  sql.unsafe<OrderRow>(
    `SELECT order_id AS "orderId", version, status, cart_id AS "cartId", checkout_id AS "checkoutId", customer_id AS "customerId",
            country, recipient, currency, goods_minor::float8 AS "goodsMinor", tax_minor::float8 AS "taxMinor",
            shipping_minor::float8 AS "shippingMinor", total_minor::float8 AS "totalMinor",
            charged_minor::float8 AS "chargedMinor", cancelled_minor::float8 AS "cancelledMinor",
            refunded_minor::float8 AS "refundedMinor", line_count AS "lineCount", open_returns AS "openReturns",
            cancellation_requested AS "cancellationRequested", authorisation_id AS "authorisationId",
            reservation_id AS "reservationId", reject_reason AS "rejectReason", cancel_reason AS "cancelReason", shortages,
            ${millisOf("placed_at")} AS "placedAtMillis", ${millisOf("updated_at")} AS "updatedAtMillis"
     FROM ${keyedRows(`${schema}.order_view`, "order_id", "$1")}`,
    [JSON.stringify(ids)]
  )

const loadLines = (sql: SqlClient, schema: string, orders: ReadonlyArray<string>) =>
  sql.unsafe<Lines.OrderLine & { readonly orderId: string }>(
    `SELECT order_id AS "orderId", line_id AS "lineId", sku, description, quantity, unit_price_minor::float8 AS "unitPriceMinor",
            tax_minor::float8 AS "taxMinor", cancelled, shipped, delivered, announced AS "returning", returned,
            charged_minor::float8 AS "chargedMinor", refunded_minor::float8 AS "refundedMinor"
     FROM ${keyedRows(`${schema}.order_line`, "order_id", "$1")} ORDER BY order_id, place`,
    [JSON.stringify(orders)]
  )

const loadReturns = (
  sql: SqlClient,
  schema: string,
  returns: ReadonlyArray<{ readonly o: string; readonly r: string }>
) =>
  sql.unsafe<{ readonly orderId: string; readonly returnId: string; readonly lines: ReadonlyArray<Part> }>(
    `SELECT t.order_id AS "orderId", t.record_id AS "returnId", t.lines
     FROM json_to_recordset($1::text::json) AS k (o text, r text)
     JOIN ${schema}.order_timeline t ON t.order_id = k.o AND t.record_id = k.r AND t.event = 'ReturnRequested'`,
    [JSON.stringify(returns)]
  )

const load = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: string,
  batch: Batch
): Effect.fn.Return<Changes, SqlError> {
  const changes = new Changes()
  const { orders, lines, returns } = needs(batch)
  if (orders.length > 0) {
    for (const row of yield* loadOrders(sql, schema, orders)) changes.orders.set(row.orderId, row)
  }
  if (lines.length > 0) {
    const rows = yield* loadLines(sql, schema, lines)
    for (const [orderId, ofOrder] of Map.groupBy(rows, (row) => row.orderId)) {
      changes.linesBefore.set(orderId, ofOrder)
      changes.lines.set(orderId, ofOrder)
    }
  }
  if (returns.length > 0) {
    for (const { orderId, returnId, lines } of yield* loadReturns(sql, schema, returns))
      changes.announced.set(returnKey(orderId, returnId), lines)
  }
  return changes
})

// --- save ---

const saveOrders = (schema: string, orders: ReadonlyArray<OrderRow>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.order_view (
       order_id, version, status, cart_id, checkout_id, customer_id, country, recipient, currency, goods_minor, tax_minor,
       shipping_minor, total_minor, charged_minor, cancelled_minor, refunded_minor, line_count, open_returns, cancellation_requested,
       authorisation_id, reservation_id, reject_reason, cancel_reason, shortages, placed_at, updated_at)
     SELECT o."orderId", o.version, o.status, o."cartId", o."checkoutId", o."customerId", o.country, o.recipient, o.currency,
            o."goodsMinor", o."taxMinor", o."shippingMinor", o."totalMinor", o."chargedMinor", o."cancelledMinor", o."refundedMinor",
            o."lineCount", o."openReturns", o."cancellationRequested", o."authorisationId", o."reservationId",
            o."rejectReason", o."cancelReason", o.shortages,
            ${instantOf('o."placedAtMillis"')},
            ${instantOf('o."updatedAtMillis"')}
     FROM json_to_recordset($1::text::json) AS o (
       "orderId" text, version integer, status text, "cartId" text, "checkoutId" text, "customerId" text, country text,
       recipient text, currency text, "goodsMinor" bigint, "taxMinor" bigint, "shippingMinor" bigint, "totalMinor" bigint,
       "chargedMinor" bigint, "cancelledMinor" bigint, "refundedMinor" bigint, "lineCount" integer, "openReturns" integer,
       "cancellationRequested" boolean, "authorisationId" text, "reservationId" text, "rejectReason" text,
       "cancelReason" text, shortages jsonb, "placedAtMillis" float8, "updatedAtMillis" float8)
     WHERE ${condition}
     ON CONFLICT (order_id) DO UPDATE SET
       version = excluded.version, status = excluded.status, charged_minor = excluded.charged_minor,
       cancelled_minor = excluded.cancelled_minor, refunded_minor = excluded.refunded_minor,
       open_returns = excluded.open_returns, cancellation_requested = excluded.cancellation_requested,
       authorisation_id = excluded.authorisation_id, reservation_id = excluded.reservation_id,
       reject_reason = excluded.reject_reason, cancel_reason = excluded.cancel_reason, shortages = excluded.shortages,
       updated_at = excluded.updated_at`,
  params: [JSON.stringify(orders)]
})

/** The lines that a batch has changed, each with its order and its place. */
const changedLines = ({ lines, linesBefore }: Changes) =>
  [...lines].flatMap(([orderId, now]) => {
    const before = linesBefore.get(orderId)
    return now.flatMap((line, place) => (before?.[place] === line ? [] : [{ ...line, orderId, place }]))
  })

const saveLines = (schema: string, lines: ReturnType<typeof changedLines>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.order_line (order_id, place, line_id, sku, description, quantity, unit_price_minor, tax_minor, cancelled,
                                       shipped, delivered, announced, returned, charged_minor, refunded_minor)
     SELECT * FROM json_to_recordset($1::text::json) AS l (
       "orderId" text, place integer, "lineId" text, sku text, description text, quantity integer, "unitPriceMinor" bigint,
       "taxMinor" bigint, cancelled integer, shipped integer, delivered integer, "returning" integer, returned integer,
       "chargedMinor" bigint, "refundedMinor" bigint)
     WHERE ${condition}
     ON CONFLICT (order_id, place) DO UPDATE SET
       cancelled = excluded.cancelled, shipped = excluded.shipped, delivered = excluded.delivered,
       announced = excluded.announced, returned = excluded.returned, charged_minor = excluded.charged_minor,
       refunded_minor = excluded.refunded_minor`,
  params: [JSON.stringify(lines)]
})

const saveTimeline = (schema: string, rows: ReadonlyArray<TimelineRow>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.order_timeline (order_id, version, occurred_at, event, actor, note, record_id, reason, parcels,
                                           promised_by, lines, total_minor)
     SELECT t."orderId", t.version, ${instantOf('t."occurredAtMillis"')}, t.event, t.actor, t.note,
            t."recordId", t.reason, t.parcels, t."promisedBy", t.lines, t."totalMinor"
     FROM json_to_recordset($1::text::json) AS t (
       "orderId" text, version integer, "occurredAtMillis" float8, event text, actor text, note text, "recordId" text,
       reason text, parcels jsonb, "promisedBy" date, lines jsonb, "totalMinor" bigint)
     WHERE ${condition}`,
  params: [JSON.stringify(rows)]
})

const save = (schema: string, changes: Changes): ReadonlyArray<Projection.Write> => {
  const lines = changedLines(changes)
  return [
    saveOrders(schema, [...changes.orders.values()]),
    ...(lines.length > 0 ? [saveLines(schema, lines)] : []),
    saveTimeline(schema, changes.timeline)
  ]
}

/** The projection that writes the order's read models into a schema. */
export const orderViews = (schema: string) =>
  Projection.make({
    name: orderViewsName,
    sources: [{ name: "order", events: OrderEvents }],
    tables: [
      // An erasure takes the recipient out; a rebuild brings the sealed one back, which nobody can open any more.
      { name: "order_view", uncompared: ["recipient", "recipient_erased"] },
      "order_line",
      "order_timeline"
    ],
    ...planned(
      Effect.fnUntraced(function* (batch: Batch) {
        const sql = yield* SqlClient
        const changes = yield* load(sql, schema, batch)
        for (const recorded of batch) fold(changes, recorded)
        return save(schema, changes)
      })
    )
  })
