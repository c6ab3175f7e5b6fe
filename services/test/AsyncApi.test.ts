/**
 * The AsyncAPI document of the services: valid by the specification, complete, and true of what is published.
 */
import specs from "@asyncapi/specs"
import * as AsyncApi from "@daybook/core/AsyncApi"
import { type Message, toCloudEvent } from "@daybook/core/Message"
import { Ajv } from "ajv"
import { describe, expect, it } from "vitest"
import { type CartEvent, CartEvents } from "../src/cart/Contract.ts"
import { parties } from "../src/Parties.ts"
import * as Given from "./cart/Given.ts"

const document = AsyncApi.document({ title: "Daybook shop", version: "1" }, parties)

describe("the AsyncAPI document of the services", () => {
  it("is valid by the specification's own schema", () => {
    // It brings the meta-schema of draft 07 along, which would be there twice.
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, meta: false, validateSchema: false })
    const validate = ajv.compile(specs.schemas["3.0.0"] as object)
    expect(validate(document) || ajv.errorsText(validate.errors)).toBe(true)
  })

  it("has the topics of every service, and who sends and who listens", () => {
    expect(Object.keys(document.channels).toSorted()).toEqual([
      "Replies",
      "cart-commands",
      "cart-events",
      "checkout-replies",
      "inventory-commands",
      "inventory-events",
      "order-commands",
      "order-events",
      "payment-commands",
      "payment-events",
      "privacy-events"
    ])
    expect(Object.keys(document.operations)).toEqual(
      expect.arrayContaining(["cart.sends.cart-events", "cart.receives.cart-commands", "checkout.sends.cart-commands"])
    )
  })

  const whose = { cartId: "cart-1", customerId: "17850", country: null }

  it.each<CartEvent>([
    { _tag: "CartCheckedOut", ...whose, checkoutId: "1", total: Given.gbp(2034), lines: [Given.lantern] },
    { _tag: "CartCompleted", cartId: "cart-1", checkoutId: "1" },
    { _tag: "CartRestored", cartId: "cart-1", checkoutId: null, reason: "recovered", shortages: [] },
    { _tag: "CartAbandoned", ...whose, reason: "expired", total: Given.gbp(0), lineCount: 0 }
  ])("describes $_tag as it is on the wire", (event) => {
    const message: Message = {
      id: "1",
      source: "/cart",
      ...CartEvents.encode(event),
      key: "cart-1",
      occurredAtMillis: 0,
      correlationId: "talk",
      causationId: null,
      actor: null,
      traceParent: null,
      tenant: null,
      commandId: null,
      replyTo: null
    }
    const ajv = new Ajv({ strict: false })
    const $ref = `#/components/messages/cart-events.${event._tag}/payload`
    const validate = ajv.compile({ $ref, components: document.components })
    expect(validate(JSON.parse(toCloudEvent(message))) || ajv.errorsText(validate.errors)).toBe(true)
    expect(validate(JSON.parse(toCloudEvent({ ...message, data: {} })))).toBe(false)
  })
})
