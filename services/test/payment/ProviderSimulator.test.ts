/** What the simulated provider does for each magic token and amount, and what it has in common with real ones. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import type { Kind } from "../../src/payment/Events.ts"
import { type Answer, Provider, type ProviderFailure } from "../../src/payment/Provider.ts"
import { ProviderSimulator } from "../../src/payment/ProviderSimulator.ts"
import { behaviourAt } from "../../src/payment/SimulatedBehaviour.ts"
import { gbp } from "./Given.ts"

const paymentId = "payment-1"

/** An answer or a failure, in one word. */
const word = Effect.map((result: Result.Result<{ readonly _tag: string }, { readonly _tag: string }>) =>
  Result.isSuccess(result) ? result.success._tag : result.failure._tag
)
const told = (effect: Effect.Effect<Answer, ProviderFailure>) => word(Effect.result(effect))

const authorise = (token: string, operationId = "auth") =>
  Effect.flatMap(Provider, (provider) =>
    told(provider.authorise({ paymentId, operationId, orderId: "order-1", amount: gbp(10_000), token }))
  )
const of = { paymentId, authorisationId: "auth", providerReference: null }
const capture = (amountMinor: number, operationId = "capture") =>
  Effect.flatMap(Provider, (provider) => told(provider.capture({ ...of, operationId, amount: gbp(amountMinor) })))
const refund = (amountMinor: number, operationId = "refund") =>
  Effect.flatMap(Provider, (provider) => told(provider.refund({ ...of, operationId, amount: gbp(amountMinor) })))
const cancel = Effect.flatMap(Provider, (provider) =>
  told(provider.void({ ...of, operationId: "void", currency: "GBP" }))
)
const query = (operationId = "auth", kind: Kind = "authorise") =>
  Effect.flatMap(Provider, (provider) =>
    word(
      Effect.result(
        provider.query({ paymentId, operationId, kind, providerReference: null, authorisationReference: null })
      )
    )
  )
const ledger = Effect.flatMap(ProviderSimulator, (simulator) => simulator.ledger(paymentId))
const notifications = Effect.gen(function* () {
  const provider = yield* Provider
  const deliveries = yield* (yield* ProviderSimulator).deliveries
  const read = yield* Effect.forEach(deliveries, ({ body, signature }) => provider.readWebhook(body, signature))
  return read.flat()
})
const statements = Effect.map(notifications, (read) => read.map(({ statement }) => statement._tag))

const none = { heldMinor: 0, capturedMinor: 0, refundedMinor: 0, chargedBackMinor: 0 }
const fresh = Effect.provide(ProviderSimulator.layer())

describe("an authorisation", () => {
  it.effect.each([
    ["tok_visa", ["Approved", "Approved"], "Approved"],
    ["tok_decline", ["Declined", "Declined"], "Declined"],
    ["tok_3ds", ["ActionRequired", "ActionRequired"], "ActionRequired"],
    ["tok_pending", ["Pending", "Pending"], "Pending"],
    ["tok_timeout", ["ProviderTimedOut", "Approved"], "Approved"],
    ["tok_timeout_decline", ["ProviderTimedOut", "Declined"], "Declined"],
    ["tok_lost", ["ProviderTimedOut", "NotFound"], "Approved"],
    ["tok_unavailable", ["ProviderUnavailable", "NotFound"], "Approved"],
    ["tok_unknown", ["ProviderTimedOut", "ProviderUnavailable"], "Approved"]
  ] as const)("with %s is called, queried, and called again: %j, %s", ([token, firstAndQuery, again]) =>
    Effect.gen(function* () {
      expect([yield* authorise(token), yield* query()]).toEqual(firstAndQuery)
      expect(yield* authorise(token)).toBe(again)
      expect(yield* ledger).toEqual({ ...none, heldMinor: again === "Approved" ? 10_000 : 0 })
    }).pipe(fresh)
  )

  it.effect("of unknown outcome is known from the third query on", () =>
    Effect.gen(function* () {
      yield* authorise("tok_unknown")
      const queries = yield* Effect.all([query(), query(), query()])
      expect(queries).toEqual(["ProviderUnavailable", "ProviderUnavailable", "Approved"])
    }).pipe(fresh)
  )

  it.effect("that is pending is approved after a minute", () =>
    Effect.gen(function* () {
      yield* authorise("tok_pending")
      yield* TestClock.adjust("59 seconds")
      expect(yield* query()).toBe("Pending")
      yield* TestClock.adjust("1 second")
      expect(yield* query()).toBe("Approved")
    }).pipe(fresh)
  )

  it.effect("is confirmed by the buyer, refused, or given up after an hour", () =>
    Effect.gen(function* () {
      const { completeAction } = yield* ProviderSimulator
      yield* Effect.forEach(["a", "b", "c"], (id) => authorise("tok_3ds", id))
      expect([yield* completeAction("a", true), yield* completeAction("b", false)]).toEqual([true, true])
      yield* TestClock.adjust("1 hour")
      expect([yield* query("a"), yield* query("b"), yield* query("c")]).toEqual(["Approved", "Declined", "Declined"])
      expect(yield* completeAction("c", true)).toBe(false)
    }).pipe(fresh)
  )

  it.effect("runs out after seven days, or after a minute", () =>
    Effect.gen(function* () {
      yield* authorise("tok_visa")
      yield* TestClock.adjust("6 days")
      expect(yield* ledger).toEqual({ ...none, heldMinor: 10_000 })
      yield* TestClock.adjust("1 day")
      expect([yield* query(), yield* capture(1)]).toEqual(["Expired", "Declined"])
      expect(yield* ledger).toEqual(none)
      expect(yield* authorise("tok_short_hold", "short")).toBe("Approved")
      yield* TestClock.adjust("1 minute")
      expect(yield* query("short")).toBe("Expired")
    }).pipe(fresh)
  )
})

describe("captures, refunds and voids", () => {
  it.effect("move money once for each operation id, and no more than there is", () =>
    Effect.gen(function* () {
      yield* authorise("tok_visa")
      expect(yield* Effect.all([capture(6_000), capture(6_000), capture(5_000)])).toEqual([
        "Approved",
        "Approved",
        "Declined"
      ])
      expect(yield* capture(4_001, "capture-2")).toBe("Declined")
      expect(yield* Effect.all([refund(2_000), refund(2_000), refund(4_001, "refund-2")])).toEqual([
        "Approved",
        "Approved",
        "Declined"
      ])
      expect(yield* ledger).toEqual({ ...none, heldMinor: 4_000, capturedMinor: 6_000, refundedMinor: 2_000 })
      expect([yield* cancel, yield* capture(1, "capture-3")]).toEqual(["Approved", "Declined"])
      expect(yield* ledger).toEqual({ ...none, capturedMinor: 6_000, refundedMinor: 2_000 })
    }).pipe(fresh)
  )

  it.effect.each([
    [1_091, "Declined", "Declined"],
    [1_092, "ProviderTimedOut", "Approved"],
    [1_093, "ProviderTimedOut", "NotFound"],
    [1_094, "Pending", "Pending"],
    [1_095, "ProviderTimedOut", "ProviderUnavailable"],
    [1_098, "ProviderUnavailable", "NotFound"],
    [1_000, "Approved", "Approved"]
  ] as const)("of %d, paid with tok_amounts, answer %s and are then found %s", ([amountMinor, answer, found]) =>
    Effect.gen(function* () {
      yield* authorise("tok_amounts")
      expect([yield* capture(amountMinor), yield* query("capture", "capture")]).toEqual([answer, found])
      yield* capture(5_000, "capture-2")
      expect([yield* refund(amountMinor), yield* query("refund", "refund")]).toEqual([answer, found])
    }).pipe(fresh)
  )

  it.effect("of any amount are approved with other tokens", () =>
    Effect.gen(function* () {
      yield* authorise("tok_visa")
      expect([yield* capture(1_091), yield* refund(1_091)]).toEqual(["Approved", "Approved"])
    }).pipe(fresh)
  )

  it.effect.each([
    ["tok_void_timeout", "ProviderTimedOut", 0],
    ["tok_void_lost", "ProviderTimedOut", 10_000],
    ["tok_void_decline", "Declined", 10_000]
  ] as const)("with %s: the void answers %s, and %d are held", ([token, answer, heldMinor]) =>
    Effect.gen(function* () {
      yield* authorise(token)
      expect(yield* cancel).toBe(answer)
      expect(yield* ledger).toEqual({ ...none, heldMinor })
    }).pipe(fresh)
  )

  it.effect("cannot be confirmed by the buyer once they are voided", () =>
    Effect.gen(function* () {
      yield* authorise("tok_3ds")
      expect(yield* cancel).toBe("Approved")
      expect(yield* (yield* ProviderSimulator).completeAction("auth", true)).toBe(false)
      expect(yield* ledger).toEqual(none)
    }).pipe(fresh)
  )
})

describe("webhooks", () => {
  it.effect("tell of each change, once, twice, or against themselves", () =>
    Effect.gen(function* () {
      yield* authorise("tok_visa", "a")
      expect(yield* statements).toEqual(["Approved"])
      expect(yield* statements).toEqual([])
      yield* authorise("tok_contradict", "b")
      expect(yield* statements).toEqual(["Approved", "Declined"])
      yield* authorise("tok_duplicate", "c")
      const [first, second] = yield* notifications
      expect(second).toEqual(first)
      expect(first).toMatchObject({ paymentId, operationId: "c", statement: { _tag: "Approved", amount: gbp(10_000) } })
    }).pipe(fresh)
  )

  it.effect("overtake one another on demand", () =>
    Effect.gen(function* () {
      yield* authorise("tok_visa", "a")
      yield* authorise("tok_reorder", "b")
      expect((yield* notifications).map(({ operationId }) => operationId)).toEqual(["b", "a"])
    }).pipe(fresh)
  )

  it.effect("tell of disputes, and how they end", () =>
    Effect.gen(function* () {
      const simulator = yield* ProviderSimulator
      yield* authorise("tok_chargeback")
      yield* capture(6_000)
      expect(yield* statements).toEqual(["Approved", "Approved"])
      yield* TestClock.adjust("1 minute")
      expect(yield* ledger).toMatchObject({ chargedBackMinor: 6_000 })
      yield* simulator.openChargeback(paymentId, "dp_2", 1_000)
      yield* simulator.closeChargeback("dp_2", "won")
      expect(yield* ledger).toMatchObject({ chargedBackMinor: 6_000 })
      const told = (yield* notifications).map(({ statement }) => statement)
      expect(told).toMatchObject([{ stage: "open" }, { chargebackId: "dp_2", stage: "open" }, { stage: "won" }])
    }).pipe(fresh)
  )

  const signed = Effect.gen(function* () {
    yield* authorise("tok_visa")
    return (yield* (yield* ProviderSimulator).deliveries)[0]!
  })
  const reading = (body: string, signature: string) =>
    Effect.gen(function* () {
      const read = yield* Effect.result((yield* Provider).readWebhook(body, signature))
      return Result.isSuccess(read) ? "read" : read.failure._tag
    })

  it.effect("are believed only as they were signed, and for five minutes", () =>
    Effect.gen(function* () {
      const { body, signature } = yield* signed
      const forged = [
        reading(body.replace("10000", "10001"), signature),
        reading(body, signature.replace("t=0", "t=1")),
        reading(
          body,
          signature.replace(/.$/u, (last) => (last === "0" ? "1" : "0"))
        ),
        reading(body, ""),
        reading(body, "t=0,v1=")
      ]
      expect(new Set(yield* Effect.all(forged))).toEqual(new Set(["WebhookNotAuthentic"]))
      yield* TestClock.adjust("5 minutes")
      expect(yield* reading(body, signature)).toBe("read")
      yield* TestClock.adjust("1 milli")
      expect(yield* reading(body, signature)).toBe("WebhookNotAuthentic")
    }).pipe(fresh)
  )

  it.effect("are not believed when another secret signed them", () =>
    Effect.gen(function* () {
      const { body, signature } = yield* Effect.provide(signed, ProviderSimulator.layer({ secret: "other" }))
      expect(yield* reading(body, signature)).toBe("WebhookNotAuthentic")
    }).pipe(fresh)
  )
})

describe("faults", () => {
  const behaviours = (seed: string, percent: number) =>
    Array.from({ length: 1_000 }, (_, i) =>
      behaviourAt({ kind: "authorise", operationId: `auth-${i}`, amountMinor: 1, token: "tok_visa" }, { seed, percent })
    )
  const share = (percent: number) =>
    behaviours("a", percent).filter((behaviour) => Object.keys(behaviour).length > 0).length

  it("are the same for the same seed, and others for another", () => {
    expect(behaviours("a", 50)).toEqual(behaviours("a", 50))
    expect(behaviours("a", 50)).not.toEqual(behaviours("b", 50))
  })

  it("hit the share of operations that was asked for, and never tok_approve", () => {
    expect([share(0), share(100)]).toEqual([0, 1_000])
    expect(Math.abs(share(20) - 200)).toBeLessThan(50)
    const approve = { kind: "authorise" as const, operationId: "a", amountMinor: 1, token: "tok_approve" }
    expect(behaviourAt(approve, { seed: "a", percent: 100 })).toEqual({})
  })
})
