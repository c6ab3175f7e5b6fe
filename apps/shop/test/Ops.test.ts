/**
 * What operators and tools rely on: the description of the API, its documentation, health, metrics, and waiting that ends.
 */
import { Validator } from "@seriousme/openapi-schema-validator"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { expectProblem, type Shop, startShop } from "./Shop.ts"

let shop: Shop

beforeAll(async () => {
  shop = await startShop()
})

afterAll(() => shop.stop())

describe("the description of the API", () => {
  it("is valid OpenAPI", async () => {
    const { body } = await shop.call("GET", "/openapi.json")
    expect(body.openapi).toMatch(/^3\.1/)
    expect(await new Validator().validate(body)).toEqual({ valid: true })
  })

  it("says how a number in a query is written", async () => {
    const { body } = await shop.call("GET", "/openapi.json")
    const parameters: ReadonlyArray<{ name: string; schema: object }> = body.paths["/carts/{id}"].get.parameters
    const schemaOf = (wanted: string) => parameters.find(({ name }) => name === wanted)?.schema
    expect(schemaOf("atLeastVersion")).toMatchObject({ type: "string", pattern: "^[0-9]+$" })
  })

  it("has every operation, with what may be wrong with it", async () => {
    const { body } = await shop.call("GET", "/openapi.json")
    const operations = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`)
    )
    expect(operations.sort()).toEqual([
      "DELETE /carts/{id}/items/{lineId}",
      "GET /carts",
      "GET /carts/{id}",
      "GET /reports/abandoned-carts",
      "GET /reports/revenue",
      "PATCH /carts/{id}/items/{lineId}",
      "POST /carts",
      "POST /carts/{id}/abandon",
      "POST /carts/{id}/checkout",
      "POST /carts/{id}/items",
      "POST /carts/{id}/merge",
      "POST /carts/{id}/recover"
    ])
    for (const methods of Object.values<any>(body.paths)) {
      for (const { responses } of Object.values<any>(methods)) {
        expect(responses["400"].content).toHaveProperty(["application/problem+json"])
        expect(responses["503"].content).toHaveProperty(["application/problem+json"])
      }
    }
  })

  it("is also to be read by people, where the root leads", async () => {
    const root = await shop.call("GET", "/")
    expect(root).toMatchObject({ status: 302, headers: { location: "/docs" } })
    const docs = await shop.call("GET", "/docs")
    expect(docs.status).toBe(200)
    expect(docs.headers["content-type"]).toMatch(/^text\/html/)
    expect(docs.text).toContain("/carts/{id}/items")
  })
})

describe("health", () => {
  it("live says that the process answers", async () => {
    expect(await shop.call("GET", "/health/live")).toMatchObject({ status: 200, body: { status: "live" } })
  })

  it("ready says how the read models are doing", async () => {
    const { status, body } = await shop.call("GET", "/health/ready")
    expect(status).toBe(200)
    expect(body).toEqual({
      status: "ready",
      projections: [{ name: "cart-views", lag: 0, paused: false, parked: 0, stopped: 0 }]
    })
  })
})

describe("metrics", () => {
  it("have the specification's five timings", async () => {
    const opened = await shop.call("POST", "/carts", { body: { currency: "GBP" } })
    const cart = await shop.call("GET", `${opened.headers.location}?atLeastVersion=1`)
    expect(cart.status).toBe(200)
    // A cart that is not in memory is looked for in the journal, where a new one need not be.
    await shop.call("POST", "/carts/nobody/items", { body: { sku: "MUG-BLUE", quantity: 1 } })
    const { status, headers, text } = await shop.call("GET", "/metrics")
    expect(status).toBe(200)
    expect(headers["content-type"]).toMatch(/^text\/plain; ?version=0\.0\.4/)
    for (const timing of ["command", "persist", "projection_lag", "query", "replay"]) {
      const name = `daybook_${timing}_seconds`
      expect(text).toContain(`# TYPE ${name} histogram`)
      const counts = [...text.matchAll(new RegExp(`^${name}_count\\{[^}]*\\} (\\d+)$`, "gmu"))]
      expect(counts.length, name).toBeGreaterThan(0)
      for (const [, count] of counts) expect(Number(count), name).toBeGreaterThan(0)
      expect(text).toMatch(new RegExp(`^${name}_bucket\\{.*le="0\\.05".*\\} \\d+$`, "mu"))
    }
  })
})

describe("storage", () => {
  it("is measured, table by table", async () => {
    const size = /^daybook_storage_table_bytes\{(?=[^}]*schema="cart")[^}]*table="event"[^}]*\} [1-9]\d*$/mu
    await vi.waitFor(async () => expect((await shop.call("GET", "/metrics")).text).toMatch(size), { timeout: 20_000 })
  })
})

describe("a query that waits", () => {
  it("gives up after five seconds, and says when to ask again", async () => {
    const opened = await shop.call("POST", "/carts", { body: { currency: "GBP" } })
    const started = performance.now()
    const answers = await Promise.all([
      shop.call("GET", `${opened.headers.location}?atLeastVersion=2`),
      shop.call("GET", "/carts/nobody?atLeastVersion=1")
    ])
    expect(performance.now() - started).toBeGreaterThan(4_900)
    for (const answer of answers) {
      expectProblem(answer, 503, "NotYetVisible")
      expect(answer.headers["retry-after"]).toBe("1")
    }
  })
})
