/**
 * No body makes the shop fail: whatever JSON comes, to whichever command, the answer is an acceptance or a problem, below 500.
 */
import * as fc from "fast-check"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Shop, startShop } from "./Shop.ts"

let shop: Shop

beforeAll(async () => {
  shop = await startShop()
  for (const id of ["a", "b"]) await shop.call("POST", "/carts", { body: { id, currency: "GBP" } })
})

afterAll(() => shop.stop())

const id = fc.oneof(
  fc.constantFrom("a", "b", "c", "line-1", "", "%", "\u0000"),
  fc.string({ unit: "binary", maxLength: 70 })
)
const amount = fc.oneof(
  fc.constantFrom(0, -0, 1, 1500, -1, 1.5, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e308, Number.MIN_VALUE),
  fc.integer({ min: 1, max: 3 })
)
const money = fc.record({ amountMinor: amount, currency: fc.constantFrom("GBP", "EUR", "gbp") }, { requiredKeys: [] })

/** Mostly near to what is asked for, so that it comes far; every field may also be anything else. */
const field = (likely: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: likely }, { weight: 1, arbitrary: fc.jsonValue() })

const body = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record(
        {
          id: field(id),
          customerId: field(fc.option(id)),
          country: field(fc.option(fc.string({ unit: "binary", maxLength: 110 }))),
          currency: field(fc.constantFrom("GBP", "EUR", "JPY")),
          sku: field(fc.constantFrom("MUG-BLUE", "BIRD-PAPER", "nope")),
          quantity: field(amount),
          lineId: field(id),
          guestCartId: field(id),
          checkoutId: field(id),
          acceptedTotal: field(money),
          reason: field(fc.constantFrom("expired", "discarded", "merged"))
        },
        { requiredKeys: [] }
      )
      .map((value) => JSON.stringify(value))
  },
  { weight: 2, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) }
)

const request = fc.tuple(
  fc.constantFrom(
    ...["/carts", "/carts/a/items", "/carts/b/items", "/carts/a/merge", "/carts/a/checkout", "/carts/b/abandon"].map(
      (path) => ["POST", path] as const
    ),
    ["POST", "/carts/b/recover"] as const,
    ["PATCH", "/carts/a/items/line-1"] as const,
    ["DELETE", "/carts/a/items/line-1"] as const
  ),
  body
)

it("is answered below 500, and a refusal is a problem", async () => {
  const statuses = new Set<number>()
  await fc.assert(
    fc.asyncProperty(request, async ([[method, path], sent]) => {
      const answer = await shop.call(method, path, { body: sent })
      statuses.add(answer.status)
      expect(answer.status, answer.text).toBeLessThan(500)
      if (answer.status >= 400) expect(answer.body.type).toMatch(/^urn:daybook:problem:/)
    }),
    { numRuns: 400 }
  )
  // The property says something only if requests came through as well.
  expect([...statuses]).toEqual(expect.arrayContaining([202, 400]))
  expect([404, 409, 422].some((status) => statuses.has(status))).toBe(true)
  expect((await shop.call("GET", "/health/ready")).status).toBe(200)
}, 60_000)
