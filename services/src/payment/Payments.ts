/**
 * The payments as entities, and the workers of their read models: what the rest of the service needs of its runtime.
 * `Payment.ts` makes them.
 */
import type * as Entities from "@daybook/core/Entities"
import type * as Projector from "@daybook/core/Projector"
import * as Context from "effect/Context"
import type { Command } from "./Domain.ts"
import type { Rejection } from "./Rejection.ts"
import type { State } from "./State.ts"

/** The payments, as entities. */
export class Payments extends Context.Service<Payments, Entities.Entities<State, Command, Rejection>>()(
  "@daybook/services/payment/Payments"
) {}

/** The workers of the payment's read models. */
export class PaymentProjector extends Context.Service<PaymentProjector, Projector.Projector>()(
  "@daybook/services/payment/PaymentProjector"
) {}
