/**
 * The parts of the http benchmark, small, on a real PostgreSQL: what the shop acknowledges under each load is stored.
 * A load fails by itself when anything is not answered with success.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { start as startClosed } from "../src/http/ClosedLoad.ts"
import { start as startOpen } from "../src/http/OpenLoad.ts"
import { type HttpServer, startConstant, startFramework, startShop } from "../src/http/Servers.ts"
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
