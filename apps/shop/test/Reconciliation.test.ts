/**
 * What whoever answers for the money relies on, with all services in one process: a shop in order has nothing to report, and what
 * is done behind a checkout's back is found, with what puts it right.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Answer } from "./Shop.ts"
import { startWholeShop, type WholeShop } from "./WholeShop.ts"

const sku = "MUG-BLUE"
const timeout = 60_000

let shop: WholeShop

const post = async (path: string, body: unknown = {}): Promise<Answer> => {
  const answer = await shop.call("POST", path, { body })
  expect(answer, path).toMatchObject({ status: 202 })
  return answer
}

/** Waits until something is shown. */
const shows = (path: string, what: unknown): Promise<void> =>
  expect.poll(async () => (await shop.call("GET", path)).body, { timeout, interval: 50 }).toEqual(what)

const becomes = (path: string, status: string) => shows(path, expect.objectContaining({ status }))

/** Everything that does not fit now, also what is under way: each kind with its order. */
const report = "/reports/reconciliation?olderThanMinutes=0"
const finding = (kind: string, orderId: string, more: object = {}) =>
  expect.objectContaining({ kind, orderId, ...more })

/** A buyer checks a mug out. */
const checkOut = async (id: string, token = "tok_approve") => {
  await post("/carts", { id: `cart-${id}`, customerId: "buyer", currency: "GBP" })
  await post(`/carts/cart-${id}/items`, { sku, quantity: 1, lineId: "1" })
  await post("/checkouts", { id, cartId: `cart-${id}`, paymentMethod: { token } })
}

const bought = async (id: string) => {
  await checkOut(id)
  await becomes(`/checkouts/${id}`, "completed")
  await becomes(`/orders/${id}`, "confirmed")
  await becomes(`/payments/${id}`, "authorised")
  const { amountMinor, currency } = (await shop.call("GET", `/orders/${id}`)).body.total
  return { amountMinor, currency }
}

beforeAll(async () => {
  shop = await startWholeShop({ folder: undefined })
  await post(`/stock/${sku}/main/receipts`, { quantity: 100, reference: "delivery" })
}, timeout)

afterAll(() => shop?.stop())

describe("the reconciliation of a whole shop", () => {
  it("has nothing to report of checkouts that succeeded, were declined, shipped or cancelled", {
    timeout
  }, async () => {
    await shows(`/stock/${sku}`, expect.objectContaining({ available: 100 }))
    await bought("kept")
    await checkOut("declined", "tok_decline")
    await becomes("/checkouts/declined", "compensated")
    await bought("shipped")
    await post("/orders/shipped/shipments", { shipmentId: "s", lines: [{ lineId: "1", quantity: 1 }] })
    await becomes("/payments/shipped", "captured")
    await bought("cancelled")
    await post("/orders/cancelled/cancellation", { cancellationId: "c" })
    await becomes("/payments/cancelled", "cancelled")
    // Each of the four is in the copy: it is not the report of an empty table.
    const heard = () => shop.query<object>("SELECT FROM checkout.reconciliation WHERE order_status <> 'placed'")
    await expect.poll(async () => (await heard()).length, { timeout, interval: 50 }).toBe(4)
    await shows(report, [])
  })

  it("finds money that was taken behind the checkout's back for an order that was then cancelled", {
    timeout
  }, async () => {
    const amount = await bought("taken")
    await post("/payments/taken/captures", { captureId: "by hand", amount })
    await becomes("/payments/taken", "captured")
    await post("/orders/taken/cancellation", { cancellationId: "c" })
    await becomes("/orders/taken", "cancelled")
    await shows(report, [
      finding("funds-without-order", "taken", {
        captured: amount,
        orderStatus: "cancelled",
        checkoutStatus: "completed"
      })
    ])
    await post("/payments/taken/refunds", { refundId: "r", amount, reason: "Taken by mistake" })
    await shows(report, [])
  })

  it("finds a confirmed order whose money was let go behind its back", { timeout }, async () => {
    const due = await bought("unpaid")
    await post("/payments/unpaid/void", { reason: "By mistake" })
    await shows(report, [finding("order-without-funds", "unpaid", { due })])
    // What the finding says puts it right.
    await post("/orders/unpaid/line-cancellations", { reason: "other", lines: [{ lineId: "1", quantity: 1 }] })
    await becomes("/orders/unpaid", "cancelled")
    await shows(report, [])
  })

  it("finds what the provider contradicts itself in, until someone has looked", { timeout }, async () => {
    await checkOut("contradicted", "tok_contradict")
    await becomes("/checkouts/contradicted", "completed")
    await shows(report, [finding("payment-needs-attention", "contradicted")])
    const [found] = (await shop.call("GET", report)).body
    const [, path] = /(\/payments\/contradicted\/attention\/\S+\/resolution)/u.exec(found.nextStep)!
    await post(path!, { note: "Their mistake" })
    await shows(report, [])
  })
})
