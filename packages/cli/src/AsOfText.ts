/**
 * Answers of read models as of some time, for people: what `AsOfQueries.ts` finds, as tables.
 */
import type { CartSummary, CartView } from "@daybook/services/cart/Queries"
import type { ReservationView, StockLevel, StockMovement } from "@daybook/services/inventory/Views"
import * as Money from "@daybook/services/Money"
import type { OrderSummary, OrderView } from "@daybook/services/order/Views"
import type { LedgerDay, PaymentView } from "@daybook/services/payment/Views"
import { type Cell, table } from "./Table.ts"

type Row = ReadonlyArray<Cell>

const money = (amount: Money.Money): Cell => ({ right: Money.format(amount) })
const time = (iso: string | null): string => (iso === null ? "" : `${iso.slice(0, 19)}Z`)
const none = (text: string | null): string => text ?? ""

/** A heading, and the rows below it; says so where there are none. */
const list = (heading: Row, rows: ReadonlyArray<Row>): string =>
  rows.length === 0 ? "None." : table([heading, ...rows])

/** What one thing is, a line each, and tables of its parts. */
const card = (fields: ReadonlyArray<readonly [string, string]>, ...parts: ReadonlyArray<string>): string =>
  [table(fields), ...parts].join("\n\n")

/** Sums by currency, as the last rows of a table. */
const totals = (rows: ReadonlyArray<{ readonly n: number; readonly total: Money.Money }>): ReadonlyArray<Row> =>
  [...Map.groupBy(rows, ({ total }) => total.currency)].map(([currency, all]) => {
    const amountMinor = all.reduce((sum, { total }) => sum + total.amountMinor, 0)
    return ["all", all.reduce((sum, { n }) => sum + n, 0), money({ amountMinor, currency })]
  })

/** What something comes to in each country, and in all. */
export const byCountry = (
  what: string,
  rows: ReadonlyArray<{ readonly country: string; readonly n: number; readonly total: Money.Money }>
): string => {
  const countries = Map.groupBy(rows, ({ country, total }) => JSON.stringify([country, total.currency]))
  const sums = [...countries.values()].map((all) => {
    const { country, total } = all[0]!
    const amountMinor = all.reduce((sum, one) => sum + one.total.amountMinor, 0)
    return { country, n: all.reduce((sum, { n }) => sum + n, 0), total: { ...total, amountMinor } }
  })
  sums.sort((a, b) => (a.country < b.country ? -1 : 1))
  const heading: Row = ["COUNTRY", { right: what }, { right: "TOTAL" }]
  return list(heading, [...sums.map(({ country, n, total }): Row => [country, n, money(total)]), ...totals(sums)])
}

/** A cart with its lines. */
export const cart = (found: CartView): string =>
  card(
    [
      ["cart", found.id],
      ["status", found.status],
      ["customer", none(found.customerId)],
      ["country", none(found.country)],
      ["opened", time(found.openedAt)],
      ["updated", time(found.updatedAt)],
      ["total", Money.format(found.total)]
    ],
    list(
      ["SKU", "DESCRIPTION", { right: "QUANTITY" }, { right: "PRICE" }],
      found.lines.map((line): Row => [line.sku, line.description, line.quantity, money(line.unitPrice)])
    )
  )

export const carts = (found: ReadonlyArray<CartSummary>): string =>
  list(
    ["CART", "STATUS", "OPENED", "UPDATED", { right: "LINES" }, { right: "TOTAL" }],
    found.map(
      (one): Row => [one.id, one.status, time(one.openedAt), time(one.updatedAt), one.lineCount, money(one.total)]
    )
  )

/** An order with its lines. Whom it goes to is left out: that is not for terminals. */
export const order = (found: Omit<OrderView, "recipient" | "recipientErased">): string =>
  card(
    [
      ["order", found.id],
      ["status", found.status],
      ["customer", none(found.customerId)],
      ["country", none(found.country)],
      ["placed", time(found.placedAt)],
      ["updated", time(found.updatedAt)],
      ["total", Money.format(found.total)],
      ["cancelled", Money.format(found.cancelled)],
      ["charged", Money.format(found.charged)],
      ["refunded", Money.format(found.refunded)]
    ],
    list(
      ["SKU", "DESCRIPTION", { right: "QUANTITY" }, { right: "CANCELLED" }, { right: "SHIPPED" }],
      found.lines.map((line): Row => [line.sku, line.description, line.quantity, line.cancelled, line.shipped])
    )
  )

export const orders = (found: ReadonlyArray<OrderSummary>): string =>
  list(
    ["ORDER", "STATUS", "PLACED", "UPDATED", { right: "LINES" }, { right: "TOTAL" }],
    found.map(
      (one): Row => [one.id, one.status, time(one.placedAt), time(one.updatedAt), one.lineCount, money(one.total)]
    )
  )

export const levels = (found: ReadonlyArray<StockLevel>): string =>
  list(
    ["SKU", "LOCATION", { right: "ON HAND" }, { right: "RESERVED" }, { right: "COMMITTED" }, { right: "AVAILABLE" }],
    found.map((one): Row => [one.sku, one.location, one.onHand, one.reserved, one.committed, one.available])
  )

export const movements = (found: ReadonlyArray<StockMovement>): string =>
  list(
    ["WHEN", "LOCATION", "MOVEMENT", { right: "QUANTITY" }, { right: "ON HAND" }, "REFERENCE"],
    found.map((one): Row => [time(one.occurredAt), one.location, one.kind, one.quantity, one.onHand, one.reference])
  )

export const reservation = (found: ReservationView): string =>
  card(
    [
      ["order", found.orderId],
      ["status", found.status],
      ["requested", time(found.requestedAt)],
      ["updated", time(found.updatedAt)],
      ["expires", time(found.expiresAt)]
    ],
    list(
      ["SKU", "LOCATION", { right: "QUANTITY" }, { right: "BACK-ORDERED" }],
      found.lines.map((line): Row => [line.sku, line.location, line.quantity, line.backOrdered])
    )
  )

/** A payment with its operations. */
export const payment = (found: PaymentView): string =>
  card(
    [
      ["payment", found.id],
      ["status", found.status],
      ["order", none(found.orderId)],
      ["customer", none(found.customerId)],
      ["begun", time(found.begunAt)],
      ["updated", time(found.updatedAt)],
      ["held", Money.format(found.held)],
      ["captured", Money.format(found.captured)],
      ["refunded", Money.format(found.refunded)],
      ["charged back", Money.format(found.chargedBack)]
    ],
    list(
      ["OPERATION", "STATUS", { right: "AMOUNT" }, "REQUESTED", "UPDATED"],
      found.operations.map(
        (one): Row => [one.kind, one.status, money(one.amount), time(one.requestedAt), time(one.updatedAt)]
      )
    )
  )

export const ledger = (days: ReadonlyArray<LedgerDay>): string =>
  list(
    ["DAY", { right: "AUTHORISED" }, { right: "CAPTURED" }, { right: "REFUNDED" }, { right: "CHARGED BACK" }],
    days.map(
      (one): Row => [one.day, money(one.authorised), money(one.captured), money(one.refunded), money(one.chargedBack)]
    )
  )
