/**
 * What a buyer does: fills a cart, checks out, and waits for what comes of it.
 */
import { setTimeout as sleep } from "node:timers/promises"
import * as Client from "./Client.ts"
import type { Fleet } from "./Fleet.ts"
import type { Buyer } from "./Plan.ts"

/** What came of a checkout. `stuck`: it came to no end while the run waited. */
export interface Bought {
  readonly id: string
  readonly cartId: string
  readonly buyer: Buyer
  readonly status: "completed" | "compensated" | "needs-attention" | "stuck"
  readonly reason: string | null
  /** From when the checkout was taken to its end, by the checkout's own clock. */
  readonly millis: number
}

const pollMillis = 500

interface Checkout {
  readonly status: string
  readonly reason: string | null
  readonly startedAt: string
  readonly updatedAt: string
}

/** A checkout at its end. */
type Ended = Checkout & { readonly status: Exclude<Bought["status"], "stuck"> }

const isEnded = (checkout: Checkout): checkout is Ended => ends.has(checkout.status)

const ends: ReadonlySet<string> = new Set(["completed", "compensated", "needs-attention"])

/** Follows a checkout to its end, or until the run gives up. */
const follow = async (fleet: Fleet, id: string, isOver: () => boolean): Promise<Ended | undefined> => {
  const url = `${fleet.urlOf("checkout")}/checkouts/${id}`
  while (!isOver()) {
    const { status, body } = await Client.get<Checkout>(url)
    if (status === 200 && isEnded(body)) return body
    await sleep(pollMillis)
  }
  return undefined
}

/** Plays a buyer. `isOver` says when to give up waiting. */
export const buy = async (fleet: Fleet, run: string, buyer: Buyer, isOver: () => boolean): Promise<Bought> => {
  const cartId = `${run}-cart-${buyer.number}`
  const id = `${run}-${buyer.number}`
  const carts = `${fleet.urlOf("cart")}/carts`
  await Client.command(carts, { id: cartId, customerId: `buyer-${buyer.number}`, currency: "GBP" }, `${id}-open`)
  for (const [i, line] of buyer.lines.entries()) {
    await Client.command(`${carts}/${cartId}/items`, line, `${id}-line-${i}`)
  }
  const checkout = { id, cartId, paymentMethod: { token: buyer.token } }
  await Client.command(`${fleet.urlOf("checkout")}/checkouts`, checkout, id)
  const end = await follow(fleet, id, isOver)
  const common = { id, cartId, buyer }
  if (end === undefined) return { ...common, status: "stuck", reason: null, millis: 0 }
  const millis = Date.parse(end.updatedAt) - Date.parse(end.startedAt)
  return { ...common, status: end.status, reason: end.reason, millis }
}
