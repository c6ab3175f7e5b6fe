/** What the payment's commands accept from outside, and on which field they say no. Card numbers are never accepted. */
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { Command, isCardNumber } from "../../src/payment/Domain.ts"
import {
  authorise,
  beginCall,
  capture,
  gbp,
  notify,
  reconcile,
  recordOutcome,
  refund,
  resolveAttention,
  voidPayment
} from "./Given.ts"

const decode = Schema.decodeUnknownSync(Schema.toCodecJson(Command))

const refusal = (command: unknown): string => {
  try {
    return `accepted as ${JSON.stringify(decode(command))}`
  } catch (error) {
    return String(error)
  }
}

const paidWith = (other: object) => ({
  ...authorise(),
  paymentMethod: { token: "tok_approve", brand: "visa", last4: "4242", ...other }
})

describe("commands", () => {
  it.each([
    authorise(),
    authorise({ customerId: null, paymentMethod: { token: "t".repeat(255), brand: null, last4: null } }),
    capture(),
    voidPayment({ reason: "r".repeat(200) }),
    refund(),
    beginCall(),
    recordOutcome({ outcome: { _tag: "Unknown", why: "timed out" } }),
    reconcile({ finding: { _tag: "NotFound" } }),
    notify(),
    resolveAttention()
  ])("come through JSON unchanged: %j", (command) => {
    expect(decode(JSON.parse(JSON.stringify(command)))).toStrictEqual(command)
  })

  it.each([
    ["operationId", { ...capture(), operationId: "" }],
    ["operationId", { ...capture(), operationId: "o".repeat(201) }],
    ["orderId", { ...authorise(), orderId: undefined }],
    ["amountMinor", capture({ amount: gbp(-1) })],
    ["amountMinor", capture({ amount: gbp(2.5) })],
    ["currency", capture({ amount: { amountMinor: 1, currency: "GBX" } })],
    ["reason", refund({ reason: "r".repeat(201) })],
    ["token", paidWith({ token: "" })],
    ["token", paidWith({ token: "t".repeat(256) })],
    ["last4", paidWith({ last4: "42424" })],
    ["last4", paidWith({ last4: "424" })],
    ["brand", paidWith({ brand: "b".repeat(33) })],
    ["url", { ...recordOutcome(), outcome: { _tag: "ActionRequired", providerReference: "p", url: "u".repeat(2049) } }]
  ])("refuse what is wrong, and name %s: %j", (field, wrong) => {
    expect(refusal(wrong)).toContain(`["${field}"]`)
  })

  it.each(["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005", "6304000000000000"])(
    "refuse the card number %s where a token belongs, and do not repeat it",
    (token) => {
      expect(refusal(paidWith({ token }))).toContain("never a card number")
      expect(refusal(paidWith({ token }))).not.toContain(token)
    }
  )

  it.each(["pm_1N2o3P", "4242424242424241", "42424242424", "tok_4242424242424242"])("take %s for a token", (token) => {
    expect(isCardNumber(token)).toBe(false)
  })

  it("drop whatever else comes with a payment method", () => {
    const command = paidWith({ number: "4242424242424242", cvc: "123" })
    expect(decode(command)).toStrictEqual(authorise())
  })

  it.each([null, 7, "Authorise", {}, { _tag: "Steal" }])("are nothing else: %j", (value) => {
    expect(refusal(value)).not.toContain("accepted")
  })
})
