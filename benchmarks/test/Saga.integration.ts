/**
 * The load of the saga benchmark, small, on a real PostgreSQL: every checkout that it begins comes to its end, is seen once, and is
 * in what the shop says at the end; and what is missing there is told.
 */
import { afterAll, beforeAll, expect, it } from "vitest"
import { type HttpServer, startShop } from "../src/http/Servers.ts"
import { connect, openServer, type Server } from "../src/Server.ts"
import { Counter } from "../src/saga/Counter.ts"
import { checkAll, Seeing, Shoppers } from "../src/saga/Shoppers.ts"

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

let postgres: Server
let databaseUrl: string
let shop: HttpServer

beforeAll(async () => {
  postgres = await openServer()
  databaseUrl = await postgres.database("saga")
  shop = await startShop(databaseUrl, undefined, [])
})

afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
})

it("checks carts out, sees each once, and holds the shop to what was begun", async () => {
  await using database = connect(databaseUrl)
  using counter = new Counter(shop.url)
  const shoppers = new Shoppers(counter, database.query)
  await shoppers.stock()
  await shoppers.fillUpTo(20)
  const closed = new Seeing()
  await shoppers.keep(4, closed, () => closed.completed.count < 6)
  await shoppers.finish(closed)
  expect(closed.completed.count).toBe(shoppers.begun)
  expect(closed.confirmed.count).toBe(shoppers.begun)

  await shoppers.fillUpTo(60)
  const open = new Seeing()
  await shoppers.atRate(20, 1, open)
  expect(open.completed.count).toBe(shoppers.begun - closed.completed.count)
  expect(open.confirmed.sorted()[0]).toBeGreaterThan(0)
  expect(shoppers.underWay).toBe(0)
  await checkAll(database.query, shoppers)

  shoppers.units++
  await expect(checkAll(database.query, shoppers)).rejects.toThrow(`"committed":${shoppers.units}`)
})
