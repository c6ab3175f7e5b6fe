/**
 * A database that goes away under load and comes back: commands are refused with problems, none that was acknowledged is lost,
 * none is carried out twice, and the shop recovers by itself.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { type Postgres, startPostgres } from "@daybook/infra/Postgres"
import * as Redacted from "effect/Redacted"
import { afterAll, beforeAll, expect, it } from "vitest"
import { expectProblem, type Shop, startShop } from "./Shop.ts"

let postgres: Postgres
let shop: Shop

beforeAll(async () => {
  postgres = await startPostgres()
  shop = await startShop({}, { url: Redacted.make(postgres.url) })
})

afterAll(async () => {
  await shop?.stop()
  await postgres?.stop()
})

const clients = 16
const carts = 8

/** What a client has seen: answers by status, and the idempotency keys of what was accepted. */
interface Seen {
  readonly statuses: Map<number, number>
  readonly accepted: Set<string>
}

/** One line for a cart, sent until it is accepted, as a careful client does. */
const addLine = async (seen: Seen, cart: string, key: string) => {
  const body = { sku: "BIRD-PAPER", quantity: 1, lineId: key }
  while (true) {
    const answer = await shop.call("POST", `${cart}/items`, { body, headers: { "idempotency-key": key } })
    seen.statuses.set(answer.status, (seen.statuses.get(answer.status) ?? 0) + 1)
    if (answer.status === 202) return void seen.accepted.add(key)
    expectProblem(answer, 503, answer.body?.type.split(":").at(-1))
    await sleep(100)
  }
}

const ready = async () => (await shop.call("GET", "/health/ready")).status

it("commands are refused while the database is away, and nothing acknowledged is lost", async () => {
  const names = Array.from({ length: carts }, (_, i) => `/carts/cart-${i}`)
  for (const name of names) {
    await shop.call("POST", "/carts", { body: { id: name.slice("/carts/".length), currency: "GBP" } })
  }
  const seen = names.map((): Seen => ({ statuses: new Map(), accepted: new Set() }))
  let working = true
  const load = Array.from({ length: clients }, async (_, client) => {
    for (let n = 0; working; n++) await addLine(seen[client % carts]!, names[client % carts]!, `${client}-${n}`)
  })

  /** Every cart has got so many lines. */
  const added = (count: number) =>
    expect
      .poll(() => Math.min(...seen.map(({ accepted }) => accepted.size)), { timeout: 30_000 })
      .toBeGreaterThan(count)

  for (let round = 0; round < 3; round++) {
    await added(10 * round)
    await postgres.crash()
    expect((await shop.call("GET", "/health/live")).status).toBe(200)
    expectProblem(await shop.call("GET", "/health/ready"), 503, "NotReady")
    expectProblem(await shop.call("GET", names[0]!), 503, "ReadModelUnavailable")
    await sleep(500)
    await postgres.recover()
    await expect.poll(ready, { timeout: 20_000 }).toBe(200)
  }
  await added(30)
  working = false
  await Promise.all(load)

  const statuses = new Set(seen.flatMap((one) => [...one.statuses.keys()]))
  expect([...statuses].sort()).toEqual([202, 503])
  for (const [i, { accepted }] of seen.entries()) {
    // The cart was opened, and then each line added once.
    const { status, body } = await shop.call("GET", `${names[i]}?atLeastVersion=${accepted.size + 1}`)
    expect(status).toBe(200)
    expect(body.version).toBe(accepted.size + 1)
    const lines = body.lines.map(({ lineId }: { lineId: string }) => lineId)
    expect(lines.toSorted()).toEqual([...accepted].sort())
  }
  const { body } = await shop.call("GET", "/health/ready")
  expect(body.projections).toEqual([{ name: "cart-views", lag: 0, paused: false, parked: 0, stopped: 0 }])
})
