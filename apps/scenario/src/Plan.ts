/**
 * Who buys what, and how they pay: decided by the seed before anything starts, so that a run can be repeated.
 */
import { demoCatalogue } from "@daybook/services/cart/DemoCatalogue"
import { between, fromSeed, pick, type Random } from "./Random.ts"

/** One buyer's day. */
export interface Buyer {
  readonly number: number
  readonly lines: ReadonlyArray<{ readonly sku: string; readonly quantity: number }>
  /** The simulated provider does what the token says. */
  readonly token: string
}

/** What is to happen. */
export interface Plan {
  readonly buyers: ReadonlyArray<Buyer>
  /** What is in stock at the beginning, by SKU. */
  readonly stock: ReadonlyMap<string, number>
}

/** Of this there is too little, where faults are wanted. */
const scarce = "LANTERN-WHITE"

/** How buyers with faults pay, and how many in a hundred do. The others are approved. */
const troubles: ReadonlyArray<readonly [percent: number, token: string]> = [
  [8, "tok_decline"],
  [2, "tok_stolen"],
  [6, "tok_timeout"],
  [2, "tok_timeout_decline"],
  [3, "tok_lost"],
  [3, "tok_unavailable"],
  [4, "tok_unknown"],
  [5, "tok_duplicate"],
  [3, "tok_reorder"],
  [1, "tok_pending"]
]

const troubledToken = (random: Random): string => {
  let left = random() * 100
  for (const [percent, token] of troubles) {
    left -= percent
    if (left < 0) return token
  }
  return "tok_approve"
}

const buyer = (number: number, random: Random, skus: ReadonlyArray<string>, faults: boolean): Buyer => {
  const count = between(random, 1, 3)
  const chosen = new Set(Array.from({ length: count }, () => pick(random, skus)))
  if (faults && random() < 0.2) chosen.add(scarce)
  const lines = [...chosen].map((sku) => ({ sku, quantity: between(random, 1, 4) }))
  return { number, lines, token: faults ? troubledToken(random) : "tok_approve" }
}

/** A plan of so many orders. With faults a tenth of the orders ask for more than there is of one thing. */
export const make = (orders: number, seed: number, faults: boolean): Plan => {
  const random = fromSeed(seed)
  const skus = demoCatalogue.map(([sku]) => sku).filter((sku) => sku !== scarce)
  const buyers = Array.from({ length: orders }, (_, number) => buyer(number, random, skus, faults))
  const wanted = new Map<string, number>()
  for (const { lines } of buyers) {
    for (const { sku, quantity } of lines) wanted.set(sku, (wanted.get(sku) ?? 0) + quantity)
  }
  const stock = new Map([...wanted].map(([sku, n]) => [sku, sku === scarce ? Math.ceil(n / 2) : n]))
  return { buyers, stock }
}
