/** The service canvas says what the code does: no command, event or rejection is missing from it or left over in it. */
import { describe, expect, it } from "vitest"
import { PaymentCommands, PaymentEvents as Published } from "../../src/payment/Contract.ts"
import { Command } from "../../src/payment/Domain.ts"
import { AttentionKind, PaymentEvents } from "../../src/payment/Events.ts"
import {
  ProviderTimedOut,
  ProviderUnavailable,
  UnknownProvider,
  WebhookNotAuthentic,
  WebhookUnreadable
} from "../../src/payment/Provider.ts"
import { rejections } from "../../src/payment/Rejection.ts"
import { openReasons } from "../../src/payment/Timetable.ts"
import * as Canvas from "../Canvas.ts"

const ofProvider = [ProviderUnavailable, ProviderTimedOut, UnknownProvider, WebhookNotAuthentic, WebhookUnreadable]

describe("the canvas of the payment", () => {
  it("lists the commands, in order", () => {
    expect(Canvas.namesUnder("payment", "Commands")).toEqual(Object.keys(Command.cases))
  })

  it("lists the events, in order", () => {
    expect(Canvas.namesUnder("payment", "Events")).toEqual(PaymentEvents.names)
  })

  it("lists what is published and what is accepted by message, in order", () => {
    expect(Canvas.namesUnder("payment", "Published")).toEqual(Published.names)
    expect(Canvas.namesUnder("payment", "Accepted by message")).toEqual(PaymentCommands.names)
  })

  it("says when the provider is asked again, for each reason", () => {
    expect(Canvas.namesUnder("payment", "How the provider is asked")).toEqual(openReasons)
  })

  it("lists the rejections with their types and statuses, in order", () => {
    expect(Canvas.rejectionsIn("payment")).toEqual(Canvas.declared([...rejections, ...ofProvider]))
  })

  it("says what to do about whatever needs attention", () => {
    expect(Canvas.namesUnder("payment", "What needs attention")).toEqual(AttentionKind.literals)
  })
})
