/**
 * Stock and revenue as of 31 March 2011, on the real order lines, each carried through a whole checkout: what the read models of then
 * say is what follows from the files alone, by rules of this test's own.
 *
 * That day and the next by default. `AS_OF_DAYS=all` takes all months, which is half an hour; `AS_OF_DAYS=2011-03-01,2011-04-30` others.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { daybook, scratch, start } from "./Orders.ts"

/** Not in the repository: the UCI "Online Retail" data, by month. */
const data = new URL("../../../../shared/data/online-retail", import.meta.url).pathname
const present = existsSync(data)

/** The days that are imported: the first, and the last. */
const [first, last] =
  process.env.AS_OF_DAYS === "all"
    ? (["0000", "9999"] as const)
    : ((process.env.AS_OF_DAYS ?? "2011-03-31,2011-04-01").split(",") as [string, string])

const given = process.env.DATABASE_URL
if (given === undefined) throw new Error("Run this with npm run test:integration, which provides DATABASE_URL")

// --- the files ---

interface Line {
  readonly text: string
  readonly invoice: string
  readonly sku: string
  readonly quantity: number
  /** In pence; `undefined` where it is no whole number of them. */
  readonly pence: number | undefined
  readonly at: string
  readonly country: string
}

/** The fields of a record: commas part them, save in quotes, which are doubled where one is meant. */
const fieldsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain! : quoted.replaceAll('""', '"')
  )

const penceOf = (price: string): number | undefined => {
  const [pounds, fraction = ""] = price.split(".")
  return /[1-9]/.test(fraction.slice(2)) ? undefined : Number(`${pounds}${fraction.slice(0, 2).padEnd(2, "0")}`)
}

/** The lines of a file. Records of this data set never go over several lines of text. */
const linesOf = (file: string): { readonly header: string; readonly lines: ReadonlyArray<Line> } => {
  const [header, ...texts] = gunzipSync(readFileSync(join(data, file)))
    .toString("utf8")
    .trimEnd()
    .split("\n")
  const names = fieldsOf(header!.trim())
  const lines = texts.map((text): Line => {
    const fields = fieldsOf(text.replace(/\r$/, ""))
    expect(fields).toHaveLength(names.length)
    const field = (name: string) => fields[names.indexOf(name)]!
    return {
      text,
      invoice: field("InvoiceNo"),
      sku: field("StockCode"),
      quantity: Number(field("Quantity")),
      pence: penceOf(field("UnitPrice")),
      at: field("InvoiceDate"),
      country: field("Country") === "" ? "Unspecified" : field("Country")
    }
  })
  return { header: header!, lines: lines.filter(({ at }) => at.slice(0, 10) >= first && at.slice(0, 10) <= last) }
}

/** The data set's own rules: no cancellations or adjustments, a quantity and a price above zero, in whole pence. */
const isSold = ({ invoice, quantity, pence }: Line): boolean =>
  /^\d+$/.test(invoice) && quantity > 0 && pence !== undefined && pence > 0

// --- what follows from them ---

/** Units of a product. */
interface Stock {
  received: number
  sold: number
}

/** What a country's carts, or orders, come to, in pence. */
interface Revenue {
  bought: number
  minor: number
}

/** The value of a key, which begins with a value of its own. */
const valueOf = <A>(all: Record<string, A>, key: string, begin: A): A => {
  all[key] ??= begin
  return all[key]
}

/** An invoice is bought with its last line; a cart has been when all its lines are in. Days end at midnight. */
const expectedAt = (invoices: ReadonlyMap<string, ReadonlyArray<Line>>, until: string) => {
  const stock: Record<string, Stock> = {}
  const revenue: Record<string, Revenue> = {}
  for (const lines of invoices.values()) {
    const isBought = lines.at(-1)!.at <= until
    for (const { sku, quantity } of lines) {
      const level = valueOf(stock, sku, { received: 0, sold: 0 })
      level.received += quantity
      if (isBought) level.sold += quantity
    }
    if (lines.some(({ at }) => at > until)) continue
    const sum = valueOf(revenue, lines[0]!.country, { bought: 0, minor: 0 })
    sum.bought++
    for (const { quantity, pence } of lines) sum.minor += quantity * pence!
  }
  return { stock, revenue }
}

// --- the store ---

const root = scratch()
const folder = join(root, "orders")
const database = `asof_${process.pid}`

const url = new URL(given)
url.pathname = `/${database}`
/** The simulated provider's books are beside it. */
const settings = { DATABASE_URL: url.href, DAYBOOK_HOME: join(root, "store") }

const administer = (statement: string) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement)).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(given) })),
    Effect.runPromise
  )

const ask = async (name: string, moment: ReadonlyArray<string>, ...question: ReadonlyArray<string>) => {
  const { code, out, err } = await daybook(
    settings,
    ...["projection", "as-of", name, "--json", ...moment, "--", ...question]
  )
  expect(code, err).toBe(0)
  return JSON.parse(out).answer
}

interface Sum {
  readonly country: string
  readonly carts?: number
  readonly orders?: number
  readonly total: { readonly amountMinor: number; readonly currency: string }
}

/** By country, of answers by country and day. */
const byCountry = (sums: ReadonlyArray<Sum>) => {
  const found: Record<string, Revenue> = {}
  for (const { country, carts, orders, total } of sums) {
    const sum = valueOf(found, country, { bought: 0, minor: 0 })
    sum.bought += carts ?? orders ?? 0
    sum.minor += total.amountMinor
  }
  return found
}

interface Level {
  readonly sku: string
  readonly onHand: number
  readonly reserved: number
  readonly committed: number
  readonly available: number
}

if (!present) console.warn(`Skipped: there are no order lines in ${data}. Put the data set there to test with it.`)

describe.skipIf(!present)("the real order lines, as of 31 March 2011", () => {
  const invoices = new Map<string, Array<Line>>()

  beforeAll(async () => {
    await administer(`CREATE DATABASE ${database}`)
    const files = readdirSync(data)
      .filter((name) => name.endsWith(".csv.gz"))
      .filter((name) => name.slice(0, 7) >= first.slice(0, 7) && name.slice(0, 7) <= last.slice(0, 7))
      .sort()
      .map(linesOf)
    for (const line of files.flatMap(({ lines }) => lines)) {
      if (isSold(line)) invoices.set(line.invoice, [...(invoices.get(line.invoice) ?? []), line])
    }
    mkdirSync(folder)
    const texts = files.flatMap(({ lines }) => lines.map(({ text }) => text))
    writeFileSync(join(folder, "orders.csv"), [files[0]!.header, ...texts, ""].join("\n"))
    const rejects = join(root, "rejects.csv")
    const { code, out, err } = await start(settings, [
      ...["import", "online-retail", folder, "--checkout", "--json", "--rejects", rejects]
    ]).ended
    expect(code, err).toBe(0)
    expect(JSON.parse(out).checkouts).toMatchObject({ confirmed: invoices.size, restored: 0, needsAttention: 0 })
  }, 3_600_000)

  afterAll(async () => {
    await administer(`DROP DATABASE ${database} WITH (FORCE)`)
    rmSync(root, { recursive: true, force: true })
  })

  const patience = 900_000

  describe.each([
    ["2011-03-31", "2011-03-31 23:59:59"],
    ["2011-03-31T12:00:00Z", "2011-03-31 12:00:00"]
  ])("at %s", (at, until) => {
    const moment = ["--at", at, "--by", "occurred"]

    it(
      "stock is what was received less what was sold by then",
      async () => {
        const levels: ReadonlyArray<Level> = await ask("stock-views", moment, "stock")
        const { stock } = expectedAt(invoices, until)
        expect(new Set(Object.values(stock).map(({ sold }) => sold > 0))).toEqual(new Set([true, false]))
        const found = levels.map(({ sku, onHand, reserved, committed, available }) => {
          expect({ reserved, available }).toEqual({ reserved: 0, available: onHand - committed })
          return [sku, { received: onHand, sold: committed }]
        })
        expect(Object.fromEntries(found)).toEqual(stock)
      },
      patience
    )

    it(
      "revenue as known now is that of the carts bought by then, and of the orders confirmed by then",
      async () => {
        const { revenue } = expectedAt(invoices, until)
        expect(Object.keys(revenue).length).toBeGreaterThan(1)
        expect(byCountry(await ask("cart-views", moment, "revenue"))).toEqual(revenue)
        expect(byCountry(await ask("order-views", moment, "confirmed-revenue"))).toEqual(revenue)
      },
      patience
    )
  })

  it(
    "revenue as it was known then is none, since all of it was recorded later; and now it is that of all carts",
    async () => {
      expect(await ask("cart-views", ["--at", "2011-03-31", "--by", "recorded"], "revenue")).toEqual([])
      const all = expectedAt(invoices, "9999").revenue
      expect(byCountry(await ask("cart-views", ["--at", "2100-01-01"], "revenue"))).toEqual(all)
    },
    patience
  )

  it(
    "there was no stock before the first invoice",
    async () => {
      expect(await ask("stock-views", ["--at", "2010-11-30", "--by", "occurred"], "stock")).toEqual([])
    },
    patience
  )
})
