/** What the order's commands accept from outside, and on which field they say no. */
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { Command } from "../../src/order/Command.ts"
import {
  cancelLines,
  cancelOrder,
  closeOrder,
  confirmOrder,
  gbp,
  lantern,
  receiveReturn,
  recordDelivery,
  recordShipment,
  rejectOrder,
  requestCancellation,
  requestReturn,
  submitOrder
} from "./Given.ts"

const decode = Schema.decodeUnknownSync(Schema.toCodecJson(Command))

const refusal = (command: unknown): string => {
  try {
    return `accepted as ${JSON.stringify(decode(command))}`
  } catch (error) {
    return String(error)
  }
}

const every = [
  submitOrder(),
  confirmOrder(),
  rejectOrder(),
  cancelOrder(),
  requestCancellation(),
  cancelLines(),
  recordShipment(),
  recordDelivery(),
  requestReturn(),
  receiveReturn(),
  closeOrder()
]

describe("commands", () => {
  it.each(every)("come through JSON unchanged: $_tag", (command) => {
    expect(decode(JSON.parse(JSON.stringify(command)))).toStrictEqual(command)
  })

  it("are all here", () => {
    expect(every.map(({ _tag }) => _tag)).toEqual(Object.keys(Command.cases))
  })

  it("take texts of the longest length, and leave the range of quantities to the order", () => {
    const line = { ...lantern, lineId: "l".repeat(64), sku: "s".repeat(64), description: "d".repeat(200), quantity: -1 }
    const command = submitOrder({ lines: [line], country: "c".repeat(100) })
    expect(decode(command)).toStrictEqual(command)
  })

  it.each([
    ["cartId", { cartId: "" }],
    ["checkoutId", { checkoutId: "c".repeat(65) }],
    ["customerId", { customerId: undefined }],
    ["country", { country: "c".repeat(101) }],
    ["description", { lines: [{ ...lantern, description: "a\u0000b" }] }],
    ["description", { lines: [{ ...lantern, description: "d".repeat(201) }] }],
    ["quantity", { lines: [{ ...lantern, quantity: 1.5 }] }],
    ["tax", { lines: [{ ...lantern, tax: undefined }] }],
    ["amountMinor", { lines: [{ ...lantern, tax: gbp(-1) }] }],
    ["amountMinor", { shipping: gbp(-1) }],
    ["currency", { total: { amountMinor: 3451, currency: "GBX" } }]
  ])("refuse a submission, and name %s: %j", (field, wrong) => {
    expect(refusal({ ...submitOrder(), ...wrong })).toContain(`["${field}"]`)
  })

  it.each([
    ["authorisationId", { ...confirmOrder(), authorisationId: null }],
    ["reason", { ...rejectOrder(), reason: "mood" }],
    ["sku", { ...rejectOrder(), shortages: [{ sku: "", requested: 1, available: 0 }] }],
    ["reason", { ...cancelLines(), reason: "shortage" }],
    ["carrier", { ...recordShipment(), parcels: [{ carrier: "", trackingNumber: null }] }],
    ["parcels", { ...recordShipment(), parcels: Array(101).fill({ carrier: null, trackingNumber: null }) }],
    ["promisedBy", { ...recordShipment(), promisedBy: "2011-02-31" }],
    ["shipmentId", { ...recordDelivery(), shipmentId: "s".repeat(65) }],
    ["quantity", { ...requestReturn(), lines: [{ lineId: "1", quantity: "3" }] }]
  ])("are refused, and say on account of which field: %s in %j", (field, wrong) => {
    expect(refusal(wrong)).toContain(`["${field}"]`)
  })

  it.each([null, 7, "CloseOrder", {}, { _tag: "StealOrder" }])("are nothing else: %j", (value) => {
    expect(refusal(value)).not.toContain("accepted")
  })
})
