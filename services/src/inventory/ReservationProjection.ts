/**
 * The read model of reservations: what each order holds, since when and until when. Part of `Projections.ts`; deadlines and
 * operators ask it.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import { instantOf, millisOf } from "@daybook/postgres/Instants"
import { planned } from "@daybook/postgres/PlannedWrites"
import { keyedRows } from "@daybook/postgres/SqlProjectionStore"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import {
  type ReservationEvent,
  ReservationEvents,
  type ReservationLine,
  type ReservationStatus,
  type Shortage
} from "./ReservationEvents.ts"
import type { ReservationView } from "./Views.ts"

/** The name on disk. */
export const reservationViewsName = "reservation-views"

/** A row of `reservation_view`. Times in milliseconds since 1970. */
export interface Row {
  orderId: string
  version: number
  status: ReservationStatus
  awaited: number
  giveUpReason: ReservationView["giveUpReason"]
  lines: ReadonlyArray<ReservationLine & { readonly backOrdered: number }>
  shortages: ReadonlyArray<Shortage>
  requestedAtMillis: number
  updatedAtMillis: number
  expiresAtMillis: number | null
}

const notBackOrdered = (lines: ReadonlyArray<ReservationLine>): Row["lines"] =>
  lines.map((line) => ({ ...line, backOrdered: 0 }))

/** Nothing is known of an order's reservation: it is requested by this event, or was given up before it was. */
const unknownRow = (orderId: string, atMillis: number): Row => ({
  orderId,
  version: 0,
  status: "unrequested",
  awaited: 0,
  giveUpReason: null,
  lines: [],
  shortages: [],
  requestedAtMillis: atMillis,
  updatedAtMillis: atMillis,
  expiresAtMillis: null
})

/** What an event changes of the row. */
const changeOf = (row: Row, event: ReservationEvent): Partial<Row> => {
  switch (event._tag) {
    case "ReservationRequested": {
      const { lines, expiresAtMillis } = event
      return { status: "pending", awaited: lines.length, lines: notBackOrdered(lines), expiresAtMillis }
    }
    case "LineHeld":
    case "LineShort":
      return { awaited: row.awaited - 1 }
    case "ItemsReserved":
      return { status: "reserved", lines: event.lines }
    case "ReservationRefused":
      return { status: "refused", shortages: event.shortages }
    case "ReservationExtended":
      return { expiresAtMillis: event.expiresAtMillis }
    case "ReservationCommitted":
      return { status: "committed" }
    case "ReservationReleased":
      return { status: "released", giveUpReason: event.reason }
    case "ReservationExpired":
      return { status: "expired" }
  }
}

/** Also for what a reservation was: see `History.ts`. */
export const fold = (rows: Map<string, Row>, recorded: Recorded<ReservationEvent>): void => {
  const { event, version, occurredAtMillis } = recorded
  const orderId = Partition.idOf(recorded.stream)
  const row = rows.get(orderId) ?? unknownRow(orderId, occurredAtMillis)
  rows.set(orderId, { ...row, ...changeOf(row, event), version, updatedAtMillis: occurredAtMillis })
}

const load = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: string,
  batch: ReadonlyArray<Recorded<ReservationEvent>>
): Effect.fn.Return<Map<string, Row>, SqlError> {
  const begun = new Set(batch.flatMap(({ version, stream }) => (version === 1 ? [stream] : [])))
  const known = new Set(batch.flatMap(({ stream }) => (begun.has(stream) ? [] : [Partition.idOf(stream)])))
  if (known.size === 0) return new Map()
  const rows = yield* sql.unsafe<Row>(
    `SELECT order_id AS "orderId", version, status, awaited, give_up_reason AS "giveUpReason", lines, shortages,
            ${millisOf("requested_at")} AS "requestedAtMillis",
            ${millisOf("updated_at")} AS "updatedAtMillis",
            ${millisOf("expires_at")} AS "expiresAtMillis"
     FROM ${keyedRows(`${schema}.reservation_view`, "order_id", "$1")}`,
    [JSON.stringify([...known])]
  )
  return new Map(rows.map((row) => [row.orderId, row]))
})

const save = (schema: string, rows: ReadonlyArray<Row>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.reservation_view (order_id, version, status, awaited, give_up_reason, lines, shortages,
                                             requested_at, updated_at, expires_at)
     SELECT r."orderId", r.version, r.status, r.awaited, r."giveUpReason", r.lines, r.shortages,
            ${instantOf('r."requestedAtMillis"')},
            ${instantOf('r."updatedAtMillis"')},
            ${instantOf('r."expiresAtMillis"')}
     FROM json_to_recordset($1::text::json) AS r (
       "orderId" text, version integer, status text, awaited integer, "giveUpReason" text, lines json, shortages json,
       "requestedAtMillis" float8, "updatedAtMillis" float8, "expiresAtMillis" float8) WHERE ${condition}
     ON CONFLICT (order_id) DO UPDATE SET
       version = excluded.version, status = excluded.status, awaited = excluded.awaited, give_up_reason = excluded.give_up_reason,
       lines = excluded.lines, shortages = excluded.shortages, updated_at = excluded.updated_at, expires_at = excluded.expires_at`,
  params: [JSON.stringify(rows)]
})

/** The projection that writes reservations into a schema. */
export const reservationViews = (schema: string) =>
  Projection.make({
    name: reservationViewsName,
    sources: [{ name: "reservation", events: ReservationEvents }],
    tables: ["reservation_view"],
    ...planned(
      Effect.fnUntraced(function* (batch: ReadonlyArray<Recorded<ReservationEvent>>) {
        const sql = yield* SqlClient
        const rows = yield* load(sql, schema, batch)
        for (const recorded of batch) fold(rows, recorded)
        return [save(schema, [...rows.values()])]
      })
    )
  })
