/** Which provider calls follow from a payment's state, at every place where a process may have stopped. */
import { describe, expect, it } from "vitest"
import type { PaymentEvent } from "../../src/payment/Events.ts"
import { nextCalls } from "../../src/payment/NextCall.ts"
import * as Given from "./Given.ts"
import { gbp } from "./Given.ts"

/** The steps in short: what, about which operation, and why. */
const next = (history: ReadonlyArray<PaymentEvent>, nowMillis = 0) =>
  nextCalls({ paymentId: "payment-1", state: Given.stateAfter(history), nowMillis }).map((step) =>
    [step._tag, step.request.operationId, ...(step._tag === "Query" ? [step.reason] : [])].join(" ")
  )

describe("the next calls", () => {
  const voidAsked = Given.voidRequested()

  it.each<readonly [string, ReadonlyArray<PaymentEvent>, ReadonlyArray<string>]>([
    ["nothing has happened", [], []],
    ["an authorisation was requested", Given.requested, ["Call auth"]],
    ["its call was begun, and the process stopped", Given.sent, ["Query auth unknown"]],
    ["its call was not answered", Given.unknown, ["Query auth unknown"]],
    ["the provider did not have it", [...Given.unknown, Given.notFound()], ["Call auth"]],
    ["it is pending", [...Given.sent, Given.pending()], ["Query auth pending"]],
    ["the buyer has to act", Given.acting, ["Query auth action-required"]],
    ["it is held", Given.held, []],
    ["it is declined", Given.declined, []],
    ["a capture was requested", [...Given.held, Given.captureRequested()], ["Call capture-1"]],
    ["the capture's call was begun", Given.capturing, ["Query capture-1 unknown"]],
    ["it is captured", Given.taken, []],
    ["a refund was requested", [...Given.taken, Given.refundRequested()], ["Call refund-1"]],
    ["the refund's call was begun", Given.refunding, ["Query refund-1 unknown"]],
    ["a void was requested", [...Given.held, voidAsked], ["Void void"]],
    ["the void's call was begun", Given.voiding, ["Query void unknown"]],
    ["it is voided", Given.released, []],
    ["it was cancelled while unknown", [...Given.unknown, voidAsked], ["Query auth unknown"]],
    ["it was cancelled while unknown, and is held", [...Given.unknown, voidAsked, Given.authorised()], ["Void void"]],
    ["it was cancelled before the first call", [...Given.requested, voidAsked], []],
    [
      "it was cancelled and not found, so that a stray call may still arrive",
      [...Given.unknown, Given.notFound(), voidAsked, Given.voidUnneeded({ why: "not-found" })],
      ["Query auth stray"]
    ],
    [
      "it was cancelled while the buyer acts",
      [...Given.acting, voidAsked],
      ["Query auth action-required", "Void void"]
    ],
    [
      "two captures are under way",
      [...Given.capturing, Given.captureRequested({ operationId: "capture-2", amount: gbp(4_000) })],
      ["Query capture-1 unknown", "Call capture-2"]
    ]
  ])("when %s", (_, history, steps) => {
    expect(next(history)).toEqual(steps)
  })

  it("ask about an authorisation from the moment at which it should have run out, if anything is held", () => {
    expect(next(Given.held, Given.expiresAtMillis - 1)).toEqual([])
    expect(next(Given.held, Given.expiresAtMillis)).toEqual(["Query auth expiry"])
    expect(next(Given.released, Given.expiresAtMillis)).toEqual([])
    expect(next(Given.expired, Given.expiresAtMillis)).toEqual([])
  })

  it("carry what the provider needs", () => {
    const requests = (history: ReadonlyArray<PaymentEvent>) =>
      nextCalls({ paymentId: "payment-1", state: Given.stateAfter(history), nowMillis: 0 }).map(
        ({ request }) => request
      )
    const of = { paymentId: "payment-1", authorisationId: "auth", providerReference: "pi_1" }
    expect(requests(Given.requested)).toEqual([
      { paymentId: "payment-1", operationId: "auth", orderId: "order-1", amount: gbp(10_000), token: "tok_approve" }
    ])
    expect(requests([...Given.held, Given.captureRequested()])).toEqual([
      { ...of, operationId: "capture-1", amount: gbp(6_000) }
    ])
    expect(requests([...Given.taken, Given.refundRequested()])).toEqual([
      { ...of, operationId: "refund-1", amount: gbp(2_000) }
    ])
    expect(requests([...Given.held, voidAsked])).toEqual([{ ...of, operationId: "void", currency: "GBP" }])
    expect(requests([...Given.sent, Given.pending()])).toEqual([
      {
        paymentId: "payment-1",
        operationId: "auth",
        kind: "authorise",
        providerReference: "pi_1",
        authorisationReference: "pi_1"
      }
    ])
  })
})
