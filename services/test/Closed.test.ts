/** When a stream counts as closed, so that its events may go to the archive: by status, and for payments by what is left to happen. */
import * as Cart from "@daybook/services/cart/Domain"
import * as Checkout from "@daybook/services/checkout/Saga"
import * as Reservation from "@daybook/services/inventory/ReservationDomain"
import { makeStockItem } from "@daybook/services/inventory/StockItemDomain"
import * as Order from "@daybook/services/order/Domain"
import type { initial as unplaced } from "@daybook/services/order/State"
import * as Payment from "@daybook/services/payment/Domain"
import { type Operation, type State, initial as unopened } from "@daybook/services/payment/State"
import { describe, expect, it } from "vitest"

/** The statuses in which an aggregate is closed, of all that its stored form allows. */
const closedAmong = <S extends { readonly status: string }>(
  { isClosed, initial }: { readonly isClosed?: ((state: S) => boolean) | undefined; readonly initial: S },
  statuses: ReadonlyArray<S["status"]>
) => statuses.filter((status) => isClosed!({ ...initial, status }))

describe("closed are", () => {
  it("carts that are completed, abandoned or merged", () => {
    const statuses = ["unopened", "open", "checking-out", "completed", "abandoned", "merged"] as const
    expect(closedAmong(Cart.make(), statuses)).toEqual(["completed", "abandoned", "merged"])
  })

  it("orders that are closed, rejected or cancelled: a delivered one may still come back", () => {
    const statuses = [
      ...["unplaced", "pending", "confirmed", "shipping", "shipped", "delivered"],
      ...["closed", "rejected", "cancelled"]
    ] as ReadonlyArray<(typeof unplaced)["status"]>
    expect(closedAmong(Order.make(), statuses)).toEqual(["closed", "rejected", "cancelled"])
  })

  it("reservations that have ended", () => {
    const statuses = ["unrequested", "pending", "reserved", "refused", "committed", "released", "expired"] as const
    expect(closedAmong(Reservation.makeReservation(), statuses)).toEqual([
      "refused",
      "committed",
      "released",
      "expired"
    ])
  })

  it("checkouts that are over: one that needs an operator is not", () => {
    const statuses = ["unstarted", "running", "compensating", "needs-attention", "completed", "compensated"] as const
    expect(closedAmong(Checkout.make(), statuses)).toEqual(["completed", "compensated"])
  })

  it("no stock items", () => {
    expect(makeStockItem().isClosed).toBeUndefined()
  })
})

const operation = (kind: Operation["kind"], status: Operation["status"], amountMinor = 100): Operation => ({
  operationId: `${kind}-${status}`,
  kind,
  amountMinor,
  status,
  calls: 1,
  providerReference: null,
  code: null,
  reason: null
})

const authorised = operation("authorise", "succeeded")
const captured = operation("capture", "succeeded")

describe("a payment", () => {
  const cases: ReadonlyArray<readonly [string, boolean, Partial<State>]> = [
    ["that was never asked for is not", false, {}],
    ["whose authorisation is under way is not", false, { operations: [operation("authorise", "sent")] }],
    ["of which nobody knows what became is not", false, { operations: [operation("authorise", "unknown")] }],
    ["that was declined is", true, { operations: [operation("authorise", "declined")] }],
    ["whose money is held is not", false, { operations: [authorised] }],
    ["of which a part is held is not", false, { operations: [authorised, operation("capture", "succeeded", 60)] }],
    ["that was captured is", true, { operations: [authorised, captured] }],
    [
      "whose rest was let go is",
      true,
      {
        operations: [authorised, operation("capture", "succeeded", 60), operation("void", "succeeded", 0)]
      }
    ],
    ["with a refund under way is not", false, { operations: [authorised, captured, operation("refund", "pending")] }],
    ["that was refunded is", true, { operations: [authorised, captured, operation("refund", "succeeded")] }],
    [
      "in dispute is not",
      false,
      {
        operations: [authorised, captured],
        chargebacks: [{ chargebackId: "c", amountMinor: 100, stage: "open" }]
      }
    ],
    [
      "that waits for an operator is not",
      false,
      {
        operations: [authorised, captured],
        attentions: [{ attentionId: "a", kind: "unmatched", resolved: false }]
      }
    ]
  ]
  it.each(cases)("%s closed", (_, closed, known) => {
    expect(Payment.make().isClosed!({ ...unopened, ...known })).toBe(closed)
  })
})
