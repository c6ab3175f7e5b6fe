/**
 * What a client of the orders' HTTP API relies on, at each of the three levels of persistence: the answers do not tell which one it
 * is. The handlers as they are, over an embedded store, without a socket; orders are placed through the entities, as by message.
 */
import * as Persistence from "@daybook/core/Persistence"
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
import { RequestProblems } from "../../src/InvalidRequest.ts"
import { OrderApi } from "../../src/order/Api.ts"
import type { Command } from "../../src/order/Command.ts"
import * as Handlers from "../../src/order/Handlers.ts"
import * as Order from "../../src/order/Order.ts"
import { tables } from "../../src/order/Projections.ts"
import * as Given from "./Given.ts"

const { schema } = Order

/** The service without its message side. */
const service = (persistence: Persistence.Persistence) =>
  Layer.merge(Order.commandSide({ persistence }), Order.querySide({ persistence })).pipe(
    Layer.provideMerge(Layer.merge(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }))),
    Layer.provide(Database.layer({ folder: undefined }))
  )

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
}

/** Starts the service, and answers requests to it. */
const start = async (persistence: Persistence.Persistence) => {
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(service(persistence), scope))
  const routes = HttpApiBuilder.layer(OrderApi).pipe(
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
    execute: (id: string, command: Command) =>
      Effect.runPromise(Context.get(context, Order.Orders).execute(id, command, { actor: "/checkout" })),
    stop: async () => {
      await dispose()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}

const levels: ReadonlyArray<readonly [number, Persistence.Persistence]> = [
  [1, Persistence.inline],
  [2, Persistence.state()],
  [3, Persistence.events({ snapshotEvery: 3 })]
]

const uuidOrDigest = expect.stringMatching(/^[\w-]{22,36}$/)

const ok = (answer: Answer): Answer => {
  expect(answer.status, JSON.stringify(answer.body)).toBe(202)
  return answer
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

describe.each(levels)("the orders at level %i", (level, persistence) => {
  let orders: Awaited<ReturnType<typeof start>>
  let made = 0

  beforeAll(async () => {
    orders = await start(persistence)
  })

  afterAll(() => orders.stop())

  const post = (path: string, body?: unknown, headers?: Record<string, string>) =>
    orders.call("POST", path, body, headers)
  const get = (path: string) => orders.call("GET", path)

  /** An order of its own for a test: of a customer of its own, unless told otherwise. */
  const placed = async (given: Parameters<typeof Given.submitOrder>[0] = {}) => {
    const id = `order-${++made}`
    await orders.execute(id, Given.submitOrder({ customerId: `customer of ${id}`, ...given }))
    return `/orders/${id}`
  }

  const confirmed = async (given: Parameters<typeof Given.submitOrder>[0] = {}) => {
    const order = await placed(given)
    await orders.execute(order.slice("/orders/".length), Given.confirmOrder())
    return order
  }

  const everything = [
    { lineId: "1", quantity: 6 },
    { lineId: "2", quantity: 2 }
  ]

  const delivered = async () => {
    const order = await confirmed()
    ok(await post(`${order}/shipments`, { shipmentId: "s", lines: everything }))
    ok(await post(`${order}/shipments/s/delivery`))
    return order
  }

  const at = (version: number) => ({ body: { version } })

  /** The order as queries show it once they show what the command led to. */
  const viewAfter = async (order: string, { body: { version } }: Pick<Answer, "body">) => {
    const answer = await get(`${order}?atLeastVersion=${version}`)
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    return answer.body
  }

  it("shows what confirmed orders come to", async () => {
    await placed({ country: "Ruritania" })
    const order = await confirmed({ country: "Ruritania" })
    await viewAfter(order, at(2))
    const { status, body } = await get("/reports/confirmed-revenue")
    expect(status).toBe(200)
    const total = { amountMinor: 3451, currency: "GBP" }
    expect(body).toContainEqual({ country: "Ruritania", orders: 1, total })
  })

  describe("a customer", () => {
    it("cancels a confirmed order, which is cancelled at once", async () => {
      const order = await confirmed()
      const answer = ok(await post(`${order}/cancellation`, {}))
      expect(answer.body).toEqual({
        id: order.slice("/orders/".length),
        version: 4,
        partition: expect.any(Number),
        // At level 1 there is no event that could have a place.
        position: level === 1 ? 0 : expect.any(Number),
        repeated: false,
        cancellationId: uuidOrDigest
      })
      expect(await viewAfter(order, answer)).toMatchObject({ status: "cancelled", cancelReason: "customer" })
    })

    it("asks for a cancellation while the checkout is under way, and sees that it has been noted", async () => {
      const order = await placed()
      const answer = ok(await post(`${order}/cancellation`, { cancellationId: "mine" }))
      expect(answer.body.cancellationId).toBe("mine")
      expect(await viewAfter(order, answer)).toMatchObject({ status: "pending", cancellationRequested: true })
    })

    it("cannot cancel what has been shipped, and is told what to do instead", async () => {
      expectProblem(
        await post(`${await delivered()}/cancellation`, {}),
        409,
        "ReturnNeeded",
        "Request a return instead"
      )
    })

    it("sends something back, of which a part arrives", async () => {
      const order = await delivered()
      const lines = [{ lineId: "1", quantity: 3 }]
      const announced = ok(await post(`${order}/returns`, { reason: "damaged", lines }))
      const { returnId } = announced.body
      expect(await viewAfter(order, announced)).toMatchObject({ openReturns: 1, returns: [{ returnId, refund: null }] })
      const received = ok(await post(`${order}/returns/${returnId}/receipt`, { lines: [{ lineId: "1", quantity: 1 }] }))
      expect(await viewAfter(order, received)).toMatchObject({
        openReturns: 0,
        refunded: Given.gbp(406),
        returns: [{ returnId, reason: "damaged", refund: Given.gbp(406), receivedAt: expect.any(String) }],
        lines: [{ returning: 0, returned: 1 }, { returned: 0 }]
      })
    })

    it("sees the own orders, the newest first, page by page", async () => {
      const own = { customerId: "Ann of the orders" }
      const made = [await placed(own), await placed(own), await placed(own)]
      for (const order of made) await viewAfter(order, at(1))
      const path = `/orders?customerId=${encodeURIComponent(own.customerId)}&limit=2`
      const first = await get(path)
      const second = await get(`${path}&after=${first.body[1].id}`)
      const ids = [...first.body, ...second.body].map(({ id }) => `/orders/${id}`)
      expect([first.body.length, second.body.length]).toEqual([2, 1])
      expect(ids.toSorted()).toEqual(made)
      expect((await get("/orders?customerId=nobody")).body).toEqual([])
      expectProblem(await get(`${path}&after=unheard-of`), 422, "UnknownCursor", "never was in this list")
    })
  })

  describe("an operator", () => {
    it("ships an order in parts, has them delivered, and closes it", async () => {
      const order = await confirmed()
      const carriage = { carrier: "Royal Mail", trackingNumber: "RM-1" }
      const shipment = ok(await post(`${order}/shipments`, { ...carriage, lines: [{ lineId: "1", quantity: 4 }] }))
      const { shipmentId } = shipment.body
      expect(await viewAfter(order, shipment)).toMatchObject({
        status: "shipping",
        charged: Given.gbp(2127),
        shipments: [{ ...carriage, shipmentId, deliveredAt: null, total: Given.gbp(2127) }]
      })
      const cancelled = ok(
        await post(`${order}/line-cancellations`, { reason: "unavailable", lines: [{ lineId: "1", quantity: 2 }] })
      )
      expect(cancelled.body.cancellationId).toEqual(uuidOrDigest)
      ok(await post(`${order}/shipments`, { shipmentId: "rest", lines: [{ lineId: "2", quantity: 2 }] }))
      ok(await post(`${order}/shipments/${shipmentId}/delivery`))
      const arrived = ok(await post(`${order}/shipments/rest/delivery`))
      expect(await viewAfter(order, arrived)).toMatchObject({ status: "delivered" })
      const closed = ok(await post(`${order}/close`))
      const view = await viewAfter(order, closed)
      expect(view).toMatchObject({ status: "closed", total: Given.gbp(3451) })
      expect(view.charged.amountMinor + view.cancelled.amountMinor).toBe(3451)
    })

    it("ships several parcels at once, promised for a day, or one as it was told before there could be several", async () => {
      const order = await confirmed()
      const parcels = [
        { carrier: "Royal Mail", trackingNumber: "RM-1" },
        { carrier: "DHL", trackingNumber: null }
      ]
      const lines = [{ lineId: "1", quantity: 1 }]
      const several = { shipmentId: "several", parcels, promisedBy: "2011-03-31", lines }
      ok(await post(`${order}/shipments`, several))
      expect(ok(await post(`${order}/shipments`, several)).body.version).toBe(3)
      const one = { carrier: "DHL", trackingNumber: "JD-1" }
      const last = ok(await post(`${order}/shipments`, { ...one, shipmentId: "one", lines }))
      expect((await viewAfter(order, last)).shipments).toMatchObject([
        { shipmentId: "several", ...parcels[0], parcels, promisedBy: "2011-03-31" },
        { shipmentId: "one", ...one, parcels: [one], promisedBy: null }
      ])
      const { body } = await get(`${order}/timeline?after=2`)
      expect(body).toMatchObject([
        { ...parcels[0], parcels, promisedBy: "2011-03-31" },
        { ...one, parcels: [one] }
      ])
      const both = { ...one, parcels, lines, promisedBy: "2011-02-31" }
      expectInvalid(await post(`${order}/shipments`, { ...both, promisedBy: null }), "body.parcels")
      expectInvalid(await post(`${order}/shipments`, { lines, promisedBy: "2011-02-31" }), "body.promisedBy")
    })

    it("works through what waits to be shipped", async () => {
      const order = await confirmed()
      await viewAfter(order, at(2))
      const queue = async (status: string) => {
        const { body } = await get(`/orders/queue?status=${status}&limit=500`)
        return body.map(({ id }: { id: string }) => `/orders/${id}`)
      }
      expect(await queue("confirmed")).toContain(order)
      await viewAfter(order, ok(await post(`${order}/shipments`, { shipmentId: "s", lines: everything })))
      expect(await queue("confirmed")).not.toContain(order)
      expect(await queue("shipped")).toContain(order)
    })

    it("is refused what the order's state does not allow, with what it does", async () => {
      const lines = [{ lineId: "1", quantity: 7 }]
      const order = await confirmed()
      expectProblem(await post(`${order}/shipments`, { lines }), 409, "OrderQuantityUnavailable", "6 can be shipped")
      const gone = { lines: [{ lineId: "9", quantity: 1 }] }
      expectProblem(await post(`${order}/shipments`, gone), 404, "UnknownOrderLine", "2 lines has the id 9")
      expectProblem(await post(`${order}/shipments/s/delivery`), 409, "OrderStatusForbids", "this one is confirmed")
      expectProblem(await post(`${order}/close`), 409, "OrderStatusForbids", "while it is delivered")
      expectProblem(await post("/orders/unheard-of/close"), 404, "OrderNotFound", "no order of this id")
    })
  })

  describe("a timeline", () => {
    it("says what happened, when, by whom and why", async () => {
      const order = await confirmed()
      const by = { "x-actor": "Bob", "x-reason": "Last of the stock was broken" }
      const cancel = { cancellationId: "c", reason: "unavailable", lines: [{ lineId: "2", quantity: 1 }] }
      const last = ok(await post(`${order}/line-cancellations`, cancel, by))
      const { body } = await get(`${order}/timeline?atLeastVersion=${last.body.version}`)
      expect(body.map(({ event, actor }: any) => `${event} by ${actor}`)).toEqual([
        "OrderPlaced by /checkout",
        "OrderConfirmed by /checkout",
        "LinesCancelled by Bob"
      ])
      expect(body[2]).toEqual({
        version: 3,
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        event: "LinesCancelled",
        actor: "Bob",
        note: "Last of the stock was broken",
        recordId: "c",
        reason: "unavailable",
        carrier: null,
        trackingNumber: null,
        parcels: [],
        promisedBy: null,
        lines: [{ lineId: "2", sku: "85123A", quantity: 1 }],
        total: Given.gbp(255)
      })
      const rest = await get(`${order}/timeline?after=1&limit=1`)
      expect(rest.body).toEqual([body[1]])
      expect((await get(`${order}/timeline?after=3`)).body).toEqual([])
      const next = { reason: "unavailable", lines: [{ lineId: "2", quantity: 1 }] }
      const plain = ok(await post(`${order}/line-cancellations`, next))
      const [later] = (await get(`${order}/timeline?after=3&atLeastVersion=${plain.body.version}`)).body
      expect(later).toMatchObject({ event: "LinesCancelled", note: "unavailable", reason: "unavailable" })
      expectProblem(await get("/orders/unheard-of/timeline"), 404, "OrderNotFound", "no order of this id")
    })
  })

  describe("the conventions of commands", () => {
    it("the same idempotency key is carried out once, and its ids are the same", async () => {
      const order = await confirmed()
      const ship = () => post(`${order}/shipments`, { lines: everything }, { "idempotency-key": "key 1" })
      const [first, again] = [ok(await ship()), ok(await ship())]
      expect(first.body.shipmentId).toEqual(uuidOrDigest)
      expect(again.body).toEqual({ ...first.body, repeated: true })
      expect((await viewAfter(order, again)).shipments).toHaveLength(1)
    })

    it("the same shipment under the same id, without a key, does nothing more; another is refused", async () => {
      const order = await confirmed()
      const ship = (lines: unknown) => post(`${order}/shipments`, { shipmentId: "s", lines })
      expect([ok(await ship(everything)).body.version, ok(await ship(everything)).body.version]).toEqual([3, 3])
      const other = await ship([{ lineId: "1", quantity: 1 }])
      expectProblem(other, 409, "ShipmentIdTaken", "Use a new id for another shipment")
    })

    it("the version that a query gave is held to", async () => {
      const order = await confirmed()
      await viewAfter(order, at(2))
      const etag = (await get(order)).headers.get("etag")!
      expect(etag).toBe('"2"')
      ok(
        await post(
          `${order}/shipments`,
          { shipmentId: "s", lines: [{ lineId: "1", quantity: 1 }] },
          { "if-match": etag }
        )
      )
      const stale = await post(`${order}/cancellation`, {}, { "if-match": etag })
      expectProblem(stale, 412, "VersionMismatch", "is at version 3, not 2")
    })

    it("a request that is not as declared names every field that is wrong, and does nothing", async () => {
      const order = await confirmed()
      expectInvalid(
        await post(`${order}/shipments`, { shipmentId: "", carrier: 7 }),
        "body.shipmentId",
        "body.carrier",
        "body.lines"
      )
      const lines = [{ lineId: "1", quantity: 1.5 }, { quantity: 1 }]
      expectInvalid(
        await post(`${order}/returns`, { reason: "regret", lines }),
        "body.reason",
        "body.lines.0.quantity",
        "body.lines.1.lineId"
      )
      expectInvalid(await post(`${order}/line-cancellations`), "body")
      expectInvalid(await get("/orders"), "query.customerId")
      expectInvalid(await get("/orders/queue?status=closed"), "query.status")
      expectInvalid(await get("/orders/queue"), "query.status")
      expectInvalid(await get(`${order}/timeline?after=x&limit=501`), "query.limit", "query.after")
      expectInvalid(await get(`${order}/timeline?after=1e0`), "query.after")
      expectInvalid(await get(`/orders/${"x".repeat(65)}`), "path.id")
      expectProblem(await get("/orders/unheard-of"), 404, "OrderNotFound", "no order of this id")
      expect(await viewAfter(order, at(2))).toMatchObject({ version: 2, status: "confirmed" })
    })
  })
})

describe("the documentation of the orders' API", () => {
  interface Said {
    readonly summary?: string
    readonly description?: string
  }
  const paths: Readonly<Record<string, Readonly<Record<string, Said>>>> = OpenApi.fromApi(OrderApi).paths as never
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, ...operation }))
  )

  it("has every endpoint, and none by which an order could be placed past its checkout", () => {
    expect(operations.map(({ name }) => name).sort()).toEqual([
      "GET /orders",
      "GET /orders/queue",
      "GET /orders/{id}",
      "GET /orders/{id}/diff",
      "GET /orders/{id}/history",
      "GET /orders/{id}/timeline",
      "GET /reports/confirmed-revenue",
      "POST /orders/{id}/cancellation",
      "POST /orders/{id}/close",
      "POST /orders/{id}/line-cancellations",
      "POST /orders/{id}/returns",
      "POST /orders/{id}/returns/{returnId}/receipt",
      "POST /orders/{id}/shipments",
      "POST /orders/{id}/shipments/{shipmentId}/delivery"
    ])
  })

  it.each(operations)("says what $name does, in a few words and in sentences", ({ summary, description }) => {
    expect(summary).toMatch(/^[A-Z][^.]{5,50}$/)
    expect(description).toMatch(/^[A-Z].{40,}\.$/)
  })

  it("has no two endpoints of one title", () => {
    expect(new Set(operations.map(({ summary }) => summary)).size).toBe(operations.length)
  })
})
