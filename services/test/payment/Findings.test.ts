/**
 * What follows from what the provider says, as an answer, when queried or by notification: how unknown outcomes become known, how
 * late, repeated and reordered words do no harm, and what is left for someone to look at.
 */
import { describe, expect, it } from "vitest"
import type { PaymentEvent } from "../../src/payment/Events.ts"
import { capturableMinor, ledgerOf, statusOf } from "../../src/payment/Ledger.ts"
import { PaymentNotFound, UnknownOperation } from "../../src/payment/Rejection.ts"
import * as Given from "./Given.ts"
import { gbp, given, notify, reconcile, recordOutcome } from "./Given.ts"

const declined = { _tag: "Declined" as const, code: "insufficient_funds" }
const pending = { _tag: "Pending" as const, providerReference: "pi_1" }
const action = { _tag: "ActionRequired" as const, providerReference: "pi_1", url: "https://provider.example/3ds/auth" }
const notFound = { _tag: "NotFound" as const }
const expired = { _tag: "Expired" as const }
const approved = recordOutcome().outcome

describe("the outcome of a call", () => {
  it("is approved, declined, pending, up to the buyer, or unknown", () => {
    given(Given.sent).when(recordOutcome()).then([Given.authorised()])
    given(Given.sent)
      .when(recordOutcome({ outcome: declined }))
      .then([Given.authorisationDeclined()])
    given(Given.sent)
      .when(recordOutcome({ outcome: pending }))
      .then([Given.pending()])
    given(Given.sent)
      .when(recordOutcome({ outcome: action }))
      .then([Given.actionRequired()])
    given(Given.sent)
      .when(recordOutcome({ outcome: { _tag: "Unknown", why: "timed out" } }))
      .then([Given.outcomeUnknown()])
  })

  it("is nothing new once it is known, and an unknown one never undoes what is known", () => {
    given(Given.held).when(recordOutcome()).thenNothing()
    given(Given.held)
      .when(recordOutcome({ outcome: pending }))
      .thenNothing()
    given(Given.held)
      .when(recordOutcome({ outcome: { _tag: "Unknown", why: "timed out" } }))
      .thenNothing()
    given([...Given.sent, Given.pending()])
      .when(recordOutcome({ outcome: action }))
      .thenNothing()
  })

  it("names the operation or the payment that it does not know", () => {
    given(Given.held)
      .when(recordOutcome({ operationId: "x" }))
      .thenRejected(UnknownOperation)
    given([]).when(recordOutcome()).thenRejected(PaymentNotFound)
  })

  it("of a refund or a void that was declined needs attention", () => {
    const code = { _tag: "Declined" as const, code: "processing_error" }
    given(Given.refunding)
      .when(recordOutcome({ operationId: "refund-1", outcome: code }))
      .thenState(({ attentions }) => expect(attentions).toMatchObject([{ attentionId: "refund-declined:refund-1" }]))
    given(Given.voiding)
      .when(recordOutcome({ operationId: "void", outcome: code }))
      .thenState((state) => {
        expect(state.attentions).toMatchObject([{ attentionId: "void-declined:void", resolved: false }])
        expect([statusOf(state), capturableMinor(state)]).toEqual(["authorised", 10_000])
      })
  })
})

describe("an unknown authorisation", () => {
  it.each([
    ["approved", reconcile(), [Given.authorised()]],
    ["declined", reconcile({ finding: declined }), [Given.authorisationDeclined()]],
    ["not there", reconcile({ finding: notFound }), [Given.notFound()]],
    ["expired", reconcile({ finding: expired }), [Given.authorisationExpired()]]
  ])("is known once the provider was queried: %s", (_, command, events) => {
    given(Given.unknown).when(command).then(events)
  })

  const cancelled = [...Given.unknown, Given.voidRequested()]

  it("that was cancelled is still unknown", () => {
    expect(statusOf(Given.stateAfter(cancelled))).toBe("cancelling")
  })

  it("that was cancelled is voided when it turns out to be approved", () => {
    given(cancelled)
      .when(reconcile())
      .then([Given.authorised()])
      .thenState((state) => expect(statusOf(state)).toBe("cancelling"))
  })

  it.each([
    ["declined", declined, Given.authorisationDeclined()],
    ["expired", expired, Given.authorisationExpired()],
    ["not-found", notFound, Given.notFound()]
  ] as const)("that was cancelled needs no void when it turns out to be %s", (why, finding, event) => {
    given(cancelled)
      .when(reconcile({ finding }))
      .then([event, Given.voidUnneeded({ why })])
      .thenState((state) => expect(statusOf(state)).toBe("cancelled"))
  })

  it("that was cancelled and not there is voided when it shows up after all", () => {
    const compensated = [...cancelled, Given.notFound(), Given.voidUnneeded({ why: "not-found" })]
    given(compensated)
      .when(recordOutcome())
      .then([Given.authorised(), Given.voidRequested()])
      .thenState((state) => expect(statusOf(state)).toBe("cancelling"))
    given(compensated).when(notify()).then([Given.notificationRecorded(), Given.authorised(), Given.voidRequested()])
  })
})

describe("a notification", () => {
  it("is recorded with what follows from it", () => {
    given(Given.unknown).when(notify()).then([Given.notificationRecorded(), Given.authorised()])
  })

  it("is recorded once", () => {
    given([...Given.unknown, Given.notificationRecorded(), Given.authorised()])
      .when(notify())
      .thenNothing()
  })

  it("under another id, of what is known, is recorded and changes nothing", () => {
    given(Given.held)
      .when(notify({ providerEventId: "evt_2" }))
      .then([Given.notificationRecorded({ providerEventId: "evt_2", verdict: "nothing-new" })])
  })

  it.each([pending, action])("that was overtaken changes nothing: $_tag", (statement) => {
    given(Given.taken)
      .when(notify({ statement }))
      .then([Given.notificationRecorded({ statement, verdict: "nothing-new" })])
  })

  const otherAmount = { ...approved, amount: gbp(9_999) } as ReturnType<typeof notify>["statement"]
  const otherCurrency = { ...approved, amount: { amountMinor: 10_000, currency: "EUR" } } as typeof otherAmount

  it.each([
    ["a decline of what was approved", Given.held, declined],
    ["an approval of what was declined", Given.declined, notify().statement],
    ["the expiry of what was declined", Given.declined, expired],
    ["an approval of another amount", Given.sent, otherAmount],
    ["an approval in another currency", Given.sent, otherCurrency]
  ])("that contradicts is recorded and flagged, and changes nothing: %s", (_, history, statement) => {
    const before = Given.stateAfter(history)
    given(history)
      .when(notify({ statement }))
      .thenState((state) => {
        expect(state.notificationIds).toEqual(["evt_1"])
        expect(state.attentions).toMatchObject([{ attentionId: "contradiction:auth", resolved: false }])
        expect(state.operations).toEqual(before.operations)
      })
  })

  it.each(["nobody", null])("about an operation that is not ours is recorded and flagged: %s", (operationId) => {
    given(Given.held)
      .when(notify({ operationId }))
      .thenState((state) => {
        expect(state.notificationIds).toEqual(["evt_1"])
        expect(state.attentions).toMatchObject([{ kind: "unmatched", resolved: false }])
      })
  })

  it("of an expiry ends the hold, and leaves what was captured", () => {
    given(Given.taken)
      .when(notify({ statement: expired }))
      .then([Given.notificationRecorded({ statement: expired }), Given.authorisationExpired()])
      .thenState((state) => expect(ledgerOf(state)).toMatchObject({ heldMinor: 0, capturedMinor: 6_000 }))
  })
})

describe("a dispute", () => {
  const stage = (stage: "open" | "won" | "lost", amount = gbp(6_000)) =>
    notify({
      providerEventId: `evt_${stage}`,
      operationId: null,
      statement: { _tag: "Chargeback", chargebackId: "dp_1", amount, stage, code: "fraudulent" }
    })
  const opened = [...Given.taken, Given.chargebackOpened()]
  const chargedBack = (command: ReturnType<typeof notify>, history: ReadonlyArray<PaymentEvent> = opened) => {
    let minor = Number.NaN
    given(history)
      .when(command)
      .thenState((state) => {
        minor = ledgerOf(state).chargedBackMinor
      })
    return minor
  }

  it("takes money until it is won", () => {
    expect(chargedBack(stage("open"), Given.taken)).toBe(6_000)
    expect(chargedBack(stage("lost"))).toBe(6_000)
    expect(chargedBack(stage("won"))).toBe(0)
  })

  it("may be closed before it was opened, and is not opened again by the late word", () => {
    const won = [...Given.taken, Given.chargebackWon()]
    expect(chargedBack(stage("won"), Given.taken)).toBe(0)
    expect(chargedBack(stage("open"), won)).toBe(0)
  })

  it("that is won and lost, or over another amount than before, needs attention", () => {
    for (const command of [stage("lost"), stage("won", gbp(5_999))]) {
      given([...opened, Given.chargebackWon()])
        .when(command)
        .thenState(({ attentions }) => expect(attentions).toMatchObject([{ kind: "contradiction" }]))
    }
  })

  it("about what has been refunded needs attention, since both cannot be owed", () => {
    const kindsAfter = (amountMinor: number) => {
      let kinds: ReadonlyArray<string> = []
      given(Given.givenBack)
        .when(stage("open", gbp(amountMinor)))
        .thenState(({ attentions }) => {
          kinds = attentions.map(({ kind }) => kind)
        })
      return kinds
    }
    expect(kindsAfter(4_000)).toEqual([])
    expect(kindsAfter(4_001)).toEqual(["overdrawn"])
  })
})
