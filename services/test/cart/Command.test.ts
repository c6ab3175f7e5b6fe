/** What the cart's commands accept from outside, and on which field they say no. */
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { Command } from "../../src/cart/Domain.ts"
import { addItem, beginCheckout, changeQuantity, gbp, mergeGuestCart, openCart, restoreCart } from "./Given.ts"

const decode = Schema.decodeUnknownSync(Schema.toCodecJson(Command))

const refusal = (command: unknown): string => {
  try {
    return `accepted as ${JSON.stringify(decode(command))}`
  } catch (error) {
    return String(error)
  }
}

describe("commands", () => {
  it.each([openCart(), addItem(), mergeGuestCart(), beginCheckout({ acceptedTotal: gbp(2034) }), restoreCart()])(
    "come through JSON unchanged: %j",
    (command) => {
      expect(decode(JSON.parse(JSON.stringify(command)))).toStrictEqual(command)
    }
  )

  it("take texts of the longest length", () => {
    const command = addItem({ lineId: "l".repeat(64), sku: "s".repeat(64), description: "d".repeat(200) })
    expect(decode(command)).toStrictEqual(command)
  })

  it.each([
    ["lineId", { lineId: "" }],
    ["lineId", { lineId: "l".repeat(65) }],
    ["lineId", { lineId: undefined }],
    ["sku", { sku: "s".repeat(65) }],
    ["sku", { sku: 71053 }],
    ["description", { description: "" }],
    ["description", { description: "d".repeat(201) }],
    ["description", { description: "a\u0000b" }],
    ["quantity", { quantity: 1.5 }],
    ["quantity", { quantity: "6" }],
    ["quantity", { quantity: 2 ** 53 }],
    ["quantity", { quantity: null }],
    ["amountMinor", { unitPrice: gbp(-1) }],
    ["amountMinor", { unitPrice: gbp(2.55) }],
    ["currency", { unitPrice: { amountMinor: 255, currency: "GBX" } }],
    ["unitPrice", { unitPrice: 2.55 }]
  ])("refuse an item, and name %s: %j", (field, wrong) => {
    expect(refusal({ ...addItem(), ...wrong })).toContain(`["${field}"]`)
  })

  it("refuse a cart in no currency, or in none that is in use", () => {
    expect(refusal({ ...openCart(), currency: undefined })).toContain("currency")
    expect(refusal({ ...openCart(), currency: "XXX" })).toContain("ISO 4217")
  })

  it("leave the range of quantities to the cart, which knows its limit", () => {
    const command = changeQuantity({ quantity: -1 })
    expect(decode(command)).toStrictEqual(command)
  })

  it.each([null, 7, "AddItem", {}, { _tag: "StealCart" }])("are nothing else: %j", (value) => {
    expect(refusal(value)).not.toContain("accepted")
  })
})
