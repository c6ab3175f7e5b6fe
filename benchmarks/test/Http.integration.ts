/**
 * The parts of the http benchmark, small, on a real PostgreSQL: what the shop acknowledges under each load is stored.
 * A load fails by itself when anything is not answered with success.
 */
import { randomUUID } from "node:crypto"
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { start as startClosed } from "../src/http/ClosedLoad.ts"
import { start as startOpen } from "../src/http/OpenLoad.ts"
import { type HttpServer, startBareShop, startConstant, startFramework, startShop } from "../src/http/Servers.ts"
import { constantAnswer } from "../src/limits/ConstantHandler.ts"
import { openServer, type Server } from "../src/Server.ts"

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

let postgres: Server
let databaseUrl: string
let shop: HttpServer

beforeAll(async () => {
  postgres = await openServer()
  databaseUrl = await postgres.database("http")
  shop = await startShop(databaseUrl, undefined)
})

afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
})

describe("the loads of the http benchmark", () => {
  it("are acknowledged by the shop, and stored", async () => {
    const closed = await startClosed(databaseUrl, { url: shop.url, callers: 8 })
    const open = await startOpen(databaseUrl, { url: shop.url, commandsPerSecond: 100, queriesPerSecond: 200 })
    const saturated = await closed.round({ callers: 0, seconds: 0.5 })
    const first = await open.round({ callers: 0, seconds: 1.2 })
    const second = await open.round({ callers: 0, seconds: 1 })
    expect(await closed.stored()).toBe(saturated.commands! + first.commands! + second.commands!)
    expect(second.requests! - second.commands!).toBeGreaterThan(100)
    expect(second.ownWriteP50Millis).toBeGreaterThan(0)
    expect(second.commandP50Millis).toBeLessThanOrEqual(second.commandP95Millis!)
    expect(shop.cpuMicros()).toBeGreaterThan(0)
  })
})

describe("the shop written by hand", () => {
  it("stores what it acknowledges, and shows what was commanded last", async () => {
    const bareUrl = await postgres.database("httpBare")
    await using bare = await startBareShop(bareUrl, undefined)
    const open = await startOpen(bareUrl, { url: bare.url, commandsPerSecond: 100, queriesPerSecond: 200 })
    const first = await open.round({ callers: 0, seconds: 1.2 })
    const second = await open.round({ callers: 0, seconds: 1 })
    expect(await open.stored()).toBe(first.commands! + second.commands!)
    expect(second.ownWriteP50Millis).toBeGreaterThan(0)
  })

  it("answers with the cart as the shop does", async () => {
    const bareUrl = await postgres.database("httpBareCart")
    await using bare = await startBareShop(bareUrl, undefined)
    const id = randomUUID()
    const lineId = randomUUID()
    const post = async (url: string, path: string, body: object) => {
      const headers = {
        "content-type": "application/json",
        "idempotency-key": randomUUID(),
        "x-actor": "customer:1",
        "x-correlation-id": randomUUID()
      }
      const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) })
      expect(response.status).toBe(202)
      await response.arrayBuffer()
    }
    const [sku] = demoCatalogue[0]!
    const viewAt = async (url: string) => {
      await post(url, "/carts", { id, customerId: "customer-1", country: "France", currency: "GBP" })
      await post(url, `/carts/${id}/items`, { lineId, sku, quantity: 2 })
      const response = await fetch(`${url}/carts/${id}?atLeastVersion=2`)
      const { openedAt: _opened, updatedAt: _updated, ...view } = (await response.json()) as Record<string, unknown>
      return view
    }
    const { checkoutId: _, ...ofShop } = await viewAt(shop.url)
    expect(await viewAt(bare.url)).toEqual(ofShop)
  })
})

describe("the constants", () => {
  it.each([
    ["of node:http", startConstant],
    ["of the framework", startFramework]
  ])("%s are answers to commands", async (_, start) => {
    await using server = await start(undefined)
    const headers = { "content-type": "application/json" }
    const response = await fetch(`${server.url}/carts/1/items`, { method: "POST", headers, body: "{}" })
    expect(response.status).toBe(202)
    expect(await response.json()).toEqual(constantAnswer)
  })
})
