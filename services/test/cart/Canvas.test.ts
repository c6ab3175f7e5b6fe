/** The service canvas says what the code does: no command, event or rejection is missing from it or left over in it. */
import { describe, expect, it } from "vitest"
import { CartCommands, CartEvents as Published } from "../../src/cart/Contract.ts"
import { Command } from "../../src/cart/Domain.ts"
import { CartEvents } from "../../src/cart/Events.ts"
import { UnknownSku } from "../../src/cart/PriceList.ts"
import { rejections } from "../../src/cart/Rejection.ts"
import * as Canvas from "../Canvas.ts"

describe("the canvas of the cart", () => {
  it("lists the commands, in order", () => {
    expect(Canvas.namesUnder("cart", "Commands")).toEqual(Object.keys(Command.cases))
  })

  it("lists the events, in order", () => {
    expect(Canvas.namesUnder("cart", "Events")).toEqual(CartEvents.names)
  })

  it("lists what is published and what is accepted by message, in order", () => {
    expect(Canvas.namesUnder("cart", "Published")).toEqual(Published.names)
    expect(Canvas.namesUnder("cart", "Accepted by message")).toEqual(CartCommands.names)
  })

  it("lists the rejections with their types and statuses, in order", () => {
    expect(Canvas.rejectionsIn("cart")).toEqual(Canvas.declared([...rejections, UnknownSku]))
  })
})
