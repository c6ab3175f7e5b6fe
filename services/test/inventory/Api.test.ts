/**
 * What a client of the inventory's HTTP API relies on. The handlers as they are, over the whole service in an embedded store,
 * without a socket.
 */
import { Broker } from "@daybook/core/Broker"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder, OpenApi } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { RequestProblems } from "../../src/InvalidRequest.ts"
import { InventoryApi } from "../../src/inventory/Api.ts"
import { type InventoryCommand, InventoryCommands } from "../../src/inventory/Contract.ts"
import * as Handlers from "../../src/inventory/Handlers.ts"
import { hour } from "./Given.ts"
import { service, toReservation } from "./Service.ts"

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
}

/** Starts the service, and answers requests to it. */
const start = async () => {
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(service, scope))
  const routes = HttpApiBuilder.layer(InventoryApi).pipe(
    Layer.provide(Handlers.layer),
    Layer.provide(RequestProblems.layer),
    Layer.provide(Layer.succeedContext(context)),
    Layer.provide(HttpServer.layerServices)
  )
  const { handler, dispose } = HttpRouter.toWebHandler(routes, {
    disableLogger: true,
    routerConfig: { maxParamLength: 16_384 }
  })
  return {
    call: async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const json = body === undefined ? {} : { body: JSON.stringify(body) }
      const sent = { method, headers: { "content-type": "application/json", ...headers }, ...json }
      const response = await handler(new Request(`http://localhost${path}`, sent), Context.empty() as never)
      return { status: response.status, headers: response.headers, body: await response.json() } as Answer
    },
    tell: (orderId: string, command: InventoryCommand) =>
      Effect.runPromise(
        Context.get(context, Broker).publish(InventoryCommands.topic, [toReservation(orderId, command)])
      ),
    stop: async () => {
      await dispose()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}

let running: Awaited<ReturnType<typeof start>>

beforeAll(async () => {
  running = await start()
})

afterAll(() => running.stop())

const get = (path: string) => running.call("GET", path)
const post = (path: string, body: unknown, headers?: Record<string, string>) =>
  running.call("POST", path, body, headers)
const put = (path: string, quantity: unknown) => running.call("PUT", path, { quantity })

const ok = (answer: Answer): Answer => {
  expect(answer.status, JSON.stringify(answer.body)).toBe(202)
  return answer
}

const expectProblem = (answer: Answer, status: number, type: string): void => {
  expect({ status: answer.status, body: answer.body }).toMatchObject({
    status,
    body: { type: `urn:daybook:problem:${type}`, status, title: expect.any(String), detail: expect.any(String) }
  })
}

let made = 0

/** A stock item of a test's own, with ten units. */
const stocked = async (location = "LONDON"): Promise<string> => {
  const item = `/stock/sku-${++made}/${location}`
  ok(await post(`${item}/receipts`, { quantity: 10, reference: "delivery-1" }))
  return item
}

/** A stock item as queries show it once they show what the command led to. */
const viewAfter = async (item: string, command: Answer) => {
  const answer = await get(`${item}?atLeastVersion=${command.body.version}`)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body
}

/** Until what is found passes. */
const eventually = async (path: string, check: (body: any) => boolean) => {
  while (true) {
    const { body } = await get(path)
    if (check(body)) return body
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const reserved = async (sku: string, quantity: number): Promise<string> => {
  const orderId = `order-${++made}`
  await running.tell(orderId, { _tag: "ReserveItems", orderId, lines: [{ sku, quantity }], holdMillis: hour })
  await eventually(`/reservations/${orderId}`, ({ status }) => status === "reserved")
  return orderId
}

describe("a movement", () => {
  it("is accepted with the stock item's id, version and place, and leads to what queries show", async () => {
    const answer = ok(await post("/stock/mug/LONDON/receipts", { quantity: 10, reference: "delivery-1" }))
    expect(answer.body).toEqual({
      id: "mug@LONDON",
      version: 2,
      partition: expect.any(Number),
      position: expect.any(Number),
      repeated: false
    })
    ok(await post("/stock/mug/LONDON/adjustments", { quantity: -3, reason: "damaged", reference: "count-1" }))
    const last = ok(
      await post("/stock/mug/LONDON/restocks", { quantity: 1, reason: "returned", reference: "return-1" })
    )
    const shown = await get(`/stock/mug/LONDON?atLeastVersion=${last.body.version}`)
    expect(shown.headers.get("etag")).toBe('"4"')
    expect(shown.body).toMatchObject({ id: "mug@LONDON", version: 4, onHand: 8, available: 8, lowSince: null })
    expect((await get("/stock/mug")).body).toMatchObject({
      sku: "mug",
      onHand: 8,
      available: 8,
      locations: [shown.body]
    })
    const ledger = await get("/stock/mug/movements")
    expect(ledger.body.map(({ kind, quantity, reason }: any) => [kind, quantity, reason])).toEqual([
      ["restocked", 1, "returned"],
      ["adjusted", -3, "damaged"],
      ["received", 10, null]
    ])
    const [newest] = ledger.body
    expect((await get(`/stock/mug/movements?limit=1&after=${newest.id}`)).body[0].kind).toBe("adjusted")
    expect((await get("/stock/mug/movements?location=LEEDS")).body).toEqual([])
  })

  it("keeps as its reason what the body says, unless x-reason says more", async () => {
    const item = await stocked()
    ok(await post(`${item}/adjustments`, { quantity: -3, reason: "damaged", reference: "count-1" }))
    ok(await post(`${item}/restocks`, { quantity: 1, reason: "returned", reference: "return-1" }))
    const why = { "x-reason": "A pallet fell over" }
    ok(await post(`${item}/adjustments`, { quantity: -1, reason: "damaged", reference: "count-2" }, why))
    const { body } = await get(`${item}/history`)
    const reasons = body.versions.map(({ type, reason }: any) => [type, reason]).slice(-3)
    expect(reasons).toEqual([
      ["StockAdjusted", "damaged"],
      ["StockRestocked", "returned"],
      ["StockAdjusted", "A pallet fell over"]
    ])
  })

  it("is recorded once for its document, or its key, and refused where the document says something else", async () => {
    const item = await stocked()
    const again = ok(await post(`${item}/receipts`, { quantity: 10, reference: "delivery-1" }))
    expect(again.body).toMatchObject({ version: 2 })
    expectProblem(await post(`${item}/receipts`, { quantity: 11, reference: "delivery-1" }), 409, "ReferenceTaken")
    const key = { "idempotency-key": "key-1", "x-actor": "clerk" }
    const first = ok(await post(`${item}/receipts`, { quantity: 5, reference: "delivery-2" }, key))
    const repeated = ok(await post(`${item}/receipts`, { quantity: 5, reference: "delivery-2" }, key))
    expect(repeated.body).toEqual({ ...first.body, repeated: true })
    expect(await viewAfter(item, first)).toMatchObject({ onHand: 15 })
    const [newest] = (await get(`${item.replace("/LONDON", "")}/movements`)).body
    expect(newest).toMatchObject({ quantity: 5, actor: "clerk", reference: "delivery-2" })
  })

  it("takes the version that it should find, as the entity tag of a query gives it", async () => {
    const item = await stocked()
    const body = { quantity: 1, reference: "delivery-2" }
    expectProblem(await post(`${item}/receipts`, body, { "if-match": '"1"' }), 412, "VersionMismatch")
    ok(await post(`${item}/receipts`, body, { "if-match": '"2"' }))
  })

  it("to another location arrives there", async () => {
    const item = await stocked()
    const elsewhere = item.replace("LONDON", "LEEDS")
    const sent = ok(await post(`${item}/transfers`, { quantity: 4, toLocation: "LEEDS", reference: "transfer-1" }))
    expect(await viewAfter(item, sent)).toMatchObject({ onHand: 6 })
    await eventually(elsewhere, ({ onHand }) => onHand === 4)
    const [arrival] = (await get(`${item.replace("/LONDON", "")}/movements?location=LEEDS`)).body
    expect(arrival).toMatchObject({
      kind: "transferred-in",
      quantity: 4,
      otherLocation: "LONDON",
      reference: "transfer-1"
    })
  })

  it("of an order needs the units to be committed to it", async () => {
    const item = await stocked()
    const sku = item.split("/")[2]!
    const orderId = await reserved(sku, 5)
    const shipment = { orderId, quantity: 3, reference: "shipment-1" }
    expectProblem(await post(`${item}/shipments`, shipment), 409, "HoldNotCommitted")
    await running.tell(orderId, { _tag: "CommitReservation" })
    await eventually(item, ({ committed }) => committed === 5)
    ok(await post(`${item}/shipments`, shipment))
    expectProblem(await post(`${item}/shipments`, { ...shipment, reference: "shipment-2" }), 409, "MoreThanCommitted")
    const last = ok(await post(`${item}/cancellations`, { orderId, quantity: 2, reference: "cancellation-1" }))
    expect(await viewAfter(item, last)).toMatchObject({ onHand: 7, committed: 0, reserved: 0, available: 7 })
    expectProblem(await post(`${item}/shipments`, { ...shipment, orderId: "another" }), 404, "HoldNotFound")
  })
})

describe("a setting", () => {
  it("is shown, and shows in what is available", async () => {
    const item = await stocked()
    ok(await put(`${item}/safety-stock`, 3))
    ok(await put(`${item}/back-order-limit`, 2))
    const last = ok(await put(`${item}/reorder-point`, 7))
    expect(await viewAfter(item, last)).toMatchObject({
      safetyStock: 3,
      backOrderLimit: 2,
      reorderPoint: 7,
      available: 7,
      lowSince: expect.any(String)
    })
    ok(await put(`${item}/reorder-point`, 7))
    expectProblem(await put(`${item}/reorder-point`, -1), 422, "StockQuantityOutOfRange")
  })
})

describe("two SKUs that differ in a byte order mark alone", () => {
  it("are two, and each is reserved from its own stock", async () => {
    const sku = `sku-${++made}`
    const marked = `\uFEFF${sku}`
    const path = (name: string) => `/stock/${encodeURIComponent(name)}/LONDON`
    for (const [name, quantity] of [
      [sku, 10],
      [marked, 7]
    ] as const) {
      await viewAfter(path(name), ok(await post(`${path(name)}/receipts`, { quantity, reference: "delivery" })))
    }
    await reserved(marked, 7)
    await reserved(sku, 10)
    const last = ok(await post(`${path(marked)}/receipts`, { quantity: 1, reference: "one more" }))
    expect(await viewAfter(path(marked), last)).toMatchObject({ sku: marked, onHand: 8, reserved: 7 })
    expect((await get(`/stock/${encodeURIComponent(sku)}`)).body).toMatchObject({ sku, onHand: 10 })
  })
})

describe("a list of stock", () => {
  it("has the scarcest first, and goes on after an id, however odd its SKU", async () => {
    const location = "a/b c%"
    const sku = "ü".repeat(64)
    const path = (name: string) => `/stock/${encodeURIComponent(name)}/${encodeURIComponent(location)}`
    ok(await post(`${path(sku)}/receipts`, { quantity: 2, reference: "d" }))
    const last = ok(await post(`${path("plain")}/receipts`, { quantity: 5, reference: "d" }))
    await viewAfter(path("plain"), last)
    const list = `/stock?location=${encodeURIComponent(location)}`
    const found = await eventually(list, (body) => body.length === 2)
    expect(found.map(({ sku }: any) => sku)).toEqual([sku, "plain"])
    const rest = await get(`${list}&after=${encodeURIComponent(found[0].id)}`)
    expect(rest.body).toEqual([found[1]])
    expect((await get(`${list}&below=5`)).body).toEqual([found[0]])
    expect((await get(`${list}&below=-5`)).body).toEqual([])
    expect((await get(`${list}&low=true`)).body).toEqual([])
    expect((await get(`${list}&low=false`)).body).toHaveLength(2)
    expectProblem(await get(`${list}&after=unheard-of`), 422, "UnknownCursor")
  })
})

describe("a reservation", () => {
  it("is shown with its lines and its end, and listed by its status", async () => {
    const item = await stocked()
    const sku = item.split("/")[2]!
    const orderId = await reserved(sku, 2)
    const shown = await get(`/reservations/${orderId}?atLeastVersion=3`)
    expect(shown.headers.get("etag")).toBe('"3"')
    expect(shown.body).toMatchObject({
      orderId,
      status: "reserved",
      awaited: 0,
      lines: [{ sku, location: "LONDON", quantity: 2, backOrdered: 0 }],
      shortages: []
    })
    const listed = await get("/reservations?status=reserved")
    expect(listed.body).toContainEqual(shown.body)
    expectProblem(await get("/reservations/unheard-of"), 404, "ReservationNotFound")
    expectProblem(await get("/reservations?status=reserved&after=unheard-of"), 422, "UnknownCursor")
  })
})

describe("what is wrong with a request", () => {
  const path = "/stock/sku/LONDON"
  const cases: ReadonlyArray<readonly [method: string, path: string, body: unknown, fields: ReadonlyArray<string>]> = [
    ["POST", `${path}/receipts`, {}, ["body.quantity", "body.reference"]],
    ["POST", `${path}/receipts`, { quantity: "6", reference: "" }, ["body.quantity", "body.reference"]],
    ["POST", `${path}/adjustments`, { quantity: 1, reference: "d" }, ["body.reason"]],
    [
      "POST",
      `${path}/adjustments`,
      { quantity: 1.5, reference: "d", reason: "moonlight" },
      ["body.quantity", "body.reason"]
    ],
    ["POST", `${path}/transfers`, { quantity: 1, reference: "d", toLocation: "movements" }, ["body.toLocation"]],
    ["POST", `${path}/shipments`, { quantity: 1, reference: "d" }, ["body.orderId"]],
    ["POST", "/stock/sku/movements/receipts", { quantity: 1, reference: "d" }, ["path.location"]],
    ["POST", `/stock/${"s".repeat(65)}/LONDON/receipts`, { quantity: 1, reference: "d" }, ["path.sku"]],
    ["PUT", `${path}/safety-stock`, { quantity: 2 ** 53 }, ["body.quantity"]],
    ["GET", "/stock?below=few&low=perhaps&limit=0", undefined, ["query.below", "query.low", "query.limit"]],
    ["GET", "/stock?below=1e1", undefined, ["query.below"]],
    ["GET", "/reservations", undefined, ["query.status"]],
    ["GET", "/reservations?status=odd", undefined, ["query.status"]]
  ]

  it.each(cases)("is said by field: %s %s %j", async (method, path, body, fields) => {
    const answer = await running.call(method, path, body)
    expectProblem(answer, 400, "InvalidRequest")
    const named = answer.body.errors.map(({ path }: { path: ReadonlyArray<string> }) => path.join("."))
    expect([...new Set(named)].sort()).toEqual([...fields].sort())
    expect((await get("/stock/sku")).status).toBe(404)
  })

  it("is told of what is not known, or cannot be done", async () => {
    expectProblem(await get("/stock/unheard-of"), 404, "StockNotFound")
    expectProblem(await get("/stock/unheard-of/LONDON"), 404, "StockNotFound")
    const item = await stocked()
    expectProblem(await post(`${item}/receipts`, { quantity: -1, reference: "d" }), 422, "StockQuantityOutOfRange")
    const away = { quantity: 11, toLocation: "LEEDS", reference: "t" }
    expectProblem(await post(`${item}/transfers`, away), 409, "InsufficientStock")
    expectProblem(await post(`${item}/transfers`, { ...away, toLocation: "LONDON" }), 422, "SameLocation")
  })
})

describe("the documentation", () => {
  const { paths } = OpenApi.fromApi(InventoryApi)
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, { summary?: string; description?: string }>).map(
      ([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        ...operation
      })
    )
  )

  it("has every endpoint", () => {
    expect(operations.map(({ name }) => name).sort()).toEqual([
      "GET /reservations",
      "GET /reservations/{orderId}",
      "GET /reservations/{orderId}/diff",
      "GET /reservations/{orderId}/history",
      "GET /stock",
      "GET /stock/{sku}",
      "GET /stock/{sku}/movements",
      "GET /stock/{sku}/{location}",
      "GET /stock/{sku}/{location}/diff",
      "GET /stock/{sku}/{location}/history",
      "POST /stock/{sku}/{location}/adjustments",
      "POST /stock/{sku}/{location}/cancellations",
      "POST /stock/{sku}/{location}/receipts",
      "POST /stock/{sku}/{location}/restocks",
      "POST /stock/{sku}/{location}/shipments",
      "POST /stock/{sku}/{location}/transfers",
      "PUT /stock/{sku}/{location}/back-order-limit",
      "PUT /stock/{sku}/{location}/reorder-point",
      "PUT /stock/{sku}/{location}/safety-stock"
    ])
  })

  it.each(operations)("says what $name does, in a few words and in sentences", ({ summary, description }) => {
    expect(summary).toMatch(/^[A-Z][^.]{5,50}$/)
    expect(description).toMatch(/^[A-Z`].{40,}\.$/)
  })

  it("has no two endpoints of one title", () => {
    expect(new Set(operations.map(({ summary }) => summary)).size).toBe(operations.length)
  })
})
