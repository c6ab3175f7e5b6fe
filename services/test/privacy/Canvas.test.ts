/**
 * The service canvas says what the code does: no command, event, message, rejection or endpoint is missing from it or left over.
 */
import { OpenApi } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { parties } from "../../src/Parties.ts"
import { PrivacyApi } from "../../src/privacy/Api.ts"
import { PrivacyEvents } from "../../src/privacy/Contract.ts"
import { Command } from "../../src/privacy/Domain.ts"
import { SubjectEvents } from "../../src/privacy/Events.ts"
import { rejections } from "../../src/privacy/Rejection.ts"
import * as Canvas from "../Canvas.ts"

describe("the canvas of the privacy service", () => {
  it("lists commands, events and messages, in order", () => {
    expect(Canvas.namesUnder("privacy", "Commands")).toEqual(Object.keys(Command.cases))
    expect(Canvas.namesUnder("privacy", "Events")).toEqual(SubjectEvents.names)
    expect(Canvas.namesUnder("privacy", "Published")).toEqual(PrivacyEvents.names)
  })

  it("lists the topics that it listens to", () => {
    const { receives } = parties.find(({ service }) => service === "privacy")!
    expect(Canvas.namesUnder("privacy", "Listens to")).toEqual(receives.map(({ topic }) => topic))
  })

  it("lists the rejections with their types and statuses, in order", () => {
    expect(Canvas.rejectionsIn("privacy")).toEqual(Canvas.declared(rejections))
  })

  it("lists the endpoints", () => {
    const declared = Object.entries(OpenApi.fromApi(PrivacyApi).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    )
    expect(Canvas.namesUnder("privacy", "HTTP").toSorted()).toEqual(declared.toSorted())
  })
})
