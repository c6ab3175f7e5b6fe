/**
 * People who check carts out over HTTP, and somebody who looks when their orders are confirmed. Used by `saga`.
 *
 * It is looked at the rows that queries answer from, many at once: to ask over HTTP for every order again and again would be most of
 * the load. What is seen later than it was there is at most the pause between two looks.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"
import { defaultLocation } from "@daybook/services/inventory/LocationChoice"
import { arrive } from "../http/Arrivals.ts"
import type { Query } from "../Server.ts"
import { Latencies } from "../Statistics.ts"
import type { Counter } from "./Counter.ts"

/** Lines of each cart. */
export const linesPerCart = 2

/** Received of every item, so that nothing is ever short. */
const received = 900_000

const skus = demoCatalogue.map(([sku]) => sku)
const lookEveryMillis = 10
/** With many under way it is looked less often, or looking would be a good part of what the server does: after 102 ms with 1,024. */
const lookedAtPerMilli = 10

/** A checkout that is under way. */
interface UnderWay {
  readonly intended: number
  confirmed: boolean
}

/**
 * Which of some orders are confirmed, and which of their carts completed: $1, in PostgreSQL's notation, names them. Each is looked up by
 * its id alone: with the status beside it the planner takes the index of the queue, and goes through all that are confirmed.
 */
const looking = `SELECT asked.id, carts.status = 'completed' AS "isCompleted" FROM unnest($1::text::text[]) AS asked (id)
   CROSS JOIN LATERAL (SELECT v.status FROM orders.order_view v WHERE v.order_id = asked.id OFFSET 0) AS orders
   LEFT JOIN LATERAL (SELECT v.status FROM cart.cart_view v WHERE v.cart_id = 'cart-' || asked.id OFFSET 0) AS carts ON true
   WHERE orders.status = 'confirmed'`

interface Seen {
  readonly id: string
  readonly isCompleted: boolean | null
}

/** What a load has seen: latencies from when each checkout was to begin, in milliseconds. */
export class Seeing {
  readonly confirmed = new Latencies()
  readonly completed = new Latencies()
}

export class Shoppers {
  /** Checkouts that were begun. */
  begun = 0
  /** Units in all of them. */
  units = 0
  readonly #counter: Counter
  readonly #query: Query
  readonly #underWay = new Map<string, UnderWay>()
  readonly #filled: Array<{ readonly id: string; readonly units: number }> = []
  #made = 0
  /** Why a checkout could not be begun. It would be looked for in vain. */
  #failure: unknown

  constructor(counter: Counter, query: Query) {
    this.#counter = counter
    this.#query = query
  }

  get underWay(): number {
    return this.#underWay.size
  }

  /** Puts everything that is for sale in stock. */
  async stock(): Promise<void> {
    const receipt = { quantity: received, reference: "first-delivery" }
    await Promise.all(skus.map((sku) => this.#counter.post(`/stock/${sku}/${defaultLocation}/receipts`, receipt)))
  }

  /** Fills carts until so many are there to be checked out, and waits until queries show them. */
  async fillUpTo(count: number): Promise<void> {
    const missing = Math.max(count - this.#filled.length, 0)
    const made = Array.from({ length: missing }, () => this.#made++)
    let last = ""
    const fill = async () => {
      for (let cart = made.shift(); cart !== undefined; cart = made.shift()) last = await this.#fill(cart)
    }
    await Promise.all(Array.from({ length: 64 }, fill))
    const isShown = `SELECT FROM cart.cart_view WHERE cart_id = $1::text AND line_count = ${linesPerCart}`
    while (last !== "" && (await this.#query(isShown, [`cart-${last}`])).length === 0) await sleep(lookEveryMillis)
  }

  async #fill(cart: number): Promise<string> {
    const id = `${cart}`
    const lines = Array.from({ length: linesPerCart }, (_, line) => ({
      lineId: `line-${line}`,
      sku: skus[(cart * 7 + line * 11) % skus.length]!,
      quantity: 1 + ((cart + line) % 3)
    }))
    const buyer = { customerId: `customer-${cart % 500}`, country: "United Kingdom" }
    await this.#counter.post("/carts", { id: `cart-${id}`, currency: "GBP", ...buyer })
    for (const line of lines) await this.#counter.post(`/carts/cart-${id}/items`, line)
    this.#filled.push({ id, units: lines.reduce((sum, { quantity }) => sum + quantity, 0) })
    return id
  }

  /** Checks the next cart out; `intended` is when that was to be. */
  #begin(intended: number): void {
    const cart = this.#filled.shift()
    if (cart === undefined) throw new Error("There are too few carts for this load")
    const { id, units } = cart
    this.begun++
    this.units += units
    this.#underWay.set(id, { intended, confirmed: false })
    const paymentMethod = { token: "tok_approve" }
    const checkout = {
      id,
      cartId: `cart-${id}`,
      customerId: `customer-${Number(id) % 500}`,
      paymentMethod
    }
    this.#counter.post("/checkouts", checkout).catch((error) => {
      this.#failure ??= error
    })
  }

  /** Looks once, and waits until it is time to look again. */
  async #look(seeing: Seeing): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const looked = performance.now()
    const seen = await this.#query<Seen>(looking, [`{${[...this.#underWay.keys()].join(",")}}`])
    const now = performance.now()
    for (const { id, isCompleted } of seen) {
      const one = this.#underWay.get(id)!
      if (!one.confirmed) seeing.confirmed.record(now - one.intended)
      one.confirmed = true
      if (isCompleted !== true) continue
      seeing.completed.record(now - one.intended)
      this.#underWay.delete(id)
    }
    const pause = Math.max(lookEveryMillis, this.#underWay.size / lookedAtPerMilli)
    await sleep(Math.max(pause - (performance.now() - looked), 0))
  }

  /** Keeps so many checkouts under way for as long as `goesOn` says so, which is asked after every look, and carts are there. */
  async keep(callers: number, seeing: Seeing, goesOn: () => boolean): Promise<void> {
    do {
      while (this.#underWay.size < callers && this.#filled.length > 0) this.#begin(performance.now())
      await this.#look(seeing)
    } while (goesOn() && this.#filled.length > 0)
  }

  /** Begins checkouts at random moments, so many a second on average, and looks until all are at their end. */
  async atRate(perSecond: number, seconds: number, seeing: Seeing): Promise<void> {
    let arriving = true
    const arrivals = arrive([{ perSecond, issue: (intended) => this.#begin(intended) }], seconds, Math.random)
    const over = arrivals.finally(() => {
      arriving = false
    })
    while (arriving) await this.#look(seeing)
    await over
    await this.finish(seeing)
  }

  /** Looks until nothing is under way. */
  async finish(seeing: Seeing): Promise<void> {
    while (this.#underWay.size > 0) await this.#look(seeing)
  }
}

/** What the shop's read models say at the end, and must say of what was begun. */
export const checkAll = async (query: Query, { begun, units }: Shoppers): Promise<void> => {
  const expected = { confirmed: begun, carts: begun, payments: begun, checkouts: begun, committed: units, reserved: 0 }
  const text = `SELECT
     (SELECT count(*) FROM orders.order_view WHERE status = 'confirmed')::integer AS confirmed,
     (SELECT count(*) FROM cart.cart_view WHERE status = 'completed')::integer AS carts,
     (SELECT count(*) FROM payment.payment_view WHERE held_minor > 0)::integer AS payments,
     (SELECT count(*) FROM checkout.saga WHERE status = 'completed')::integer AS checkouts,
     (SELECT sum(committed) FROM inventory.stock_level)::integer AS committed,
     (SELECT sum(reserved) FROM inventory.stock_level)::integer AS reserved`
  const isSo = (found: object) => JSON.stringify(found) === JSON.stringify(expected)
  let found: object = {}
  for (let attempt = 0; attempt < 100 && !isSo(found); attempt++) {
    found = (await query(text))[0]!
    if (!isSo(found)) await sleep(100)
  }
  if (!isSo(found)) {
    throw new Error(
      `Of what was begun there is ${JSON.stringify(found)}, and there must be ${JSON.stringify(expected)}.`
    )
  }
}
