/**
 * What the files in `golden/` mean: the stored formats of the checkout, which are those of every saga. For `Golden.test.ts` and
 * `npm run stored`.
 */
import { evolveAll } from "@daybook/core/Aggregate"
import type { SagaEvent } from "@daybook/core/Saga"
import { make } from "../../src/checkout/Saga.ts"
import { formats } from "../StoredFormats.ts"

const aggregate = make()

const data = {
  cartId: "cart-1",
  cartVersion: 3,
  acceptedTotal: { amountMinor: 6_000, currency: "GBP" },
  paymentMethod: { token: "tok_1", brand: "visa", last4: null }
}
const started: SagaEvent = { _tag: "SagaStarted", sagaId: "checkout-1", data }
const requested: SagaEvent = {
  _tag: "StepRequested",
  step: "freeze-cart",
  direction: "forward",
  commandId: "checkout-1/freeze-cart",
  attempt: 1,
  outgoing: {
    topic: "cart-commands",
    key: "cart-1",
    type: "CheckOutCart",
    schemaVersion: 1,
    data: { checkoutId: "checkout-1", lines: [] }
  },
  dueAtMillis: 1_290_988_800_000
}
const succeeded: SagaEvent = { _tag: "StepSucceeded", step: "freeze-cart", answer: { cartId: "cart-1" } }
const reserving: SagaEvent = { ...requested, step: "reserve-items", commandId: "checkout-1/reserve-items" }
const failed: SagaEvent = { _tag: "StepFailed", step: "reserve-items", reason: "shortage", answer: [{ sku: "71053" }] }
const undoing: SagaEvent = { ...requested, direction: "backward", commandId: "checkout-1/freeze-cart/undo" }
const wish: SagaEvent = { _tag: "CancellationRequested", reason: "cancelled" }

/** What each file means, in today's terms. */
const meanings: Record<string, SagaEvent> = {
  "SagaStarted.v1.json": started,
  "StepRequested.v1.json": requested,
  "StepSucceeded.v1.json": succeeded,
  "StepFailed.v1.json": failed,
  "StepUndone.v1.json": { _tag: "StepUndone", step: "freeze-cart" },
  "LateSuccessHeard.v1.json": { _tag: "LateSuccessHeard", step: "reserve-items", answer: null },
  "CancellationRequested.v1.json": wish,
  "SagaCompleted.v1.json": { _tag: "SagaCompleted" },
  "SagaCompensated.v1.json": { _tag: "SagaCompensated", step: "reserve-items", reason: "shortage" },
  "AttentionNeeded.v1.json": { _tag: "AttentionNeeded", step: "freeze-cart", reason: "no answer" },
  "OperatorRetried.v1.json": { _tag: "OperatorRetried", step: "freeze-cart" },
  "OperatorResolved.v1.json": {
    _tag: "OperatorResolved",
    step: "freeze-cart",
    outcome: "succeeded",
    answer: { cartId: "cart-1" }
  }
}

/** A state with something in every field. */
const state = evolveAll(aggregate, aggregate.initial, [started, requested, succeeded, wish, reserving, failed, undoing])

/** The checkouts'. */
export const checkout = formats({
  aggregate,
  folder: new URL("golden/", import.meta.url),
  meanings,
  states: { "State.v1.json": state }
})
