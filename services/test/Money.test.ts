import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Money from "../src/Money.ts"

const accepts = (schema: Schema.Codec<any, any>, value: unknown): boolean =>
  Exit.isSuccess(Schema.decodeUnknownExit(schema)(value))

describe("Currency", () => {
  it.each(["GBP", "EUR", "USD", "JPY", "BHD", "CHF", "MGA", "XCG"])("takes %s", (code) => {
    expect(accepts(Money.Currency, code)).toBe(true)
  })

  it.each(["GBX", "gbp", "", "GB", "POUND", "XXX", "ANG", 826, null])("refuses %j, and says what it wants", (code) => {
    const message = () => Schema.decodeUnknownSync(Money.Currency)(code)
    expect(message).toThrow("Expected the code of an ISO 4217 currency in use, such as GBP, EUR or USD")
  })

  it("knows the decimal digits of ISO 4217", () => {
    const digits = ["GBP", "JPY", "BHD", "CLF", "MGA", "MRU", "GBX"].map(Money.minorDigits)
    expect(digits).toEqual([2, 0, 3, 4, 2, 2, undefined])
  })
})

describe("Money", () => {
  it("reads a currency that is no longer in use, as stored events may hold one", () => {
    expect(accepts(Money.Money, { amountMinor: 100, currency: "ANG" })).toBe(true)
  })

  it.each([
    { amountMinor: 2.5, currency: "GBP" },
    { amountMinor: 2 ** 53, currency: "GBP" },
    { amountMinor: Number.NaN, currency: "GBP" },
    { amountMinor: "255", currency: "GBP" },
    { amountMinor: 255 },
    { amountMinor: 255, currency: "pound" }
  ])("refuses %j", (value) => {
    expect(accepts(Money.Money, value)).toBe(false)
  })
})

describe("Price", () => {
  it("takes zero, since some things are free", () => {
    expect(accepts(Money.Price, { amountMinor: 0, currency: "GBP" })).toBe(true)
  })

  it("refuses less than zero", () => {
    expect(accepts(Money.Price, { amountMinor: -1, currency: "GBP" })).toBe(false)
  })

  it("refuses a currency that is not in use", () => {
    expect(accepts(Money.Price, { amountMinor: 1, currency: "ANG" })).toBe(false)
  })
})

describe("format", () => {
  it.each([
    [255, "GBP", "GBP 2.55"],
    [5, "GBP", "GBP 0.05"],
    [-5, "GBP", "GBP -0.05"],
    [255, "JPY", "JPY 255"],
    [255, "BHD", "BHD 0.255"],
    [255, "MGA", "MGA 2.55"],
    [Number.MAX_SAFE_INTEGER, "GBP", "GBP 90071992547409.91"],
    [255, "ANG", "255 minor units of ANG"]
  ])("shows %d %s as %s", (amountMinor, currency, text) => {
    expect(Money.format({ amountMinor, currency })).toBe(text)
  })
})

describe("fromDecimal", () => {
  it.each([
    ["2.55", "GBP", 255],
    ["2.5", "GBP", 250],
    ["2", "GBP", 200],
    ["2.550", "GBP", 255],
    ["-2.55", "GBP", -255],
    ["-0.00", "GBP", 0],
    ["255", "JPY", 255],
    ["0.255", "BHD", 255],
    ["90071992547409.91", "GBP", Number.MAX_SAFE_INTEGER]
  ])("reads %s %s as %d minor units", (text, currency, amountMinor) => {
    expect(Money.fromDecimal(text, currency)).toEqual({ amountMinor, currency })
  })

  it.each([
    ["2.555", "GBP"],
    ["2.5", "JPY"],
    ["90071992547409.92", "GBP"],
    ["99999999999999999999", "GBP"],
    ["1e3", "GBP"],
    ["1,000.00", "GBP"],
    ["", "GBP"],
    [".5", "GBP"],
    ["5.", "GBP"],
    [" 5", "GBP"],
    ["2.55", "ANG"]
  ])("refuses %j %s", (text, currency) => {
    expect(Money.fromDecimal(text, currency)).toBeUndefined()
  })

  it("reads back whatever format shows", () => {
    const currency = fc.constantFrom("GBP", "JPY", "BHD", "CLF", "MGA")
    fc.assert(
      fc.property(fc.maxSafeInteger(), currency, (amountMinor, currency) => {
        const decimal = Money.format({ amountMinor, currency }).slice(currency.length + 1)
        expect(Money.fromDecimal(decimal, currency)).toEqual({ amountMinor, currency })
      })
    )
  })
})
