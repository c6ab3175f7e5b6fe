/**
 * The whole shop in two processes on one database, as operators run it who want one to stay when the other goes: it does not matter
 * through which of them something is done, and one that is stopped for longer than its leases and then goes on does no harm.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { Agent } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync, type DatabaseSyncOptions } from "node:sqlite"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { forBuyers } from "./Buyers.ts"
import { createDatabase } from "./Databases.ts"
import { freePort, start } from "./Process.ts"
import { type Answer, call } from "./Shop.ts"

/** Far longer than anything takes. */
const timeout = 120_000
const received = 1_000
const goods = ["MUG-BLUE", "BOWL-RICE", "CANDLE-BEES"]
/** In the catalogue, and never delivered. */
const soldOut = "LAMP-DESK"

/** A process of the shop. */
type Shop = ReturnType<typeof start> & {
  readonly call: (method: string, path: string, body?: unknown) => Promise<Answer>
}

let folder: string
let database: string
/** The second is started when the first holds all leases. */
let shops: Array<Shop>

// A connection for each request: one that was kept could be closed by the server while the next request is on its way.
const agent = new Agent()

const startShop = async (): Promise<void> => {
  const port = await freePort()
  // Nothing is sent again for half an hour: a lost message would be noticed.
  const again = { CHECKOUT_RETRY_SECONDS: "1800", CHECKOUT_PAYMENT_RETRY_SECONDS: "1800" }
  const settings = { ...again, DATABASE_URL: database, DAYBOOK_HOME: folder, PORT: port, LEASE_SECONDS: "2" }
  const shop = start(settings)
  shops.push({
    ...shop,
    call: (method, path, body) => call(Number(port), agent, method, path, body === undefined ? {} : { body })
  })
  await shop.ready
}

beforeEach(async ({ task }) => {
  folder = mkdtempSync(join(tmpdir(), "daybook-two-"))
  database = await createDatabase(`two_${task.id.replaceAll("-", "_")}`)
  shops = []
  await startShop()
  await startShop()
})

afterEach(async () => {
  for (const { child } of shops) child.kill("SIGKILL")
  await Promise.all(shops.map(({ exited }) => exited))
  rmSync(folder, { recursive: true, force: true })
})

/** What is in the database. */
const query = <Row extends object>(text: string): Promise<ReadonlyArray<Row>> =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe<Row>(text)).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(database) })),
    Effect.runPromise
  )

/** How often leases have changed hands. */
const takeOvers = async (): Promise<number> => {
  const schemas = ["broker", "cart", "checkout", "inventory", "orders", "payment"]
  const epochs = schemas.map((schema) => `SELECT epoch FROM ${schema}.projection_offset`).join(" UNION ALL ")
  const rows = await query<{ readonly n: number }>(`SELECT sum(epoch)::integer AS n FROM (${epochs}) AS lease`)
  return rows[0]!.n
}

/** Sends a command that nobody has any reason to refuse. */
const send = async (shop: Shop, method: string, path: string, body: unknown): Promise<void> => {
  const { status, text } = await shop.call(method, path, body)
  expect({ status, text }, `${method} ${path}`).toMatchObject({ status: 202 })
}

const post = (shop: Shop, path: string, body: unknown): Promise<void> => send(shop, "POST", path, body)

const shows = (shop: Shop, path: string, what: object): Promise<void> =>
  expect.poll(async () => (await shop.call("GET", path)).body, { timeout, interval: 50 }).toMatchObject(what)

/** What a buyer wants, and what has to come of it: all of it follows from his number. */
const buyer = (n: number) => {
  const wanted = goods
    .slice(0, 1 + (n % goods.length))
    .map((sku, i) => ({ lineId: `${i}`, sku, quantity: 1 + (n % 2) }))
  const end = n % 5 === 3 ? "shortage" : n % 5 === 4 ? "declined" : "paid"
  const lines = end === "shortage" ? [...wanted, { lineId: "none", sku: soldOut, quantity: 1 }] : wanted
  return { lines, end, token: end === "declined" ? "tok_decline" : "tok_approve" } as const
}

/** Goes through the shops in turn, from the one whose turn it is for this buyer. */
const inTurn = (n: number, through: ReadonlyArray<Shop>) => {
  let turn = n
  return () => through[turn++ % through.length]!
}

const openCart = (n: number, shop: Shop): Promise<void> =>
  post(shop, "/carts", { id: `cart-${n}`, customerId: `buyer-${n}`, currency: "GBP" })

/** Adds what a buyer wants, or so many of each. */
const fillCart = async (n: number, next: () => Shop, each?: number): Promise<void> => {
  for (const line of buyer(n).lines) {
    await post(next(), `/carts/cart-${n}/items`, { ...line, quantity: each ?? line.quantity })
  }
}

const checkOut = (n: number, shop: Shop): Promise<void> =>
  post(shop, "/checkouts", { id: `buy-${n}`, cartId: `cart-${n}`, paymentMethod: { token: buyer(n).token } })

/** Each step through another process than the one before. */
const buy = async (n: number, through: ReadonlyArray<Shop>): Promise<void> => {
  const next = inTurn(n, through)
  await openCart(n, next())
  await fillCart(n, next)
  await checkOut(n, next())
}

const numbersFrom = (first: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => first + i)

const deliver = async ([shop]: ReadonlyArray<Shop>): Promise<void> => {
  for (const sku of goods) {
    await post(shop!, `/stock/${sku}/main/receipts`, { quantity: received, reference: "delivery" })
    await shows(shop!, `/stock/${sku}`, { available: received })
  }
}

const ends = {
  paid: {
    checkout: { status: "completed", reason: null },
    order: { status: "confirmed" },
    cart: { status: "completed" }
  },
  shortage: {
    checkout: { status: "compensated", reason: "shortage" },
    order: { status: "rejected", rejection: { reason: "shortage" } },
    cart: { status: "open" }
  },
  declined: {
    checkout: { status: "compensated", reason: "declined" },
    order: { status: "rejected", rejection: { reason: "payment-declined" } },
    cart: { status: "open" }
  }
}

/** Holds a buyer to have got what he has to, whichever process is asked. */
const expectEnd = async (n: number, shop: Shop): Promise<void> => {
  const { lines, end } = buyer(n)
  const { checkout, order, cart } = ends[end]
  await shows(shop, `/checkouts/buy-${n}`, checkout)
  await shows(shop, `/orders/buy-${n}`, { ...order, lines: lines.map(({ sku, quantity }) => ({ sku, quantity })) })
  await shows(shop, `/carts/cart-${n}`, { ...cart, lines })
}

const books = (options: DatabaseSyncOptions): DatabaseSync =>
  new DatabaseSync(join(folder, "simulated-provider.sqlite"), options)

/** How often each order was paid for, as the provider has it. */
const authorisations = (): ReadonlyArray<string> => {
  using file = books({ readOnly: true })
  const rows = file.prepare("SELECT payment_id AS payment FROM entry WHERE status = 'approved' ORDER BY 1").all()
  return rows.map(({ payment }) => String(payment))
}

const isProviderAtWork = (): boolean => {
  using file = books({ timeout: 1_000 })
  try {
    file.exec("BEGIN IMMEDIATE")
    file.exec("ROLLBACK")
    return false
  } catch {
    return true
  }
}

/** Stops a process where it is; not in the middle of what the simulated provider does, who would not be stopped with a shop. */
const stop = ({ child }: Shop): void => {
  child.kill("SIGSTOP")
  while (isProviderAtWork()) {
    child.kill("SIGCONT")
    child.kill("SIGSTOP")
  }
}

interface Counted {
  readonly type: string
  readonly times: number
  readonly streams: number
}

/** Holds everything that may happen to an order once to have happened once to each that it should have happened to. */
const expectOnce = async (numbers: ReadonlyArray<number>): Promise<void> => {
  const paid = numbers.filter((n) => buyer(n).end === "paid").length
  const once = {
    "orders.event": { OrderPlaced: numbers.length, OrderConfirmed: paid, OrderRejected: numbers.length - paid },
    "inventory.event": { ReservationRequested: numbers.length, ReservationCommitted: paid },
    "payment.event": { PaymentAuthorised: paid },
    "cart.event": { CheckoutBegun: numbers.length, CartCompleted: paid, CartRestored: numbers.length - paid }
  }
  for (const [table, types] of Object.entries(once)) {
    const list = Object.keys(types).map((type) => `'${type}'`)
    const found = await query<Counted>(
      `SELECT type, count(*)::integer AS times, count(DISTINCT stream)::integer AS streams FROM ${table}
       WHERE type IN (${list}) GROUP BY type ORDER BY type`
    )
    const wanted = Object.entries(types).map(([type, times]) => ({ type, times, streams: times }))
    expect(found).toEqual(wanted.toSorted((one, other) => (one.type < other.type ? -1 : 1)))
  }
}

/** Holds all buyers to have come to their ends, and the stock and the provider's books to say the same. */
const expectAllSold = async (numbers: ReadonlyArray<number>): Promise<void> => {
  await forBuyers(numbers, (n) => expectEnd(n, shops[n % 2]!))
  const paid = numbers.filter((n) => buyer(n).end === "paid")
  for (const sku of goods) {
    const lines = paid.flatMap((n) => buyer(n).lines).filter((line) => line.sku === sku)
    const committed = lines.reduce((sum, { quantity }) => sum + quantity, 0)
    const level = { onHand: received, reserved: 0, committed, available: received - committed }
    for (const shop of shops) await shows(shop, `/stock/${sku}`, level)
  }
  await expectOnce(numbers)
  expect(authorisations()).toEqual(paid.map((n) => `buy-${n}`).sort())
}

describe("two processes of the shop on one database", () => {
  it("check a cart that is filled through both out with all its lines, through either", {
    timeout: 240_000
  }, async () => {
    await deliver(shops)
    const numbers = numbersFrom(0, 60)
    await forBuyers(numbers, (n) => buy(n, shops))
    await expectAllSold(numbers)
  })

  it("lose no checkout when one is stopped for longer than its leases, and goes on", { timeout: 240_000 }, async () => {
    const [stopped, other] = [shops[0]!, shops[1]!]
    const before = numbersFrom(0, 20)
    const during = numbersFrom(20, 40)
    const away = numbersFrom(60, 20)
    const back = numbersFrom(80, 20)
    const late = numbersFrom(100, 20)
    await deliver(shops)
    await forBuyers(before, (n) => buy(n, shops))
    // It remembers these carts as empty, while the other one fills them.
    await forBuyers(late, (n) => openCart(n, stopped))
    const held = await takeOvers()

    let begun = 0
    await forBuyers(during, async (n) => {
      await buy(n, [other])
      // In the middle of its work.
      if (++begun === during.length / 2) stop(stopped)
    })
    await forBuyers(late, (n) => fillCart(n, () => other, 9))
    await forBuyers(away, (n) => buy(n, [other]))
    // To get there, the other one needs all that the stopped one had a lease on.
    await forBuyers(away, (n) => expectEnd(n, other))
    expect(await takeOvers()).toBeGreaterThan(held)

    const meanwhile = forBuyers(back, (n) => buy(n, [other]))
    stopped.child.kill("SIGCONT")
    const itself = forBuyers(late, async (n) => {
      for (const { lineId, quantity } of buyer(n).lines) {
        await send(stopped, "PATCH", `/carts/cart-${n}/items/${lineId}`, { quantity })
      }
      await checkOut(n, stopped)
    })
    await Promise.all([meanwhile, itself])
    await expectAllSold([before, during, away, back, late].flat())
  })
})
