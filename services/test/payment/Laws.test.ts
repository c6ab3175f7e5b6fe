/**
 * What holds for every payment, whatever is asked of it and whatever the provider says, in whatever order: random commands,
 * answers and notifications, most of them out of place.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as DeciderLaws from "@daybook/testkit/DeciderLaws"
import { describe, expect, it } from "vitest"
import type * as Domain from "../../src/payment/Domain.ts"
import { type PaymentEvent, PaymentEvents } from "../../src/payment/Events.ts"
import { authorisationOf, capturableMinor, isOpen, ledgerOf, refundableMinor } from "../../src/payment/Ledger.ts"
import { nextCalls } from "../../src/payment/NextCall.ts"
import { type Rejection, rejections } from "../../src/payment/Rejection.ts"
import type { Operation, State } from "../../src/payment/State.ts"
import { commands, limits, payment } from "./Life.ts"

type Step = DeciderLaws.Step<State, Domain.Command, PaymentEvent, Rejection>

const always = (holds: (step: Step) => void) => DeciderLaws.always(payment, commands, holds, { runs: 100 })

const total = (state: State, kind: Operation["kind"], counts: (operation: Operation) => boolean): number =>
  state.operations.reduce(
    (sum, operation) => (operation.kind === kind && counts(operation) ? sum + operation.amountMinor : sum),
    0
  )
const isNotRefused = (operation: Operation) => operation.status === "succeeded" || isOpen(operation)

const rank: Record<Operation["status"], number> = {
  requested: 0,
  sent: 1,
  unknown: 2,
  "action-required": 3,
  pending: 4,
  succeeded: 5,
  declined: 5,
  unneeded: 5,
  expired: 6
}

describe("a payment", () => {
  it("keeps the laws of deciders, through every event and every rejection that it has", () => {
    const seen = DeciderLaws.check(payment, commands, { runs: 600, seed: 1 })
    expect([...seen.events.keys()].sort()).toEqual([...PaymentEvents.names].sort())
    expect([...seen.rejections.keys()].sort()).toEqual(rejections.map(({ name }) => name).sort())
  })

  it("never captures more than was authorised, captures without an outcome included", () => {
    always(({ after }) => {
      const authorised = authorisationOf(after)?.amountMinor ?? 0
      expect(total(after, "capture", isNotRefused)).toBeLessThanOrEqual(authorised)
      expect(ledgerOf(after).heldMinor).toBeGreaterThanOrEqual(0)
      expect(capturableMinor(after)).toBeGreaterThanOrEqual(0)
    })
  })

  it("never refunds more than was captured, refunds without an outcome included", () => {
    always(({ after }) => {
      const { capturedMinor } = ledgerOf(after)
      expect(total(after, "refund", isNotRefused)).toBeLessThanOrEqual(capturedMinor)
      expect(refundableMinor(after)).toBeGreaterThanOrEqual(0)
    })
  })

  it("keeps every operation for ever, with its kind, its amount and the payment's currency", () => {
    always(({ before, after }) => {
      for (const [i, { operationId, kind, amountMinor }] of before.operations.entries()) {
        expect(after.operations[i]).toMatchObject({ operationId, kind, amountMinor })
      }
      if (before.currency !== "XXX") expect(after.currency).toBe(before.currency)
      expect(new Set(after.operations.map(({ operationId }) => operationId)).size).toBe(after.operations.length)
    })
  })

  it("never goes back, except to what the provider does not have, and to a void that has become needed", () => {
    always(({ before, after, events }) => {
      for (const operation of before.operations) {
        const { status, operationId } = after.operations.find((other) => other.operationId === operation.operationId)!
        const isExcused = events.some(
          (event) =>
            (event._tag === "OperationNotFound" || event._tag === "VoidRequested") && event.operationId === operationId
        )
        if (!isExcused) expect(rank[status]).toBeGreaterThanOrEqual(rank[operation.status])
        if (operation.status === "succeeded") expect(["succeeded", "expired"]).toContain(status)
        if (operation.status === "declined") expect(status).toBe("declined")
      }
    })
  })

  it("records each notification, and each id once", () => {
    always(({ command, before, after, events, rejection }) => {
      if (command._tag !== "RecordNotification" || rejection !== undefined) return
      const records = events.filter(({ _tag }) => _tag === "NotificationRecorded")
      expect(records).toHaveLength(before.notificationIds.includes(command.providerEventId) ? 0 : 1)
      expect(after.notificationIds).toContain(command.providerEventId)
    })
  })

  it("asks for attention whenever the provider contradicts itself or speaks of what is not ours", () => {
    always(({ events, after }) => {
      for (const event of events) {
        if (event._tag !== "NotificationRecorded") continue
        if (event.verdict !== "contradictory" && event.verdict !== "unmatched") continue
        expect(after.attentions.some(({ resolved }) => !resolved)).toBe(true)
      }
    })
  })

  it("lets one call at a time begin, and none of an authorisation that was cancelled", () => {
    always(({ command, before, rejection, after }) => {
      if (command._tag !== "BeginProviderCall" || rejection !== undefined) return
      expect(Aggregate.decide(payment, command, after)).toMatchObject({ _tag: "ProviderCallNotDue" })
      const { kind } = before.operations.find(({ operationId }) => operationId === command.operationId)!
      if (kind === "authorise") expect(before.operations.some((other) => other.kind === "void")).toBe(false)
    })
  })

  it("knows what to do next about whatever has no outcome, unless it waits for another operation", () => {
    always(({ after }) => {
      const steps = nextCalls({ paymentId: "1", state: after, nowMillis: 0 })
      const asked = new Set(steps.map(({ request }) => request.operationId))
      const hasVoid = after.operations.some(({ kind }) => kind === "void")
      for (const operation of after.operations.filter(isOpen)) {
        if (!hasVoid) expect(asked).toContain(operation.operationId)
        if (operation.status === "sent" || operation.status === "unknown") {
          expect(asked).toContain(operation.operationId)
        }
      }
    })
  })

  it("does nothing when a command that was carried out comes again at once", () => {
    always(({ command, rejection, after }) => {
      if (rejection !== undefined || command._tag === "BeginProviderCall") return
      expect(Aggregate.decide(payment, command, after)).toEqual([])
    })
  })

  it("stays within its limits", () => {
    always(({ after }) => {
      expect(after.operations.filter(({ kind }) => kind !== "void").length).toBeLessThanOrEqual(limits.maxOperations)
      for (const { amountMinor } of after.operations) expect(amountMinor).toBeLessThanOrEqual(limits.maxAmountMinor)
    })
  })

  it("explains every refusal in a sentence", () => {
    always(({ rejection }) => {
      if (rejection !== undefined) expect(rejection.detail).toMatch(/^[A-Z0-9].{20,}\.$/)
    })
  })
})
