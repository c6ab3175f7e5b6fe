/** What the inventory's commands accept from outside, and on which field they say no. */
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { ReservationCommand } from "../../src/inventory/ReservationDomain.ts"
import { StockItemCommand } from "../../src/inventory/StockItemDomain.ts"
import * as Given from "./Given.ts"

const decodeStock = Schema.decodeUnknownSync(Schema.toCodecJson(StockItemCommand))
const decode = Schema.decodeUnknownSync(Schema.toCodecJson(ReservationCommand))

const refusal = (decoding: (command: unknown) => unknown, command: unknown): string => {
  try {
    return `accepted as ${JSON.stringify(decoding(command))}`
  } catch (error) {
    return String(error)
  }
}

describe("commands", () => {
  it("take ids of the longest length", () => {
    const sku = "s".repeat(64)
    const command = Given.receiveStock({ sku, location: sku, reference: sku })
    expect(decodeStock(JSON.parse(JSON.stringify(command)))).toStrictEqual(command)
  })

  it.each([
    ["sku", { sku: "" }],
    ["sku", { sku: "s".repeat(65) }],
    ["location", { location: "a\u0000b" }],
    ["location", { location: undefined }],
    ["quantity", { quantity: 1.5 }],
    ["quantity", { quantity: "6" }],
    ["quantity", { quantity: 2 ** 53 }],
    ["reference", { reference: null }]
  ])("to a stock item name what is wrong, %s: %j", (field, wrong) => {
    expect(refusal(decodeStock, { ...Given.receiveStock(), ...wrong })).toContain(`["${field}"]`)
  })

  it.each([
    ["orderId", { orderId: "" }],
    ["quantity", { lines: [{ ...Given.lantern, quantity: 0.5 }] }],
    ["location", { lines: [{ sku: "71053", quantity: 1 }] }],
    ["expiresAtMillis", { expiresAtMillis: "tomorrow" }],
    ["nowMillis", { nowMillis: undefined }]
  ])("to a reservation name what is wrong, %s: %j", (field, wrong) => {
    expect(refusal(decode, { ...Given.reserveItems(), ...wrong })).toContain(`["${field}"]`)
  })

  it("know their reasons", () => {
    expect(refusal(decodeStock, { ...Given.adjustStock(), reason: "moonlight" })).toContain(`["reason"]`)
    expect(refusal(decode, { ...Given.releaseReservation(), reason: "moonlight" })).toContain(`["reason"]`)
  })

  it("leave the range of quantities to the domain, which knows its limit", () => {
    const command = Given.reserveItems({ lines: [{ ...Given.lantern, quantity: -1 }] })
    expect(decode(command)).toStrictEqual(command)
  })

  it.each([null, 7, "ReserveItems", {}, { _tag: "StealStock" }])("are nothing else: %j", (value) => {
    expect(refusal(decode, value)).not.toContain("accepted")
    expect(refusal(decodeStock, value)).not.toContain("accepted")
  })
})
