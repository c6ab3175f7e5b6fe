/**
 * What a payment's users rely on when they ask for money: for each command what comes of it, what is refused and with which
 * words, and that sending it again is harmless. `Findings.test.ts` has what follows from the provider's words.
 */
import { describe, expect, it } from "vitest"
import {
  CaptureExceedsAuthorised,
  CaptureInDoubt,
  NotCapturable,
  NothingToVoid,
  OperationIdTaken,
  PaymentAlreadyBegun,
  PaymentAmountOutOfRange,
  PaymentCancelled,
  PaymentCurrencyMismatch,
  PaymentNotFound,
  ProviderCallNotDue,
  RefundExceedsCaptured,
  TooManyOperations,
  UnknownAttention,
  UnknownOperation
} from "../../src/payment/Rejection.ts"
import * as Given from "./Given.ts"
import { authorise, beginCall, capture, gbp, given, refund, voidPayment } from "./Given.ts"

const eur = (amountMinor: number) => ({ amountMinor, currency: "EUR" })
const limits = { maxAmountMinor: 10_000, maxOperations: 2 }

describe("authorise", () => {
  it("requests the authorisation, and calls nobody", () => {
    given([]).when(authorise()).then(Given.requested)
  })

  it.each([
    ["requested", Given.requested],
    ["unknown", Given.unknown],
    ["declined", Given.declined],
    ["voided", Given.released]
  ])("does nothing when it is %s already", (_, history) => {
    given(history).when(authorise()).thenNothing()
  })

  it.each([{ amount: gbp(9_999) }, { amount: eur(10_000) }, { orderId: "order-2" }, { customerId: null }])(
    "refuses an operation id that stands for something else: %j",
    (other) => {
      given(Given.requested)
        .when(authorise(other))
        .thenRejected(OperationIdTaken, {
          status: 409,
          operationId: "auth",
          detail: /stands for to authorise GBP 100.00/
        })
    }
  )

  it("refuses a second authorisation, even of what was declined", () => {
    given(Given.declined)
      .when(authorise({ operationId: "auth-2" }))
      .thenRejected(PaymentAlreadyBegun, { status: 409, operationId: "auth" })
  })

  it.each([
    [1, true],
    [10_000, true],
    [0, false],
    [10_001, false]
  ])("of %d minor units, where 10,000 is the limit: taken is %s", (amountMinor, isTaken) => {
    const outcome = given([], limits).when(authorise({ amount: gbp(amountMinor) }))
    if (isTaken) outcome.then([Given.authorisationRequested({ amount: gbp(amountMinor) })])
    else outcome.thenRejected(PaymentAmountOutOfRange, { status: 422, maximumMinor: 10_000 })
  })
})

describe("capture", () => {
  it.each([1, 9_999, 10_000])("takes %d of the 10,000 that are held", (amountMinor) => {
    const amount = gbp(amountMinor)
    given(Given.held)
      .when(capture({ amount }))
      .then([Given.captureRequested({ amount })])
  })

  it("takes no more than is held", () => {
    given(Given.held)
      .when(capture({ amount: gbp(10_001) }))
      .thenRejected(CaptureExceedsAuthorised, { requested: gbp(10_001), capturable: gbp(10_000) })
  })

  it.each([
    ["without an outcome", Given.capturing],
    ["captured", Given.taken],
    ["captured and given back", Given.givenBack]
  ])("leaves what is %s alone", (_, history) => {
    const rest = { operationId: "capture-2", amount: gbp(4_000) }
    given(history)
      .when(capture(rest))
      .then([Given.captureRequested(rest)])
    given(history)
      .when(capture({ ...rest, amount: gbp(4_001) }))
      .thenRejected(CaptureExceedsAuthorised, {
        status: 409,
        capturable: gbp(4_000),
        detail:
          "GBP 40.01 is more than the GBP 40.00 that is left of the authorisation, captures under way taken off. Capture less."
      })
  })

  it("takes again what a declined capture did not", () => {
    const all = { operationId: "capture-2", amount: gbp(10_000) }
    given([...Given.capturing, Given.captureDeclined()])
      .when(capture(all))
      .then([Given.captureRequested(all)])
  })

  it("does nothing when it was requested before, also once it is declined or expired", () => {
    given(Given.capturing).when(capture()).thenNothing()
    given([...Given.capturing, Given.captureDeclined()])
      .when(capture())
      .thenNothing()
    given([...Given.taken, Given.authorisationExpired()])
      .when(capture())
      .thenNothing()
  })

  it.each([
    ["authorising", Given.requested],
    ["unknown", Given.unknown],
    ["action-required", Given.acting],
    ["declined", Given.declined],
    ["expired", Given.expired],
    ["cancelling", Given.voiding],
    ["cancelled", Given.released]
  ])("refuses a payment that is %s", (paymentStatus, history) => {
    given(history).when(capture()).thenRejected(NotCapturable, { status: 409, paymentStatus })
  })

  it("refuses another currency, an id that is taken, nothing at all, and a payment that there is not", () => {
    given(Given.held)
      .when(capture({ amount: eur(1) }))
      .thenRejected(PaymentCurrencyMismatch, { expected: "GBP" })
    given(Given.held)
      .when(capture({ operationId: "auth" }))
      .thenRejected(OperationIdTaken, { kind: "authorise" })
    given(Given.taken)
      .when(capture({ amount: gbp(1) }))
      .thenRejected(OperationIdTaken, { amountMinor: 6_000 })
    given(Given.held)
      .when(capture({ amount: gbp(0) }))
      .thenRejected(PaymentAmountOutOfRange, { status: 422 })
    given([]).when(capture()).thenRejected(PaymentNotFound, { status: 404 })
  })

  it("is refused beyond the most operations, and a void is not", () => {
    given(Given.held, limits).when(capture()).then([Given.captureRequested()])
    given(Given.taken, limits)
      .when(capture({ operationId: "capture-2", amount: gbp(1) }))
      .thenRejected(TooManyOperations, { maximum: 2 })
    given(Given.taken, limits).when(refund()).thenRejected(TooManyOperations, { maximum: 2 })
    given(Given.taken, limits).when(voidPayment()).then([Given.voidRequested()])
  })
})

describe("void", () => {
  it.each([
    ["held", Given.held],
    ["captured in part", Given.taken],
    ["without an answer yet", Given.sent],
    ["unknown", Given.unknown],
    ["waiting for the buyer", Given.acting]
  ])("releases what is %s", (_, history) => {
    given(history).when(voidPayment()).then([Given.voidRequested()])
  })

  it("is done at once when the provider was never called", () => {
    given(Given.requested)
      .when(voidPayment())
      .then([Given.voidRequested(), Given.voidUnneeded({ why: "not-sent" })])
  })

  it("sees to it that a payment which was not begun never is", () => {
    const cancelled = [Given.voidRequested(), Given.voidUnneeded({ why: "never-authorised" })]
    given([]).when(voidPayment()).then(cancelled)
    given(cancelled).when(authorise()).thenRejected(PaymentCancelled, { status: 409, voidOperationId: "void" })
  })

  it.each([
    ["voided", Given.released],
    ["being voided", Given.voiding],
    ["declined", Given.declined],
    ["expired", Given.expired]
  ])("does nothing when the payment is %s", (_, history) => {
    given(history)
      .when(voidPayment({ operationId: "void-2" }))
      .thenNothing()
  })

  it("may be tried again under another id when it was declined", () => {
    given([...Given.voiding, Given.voidDeclined()])
      .when(voidPayment({ operationId: "void-2" }))
      .then([Given.voidRequested({ operationId: "void-2" })])
  })

  it("refuses what is captured whole, and what may be", () => {
    const whole = [...Given.held, Given.captureRequested({ amount: gbp(10_000) })]
    given([...whole, Given.captured({ amount: gbp(10_000) })])
      .when(voidPayment())
      .thenRejected(NothingToVoid, { captured: gbp(10_000) })
    given(whole).when(voidPayment()).thenRejected(CaptureInDoubt, { operationId: "capture-1" })
  })
})

describe("refund", () => {
  it.each([1, 5_999, 6_000])("gives %d of the 6,000 back that were captured", (amountMinor) => {
    const amount = gbp(amountMinor)
    given(Given.taken)
      .when(refund({ amount }))
      .then([Given.refundRequested({ amount })])
  })

  it.each([
    ["without an outcome", Given.refunding],
    ["done", Given.givenBack]
  ])("leaves refunds that are %s alone", (_, history) => {
    const rest = { operationId: "refund-2", amount: gbp(4_000) }
    given(history)
      .when(refund(rest))
      .then([Given.refundRequested(rest)])
    given(history)
      .when(refund({ ...rest, amount: gbp(4_001) }))
      .thenRejected(RefundExceedsCaptured, { status: 409, refundable: gbp(4_000) })
  })

  it("gives nothing back that is not captured for certain", () => {
    given(Given.capturing)
      .when(refund({ amount: gbp(1) }))
      .thenRejected(RefundExceedsCaptured, { refundable: gbp(0) })
  })

  it("gives nothing back that a dispute has taken, unless the dispute was won", () => {
    const disputed = [...Given.taken, Given.chargebackOpened({ amount: gbp(5_000) })]
    given(disputed)
      .when(refund())
      .thenRejected(RefundExceedsCaptured, { refundable: gbp(1_000) })
    given([...disputed, Given.chargebackWon({ amount: gbp(5_000) })])
      .when(refund())
      .then([Given.refundRequested()])
  })

  it("does nothing when it was requested before", () => {
    given(Given.refunding).when(refund()).thenNothing()
    given(Given.givenBack).when(refund()).thenNothing()
  })
})

describe("begin a provider call", () => {
  it("lets one caller through, and no other", () => {
    given(Given.requested).when(beginCall()).then([Given.callBegun()])
    given(Given.sent).when(beginCall()).thenRejected(ProviderCallNotDue, { operationStatus: "sent" })
    given(Given.held).when(beginCall()).thenRejected(ProviderCallNotDue, { operationStatus: "succeeded" })
  })

  it("lets a call through again when the provider did not have it", () => {
    given([...Given.unknown, Given.notFound()])
      .when(beginCall())
      .then([Given.callBegun()])
  })

  it("lets no authorisation through that was cancelled", () => {
    given([...Given.requested, Given.voidRequested()])
      .when(beginCall())
      .thenRejected(ProviderCallNotDue)
  })

  it("lets a void through once there is something to void", () => {
    const call = beginCall({ operationId: "void" })
    given([...Given.unknown, Given.voidRequested()])
      .when(call)
      .thenRejected(ProviderCallNotDue)
    given([...Given.acting, Given.voidRequested()])
      .when(call)
      .then([Given.callBegun({ operationId: "void" })])
    given([...Given.held, Given.voidRequested()])
      .when(call)
      .then([Given.callBegun({ operationId: "void" })])
  })

  it("names what it does not know", () => {
    given([]).when(beginCall()).thenRejected(PaymentNotFound)
    given(Given.held)
      .when(beginCall({ operationId: "x" }))
      .thenRejected(UnknownOperation, { operationId: "x" })
  })
})

describe("resolve what needed attention", () => {
  const waiting = [...Given.voiding, Given.voidDeclined(), Given.attentionRequired()]

  it("notes how, once", () => {
    given(waiting).when(Given.resolveAttention()).then([Given.attentionResolved()])
    given([...waiting, Given.attentionResolved()])
      .when(Given.resolveAttention({ note: "again" }))
      .thenNothing()
  })

  it("names what it does not know", () => {
    given(Given.held).when(Given.resolveAttention()).thenRejected(UnknownAttention, { status: 404 })
  })

  it("leaves the books as they are", () => {
    expect(Given.stateAfter([...waiting, Given.attentionResolved()]).operations).toEqual(
      Given.stateAfter(waiting).operations
    )
  })
})
