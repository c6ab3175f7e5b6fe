/**
 * The payment service as layers: what an app composes.
 *
 * Level 3 (see docs/canvas/payment.md). Level 2 would do as well; at level 1 there are no events, from which it follows what the
 * provider is asked.
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
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { Comparisons, sweep } from "./ComparisonSweep.ts"
import { paymentCommands, paymentConsumerName } from "./Consumer.ts"
import { defaultLimits, type Limits, make as makePayment } from "./Domain.ts"
import { fulfilmentConsumerName, orderEvents } from "./Fulfilment.ts"
import { PaymentProjector, Payments } from "./Payments.ts"
import { paymentViews } from "./Projections.ts"
import type { Provider } from "./Provider.ts"
import { type Options as CallOptions, ProviderCalls } from "./ProviderCalls.ts"
import { deadlines, reaction } from "./ProviderReaction.ts"
import { paymentPublication } from "./Publication.ts"
import { PaymentQueries } from "./Queries.ts"
import { Timetable } from "./Timetable.ts"

export { PaymentProjector, Payments } from "./Payments.ts"
export { ProviderCalls } from "./ProviderCalls.ts"

/** The schema that holds the service's tables, on the write side and on the read side. */
export const schema = "payment"

/** The level: events for ever, and a snapshot every 100 of them. */
export const persistence: Persistence.Events = Persistence.events()

/** How the service is run. Everything has a default. */
export interface Options {
  readonly persistence?: Persistence.Events | Persistence.State
  readonly limits?: Limits
  readonly entities?: Entities.Limits
  readonly projector?: Projector.Options
  readonly consumer?: Omit<Consumer.Options, "effects">
  readonly calls?: CallOptions
  /** How often to look for what the provider is to be asked again. Default 500 ms. */
  readonly deadlinePollMillis?: number
}

/** The command side: the payments, and what asks the provider about them. */
export const commandSide = (
  options: Options = {}
): Layer.Layer<Payments | ProviderCalls, never, Journal | Snapshots | Provider> => {
  const payment = makePayment(options.limits ?? defaultLimits)
  const running = { ...options.entities, persistence: options.persistence ?? persistence }
  return ProviderCalls.layer(options.calls).pipe(
    Layer.provideMerge(Layer.effect(Payments, Entities.make(payment, running)))
  )
}

/** The query side: read models, the workers that write them, the queries, and the timetable of the deadlines. */
export const querySide = (
  options: Options = {}
): Layer.Layer<
  PaymentProjector | PaymentQueries | Timetable | Comparisons,
  never,
  Journal | ProjectionStore | SqlClient
> =>
  Layer.mergeAll(
    PaymentQueries.layer(schema),
    Timetable.layer(schema),
    Comparisons.layer(schema),
    Layer.effect(PaymentProjector, Projector.make([paymentViews(schema)], options.projector))
  )

/**
 * The message side: asks the provider what payments wait for, tells others what becomes of them, carries out what they ask,
 * follows orders to their end, and compares payments with the provider's books.
 * Provides nothing, and works while it lives; any number of processes may run it. Without it no payment gets anywhere.
 */
export const messageSide = (
  options: Options = {}
): Layer.Layer<
  never,
  never,
  Payments | ProviderCalls | Timetable | Comparisons | Journal | ProjectionStore | Broker | Inbox
> => {
  const consumer = Layer.unwrap(
    Effect.map(Payments, (payments) => {
      const how = { ...options.consumer, effects: "idempotent" } as const
      return Layer.merge(
        Consumer.layer(paymentConsumerName, [paymentCommands(payments)], how),
        Consumer.layer(fulfilmentConsumerName, [orderEvents(payments)], how)
      )
    })
  )
  return Layer.mergeAll(
    Layer.effectDiscard(Projector.make<ProviderCalls | Broker>([reaction, paymentPublication], options.projector)),
    consumer,
    deadlines(options.deadlinePollMillis ?? 500),
    sweep
  )
}
