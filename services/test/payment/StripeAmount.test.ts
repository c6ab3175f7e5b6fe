/** Amounts reach Stripe in its own units and come back as they were, or are known not to be payable there. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { minorDigits } from "../../src/Money.ts"
import { fromStripe, toStripe } from "../../src/payment/StripeAmount.ts"

describe("amounts at Stripe", () => {
  it.each([
    ["GBP", 1_234, 1_234],
    ["JPY", 1_234, 1_234],
    ["KWD", 1_230, 1_230],
    // Stripe rounds thousandths to ten of them, and takes ariary in whole ones.
    ["KWD", 1_234, undefined],
    ["MGA", 1_200, 12],
    ["MGA", 1_234, undefined],
    // Króna and shilling have no minor unit, and Stripe wants two digits all the same.
    ["ISK", 5, 500],
    ["UGX", 5, 500]
  ])("%s %d is %s there", (currency, amountMinor, units) => {
    expect(toStripe({ amountMinor, currency })).toBe(units)
  })

  it("come back as they were, whatever the currency", () => {
    const currencies = ["GBP", "EUR", "JPY", "KWD", "BHD", "MGA", "ISK", "UGX", "CLP", "TND"]
    for (const currency of currencies) expect(minorDigits(currency)).toBeDefined()
    fc.assert(
      fc.property(fc.constantFrom(...currencies), fc.nat({ max: 999_999_999_999 }), (currency, amountMinor) => {
        const units = toStripe({ amountMinor, currency })
        if (units === undefined) return
        expect(fromStripe(units, currency.toLowerCase())).toEqual({ amountMinor, currency })
      })
    )
  })
})
