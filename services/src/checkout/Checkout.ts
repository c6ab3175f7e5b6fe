/**
 * The checkout as layers: what an app composes. Conducts the saga of `Saga.ts`, which is kept like any other aggregate.
 *
 * Level 3 (see docs/canvas/checkout.md): what was asked of whom, and what came of it, is kept for ever.
 */
import type { Broker } from "@daybook/core/Broker"
import * as Consumer from "@daybook/core/Consumer"
import * as Deadlines from "@daybook/core/Deadlines"
import * as Entities from "@daybook/core/Entities"
import type { Inbox } from "@daybook/core/Inbox"
import type { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Projector from "@daybook/core/Projector"
import * as SagaRuntime from "@daybook/core/SagaRuntime"
import type { Snapshots } from "@daybook/core/Snapshot"
import type { MigrationSet } from "@daybook/postgres/Migrations"
import * as SqlSagaView from "@daybook/postgres/SqlSagaView"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { conductor, consumerName, sources } from "./Consumer.ts"
import { findingsGauge } from "./FindingsGauge.ts"
import { Reconciliation, tables as reconciliationTables } from "./Reconciliation.ts"
import { reconciliationConsumerName, reconciliationSources } from "./ReconciliationConsumer.ts"
import * as Saga from "./Saga.ts"

/** The schema that holds the service's tables, on the write side and on the read side. */
export const schema = "checkout"

/** The level: events for ever; few are needed to recover one, so that no snapshot is worth it. */
export const persistence: Persistence.Persistence = Persistence.events()

/** The tables of its read side. */
export const tables: ReadonlyArray<MigrationSet> = [SqlSagaView.tables, reconciliationTables]

/** How others' messages are copied, of which nobody asks before they are minutes old. */
const copying: Consumer.Options = { mixed: true, pauseMillis: 250 }

/** The checkouts, as entities. */
export class Checkouts extends Context.Service<Checkouts, SagaRuntime.Sagas>()(
  "@daybook/services/checkout/Checkouts"
) {}

/** Where checkouts stand. */
export class CheckoutView extends Context.Service<CheckoutView, SqlSagaView.SagaView>()(
  "@daybook/services/checkout/CheckoutView"
) {}

/** The worker of the view. */
export class CheckoutProjector extends Context.Service<CheckoutProjector, Projector.Projector>()(
  "@daybook/services/checkout/CheckoutProjector"
) {}

/** How the service is run. Everything has a default. */
export interface Options {
  readonly deadlines?: Saga.Deadlines
  readonly entities?: Entities.Limits
  readonly projector?: Projector.Options
  readonly consumer?: Omit<Consumer.Options, "effects">
  /** How often to look for requests to be sent again. Default 500 ms. */
  readonly pollMillis?: number
  /** How long something may take before it counts as a finding in the metrics. Default 15 minutes. */
  readonly reconcileAfterMillis?: number
}

/** The command side: the sagas. */
export const commandSide = (options: Options = {}): Layer.Layer<Checkouts, never, Journal | Snapshots> =>
  Layer.effect(Checkouts, Entities.make(Saga.make(options.deadlines), { ...options.entities, persistence }))

/** The query side: where checkouts stand, the worker that writes it down, and what does not fit together. */
export const querySide = (
  options: Options = {}
): Layer.Layer<CheckoutProjector | CheckoutView | Reconciliation, never, Journal | ProjectionStore | SqlClient> =>
  Layer.mergeAll(
    Reconciliation.layer(schema),
    Layer.effect(CheckoutView, SqlSagaView.make(schema, Saga.name)),
    Layer.effect(CheckoutProjector, Projector.make([SqlSagaView.projection(schema, Saga.name)], options.projector))
  )

/**
 * The message side: sends the sagas' commands, hears what is answered, sends again what was not, and writes down what others
 * say, to compare it. Runs while it lives. Any number of processes may run it.
 */
export const messageSide = (
  options: Options = {}
): Layer.Layer<never, never, Checkouts | CheckoutView | Reconciliation | Journal | ProjectionStore | Broker | Inbox> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const view = yield* CheckoutView
      const copy = yield* Reconciliation
      return Layer.mergeAll(
        Layer.effectDiscard(Projector.make([SagaRuntime.dispatch(conductor)], options.projector)),
        Consumer.layer(consumerName, sources(checkouts), { ...options.consumer, effects: "idempotent" }),
        Consumer.layer(reconciliationConsumerName, reconciliationSources(copy), { ...copying, ...options.consumer }),
        findingsGauge(copy, options.reconcileAfterMillis),
        Deadlines.layer({
          name: Saga.name,
          due: view.due,
          fire: (due, nowMillis) => SagaRuntime.runOutOfPatience(conductor, checkouts, due, nowMillis),
          ...(options.pollMillis === undefined ? {} : { pollMillis: options.pollMillis })
        })
      )
    })
  )
