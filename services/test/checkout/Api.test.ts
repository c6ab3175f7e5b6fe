/**
 * What a storefront and its operators rely on over HTTP: a checkout is begun once whatever is sent again, followed to its end,
 * cancelled, retried and resolved, and what does not fit together is reported. The handlers as they are, over an embedded store,
 * without a socket; what participants answer is told to the checkouts, as by message.
 */
import type { Command } from "@daybook/core/Saga"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder, OpenApi } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { CheckoutApi } from "../../src/checkout/Api.ts"
import * as Checkout from "../../src/checkout/Checkout.ts"
import { Kind } from "../../src/checkout/Findings.ts"
import * as Handlers from "../../src/checkout/Handlers.ts"
import { Reconciliation } from "../../src/checkout/Reconciliation.ts"
import { step } from "../../src/checkout/Saga.ts"
import { RequestProblems } from "../../src/InvalidRequest.ts"
import { gbp } from "./Copy.ts"

const { schema, tables } = Checkout

/** The service without its message side. */
const service = Layer.merge(Checkout.commandSide(), Checkout.querySide()).pipe(
  Layer.provide(Layer.merge(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }))),
  Layer.provide(Database.layer({ folder: undefined }))
)

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
}

/** Starts the service, and answers requests to it. */
const start = async () => {
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(service, scope))
  const routes = HttpApiBuilder.layer(CheckoutApi).pipe(
    Layer.provide(Handlers.layer),
    Layer.provide(SubjectKeys.layerMemory),
    Layer.provide(RequestProblems.layer),
    Layer.provide(Layer.succeedContext(context)),
    Layer.provide(HttpServer.layerServices)
  )
  const { handler, dispose } = HttpRouter.toWebHandler(routes, { disableLogger: true })
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const json = body === undefined ? {} : { body: JSON.stringify(body) }
    const request = new Request(`http://localhost${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...json
    })
    const response = await handler(request, Context.empty() as never)
    return { status: response.status, headers: response.headers, body: await response.json() } as Answer
  }
  return {
    call,
    /** A participant answers. */
    hear: (id: string, command: Command) =>
      Effect.runPromise(Context.get(context, Checkout.Checkouts).execute(id, command, {})),
    copy: Context.get(context, Reconciliation),
    stop: async () => {
      await dispose()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}

const expectProblem = (answer: Answer, status: number, type: string, detail: string): void => {
  expect(answer.body).toMatchObject({ status, type: `urn:daybook:problem:${type}` })
  expect(answer.body.detail).toContain(detail)
  expect(answer.status).toBe(status)
}

const expectInvalid = (answer: Answer, ...fields: ReadonlyArray<string>): void => {
  expectProblem(answer, 400, "InvalidRequest", "")
  expect(answer.body.errors.map(({ path }: { path: ReadonlyArray<string> }) => path.join("."))).toEqual(fields)
}

let checkouts: Awaited<ReturnType<typeof start>>
let made = 0

beforeAll(async () => {
  checkouts = await start()
}, 60_000)

afterAll(() => checkouts.stop())

const post = (path: string, body?: unknown, headers?: Record<string, string>) =>
  checkouts.call("POST", path, body, headers)
const get = (path: string) => checkouts.call("GET", path)

const asked = { cartId: "cart-1", paymentMethod: { token: "tok_approve" } }

const begun = async () => {
  const id = `checkout-${++made}`
  expect((await post("/checkouts", { id, ...asked })).status).toBe(202)
  return id
}

/** The checkout as queries show it, once they show a version. */
const shown = async (id: string, version: number) => (await get(`/checkouts/${id}?atLeastVersion=${version}`)).body

const refusal = (direction: "forward" | "backward", name: string): Command => ({
  _tag: "HearFailure",
  step: name,
  direction,
  reason: "CartChanged",
  answer: null,
  nowMillis: 0
})

/** A checkout that cannot be undone by itself. */
const stuck = async () => {
  const id = await begun()
  const { hear } = checkouts
  await hear(id, {
    _tag: "HearSuccess",
    step: step.freeze,
    direction: "forward",
    answer: { cartId: "cart-1", customerId: null, country: null, total: { ...gbp(100) }, lines: [] },
    nowMillis: 0
  })
  await hear(id, refusal("forward", step.order))
  const { version } = await hear(id, refusal("backward", step.freeze))
  return { id, version }
}

describe("beginning a checkout", () => {
  it("answers once it is durable, with where to follow it", async () => {
    const answer = await post("/checkouts", { id: "mine", ...asked, cartVersion: 3, acceptedTotal: gbp(6_000) })
    expect(answer).toMatchObject({ status: 202, body: { id: "mine", repeated: false } })
    expect(answer.headers.get("location")).toBe("/checkouts/mine")
    expect(await shown("mine", answer.body.version)).toMatchObject({
      id: "mine",
      status: "running",
      step: "freeze-cart",
      direction: "forward",
      attempt: 1,
      reason: null,
      cancellation: null,
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/u)
    })
  })

  it("makes an id where none is given, the same again for the same key, however long that is", async () => {
    const first = await post("/checkouts", asked)
    expect(first.body.id).toMatch(/^[\w-]{22,36}$/u)
    expect((await post("/checkouts", asked)).body.id).not.toBe(first.body.id)
    const key = { "idempotency-key": "k".repeat(200) }
    const keyed = await post("/checkouts", asked, key)
    expect(keyed).toMatchObject({ status: 202, body: { repeated: false } })
    // As long as participants take: orders, reservations and payments get it too.
    expect(keyed.body.id.length).toBeLessThanOrEqual(64)
    const { id } = keyed.body
    expect(await post("/checkouts", asked, key)).toMatchObject({ status: 202, body: { id, repeated: true } })
    const other = await post("/checkouts", asked, { "idempotency-key": `${"k".repeat(199)}l` })
    expect(other.body.id).not.toBe(id)
  })

  it("does nothing for the same again under the same id, and refuses another cart under it", async () => {
    const id = await begun()
    expect(await post("/checkouts", { id, ...asked })).toMatchObject({ status: 202, body: { id, version: 2 } })
    const other = await post("/checkouts", { id, ...asked, cartId: "cart-2" })
    expectProblem(other, 409, "SagaAlreadyStarted", "other data")
  })

  it("says what is wrong, field by field, and begins nothing", async () => {
    expectInvalid(await post("/checkouts", {}), "body.cartId", "body.paymentMethod")
    const wrong = { ...asked, id: "i".repeat(65), cartVersion: 0, acceptedTotal: { amountMinor: -1, currency: "GBP" } }
    expectInvalid(await post("/checkouts", wrong), "body.id", "body.cartVersion", "body.acceptedTotal.amountMinor")
    const card = { ...asked, id: "wrong", paymentMethod: { token: "t", last4: "12345" } }
    expectInvalid(await post("/checkouts", card), "body.paymentMethod.last4")
    expect((await get("/checkouts/wrong")).status).toBe(404)
  })
})

describe("following a checkout", () => {
  it("answers with its version as the tag, and says when there is none of that id", async () => {
    const id = await begun()
    const answer = await get(`/checkouts/${id}?atLeastVersion=2`)
    expect(answer.headers.get("etag")).toBe(`"${answer.body.version}"`)
    expectProblem(await get("/checkouts/nobody"), 404, "SagaNotStarted", "no checkout nobody")
  })

  it("lists by status, the oldest first, page by page, and says when a page cannot be found", async () => {
    const { id, version } = await stuck()
    const other = await stuck()
    await shown(other.id, other.version)
    expect(await shown(id, version)).toMatchObject({
      status: "needs-attention",
      step: "freeze-cart",
      direction: "backward"
    })
    const list = async (query: string) =>
      (await get(`/checkouts?status=needs-attention${query}`)).body.map((one: { id: string }) => one.id)
    expect(await list("")).toEqual([id, other.id])
    expect(await list("&limit=1")).toEqual([id])
    expect(await list(`&limit=1&after=${id}`)).toEqual([other.id])
    expect(await list(`&after=${other.id}`)).toEqual([])
    expectProblem(await get("/checkouts?after=nobody"), 422, "UnknownCursor", "Checkout nobody is not in this list")
    expectInvalid(await get("/checkouts?status=lost"), "query.status")
  })
})

describe("what buyers and operators may do", () => {
  it("cancels a checkout once, which is honoured when its step has answered", async () => {
    const id = await begun()
    const { body } = await post(`/checkouts/${id}/cancellation`)
    expect(await shown(id, body.version)).toMatchObject({ status: "running", cancellation: "cancelled" })
    expect((await post(`/checkouts/${id}/cancellation`)).body.version).toBe(body.version)
    expectProblem(await post("/checkouts/nobody/cancellation"), 404, "SagaNotStarted", "no checkout nobody")
  })

  it("does not cancel what is completed, and says what to do instead", async () => {
    const id = await begun()
    const nowMillis = 0
    const answers: Readonly<Record<string, object>> = {
      [step.freeze]: { cartId: "cart-1", customerId: null, country: null, total: { ...gbp(100) }, lines: [] },
      [step.authorise]: { authorisationId: "a" }
    }
    for (const name of Object.values(step)) {
      const answer = (answers[name] ?? null) as never
      await checkouts.hear(id, { _tag: "HearSuccess", step: name, direction: "forward", answer, nowMillis })
    }
    const refused = await post(`/checkouts/${id}/cancellation`)
    expectProblem(refused, 409, "SagaNotWaiting", `POST /orders/${id}/cancellation`)
  })

  it("retries what needs attention", async () => {
    const { id } = await stuck()
    const { status, body } = await post(`/checkouts/${id}/retry`)
    expect(status).toBe(202)
    expect(await shown(id, body.version)).toMatchObject({ status: "compensating", attempt: 1 })
  })

  it("goes on with what an operator says, once", async () => {
    const { id, version } = await stuck()
    const resolution = { outcome: "succeeded" }
    const why = { "x-actor": "ann", "x-reason": "The order is in its books" }
    const key = { ...why, "idempotency-key": "resolve-1", "if-match": `"${version}"` }
    expectInvalid(await post(`/checkouts/${id}/resolution`, resolution), "header.x-reason")
    const { body } = await post(`/checkouts/${id}/resolution`, resolution, key)
    expect(await shown(id, body.version)).toMatchObject({ status: "compensated", reason: "CartChanged" })
    expect((await post(`/checkouts/${id}/resolution`, resolution, key)).body).toMatchObject({ repeated: true })
    expectProblem(await post(`/checkouts/${id}/resolution`, resolution, why), 409, "SagaNotWaiting", "compensated")
    expectProblem(await post(`/checkouts/${id}/retry`), 409, "SagaNotWaiting", "compensated")
    expectInvalid(await post(`/checkouts/${id}/resolution`, { outcome: "maybe" }, why), "body.outcome")
  })
})

describe("the report of what does not fit together", () => {
  const report = (query = "") => get(`/reports/reconciliation${query}`)

  beforeAll(async () => {
    const { copy } = checkouts
    const hour = 3_600_000
    await Effect.runPromise(copy.hear("held", { authorised: gbp(6_000) }, Date.now() - hour))
    await Effect.runPromise(copy.hear("other:held", { authorised: gbp(1) }, Date.now() - hour))
    await Effect.runPromise(copy.hear("new", { reservation: "reserved" }, Date.now()))
  })

  it("lists findings, each with what is known and what to do, and leaves alone what is under way", async () => {
    const { status, body } = await report("?kind=funds-without-order")
    expect(status).toBe(200)
    expect(body).toMatchObject([
      {
        id: "funds-without-order:held",
        kind: "funds-without-order",
        orderId: "held",
        held: gbp(6_000),
        orderStatus: null,
        checkoutStatus: null,
        nextStep: expect.stringContaining("POST /payments/held/void")
      },
      { id: "funds-without-order:other%3Aheld", orderId: "other:held" }
    ])
    const orders = async (query: string) => (await report(query)).body.map((one: { orderId: string }) => one.orderId)
    expect(await orders("?kind=reservation-without-checkout")).toEqual([])
    expect(await orders("?kind=reservation-without-checkout&olderThanMinutes=0")).toEqual(["new"])
    expect(await orders("?olderThanMinutes=61&kind=funds-without-order")).toEqual([])
  })

  it("lists the checkouts that wait for an operator, too", async () => {
    const { id, version } = await stuck()
    await shown(id, version)
    const { body } = await report("?kind=checkout-needs-attention")
    expect(body).toContainEqual(expect.objectContaining({ orderId: id, checkoutStep: "freeze-cart" }))
  })

  it("is read page by page, and refuses what is no finding's id", async () => {
    const all = (await report("?olderThanMinutes=0")).body
    const [first] = (await report("?olderThanMinutes=0&limit=1")).body
    expect(first).toEqual(all[0])
    const rest = (await report(`?olderThanMinutes=0&after=${encodeURIComponent(first.id)}`)).body
    expect(rest).toEqual(all.slice(1))
    expectInvalid(await report("?after=held"), "query.after")
    expectInvalid(await report("?kind=lost"), "query.kind")
    expectInvalid(await report("?olderThanMinutes=-1"), "query.olderThanMinutes")
    expectInvalid(await report("?olderThanMinutes=1e1"), "query.olderThanMinutes")
  })

  it("says in the documentation what can be found", () => {
    const { paths } = OpenApi.fromApi(CheckoutApi)
    const documented = JSON.stringify(paths["/reports/reconciliation"])
    for (const kind of Kind.literals) expect(documented).toContain(kind)
    for (const [path, methods] of Object.entries(paths)) {
      for (const operation of Object.values(methods))
        expect((operation as { summary?: string }).summary, path).toBeTruthy()
    }
  })
})
