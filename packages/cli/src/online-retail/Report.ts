/**
 * What came of an import: totals, from the read models and the import's tables and from nothing that was counted on the way; and
 * the file of rejected lines, which can be corrected and imported again.
 */
import { Journal } from "@daybook/core/Journal"
import { CartProjector } from "@daybook/services/cart/Cart"
import { cartViewsName } from "@daybook/services/cart/Projections"
import { CartQueries } from "@daybook/services/cart/Queries"
import { reservationReactionName } from "@daybook/services/inventory/ReservationReaction"
import { stockViewsName } from "@daybook/services/inventory/StockProjection"
import { orderViewsName } from "@daybook/services/order/Projections"
import * as Effect from "effect/Effect"
import * as Csv from "effect/encoding/Csv"
import * as Stream from "effect/Stream"
import * as OutputFile from "../OutputFile.ts"
import type { Progress } from "../Progress.ts"
import type { Shop } from "../Shop.ts"
import { type Cell, table } from "../Table.ts"
import { checkoutIdOf, checkoutPrefix, linePrefixOf } from "./CartLoader.ts"
import { ImportStore } from "./ImportStore.ts"
import { columns, currency } from "./OrderLine.ts"
import * as ReadModel from "./ReadModel.ts"
import type { Survey, SurveyedFile } from "./Survey.ts"

/** The report of an import. Keys and units are those of the data set's reference totals. */
export interface Report {
  readonly lines: number
  readonly accepted: number
  /** By reason. A rule's reason is in kebab case, a cart's is the name of its rejection. */
  readonly rejected: Readonly<Record<string, number>>
  readonly cartsCheckedOut: number
  readonly customers: number
  readonly skus: number
  readonly revenueMinor: number
  readonly revenueMinorByCountry: Readonly<Record<string, number>>
}

/** What came of the checkouts of an import. */
export interface CheckoutReport {
  readonly checkouts: {
    readonly started: number
    /** Bought: stock, payment and order are certain. */
    readonly confirmed: number
    /** Given back, since something was out of stock. */
    readonly restored: number
    /** Waiting for an operator. */
    readonly needsAttention: number
  }
  /** What the confirmed orders come to, from the order service. */
  readonly confirmedRevenueByCountry: Readonly<Record<string, number>>
  /** Stock items of which more is promised than there is. */
  readonly oversold: number
}

/** What has happened, and what will, where the report has to wait for read models. */
const waiting = {
  done: "Every line is in, but the read models that the report comes from are not up to date",
  next: "which only writes the report"
}

/** Waits until the carts' read models hold everything that is in the journal now. */
export const caughtUp = Effect.fnUntraced(function* (progress: Progress) {
  const readSide = { projector: yield* CartProjector, journal: yield* Journal }
  yield* ReadModel.caughtUp(progress, { ...readSide, ...waiting, name: cartViewsName, of: ["cart", "carts"] })
})

/** The same of the orders' and the stock's, after what was held for checkouts that came to nothing is free again. */
export const checkoutsCaughtUp = Effect.fnUntraced(function* (
  progress: Progress,
  { orderReadSide, inventoryReadSide, reservationReaction }: Shop["Service"]
) {
  const items = ["stock item", "stock items"] as const
  yield* ReadModel.caughtUp(progress, {
    ...reservationReaction,
    ...waiting,
    name: reservationReactionName,
    of: ["reservation", "reservations"],
    done: "Every checkout has ended, but what was held for those that came to nothing is not free yet"
  })
  yield* ReadModel.caughtUp(progress, { ...inventoryReadSide, ...waiting, name: stockViewsName, of: items })
  yield* ReadModel.caughtUp(progress, { ...orderReadSide, ...waiting, name: orderViewsName, of: ["order", "orders"] })
})

/** The report on these files. */
export const totals = Effect.fnUntraced(function* (files: ReadonlyArray<SurveyedFile>) {
  const hashes = files.map(({ hash }) => hash)
  const { lines, rejected } = yield* (yield* ImportStore).totals(hashes)
  const sold = yield* (yield* CartQueries).totals({ checkoutPrefix, linePrefixes: hashes.map(linePrefixOf) })
  const report: Report = {
    lines,
    accepted: sold.lines,
    rejected,
    cartsCheckedOut: sold.carts,
    customers: sold.customers,
    skus: sold.skus,
    revenueMinor: sold.revenueMinor,
    revenueMinorByCountry: sold.revenueMinorByCountry
  }
  return report
})

/** Stock items that are looked at together. */
const pageSize = 1_000

/** Counts stock items of which more is promised than lies there. Safety stock is not promised to anyone. */
const oversold = Effect.fnUntraced(function* ({ inventory }: Shop["Service"]) {
  let count = 0
  let after: string | undefined
  while (true) {
    const page = yield* inventory.levels({ below: 0 }, { limit: pageSize, after })
    count += page.filter(({ onHand, reserved, committed }) => reserved + committed > onHand).length
    if (page.length < pageSize) return count
    after = page.at(-1)!.id
  }
})

/** What came of these invoices' checkouts. */
const ofCheckouts = Effect.fnUntraced(function* (shop: Shop["Service"], invoices: Iterable<string>) {
  const ids = [...invoices].map(checkoutIdOf)
  const statuses = [...(yield* shop.checkoutView.statusOf(ids)).values()]
  const count = (wanted: string) => statuses.filter((status) => status === wanted).length
  const revenue = yield* shop.orders.confirmedRevenue(ids)
  const report: CheckoutReport = {
    checkouts: {
      started: statuses.length,
      confirmed: count("completed"),
      restored: count("compensated"),
      needsAttention: count("needs-attention")
    },
    confirmedRevenueByCountry: Object.fromEntries(
      revenue.map(({ country, total }) => [country, total.amountMinor] as const)
    ),
    oversold: yield* oversold(shop)
  }
  return report
})

/**
 * The report of an import with checkouts. What was accepted is what was not rejected: lines of carts that were given back are no less
 * accepted for it.
 */
export const withCheckouts = Effect.fnUntraced(function* (report: Report, shop: Shop["Service"], survey: Survey) {
  const rejected = Object.values(report.rejected).reduce((sum, count) => sum + count, 0)
  return { ...report, accepted: report.lines - rejected, ...(yield* ofCheckouts(shop, survey.invoices.keys())) }
})

/** The report as JSON. */
export const toJson = (report: Report & Partial<CheckoutReport>): string => JSON.stringify(report, null, 1)

/** Writes the rejected lines of these files as CSV: where each was, why it was rejected, and what it says. */
export const writeRejects = Effect.fnUntraced(function* (file: string, files: ReadonlyArray<SurveyedFile>) {
  const store = yield* ImportStore
  const rows = Stream.flatMap(Stream.fromIterable(files), ({ hash, name }) =>
    Stream.map(store.rejected(hash), ({ line, reason, detail, cells }) => [
      name,
      String(line),
      reason,
      detail,
      ...cells
    ])
  )
  const header = ["File", "Line", "Reason", "Detail", ...columns]
  yield* OutputFile.write(
    file,
    Stream.concat(Stream.make(header), rows).pipe(Stream.pipeThroughChannel(Csv.encode({ newline: "\n" })))
  )
})

const money = new Intl.NumberFormat("en-GB", { style: "currency", currency })

const amount = (minor: number): string => money.format(minor / 100)

/** How many countries people are shown. */
const topCountries = 5

/** The part of the table that is about checkouts. */
const checkoutRows = (report: Partial<CheckoutReport>): ReadonlyArray<ReadonlyArray<Cell>> => {
  const { checkouts, confirmedRevenueByCountry = {}, oversold = 0 } = report
  if (checkouts === undefined) return []
  const confirmed = Object.values(confirmedRevenueByCountry).reduce((sum, minor) => sum + minor, 0)
  return [
    ["checkouts", checkouts.started],
    ["  confirmed", checkouts.confirmed],
    ["  restored", checkouts.restored],
    ["  waiting for an operator", checkouts.needsAttention],
    ["confirmed revenue", { right: amount(confirmed) }],
    ["stock items oversold", oversold]
  ]
}

/** The report for people: a table. */
export const toTable = (report: Report & Partial<CheckoutReport>): string => {
  const rejected = Object.entries(report.rejected)
  const countries = Object.entries(report.revenueMinorByCountry).sort(([, a], [, b]) => b - a)
  const others = countries.slice(topCountries)
  return table([
    ["order lines", report.lines],
    ["  accepted", report.accepted],
    ["  rejected", rejected.reduce((sum, [, count]) => sum + count, 0)],
    ...rejected.map(([reason, count]): ReadonlyArray<Cell> => [`    ${reason}`, count]),
    ["carts checked out", report.cartsCheckedOut],
    ["customers", report.customers],
    ["products", report.skus],
    ["revenue", { right: amount(report.revenueMinor) }],
    ...countries
      .slice(0, topCountries)
      .map(([country, minor]): ReadonlyArray<Cell> => [`  ${country}`, { right: amount(minor) }]),
    ...(others.length === 0
      ? []
      : [[`  ${others.length} other countries`, { right: amount(others.reduce((sum, [, minor]) => sum + minor, 0)) }]]),
    ...checkoutRows(report)
  ])
}
