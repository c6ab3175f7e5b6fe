/**
 * Many buyers who want the last unit at the same time: what they and the shop can rely on, whatever the database. For tests.
 */
import { expect } from "vitest"
import type { Answer } from "./Shop.ts"
import type { WholeShop } from "./WholeShop.ts"

const sku = "MUG-BLUE"

/** Far longer than it takes. */
const timeout = 240_000

const accepted = (answer: Answer): void =>
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 202 })

const post = async (shop: WholeShop, path: string, body: unknown) => accepted(await shop.call("POST", path, { body }))

/** A buyer whose checkout, cart and order have ids made of his number. */
const fillCart = async (shop: WholeShop, n: number): Promise<void> => {
  await post(shop, "/carts", { id: `cart-${n}`, customerId: `buyer-${n}`, currency: "GBP" })
  await post(shop, `/carts/cart-${n}/items`, { sku, quantity: 1, lineId: "1" })
}

const checkOut = (shop: WholeShop, n: number): Promise<void> =>
  post(shop, "/checkouts", { id: `buy-${n}`, cartId: `cart-${n}`, paymentMethod: { token: "tok_approve" } })

/** Waits until every checkout has come to an end. */
const untilAllHaveEnded = (shop: WholeShop, buyers: number): Promise<void> =>
  expect
    .poll(
      async () => {
        const ends = "('completed', 'compensated', 'needs-attention')"
        const rows = await shop.query(`SELECT FROM checkout.saga WHERE status IN ${ends}`)
        return rows.length
      },
      { timeout, interval: 200 }
    )
    .toBe(buyers)

/** Waits until a read model shows that. */
const shows = (shop: WholeShop, path: string, what: object): Promise<void> =>
  expect.poll(async () => (await shop.call("GET", path)).body, { timeout, interval: 50 }).toMatchObject(what)

const expectSold = async (shop: WholeShop, n: number): Promise<void> => {
  await shows(shop, `/orders/buy-${n}`, { status: "confirmed", rejection: null })
  await shows(shop, `/carts/cart-${n}`, { status: "completed" })
  await shows(shop, `/payments/buy-${n}`, { status: "authorised" })
}

const expectRestored = async (shop: WholeShop, n: number): Promise<void> => {
  const shortages = [{ sku, requested: 1, available: 0 }]
  await shows(shop, `/checkouts/buy-${n}`, { status: "compensated", reason: "shortage" })
  await shows(shop, `/orders/buy-${n}`, { status: "rejected", rejection: { reason: "shortage", shortages } })
  await shows(shop, `/carts/cart-${n}`, { status: "open", lines: [{ sku, quantity: 1 }] })
}

interface Counted {
  readonly type: string
  readonly n: number
}

/** How often each of these things has happened in a service. */
const happened = async (shop: WholeShop, schema: string, ...types: ReadonlyArray<string>) => {
  const list = types.map((type) => `'${type}'`).join(", ")
  const rows = await shop.query<Counted>(
    `SELECT type, count(*)::integer AS n FROM ${schema}.event WHERE type IN (${list}) GROUP BY type`
  )
  return Object.fromEntries(rows.map(({ type, n }) => [type, n]))
}

/** Sells one unit to one of so many buyers who check out at once. */
export const sellLastUnit = async (shop: WholeShop, buyers: number): Promise<void> => {
  const numbers = Array.from({ length: buyers }, (_, n) => n)
  await post(shop, `/stock/${sku}/main/receipts`, { quantity: 1, reference: "delivery" })
  await shows(shop, `/stock/${sku}`, { available: 1 })
  await Promise.all(numbers.map((n) => fillCart(shop, n)))
  await Promise.all(numbers.map((n) => checkOut(shop, n)))
  await untilAllHaveEnded(shop, buyers)

  const { body: sold } = await shop.call("GET", "/checkouts?status=completed")
  expect(sold).toHaveLength(1)
  const winner = Number(sold[0].id.slice("buy-".length))
  await expectSold(shop, winner)
  for (const n of numbers) if (n !== winner) await expectRestored(shop, n)

  await shows(shop, `/stock/${sku}`, { onHand: 1, reserved: 0, committed: 1, available: 0 })
  const least = await shop.query<{ readonly available: number }>(
    `SELECT min((data -> 'after' ->> 'available')::integer) AS available FROM inventory.event WHERE stream LIKE 'stockitem-%'`
  )
  expect(least).toEqual([{ available: 0 }])
  const others = buyers - 1
  expect(await happened(shop, "inventory", "StockReserved", "StockRefused", "StockCommitted")).toEqual({
    StockReserved: 1,
    StockRefused: others,
    StockCommitted: 1
  })
  expect(await happened(shop, "orders", "OrderPlaced", "OrderConfirmed", "OrderRejected")).toEqual({
    OrderPlaced: buyers,
    OrderConfirmed: 1,
    OrderRejected: others
  })
  expect(await happened(shop, "payment", "PaymentAuthorised")).toEqual({ PaymentAuthorised: 1 })
  const restored = await shop.query<{ readonly n: number; readonly shortages: string }>(
    `SELECT count(*)::integer AS n, data ->> 'shortages' AS shortages FROM cart.event WHERE type = 'CartRestored' GROUP BY 2`
  )
  expect(restored.map(({ n, shortages }) => ({ n, shortages: JSON.parse(shortages) }))).toEqual([
    { n: others, shortages: [{ sku, requested: 1, available: 0 }] }
  ])
}
