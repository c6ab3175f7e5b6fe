/**
 * The rules that accept or reject an order line, on each side of every limit.
 */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isRejected, rules } from "../src/online-retail/OrderLine.ts"
import { cells, type Fields } from "./Orders.ts"

const judge = (fields: Partial<Fields> = {}) => rules()(cells(fields))

const reasonOf = (fields: Partial<Fields>): string => {
  const verdict = judge(fields)
  return isRejected(verdict) ? verdict.reason : "accepted"
}

describe("an accepted line", () => {
  it("is an item of the cart named by its invoice", () => {
    expect(judge()).toEqual({
      invoice: "536365",
      sku: "85123A",
      description: "WHITE HANGING HEART T-LIGHT HOLDER",
      quantity: 6,
      unitPrice: { amountMinor: 255, currency: "GBP" },
      atMillis: Date.UTC(2010, 11, 1, 8, 26),
      customerId: "17850",
      country: "United Kingdom"
    })
  })

  it.each([
    ["17850.0", "17850"],
    ["17850", "17850"],
    ["17850.5", "17850.5"],
    ["C-17850.0", "C-17850.0"],
    ["", null]
  ])("customer %j is %j", (customer, customerId) => {
    expect(judge({ customer })).toMatchObject({ customerId })
  })

  it("may have no country", () => {
    expect(judge({ country: "" })).toMatchObject({ country: null })
  })

  it.each([
    ["2.55", 255],
    ["2.5", 250],
    ["2", 200],
    ["0.01", 1],
    ["2.550", 255],
    ["38970.00", 3_897_000],
    ["9999999999999.99", 999_999_999_999_999]
  ])("price %s is %d pence", (price, amountMinor) => {
    expect(judge({ price })).toMatchObject({ unitPrice: { amountMinor } })
  })

  it("has its price read exactly, whatever it is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 15 - 1 }), (pence) => {
        const price = `${Math.floor(pence / 100)}.${String(pence % 100).padStart(2, "0")}`
        expect(judge({ price })).toMatchObject({ unitPrice: { amountMinor: pence } })
      })
    )
  })

  it("keeps quotes, commas, pound signs and spaces as they are", () => {
    const description = ' "LARGE", £5 BOX,  PINK '
    expect(judge({ description })).toMatchObject({ description })
  })

  it.each([
    ["2010-12-01 08:26:00", Date.UTC(2010, 11, 1, 8, 26)],
    ["2010-12-01 08:26", Date.UTC(2010, 11, 1, 8, 26)],
    ["2012-02-29T23:59:59", Date.UTC(2012, 1, 29, 23, 59, 59)]
  ])("time %s is UTC", (date, atMillis) => {
    expect(judge({ date })).toMatchObject({ atMillis })
  })
})

describe("a rejected line", () => {
  it.each<readonly [string, Partial<Fields>]>([
    ["cancellation", { invoice: "C536365" }],
    ["adjustment", { invoice: "A536365" }],
    ["adjustment", { invoice: "c536365" }],
    ["adjustment", { invoice: "" }],
    ["adjustment", { invoice: "536365 " }],
    ["adjustment", { invoice: "５３６３６５" }],
    ["non-positive-quantity", { quantity: "0" }],
    ["non-positive-quantity", { quantity: "-1" }],
    ["non-positive-price", { price: "0" }],
    ["non-positive-price", { price: "0.00" }],
    ["non-positive-price", { price: "-11062.06" }],
    ["sub-minor-unit-price", { price: "0.001" }],
    ["sub-minor-unit-price", { price: "2.555" }],
    ["invalid-invoice", { invoice: "1".repeat(65) }],
    ["invalid-quantity", { quantity: "" }],
    ["invalid-quantity", { quantity: "six" }],
    ["invalid-quantity", { quantity: "6.5" }],
    ["invalid-quantity", { quantity: "9".repeat(20) }],
    ["invalid-price", { price: "" }],
    ["invalid-price", { price: "free" }],
    ["invalid-price", { price: "2,55" }],
    ["invalid-price", { price: "1e3" }],
    ["invalid-price", { price: "9".repeat(14) }],
    ["invalid-date", { date: "" }],
    ["invalid-date", { date: "12/1/2010 8:26" }],
    ["invalid-date", { date: "2011-02-30 08:26:00" }],
    ["invalid-date", { date: "2011-02-28 25:00:00" }],
    ["invalid-stock-code", { sku: "" }],
    ["invalid-stock-code", { sku: "9".repeat(65) }],
    ["invalid-description", { description: "" }],
    ["invalid-description", { description: "x".repeat(201) }],
    ["invalid-description", { description: "x\u0000y" }],
    ["invalid-customer", { customer: "9".repeat(65) }],
    ["invalid-country", { country: "x".repeat(101) }]
  ])("is of reason %s when %j", (reason, fields) => {
    expect(reasonOf(fields)).toBe(reason)
  })

  it("is told of by the first rule that applies", () => {
    const wrong: Partial<Fields> = { price: "0.001", quantity: "-1", invoice: "C1", date: "never", sku: "" }
    expect(reasonOf(wrong)).toBe("cancellation")
    expect(reasonOf({ ...wrong, invoice: "A1" })).toBe("adjustment")
    expect(reasonOf({ ...wrong, invoice: "1" })).toBe("non-positive-quantity")
    expect(reasonOf({ ...wrong, invoice: "1", quantity: "1", price: "-0.001" })).toBe("non-positive-price")
    expect(reasonOf({ ...wrong, invoice: "1", quantity: "1" })).toBe("sub-minor-unit-price")
  })

  it("says which value is wrong, and what was expected", () => {
    expect(judge({ quantity: "six" })).toEqual({
      invoice: "536365",
      reason: "invalid-quantity",
      detail: 'Quantity is "six"; expected a whole number, such as 6'
    })
  })
})
