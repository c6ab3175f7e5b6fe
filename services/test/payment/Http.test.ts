/**
 * What operators, storefronts and providers rely on over HTTP: commands are answered when they are durable, queries show what
 * came of them, and a webhook counts only with the provider's signature, once.
 */
import { createHmac } from "node:crypto"
import { expect, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as Layer from "effect/Layer"
import { RequestProblems } from "../../src/InvalidRequest.ts"
import { PaymentApi } from "../../src/payment/Api.ts"
import * as Handlers from "../../src/payment/Handlers.ts"
import { operationId } from "../../src/payment/OperationId.ts"
import { Payments } from "../../src/payment/Payments.ts"
import { ProviderSimulator } from "../../src/payment/ProviderSimulator.ts"
import { deliver } from "../../src/payment/SimulatedWebhooks.ts"
import { capture, gbp } from "./Given.ts"
import {
  authorise,
  eventsOf,
  newId,
  operationsOf,
  outside,
  providerLedger,
  service,
  stateOf,
  until,
  untilOperations
} from "./Service.ts"

interface Answer {
  readonly status: number
  readonly body: any
  readonly headers: Headers
}

interface Sent {
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly text?: string
}

/** Sends requests to the API, without a network. */
class Client extends Context.Service<
  Client,
  (method: "GET" | "POST", path: string, sent?: Sent) => Effect.Effect<Answer>
>()("Client") {
  static readonly layer = Layer.effect(
    Client,
    Effect.gen(function* () {
      const context = yield* Effect.context<Layer.Success<typeof running>>()
      const api = HttpApiBuilder.layer(PaymentApi).pipe(
        Layer.provide(Handlers.layer),
        Layer.provide(RequestProblems.layer),
        Layer.provide(HttpServer.layerServices),
        Layer.provide(Layer.succeedContext(context))
      )
      const { handler, dispose } = HttpRouter.toWebHandler(api, { disableLogger: true })
      yield* Effect.addFinalizer(() => Effect.promise(dispose))
      return (method, path, { headers = {}, body, text = JSON.stringify(body) } = {}) =>
        Effect.promise(async () => {
          const request = new Request(`http://shop${path}`, {
            method,
            headers: { "content-type": "application/json", ...headers },
            ...(method === "GET" || text === undefined ? {} : { body: text })
          })
          const response = await handler(request, context as never)
          const received = await response.text()
          return {
            status: response.status,
            headers: response.headers,
            body: received === "" ? undefined : JSON.parse(received)
          }
        })
    })
  )
}

const running = service().pipe(Layer.provideMerge(outside))

const post = (path: string, body?: unknown, sent: Sent = {}) =>
  Effect.flatMap(Client, (call) => call("POST", path, { ...sent, body }))
const get = (path: string) => Effect.flatMap(Client, (call) => call("GET", path))

/** A payment of which 100.00 are held. */
const held = Effect.fnUntraced(function* (token = "tok_approve") {
  const id = yield* authorise(token)
  yield* untilOperations(id, "authorise succeeded")
  return id
})

/** The payment as queries show it, when they show that. */
const shown = (id: string, wanted: object) =>
  until(
    Effect.map(get(`/payments/${id}`), ({ body }) => {
      const isShown = Object.entries(wanted).every(
        ([key, value]) => JSON.stringify(body[key]) === JSON.stringify(value)
      )
      return isShown ? body : undefined
    })
  )

const expectProblem = ({ status, body, headers }: Answer, wanted: number, type: string) => {
  expect([status, body.type]).toEqual([wanted, `urn:daybook:problem:${type}`])
  expect(headers.get("content-type")).toBe("application/problem+json")
  expect(body.detail.length).toBeGreaterThan(20)
}

/** A signature as the simulated provider makes it, with the secret that everyone knows. */
const signed = (text: string) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const digest = createHmac("sha256", "whsec_simulated").update(`${now}.${text}`).digest("hex")
    return `t=${now},v1=${digest}`
  })

layer(Client.layer.pipe(Layer.provideMerge(running)), { timeout: "60 seconds" })("over HTTP", (it) => {
  it.effect("a payment is compared with the provider's books on demand, and the answer says what needs attention", () =>
    Effect.gen(function* () {
      const id = yield* held()
      const { status, body } = yield* post(`/payments/${id}/reconciliation`)
      expect([status, body]).toMatchObject([200, { id, status: "authorised", compared: 1, attention: [] }])
      const again = yield* post(`/payments/${id}/reconciliation`, undefined, { headers: { "idempotency-key": "k" } })
      expect(again.body.version).toBe(body.version)
      expectProblem(yield* post("/payments/nobody/reconciliation"), 404, "PaymentNotFound")
    })
  )

  it.effect("captures and refunds are accepted with their operation, and shown with what came of them", () =>
    Effect.gen(function* () {
      const id = yield* held()
      const captured = yield* post(`/payments/${id}/captures`, { captureId: "shipment-1", amount: gbp(6_000) })
      expect(captured).toMatchObject({
        status: 202,
        body: { id, version: 4, repeated: false, operationId: `${id}/capture/shipment-1` }
      })
      yield* untilOperations(id, "authorise succeeded", "capture succeeded")
      const refunded = yield* post(`/payments/${id}/refunds`, { amount: gbp(1_000), reason: "one was broken" })
      expect(refunded).toMatchObject({ status: 202, body: { operationId: expect.stringContaining(`${id}/refund/`) } })
      const payment = yield* shown(id, { captured: gbp(6_000), refunded: gbp(1_000) })
      expect(payment).toMatchObject({
        id,
        status: "captured",
        orderId: id,
        customerId: "17850",
        held: gbp(4_000),
        capturable: gbp(4_000),
        refundable: gbp(5_000),
        paymentMethod: { brand: "visa", last4: "4242" },
        actionUrl: null,
        operations: [
          { operationId: `${id}/authorise`, kind: "authorise", status: "succeeded", amount: gbp(10_000) },
          { operationId: `${id}/capture/shipment-1`, kind: "capture", status: "succeeded", amount: gbp(6_000) },
          { kind: "refund", status: "succeeded", amount: gbp(1_000), reason: "one was broken" }
        ],
        chargebacks: [],
        attention: []
      })
      const { headers } = yield* get(`/payments/${id}?atLeastVersion=${payment.version}`)
      expect(headers.get("etag")).toBe(`"${payment.version}"`)
      expect(JSON.stringify(payment)).not.toContain("tok_approve")
    })
  )

  it.effect("a repeated request is the same operation, and a stale one is refused", () =>
    Effect.gen(function* () {
      const id = yield* held()
      const headers = { "idempotency-key": `${id} capture` }
      const path = `/payments/${id}/captures`
      const first = yield* post(path, { amount: gbp(1_000) }, { headers })
      const again = yield* post(path, { amount: gbp(1_000) }, { headers })
      expect(again.body).toEqual({ ...first.body, repeated: true })
      const stale = yield* post(path, { amount: gbp(1_000) }, { headers: { "if-match": '"1"' } })
      expectProblem(stale, 412, "VersionMismatch")
      yield* untilOperations(id, "authorise succeeded", "capture succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ capturedMinor: 1_000 })
    })
  )

  it.effect("a void releases what is held, and may be asked for again", () =>
    Effect.gen(function* () {
      const id = yield* held()
      for (let i = 0; i < 2; i++) {
        expect((yield* post(`/payments/${id}/void`, { reason: "the buyer called" })).status).toBe(202)
      }
      yield* untilOperations(id, "authorise succeeded", "void succeeded")
      expect(yield* shown(id, { status: "cancelled" })).toMatchObject({ held: gbp(0) })
    })
  )

  it.effect("a void of a payment that there is not begins none", () =>
    Effect.gen(function* () {
      const { status } = yield* post("/payments/no-such-payment/void", { reason: "a mistaken id" })
      expect(status).toBe(404)
      expect(yield* eventsOf("no-such-payment")).toEqual([])
    })
  )

  it.effect("a declined void is shown to need attention, until another succeeds and it is resolved with a note", () =>
    Effect.gen(function* () {
      const id = yield* held("tok_void_decline")
      yield* post(`/payments/${id}/void`, { voidId: "first", reason: "the buyer called" })
      yield* untilOperations(id, "authorise succeeded", "void declined")
      const listed = yield* until(
        Effect.map(get("/payments/attention?limit=500"), ({ body }) =>
          body.find(({ paymentId }: { paymentId: string }) => paymentId === id)
        )
      )
      const attentionId = `void-declined:${id}/void/first`
      expect(listed).toMatchObject({ orderId: id, attentionId, kind: "void-declined" })
      const path = `/payments/${id}/attention/${encodeURIComponent(attentionId)}/resolution`
      expectProblem(yield* post(`/payments/${id}/attention/none/resolution`, { note: "?" }), 404, "UnknownAttention")
      expect((yield* post(path, { note: "Released at the provider's desk" })).status).toBe(202)
      const [attention] = (yield* until(
        Effect.map(get(`/payments/${id}`), ({ body }) =>
          body.attention[0]?.note === null ? undefined : body.attention
        )
      )) as ReadonlyArray<any>
      expect(attention).toMatchObject({ attentionId, note: "Released at the provider's desk" })
      const rest = yield* get(`/payments/attention?after=${listed.number - 1}`)
      expect(rest.body.filter(({ paymentId }: { paymentId: string }) => paymentId === id)).toEqual([])
      const { versions } = (yield* get(`/payments/${id}/history`)).body
      const whyOf = (event: string) => versions.find(({ type }: { type: string }) => type === event)?.reason
      expect(whyOf("VoidRequested")).toBe("the buyer called")
      expect(whyOf("AttentionResolved")).toBe("Released at the provider's desk")
    })
  )

  it.effect("a buyer who comes back learns where the payment stands, whatever the provider's webhook does", () =>
    Effect.gen(function* () {
      const simulator = yield* ProviderSimulator
      const id = yield* authorise("tok_3ds")
      yield* untilOperations(id, "authorise action-required")
      const waiting = yield* post(`/payments/${id}/confirmation`)
      const actionUrl = `https://provider.example/3ds/${id}/authorise`
      expect(waiting).toMatchObject({ status: 200, body: { id, status: "action-required", actionUrl } })
      yield* simulator.completeAction(`${id}/authorise`, true)
      const confirmed = yield* post(`/payments/${id}/confirmation`)
      expect(confirmed).toMatchObject({ status: 200, body: { id, status: "authorised", actionUrl: null } })
      // The webhook of the same comes later, and changes nothing but that it came.
      yield* deliver
      expect((yield* post(`/payments/${id}/confirmation`)).body.status).toBe("authorised")
      expect((yield* stateOf(id)).attentions).toEqual([])
      expectProblem(yield* post(`/payments/${newId()}/confirmation`), 404, "PaymentNotFound")
    })
  )

  it.effect("a buyer who comes back while the provider is away is told to try again", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_unknown")
      yield* untilOperations(id, "authorise unknown")
      expectProblem(yield* post(`/payments/${id}/confirmation`), 503, "ProviderUnavailable")
    })
  )

  it.effect("a webhook counts once, with the provider's signature over what arrived", () =>
    Effect.gen(function* () {
      const simulator = yield* ProviderSimulator
      const id = yield* held()
      yield* simulator.deliveries
      yield* (yield* Payments).execute(
        id,
        capture({ operationId: operationId(id, "capture", "c"), amount: gbp(4_000) })
      )
      yield* untilOperations(id, "authorise succeeded", "capture succeeded")
      yield* simulator.openChargeback(id, `dp_${id}`, 1_000)
      const deliveries = yield* simulator.deliveries
      const { body, signature } = deliveries.find(({ body }) => body.includes("Chargeback"))!
      const path = "/payments/webhooks/simulator"
      const send = (text: string, signed: string) =>
        post(path, undefined, { text, headers: { "simulator-signature": signed } })
      expectProblem(yield* send(body.replace("1000", "9000"), signature), 401, "WebhookNotAuthentic")
      expectProblem(yield* send(body, ""), 401, "WebhookNotAuthentic")
      expectProblem(yield* post(path, {}), 401, "WebhookNotAuthentic")
      expect((yield* stateOf(id)).chargebacks).toEqual([])
      for (let i = 0; i < 3; i++) {
        expect(yield* send(body, signature)).toMatchObject({ status: 200, body: { received: 1 } })
      }
      const { chargebacks } = yield* shown(id, { chargedBack: gbp(1_000) })
      expect(chargebacks).toMatchObject([{ chargebackId: `dp_${id}`, amount: gbp(1_000), stage: "open" }])
      const elsewhere = yield* post("/payments/webhooks/other", undefined, { text: body })
      expectProblem(elsewhere, 404, "UnknownProvider")
    })
  )

  it.effect("a webhook about a payment that nobody knows is refused, and one about nothing of ours is taken", () =>
    Effect.gen(function* () {
      const report = Effect.fnUntraced(function* (paymentId: string | null, statement: object) {
        const text = JSON.stringify({
          paymentId,
          operationId: null,
          providerEventId: "evt",
          occurredAtMillis: 0,
          statement
        })
        const headers = { "simulator-signature": yield* signed(text) }
        return yield* post("/payments/webhooks/simulator", undefined, { text, headers })
      })
      const declined = { _tag: "Declined", code: "stolen_card" }
      expectProblem(yield* report("a payment that is lost", declined), 404, "PaymentNotFound")
      expect(yield* report(null, declined)).toMatchObject({ status: 200, body: { received: 0 } })
      expectProblem(yield* report(null, { _tag: "Melted" }), 422, "WebhookUnreadable")
    })
  )

  it.effect("lists are of an order or a customer, the newest first, page by page", () =>
    Effect.gen(function* () {
      const ids = [yield* held(), yield* held(), yield* held()]
      for (const id of ids) yield* shown(id, { status: "authorised" })
      const one = yield* get(`/payments?orderId=${ids[1]}`)
      expect(one.body.map(({ id }: { id: string }) => id)).toEqual([ids[1]])
      const first = yield* get("/payments?customerId=17850&limit=2")
      expect(first.body).toHaveLength(2)
      const after = yield* get(`/payments?customerId=17850&limit=500&after=${first.body[1].id}`)
      const all = yield* get("/payments?customerId=17850&limit=500")
      expect([...first.body, ...after.body]).toEqual(all.body)
      expectProblem(yield* get("/payments?customerId=17850&after=nobody"), 422, "UnknownCursor")
      expectProblem(yield* get("/payments"), 400, "InvalidRequest")
      expectProblem(yield* get("/payments?orderId=a&customerId=b"), 400, "InvalidRequest")
    })
  )

  it.effect("reports say what is open, and what moved on which day", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_pending")
      yield* untilOperations(id, "authorise pending")
      const open = yield* until(
        Effect.map(get("/reports/open-payment-operations?limit=500"), ({ body }) =>
          body.find(({ paymentId, reason }: any) => paymentId === id && reason === "pending")
        )
      )
      expect(open).toMatchObject({ operationId: `${id}/authorise`, tries: 0, nextAt: expect.any(String) })
      const { body } = yield* get("/reports/payment-ledger?from=1970-01-01&to=1970-01-02&currency=GBP")
      expect(body[0]).toMatchObject({ day: "1970-01-01", authorised: { currency: "GBP" } })
      expect((yield* get("/reports/payment-ledger?currency=EUR")).body).toEqual([])
      expectProblem(yield* get("/reports/payment-ledger?from=2011-02-31"), 400, "InvalidRequest")
      expectProblem(yield* get("/reports/payment-ledger?from=2011-02-02&to=2011-02-01"), 400, "InvalidRequest")
    })
  )

  it.effect("what is wrong is named by field, and changes nothing", () =>
    Effect.gen(function* () {
      const id = yield* held()
      const wrong: ReadonlyArray<readonly [path: string, body: unknown, field: string]> = [
        ["captures", {}, "body.amount"],
        ["captures", { amount: gbp(-1) }, "body.amount.amountMinor"],
        ["captures", { amount: { amountMinor: 1, currency: "GBX" } }, "body.amount.currency"],
        ["captures", { amount: gbp(1), captureId: "c".repeat(65) }, "body.captureId"],
        ["refunds", { amount: gbp(1) }, "body.reason"],
        ["void", { reason: "" }, "body.reason"],
        [`attention/x/resolution`, {}, "body.note"]
      ]
      for (const [path, body, field] of wrong) {
        const answer = yield* post(`/payments/${id}/${path}`, body)
        expectProblem(answer, 400, "InvalidRequest")
        expect(answer.body.errors.map(({ path }: any) => path.join("."))).toContain(field)
      }
      expectProblem(yield* post(`/payments/${id}/captures`, { amount: gbp(10_001) }), 409, "CaptureExceedsAuthorised")
      expectProblem(yield* post(`/payments/${newId()}/captures`, { amount: gbp(1) }), 404, "PaymentNotFound")
      expectProblem(yield* get(`/payments/${newId()}`), 404, "PaymentNotFound")
      expect(yield* operationsOf(id)).toEqual(["authorise succeeded"])
    })
  )
})
