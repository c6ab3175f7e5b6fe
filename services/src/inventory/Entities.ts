/**
 * The inventory's aggregates as entities: stock items and reservations. Who sends them commands finds them in context.
 */
import type * as Entities from "@daybook/core/Entities"
import * as Context from "effect/Context"
import type { State as Reservation, ReservationCommand } from "./ReservationDomain.ts"
import type { ReservationRejection } from "./ReservationRejection.ts"
import type { StockItemCommand } from "./StockItemDomain.ts"
import type { StockItemRejection } from "./StockItemRejection.ts"
import type { State as StockItem } from "./StockItemState.ts"

/** The stock items, by `stockItemId`. */
export class StockItems extends Context.Service<
  StockItems,
  Entities.Entities<StockItem, StockItemCommand, StockItemRejection>
>()("@daybook/services/inventory/StockItems") {}

/** The reservations, by their orders' ids. */
export class Reservations extends Context.Service<
  Reservations,
  Entities.Entities<Reservation, ReservationCommand, ReservationRejection>
>()("@daybook/services/inventory/Reservations") {}
