/**
 * The past of stock items and reservations: their views, made anew of one stream's events as the projections make them. Used by the
 * handlers.
 */
import * as Instant from "@daybook/core/Instant"
import type { Subject } from "../Past.ts"
import { makeReservation, type State as Reservation } from "./ReservationDomain.ts"
import type { ReservationEvent } from "./ReservationEvents.ts"
import { fold, type Row as ReservationRow } from "./ReservationProjection.ts"
import { type ReservationNotFound, reservationNotFound } from "./ReservationRejection.ts"
import { makeStockItem } from "./StockItemDomain.ts"
import type { StockItemEvent } from "./StockItemEvents.ts"
import type { State as StockItem } from "./StockItemState.ts"
import { Changes, fold as foldStock, type Level } from "./StockProjection.ts"
import { type ReservationView, type StockLevel, type StockNotFound, stockNotFound } from "./Views.ts"

const instant = (millis: number | null): string | null => (millis === null ? null : Instant.format(millis))

const levelOf = ({ lowSinceMillis, updatedAtMillis, ...level }: Level): StockLevel => ({
  ...level,
  lowSince: instant(lowSinceMillis),
  updatedAt: Instant.format(updatedAtMillis)
})

/** Stock items. */
export const pastStock: Subject<Changes, StockLevel, StockItem, StockItemEvent, StockNotFound> = {
  aggregate: makeStockItem(),
  notFound: (id) => {
    const [sku, location] = id.split("@").map(decodeURIComponent)
    return stockNotFound(sku!, location)
  },
  begin: () => new Changes(),
  fold: (changes, recorded) => {
    foldStock(changes, recorded)
    // They are not shown, and there may be very many.
    changes.movements.length = 0
  },
  view: ({ levels }) => [...levels.values()].map(levelOf)[0]
}

const reservationOf = ({
  requestedAtMillis,
  updatedAtMillis,
  expiresAtMillis,
  ...reservation
}: ReservationRow): ReservationView => ({
  ...reservation,
  requestedAt: Instant.format(requestedAtMillis),
  updatedAt: Instant.format(updatedAtMillis),
  expiresAt: instant(expiresAtMillis)
})

/** Reservations. */
export const pastReservations: Subject<
  Map<string, ReservationRow>,
  ReservationView,
  Reservation,
  ReservationEvent,
  ReservationNotFound
> = {
  aggregate: makeReservation(),
  notFound: reservationNotFound,
  begin: () => new Map(),
  fold,
  view: (rows) => [...rows.values()].map(reservationOf)[0]
}
