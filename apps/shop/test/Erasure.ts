/**
 * A person is erased from a whole shop: what they, everybody else and a privacy officer rely on, whatever the database. For tests.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import type { Answer } from "./Shop.ts"
import type { WholeShop } from "./WholeShop.ts"

const sku = "MUG-BLUE"
const timeout = 60_000

/** What is found in the files where it is in clear: so that finding nothing of the others says something. */
export const control = "CONTROL-qv7Zc1"

/** Every word of these is looked for. */
const recipientOf = (mark: string) => ({
  name: `Name-${mark} Ünlü`,
  email: `mail-${mark}@example.org`,
  phone: `+44-${mark}`,
  address: {
    lines: [`House-${mark}`, `Street-${mark}`],
    city: `City-${mark}`,
    postalCode: `P-${mark}`,
    country: "France"
  }
})

const jane = recipientOf("JANEq8Xw2")
const guest = recipientOf("GUESTk3Yp9")
const john = recipientOf("JOHNm5Vt4")

/** What must not be in any file, whoever was erased: nobody's recipient is ever written in clear. */
export const marks = ["JANEq8Xw2", "GUESTk3Yp9", "JOHNm5Vt4"]

const accepted = (answer: Answer): Answer => {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 202 })
  return answer
}

const post = async (shop: WholeShop, path: string, body: unknown) => accepted(await shop.call("POST", path, { body }))

const shows = (shop: WholeShop, path: string, what: object): Promise<void> =>
  expect.poll(async () => (await shop.call("GET", path)).body, { timeout, interval: 20 }).toMatchObject(what)

interface Buying {
  readonly id: string
  readonly customerId: string | null
  readonly recipient: object
  readonly quantity?: number
}

/** A cart with mugs, checked out for a recipient. */
const buy = async (shop: WholeShop, { id, customerId, recipient, quantity = 1 }: Buying): Promise<void> => {
  await post(shop, "/carts", { id: `cart-${id}`, ...(customerId === null ? {} : { customerId }), currency: "GBP" })
  await post(shop, `/carts/cart-${id}/items`, { sku, quantity, lineId: "1" })
  const paymentMethod = { token: "tok_approve" }
  await post(shop, "/checkouts", { id, cartId: `cart-${id}`, customerId, recipient, paymentMethod })
}

/** Everything that is kept, as text: every row of every table. */
export const dump = async (shop: WholeShop): Promise<string> => {
  const tables = await shop.query<{ readonly name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`
  )
  const texts: Array<string> = []
  for (const { name } of tables) {
    const rows = await shop.query<{ readonly row: string }>(`SELECT t::text AS row FROM ${name} t`)
    texts.push(...rows.map(({ row }) => row))
  }
  return texts.join("\n")
}

/** The files under a folder that hold any of these words, each as `word in file`. */
export const search = (folder: string, words: ReadonlyArray<string>): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return []
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    return words.filter((word) => bytes.includes(word)).map((word) => `${word} in ${entry.name}`)
  })

const tokenOf = async (shop: WholeShop, orderId: string): Promise<string> => {
  const [row] = await shop.query<{ readonly recipient: string }>(
    `SELECT recipient FROM orders.order_view WHERE order_id = '${orderId}'`
  )
  return row!.recipient
}

/** Leaves tokens of an order's recipient where only luck would: in a snapshot, and in a message that cannot be read. */
const leaveTraces = async (shop: WholeShop, orderId: string): Promise<void> => {
  const token = await tokenOf(shop, orderId)
  await shop.query(
    `INSERT INTO orders.snapshot (taken_at, version, schema_version, stream, data)
     SELECT now(), 1, 2, 'order-${orderId}', json_build_object('recipient', '${token}')`
  )
  const message = {
    ...{
      specversion: "1.0",
      id: `poison-${orderId}`,
      source: "/test",
      type: "SubmitOrder",
      time: "2026-01-01T00:00:00Z"
    },
    ...{ partitionkey: `poison-${orderId}`, schemaversion: 99, data: { recipient: token } }
  }
  const published = JSON.stringify([{ p: 0, i: message.id, b: JSON.stringify(message) }])
  await shop.query(`SELECT broker.publish('order-commands', '${published}'::json)`)
  await expect.poll(() => setAside(shop, orderId), { timeout }).toContain(token)
}

const setAside = async (shop: WholeShop, orderId: string): Promise<string> => {
  const rows = await shop.query<{ readonly body: string }>(
    `SELECT body FROM orders.held_message WHERE message_id = 'poison-${orderId}'`
  )
  return rows.map(({ body }) => body).join()
}

/** Three people buy, and one of them finds that there is not enough. */
export const sell = async (shop: WholeShop): Promise<void> => {
  await post(shop, `/stock/${sku}/main/receipts`, { quantity: 3, reference: control })
  await shows(shop, `/stock/${sku}`, { available: 3 })
  await buy(shop, { id: "buy-jane", customerId: "jane", recipient: jane })
  await buy(shop, { id: "buy-john", customerId: "john", recipient: john })
  await buy(shop, { id: "buy-guest", customerId: null, recipient: guest })
  await shows(shop, "/orders/buy-jane", { status: "confirmed", recipient: jane, recipientErased: false })
  await shows(shop, "/orders/buy-john", { status: "confirmed", recipient: john, recipientErased: false })
  await shows(shop, "/orders/buy-guest", { status: "confirmed", recipient: guest, recipientErased: false })
  await buy(shop, { id: "short-jane", customerId: "jane", recipient: jane, quantity: 9 })
  await shows(shop, "/orders/short-jane", { status: "rejected", recipient: jane })
  await leaveTraces(shop, "buy-jane")
  await leaveTraces(shop, "buy-john")
  expect(JSON.stringify((await shop.call("GET", "/orders?customerId=jane")).body)).not.toContain("recipient")
}

/** A hold keeps Jane; without it she and the guest go, and John stays. */
export const erase = async (shop: WholeShop): Promise<void> => {
  const because = { reason: `asked to be forgotten, ticket ${control}` }
  await post(shop, "/subjects/jane/holds", { holdId: "case-7", reason: "a chargeback is open" })
  const held = await shop.call("POST", "/subjects/jane/erasure", { body: because })
  expect(held).toMatchObject({ status: 409, body: { type: "urn:daybook:problem:SubjectOnHold" } })
  expect(held.body.detail).toContain("case-7 (a chargeback is open)")
  expect((await shop.call("GET", "/orders/buy-jane")).body.recipient).toEqual(jane)

  await post(shop, "/subjects/jane/holds/case-7/release", { reason: "the case is closed" })
  await post(shop, "/subjects/jane/erasure", because)
  await post(shop, "/subjects/guest:buy-guest/erasure", because)
  for (const id of ["buy-jane", "short-jane", "buy-guest"]) {
    await shows(shop, `/orders/${id}`, { recipient: null, recipientErased: true })
  }
  await expect.poll(() => tokenOf(shop, "buy-jane"), { timeout }).toBeNull()
  await expect.poll(() => setAside(shop, "buy-jane"), { timeout }).toContain('"recipient":null')
}

/** What is left is what has to be. */
export const expectErased = async (shop: WholeShop): Promise<void> => {
  const { body: order } = await shop.call("GET", "/orders/buy-jane")
  expect(order).toMatchObject({ status: "confirmed", customerId: "jane", total: { amountMinor: 750, currency: "GBP" } })
  expect((await shop.call("GET", "/orders/buy-john")).body.recipient).toEqual(john)
  const snapshots = await shop.query<{ readonly stream: string }>("SELECT stream FROM orders.snapshot")
  expect(snapshots).toEqual([{ stream: "order-buy-john" }])
  expect(await setAside(shop, "buy-john")).toContain(await tokenOf(shop, "buy-john"))

  await post(shop, "/carts", { id: "cart-again", customerId: "jane", currency: "GBP" })
  const body = { cartId: "cart-again", customerId: "jane", recipient: jane, paymentMethod: { token: "tok_approve" } }
  const again = await shop.call("POST", "/checkouts", { body })
  expect(again).toMatchObject({ status: 410, body: { type: "urn:daybook:problem:SubjectErased", subject: "jane" } })
  expect(again.text).not.toContain("JANEq8Xw2")
  const without = { cartId: "cart-again", paymentMethod: { token: "tok_approve" } }
  accepted(await shop.call("POST", "/checkouts", { body: without }))
}
