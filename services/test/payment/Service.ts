/**
 * The payment service on real stores in an embedded database, with the simulated provider outside of it: services come and go,
 * as processes do, and stores and provider stay. For tests.
 */
import { Journal } from "@daybook/core/Journal"
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as Stores from "@daybook/postgres/Stores"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import type { PaymentEvent } from "../../src/payment/Events.ts"
import { PaymentEvents } from "../../src/payment/Events.ts"
import { operationId } from "../../src/payment/OperationId.ts"
import * as Payment from "../../src/payment/Payment.ts"
import { Payments } from "../../src/payment/Payments.ts"
import { tables } from "../../src/payment/Projections.ts"
import { ProviderSimulator } from "../../src/payment/ProviderSimulator.ts"
import * as Given from "./Given.ts"

export const { schema } = Payment

/** Empty stores. */
export const stores = Layer.mergeAll(
  Stores.writeSide({ schema }),
  Stores.readSide({ schema, tables }),
  SqlBroker.layer()
).pipe(Layer.provideMerge(Database.layer({ folder: undefined })))

/** Stores and a provider. Warnings and refused messages are what tests provoke. */
export const outside = Layer.mergeAll(
  stores,
  ProviderSimulator.layer(),
  Layer.succeed(References.MinimumLogLevel, "Warn")
)

/** The whole service, at work. */
export const service = (options: Payment.Options = {}) =>
  Payment.messageSide(options).pipe(
    Layer.provideMerge(Layer.merge(Payment.commandSide(options), Payment.querySide(options)))
  )

/** Lets the machine work, which knows nothing of the test's clock. */
const turn = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))

/** Waits, while the test's clock goes on in steps, until something is found. */
export const until = <A, E, R>(find: Effect.Effect<A | undefined, E, R>, stepMillis = 20): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    for (let step = 0; step < 5_000; step++) {
      const found = yield* find
      if (found !== undefined) return found
      yield* TestClock.adjust(stepMillis)
      yield* turn
    }
    return yield* Effect.die(new Error("It does not come about"))
  })

/** Lets an hour, or whatever it takes, pass in steps at which the service can work. */
export const pass = (seconds: number) =>
  Effect.gen(function* () {
    const step = Math.max(seconds / 40, 0.5)
    for (let passed = 0; passed < seconds; passed += step) {
      yield* TestClock.adjust(`${Math.round(step * 1_000)} millis`)
      for (let i = 0; i < 4; i++) yield* turn
    }
  })

let made = 0

/** A payment id that no other test uses. */
export const newId = (): string => `order-${++made}`

/** Requests an authorisation of 100.00 with a token. */
export const authorise = Effect.fnUntraced(function* (token: string, id: string = newId()) {
  const payments = yield* Payments
  const paymentMethod = { token, brand: "visa", last4: "4242" }
  const operation = operationId(id, "authorise")
  yield* payments.execute(id, Given.authorise({ operationId: operation, orderId: id, paymentMethod }))
  return id
})

/** Where a payment stands, as its entity has it. */
export const stateOf = (id: string) =>
  Effect.flatMap(Payments, (payments) => Effect.map(payments.read(id), ({ state }) => state))

/** The status of the operations of a payment, by kind and in order. */
export const operationsOf = (id: string) =>
  Effect.map(stateOf(id), ({ operations }) => operations.map(({ kind, status }) => `${kind} ${status}`))

/** Waits until the operations of a payment are as they should be. */
export const untilOperations = (id: string, ...wanted: ReadonlyArray<string>) =>
  until(
    Effect.map(operationsOf(id), (operations) =>
      JSON.stringify(operations) === JSON.stringify(wanted) ? operations : undefined
    )
  ).pipe(
    Effect.catchDefect((defect) =>
      Effect.flatMap(operationsOf(id), (operations) => {
        expect(operations).toEqual(wanted)
        return Effect.die(defect)
      })
    )
  )

/** What the provider's books say of a payment. */
export const providerLedger = (id: string) => Effect.flatMap(ProviderSimulator, ({ ledger }) => ledger(id))

/** All that has happened to a payment. */
export const eventsOf = (id: string): Effect.Effect<ReadonlyArray<PaymentEvent>, unknown, Journal> =>
  Effect.gen(function* () {
    const stored = yield* (yield* Journal).readStream(`payment-${id}`, { from: 1 })
    return stored.flatMap((one) => PaymentEvents.decode(one))
  })
