/**
 * The inventory's queries: they read the read models and nothing else.
 */
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { instantOf, isoOf } from "@daybook/postgres/Instants"
import * as SharedRead from "@daybook/postgres/SharedRead"
import { keyedRows } from "@daybook/postgres/SqlProjectionStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { type UnknownCursor, unknownCursor } from "../Http.ts"
import { asking, type Page } from "../Serving.ts"
import type { ReservationStatus } from "./ReservationEvents.ts"
import type { StockItemKey } from "./StockItemEvents.ts"
import { stockItemId } from "./StockItemState.ts"
import type { ReservationView, SkuStock, StockLevel, StockMovement } from "./Views.ts"

/** Which stock items. What is left out does not restrict. */
export interface StockFilter {
  /** Fewer than so many are available. */
  readonly below?: number | undefined
  /** Those at or below their own reorder point, or only the others. */
  readonly low?: boolean | undefined
  readonly location?: string | undefined
}

/** What can be had of a SKU at a location. */
export interface Offer extends StockItemKey {
  /** On hand − reserved − committed − safety stock; below 0 where more is promised. */
  readonly free: number
  /** How many more than that may be promised. */
  readonly backOrderLimit: number
}

type Listed<A> = Effect.Effect<ReadonlyArray<A>, ReadModelUnavailable | UnknownCursor>

export class InventoryQueries extends Context.Service<
  InventoryQueries,
  {
    /** A SKU at all its locations, these in alphabetical order. */
    stock(sku: string): Effect.Effect<Option.Option<SkuStock>, ReadModelUnavailable>
    level(item: StockItemKey): Effect.Effect<Option.Option<StockLevel>, ReadModelUnavailable>
    /** Stock items, the scarcest first. Pages begin after a stock item's id. */
    levels(filter: StockFilter, page: Page): Listed<StockLevel>
    /** The ledger of a SKU, at all locations or one, the newest first. Pages begin after a movement's id. */
    movements(of: { readonly sku: string; readonly location?: string | undefined }, page: Page): Listed<StockMovement>
    reservation(orderId: string): Effect.Effect<Option.Option<ReservationView>, ReadModelUnavailable>
    /** Reservations in a state, the oldest first. Pages begin after an order's id. */
    reservations(status: ReservationStatus, page: Page): Listed<ReservationView>
    /** Orders whose reservations have run out and are pending or reserved still, the longest overdue first. */
    overdue(nowMillis: number, limit: number): Effect.Effect<ReadonlyArray<string>, ReadModelUnavailable>
    /** Where some SKUs lie, and what can be had there. As new as the read model is. */
    offers(skus: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Offer>, ReadModelUnavailable>
  }
>()("@daybook/services/inventory/InventoryQueries") {
  /** The queries over the read models in a schema of the database in context. */
  static readonly layer = (schema: string): Layer.Layer<InventoryQueries, never, SqlClient> =>
    Layer.effect(
      InventoryQueries,
      Effect.map(SqlClient, (sql) => {
        const query = asking(sql, "The inventory's")
        return {
          ...stockQueries(query, schema),
          ...reservationQueries(query, schema),
          offers: offers(sql, query, schema)
        }
      })
    )
}

const levelColumns = `stock_item_id AS id, sku, location, version, on_hand::float8 AS "onHand", reserved::float8 AS reserved,
  committed::float8 AS committed, safety_stock::float8 AS "safetyStock", available::float8 AS available,
  back_order_limit::float8 AS "backOrderLimit", reorder_point::float8 AS "reorderPoint",
  ${isoOf("low_since")} AS "lowSince", ${isoOf("updated_at")} AS "updatedAt"`

const movementColumns = `movement_id AS id, location, version, kind, quantity::float8 AS quantity, on_hand::float8 AS "onHand",
  reference, reason, other_location AS "otherLocation", reservation_id AS "orderId", actor, ${isoOf("occurred_at")} AS "occurredAt"`

const reservationColumns = `order_id AS "orderId", version, status, awaited, lines, shortages, give_up_reason AS "giveUpReason",
  ${isoOf("requested_at")} AS "requestedAt", ${isoOf("updated_at")} AS "updatedAt", ${isoOf("expires_at")} AS "expiresAt"`

const stockOf = (sku: string, locations: ReadonlyArray<StockLevel>): Option.Option<SkuStock> => {
  if (locations.length === 0) return Option.none()
  const sum = (figure: "onHand" | "reserved" | "committed" | "available") =>
    locations.reduce((total, level) => total + level[figure], 0)
  return Option.some({
    sku,
    onHand: sum("onHand"),
    reserved: sum("reserved"),
    committed: sum("committed"),
    available: sum("available"),
    locations
  })
}

type Parameters = ReadonlyArray<string | null>

type Query = ReturnType<typeof asking>

/** A list in a total order, from which pages are cut. */
interface List {
  readonly columns: string
  readonly table: string
  /** May use $1, $2 … for `params`. */
  readonly condition: string
  readonly params: Parameters
  /** What orders it; together they are unique. */
  readonly by: string
  readonly direction: "ASC" | "DESC"
  /** The column of the ids that pages begin after, and what these are ids of. */
  readonly id: string
  readonly what: string
}

/** A page after what is not in the list would be empty and look like the list's end, so that it fails instead. */
const pageOf = Effect.fnUntraced(function* <Row extends object>(
  query: Query,
  list: List,
  { limit, after }: Page
): Effect.fn.Return<ReadonlyArray<Row>, ReadModelUnavailable | UnknownCursor> {
  const { columns, table, condition, by, direction, id } = list
  const params = [...list.params, after ?? null]
  const cursor = `$${params.length}::text`
  const found = `FROM ${table} WHERE ${condition} AND ${id} = ${cursor}`
  const order = by
    .split(", ")
    .map((column) => `${column} ${direction}`)
    .join(", ")
  const rows = yield* query<Row>(
    `SELECT ${columns} FROM ${table}
     WHERE ${condition} AND (${cursor} IS NULL OR (${by}) ${direction === "ASC" ? ">" : "<"} (SELECT ${by} ${found}))
     ORDER BY ${order} LIMIT $${params.length + 1}::text::integer`,
    [...params, String(limit)]
  )
  if (rows.length > 0 || after === undefined) return rows
  const known = yield* query(`SELECT 1 AS known ${found}`, params)
  return known.length > 0 ? [] : yield* unknownCursor(list.what, after)
})

const text = (value: string | number | undefined): string | null => (value === undefined ? null : String(value))

type StockQueries = Pick<InventoryQueries["Service"], "stock" | "level" | "levels" | "movements">

const stockQueries = (query: Query, schema: string): StockQueries => ({
  stock: (sku) =>
    Effect.map(
      query<StockLevel>(`SELECT ${levelColumns} FROM ${schema}.stock_level WHERE sku = $1::text ORDER BY location`, [
        sku
      ]),
      (rows) => stockOf(sku, rows)
    ),
  level: (item) =>
    Effect.map(
      query<StockLevel>(`SELECT ${levelColumns} FROM ${schema}.stock_level WHERE stock_item_id = $1::text`, [
        stockItemId(item)
      ]),
      (rows) => Option.fromNullishOr(rows[0])
    ),
  levels: ({ below, low, location }, page) =>
    pageOf(
      query,
      {
        columns: levelColumns,
        table: `${schema}.stock_level`,
        // The condition of a partial index has to be there in so many words.
        condition: `${low === undefined ? "true" : `low_since IS ${low ? "NOT " : ""}NULL`}
          AND ($1::text IS NULL OR available < $1::text::bigint) AND ($2::text IS NULL OR location = $2::text)`,
        params: [text(below), text(location)],
        by: "available, stock_item_id",
        direction: "ASC",
        id: "stock_item_id",
        what: "Stock item"
      },
      page
    ),
  movements: ({ sku, location }, page) =>
    pageOf(
      query,
      {
        columns: movementColumns,
        table: `${schema}.stock_movement`,
        condition: "sku = $1::text AND ($2::text IS NULL OR location = $2::text)",
        params: [sku, text(location)],
        by: "recorded_at, location, version",
        direction: "DESC",
        id: "movement_id",
        what: "Movement"
      },
      page
    )
})

/** Of many orders at once: what is asked for in one turn is one statement. */
const offers = (sql: SqlClient, query: Query, schema: string): InventoryQueries["Service"]["offers"] =>
  SharedRead.make<ReadonlyArray<string>, ReadonlyArray<Offer>, ReadModelUnavailable>(sql, {
    keyOf: (skus) => JSON.stringify(skus),
    most: 100,
    read: (asked) =>
      Effect.map(
        query<Offer>(
          `SELECT sku, location, (on_hand - reserved - committed - safety_stock)::float8 AS free,
                  back_order_limit::float8 AS "backOrderLimit"
           FROM ${keyedRows(`${schema}.stock_level`, "sku", "$1")}`,
          [JSON.stringify([...new Set(asked.flat())])]
        ),
        (found) => {
          const bySku = Map.groupBy(found, ({ sku }) => sku)
          return asked.map((skus) => skus.flatMap((sku) => bySku.get(sku) ?? []))
        }
      )
  })

type ReservationQueries = Pick<InventoryQueries["Service"], "reservation" | "reservations" | "overdue">

const reservationQueries = (query: Query, schema: string): ReservationQueries => ({
  reservation: (orderId) =>
    Effect.map(
      query<ReservationView>(`SELECT ${reservationColumns} FROM ${schema}.reservation_view WHERE order_id = $1::text`, [
        orderId
      ]),
      (rows) => Option.fromNullishOr(rows[0])
    ),
  reservations: (status, page) =>
    pageOf(
      query,
      {
        columns: reservationColumns,
        table: `${schema}.reservation_view`,
        condition: "status = $1::text",
        params: [status],
        by: "requested_at, order_id",
        direction: "ASC",
        id: "order_id",
        what: "Order"
      },
      page
    ),
  overdue: (nowMillis, limit) =>
    Effect.map(
      query<{ readonly orderId: string }>(
        `SELECT order_id AS "orderId" FROM ${schema}.reservation_view
         WHERE status IN ('pending', 'reserved') AND expires_at <= ${instantOf("$1::text::float8")}
         ORDER BY expires_at, order_id LIMIT $2::text::integer`,
        [String(nowMillis), String(limit)]
      ),
      (rows) => rows.map(({ orderId }) => orderId)
    )
})
