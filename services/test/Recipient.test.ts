/**
 * What is personal, wherever the services keep it: known from the schemas, sealed in each, and held to bounds where it comes in.
 */
import * as Personal from "@daybook/core/Personal"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { CheckoutData } from "../src/checkout/Saga.ts"
import { Command } from "../src/order/Command.ts"
import { OrderCommands, OrderEvents } from "../src/order/Contract.ts"
import { State } from "../src/order/State.ts"
import { NewRecipient, recipientOf, subjectOf } from "../src/Recipient.ts"

const what = "the recipient of an order"

/** The personal fields of the messages of a contract. */
const fieldsOf = ({ definitions }: { readonly definitions: Readonly<Record<string, object>> }) =>
  Object.values(definitions).flatMap((fields) =>
    Personal.fieldsOf(Schema.Struct(("fields" in fields ? fields.fields : fields) as Schema.Struct.Fields))
  )

describe("what is personal", () => {
  it("is known from the schemas, in commands, states, sagas and messages", () => {
    expect(Personal.fieldsOf(Command)).toEqual([{ path: "recipient", what }])
    expect(Personal.fieldsOf(State)).toEqual([{ path: "recipient", what }])
    expect(Personal.fieldsOf(CheckoutData)).toEqual([{ path: "recipient", what }])
    expect(fieldsOf(OrderCommands)).toEqual([{ path: "recipient", what }])
  })

  it("is not told to others than the order", () => {
    expect(fieldsOf(OrderEvents)).toEqual([])
  })

  it("does not get into a checkout in clear", () => {
    const paymentMethod = { token: "t", brand: null, last4: null }
    const data = { cartId: "1", cartVersion: null, acceptedTotal: null, paymentMethod, recipient: "Jane Doe" }
    expect(() => Schema.decodeUnknownSync(CheckoutData)(data)).toThrow("sealed personal data")
  })

  it("is a customer's, or that of the guest behind one checkout", () => {
    expect([subjectOf("17850", "checkout-1"), subjectOf(null, "checkout-1")]).toEqual(["17850", "guest:checkout-1"])
  })
})

describe("a recipient", () => {
  const given = {
    name: "Zoë",
    email: "zoe@example.org",
    address: { lines: ["1 Main Street"], city: "Leeds", postalCode: "LS1", country: "UK" }
  }
  const decode = Schema.decodeUnknownSync(NewRecipient)

  it("is taken as given, a phone being optional", () => {
    expect(recipientOf(decode(given))).toEqual({ ...given, phone: null })
    expect(recipientOf(decode({ ...given, phone: "1" })).phone).toBe("1")
  })

  it.each([
    { name: "" },
    { name: "x".repeat(201) },
    { name: "\u0000" },
    { email: "zoe" },
    { email: `${"x".repeat(250)}@e.org` },
    { phone: "1".repeat(41) },
    { address: { ...given.address, lines: [] } },
    { address: { ...given.address, lines: Array(7).fill("x") } },
    { address: { ...given.address, postalCode: "1".repeat(21) } },
    { address: null }
  ])("of the wrong shape or size is refused: %j", (wrong) => {
    expect(() => decode({ ...given, ...wrong })).toThrow()
  })
})
