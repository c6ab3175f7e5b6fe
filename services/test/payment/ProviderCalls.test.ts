/**
 * How the provider is asked: few enough at once, each within its time, once however many want to, and never with a transaction
 * open. Whatever goes wrong, what is not known is recorded as unknown and asked about again.
 */
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import { Snapshots } from "@daybook/core/Snapshot"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import { make as makePayment } from "../../src/payment/Domain.ts"
import { persistence } from "../../src/payment/Payment.ts"
import { Payments } from "../../src/payment/Payments.ts"
import { type Answer, Provider, type ProviderFailure } from "../../src/payment/Provider.ts"
import { type Options, ProviderCalls } from "../../src/payment/ProviderCalls.ts"
import { ProviderSimulator } from "../../src/payment/ProviderSimulator.ts"
import { voidPayment } from "./Given.ts"
import { authorise, operationsOf, stateOf } from "./Service.ts"

const entities = Layer.effect(Payments, Entities.make(makePayment(), { persistence })).pipe(
  Layer.provide(Layer.merge(Journal.layerMemory(), Snapshots.layerMemory))
)
const quiet = Layer.succeed(References.MinimumLogLevel, "None")

/** The simulator, except for what is said here. */
const providerWith = (changes: Partial<Provider["Service"]>) =>
  Layer.effect(
    Provider,
    Effect.map(Provider, (real) => ({ ...real, ...changes }))
  ).pipe(Layer.provideMerge(ProviderSimulator.layer()))

const running = (changes: Partial<Provider["Service"]>, options?: Options) =>
  Effect.provide(
    ProviderCalls.layer(options).pipe(Layer.provideMerge(Layer.mergeAll(entities, providerWith(changes), quiet)))
  )

const goOn = (id: string) => Effect.flatMap(ProviderCalls, (calls) => calls.goOn(id, {}))
const goOnWith = (id: string) => Effect.flatMap(ProviderCalls, (calls) => calls.goOnWith(id, `${id}/authorise`, {}))

const approved: Answer = {
  _tag: "Approved",
  providerReference: "pi_1",
  amount: { amountMinor: 10_000, currency: "GBP" },
  expiresAtMillis: null
}

/** Counts how many are in there at once, and lets them out on demand. */
const gate = () => {
  const open = Deferred.makeUnsafe<void>()
  const state = { inside: 0, most: 0, calls: 0 }
  const pass: Effect.Effect<Answer, ProviderFailure> = Effect.suspend(() => {
    state.calls++
    state.most = Math.max(state.most, ++state.inside)
    return Effect.as(Deferred.await(open), approved)
  }).pipe(Effect.ensuring(Effect.sync(() => state.inside--)))
  return { open: Deferred.succeed(open, undefined), state, pass }
}

describe("calls of the provider", () => {
  it.effect("are made side by side, and no more than the limit", () => {
    const { open, state, pass } = gate()
    return Effect.gen(function* () {
      const ids = yield* Effect.forEach(Array.from({ length: 10 }), () => authorise("tok_visa"))
      const all = yield* Effect.forkChild(Effect.forEach(ids, goOn, { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 second")
      expect(state.inside).toBe(3)
      yield* open
      yield* Fiber.join(all)
      expect(state).toEqual({ inside: 0, most: 3, calls: 10 })
      for (const id of ids) expect(yield* operationsOf(id)).toEqual(["authorise succeeded"])
    }).pipe(running({ authorise: () => pass }, { atOnce: 3 }))
  })

  it.effect("wait for their turn before they are begun, so that none looks as if it were under way", () => {
    const { open, pass } = gate()
    return Effect.gen(function* () {
      const ids = [yield* authorise("tok_visa"), yield* authorise("tok_visa")]
      const all = yield* Effect.forkChild(Effect.forEach(ids, goOn, { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 second")
      const statuses = (yield* Effect.forEach(ids, operationsOf)).flat().sort()
      expect(statuses).toEqual(["authorise requested", "authorise sent"])
      yield* open
      yield* Fiber.join(all)
    }).pipe(running({ authorise: () => pass }, { atOnce: 1 }))
  })

  it.effect("that are not answered in time are unknown, say how long it was waited, and free their place", () => {
    const { state, pass } = gate()
    return Effect.gen(function* () {
      const id = yield* authorise("tok_visa")
      const call = yield* Effect.forkChild(goOn(id))
      yield* TestClock.adjust("9 seconds")
      expect(yield* operationsOf(id)).toEqual(["authorise sent"])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(call)
      expect(yield* operationsOf(id)).toEqual(["authorise unknown"])
      expect(state).toMatchObject({ inside: 0, calls: 1 })
    }).pipe(running({ authorise: () => pass }))
  })

  it.effect("are made once for an operation, however many want it", () => {
    const { open, state, pass } = gate()
    return Effect.gen(function* () {
      const id = yield* authorise("tok_visa")
      const first = yield* Effect.forkChild(goOn(id))
      yield* TestClock.adjust("1 second")
      // The call is under way: whoever comes now queries it, and finds nothing at the simulator.
      yield* goOn(id)
      yield* open
      yield* Fiber.join(first)
      expect(yield* operationsOf(id)).toEqual(["authorise succeeded"])
      expect(state.calls).toBe(1)
    }).pipe(
      running({ authorise: () => pass, query: () => Effect.succeed({ _tag: "Pending", providerReference: "p" }) })
    )
  })

  it.effect.each([
    ["refuses", () => Effect.die(new Error("The adapter has a mistake"))],
    [
      "throws",
      () => {
        throw new Error("The adapter has a mistake")
      }
    ]
  ] as const)("of which the adapter %s to speak are unknown, and others go on", ([, mistaken]) =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_visa")
      yield* goOn(id)
      expect(yield* operationsOf(id)).toEqual(["authorise unknown"])
      // Queries go wrong alike, and fail with a problem, never with a defect.
      expect((yield* Effect.flip(goOnWith(id)))._tag).toBe("ProviderUnavailable")
      yield* goOn(id)
    }).pipe(running({ authorise: mistaken, query: mistaken }))
  )

  it.effect("are not made any more for what was cancelled first", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_visa")
      yield* (yield* Payments).execute(id, voidPayment({ operationId: `${id}/void` }))
      yield* goOn(id)
      expect(yield* operationsOf(id)).toEqual(["authorise requested", "void unneeded"])
      expect(yield* Effect.flatMap(ProviderSimulator, ({ ledger }) => ledger(id))).toMatchObject({ heldMinor: 0 })
    }).pipe(running({}))
  )

  it.effect("follow what a query finds: not carried out is called again, under the same id", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_lost")
      yield* goOn(id)
      expect(yield* operationsOf(id)).toEqual(["authorise unknown"])
      yield* goOnWith(id)
      expect(yield* operationsOf(id)).toEqual(["authorise requested"])
      yield* goOn(id)
      expect(yield* operationsOf(id)).toEqual(["authorise succeeded"])
      expect((yield* stateOf(id)).operations[0]!.calls).toBe(2)
    }).pipe(running({}))
  )
})
