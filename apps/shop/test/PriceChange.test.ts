/**
 * A price list that changes between a request and its repetition: the key stands for the first outcome, at the first price, and
 * a new request meets the new list.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Persistence from "@daybook/core/Persistence"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { expectProblem, type Shop, startShop } from "./Shop.ts"

const folder = mkdtempSync(join(tmpdir(), "daybook-prices-"))
const file = join(folder, "prices.json")

const offer = (...products: ReadonlyArray<readonly [sku: string, price: string]>) =>
  writeFileSync(file, JSON.stringify(products.map(([sku, GBP]) => ({ sku, description: sku, prices: { GBP } }))))

const levels = [
  [1, Persistence.inline],
  [2, Persistence.state()],
  [3, Persistence.events()]
] as const

describe.each(levels)("an item that was added, at level %i", (_, persistence) => {
  let shop: Shop

  beforeAll(async () => {
    process.env.CART_PRICE_LIST = file
    offer(["MUG", "7.50"], ["PEN", "1.00"])
    shop = await startShop({ persistence })
    await shop.call("POST", "/carts", { body: { id: "cart", currency: "GBP" } })
  })

  afterAll(async () => {
    await shop.stop()
    process.env.CART_PRICE_LIST = ""
  })

  const add = (sku: string, key?: string) =>
    shop.call("POST", "/carts/cart/items", {
      body: { sku, quantity: 1 },
      headers: key === undefined ? {} : { "idempotency-key": key }
    })

  it("is answered alike when the request is repeated after the price list has changed", async () => {
    const mug = await add("MUG", "add-mug")
    const pen = await add("PEN", "add-pen")
    expect([mug.status, pen.status]).toEqual([202, 202])

    // Pens cost more from now on, and mugs are not for sale.
    offer(["PEN", "2.00"])
    await shop.restart()
    for (const [first, sku, key] of [
      [mug, "MUG", "add-mug"],
      [pen, "PEN", "add-pen"]
    ] as const) {
      const again = await add(sku, key)
      expect(again.status, again.text).toBe(202)
      expect(again.body).toEqual({ ...first.body, repeated: true })
    }

    expectProblem(await add("MUG"), 422, "UnknownSku")
    expectProblem(await add("MUG", "another key"), 422, "UnknownSku")
    const { body } = await shop.call("GET", `/carts/cart?atLeastVersion=${pen.body.version}`)
    expect(body).toMatchObject({ version: 3, total: { amountMinor: 850 } })
  })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))
