/**
 * `daybook dead-letter` on real PostgreSQL servers, each service's inbox in a database of its own, found by the settings that the
 * shop goes by.
 */
import { Inbox } from "@daybook/core/Inbox"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, expect, it } from "vitest"
import { completeCart, held, heldIn, onInbox, setAside } from "./Letters.ts"
import { daybook } from "./Orders.ts"

const given = process.env.DATABASE_URL
if (given === undefined) throw new Error("Run this with npm run test:integration, which provides DATABASE_URL")

const names = ["cart", "orders", "rest"].map((schema) => `letters_${process.pid}_${schema}`)

const [cartUrl, orderUrl, restUrl] = names.map((name) => {
  const url = new URL(given)
  url.pathname = `/${name}`
  return url.href
})

const [cart, order] = [cartUrl!, orderUrl!].map((url) => ({ url: Redacted.make(url) }))

const settings = { DATABASE_URL: restUrl!, CART_READ_URL: cartUrl!, ORDER_READ_URL: orderUrl! }

const onServer = (statements: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (client) => Effect.forEach(statements, (statement) => client.unsafe(statement))).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(given) })),
    Effect.runPromise
  )

beforeAll(async () => {
  await onServer(names.map((name) => `CREATE DATABASE ${name}`))
  await setAside(cart!, "cart", "cart-commands", [held(completeCart("m-1", "cart-1"))])
  await setAside(order!, "orders", "order-events", [held(completeCart("m-2", "order-1"))])
  // What is discarded is written down beside the journal.
  expect((await daybook(settings, "migrate")).code).toBe(0)
})

afterAll(() => onServer(names.map((name) => `DROP DATABASE ${name} WITH (FORCE)`)))

it("finds the inbox of each service in its own database", async () => {
  const { code, out, err } = await daybook(settings, "dead-letter", "list", "--json")
  expect({ code, err }).toEqual({ code: 0, err: "" })
  expect(JSON.parse(out)).toMatchObject([
    { service: "cart", number: 1, key: "cart-1" },
    { service: "order", number: 1, key: "order-1" }
  ])
})

it("replays and discards while the services run: what a consumer looks for is there, what was discarded is not", async () => {
  expect((await daybook(settings, "dead-letter", "replay", "1", "--service", "cart")).code).toBe(0)
  const due = await onInbox(
    cart!,
    "cart",
    Effect.flatMap(Inbox, (inbox) => inbox.due("cart-commands", Date.now() + 60_000, 10))
  )
  expect(due).toMatchObject([{ messageId: "m-1", state: "retrying", attempts: 0 }])
  expect(
    (await daybook(settings, "dead-letter", "discard", "1", "--service", "order", "--yes", "--reason", "Not needed"))
      .code
  ).toBe(0)
  expect(await heldIn(order!, "orders")).toEqual([])
})

it("says which server does not answer", async () => {
  const gone = { ...settings, ORDER_READ_URL: "postgres://user:s3cret@127.0.0.1:1/orders" }
  const { code, err } = await daybook(gone, "dead-letter", "list")
  expect(code).toBe(1)
  expect(err).toContain("No answer from PostgreSQL at 127.0.0.1:1/orders")
  expect(err).not.toContain("s3cret")
  // The others can be asked all the same.
  expect((await daybook(gone, "dead-letter", "list", "--service", "cart", "--all")).code).toBe(0)
})
