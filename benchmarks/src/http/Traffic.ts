/**
 * What the load generators of `http` send: the commands of customers who fill carts, and the queries of people who look at them.
 */
import { type Step, steps } from "../commands/CartLoad.ts"

/** A request as it goes out. */
export interface Request {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

/** A command as a client of the shop sends it: with an idempotency key, for a person that a gateway has recognised. */
export const commandRequest = ({ cartId, command, sender }: Step): Request => {
  const headers = {
    "content-type": "application/json",
    "idempotency-key": sender.commandId,
    "x-actor": sender.actor,
    "x-correlation-id": sender.correlationId
  }
  if (command._tag === "OpenCart") {
    const { customerId, country, currency } = command
    const body = JSON.stringify({ id: cartId, customerId, country, currency })
    return { method: "POST", path: "/carts", headers, body }
  }
  if (command._tag !== "AddItem") throw new Error(`The load has no ${command._tag}`)
  const { lineId, sku, quantity } = command
  return { method: "POST", path: `/carts/${cartId}/items`, headers, body: JSON.stringify({ sku, quantity, lineId }) }
}

/** A cart is looked at, without saying in which version, when it has been there for so long: read models follow behind. */
export const settledMillis = 1_000

/** Of so many queries one is for what was acknowledged last, and waits for it. */
export const queriesPerOwnWrite = 10

const plainQuery = (id: string): Request => ({ method: "GET", path: `/carts/${id}`, headers: {}, body: null })

const ownWriteQuery = ({ id, version }: { readonly id: string; readonly version: number }): Request => ({
  ...plainQuery(id),
  path: `/carts/${id}?atLeastVersion=${version}`
})

/** Somebody who fills one cart after the other, and waits for each answer before the next command. */
export interface Customer {
  readonly next: () => Step
  /** Of the cart that is being filled, as far as acknowledged. */
  version: number
}

/** Customers, and the carts that they have opened. `random` answers numbers from 0 to below 1. */
export class Carts {
  readonly customers: ReadonlyArray<Customer>
  readonly #random: () => number
  readonly #opened: Array<{ readonly id: string; readonly atMillis: number }> = []
  /** So many of the first have settled. */
  #settled = 0
  #latest: { readonly id: string; readonly version: number } | undefined
  #queries = 0

  constructor(customers: number, random: () => number) {
    this.customers = Array.from({ length: customers }, (_, caller) => ({ next: steps(caller), version: 0 }))
    this.#random = random
  }

  /** Notes that a command was acknowledged. Each of this load leads to one event. */
  acknowledged(customer: Customer, { cartId, command }: Step, nowMillis: number): void {
    const opened = command._tag === "OpenCart"
    if (opened) this.#opened.push({ id: cartId, atMillis: nowMillis })
    customer.version = opened ? 1 : customer.version + 1
    this.#latest = { id: cartId, version: customer.version }
  }

  /** The next query; `undefined` while there is no cart to look at. */
  query(nowMillis: number): { readonly request: Request; readonly ofOwnWrite: boolean } | undefined {
    while (this.#settled < this.#opened.length && this.#opened[this.#settled]!.atMillis + settledMillis <= nowMillis)
      this.#settled++
    if (this.#settled === 0 || this.#latest === undefined) return undefined
    const ofOwnWrite = this.#queries++ % queriesPerOwnWrite === queriesPerOwnWrite - 1
    if (ofOwnWrite) return { request: ownWriteQuery(this.#latest), ofOwnWrite }
    const { id } = this.#opened[Math.floor(this.#random() * this.#settled)]!
    return { request: plainQuery(id), ofOwnWrite }
  }
}
