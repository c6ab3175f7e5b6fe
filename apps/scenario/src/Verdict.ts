/**
 * The account of a run: what the services and the payment provider say, each by itself, held against each other.
 *
 * Nothing is taken from counters kept while running. What is asynchronous is given some time to arrive.
 */
import { DatabaseSync } from "node:sqlite"
import { setTimeout as sleep } from "node:timers/promises"
import type { Bought } from "./Buying.ts"
import * as Client from "./Client.ts"
import type { Fleet } from "./Fleet.ts"

/** What is wrong with a run. */
export interface Faults {
  /** Stock items of which more is promised than there is. */
  readonly oversold: number
  /** Things done more often than they were to be: authorisations, stock committed, orders for one cart. */
  readonly duplicated: number
  /** Things that should have been done, or undone, and were not. */
  readonly lost: number
  /** What exactly, some of it. */
  readonly examples: ReadonlyArray<string>
}

type Kind = "oversold" | "duplicated" | "lost"

class Findings {
  readonly #found: Array<readonly [Kind, string]> = []

  add(kind: Kind, what: string): void {
    this.#found.push([kind, what])
  }

  expect(kind: Kind, subject: string, actual: unknown, expected: ReadonlyArray<unknown>): void {
    if (!expected.includes(actual)) this.add(kind, `${subject} is ${actual}, not ${expected.join(" or ")}`)
  }

  get faults(): Faults {
    const count = (kind: Kind) => this.#found.filter(([one]) => one === kind).length
    return {
      oversold: count("oversold"),
      duplicated: count("duplicated"),
      lost: count("lost"),
      examples: this.#found.slice(0, 10).map(([kind, what]) => `${kind}: ${what}`)
    }
  }
}

const pathOf = { cart: "carts", order: "orders", inventory: "reservations", payment: "payments" } as const

interface Standing {
  readonly status: string
}
interface Amount {
  readonly amountMinor: number
}
interface OrderSaid extends Standing {
  readonly cartId: string
  readonly total: Amount
}
interface PaymentSaid extends Standing {
  readonly held: Amount
  readonly operations: ReadonlyArray<{ readonly kind: string }>
}
interface StockSaid {
  readonly onHand: number
  readonly reserved: number
  readonly committed: number
  readonly available: number
}

/** What a service says; `undefined` where it knows nothing. */
const ask = async <Body>(fleet: Fleet, service: keyof typeof pathOf, id: string): Promise<Body | undefined> => {
  const { status, body } = await Client.get<Body>(`${fleet.urlOf(service)}/${pathOf[service]}/${id}`)
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`The ${service} service answered ${status}: ${JSON.stringify(body)}`)
  return body
}

/** Which authorisations the provider holds money by, for each payment. */
const heldByProvider = (file: string): ReadonlyMap<string, number> => {
  const books = new DatabaseSync(file, { readOnly: true })
  try {
    const rows = books.prepare("SELECT payment_id AS payment, status, body FROM entry").all()
    const held = new Map<string, number>()
    const add = (payment: string, n: number) => held.set(payment, (held.get(payment) ?? 0) + n)
    for (const row of rows) {
      const { kind } = JSON.parse(String(row.body)) as { readonly kind: string }
      if (row.status === "approved" && kind === "authorise") add(String(row.payment), 1)
      if (row.status === "approved" && kind === "void") add(String(row.payment), -1)
    }
    return held
  } finally {
    books.close()
  }
}

const checkConfirmed = (found: Findings, bought: Bought, said: Said): void => {
  const { id } = bought
  found.expect("lost", `Cart of ${id}`, said.cart?.status, ["completed"])
  found.expect("lost", `Order ${id}`, said.order?.status, ["confirmed"])
  found.expect("lost", `Reservation ${id}`, said.reservation?.status, ["committed"])
  found.expect("lost", `Payment ${id}`, said.payment?.status, ["authorised"])
  found.expect("lost", `What is held for ${id}`, said.payment?.held.amountMinor, [said.order?.total.amountMinor])
  const authorisations = said.payment?.operations.filter(({ kind }) => kind === "authorise") ?? []
  if (authorisations.length > 1) found.add("duplicated", `${authorisations.length} authorisations of payment ${id}`)
  if (said.held !== 1)
    found.add(said.held > 1 ? "duplicated" : "lost", `The provider holds ${said.held} sums for ${id}`)
}

const checkRestored = (found: Findings, { id }: Bought, said: Said): void => {
  found.expect("lost", `Cart of ${id}`, said.cart?.status, ["open"])
  found.expect("lost", `Order ${id}`, said.order?.status, [undefined, "rejected", "cancelled"])
  found.expect("lost", `Reservation ${id}`, said.reservation?.status, [undefined, "refused", "released", "expired"])
  found.expect("lost", `What is held for ${id}`, said.payment?.held.amountMinor, [undefined, 0])
  if (said.held !== 0) found.add("lost", `The provider holds ${said.held} sums for ${id}, which came to nothing`)
}

/** What everyone says of one checkout. */
interface Said {
  readonly cart: Standing | undefined
  readonly order: OrderSaid | undefined
  readonly reservation: Standing | undefined
  readonly payment: PaymentSaid | undefined
  readonly held: number
}

const checkStock = async (
  found: Findings,
  fleet: Fleet,
  bought: ReadonlyArray<Bought>,
  stock: Stock
): Promise<void> => {
  const sold = new Map<string, number>()
  for (const { status, buyer } of bought) {
    if (status !== "completed") continue
    for (const { sku, quantity } of buyer.lines) sold.set(sku, (sold.get(sku) ?? 0) + quantity)
  }
  for (const [sku, received] of stock) {
    const { body } = await Client.get<StockSaid>(`${fleet.urlOf("inventory")}/stock/${sku}`)
    const { onHand, reserved, committed, available } = body
    if (available < 0 || committed + reserved > onHand) found.add("oversold", `${sku}: ${JSON.stringify(body)}`)
    if (onHand !== received) found.add("lost", `${sku}: ${onHand} on hand, ${received} received`)
    const expected = sold.get(sku) ?? 0
    if (committed > expected) found.add("duplicated", `${sku}: ${committed} committed, ${expected} sold`)
    if (committed < expected) found.add("lost", `${sku}: ${committed} committed, ${expected} sold`)
    const anyOpen = bought.some(({ status }) => status === "stuck" || status === "needs-attention")
    if (reserved > 0 && !anyOpen) found.add("lost", `${sku}: ${reserved} reserved for nobody`)
  }
}

type Stock = ReadonlyMap<string, number>

const look = async (fleet: Fleet, bought: ReadonlyArray<Bought>, stock: Stock, books: string): Promise<Faults> => {
  const found = new Findings()
  const held = heldByProvider(books)
  const orders = new Map<string, number>()
  for (const one of bought) {
    const [cart, order, reservation, payment] = await Promise.all([
      ask<Standing>(fleet, "cart", one.cartId),
      ask<OrderSaid>(fleet, "order", one.id),
      ask<Standing>(fleet, "inventory", one.id),
      ask<PaymentSaid>(fleet, "payment", one.id)
    ])
    const said: Said = { cart, order, reservation, payment, held: held.get(one.id) ?? 0 }
    if (order?.status === "confirmed") orders.set(order.cartId, (orders.get(order.cartId) ?? 0) + 1)
    if (one.status === "completed") checkConfirmed(found, one, said)
    if (one.status === "compensated") checkRestored(found, one, said)
  }
  for (const [cart, n] of orders) if (n > 1) found.add("duplicated", `${n} orders of cart ${cart}`)
  await checkStock(found, fleet, bought, stock)
  return found.faults
}

const settleMillis = 60_000

/** The faults of a run, once what was under way has arrived. */
export const reach = async (
  fleet: Fleet,
  bought: ReadonlyArray<Bought>,
  stock: Stock,
  books: string
): Promise<Faults> => {
  const givingUpAt = performance.now() + settleMillis
  while (true) {
    const faults = await look(fleet, bought, stock, books)
    if (faults.examples.length === 0 || performance.now() > givingUpAt) return faults
    await sleep(1_000)
  }
}
