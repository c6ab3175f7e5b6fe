/**
 * The read models of stock: the level of each stock item, and the ledger of movements. Part of `Projections.ts`.
 *
 * Load, fold, save, as in the cart: the levels that a batch is about are read at once, the events are folded into them in memory,
 * and what has changed is written at once.
 *
 * Levels are added up from what each event moves. The balance that events say themselves holds for the order in which they were
 * recorded; as of a business time, some of a stock item's events are left out, and the sums of the others are right all the same.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Projection from "@daybook/core/Projection"
import { instantOf, millisOf } from "@daybook/postgres/Instants"
import { planned } from "@daybook/postgres/PlannedWrites"
import { keyedRows } from "@daybook/postgres/SqlProjectionStore"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type Balance, type StockItemEvent, StockItemEvents, type StockItemKey } from "./StockItemEvents.ts"
import { availableOf, movedBy, stockItemId } from "./StockItemState.ts"

/** The name on disk. */
export const stockViewsName = "stock-views"

/** A row of `stock_level`. Times in milliseconds since 1970. */
export interface Level extends Balance {
  id: string
  sku: string
  location: string
  version: number
  backOrderLimit: number
  reorderPoint: number
  lowSinceMillis: number | null
  updatedAtMillis: number
}

/** A row of `stock_movement`. */
interface Movement extends StockItemKey {
  readonly movementId: string
  readonly version: number
  readonly kind: string
  /** What came, or, below 0, what left. */
  readonly quantity: number
  readonly onHand: number
  readonly reference: string
  readonly reason: string | null
  readonly otherLocation: string | null
  readonly reservationId: string | null
  readonly actor: string | null
  readonly occurredAtMillis: number
  readonly recordedAtMillis: number
}

/** What a batch changes, gathered in memory. */
export class Changes {
  readonly levels = new Map<string, Level>()
  readonly movements: Array<Movement> = []
}

/** The kinds of movement, and what each does to what is on hand. Freeing what was committed moves nothing. */
const movements = {
  StockReceived: { kind: "received", sign: 1 },
  StockAdjusted: { kind: "adjusted", sign: 1 },
  StockShipped: { kind: "shipped", sign: -1 },
  StockRestocked: { kind: "restocked", sign: 1 },
  StockTransferredOut: { kind: "transferred-out", sign: -1 },
  StockTransferredIn: { kind: "transferred-in", sign: 1 }
} as const

type MovementEvent = Extract<StockItemEvent, { readonly _tag: keyof typeof movements }>

const isMovement = (event: StockItemEvent): event is MovementEvent => event._tag in movements

const otherLocationOf = (event: MovementEvent): string | null => {
  if (event._tag === "StockTransferredOut") return event.toLocation
  return event._tag === "StockTransferredIn" ? event.fromLocation : null
}

const movementOf = (recorded: Recorded<StockItemEvent>, event: MovementEvent, onHand: number): Movement => {
  const { sku, location, quantity, reference } = event
  const { kind, sign } = movements[event._tag]
  return {
    movementId: recorded.eventId,
    version: recorded.version,
    sku,
    location,
    kind,
    quantity: sign * quantity,
    onHand,
    reference,
    reason: "reason" in event ? event.reason : null,
    otherLocation: otherLocationOf(event),
    reservationId: event._tag === "StockShipped" ? event.reservationId : null,
    actor: recorded.actor,
    occurredAtMillis: recorded.occurredAtMillis,
    recordedAtMillis: recorded.recordedAtMillis
  }
}

/** Of a stock item of which nothing was known: nothing is there. */
const unknownLevel = ({ sku, location }: StockItemKey, atMillis: number): Level => ({
  id: stockItemId({ sku, location }),
  sku,
  location,
  version: 0,
  onHand: 0,
  reserved: 0,
  committed: 0,
  safetyStock: 0,
  available: 0,
  backOrderLimit: 0,
  reorderPoint: 0,
  lowSinceMillis: atMillis,
  updatedAtMillis: atMillis
})

/** Reservations that were refused or barred say nothing of the stock, and may be for what the shop never had. */
const tellsNothing = ({ _tag }: StockItemEvent): boolean => _tag === "StockRefused" || _tag === "HoldBarred"

/** What an event sets. */
const setBy = (event: StockItemEvent): Partial<Level> => {
  switch (event._tag) {
    case "SafetyStockSet":
      return { safetyStock: event.after.safetyStock }
    case "BackOrderLimitSet":
      return { backOrderLimit: event.limit }
    case "ReorderPointSet":
      return { reorderPoint: event.reorderPoint }
    default:
      return {}
  }
}

const levelAfter = (level: Level, { event, version, occurredAtMillis }: Recorded<StockItemEvent>): Level => {
  const figures = { ...level, ...movedBy(level, event), ...setBy(event) }
  const available = availableOf(figures)
  const isLow = available <= figures.reorderPoint
  const lowSinceMillis = isLow ? (level.lowSinceMillis ?? occurredAtMillis) : null
  return { ...figures, available, lowSinceMillis, version, updatedAtMillis: occurredAtMillis }
}

/** Also for what a level was: see `History.ts`. */
export const fold = (changes: Changes, recorded: Recorded<StockItemEvent>): void => {
  const { event, occurredAtMillis } = recorded
  const id = stockItemId(event)
  const known = changes.levels.get(id)
  if (known === undefined && tellsNothing(event)) return
  const level = levelAfter(known ?? unknownLevel(event, occurredAtMillis), recorded)
  changes.levels.set(id, level)
  if (isMovement(event)) changes.movements.push(movementOf(recorded, event, level.onHand))
}

const load = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: string,
  batch: ReadonlyArray<Recorded<StockItemEvent>>
): Effect.fn.Return<Changes, SqlError> {
  const ids = new Set(batch.map(({ event }) => stockItemId(event)))
  const rows = yield* sql.unsafe<Level>(
    `SELECT stock_item_id AS id, sku, location, version, on_hand::float8 AS "onHand", reserved::float8 AS reserved,
            committed::float8 AS committed, safety_stock::float8 AS "safetyStock", available::float8 AS available,
            back_order_limit::float8 AS "backOrderLimit", reorder_point::float8 AS "reorderPoint",
            ${millisOf("low_since")} AS "lowSinceMillis",
            ${millisOf("updated_at")} AS "updatedAtMillis"
     FROM ${keyedRows(`${schema}.stock_level`, "stock_item_id", "$1")}`,
    [JSON.stringify([...ids])]
  )
  const changes = new Changes()
  for (const row of rows) changes.levels.set(row.id, row)
  return changes
})

const saveLevels = (schema: string, levels: ReadonlyArray<Level>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.stock_level (stock_item_id, sku, location, version, on_hand, reserved, committed, safety_stock, available,
                                        back_order_limit, reorder_point, low_since, updated_at)
     SELECT l.id, l.sku, l.location, l.version, l."onHand", l.reserved, l.committed, l."safetyStock", l.available, l."backOrderLimit",
            l."reorderPoint", ${instantOf('l."lowSinceMillis"')},
            ${instantOf('l."updatedAtMillis"')}
     FROM json_to_recordset($1::text::json) AS l (
       id text, sku text, location text, version integer, "onHand" bigint, reserved bigint, committed bigint, "safetyStock" bigint,
       available bigint, "backOrderLimit" bigint, "reorderPoint" bigint, "lowSinceMillis" float8, "updatedAtMillis" float8)
     WHERE ${condition}
     ON CONFLICT (stock_item_id) DO UPDATE SET
       version = excluded.version, on_hand = excluded.on_hand, reserved = excluded.reserved, committed = excluded.committed,
       safety_stock = excluded.safety_stock, available = excluded.available, back_order_limit = excluded.back_order_limit,
       reorder_point = excluded.reorder_point, low_since = excluded.low_since, updated_at = excluded.updated_at`,
  params: [JSON.stringify(levels)]
})

const saveMovements = (schema: string, moved: ReadonlyArray<Movement>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.stock_movement (movement_id, version, sku, location, kind, quantity, on_hand, reference, reason,
                                           other_location, reservation_id, actor, occurred_at, recorded_at)
     SELECT m."movementId", m.version, m.sku, m.location, m.kind, m.quantity, m."onHand", m.reference, m.reason,
            m."otherLocation", m."reservationId", m.actor,
            ${instantOf('m."occurredAtMillis"')},
            ${instantOf('m."recordedAtMillis"')}
     FROM json_to_recordset($1::text::json) AS m (
       "movementId" text, version integer, sku text, location text, kind text, quantity bigint, "onHand" bigint, reference text,
       reason text, "otherLocation" text, "reservationId" text, actor text, "occurredAtMillis" float8, "recordedAtMillis" float8)
     WHERE ${condition}`,
  params: [JSON.stringify(moved)]
})

/** The projection that writes levels and ledger into a schema. */
export const stockViews = (schema: string) =>
  Projection.make({
    name: stockViewsName,
    sources: [{ name: "stockitem", events: StockItemEvents }],
    tables: ["stock_level", "stock_movement"],
    ...planned(
      Effect.fnUntraced(function* (batch: ReadonlyArray<Recorded<StockItemEvent>>) {
        const sql = yield* SqlClient
        const changes = yield* load(sql, schema, batch)
        for (const recorded of batch) fold(changes, recorded)
        const levels = [...changes.levels.values()]
        return [
          ...(levels.length > 0 ? [saveLevels(schema, levels)] : []),
          ...(changes.movements.length > 0 ? [saveMovements(schema, changes.movements)] : [])
        ]
      })
    )
  })
