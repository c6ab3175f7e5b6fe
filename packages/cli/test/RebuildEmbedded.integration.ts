/**
 * What an operator relies on of `daybook projection rebuild`, on an embedded store on which whole checkouts have been: it shows what is
 * wrong, puts it right, and every read model of every service comes out as the live one is.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as ServiceProjections from "../src/ServiceProjections.ts"
import { csv, daybook, folder, line, scratch } from "./Orders.ts"

const root = scratch()
const settings = { DAYBOOK_HOME: join(root, "store") }
const orders = folder({
  "1.csv": csv(...Array.from({ length: 60 }, (_, i) => line({ invoice: `${i % 12}`, sku: `S${i}`, quantity: "2" })))
})

beforeAll(async () => {
  const done = await daybook(
    settings,
    "import",
    "online-retail",
    orders,
    "--checkout",
    "--rejects",
    join(root, "r.csv")
  )
  expect(done.code, done.err).toBe(0)
})

afterAll(() => {
  for (const path of [root, orders]) rmSync(path, { recursive: true, force: true })
})

const rebuild = (...args: ReadonlyArray<string>) => daybook(settings, "projection", "rebuild", ...args)

const sql = <Row extends object>(...statements: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (client) => Effect.forEach(statements, (statement) => client.unsafe<Row>(statement))).pipe(
    Effect.provide(Database.layer({ folder: settings.DAYBOOK_HOME })),
    Effect.runPromise
  )

const revenue = async () => {
  const [rows] = await sql<{ readonly n: number }>("SELECT sum(total_minor)::float8 AS n FROM cart.revenue")
  return rows![0]!.n
}

describe("daybook projection rebuild", () => {
  it("shows what is wrong without changing it, then puts it right, going on from what it has", async () => {
    const truth = await revenue()
    await sql("UPDATE cart.revenue SET total_minor = total_minor + 1", "DELETE FROM cart.cart_view WHERE cart_id = '3'")
    const seen = await rebuild("cart-views", "--compare", "--dry-run")
    expect(seen.code, seen.err).toBe(0)
    expect(seen.out).toMatch(
      /^TABLE +ONLY LIVE +ONLY REBUILT +DIFFERENT\ncart_view +0 +1 +0\ncart_lines +0 +0 +0\nrevenue +0 +0 +1\n/
    )
    expect(seen.out).toContain(`cart_view {"cart_id":"3"}: live null, rebuilt {`)
    expect(seen.out).toMatch(
      /revenue \{.*"country":"United Kingdom".*\}: live \{"total_minor":\d+\}, rebuilt \{"total_minor":\d+\}/
    )
    expect(seen.out).toMatch(
      /Not switched; the same command without --dry-run goes on from there, and --abandon throws it away\.$/
    )
    expect(await revenue()).toBe(truth + 1)
    const done = await rebuild("cart-views")
    expect(done.code, done.err).toBe(0)
    expect(done.out).toMatch(
      /^cart-views: rebuilt from \d+ events in [\d.]+ s, and switched\. Queries waited \d+ ms at most for the switch\.$/
    )
    expect(await revenue()).toBe(truth)
    const { out } = await rebuild("cart-views", "--compare")
    expect(out).toMatch(/^The rebuilt tables were the same as the live ones, row by row\.\n/)
  })

  it("says for scripts what it has done, and throws away what was not switched", async () => {
    const { out } = await rebuild("cart-views", "--compare", "--dry-run", "--json")
    const done = JSON.parse(out)
    expect(done).toMatchObject({ projection: "cart-views", resumed: false, switched: false, heldMillis: 0 })
    expect(done.compared.map(({ table }: { table: string }) => table)).toEqual(["cart_view", "cart_lines", "revenue"])
    expect(done.positions.reduce((sum: number, position: number) => sum + position, 0)).toBe(96)
    expect((await rebuild("cart-views", "--abandon")).out).toBe(
      "cart-views: what was rebuilt is thrown away. The live read model is as it was."
    )
    expect((await rebuild("cart-views", "--abandon", "--json")).out).toBe(
      `{"projection":"cart-views","abandoned":false}`
    )
  })
})

const names = Object.values(ServiceProjections.kept).flatMap(({ schema, readModels }) =>
  readModels(schema).map(({ name }) => name)
)

describe("after whole checkouts, a rebuilt read model is the live one row by row:", () => {
  it.each(names)("%s", async (name) => {
    const { code, out, err } = await rebuild(name, "--compare", "--json")
    expect(code, err).toBe(0)
    const { compared, positions, switched } = JSON.parse(out)
    expect(switched).toBe(true)
    expect(positions.reduce((sum: number, position: number) => sum + position, 0)).toBeGreaterThan(20)
    for (const one of compared) expect(one).toMatchObject({ onlyLive: 0, onlyRebuilt: 0, different: 0, examples: [] })
  })
})
