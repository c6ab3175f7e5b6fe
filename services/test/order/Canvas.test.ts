/**
 * The service canvas says what the code does: no command, event or rejection is missing from it or left over in it. That its
 * drawing of the states is right is shown in `Laws.test.ts`.
 */
import { OpenApi } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { OrderApi } from "../../src/order/Api.ts"
import { allowedIn, Command } from "../../src/order/Command.ts"
import { OrderCommands, OrderEvents as Published } from "../../src/order/Contract.ts"
import { OrderEvents } from "../../src/order/Events.ts"
import { rejections } from "../../src/order/Rejection.ts"
import { Waiting } from "../../src/order/Views.ts"
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

  it("lists what is published and what is accepted by message, in order", () => {
    expect(Canvas.namesUnder("order", "Published")).toEqual(Published.names)
    expect(Canvas.namesUnder("order", "Accepted by message")).toEqual(OrderCommands.names)
  })

  it("lists the endpoints", () => {
    const { paths } = OpenApi.fromApi(OrderApi)
    const declared = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    )
    expect(Canvas.namesUnder("order", "HTTP")).toEqual(expect.arrayContaining(declared))
    expect(Canvas.namesUnder("order", "HTTP").filter((name) => name.includes("/"))).toHaveLength(declared.length)
  })

  it("says what an order can wait for", () => {
    const [, queue] = Canvas.rowsUnder("order", "Read models").find(([name]) => name === "operations queue") ?? []
    for (const waiting of Waiting.literals) expect(queue).toMatch(new RegExp(`\\b${waiting}\\b`, "u"))
  })

  it("lists the rejections with their types and statuses, in order", () => {
    expect(Canvas.rejectionsIn("order")).toEqual(Canvas.declared(rejections))
  })
})
