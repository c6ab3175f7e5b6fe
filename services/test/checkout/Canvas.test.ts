/**
 * The service canvas says what the code does: no step, command, event, rejection, endpoint or finding is missing from it or left
 * over in it.
 */
import * as Saga from "@daybook/core/Saga"
import * as SagaProblems from "@daybook/core/SagaProblems"
import { OpenApi } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { CheckoutApi } from "../../src/checkout/Api.ts"
import { Kind } from "../../src/checkout/Findings.ts"
import { definition } from "../../src/checkout/Saga.ts"
import { parties } from "../../src/Parties.ts"
import * as Canvas from "../Canvas.ts"

describe("the canvas of the checkout", () => {
  const { steps, pivot } = definition()

  it("lists the steps, in order, with the pivot", () => {
    const named = steps.map(({ name }) => (name === pivot ? `${name} (pivot)` : name))
    expect(Canvas.namesUnder("checkout", "Steps").slice(0, steps.length)).toEqual(named)
  })

  it("says of each step whether it is ever undone", () => {
    const rows = Canvas.rowsUnder("checkout", "Steps").slice(0, steps.length)
    expect(rows.map(([, , undone]) => undone !== "never")).toEqual(
      steps.map(({ compensation }) => compensation !== undefined)
    )
  })

  it("lists the commands and the events, in order", () => {
    expect(Canvas.namesUnder("checkout", "Commands")).toEqual(Object.keys(Saga.Command.cases))
    expect(Canvas.namesUnder("checkout", "Events")).toEqual(Saga.Events.names)
  })

  it("lists the topics that it listens to", () => {
    const { receives } = parties.find(({ service }) => service === "checkout")!
    expect(Canvas.namesUnder("checkout", "Listens to").toSorted()).toEqual(
      receives.map(({ topic }) => topic).toSorted()
    )
  })

  it("lists the endpoints", () => {
    const declared = Object.entries(OpenApi.fromApi(CheckoutApi).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    )
    expect(Canvas.namesUnder("checkout", "HTTP").toSorted()).toEqual(declared.toSorted())
  })

  it("lists the rejections with their types and statuses", () => {
    const { SagaAlreadyStarted, SagaNotStarted, SagaNotWaiting } = SagaProblems
    expect(Canvas.rejectionsIn("checkout")).toEqual(
      Canvas.declared([SagaAlreadyStarted, SagaNotStarted, SagaNotWaiting] as never)
    )
  })

  it("lists what a reconciliation can find", () => {
    expect(Canvas.namesUnder("checkout", "Reconciliation")).toEqual(Kind.literals)
  })
})
