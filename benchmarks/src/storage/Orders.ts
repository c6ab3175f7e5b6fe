/**
 * The order lines that `storage` imports: a month of the real data where it is there, and otherwise made-up lines of the same shape.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gunzipSync } from "node:zlib"
import { columns } from "@daybook/cli/online-retail/OrderLine"

/** A folder with one file of order lines, removed when disposed of. */
export interface Orders extends Disposable {
  readonly folder: string
  /** What the lines are, for the report. */
  readonly what: string
  /** The file as plain text. */
  readonly csvBytes: number
}

/** December 2010: 42,481 lines of 1,559 invoices that the rules accept. */
const realMonth = fileURLToPath(new URL("../../../../shared/data/online-retail/2010-12.csv.gz", import.meta.url))

/** Invoices of the real month. */
const realInvoices = 1_559
const shortInvoices = 300

const folderWith = (prepare: (folder: string) => Omit<Orders, "folder" | keyof Disposable>): Orders => {
  const folder = mkdtempSync(join(tmpdir(), "daybook-orders-"))
  return { folder, ...prepare(folder), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

/** Repeatable numbers from 0 to 1: the "minimal standard" of Park and Miller (CACM 31, 1988), which is plenty for shopping. */
const repeatable = (): (() => number) => {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const words =
  "WHITE RED SET OF HANGING HEART T-LIGHT HOLDER METAL LANTERN JUMBO BAG RETROSPOT CAKE CASES PAPER CHAIN KIT".split(
    " "
  )

const linesPerInvoice = 26.6
const goods = 2_788
const customers = 885

/** Lines of so many invoices. How many lines, goods and customers there are, and how long texts are, is as in the real month. */
export const generatedLines = (invoices: number): ReadonlyArray<string> => {
  const random = repeatable()
  const below = (limit: number) => Math.floor(random() * limit)
  const descriptions = Array.from({ length: goods }, () =>
    Array.from({ length: 4 + below(2) }, () => words[below(words.length)]).join(" ")
  )
  return Array.from({ length: invoices }, (_, invoice) => {
    const lines = Math.ceil(-Math.log(1 - random()) * linesPerInvoice)
    const customer = random() < 0.1 ? "" : 12_346 + below(customers)
    return Array.from({ length: lines }, () => {
      const sku = below(goods)
      const price = (0.2 + random() * 9).toFixed(2)
      const day = String(1 + (invoice % 23)).padStart(2, "0")
      const what = `${20_000 + sku},${descriptions[sku]},${1 + below(24)}`
      return `${536_365 + invoice},${what},2010-12-${day} 08:26:00,${price},${customer},United Kingdom`
    })
  }).flat()
}

const generated = (invoices: number): Orders =>
  folderWith((folder) => {
    const text = `${[columns.join(","), ...generatedLines(invoices)].join("\n")}\n`
    writeFileSync(join(folder, "orders.csv"), text)
    return { what: `made-up lines of ${invoices} invoices, shaped like those of Online Retail`, csvBytes: text.length }
  })

/** The lines to import; a few made-up ones for the short form. */
export const openOrders = (short: boolean): Orders => {
  if (short || !existsSync(realMonth)) return generated(short ? shortInvoices : realInvoices)
  return folderWith((folder) => {
    symlinkSync(realMonth, join(folder, "2010-12.csv.gz"))
    return { what: "Online Retail, December 2010", csvBytes: gunzipSync(readFileSync(realMonth)).length }
  })
}
