/**
 * The cart service as layers: what an app composes.
 *
 * Level 2 (see docs/canvas/cart.md). To run it at another level, change `persistence`; nothing else knows.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import type { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import * as Entities from "@daybook/core/Entities"
import type { Inbox } from "@daybook/core/Inbox"
import type { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { Problem } from "@daybook/core/Problem"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import type { Snapshots } from "@daybook/core/Snapshot"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { cartCommands } from "./Consumer.ts"
import { type Command, defaultLimits, type Limits, make as makeCart, type State } from "./Domain.ts"
import { cartViews } from "./Projections.ts"
import { cartPublication } from "./Publication.ts"
import { CartQueries } from "./Queries.ts"
import type { Rejection } from "./Rejection.ts"

/** The schema that holds the service's tables, on the write side and on the read side. */
export const schema = "cart"

/** The level: state stored every 200 events, events until they are published and a week longer. */
export const persistence: Persistence.Persistence = Persistence.state()

/** The carts, as entities. */
export class Carts extends Context.Service<
  Carts,
  Entities.Entities<State, Command, Rejection> & {
    /** Why a cart in this state would refuse a command; `undefined` when it would not. For commands that take two carts. */
    readonly refusalOf: (command: Command, state: State) => Rejection | undefined
  }
>()("@daybook/services/cart/Carts") {}

/** The workers of the cart's read models. */
export class CartProjector extends Context.Service<CartProjector, Projector.Projector>()(
  "@daybook/services/cart/CartProjector"
) {}

/** How the service is run. Everything has a default. */
export interface Options {
  readonly persistence?: Persistence.Persistence
  readonly limits?: Limits
  readonly entities?: Entities.Limits
  readonly projector?: Projector.Options
  readonly consumer?: Consumer.Options
}

/** The command side. At level 1 the read models are written in the commands' own transactions, by the client in context. */
export const commandSide = (options: Options = {}): Layer.Layer<Carts, never, Journal | Snapshots | SqlClient> => {
  const cart = makeCart(options.limits ?? defaultLimits)
  const entities = Entities.make(cart, {
    ...options.entities,
    persistence: options.persistence ?? persistence,
    projections: [cartViews(schema)]
  })
  const refusalOf = (command: Command, state: State) => {
    const verdict = Aggregate.decide(cart, command, state)
    return verdict instanceof Error ? verdict : undefined
  }
  return Layer.effect(
    Carts,
    Effect.map(entities, (running) => ({ ...running, refusalOf }))
  )
}

/** The query side: read models, the workers that write them, and the queries. */
export const querySide = (
  options: Options = {}
): Layer.Layer<CartProjector | CartQueries, never, Journal | ProjectionStore | SqlClient> => {
  const inline = (options.persistence ?? persistence)._tag === "Inline"
  return Layer.merge(
    CartQueries.layer(schema),
    Layer.effect(
      CartProjector,
      Projector.make([cartViews(schema)], { ...options.projector, ...(inline ? { run: false } : {}) })
    )
  )
}

/** Whose events are deleted when their time is over, and who has to have passed them before; `undefined` at levels 1 and 3. */
export const pruned = (options: Options = {}) => {
  const policy = options.persistence ?? persistence
  if (policy._tag !== "State") return undefined
  const projections = [cartViews(schema).name, cartPublication.name]
  return { aggregate: makeCart(options.limits ?? defaultLimits), retainMillis: policy.retainMillis, projections }
}

/** A cart without events has nothing to tell others of; see `messageSide`. */
export class NoEventsToPublish extends Problem<NoEventsToPublish>()("NoEventsToPublish", {
  status: 500,
  title: "The service keeps no events to publish"
}) {}

const noEventsToPublish = (): NoEventsToPublish =>
  new NoEventsToPublish({
    detail:
      "The cart runs at level 1, which keeps no events, so that other services would never hear of a checkout. Run it at level 2 " +
      "(Persistence.state) or 3 (Persistence.events), or leave its messages out (Cart.messageSide)."
  })

/**
 * The message side: tells others what happens to carts, and carries out what they ask. Runs while it lives; needs level 2 or 3,
 * and fails at start with `NoEventsToPublish` at level 1. Any number of processes may run it.
 */
export const messageSide = (
  options: Options = {}
): Layer.Layer<never, NoEventsToPublish, Carts | Journal | ProjectionStore | Broker | Inbox> => {
  if ((options.persistence ?? persistence)._tag === "Inline") {
    return Layer.effectDiscard(Effect.fail(noEventsToPublish()))
  }
  const consumer = Layer.unwrap(
    Effect.map(Carts, (carts) =>
      Consumer.layer("cart-commands", [cartCommands(carts)], { ...options.consumer, effects: "idempotent" })
    )
  )
  return Layer.merge(Layer.effectDiscard(Projector.make([cartPublication], options.projector)), consumer)
}
