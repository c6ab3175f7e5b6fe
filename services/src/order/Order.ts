/**
 * The order service as layers: what an app composes.
 *
 * Level 3 (see docs/canvas/order.md). The checkout saga, which places orders, is a service beside it.
 */
import type { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import * as Entities from "@daybook/core/Entities"
import type { Inbox } from "@daybook/core/Inbox"
import type { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import type { Snapshots } from "@daybook/core/Snapshot"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { type Command, defaultLimits, type Limits } from "./Command.ts"
import { orderCommands } from "./Consumer.ts"
import { make as makeOrder } from "./Domain.ts"
import { orderViews } from "./Projections.ts"
import { orderPublication } from "./Publication.ts"
import { OrderQueries } from "./Queries.ts"
import type { Rejection } from "./Rejection.ts"
import type { State } from "./State.ts"

/** The schema that holds the service's tables, on the write side and on the read side. `order` would be a word of SQL. */
export const schema = "orders"

/** The level: every event for ever, a snapshot of the state every 100 events. */
export const persistence: Persistence.Persistence = Persistence.events()

/** The orders, as entities. */
export class Orders extends Context.Service<Orders, Entities.Entities<State, Command, Rejection>>()(
  "@daybook/services/order/Orders"
) {}

/** The workers of the order's read models. */
export class OrderProjector extends Context.Service<OrderProjector, Projector.Projector>()(
  "@daybook/services/order/OrderProjector"
) {}

/** How the service is run. Everything has a default. */
export interface Options {
  readonly persistence?: Persistence.Persistence
  readonly limits?: Limits
  readonly entities?: Entities.Limits
  readonly projector?: Projector.Options
  readonly consumer?: Consumer.Options
}

const isInline = (options: Options): boolean => (options.persistence ?? persistence)._tag === "Inline"

/** The command side. At level 1 the read models are written in the commands' own transactions, by the client in context. */
export const commandSide = (options: Options = {}): Layer.Layer<Orders, never, Journal | Snapshots | SqlClient> =>
  Layer.effect(
    Orders,
    Entities.make(makeOrder(options.limits ?? defaultLimits), {
      ...options.entities,
      persistence: options.persistence ?? persistence,
      projections: [orderViews(schema)]
    })
  )

/** The query side: read models, the workers that write them, and the queries. */
export const querySide = (
  options: Options = {}
): Layer.Layer<OrderProjector | OrderQueries, never, Journal | ProjectionStore | SqlClient> =>
  Layer.merge(
    OrderQueries.layer(schema),
    Layer.effect(
      OrderProjector,
      Projector.make([orderViews(schema)], { ...options.projector, ...(isInline(options) ? { run: false } : {}) })
    )
  )

/**
 * The message side: tells others what happens to orders, and carries out what they ask. Runs while it lives, in any number of
 * processes. Not at level 1, which keeps no events to tell of: that is a mistake of whoever composes it, and a defect.
 */
export const messageSide = (
  options: Options = {}
): Layer.Layer<never, never, Orders | Journal | ProjectionStore | Broker | Inbox> => {
  if (isInline(options)) {
    return Layer.effectDiscard(
      Effect.die(
        new Error("Orders at level 1 keep no events to publish: run them at level 2 or 3, or leave messageSide out")
      )
    )
  }
  const consumer = Layer.unwrap(
    Effect.map(Orders, (orders) =>
      Consumer.layer("order-commands", [orderCommands(orders)], { ...options.consumer, effects: "idempotent" })
    )
  )
  return Layer.merge(Layer.effectDiscard(Projector.make([orderPublication], options.projector)), consumer)
}
