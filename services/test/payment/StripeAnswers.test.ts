/** What Stripe says, as payments understand it: intents, refunds and events in every state that they may be in. */
import type Stripe from "stripe"
import { describe, expect, it } from "vitest"
import * as Answers from "../../src/payment/StripeAnswers.ts"
import { gbp } from "./Given.ts"

const operation = "order-1/capture/shipment-1"

const intent = (changes: object = {}): Stripe.PaymentIntent =>
  ({
    object: "payment_intent",
    id: "pi_1",
    status: "requires_capture",
    amount: 10_000,
    amount_received: 0,
    currency: "gbp",
    latest_charge: "ch_1",
    metadata: { daybook_payment: "order-1", daybook_operation: "order-1/authorise" },
    next_action: null,
    cancellation_reason: null,
    last_payment_error: null,
    ...changes
  }) as never

const captured = (amount: number, changes: object = {}) =>
  intent({
    status: "succeeded",
    amount_received: amount,
    metadata: {
      ...intent().metadata,
      [Answers.captureKey(operation)]: Answers.captureRecord(operation, amount)
    },
    ...changes
  })

describe("an authorisation", () => {
  const expiring = { id: "ch_1", payment_method_details: { card: { capture_before: 604_800 } } }
  const approved = { _tag: "Approved", providerReference: "pi_1", amount: gbp(10_000), expiresAtMillis: null }

  it.each<readonly [string, object, object]>([
    ["is held", {}, approved],
    ["is held until a time", { latest_charge: expiring }, { ...approved, expiresAtMillis: 604_800_000 }],
    ["has been taken whole", { status: "succeeded", amount_received: 10_000 }, approved],
    [
      "has been taken in part, so that the rest is released",
      { status: "succeeded", amount_received: 6_000 },
      { _tag: "Expired" }
    ],
    ["was cancelled, or has run out", { status: "canceled", cancellation_reason: "automatic" }, { _tag: "Expired" }],
    ["is processing", { status: "processing" }, { _tag: "Pending", providerReference: "pi_1" }],
    [
      "waits for the buyer",
      { status: "requires_action", next_action: { redirect_to_url: { url: "https://bank.example/3ds" } } },
      { _tag: "ActionRequired", providerReference: "pi_1", url: "https://bank.example/3ds" }
    ],
    [
      "was declined by the bank",
      {
        status: "requires_payment_method",
        last_payment_error: { code: "card_declined", decline_code: "insufficient_funds" }
      },
      { _tag: "Declined", code: "insufficient_funds" }
    ],
    ["did not go through", { status: "requires_payment_method" }, { _tag: "Declined", code: "declined" }],
    [
      "is in a state that came later than this code",
      { status: "requires_patience" },
      { _tag: "Declined", code: "declined" }
    ]
  ])("%s", (_, changes, answer) => {
    expect(Answers.authorisationOf(intent(changes))).toEqual(answer)
  })

  it("that has ended by the time of the answer is declined", () => {
    const answer = Answers.authorisationAnswer(intent({ status: "canceled", cancellation_reason: "fraudulent" }))
    expect(answer).toEqual({ _tag: "Declined", code: "fraudulent" })
  })
})

describe("what became of it", () => {
  it("is found for a capture in the intent, by its operation alone", () => {
    const approved = { _tag: "Approved", providerReference: "ch_1", amount: gbp(6_000), expiresAtMillis: null }
    expect(Answers.captureFound(captured(6_000), operation)).toEqual(approved)
    expect(Answers.captureFound(captured(6_000), "order-1/capture/other")).toEqual({ _tag: "NotFound" })
    expect(Answers.captureFound(captured(6_000, { status: "processing" }), operation)).toMatchObject({
      _tag: "Pending"
    })
  })

  it("is found for a void whenever nothing is held", () => {
    const words = ["canceled", "succeeded", "requires_capture", "processing"].map(
      (status) => Answers.voidFound(intent({ status }))._tag
    )
    expect(words).toEqual(["Approved", "Approved", "NotFound", "NotFound"])
  })

  it.each([
    ["succeeded", { _tag: "Approved", providerReference: "re_1", amount: gbp(1_000), expiresAtMillis: null }],
    ["pending", { _tag: "Pending", providerReference: "re_1" }],
    ["requires_action", { _tag: "Pending", providerReference: "re_1" }],
    ["failed", { _tag: "Declined", code: "expired_or_canceled_card" }],
    ["canceled", { _tag: "Declined", code: "expired_or_canceled_card" }]
  ])("is read of a refund that is %s", (status, answer) => {
    const refund = { id: "re_1", status, amount: 1_000, currency: "gbp", failure_reason: "expired_or_canceled_card" }
    expect(Answers.refundOf(refund as never)).toEqual(answer)
  })

  it("fits the metadata that Stripe takes: 40 characters of key, 500 of value", () => {
    const long = "o".repeat(200)
    expect(Answers.captureKey(long).length).toBeLessThanOrEqual(40)
    expect(Answers.captureRecord(long, Number.MAX_SAFE_INTEGER).length).toBeLessThanOrEqual(500)
  })
})

describe("an event", () => {
  const owner = { daybook_payment: "order-1" }
  const said = (type: string, object: object, metadata: Stripe.Metadata = {}) =>
    Answers.notificationsOf({
      event: { id: "evt_1", created: 7, type, data: { object } } as never,
      owner: metadata
    })
  const head = { paymentId: "order-1", providerEventId: "evt_1", occurredAtMillis: 7_000 }

  it.each([
    ["payment_intent.amount_capturable_updated", {}, "Approved"],
    ["payment_intent.processing", { status: "processing" }, "Pending"],
    ["payment_intent.payment_failed", { status: "requires_payment_method" }, "Declined"],
    ["payment_intent.canceled", { status: "canceled", cancellation_reason: "automatic" }, "Expired"]
  ])("%s is about the authorisation", (type, changes, tag) => {
    const [one, ...rest] = said(type, intent(changes))
    expect(rest).toEqual([])
    expect(one).toMatchObject({ ...head, operationId: "order-1/authorise", statement: { _tag: tag } })
  })

  it("of our own void says nothing, since its call is answered", () => {
    const ours = intent({ status: "canceled", cancellation_reason: Answers.ourReason })
    expect(said("payment_intent.canceled", ours)).toEqual([])
  })

  it("of a capture tells its operation, and that what it left is released, each under an id of its own", () => {
    expect(said("payment_intent.succeeded", captured(6_000))).toMatchObject([
      { ...head, operationId: operation, statement: { _tag: "Approved", amount: gbp(6_000) } },
      { ...head, providerEventId: "evt_1/2", operationId: "order-1/authorise", statement: { _tag: "Expired" } }
    ])
  })

  it("of a capture that none of our operations made is about no operation, so that someone looks", () => {
    const [one] = said("payment_intent.succeeded", intent({ status: "succeeded", amount_received: 10_000 }))
    expect(one).toMatchObject({ ...head, operationId: null, statement: { _tag: "Approved", amount: gbp(10_000) } })
  })

  const refund = {
    object: "refund",
    id: "re_1",
    status: "succeeded",
    amount: 1_000,
    currency: "gbp",
    payment_intent: "pi_1"
  }
  const dispute = {
    object: "dispute",
    id: "dp_1",
    status: "needs_response",
    amount: 1_000,
    currency: "gbp",
    reason: "fraudulent",
    payment_intent: "pi_1"
  }

  it("of a refund is about its operation, or about none when someone else made it", () => {
    const metadata = { daybook_payment: "order-1", daybook_operation: "order-1/refund/r" }
    const [ours] = said("refund.updated", { ...refund, metadata })
    expect(ours).toMatchObject({ ...head, operationId: "order-1/refund/r", statement: { _tag: "Approved" } })
    const [theirs] = said("refund.created", { ...refund, metadata: {} }, owner)
    expect(theirs).toMatchObject({ ...head, operationId: null })
  })

  it.each([
    ["needs_response", "open"],
    ["under_review", "open"],
    ["won", "won"],
    ["lost", "lost"]
  ])("of a dispute that is %s is a chargeback, %s", (status, stage) => {
    const [one] = said("charge.dispute.created", { ...dispute, status }, owner)
    const statement = { _tag: "Chargeback", chargebackId: "dp_1", amount: gbp(1_000), stage, code: "fraudulent" }
    expect(one).toMatchObject({ ...head, operationId: null, statement })
  })

  it("of an inquiry, which takes no money, says nothing, nor does one of another kind", () => {
    expect(said("charge.dispute.created", { ...dispute, status: "warning_needs_response" }, owner)).toEqual([])
    expect(said("customer.created", { object: "customer" })).toEqual([])
  })

  it("about another user of the account is about no payment of ours", () => {
    const [one] = said("payment_intent.amount_capturable_updated", intent({ metadata: {} }))
    expect(one).toMatchObject({ paymentId: null, operationId: null })
  })

  it("names the intent to be looked up where it does not say whose it is", () => {
    const about = (object: object) => Answers.intentOf({ data: { object } } as never)
    expect(about(dispute)).toBe("pi_1")
    expect(about({ ...refund, metadata: {} })).toBe("pi_1")
    expect(about({ ...refund, metadata: owner })).toBeUndefined()
    expect(about({ ...dispute, payment_intent: { id: "pi_2" } })).toBe("pi_2")
    expect(about(intent())).toBeUndefined()
  })
})
