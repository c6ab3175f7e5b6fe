/**
 * Every command in every status: what leads where, what does nothing because it is so already, and what is refused. Each command
 * is one that was not sent before.
 */
import { describe, expect, it } from "vitest"
import { allowedIn, type Command, type Restricted } from "../../src/order/Command.ts"
import { Status } from "../../src/order/Events.ts"
import { OrderNotFound, OrderStatusForbids, ReturnNeeded } from "../../src/order/Rejection.ts"
import {
  cancelLines,
  cancelOrder,
  closeOrder,
  confirmed,
  confirmOrder,
  delivered,
  given,
  histories,
  receiveReturn,
  recordDelivery,
  recordShipment,
  rejectOrder,
  requestCancellation,
  requestReturn,
  returning,
  shipmentDelivered,
  shipped,
  shipping,
  stateAfter,
  submitOrder
} from "./Given.ts"

const fresh: { readonly [K in Restricted]: Command } = {
  ConfirmOrder: confirmOrder({ authorisationId: "authorisation-9" }),
  RejectOrder: rejectOrder({ reason: "failed" }),
  CancelOrder: cancelOrder({ cancellationId: "cancellation-9" }),
  RequestCancellation: requestCancellation({ cancellationId: "cancellation-9" }),
  CancelLines: cancelLines({ cancellationId: "cancellation-9" }),
  RecordShipment: recordShipment({ shipmentId: "shipment-9", lines: [{ lineId: "1", quantity: 1 }] }),
  RecordDelivery: recordDelivery({ shipmentId: "shipment-9" }),
  RequestReturn: requestReturn({ returnId: "return-9" }),
  ReceiveReturn: receiveReturn({ returnId: "return-9" }),
  CloseOrder: closeOrder()
}

/** Sent again under another id, or for good: the effect is there, or what there is stands. */
const settled: Partial<Record<Status, Partial<Record<Restricted, "nothing" | "OrderOutcomeStands">>>> = {
  confirmed: { ConfirmOrder: "OrderOutcomeStands" },
  shipping: { ConfirmOrder: "OrderOutcomeStands" },
  shipped: { ConfirmOrder: "OrderOutcomeStands" },
  delivered: { ConfirmOrder: "OrderOutcomeStands" },
  closed: { ConfirmOrder: "OrderOutcomeStands", CloseOrder: "nothing" },
  rejected: { RejectOrder: "OrderOutcomeStands" },
  cancelled: { ConfirmOrder: "OrderOutcomeStands", CancelOrder: "nothing", RequestCancellation: "nothing" }
}

const needsReturn = (command: Restricted, status: Status) =>
  ["RequestCancellation", "CancelLines"].includes(command) && ["shipped", "delivered"].includes(status)

const pairs = Status.literals.flatMap((status) =>
  (Object.keys(fresh) as ReadonlyArray<Restricted>).map((command) => [status, command] as const)
)
const illegal = pairs.filter(
  ([status, command]) => !allowedIn[command].includes(status) && settled[status]?.[command] === undefined
)

describe("the histories of these tests", () => {
  it.each(Status.literals)("lead to an order that is %s", (status) => {
    expect(stateAfter(histories[status]).status).toBe(status)
  })
})

describe("an illegal command", () => {
  it.each(illegal.filter(([status]) => status === "unplaced"))("of an order that is %s: %s", (status, command) => {
    given(histories[status]).when(fresh[command]).thenRejected(OrderNotFound, {
      status: 404,
      detail: "There is no order of this id. Check the id, or place the order first."
    })
  })

  it.each(illegal.filter(([status, command]) => status !== "unplaced" && !needsReturn(command, status)))(
    "of an order that is %s: %s",
    (status, command) => {
      given(histories[status])
        .when(fresh[command])
        .thenRejected(OrderStatusForbids, {
          status: 409,
          orderStatus: status,
          allowedIn: allowedIn[command],
          detail: new RegExp(
            `^An order can .+ while it is ${allowedIn[command].join(" or ")}; this one is ${status}\\. `
          )
        })
    }
  )

  it.each(illegal.filter(([status, command]) => needsReturn(command, status)))(
    "of an order that is %s, whose goods can only be returned: %s",
    (status, command) => {
      given(histories[status])
        .when(fresh[command])
        .thenRejected(ReturnNeeded, {
          status: 409,
          orderStatus: status,
          detail: `The order is ${status}, so that nothing of it can be cancelled any more. Request a return instead.`
        })
    }
  )

  it("says what there is to do instead", () => {
    given(confirmed).when(fresh.RejectOrder).thenRejected(OrderStatusForbids, {
      detail: "An order can be rejected while it is pending; this one is confirmed. Ship it, or cancel it."
    })
  })
})

describe("a command whose effect is there already, or whose question is settled", () => {
  const cases = Object.entries(settled).flatMap(([status, commands]) =>
    Object.entries(commands).map(([command, outcome]) => [status as Status, command as Restricted, outcome] as const)
  )

  it.each(cases)("%s, %s: %s", (status, command, outcome) => {
    const decided = given(histories[status]).when(fresh[command])
    if (outcome === "nothing") decided.thenNothing()
    else decided.thenRejected(outcome, { status: 409, orderStatus: status })
  })
})

describe("a legal command", () => {
  const partDelivered = [...shipping, shipmentDelivered()]

  it.each([
    ["unplaced", submitOrder(), [], "pending"],
    ["pending", fresh.ConfirmOrder, histories.pending, "confirmed"],
    ["pending", fresh.RejectOrder, histories.pending, "rejected"],
    ["pending", fresh.CancelOrder, histories.pending, "cancelled"],
    ["pending", fresh.RequestCancellation, histories.pending, "pending"],
    ["confirmed", fresh.RequestCancellation, confirmed, "cancelled"],
    ["confirmed", fresh.CancelLines, confirmed, "confirmed"],
    ["confirmed", fresh.RecordShipment, confirmed, "shipping"],
    ["shipping", fresh.RequestCancellation, shipping, "shipped"],
    ["shipping", fresh.RequestCancellation, partDelivered, "delivered"],
    ["shipping", fresh.CancelLines, shipping, "shipping"],
    ["shipping", fresh.RecordShipment, shipping, "shipping"],
    ["shipping", recordDelivery(), shipping, "shipping"],
    ["shipping", fresh.RequestReturn, partDelivered, "shipping"],
    ["shipped", recordDelivery(), shipped, "shipped"],
    [
      "shipped",
      recordDelivery({ shipmentId: "shipment-2" }),
      [...shipped, shipmentDelivered({ status: "shipped" })],
      "delivered"
    ],
    ["shipped", fresh.RequestReturn, [...shipped, shipmentDelivered({ status: "shipped" })], "shipped"],
    ["delivered", fresh.RequestReturn, delivered, "delivered"],
    ["delivered", receiveReturn(), returning, "delivered"],
    ["delivered", fresh.CloseOrder, delivered, "closed"]
  ] as const)("from %s, %j", (from, command, history, to) => {
    expect(stateAfter(history).status).toBe(from)
    given(history)
      .when(command)
      .thenState(({ status }) => expect(status).toBe(to))
  })
})
