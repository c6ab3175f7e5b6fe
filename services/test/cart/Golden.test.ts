/** The stored formats of the cart. */
import { expect, it } from "vitest"
import { CartEvents } from "../../src/cart/Events.ts"
import * as Golden from "../Golden.ts"
import * as Given from "./Given.ts"
import { cart } from "./Stored.ts"

Golden.holds(cart)

it("events are read also when their currency is no longer in use, and their texts are longer than commands may bring", () => {
  const line = { ...Given.lantern, description: "x".repeat(10_000), unitPrice: { amountMinor: 1, currency: "ANG" } }
  const event = Given.itemAdded(line)
  expect(CartEvents.decode({ ...Golden.metadata, ...CartEvents.encode(event) })).toStrictEqual([event])
})
