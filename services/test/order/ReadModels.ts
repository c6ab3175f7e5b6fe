/** The order's read models in an embedded store, and a model of them that is plain enough to be believed. */
import * as Aggregate from "@daybook/core/Aggregate"
import type { Recorded } from "@daybook/core/Event"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { OrderEvent } from "../../src/order/Events.ts"
import { schema } from "../../src/order/Order.ts"
import { orderViews, tables } from "../../src/order/Projections.ts"
import * as Domain from "../../src/order/State.ts"
import { metadata } from "../Golden.ts"

export { schema }

/** Empty read models, with the offsets that belong to them. */
export const readModels = Stores.readSide({ schema, tables }).pipe(
  Layer.provideMerge(Database.layer({ folder: undefined }))
)

/** An event of an order, at a time, and who did it and why. */
export interface Happening {
  readonly order: string
  readonly atMillis: number
  readonly event: OrderEvent
  readonly actor?: string
  readonly note?: string
}

/** Events as a projection gets them, each order's with versions of its own. */
export const recorded = (happenings: ReadonlyArray<Happening>): ReadonlyArray<Recorded<OrderEvent>> => {
  const versions = new Map<string, number>()
  return happenings.map(({ order, atMillis, event, actor = null, note = null }, i) => {
    const version = (versions.get(order) ?? 0) + 1
    versions.set(order, version)
    return {
      ...metadata,
      stream: `order-${order}`,
      version,
      position: i + 1,
      occurredAtMillis: atMillis,
      recordedAtMillis: atMillis,
      actor,
      reason: note,
      event
    }
  })
}

/** Applies events to the read models, in batches. */
export const project = (batches: ReadonlyArray<ReadonlyArray<Recorded<OrderEvent>>>) =>
  Effect.forEach(batches, (batch) => orderViews(schema).handle(batch, { replaying: false }), { discard: true })

export const empty = Effect.flatMap(SqlClient, (sql) =>
  sql.unsafe(`TRUNCATE ${schema}.order_view, ${schema}.order_line, ${schema}.order_timeline`)
)

type Row = Readonly<Record<string, unknown>>

/** Every row of the read models, times in milliseconds. */
export interface Rows {
  readonly orders: ReadonlyArray<Row>
  readonly lines: ReadonlyArray<Row>
  readonly timeline: ReadonlyArray<Row>
}

const millis = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8 AS ${column}`

const minor = (...columns: ReadonlyArray<string>): string =>
  columns.map((column) => `${column}_minor::float8 AS ${column}_minor`).join(", ")

export const rows: Effect.Effect<Rows, unknown, SqlClient> = Effect.flatMap(SqlClient, (sql) =>
  Effect.all({
    orders: sql.unsafe<Row>(
      `SELECT order_id, version, status, cart_id, checkout_id, customer_id, country, currency, line_count, open_returns,
              cancellation_requested, authorisation_id, reservation_id, reject_reason, cancel_reason, shortages,
              ${minor("goods", "tax", "shipping", "total", "charged", "cancelled", "refunded")},
              ${millis("placed_at")}, ${millis("updated_at")}
       FROM ${schema}.order_view ORDER BY order_id`
    ),
    lines: sql.unsafe<Row>(
      `SELECT order_id, place, line_id, sku, description, quantity, cancelled, shipped, delivered, announced, returned,
              ${minor("unit_price", "tax", "charged", "refunded")}
       FROM ${schema}.order_line ORDER BY order_id, place`
    ),
    timeline: sql.unsafe<Row>(
      `SELECT order_id, version, event, actor, note, ${millis("occurred_at")} FROM ${schema}.order_timeline
       ORDER BY order_id, version`
    )
  })
)

const eventsOf = <Tag extends OrderEvent["_tag"]>(life: ReadonlyArray<Happening>, tag: Tag) => {
  type Wanted = Extract<OrderEvent, { readonly _tag: Tag }>
  return life.map(({ event }) => event).filter((event): event is Wanted => event._tag === tag)
}

const totalMinor = (events: ReadonlyArray<{ readonly total: { readonly amountMinor: number } }>): number =>
  events.reduce((sum, { total }) => sum + total.amountMinor, 0)

const stateOf = (life: ReadonlyArray<Happening>) =>
  Aggregate.evolveAll(
    Domain,
    Domain.initial,
    life.map(({ event }) => event)
  )

const orderRow = (order: string, life: ReadonlyArray<Happening>): Row => {
  const state = stateOf(life)
  const [placed] = eventsOf(life, "OrderPlaced")
  return {
    order_id: order,
    version: life.length,
    status: state.status,
    cart_id: state.cartId,
    checkout_id: state.checkoutId,
    customer_id: state.customerId,
    country: state.country,
    currency: state.currency,
    line_count: state.lines.length,
    open_returns: state.returns.filter(({ received }) => received === null).length,
    cancellation_requested: state.requestedCancellationId !== null,
    authorisation_id: state.backing?.authorisationId ?? null,
    reservation_id: state.backing?.reservationId ?? null,
    reject_reason: state.rejection?.reason ?? null,
    cancel_reason: eventsOf(life, "OrderCancelled")[0]?.reason ?? null,
    shortages: state.rejection?.shortages ?? [],
    goods_minor: placed!.goods.amountMinor,
    tax_minor: placed!.tax.amountMinor,
    shipping_minor: state.shippingMinor,
    total_minor: state.totalMinor,
    charged_minor: totalMinor(eventsOf(life, "OrderShipped")),
    cancelled_minor: totalMinor(eventsOf(life, "LinesCancelled")),
    refunded_minor: totalMinor(eventsOf(life, "ReturnReceived")),
    placed_at: life[0]!.atMillis,
    updated_at: life.at(-1)!.atMillis
  }
}

const lineRows = (order: string, life: ReadonlyArray<Happening>): ReadonlyArray<Row> =>
  stateOf(life).lines.map((line, place) => ({
    order_id: order,
    place,
    line_id: line.lineId,
    sku: line.sku,
    description: line.description,
    quantity: line.quantity,
    cancelled: line.cancelled,
    shipped: line.shipped,
    delivered: line.delivered,
    announced: line.returning,
    returned: line.returned,
    unit_price_minor: line.unitPriceMinor,
    tax_minor: line.taxMinor,
    charged_minor: line.chargedMinor,
    refunded_minor: line.refundedMinor
  }))

/** What the read models must hold after these events. */
export const model = (happenings: ReadonlyArray<Happening>): Rows => {
  const lives = Map.groupBy(happenings, ({ order }) => order)
  const orders = [...lives.keys()].sort()
  return {
    orders: orders.map((order) => orderRow(order, lives.get(order)!)),
    lines: orders.flatMap((order) => lineRows(order, lives.get(order)!)),
    timeline: orders.flatMap((order) =>
      lives.get(order)!.map(({ event, atMillis, actor = null, note = null }, i) => ({
        order_id: order,
        version: i + 1,
        event: event._tag,
        actor,
        note,
        occurred_at: atMillis
      }))
    )
  }
}
