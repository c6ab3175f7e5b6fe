/**
 * A service that is killed under load: whoever asks the other services does not notice, and what has waited for it is done once
 * it is back. Four processes with a database each, and a broker in a fifth.
 */

import { mkdtempSync, rmSync } from "node:fs"
import { Agent } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { buyersAtOnce, forBuyers } from "./Buyers.ts"
import { createDatabase } from "./Databases.ts"
import { freePort, start } from "./Process.ts"
import { type Answer, call, type Sent } from "./Shop.ts"

/** Far longer than anything takes. */
const timeout = 240_000
const sku = "MUG-BLUE"
/** Checkouts begun before the kill, while the service is away, and while it comes back. */
const [before, away, after] = [24, 48, 24]

type Running = ReturnType<typeof start>

/** A process of the shop, which keeps its address and its database when it is started again. */
class Member {
  // A connection for each request: one that was kept could be closed by the server while the next request is on its way.
  readonly #agent = new Agent()
  readonly #services: string
  readonly #settings: Readonly<Record<string, string>>
  #running: Running | undefined

  constructor(services: string, settings: Readonly<Record<string, string>>) {
    this.#services = services
    this.#settings = settings
  }

  async start(): Promise<void> {
    this.#running = start(this.#settings, ["--services", this.#services])
    await this.#running.ready
  }

  async kill(): Promise<void> {
    this.#running?.child.kill("SIGKILL")
    await this.#running?.exited
  }

  call(method: string, path: string, sent?: Sent): Promise<Answer> {
    return call(Number(this.#settings.PORT), this.#agent, method, path, sent)
  }
}

let folder: string
let [carts, checkouts, inventory, payments]: ReadonlyArray<Member> = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "daybook-killed-"))
  const broker = await createDatabase("killed_broker")
  const member = async (services: string, name: string) =>
    new Member(services, {
      DATABASE_URL: await createDatabase(`killed_${name}`),
      BROKER_URL: broker,
      SIMULATED_PROVIDER_FILE: join(folder, "provider.sqlite"),
      PORT: await freePort(),
      // Whoever comes back waits so long for what he held when he was killed.
      LEASE_SECONDS: "2"
    })
  carts = await member("cart", "cart")
  checkouts = await member("order,checkout", "order")
  inventory = await member("inventory", "inventory")
  payments = await member("payment", "payment")
  await Promise.all([carts, checkouts, inventory, payments].map((one) => one.start()))
})

afterAll(async () => {
  await Promise.all([carts, checkouts, inventory, payments].map((one) => one?.kill()))
  rmSync(folder, { recursive: true, force: true })
})

/** Sends a request that nobody has any reason to refuse. */
const ask = async (member: Member, method: string, path: string, body?: unknown): Promise<Answer> => {
  const answer = await member.call(method, path, body === undefined ? {} : { body })
  expect(answer.status, `${method} ${path}: ${answer.text}`).toBe(method === "GET" ? 200 : 202)
  return answer
}

/** A buyer, who looks at what he has done after each step. */
const buy = async (n: number): Promise<void> => {
  await ask(carts!, "POST", "/carts", { id: `cart-${n}`, customerId: `buyer-${n}`, currency: "GBP" })
  await ask(carts!, "POST", `/carts/cart-${n}/items`, { sku, quantity: 2, lineId: "1" })
  await ask(carts!, "GET", `/carts/cart-${n}?atLeastVersion=2`)
  await ask(checkouts!, "POST", "/checkouts", {
    id: `buy-${n}`,
    cartId: `cart-${n}`,
    paymentMethod: { token: "tok_approve" }
  })
  await ask(checkouts!, "GET", `/checkouts/buy-${n}?atLeastVersion=1`)
  await ask(checkouts!, "GET", `/orders?customerId=buyer-${n}`)
  await ask(payments!, "GET", `/payments?orderId=buy-${n}`)
}

let begun = 0

/** So many buyers more, some of them at once. */
const buyers = async (count: number): Promise<ReadonlyArray<number>> => {
  const numbers = Array.from({ length: count }, () => begun++)
  await forBuyers(numbers, buy)
  return numbers
}

const shows = (member: Member, path: string, what: object): Promise<void> =>
  expect.poll(async () => (await member.call("GET", path)).body, { timeout, interval: 100 }).toMatchObject(what)

it("kill -9 of the inventory costs no other service a request, and what has waited is done", {
  timeout: 600_000
}, async () => {
  const all = before + away + after
  await ask(inventory!, "POST", `/stock/${sku}/main/receipts`, { quantity: 2 * all, reference: "delivery" })
  await shows(inventory!, `/stock/${sku}`, { available: 2 * all })

  await buyers(before)
  // While more come, so that it dies in the middle of its work.
  const [waiting] = await Promise.all([buyers(away), inventory!.kill()])
  const late = waiting.slice(buyersAtOnce)
  for (const n of late) await shows(checkouts!, `/checkouts/buy-${n}`, { status: "running", step: "reserve-items" })
  await Promise.all([inventory!.start(), buyers(after)])

  for (let n = 0; n < all; n++) {
    await shows(checkouts!, `/checkouts/buy-${n}`, { status: "completed" })
    await shows(checkouts!, `/orders/buy-${n}`, { status: "confirmed" })
    await shows(carts!, `/carts/cart-${n}`, { status: "completed" })
    await shows(payments!, `/payments/buy-${n}`, { status: "authorised" })
  }
  await shows(inventory!, `/stock/${sku}`, { onHand: 2 * all, reserved: 0, committed: 2 * all, available: 0 })
})
