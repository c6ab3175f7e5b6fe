/** The stored formats of the order. */
import { expect, it } from "vitest"
import { OrderEvents } from "../../src/order/Events.ts"
import * as Golden from "../Golden.ts"
import * as Given from "./Given.ts"
import { order } from "./Stored.ts"

Golden.holds(order)

it("events are read also when their currency is no longer in use, and their texts are longer than commands may bring", () => {
  const withdrawn = { amountMinor: 1, currency: "ANG" }
  const line = { ...Given.lantern, description: "x".repeat(10_000), unitPrice: withdrawn, tax: withdrawn }
  const event = Given.orderPlaced({ lines: [line], total: withdrawn })
  expect(OrderEvents.decode({ ...Golden.metadata, ...OrderEvents.encode(event) })).toStrictEqual([event])
})
