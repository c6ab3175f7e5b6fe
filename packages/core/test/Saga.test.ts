/**
 * What a business relies on: a saga that ends has done everything or undone everything, whatever comes late, twice, or never.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Saga from "@daybook/core/Saga"
import * as SagaProblems from "@daybook/core/SagaProblems"
import * as DeciderSpec from "@daybook/testkit/DeciderSpec"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"

const tell =
  (type: string) =>
  (known: Saga.Known<{ readonly order: string }>): Saga.Outgoing => ({
    topic: "commands",
    key: known.data.order,
    type,
    schemaVersion: 1,
    data: { order: known.data.order }
  })

const patience: Saga.Patience = { firstMillis: 1_000, maxMillis: 4_000, attempts: 3 }

/** Freeze, create, reserve, then pay (the pivot), then confirm. Creating has nothing to undo it by. */
const Checkout = Saga.make({
  name: "checkout",
  data: Schema.Struct({ order: Schema.String }),
  steps: [
    { name: "freeze", command: tell("Freeze"), compensation: tell("Thaw"), patience },
    { name: "look", command: tell("Look"), patience },
    { name: "reserve", command: tell("Reserve"), compensation: tell("Release"), patience },
    { name: "pay", command: tell("Pay"), compensation: tell("Refund"), patience },
    { name: "confirm", command: tell("Confirm"), patience }
  ],
  pivot: "pay"
})

type Step = { readonly step: string; readonly direction: "forward" | "backward" }

const start: Saga.Command = { _tag: "Start", sagaId: "s", data: { order: "o" }, nowMillis: 0 }
const success = (step: string, direction: Step["direction"] = "forward"): Saga.Command => ({
  _tag: "HearSuccess",
  step,
  direction,
  answer: { said: step },
  nowMillis: 0
})
const failure = (step: string, direction: Step["direction"] = "forward"): Saga.Command => ({
  _tag: "HearFailure",
  step,
  direction,
  reason: `${step} failed`,
  answer: null,
  nowMillis: 0
})

/** Runs commands one after the other from nothing. */
const play = (...commands: ReadonlyArray<Saga.Command>) => {
  let state = Checkout.initial
  const events: Array<Saga.SagaEvent> = []
  for (const command of commands) {
    const outcome = Aggregate.decide(Checkout, command, state)
    if (outcome instanceof Error) throw outcome
    events.push(...outcome)
    state = Aggregate.evolveAll(Checkout, state, outcome)
  }
  return { state, events }
}

const sent = (events: ReadonlyArray<Saga.SagaEvent>): ReadonlyArray<string> =>
  events.flatMap((event) => (event._tag === "StepRequested" ? [event.outgoing.type] : []))

describe("a saga", () => {
  it("goes forward step by step, and completes", () => {
    const { state, events } = play(
      start,
      ...["freeze", "look", "reserve", "pay", "confirm"].map((step) => success(step))
    )
    assert.strictEqual(state.status, "completed")
    assert.deepStrictEqual(sent(events), ["Freeze", "Look", "Reserve", "Pay", "Confirm"])
    assert.deepStrictEqual(state.answers.pay, { said: "pay" })
  })

  it("undoes in reverse what was done before the step that failed", () => {
    const { state, events } = play(
      start,
      success("freeze"),
      success("look"),
      success("reserve"),
      failure("pay"),
      success("reserve", "backward"),
      success("freeze", "backward")
    )
    assert.strictEqual(state.status, "compensated")
    assert.deepStrictEqual(sent(events), ["Freeze", "Look", "Reserve", "Pay", "Release", "Thaw"])
    assert.deepInclude(events.at(-1), { _tag: "SagaCompensated", step: "pay", reason: "pay failed" })
  })

  it("has nothing to undo when the first step fails", () => {
    const { state, events } = play(start, failure("freeze"))
    assert.strictEqual(state.status, "compensated")
    assert.deepStrictEqual(sent(events), ["Freeze"])
  })

  it("never turns round after the pivot: it asks for attention", () => {
    const { state } = play(
      start,
      ...["freeze", "look", "reserve", "pay"].map((step) => success(step)),
      failure("confirm")
    )
    assert.strictEqual(state.status, "needs-attention")
    assert.strictEqual(state.pending?.step, "confirm")
  })

  it("gives commands ids that every attempt shares", () => {
    const { events } = play(start, { _tag: "RunOutOfPatience", step: "freeze", attempt: 1, nowMillis: 1_000 })
    const requests = events.filter((event) => event._tag === "StepRequested")
    assert.deepStrictEqual(
      requests.map(({ commandId, attempt, dueAtMillis }) => ({ commandId, attempt, dueAtMillis })),
      [
        { commandId: "s/freeze", attempt: 1, dueAtMillis: 1_000 },
        { commandId: "s/freeze", attempt: 2, dueAtMillis: 3_000 }
      ]
    )
  })

  it("does not take silence for failure: after the last attempt an operator is asked", () => {
    const { state, events } = play(
      start,
      { _tag: "RunOutOfPatience", step: "freeze", attempt: 1, nowMillis: 1_000 },
      { _tag: "RunOutOfPatience", step: "freeze", attempt: 2, nowMillis: 3_000 },
      { _tag: "RunOutOfPatience", step: "freeze", attempt: 3, nowMillis: 7_000 }
    )
    assert.strictEqual(state.status, "needs-attention")
    assert.deepStrictEqual(sent(events), ["Freeze", "Freeze", "Freeze"])
    // The answer may still come, and then it goes on by itself.
    assert.strictEqual(
      Aggregate.evolveAll(Checkout, state, Aggregate.decide(Checkout, success("freeze"), state) as never).status,
      "running"
    )
  })

  it("is not hurried: a timer that fires early, or for an older attempt, does nothing", () => {
    const early: Saga.Command = { _tag: "RunOutOfPatience", step: "freeze", attempt: 1, nowMillis: 999 }
    const old: Saga.Command = { _tag: "RunOutOfPatience", step: "freeze", attempt: 7, nowMillis: 9_999 }
    assert.deepStrictEqual(sent(play(start, early, old).events), ["Freeze"])
  })

  it("undoes a success that comes after the step was resolved as failed", () => {
    const { state, events } = play(
      start,
      success("freeze"),
      success("look"),
      ...[1_000, 3_000, 7_000].map(
        (nowMillis, i): Saga.Command => ({ _tag: "RunOutOfPatience", step: "reserve", attempt: i + 1, nowMillis })
      ),
      { _tag: "Resolve", outcome: "failed", answer: null, nowMillis: 8_000 },
      success("freeze", "backward"),
      success("reserve"),
      success("reserve", "backward")
    )
    assert.strictEqual(state.status, "compensated")
    assert.deepStrictEqual(sent(events).slice(-2), ["Thaw", "Release"])
  })

  it("honours a cancellation before the pivot with the answer that it waits for", () => {
    const { state, events } = play(
      start,
      success("freeze"),
      { _tag: "Cancel", reason: "changed my mind" },
      success("look"),
      success("freeze", "backward")
    )
    assert.strictEqual(state.status, "compensated")
    assert.deepStrictEqual(sent(events), ["Freeze", "Look", "Thaw"])
    assert.deepInclude(events.at(-1), { reason: "changed my mind" })
  })

  it("records a cancellation that comes with the pivot, and goes on", () => {
    const { state } = play(
      start,
      success("freeze"),
      success("look"),
      success("reserve"),
      { _tag: "Cancel", reason: "too late" },
      success("pay"),
      success("confirm")
    )
    assert.strictEqual(state.status, "completed")
    assert.strictEqual(state.cancellation, "too late")
  })

  it("goes on after an operator has let it try again, or said what became of the step", () => {
    const stuck = [start, ...["freeze", "look", "reserve", "pay"].map((step) => success(step)), failure("confirm")]
    const retried = play(...stuck, { _tag: "Retry", nowMillis: 0 }, success("confirm"))
    assert.strictEqual(retried.state.status, "completed")
    const resolved = play(...stuck, { _tag: "Resolve", outcome: "succeeded", answer: "by hand", nowMillis: 0 })
    assert.strictEqual(resolved.state.status, "completed")
    assert.strictEqual(resolved.state.answers.confirm, "by hand")
  })

  it("is started once: the same again does nothing, other data is refused", () => {
    const spec = DeciderSpec.for(Checkout).given(play(start).events)
    spec.when(start).thenNothing()
    spec.when({ ...start, data: { order: "other" } } as Saga.Command).thenRejected(SagaProblems.SagaAlreadyStarted)
  })

  it("tells an operator who asks at the wrong time, and anyone who asks for a saga that is not there", () => {
    DeciderSpec.for(Checkout)
      .given(play(start).events)
      .when({ _tag: "Retry", nowMillis: 0 })
      .thenRejected(SagaProblems.SagaNotWaiting)
    DeciderSpec.for(Checkout).given([]).when(success("freeze")).thenRejected(SagaProblems.SagaNotStarted)
  })

  it("refuses at start-up what is no saga", () => {
    const step = { name: "a", command: tell("A") }
    const make = (steps: ReadonlyArray<Saga.Step<{ readonly order: string }>>, pivot: string) => () =>
      Saga.make({ name: "x", data: Schema.Struct({ order: Schema.String }), steps, pivot })
    assert.throws(make([], "a"), /no steps/)
    assert.throws(make([step, step], "a"), /same name/)
    assert.throws(make([step], "b"), /pivot b is none of its steps/)
    assert.throws(make([step, { ...step, name: "b", compensation: tell("B") }], "a"), /never undone/)
  })
})

/** What a participant does with a command, and what the network does with it and with the answer. */
const fate = fc.record({
  fails: fc.boolean(),
  lost: fc.nat({ max: 2 }),
  repeated: fc.nat({ max: 2 })
})

describe("whatever is lost, repeated or refused", () => {
  it("a saga ends with everything done, or everything undone in reverse, each once", () => {
    fc.assert(
      fc.property(fc.array(fate, { minLength: 5, maxLength: 12 }), fc.option(fc.nat({ max: 8 })), (fates, cancelAt) => {
        let state = Checkout.initial
        let now = 0
        /** By command id: what the participant did, once. */
        const done = new Map<string, boolean>()
        const order: Array<string> = []
        const give = (command: Saga.Command) => {
          const outcome = Aggregate.decide(Checkout, command, state)
          if (outcome instanceof Error) throw outcome
          state = Aggregate.evolveAll(Checkout, state, outcome)
        }
        give(start)
        for (let turn = 0; turn < 40 && state.pending !== null; turn++) {
          const { step, direction, attempt, commandId, dueAtMillis } = state.pending
          const { fails, lost, repeated } = fates[turn % fates.length]!
          if (cancelAt === turn) give({ _tag: "Cancel", reason: "cancelled" })
          if (lost > 0 && attempt <= lost && attempt < 3) {
            now = dueAtMillis
            give({ _tag: "RunOutOfPatience", step, attempt, nowMillis: now })
            continue
          }
          // After the pivot, and on the way back, a participant does in the end what it is told.
          const refuses = fails && direction === "forward" && step !== "confirm"
          if (!done.has(commandId)) {
            done.set(commandId, !refuses)
            if (!refuses) order.push(commandId)
          }
          for (let i = 0; i <= repeated; i++) {
            give(done.get(commandId) === true ? success(step, direction) : failure(step, direction))
          }
        }
        const forward = ["s/freeze", "s/look", "s/reserve", "s/pay", "s/confirm"]
        const made = order.filter((id) => !id.endsWith("/undo"))
        assert.deepStrictEqual(made, forward.slice(0, made.length))
        if (state.status === "completed") return assert.deepStrictEqual(order, forward)
        assert.strictEqual(state.status, "compensated")
        const undone = made
          .filter((id) => id !== "s/look")
          .reverse()
          .map((id) => `${id}/undo`)
        assert.deepStrictEqual(order.slice(made.length), undone)
        assert.deepStrictEqual(state.toUndo, [])
      }),
      { numRuns: 2_000 }
    )
  })
})
