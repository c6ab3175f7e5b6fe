/**
 * What the shop of a release is put through for its fixture: carts, checkouts that end in every way, shipments, returns, the
 * warehouse's work and an operator's. Used by `Record.ts`; over HTTP alone, so that it suits every release since v0.1.0.
 */

/** What the shop answered. */
export interface Answer {
  readonly status: number
  readonly body: any
}

/** Asks the shop. */
export type Call = (method: string, path: string, body?: unknown) => Promise<Answer>

/** A question, and what was answered. */
export interface Recorded {
  readonly path: string
  readonly body: unknown
}

type Pause = (millis: number) => Promise<void>

const gbp = (amountMinor: number) => ({ amountMinor, currency: "GBP" })

/** Asks, and insists. */
const insist =
  (call: Call): Call =>
  async (method, path, body) => {
    const answer = await call(method, path, body)
    if (answer.status < 300) return answer
    throw new Error(`${method} ${path} was answered with ${answer.status}: ${JSON.stringify(answer.body)}`)
  }

/** Asks until the answer is as it should be. */
const until =
  (call: Call, pause: Pause) =>
  async (path: string, is: (body: any) => boolean): Promise<any> => {
    for (let tries = 0; tries < 1_200; tries++) {
      const { status, body } = await call("GET", path)
      if (status === 200 && is(body)) return body
      await pause(100)
    }
    throw new Error(`${path} did not become what it should: ${JSON.stringify((await call("GET", path)).body)}`)
  }

interface Line {
  readonly lineId: string
  readonly sku: string
  readonly quantity: number
}

const usualLines: ReadonlyArray<Line> = [
  { lineId: "1", sku: "MUG-BLUE", quantity: 3 },
  { lineId: "2", sku: "LANTERN-WHITE", quantity: 2 }
]

/** The steps that the parts below are made of. */
const steps = (call: Call, pause: Pause) => {
  const done = insist(call)
  const see = until(call, pause)
  const fill = async (name: string, lines: ReadonlyArray<Line> = usualLines) => {
    const id = `cart-${name}`
    await done("POST", "/carts", { id, customerId: `customer-${name}`, country: "United Kingdom", currency: "GBP" })
    for (const line of lines) await done("POST", `/carts/${id}/items`, line)
    return id
  }
  const begin = async (name: string, token: string, lines?: ReadonlyArray<Line>) => {
    const cartId = await fill(name, lines)
    const paymentMethod = { token, brand: "visa", last4: "4242" }
    await done("POST", "/checkouts", { id: name, cartId, paymentMethod })
  }
  const ended = (name: string) =>
    see(`/checkouts/${name}`, ({ status }) => status === "completed" || status === "compensated")
  const buy = async (name: string, token = "tok_approve", lines?: ReadonlyArray<Line>) => {
    await begin(name, token, lines)
    await ended(name)
  }
  const ship = (name: string, shipment: object) => done("POST", `/orders/${name}/shipments`, shipment)
  return { done, see, fill, begin, ended, buy, ship, pause, call }
}

type Steps = ReturnType<typeof steps>

/** Shipped in two parts, delivered, partly returned and closed. */
const wholeLife = async ({ done, see, buy, ship }: Steps) => {
  const name = "whole"
  await buy(name)
  const first = {
    shipmentId: "s-1",
    carrier: "Royal Mail",
    trackingNumber: "RM1",
    lines: [{ lineId: "1", quantity: 2 }]
  }
  await ship(name, first)
  const rest = [1, 2].map((n) => ({ lineId: String(n), quantity: n }))
  await ship(name, { shipmentId: "s-2", lines: rest })
  await see(`/payments/${name}`, ({ captured }) => captured.amountMinor > 0)
  for (const shipment of ["s-1", "s-2"]) await done("POST", `/orders/${name}/shipments/${shipment}/delivery`)
  const lines = [{ lineId: "1", quantity: 1 }]
  await done("POST", `/orders/${name}/returns`, { returnId: "r-1", reason: "damaged", lines })
  await done("POST", `/orders/${name}/returns/r-1/receipt`, { lines })
  await see(`/payments/${name}`, ({ refunded }) => refunded.amountMinor > 0)
  await done("POST", `/orders/${name}/close`)
}

/** Still to go on: shipped in part, with a return under way. */
const underWay = async ({ done, buy, ship }: Steps) => {
  const name = "underway"
  await buy(name)
  await ship(name, { shipmentId: "s-1", carrier: "DHL", trackingNumber: "JD-1", lines: [{ lineId: "1", quantity: 1 }] })
  await done("POST", `/orders/${name}/shipments/s-1/delivery`)
  const lines = [{ lineId: "1", quantity: 1 }]
  await done("POST", `/orders/${name}/returns`, { returnId: "r-1", reason: "unwanted", lines })
  await buy("untouched")
}

/** Cancelled in part, wholly, and while the buyer confirms the payment. */
const cancelled = async ({ done, see, begin, buy, ended }: Steps) => {
  await buy("parts")
  const lines = [{ lineId: "1", quantity: 1 }]
  await done("POST", "/orders/parts/line-cancellations", { cancellationId: "c-1", reason: "unavailable", lines })
  await buy("cancelled")
  await done("POST", "/orders/cancelled/cancellation", { cancellationId: "c-1" })
  await begin("wish", "tok_pending")
  await see("/orders/wish", ({ status }) => status === "pending")
  await done("POST", "/orders/wish/cancellation", { cancellationId: "c-1" })
  await ended("wish")
}

/** Declined, short of stock, let go; answers that come late, or contradict each other. */
const troubled = async ({ done, see, begin, buy, ended, call, pause }: Steps) => {
  await buy("declined", "tok_decline")
  await buy("short", "tok_approve", [
    { lineId: "1", sku: "TWINE-JUTE", quantity: 2 },
    { lineId: "2", sku: "KETTLE-ENAMEL", quantity: 1_001 }
  ])
  for (const token of ["timeout", "lost", "unknown", "unavailable", "duplicate", "reorder"]) {
    await buy(token, `tok_${token}`)
  }
  await buy("contradicted", "tok_contradict")
  await pause(2_000)
  const { body } = await call("GET", "/payments/attention")
  for (const { paymentId, attentionId } of (body ?? []).slice(0, 1)) {
    const id = encodeURIComponent(attentionId)
    await done("POST", `/payments/${paymentId}/attention/${id}/resolution`, { note: "Asked the provider" })
  }
  await begin("confirming", "tok_3ds")
  await see("/payments/confirming", ({ status }) => status !== "requested")
  await begin("left", "tok_3ds")
  await see("/payments/left", ({ status }) => status !== "requested")
  await done("POST", "/payments/left/void", { reason: "The buyer left" })
  await ended("left")
}

/** Money that moves by hand, declined, disputed, and released. */
const money = async ({ done, see, begin, buy, ended, ship, pause }: Steps) => {
  await buy("amounts", "tok_amounts")
  await done("POST", "/payments/amounts/captures", { captureId: "by-hand-1", amount: gbp(91) })
  await done("POST", "/payments/amounts/captures", { captureId: "by-hand-2", amount: gbp(500) })
  await see("/payments/amounts", ({ captured }) => captured.amountMinor === 500)
  await done("POST", "/payments/amounts/refunds", { refundId: "by-hand-3", amount: gbp(191), reason: "Goodwill" })
  await done("POST", "/payments/amounts/refunds", { refundId: "by-hand-4", amount: gbp(100), reason: "Goodwill" })
  await buy("kept", "tok_void_decline")
  await done("POST", "/payments/kept/void", { reason: "Not needed" })
  await buy("released")
  await done("POST", "/payments/released/void", { reason: "Not needed" })
  await buy("disputed", "tok_chargeback")
  await ship("disputed", { shipmentId: "s-1", lines: usualLines.map(({ lineId, quantity }) => ({ lineId, quantity })) })
  await begin("brief", "tok_short_hold")
  await ended("brief")
  // Disputes are raised, and holds run out, a minute later.
  await pause(75_000)
}

/** The warehouse's own work. */
const warehouse = async ({ done }: Steps) => {
  const item = "/stock/CLOCK-WALL/main"
  await done("PUT", `${item}/reorder-point`, { quantity: 990 })
  await done("POST", `${item}/adjustments`, { quantity: -20, reference: "count-1", reason: "damaged" })
  await done("POST", `${item}/receipts`, { quantity: 40, reference: "delivery-1" })
  await done("PUT", `${item}/safety-stock`, { quantity: 5 })
  await done("PUT", `${item}/back-order-limit`, { quantity: 7 })
  await done("POST", `${item}/transfers`, { quantity: 10, reference: "move-1", toLocation: "annex" })
  await done("POST", `${item}/restocks`, { quantity: 1, reference: "r-9", reason: "returned" })
}

/** Carts that are changed, merged, abandoned and recovered. */
const carts = async ({ done, fill }: Steps) => {
  const id = await fill("changed")
  await done("PATCH", `/carts/${id}/items/1`, { quantity: 7 })
  await done("DELETE", `/carts/${id}/items/2`)
  const guest = await fill("guest")
  await done("POST", `/carts/${id}/merge`, { guestCartId: guest })
  const left = await fill("abandoned")
  await done("POST", `/carts/${left}/abandon`, { reason: "discarded" })
  const back = await fill("recovered")
  await done("POST", `/carts/${back}/abandon`, { reason: "expired" })
  await done("POST", `/carts/${back}/recover`)
  const frozen = await fill("frozen")
  await done("POST", `/carts/${frozen}/checkout`, { checkoutId: "by-hand" })
}

const names =
  "whole underway untouched parts cancelled wish declined short timeout lost unknown unavailable duplicate reorder contradicted " +
  "confirming left amounts kept released disputed brief"

/** What is asked at the end: what no clock has a say in. */
const questions: ReadonlyArray<string> = [
  ...names
    .split(" ")
    .flatMap((name) => [
      `/carts/cart-${name}`,
      `/checkouts/${name}`,
      `/orders/${name}`,
      `/orders/${name}/timeline`,
      `/orders?customerId=customer-${name}`,
      `/reservations/${name}`,
      `/payments/${name}`
    ]),
  ...["changed", "guest", "abandoned", "recovered", "frozen"].map((name) => `/carts/cart-${name}`),
  ...["MUG-BLUE", "LANTERN-WHITE", "KETTLE-ENAMEL", "CLOCK-WALL"].flatMap((sku) => [
    `/stock/${sku}`,
    `/stock/${sku}/movements`
  ]),
  ...["confirmed", "shipping", "shipped", "delivered", "returning"].map((status) => `/orders/queue?status=${status}`),
  "/stock?low=true",
  "/payments/attention",
  "/reports/confirmed-revenue"
]

/** Lives a release's life, and answers what its shop says of it. */
export const live = async (call: Call, pause: Pause): Promise<ReadonlyArray<Recorded>> => {
  const shop = steps(call, pause)
  for (const part of [wholeLife, underWay, cancelled, troubled, warehouse, carts, money]) await part(shop)
  const answers: Array<Recorded> = []
  for (const path of questions) {
    const { status, body } = await call("GET", path)
    if (status === 200) answers.push({ path, body })
  }
  return answers
}
