/**
 * Where an order's items are to come from: one location for each SKU, by what the read model shows. Pure; used by `Consumer.ts`.
 *
 * The choice is made with data that may be old. The stock items decide: one that has too little by then says so.
 */
import type { Offer } from "./Queries.ts"
import type { ReservationLine } from "./ReservationEvents.ts"

/** How many of a SKU an order asks for. */
export interface Wanted {
  readonly sku: string
  readonly quantity: number
}

/** The location that answers for a SKU that is known nowhere: it has none, and says so. */
export const defaultLocation = "main"

/** How many of each SKU all lines together ask for. */
export const totalsOf = (lines: ReadonlyArray<Wanted>): ReadonlyMap<string, number> => {
  const totals = new Map<string, number>()
  for (const { sku, quantity } of lines) totals.set(sku, (totals.get(sku) ?? 0) + quantity)
  return totals
}

/** 2: has enough. 1: has enough with what may be promised beyond it. 0: has too little, and will answer so. */
const gradeOf = ({ free, backOrderLimit }: Offer, quantity: number): number => {
  if (free >= quantity) return 2
  return free + backOrderLimit >= quantity ? 1 : 0
}

/** The best first. Of those alike the name decides, so that the same data leads to the same choice. */
const byMerit =
  (quantity: number) =>
  (a: Offer, b: Offer): number =>
    gradeOf(b, quantity) - gradeOf(a, quantity) || b.free - a.free || (a.location < b.location ? -1 : 1)

/**
 * Chooses, for all lines of a SKU together: of the locations that have enough the one that has most, or else of those that could
 * with back-orders, or else of all, which will answer short.
 */
export const choose = (lines: ReadonlyArray<Wanted>, offers: ReadonlyArray<Offer>): ReadonlyArray<ReservationLine> => {
  const totals = totalsOf(lines)
  const bySku = Map.groupBy(offers, ({ sku }) => sku)
  const chosen = new Map(
    [...totals].map(([sku, quantity]) => [sku, bySku.get(sku)?.toSorted(byMerit(quantity))[0]?.location])
  )
  return lines.map(({ sku, quantity }) => ({ sku, location: chosen.get(sku) ?? defaultLocation, quantity }))
}
