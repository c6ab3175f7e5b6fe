/**
 * The lines of an order: how much of each was cancelled, shipped, delivered and returned, and what those parts come to.
 *
 * Amounts are divided so that nothing is lost or made up: whatever the parts, and in whatever order, the parts that were cancelled
 * and shipped come to exactly the line's total, and the parts that were returned to no more than was charged for what was
 * shipped, exactly that when all is returned. A fraction of a minor unit waits for a later part of its line.
 */
import * as Schema from "effect/Schema"
import type { Line, Part, Status, ValuedPart } from "./Events.ts"

/** A line and what has become of it. Amounts in minor units of the order's currency. Also its stored form. */
export const OrderLine = Schema.Struct({
  lineId: Schema.String,
  sku: Schema.String,
  description: Schema.String,
  /** Ordered. At least cancelled + shipped. */
  quantity: Schema.Int,
  unitPriceMinor: Schema.Int,
  /** Of the whole line. */
  taxMinor: Schema.Int,
  cancelled: Schema.Int,
  shipped: Schema.Int,
  /** At most shipped, and at least returning + returned. */
  delivered: Schema.Int,
  /** Announced and not yet received. */
  returning: Schema.Int,
  returned: Schema.Int,
  /** What the shipped part comes to. */
  chargedMinor: Schema.Int,
  /** What the returned part comes to. */
  refundedMinor: Schema.Int
})

/** A line and what has become of it. */
export type OrderLine = typeof OrderLine.Type

/** How much of which line. */
export interface Quantity {
  readonly lineId: string
  readonly quantity: number
}

type Lines = ReadonlyArray<OrderLine>

/** A line of an order that has just been placed. */
export const placed = ({ lineId, sku, description, quantity, unitPrice, tax }: Line): OrderLine => ({
  lineId,
  sku,
  description,
  quantity,
  unitPriceMinor: unitPrice.amountMinor,
  taxMinor: tax.amountMinor,
  cancelled: 0,
  shipped: 0,
  delivered: 0,
  returning: 0,
  returned: 0,
  chargedMinor: 0,
  refundedMinor: 0
})

/** How much of a line is neither cancelled nor shipped. */
export const open = (line: OrderLine): number => line.quantity - line.cancelled - line.shipped

/** How much of a line has arrived and is neither back nor announced to come back. */
export const returnable = (line: OrderLine): number => line.delivered - line.returned - line.returning

/** All that is neither cancelled nor shipped. */
export const rest = (lines: Lines): ReadonlyArray<Quantity> =>
  lines.flatMap((line) => (open(line) === 0 ? [] : [{ lineId: line.lineId, quantity: open(line) }]))

const sum = (lines: Lines, count: (line: OrderLine) => number): number =>
  lines.reduce((total, line) => total + count(line), 0)

/** Where a confirmed order stands, by what has become of its lines. */
export const fulfilment = (lines: Lines): Status => {
  const shipped = sum(lines, (line) => line.shipped)
  if (sum(lines, open) > 0) return shipped === 0 ? "confirmed" : "shipping"
  if (shipped === 0) return "cancelled"
  return sum(lines, (line) => line.delivered) < shipped ? "shipped" : "delivered"
}

/** The lines by their ids. */
export const byId = (lines: Lines): ReadonlyMap<string, OrderLine> => new Map(lines.map((line) => [line.lineId, line]))

export const taxMinor = (lines: Lines): number => sum(lines, (line) => line.taxMinor)

/** What was charged for the lines and not refunded. */
export const keptMinor = (lines: Lines): number => sum(lines, (line) => line.chargedMinor - line.refundedMinor)

// --- amounts ---

/** `units` of `of` units that come to `amountMinor` together, rounded down. The product may be beyond what a number holds. */
const share = (amountMinor: number, units: number, of: number): number =>
  Number((BigInt(amountMinor) * BigInt(units)) / BigInt(of))

/** What the next `units` of a line come to that are cancelled or shipped. */
export const settledMinor = (line: OrderLine, units: number): number => {
  const amountMinor = line.quantity * line.unitPriceMinor + line.taxMinor
  const before = line.cancelled + line.shipped
  return share(amountMinor, before + units, line.quantity) - share(amountMinor, before, line.quantity)
}

/** What the next `units` of a line come to that are returned: a share of what was charged, less what was refunded. */
export const refundMinor = (line: OrderLine, units: number): number =>
  Math.max(0, share(line.chargedMinor, line.returned + units, line.shipped) - line.refundedMinor)

// --- what happens to lines ---

const change = <P extends Quantity>(
  lines: Lines,
  parts: ReadonlyArray<P>,
  after: (line: OrderLine, part: P) => OrderLine
): Lines => {
  const byLine = new Map(parts.map((part) => [part.lineId, part]))
  return lines.map((line) => {
    const part = byLine.get(line.lineId)
    return part === undefined ? line : after(line, part)
  })
}

export const cancel = (lines: Lines, parts: ReadonlyArray<Part>): Lines =>
  change(lines, parts, (line, { quantity }) => ({ ...line, cancelled: line.cancelled + quantity }))

export const ship = (lines: Lines, parts: ReadonlyArray<ValuedPart>): Lines =>
  change(lines, parts, (line, { quantity, amount }) => ({
    ...line,
    shipped: line.shipped + quantity,
    chargedMinor: line.chargedMinor + amount.amountMinor
  }))

export const deliver = (lines: Lines, parts: ReadonlyArray<Quantity>): Lines =>
  change(lines, parts, (line, { quantity }) => ({ ...line, delivered: line.delivered + quantity }))

export const announceReturn = (lines: Lines, parts: ReadonlyArray<Quantity>): Lines =>
  change(lines, parts, (line, { quantity }) => ({ ...line, returning: line.returning + quantity }))

/** Ends a return: nothing of what was `announced` is on its way any more, and what was `received` is back. */
export const receiveReturn = (
  lines: Lines,
  announced: ReadonlyArray<Quantity>,
  received: ReadonlyArray<ValuedPart>
): Lines => {
  const noLonger = announced.map(({ lineId, quantity }) => ({ lineId, quantity: -quantity }))
  return change(announceReturn(lines, noLonger), received, (line, { quantity, amount }) => ({
    ...line,
    returned: line.returned + quantity,
    refundedMinor: line.refundedMinor + amount.amountMinor
  }))
}
