/**
 * What came of an import: totals, from the read models and the import's tables and from nothing that was counted on the way; and
 * the file of rejected lines, which can be corrected and imported again.
 */
import { Journal } from "@daybook/core/Journal"
import { CartProjector } from "@daybook/services/cart/Cart"
import { cartViewsName } from "@daybook/services/cart/Projections"
import { CartQueries } from "@daybook/services/cart/Queries"
import * as Effect from "effect/Effect"
import * as Csv from "effect/encoding/Csv"
import * as Stream from "effect/Stream"
import { Failure } from "../Failure.ts"
import * as OutputFile from "../OutputFile.ts"
import type { Progress } from "../Progress.ts"
import { type Cell, table } from "../Table.ts"
import { checkoutPrefix, linePrefixOf } from "./CartLoader.ts"
import { ImportStore } from "./ImportStore.ts"
import { columns, currency } from "./OrderLine.ts"
import type { SurveyedFile } from "./Survey.ts"

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

/** How long the read models may stand still before they are given up. */
const patienceMillis = 60_000

const stuck = (why: string): Failure =>
  new Failure({
    message:
      `Every line is in, but the read models that the report comes from are not up to date: ${why}. ` +
      "See daybook projection list; then run the same command again, which only writes the report."
  })

/** Waits until the carts' read models hold everything that is in the journal now. */
export const caughtUp = Effect.fnUntraced(function* (progress: Progress) {
  const projector = yield* CartProjector
  const journal = yield* Journal
  const heads = yield* journal.heads
  const status = Effect.map(projector.status, (all) => all.find(({ name }) => name === cartViewsName)!)
  const total = (yield* status).lag
  progress.begin("Read models", { total, unit: "events" })
  for (const [partition, position] of heads.entries()) {
    let lagBefore = Number.POSITIVE_INFINITY
    let stoodStillMillis = 0
    while (position > 0 && !(yield* projector.awaitPosition(cartViewsName, { partition, position }, "1 second"))) {
      const { lag, paused, offsets } = yield* status
      const stopped = offsets.find(({ stoppedBecause }) => stoppedBecause !== null)
      if (paused) return yield* stuck("they are paused")
      if (stopped !== undefined)
        return yield* stuck(`partition ${stopped.partition} has stopped (${stopped.stoppedBecause})`)
      stoodStillMillis = lag < lagBefore ? 0 : stoodStillMillis + 1_000
      if (stoodStillMillis > patienceMillis) return yield* stuck(`${lag} events have been waiting for a minute`)
      lagBefore = lag
      progress.done = Math.max(total - lag, 0)
    }
  }
  progress.end()
  const { parked } = yield* status
  if (parked.length > 0)
    return yield* stuck(
      `${parked.length === 1 ? "1 cart is" : `${parked.length} carts are`} set aside, the first because: ${parked[0]!.reason}`
    )
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

/** The report as JSON. */
export const toJson = (report: Report): string => JSON.stringify(report, null, 1)

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

/** The report for people: a table. */
export const toTable = (report: Report): string => {
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
      : [[`  ${others.length} other countries`, { right: amount(others.reduce((sum, [, minor]) => sum + minor, 0)) }]])
  ])
}
