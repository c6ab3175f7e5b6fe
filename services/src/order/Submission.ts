/**
 * The submission of an order: what it must be made of, and whether its figures agree.
 */
import { subjectOf as subjectOfToken } from "@daybook/core/PersonalToken"
import * as Equal from "effect/Equal"
import { subjectOf } from "../Recipient.ts"
import type { CommandOf, Limits } from "./Command.ts"
import * as Lines from "./Lines.ts"
import * as Refusal from "./Refusal.ts"
import type { Rejection } from "./Rejection.ts"
import { moneyIn, originOf, type State } from "./State.ts"

/** An order as it is submitted. */
type Submission = Omit<CommandOf<"SubmitOrder">, "_tag">

/** What an order was submitted as. */
export const of = (state: State): Submission => ({
  ...originOf(state),
  recipient: state.recipient,
  lines: state.lines.map(({ lineId, sku, description, quantity, unitPriceMinor, taxMinor }) => ({
    lineId,
    sku,
    description,
    quantity,
    unitPrice: moneyIn(state, unitPriceMinor),
    tax: moneyIn(state, taxMinor)
  })),
  goods: moneyIn(state, state.totalMinor - state.shippingMinor - Lines.taxMinor(state.lines)),
  tax: moneyIn(state, Lines.taxMinor(state.lines)),
  shipping: moneyIn(state, state.shippingMinor),
  total: moneyIn(state, state.totalMinor)
})

/**
 * Whether it says again what an order was submitted as. Where one has lost its recipient it still does: that is what is left when a
 * person has been erased while the checkout was under way.
 */
export const isRepeated = (state: State, { recipient, ...order }: Submission): boolean => {
  const { recipient: placed, ...before } = of(state)
  return Equal.equals(order, before) && (recipient === placed || recipient === null || placed === null)
}

/** Sealed for anybody else, it would stay readable when the customer is erased. */
const refuseRecipient = ({ recipient, customerId, checkoutId }: Submission): Rejection | undefined => {
  if (recipient === null) return undefined
  const expected = subjectOf(customerId, checkoutId)
  return subjectOfToken(recipient) === expected ? undefined : Refusal.recipientOfAnother(expected)
}

const refuseCurrency = ({ lines, goods, tax, shipping, total }: Submission): Rejection | undefined => {
  const amounts = [goods, tax, shipping, ...lines.flatMap((line) => [line.unitPrice, line.tax])]
  const other = amounts.find(({ currency }) => currency !== total.currency)
  return other === undefined ? undefined : Refusal.currencyMismatch(total.currency, other)
}

const refuseTotals = (order: Submission): Rejection | undefined => {
  let goods = 0
  let tax = 0
  for (const line of order.lines) {
    goods += line.quantity * line.unitPrice.amountMinor
    tax += line.tax.amountMinor
    if (!Number.isSafeInteger(goods + tax + order.shipping.amountMinor)) {
      return Refusal.totalTooLarge(line.lineId, order.total)
    }
  }
  const total = goods + tax + order.shipping.amountMinor
  const agree = order.goods.amountMinor === goods && order.tax.amountMinor === tax && order.total.amountMinor === total
  return agree ? undefined : Refusal.totalsDisagree(order, { goods, tax, total })
}

/** Lines are needed, in a submission as in all that happens to lines. */
export const refuseNone = (lines: ReadonlyArray<unknown>): Rejection | undefined =>
  lines.length === 0 ? Refusal.noLines() : undefined

/** A line id is to come once, in a submission as in all that happens to lines. */
export const refuseRepeated = (lines: ReadonlyArray<Lines.Quantity>): Rejection | undefined => {
  const seen = new Set<string>()
  for (const { lineId } of lines) {
    if (seen.has(lineId)) return Refusal.lineRepeated(lineId)
    seen.add(lineId)
  }
  return undefined
}

/** Why an order cannot be placed as it is submitted, if so. */
export const refuse = (limits: Limits, order: Submission): Rejection | undefined => {
  const { lines } = order
  if (lines.length > limits.maxLines) return Refusal.tooManyLines(lines.length, limits.maxLines)
  const wrong = lines.find(({ quantity }) => quantity < 1 || quantity > limits.maxQuantity)
  if (wrong !== undefined) return Refusal.quantityOutOfRange(wrong.lineId, wrong.quantity, limits.maxQuantity)
  return (
    refuseNone(lines) ?? refuseRepeated(lines) ?? refuseRecipient(order) ?? refuseCurrency(order) ?? refuseTotals(order)
  )
}
