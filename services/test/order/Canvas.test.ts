/**
 * The service canvas says what the code does: no command, event or rejection is missing from it or left over in it. That its
 * drawing of the states is right is shown in `Laws.test.ts`.
 */
import { describe, expect, it } from "vitest"
import { allowedIn, Command } from "../../src/order/Command.ts"
import { OrderEvents } from "../../src/order/Events.ts"
import { rejections } from "../../src/order/Rejection.ts"
import * as Canvas from "../Canvas.ts"

describe("the canvas of the order", () => {
  it("lists the commands, in order, with the statuses that take them", () => {
    const listed = Canvas.rowsUnder("order", "Commands").map(([name, , statuses]) => [
      name,
      statuses?.split(", with")[0]
    ])
    const taken = Object.entries(allowedIn).map(([name, statuses]) => [name, statuses.join(", ")])
    expect(listed).toEqual([["SubmitOrder", "new"], ...taken])
    expect(listed.map(([name]) => name)).toEqual(Object.keys(Command.cases))
  })

  it("lists the events, in order", () => {
    expect(Canvas.namesUnder("order", "Events")).toEqual(OrderEvents.names)
  })

  it("lists the rejections with their types and statuses, in order", () => {
    expect(Canvas.rejectionsIn("order")).toEqual(Canvas.declared(rejections))
  })
})
