/**
 * What payments rely on when Stripe, or the wire to it, does not do as it should: a refusal is a decline, whatever is not certain
 * is unknown, and nothing is believed without Stripe's signature. A server of the test's own answers in Stripe's form.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import Stripe from "stripe"
import { describe } from "vitest"
import { type Notification, Provider } from "../../src/payment/Provider.ts"
import { captureKey, captureRecord } from "../../src/payment/StripeAnswers.ts"
import * as StripeProvider from "../../src/payment/StripeProvider.ts"
import { gbp } from "./Given.ts"

interface Asked {
  readonly method: string
  readonly path: string
  readonly key: string | undefined
  readonly body: URLSearchParams
}

/** What the server answers: a status and a body, or nothing at all. */
type Reply = readonly [status: number, body: object] | "silence" | "hang-up"

const read = async (request: IncomingMessage): Promise<Asked> => {
  let text = ""
  for await (const chunk of request) text += chunk
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    key: request.headers["idempotency-key"] as string | undefined,
    body: new URLSearchParams(text)
  }
}

const answer = (response: ServerResponse, reply: Reply): void => {
  if (reply === "hang-up") return void response.destroy()
  if (reply === "silence") return
  const [status, body] = reply
  response.writeHead(status, { "content-type": "application/json", "request-id": "req_1" }).end(JSON.stringify(body))
}

const webhookSecret = "whsec_test"

/** Stripe, as this server answers for it: each request with the next reply, and the last one for ever. */
const withServer = <A, E>(
  replies: ReadonlyArray<Reply>,
  run: (asked: ReadonlyArray<Asked>) => Effect.Effect<A, E, Provider>
) =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      const asked: Array<Asked> = []
      const server = createServer(async (request, response) => {
        asked.push(await read(request))
        answer(response, replies[Math.min(asked.length, replies.length) - 1]!)
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      return { server, asked }
    }),
    ({ server, asked }) => Effect.provide(run(asked), stripeAt((server.address() as AddressInfo).port)),
    ({ server }) => Effect.sync(() => close(server))
  )

const close = (server: Server): void => {
  server.close()
  server.closeAllConnections()
}

const stripeAt = (port: number) =>
  Layer.merge(
    StripeProvider.layer({
      apiKey: Redacted.make("sk_test_123"),
      webhookSecret: Redacted.make(webhookSecret),
      returnUrl: "https://shop.example/back?from=bank",
      apiUrl: `http://127.0.0.1:${port}`,
      timeoutMillis: 200
    }),
    Layer.succeed(References.MinimumLogLevel, "None")
  )

const of = { paymentId: "order-1", authorisationId: "order-1/authorise", providerReference: "pi_1" }
const request = {
  paymentId: "order-1",
  operationId: "order-1/authorise",
  orderId: "order-1",
  amount: gbp(10_000),
  token: "pm_card_visa"
}
const capturing = { ...of, operationId: "order-1/capture/c", amount: gbp(6_000) }
const refunding = { ...of, operationId: "order-1/refund/r", amount: gbp(1_000) }
const voiding = { ...of, operationId: "order-1/void", currency: "GBP" }

const provider = Effect.flatMap(Provider, Effect.succeed)
const told = <A extends { readonly _tag: string }, E extends { readonly _tag: string }>(
  effect: Effect.Effect<A, E, Provider>
) => Effect.map(Effect.result(effect), (result) => (Result.isSuccess(result) ? result.success : result.failure._tag))
const authorise = told(Effect.flatMap(provider, (stripe) => stripe.authorise(request)))

const intent = (changes: object = {}) => ({
  object: "payment_intent",
  id: "pi_1",
  status: "requires_capture",
  amount: 10_000,
  amount_received: 0,
  currency: "gbp",
  latest_charge: "ch_1",
  metadata: { daybook_payment: "order-1", daybook_operation: "order-1/authorise" },
  ...changes
})

const error = (type: string, changes: object = {}) => ({ error: { type, message: "No.", ...changes } })

describe("a call of Stripe", () => {
  it.effect("carries our operation id as the idempotency key, and the payment in the metadata", () =>
    withServer([[200, intent()]], (asked) =>
      Effect.gen(function* () {
        expect(yield* authorise).toMatchObject({ _tag: "Approved", providerReference: "pi_1", amount: gbp(10_000) })
        const [{ method, path, key, body } = asked[0]!] = asked
        expect([method, path, key]).toEqual(["POST", "/v1/payment_intents", "order-1/authorise"])
        expect(Object.fromEntries(body)).toMatchObject({
          amount: "10000",
          currency: "gbp",
          payment_method: "pm_card_visa",
          capture_method: "manual",
          confirm: "true",
          return_url: "https://shop.example/back?from=bank&payment=order-1",
          "metadata[daybook_payment]": "order-1",
          "metadata[daybook_operation]": "order-1/authorise"
        })
      })
    )
  )

  it.effect.each<readonly [string, Reply, unknown]>([
    [
      "a decline of the bank",
      [402, error("card_error", { code: "card_declined", decline_code: "lost_card" })],
      "lost_card"
    ],
    [
      "a token that there is not",
      [404, error("invalid_request_error", { code: "resource_missing" })],
      "resource_missing"
    ],
    ["a request that it does not take", [400, error("invalid_request_error")], "invalid_request"]
  ])("is declined for good after %s", ([, reply, code]) =>
    withServer([reply], () => Effect.map(authorise, (said) => expect(said).toEqual({ _tag: "Declined", code })))
  )

  it.effect.each<readonly [string, Reply, string]>([
    ["a failure at Stripe", [500, error("api_error")], "ProviderUnavailable"],
    ["too many requests", [429, error("rate_limit_error")], "ProviderUnavailable"],
    [
      "another request of the same key under way",
      [409, error("invalid_request_error", { code: "lock_timeout" })],
      "ProviderUnavailable"
    ],
    ["a key that stands for something else", [400, error("idempotency_error")], "ProviderUnavailable"],
    ["a key of ours that it does not know", [401, error("invalid_request_error")], "ProviderUnavailable"],
    ["a connection that ends", "hang-up", "ProviderUnavailable"],
    ["no answer within the time", "silence", "ProviderTimedOut"]
  ])("is of unknown outcome after %s, and is not repeated under another key", ([, reply, failure]) =>
    withServer([reply], (asked) =>
      Effect.gen(function* () {
        expect(yield* authorise).toBe(failure)
        // A connection that ends may have been an old one: the library asks again at once, under the same key.
        expect(asked.length).toBeLessThanOrEqual(reply === "hang-up" ? 2 : 1)
        expect(new Set(asked.map(({ key }) => key))).toEqual(new Set(["order-1/authorise"]))
      })
    )
  )

  it.effect("of an amount that Stripe has no unit for is declined without asking", () =>
    withServer([[200, intent()]], (asked) =>
      Effect.gen(function* () {
        const amount = { amountMinor: 1_234, currency: "MGA" }
        const said = yield* Effect.flatMap(provider, (stripe) => stripe.authorise({ ...request, amount }))
        expect(said).toEqual({ _tag: "Declined", code: "amount_not_payable_in_MGA" })
        expect(asked).toEqual([])
      })
    )
  )

  it.effect("to capture, refund or void goes to the intent, which is searched for when it is not known", () =>
    withServer(
      [
        [200, { object: "search_result", data: [intent({ id: "pi_9" })] }],
        [200, intent({ id: "pi_9", status: "succeeded" })]
      ],
      (asked) =>
        Effect.gen(function* () {
          const stripe = yield* provider
          expect(yield* stripe.capture({ ...capturing, providerReference: null })).toMatchObject({
            _tag: "Approved",
            amount: gbp(6_000)
          })
          expect(asked.map(({ path }) => path.split("?")[0])).toEqual([
            "/v1/payment_intents/search",
            "/v1/payment_intents/pi_9/capture"
          ])
          expect(decodeURIComponent(asked[0]!.path)).toContain("metadata['daybook_payment']:'order-1'")
          expect(asked[1]!.key).toBe("order-1/capture/c")
          expect(Object.fromEntries(asked[1]!.body)).toMatchObject({ amount_to_capture: "6000" })
        })
    )
  )

  it.effect("to capture, refund or void a payment that Stripe has not is declined", () =>
    withServer([[200, { object: "search_result", data: [] }]], () =>
      Effect.gen(function* () {
        const stripe = yield* provider
        const nowhere = { providerReference: null }
        const answers = [
          yield* stripe.capture({ ...capturing, ...nowhere }),
          yield* stripe.refund({ ...refunding, ...nowhere }),
          yield* stripe.void({ ...voiding, ...nowhere })
        ]
        expect(new Set(answers.map((said) => JSON.stringify(said))).size).toBe(1)
        expect(answers[0]).toEqual({ _tag: "Declined", code: "authorisation_not_found" })
      })
    )
  )

  it.effect("to void what has ended already has nothing to do", () => {
    const refused = (status: string) =>
      [
        400,
        error("invalid_request_error", { code: "payment_intent_unexpected_state", payment_intent: intent({ status }) })
      ] as const
    return withServer([refused("canceled"), refused("succeeded"), refused("processing")], () =>
      Effect.gen(function* () {
        const stripe = yield* provider
        const tags = []
        for (let i = 0; i < 3; i++) tags.push((yield* stripe.void(voiding))._tag)
        expect(tags).toEqual(["Approved", "Approved", "Declined"])
      })
    )
  })
})

describe("a query of Stripe", () => {
  const querying = (changes: object) => ({
    paymentId: "order-1",
    operationId: "order-1/authorise",
    kind: "authorise" as const,
    providerReference: null,
    authorisationReference: null,
    ...changes
  })
  const query = (changes: object) => told(Effect.flatMap(provider, (stripe) => stripe.query(querying(changes))))

  it.effect("finds an authorisation by search, or by its reference", () =>
    withServer(
      [
        [200, { object: "search_result", data: [intent()] }],
        [200, intent({ status: "canceled" })]
      ],
      (asked) =>
        Effect.gen(function* () {
          expect(yield* query({})).toMatchObject({ _tag: "Approved" })
          expect(yield* query({ providerReference: "pi_1" })).toEqual({ _tag: "Expired" })
          expect(asked[1]!.path).toContain("/v1/payment_intents/pi_1")
        })
    )
  )

  it.effect("says so when there is none", () =>
    withServer([[200, { object: "search_result", data: [] }]], () =>
      Effect.map(query({}), (said) => expect(said).toEqual({ _tag: "NotFound" }))
    )
  )

  it.effect("finds captures and refunds by what they wrote down, and nothing for others", () => {
    const operationId = "order-1/capture/c"
    const captured = intent({
      status: "succeeded",
      metadata: { [captureKey(operationId)]: captureRecord(operationId, 6_000) }
    })
    const refund = {
      object: "refund",
      id: "re_1",
      status: "succeeded",
      amount: 1_000,
      currency: "gbp",
      metadata: { daybook_operation: "order-1/refund/r" }
    }
    const list = { object: "list", data: [refund], has_more: false }
    const replies: ReadonlyArray<Reply> = [
      [200, captured],
      [200, captured],
      [200, intent()],
      [200, list],
      [200, intent()],
      [200, list],
      [200, refund]
    ]
    return withServer(replies, () =>
      Effect.gen(function* () {
        const at = { authorisationReference: "pi_1" }
        expect(yield* query({ ...at, kind: "capture", operationId })).toMatchObject({
          _tag: "Approved",
          amount: gbp(6_000)
        })
        expect(yield* query({ ...at, kind: "capture", operationId: "other" })).toEqual({ _tag: "NotFound" })
        expect(yield* query({ ...at, kind: "refund", operationId: "order-1/refund/r" })).toMatchObject({
          _tag: "Approved"
        })
        expect(yield* query({ ...at, kind: "refund", operationId: "other" })).toEqual({ _tag: "NotFound" })
        expect(yield* query({ kind: "refund", providerReference: "re_1" })).toMatchObject({
          _tag: "Approved",
          amount: gbp(1_000)
        })
      })
    )
  })

  it.effect("fails where Stripe does not answer as it should, a refusal included: it is no outcome", () =>
    withServer(
      [
        [500, error("api_error")],
        [400, error("invalid_request_error")]
      ],
      () =>
        Effect.gen(function* () {
          expect([yield* query({}), yield* query({})]).toEqual(["ProviderUnavailable", "ProviderUnavailable"])
        })
    )
  )
})

describe("a webhook of Stripe's", () => {
  const { webhooks } = new Stripe("sk_test_123")
  const body = (object: object, type = "payment_intent.amount_capturable_updated") =>
    JSON.stringify({ object: "event", id: "evt_1", created: 7, type, data: { object } })
  const signed = (payload: string, secret = webhookSecret, timestamp = 1_000) =>
    webhooks.generateTestHeaderString({ payload, secret, timestamp } as never)
  const reading = (text: string, signature: string) =>
    Effect.map(
      Effect.result(Effect.flatMap(provider, (stripe) => stripe.readWebhook(text, signature))),
      (read): ReadonlyArray<Notification> | string => (Result.isSuccess(read) ? read.success : read.failure._tag)
    )

  it.effect("is read where the signature is Stripe's, over that body, and no older than five minutes", () =>
    withServer([[200, intent()]], () =>
      Effect.gen(function* () {
        const text = body(intent())
        yield* TestClock.setTime(1_000_000)
        expect(yield* reading(text, signed(text))).toMatchObject([
          {
            paymentId: "order-1",
            operationId: "order-1/authorise",
            providerEventId: "evt_1",
            statement: { _tag: "Approved" }
          }
        ])
        const forged = [
          reading(text.replace("10000", "10001"), signed(text)),
          reading(text, signed(text, "whsec_other")),
          reading(text, ""),
          reading(text, "t=1000,v1=")
        ]
        expect(new Set(yield* Effect.all(forged))).toEqual(new Set(["WebhookNotAuthentic"]))
        yield* TestClock.adjust("5 minutes")
        expect(yield* reading(text, signed(text))).toHaveLength(1)
        yield* TestClock.adjust("1 second")
        expect(yield* reading(text, signed(text))).toBe("WebhookNotAuthentic")
      })
    )
  )

  it.effect(
    "of a dispute is about the payment of its intent, and cannot be read while that cannot be found out",
    () => {
      const dispute = {
        object: "dispute",
        id: "dp_1",
        status: "lost",
        amount: 1_000,
        currency: "gbp",
        reason: "fraudulent",
        payment_intent: "pi_1"
      }
      return withServer(
        [
          [500, error("api_error")],
          [200, intent()]
        ],
        () =>
          Effect.gen(function* () {
            const text = body(dispute, "charge.dispute.closed")
            expect(yield* reading(text, signed(text))).toBe("WebhookUnreadable")
            expect(yield* reading(text, signed(text))).toMatchObject([
              { paymentId: "order-1", statement: { _tag: "Chargeback", stage: "lost" } }
            ])
          })
      )
    }
  )

  it.effect("that is signed and not in the form of an event cannot be read", () =>
    withServer([[200, intent()]], () =>
      Effect.gen(function* () {
        for (const text of ["no JSON", "{}", '{"id":"evt_1","type":"payment_intent.canceled","data":{"object":{}}}']) {
          expect(yield* reading(text, signed(text))).toBe("WebhookUnreadable")
        }
      })
    )
  )
})

describe("the configuration", () => {
  const built = (env: Record<string, string>) =>
    Effect.result(
      Effect.provide(
        Effect.map(provider, ({ name }) => name),
        StripeProvider.layerConfig.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env))))
      )
    )

  it.effect("names the account, and says which variable is missing", () =>
    Effect.gen(function* () {
      const env = {
        STRIPE_API_KEY: "sk_test",
        STRIPE_WEBHOOK_SECRET: "whsec",
        STRIPE_RETURN_URL: "https://shop.example"
      }
      const whole = yield* built(env)
      expect(Result.isSuccess(whole) && whole.success).toBe("stripe")
      for (const name of Object.keys(env)) {
        const { [name as keyof typeof env]: _, ...rest } = env
        const missing = yield* built(rest)
        expect(Result.isFailure(missing) && String(missing.failure)).toContain(name)
      }
    })
  )
})
