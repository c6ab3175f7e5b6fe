/**
 * Every request that the adapter makes is one that Stripe's published specification takes: stripe-mock refuses others, and answers
 * with Stripe's fixtures. It keeps nothing, so that what follows from one request for another is tested elsewhere.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import Stripe from "stripe"
import { describe } from "vitest"
import { type Answer, Provider } from "../../src/payment/Provider.ts"
import * as StripeProvider from "../../src/payment/StripeProvider.ts"
import { gbp } from "./Given.ts"

const apiUrl = process.env.STRIPE_MOCK_URL
if (apiUrl === undefined) throw new Error("STRIPE_MOCK_URL is not set: run this by npm run test:integration")

const stripe = Effect.provide(
  StripeProvider.layer({
    apiKey: Redacted.make("sk_test_123"),
    webhookSecret: Redacted.make("whsec_test"),
    returnUrl: "https://shop.example/back",
    apiUrl
  })
)

const of = { paymentId: "order-1", authorisationId: "order-1/authorise", providerReference: "pi_1" }

/** The codes of requests that the specification does not take. */
const refusals = ["invalid_request", "parameter_unknown", "parameter_missing", "parameter_invalid_integer"]

const expectTaken = (answer: Answer) => {
  if (answer._tag === "Declined") expect(refusals).not.toContain(answer.code)
}

describe("stripe-mock", () => {
  it("refuses what the specification does not have, so that being taken means something", async () => {
    const { hostname, port } = new URL(apiUrl)
    const client = new Stripe("sk_test_123", { host: hostname, port, protocol: "http", maxNetworkRetries: 0 })
    const wrong = client.paymentIntents.create({ amount: 100, currency: "gbp", colour: "blue" } as never)
    await expect(wrong).rejects.toThrow(/colour|additional/iu)
  })

  it.effect("takes our authorisation", () =>
    Effect.gen(function* () {
      const { authorise } = yield* Provider
      const answer = yield* authorise({
        paymentId: "order-1",
        operationId: "order-1/authorise",
        orderId: "order-1",
        amount: gbp(10_000),
        token: "pm_card_visa"
      })
      expectTaken(answer)
    }).pipe(stripe)
  )

  it.effect("takes our capture, void and refund", () =>
    Effect.gen(function* () {
      const { capture, void: release, refund } = yield* Provider
      const captured = yield* capture({ ...of, operationId: "order-1/capture/c", amount: gbp(6_000) })
      expect(captured).toMatchObject({ _tag: "Approved", amount: { amountMinor: 6_000 } })
      expectTaken(yield* release({ ...of, operationId: "order-1/void", currency: "GBP" }))
      const refunded = yield* refund({ ...of, operationId: "order-1/refund/r", amount: gbp(1_000) })
      expect(refunded).toMatchObject({ _tag: "Approved", amount: { amountMinor: 1_000 } })
    }).pipe(stripe)
  )

  it.effect("takes our queries, by reference and by search", () =>
    Effect.gen(function* () {
      const { query } = yield* Provider
      const asked = { paymentId: "order-1", providerReference: null, authorisationReference: null }
      const found = []
      for (const kind of ["authorise", "capture", "void", "refund"] as const) {
        found.push(yield* query({ ...asked, kind, operationId: `order-1/${kind}` }))
        found.push(yield* query({ ...asked, kind, operationId: `order-1/${kind}`, authorisationReference: "pi_1" }))
      }
      found.push(
        yield* query({ ...asked, kind: "authorise", operationId: "order-1/authorise", providerReference: "pi_1" })
      )
      found.push(yield* query({ ...asked, kind: "refund", operationId: "order-1/refund/r", providerReference: "re_1" }))
      expect(found).toHaveLength(10)
    }).pipe(stripe)
  )
})
