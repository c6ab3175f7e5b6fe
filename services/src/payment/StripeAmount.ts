/**
 * Amounts as Stripe counts them. Its "smallest currency unit" is ISO 4217's minor unit, with exceptions: https://docs.stripe.com/currencies.
 * Used by the Stripe adapter.
 */
import { type Money, minorDigits } from "../Money.ts"

/** Currencies that Stripe takes in whole units. ISK and UGX, which have none by ISO 4217, it takes in hundredths all the same. */
const wholeUnits: ReadonlySet<string> = new Set([
  ...["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
])

/** Those that it takes in thousandths, of which the last is zero. */
const thousandths: ReadonlySet<string> = new Set(["BHD", "JOD", "KWD", "OMR", "TND"])

/** How Stripe's unit compares to ours: 100 of ours are one of Stripe's where this is -2. */
const shift = (currency: string): number => {
  const digits = wholeUnits.has(currency) ? 0 : thousandths.has(currency) ? 3 : 2
  return digits - (minorDigits(currency) ?? digits)
}

/** The amount in Stripe's units; undefined where Stripe has no unit that small. */
export const toStripe = ({ amountMinor, currency }: Money): number | undefined => {
  const by = shift(currency)
  const amount = by >= 0 ? amountMinor * 10 ** by : amountMinor / 10 ** -by
  const isWhole = Number.isSafeInteger(amount) && (!thousandths.has(currency) || amount % 10 === 0)
  return isWhole ? amount : undefined
}

/** An amount of Stripe's in our units. `currency` is Stripe's, in lower case. */
export const fromStripe = (amount: number, currency: string): Money => {
  const code = currency.toUpperCase()
  const by = shift(code)
  // Stripe may count finer than we do; what it tells is then an amount that we sent, which was whole.
  return { amountMinor: Math.round(by >= 0 ? amount / 10 ** by : amount * 10 ** -by), currency: code }
}
