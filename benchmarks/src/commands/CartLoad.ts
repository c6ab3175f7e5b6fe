/**
 * The work that every contestant of `commands` is given: customers who fill carts.
 *
 * Each caller opens a cart of its own, adds 20 to 50 lines to it, one command after the other, and takes a new cart. The
 * sequence of goods and sizes is the same in every run and for every contestant; ids are random, as they are in a shop.
 */

import { randomUUID } from "node:crypto"
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"
import type { Command } from "@daybook/services/cart/Domain"
import * as Money from "@daybook/services/Money"

/** Fewest and most lines of a cart. */
export const linesPerCart = { min: 20, max: 50 } as const

/** What the service passes on of a request, besides the command. */
export interface Sender {
  /** The `Idempotency-Key` of the request. */
  readonly commandId: string
  readonly correlationId: string
  readonly actor: string
}

/** One command to one cart. */
export interface Step {
  readonly cartId: string
  readonly command: Command
  readonly sender: Sender
}

/** What all goods are sold in. */
export const currency = "GBP"

/** What there is to buy. */
export const goods = demoCatalogue.map(([sku, description, pounds]) => {
  const unitPrice = Money.fromDecimal(pounds, currency)
  if (unitPrice === undefined) throw new Error(`${sku} costs ${pounds}, which is no amount of ${currency}`)
  return { sku, description, unitPrice }
})

/** A generator of repeatable whole numbers below `limit`: mulberry32, which is plenty for shopping. */
const repeatable = (seed: number): ((limit: number) => number) => {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** The commands of one caller, without end. */
export const steps = (caller: number): (() => Step) => {
  const below = repeatable(caller)
  const customerId = `customer-${caller}`
  let cartId = ""
  let correlationId = ""
  let left = 0
  const open = (): Command => {
    cartId = randomUUID()
    correlationId = randomUUID()
    left = linesPerCart.min + below(linesPerCart.max - linesPerCart.min + 1)
    return { _tag: "OpenCart", customerId, country: "United Kingdom", currency }
  }
  const add = (): Command => {
    left--
    const { sku, description, unitPrice } = goods[below(goods.length)]!
    return { _tag: "AddItem", lineId: randomUUID(), sku, description, quantity: 1 + below(12), unitPrice }
  }
  return () => {
    const command = left === 0 ? open() : add()
    return { cartId, command, sender: { commandId: randomUUID(), correlationId, actor: customerId } }
  }
}
