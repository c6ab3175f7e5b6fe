/** The inventory's read models in an embedded store, and a model of them that is plain enough to be believed. */
import * as Aggregate from "@daybook/core/Aggregate"
import type { Recorded } from "@daybook/core/Event"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { tables } from "../../src/inventory/Projections.ts"
import * as Reservation from "../../src/inventory/ReservationDomain.ts"
import type { ReservationEvent } from "../../src/inventory/ReservationEvents.ts"
import { reservationViews } from "../../src/inventory/ReservationProjection.ts"
import type { StockItemEvent } from "../../src/inventory/StockItemEvents.ts"
import * as StockItemState from "../../src/inventory/StockItemState.ts"
import { stockViews } from "../../src/inventory/StockProjection.ts"
import { metadata } from "../Golden.ts"
import { onHandChange } from "./World.ts"

export const schema = "inventory"

/** Empty read models, with the offsets that belong to them. */
export const readModels = Stores.readSide({ schema, tables }).pipe(
  Layer.provideMerge(Database.layer({ folder: undefined }))
)

/** An event of an aggregate, at a time. */
export interface Happening<E> {
  readonly id: string
  readonly atMillis: number
  readonly event: E
}

/** The event's id, from its place among all that happened. */
export const eventIdOf = (place: number): string => `0198c5a0-0000-7000-8000-${String(place).padStart(12, "0")}`

/** Events as a projection gets them, each aggregate's with versions of its own. */
const recordedAs =
  (aggregate: string) =>
  <E>(happenings: ReadonlyArray<Happening<E>>): ReadonlyArray<Recorded<E>> => {
    const versions = new Map<string, number>()
    return happenings.map(({ id, atMillis, event }, i) => {
      const version = (versions.get(id) ?? 0) + 1
      versions.set(id, version)
      return {
        ...metadata,
        eventId: eventIdOf(i + 1),
        stream: `${aggregate}-${id}`,
        version,
        position: i + 1,
        occurredAtMillis: atMillis,
        recordedAtMillis: atMillis,
        actor: "clerk",
        event
      }
    })
  }

/** Something that happened to the stock item that the event names. */
export const toStock = (event: StockItemEvent, atMillis = 0): Happening<StockItemEvent> => ({
  id: StockItemState.stockItemId(event),
  atMillis,
  event
})

export const recordedStock = recordedAs("stockitem")<StockItemEvent>
export const recordedReservations = recordedAs("reservation")<ReservationEvent>

/** Applies events to the read models of stock, in batches. */
export const projectStock = (batches: ReadonlyArray<ReadonlyArray<Recorded<StockItemEvent>>>) =>
  Effect.forEach(batches, (batch) => stockViews(schema).handle(batch, { replaying: false }), { discard: true })

/** Applies events to the read model of reservations, in batches. */
export const projectReservations = (batches: ReadonlyArray<ReadonlyArray<Recorded<ReservationEvent>>>) =>
  Effect.forEach(batches, (batch) => reservationViews(schema).handle(batch, { replaying: false }), { discard: true })

export const empty = Effect.flatMap(SqlClient, (sql) =>
  sql.unsafe(`TRUNCATE ${schema}.stock_level, ${schema}.stock_movement, ${schema}.reservation_view`)
)

type Row = Readonly<Record<string, unknown>>

const millis = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8 AS ${column}`

const figures = ["on_hand", "reserved", "committed", "safety_stock", "available", "back_order_limit", "reorder_point"]

/** Every row of the levels, times in milliseconds. */
export const levelRows = Effect.flatMap(SqlClient, (sql) =>
  sql.unsafe<Row>(
    `SELECT stock_item_id, sku, location, version, ${figures.map((figure) => `${figure}::float8 AS ${figure}`).join(", ")},
            ${millis("low_since")}, ${millis("updated_at")}
     FROM ${schema}.stock_level ORDER BY stock_item_id COLLATE "C"`
  )
)

/** Every row of the ledger, in the order in which they happened. */
export const movementRows = Effect.flatMap(SqlClient, (sql) =>
  sql.unsafe<Row>(
    `SELECT movement_id, sku, location, version, quantity::float8 AS quantity, on_hand::float8 AS on_hand, reference, actor,
            ${millis("occurred_at")}
     FROM ${schema}.stock_movement ORDER BY movement_id`
  )
)

/** Every row of the reservations, times in milliseconds. */
export const reservationRows = Effect.flatMap(SqlClient, (sql) =>
  sql.unsafe<Row>(
    `SELECT order_id, version, status, awaited, lines, shortages, give_up_reason, ${millis("requested_at")},
            ${millis("updated_at")}, ${millis("expires_at")}
     FROM ${schema}.reservation_view ORDER BY order_id COLLATE "C"`
  )
)

/** What happened to each aggregate, in the order of their ids. */
const livesOf = <E>(happenings: ReadonlyArray<Happening<E>>) =>
  [...Map.groupBy(happenings, ({ id }) => id)].sort(([a], [b]) => (a < b ? -1 : 1))

/** Since when stock has been low: from the first that is known of it, unless it was replenished. */
const lowSinceOf = (life: ReadonlyArray<Happening<StockItemEvent>>): number | null =>
  life.reduce<number | null>((since, { event, atMillis }) => {
    if (event._tag === "StockReplenished") return null
    return event._tag === "StockRanLow" ? atMillis : since
  }, life[0]!.atMillis)

/** Refused and barred reservations alone do not make a stock item known. */
const tells = ({ event }: Happening<StockItemEvent>) => event._tag !== "StockRefused" && event._tag !== "HoldBarred"

/** What the levels must be after these events. */
export const levelModel = (happenings: ReadonlyArray<Happening<StockItemEvent>>): ReadonlyArray<Row> =>
  livesOf(happenings).flatMap(([id, life]) => {
    if (!life.some(tells)) return []
    const events = life.map(({ event }) => event)
    const state = Aggregate.evolveAll(StockItemState, StockItemState.initial, events)
    return {
      stock_item_id: id,
      sku: state.sku,
      location: state.location,
      version: life.length,
      on_hand: state.onHand,
      reserved: state.reserved,
      committed: state.committed,
      safety_stock: state.safetyStock,
      available: StockItemState.availableOf(state),
      back_order_limit: state.backOrderLimit,
      reorder_point: state.reorderPoint,
      low_since: lowSinceOf(life.slice(life.findIndex(tells))),
      updated_at: life.at(-1)!.atMillis
    }
  })

/** What the ledger must be after these events. */
export const movementModel = (happenings: ReadonlyArray<Happening<StockItemEvent>>): ReadonlyArray<Row> =>
  recordedStock(happenings).flatMap(({ event, eventId, version, actor, occurredAtMillis }) => {
    const quantity = onHandChange(event)
    if (quantity === 0 || !("reference" in event)) return []
    return {
      movement_id: eventId,
      sku: event.sku,
      location: event.location,
      version,
      quantity,
      on_hand: event.after.onHand,
      reference: event.reference,
      actor,
      occurred_at: occurredAtMillis
    }
  })

/** What the reservations must be after these events. */
export const reservationModel = (happenings: ReadonlyArray<Happening<ReservationEvent>>): ReadonlyArray<Row> =>
  livesOf(happenings).map(([id, life]) => {
    const events = life.map(({ event }) => event)
    const { status, lines, expiresAtMillis } = Aggregate.evolveAll(Reservation, Reservation.initial, events)
    const has = (tag: ReservationEvent["_tag"]) => events.some(({ _tag }) => _tag === tag)
    const released = events.find((event) => event._tag === "ReservationReleased")
    return {
      order_id: id,
      version: life.length,
      status,
      awaited: lines.filter(({ answer }) => answer === "awaited").length,
      lines: lines.map(({ sku, location, quantity, backOrdered }) => ({
        sku,
        location,
        quantity,
        backOrdered: has("ItemsReserved") ? backOrdered : 0
      })),
      shortages: lines
        .filter(({ answer }) => answer === "short" && has("ReservationRefused"))
        .map(({ sku, location, quantity, available }) => ({ sku, location, requested: quantity, available })),
      give_up_reason: released?.reason ?? null,
      requested_at: life[0]!.atMillis,
      updated_at: life.at(-1)!.atMillis,
      expires_at: has("ReservationRequested") ? expiresAtMillis : null
    }
  })
