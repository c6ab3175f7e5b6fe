/**
 * The inventory service as layers: what an app composes.
 *
 * Level 3 (see docs/canvas/inventory.md). Level 2 would do as well; at level 1 there are no events, from which everything that
 * goes between reservations and stock items follows.
 */
import type { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import * as Runtime from "@daybook/core/Entities"
import type { Inbox } from "@daybook/core/Inbox"
import type { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import type { Snapshots } from "@daybook/core/Snapshot"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { commandConsumerName, inventoryCommands } from "./Consumer.ts"
import { Reservations, StockItems } from "./Entities.ts"
import { expiries } from "./Expiries.ts"
import { orderConsumerName, orderEvents } from "./Fulfilment.ts"
import { views } from "./Projections.ts"
import { reservationPublication, stockPublication } from "./Publication.ts"
import { InventoryQueries } from "./Queries.ts"
import { defaultReservationLimits, makeReservation, type ReservationLimits } from "./ReservationDomain.ts"
import { reservationReaction } from "./ReservationReaction.ts"
import { defaultStockItemLimits, makeStockItem, type StockItemLimits } from "./StockItemDomain.ts"

/** The schema that holds the service's tables, on the write side and on the read side. */
export const schema = "inventory"

/** The level: events for ever, and a snapshot every 100 of them. */
export const persistence: Persistence.Events = Persistence.events()

/** The workers of the inventory's read models. */
export class InventoryProjector extends Context.Service<InventoryProjector, Projector.Projector>()(
  "@daybook/services/inventory/InventoryProjector"
) {}

/** How the service is run. Everything has a default. */
export interface Options {
  readonly persistence?: Persistence.Events | Persistence.State
  readonly stockItemLimits?: StockItemLimits
  readonly reservationLimits?: ReservationLimits
  readonly entities?: Runtime.Limits
  readonly projector?: Projector.Options
  readonly consumer?: Omit<Consumer.Options, "effects">
  /** How often to look for reservations that have run out. Default 500 ms. */
  readonly expiryPollMillis?: number
}

/** The command side: both kinds of entities. */
export const commandSide = (
  options: Options = {}
): Layer.Layer<StockItems | Reservations, never, Journal | Snapshots> => {
  const running = { ...options.entities, persistence: options.persistence ?? persistence }
  return Layer.merge(
    Layer.effect(StockItems, Runtime.make(makeStockItem(options.stockItemLimits ?? defaultStockItemLimits), running)),
    Layer.effect(
      Reservations,
      Runtime.make(makeReservation(options.reservationLimits ?? defaultReservationLimits), running)
    )
  )
}

/** The query side: read models, the workers that write them, and the queries. */
export const querySide = (
  options: Options = {}
): Layer.Layer<InventoryProjector | InventoryQueries, never, Journal | ProjectionStore | SqlClient> =>
  Layer.merge(
    InventoryQueries.layer(schema),
    Layer.effect(InventoryProjector, Projector.make(views(schema), options.projector))
  )

/**
 * The message side: what goes between reservations and stock items, what others are told and tell, and what runs out. Provides
 * nothing, and works while it lives. Without it no reservation gets an answer.
 */
export const messageSide = (
  options: Options = {}
): Layer.Layer<
  never,
  never,
  StockItems | Reservations | InventoryQueries | Journal | ProjectionStore | Broker | Inbox
> =>
  Layer.mergeAll(
    Layer.effectDiscard(
      Projector.make<StockItems | Reservations | Broker>(
        [reservationReaction, reservationPublication, stockPublication],
        options.projector
      )
    ),
    Consumer.layer(commandConsumerName, [inventoryCommands], { ...options.consumer, effects: "idempotent" }),
    Consumer.layer(orderConsumerName, [orderEvents], { ...options.consumer, effects: "idempotent" }),
    expiries(options.expiryPollMillis ?? 500)
  )
