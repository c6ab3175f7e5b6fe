/**
 * Money: a whole number of minor units (pence, cents) and a currency, for every service.
 *
 * Amounts are safe integers: sums and products of them are exact as long as the result is a safe integer too, which a domain
 * checks before it emits an event (`Number.isSafeInteger`). The list of currencies and their decimal digits come from
 * dinero.js, which follows ISO 4217 (docs/adr/0010-currencies-from-dinero.md).
 *
 * What comes in must be in today's list (`Currency`, `Price`). What is stored need not (`CurrencyCode`, `Money`): ISO withdraws
 * currencies, and history that mentions one must stay readable.
 */
import { dinero, toDecimal } from "dinero.js"
import * as currencies from "dinero.js/currencies"
import * as Schema from "effect/Schema"

/**
 * Decimal digits of each currency's minor unit, as in ISO 4217 list one. Two entries of the library differ from it: it counts
 * the ariary (MGA) and the ouguiya (MRU) in their coins, fifths, where ISO and with it the banks count two decimal digits.
 */
const digits: ReadonlyMap<string, number> = new Map(
  Object.values(currencies).map(({ code, base, exponent }) => [code, Number(base) === 10 ? Number(exponent) : 2])
)

/** ISO 4217's code for "no currency involved". */
export const noCurrency = "XXX"

/** The form of a currency code, whether or not it is in use today. For stored data. */
export const CurrencyCode = Schema.String.check(
  Schema.isPattern(/^[A-Z]{3}$/u, { expected: "a currency code of three capital letters, such as GBP" })
)

/** A currency in use, by its ISO 4217 code. For what comes in. */
export const Currency: Schema.Literals<ReadonlyArray<string>> = Schema.Literals<ReadonlyArray<string>>([
  ...digits.keys()
]).annotate({
  identifier: "Currency",
  message: "Expected the code of an ISO 4217 currency in use, such as GBP, EUR or USD",
  description: "ISO 4217 currency code"
})

/** An amount in minor units, and its currency. */
export const Money = Schema.Struct({ amountMinor: Schema.Int, currency: CurrencyCode })

/** An amount in minor units, and its currency. */
export interface Money {
  /** Minor units: 255 is £2.55, ¥255, or 0.255 Bahraini dinar. A safe integer. */
  readonly amountMinor: number
  /** ISO 4217 code. */
  readonly currency: string
}

/** An amount of zero or more in a currency in use. For what comes in. */
export const Price = Schema.Struct({
  amountMinor: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  currency: Currency
}).annotate({ identifier: "Price", description: "An amount in minor units (pence, cents), and its currency" })

/** How many decimal digits a currency's minor unit stands for: 2 for GBP, 0 for JPY. `undefined` when it is not in the list. */
export const minorDigits = (currency: string): number | undefined => digits.get(currency)

/** Same amount, same currency. */
export const equals = (a: Money, b: Money): boolean => a.amountMinor === b.amountMinor && a.currency === b.currency

/** For people: `GBP 12.50`. */
export const format = ({ amountMinor, currency }: Money): string => {
  const exponent = minorDigits(currency)
  if (exponent === undefined) return `${amountMinor} minor units of ${currency}`
  return `${currency} ${toDecimal(dinero({ amount: amountMinor, currency: { code: currency, base: 10, exponent } }))}`
}

const decimalPattern = /^(-?)(\d{1,17})(?:\.(\d{1,17}))?$/

/**
 * Reads a plain decimal such as `2.55`, exactly. `undefined` when it is malformed, has a fraction of a minor unit, is too large
 * to be exact, or the currency is not in the list.
 */
export const fromDecimal = (text: string, currency: string): Money | undefined => {
  const exponent = minorDigits(currency)
  const [, sign, whole, fraction = ""] = decimalPattern.exec(text) ?? []
  if (exponent === undefined || whole === undefined) return undefined
  if (/[1-9]/.test(fraction.slice(exponent))) return undefined
  const amount = Number(whole + fraction.slice(0, exponent).padEnd(exponent, "0"))
  if (!Number.isSafeInteger(amount)) return undefined
  return { amountMinor: sign === "-" && amount !== 0 ? -amount : amount, currency }
}
