/**
 * The order lines of the UCI "Online Retail" data set, and the rules that accept or reject them. Pure: the survey and the import
 * both ask, and must hear the same.
 *
 * The rules come in this order; the first that applies rejects the line:
 *
 * 1. `InvoiceNo` begins with `C`: `cancellation`.
 * 2. `InvoiceNo` is not all digits: `adjustment`.
 * 3. `Quantity` ≤ 0: `non-positive-quantity`.
 * 4. `UnitPrice` ≤ 0: `non-positive-price`.
 * 5. `UnitPrice` is no whole number of pence: `sub-minor-unit-price`.
 *
 * A field that cannot be what it should be (a quantity that is no number) rejects the line as `invalid-…`, when the rules get to it.
 */
import * as Money from "@daybook/services/Money"
import { Id, Text } from "@daybook/services/Text"
import * as Schema from "effect/Schema"

/** The columns that a file must have. */
export const columns = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country"
] as const

/** What the prices are in. */
export const currency = "GBP"

/** A line that the rules accept: an item of the cart that is named by its invoice. */
export interface OrderLine {
  readonly invoice: string
  readonly sku: string
  readonly description: string
  readonly quantity: number
  readonly unitPrice: Money.Money
  readonly atMillis: number
  readonly customerId: string | null
  readonly country: string | null
}

/** A line that a rule rejects. */
export interface Rejected {
  readonly invoice: string
  /** Kebab case. What the report counts by. */
  readonly reason: string
  readonly detail: string
}

/** What the rules make of the cells of `columns`. */
export type Rules = (cells: ReadonlyArray<string>) => OrderLine | Rejected

export const isRejected = (verdict: OrderLine | Rejected): verdict is Rejected => "reason" in verdict

const isId = Schema.is(Id)
const isDescription = Schema.is(Text(200))
const isCountry = Schema.is(Text(100))

const dateTime = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2})?)$/

/** `2010-12-01 08:26:00`, as UTC. `undefined` when there is no such time. */
const parseTime = (text: string): number | undefined => {
  const [, day, time] = dateTime.exec(text) ?? []
  const millis = Date.parse(`${day}T${time}Z`)
  // A 31st of February is read as the 3rd of March.
  return day !== undefined && Number.isFinite(millis) && new Date(millis).toISOString().startsWith(day)
    ? millis
    : undefined
}

/** Spreadsheets have made numbers of the customers' ids: 17850 is written `17850.0`. */
const customerOf = (text: string): string | null => (text === "" ? null : text.replace(/^(\d+)\.0$/, "$1"))

const price = /^-?\d{1,13}(?:\.\d{1,17})?$/

/** A field that cannot be what it should be. */
const invalid = (
  invoice: string,
  reason: string,
  column: (typeof columns)[number],
  text: string,
  expected: string
) => ({
  invoice,
  reason: `invalid-${reason}`,
  detail: `${column} is ${JSON.stringify(text)}; expected ${expected}`
})

/** Rules 1 and 2. */
const judgeInvoice = (invoice: string): Rejected | undefined => {
  if (invoice.startsWith("C")) return { invoice, reason: "cancellation", detail: `Invoice ${invoice} cancels another` }
  if (!/^\d+$/.test(invoice)) {
    return { invoice, reason: "adjustment", detail: `InvoiceNo ${JSON.stringify(invoice)} is not all digits` }
  }
  return isId(invoice) ? undefined : invalid(invoice, "invoice", "InvoiceNo", invoice, "at most 64 digits")
}

/** Rule 3. */
const judgeQuantity = (invoice: string, text: string): number | Rejected => {
  const quantity = Number(text)
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(quantity)) {
    return invalid(invoice, "quantity", "Quantity", text, "a whole number, such as 6")
  }
  return quantity > 0 ? quantity : { invoice, reason: "non-positive-quantity", detail: `Quantity is ${text}` }
}

/** Rules 4 and 5. */
const judgePrice = (invoice: string, text: string): Money.Money | Rejected => {
  if (!price.test(text)) return invalid(invoice, "price", "UnitPrice", text, "pounds and pence, such as 2.55")
  if (text.startsWith("-") || !/[1-9]/.test(text)) {
    return { invoice, reason: "non-positive-price", detail: `UnitPrice is ${text}` }
  }
  return (
    Money.fromDecimal(text, currency) ?? {
      invoice,
      reason: "sub-minor-unit-price",
      detail: `UnitPrice ${text} is no whole number of pence`
    }
  )
}

/** The rules. One reader at a time: the lines of an invoice follow one another and share their time, which is read once. */
export const rules = (): Rules => {
  let last: { readonly text: string; readonly millis: number | undefined } = { text: "", millis: undefined }
  const timeOf = (text: string) => {
    if (last.text !== text) last = { text, millis: parseTime(text) }
    return last.millis
  }
  return (cells) => {
    const [invoice, sku, description, quantityText, date, priceText, customer, countryText] = cells as Cells
    const refused = judgeInvoice(invoice)
    if (refused !== undefined) return refused
    const quantity = judgeQuantity(invoice, quantityText)
    if (typeof quantity !== "number") return quantity
    const unitPrice = judgePrice(invoice, priceText)
    if ("reason" in unitPrice) return unitPrice

    const atMillis = timeOf(date)
    if (atMillis === undefined) {
      return invalid(invoice, "date", "InvoiceDate", date, "a time such as 2010-12-01 08:26:00")
    }
    if (!isId(sku)) return invalid(invoice, "stock-code", "StockCode", sku, "1 to 64 characters")
    if (!isDescription(description)) {
      return invalid(invoice, "description", "Description", description, "1 to 200 characters")
    }
    const customerId = customerOf(customer)
    if (customerId !== null && !isId(customerId)) {
      return invalid(invoice, "customer", "CustomerID", customer, "at most 64 characters, or nothing")
    }
    const country = countryText === "" ? null : countryText
    if (country !== null && !isCountry(country)) {
      return invalid(invoice, "country", "Country", countryText, "at most 100 characters, or nothing")
    }
    return { invoice, sku, description, quantity, unitPrice, atMillis, customerId, country }
  }
}

/** One cell for each of `columns`. */
type Cells = readonly [string, string, string, string, string, string, string, string]
