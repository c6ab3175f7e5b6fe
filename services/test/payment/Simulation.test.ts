/**
 * The payment and the provider, with everything between them that can go wrong: the process dies around each call, calls arrive
 * long after they were given up, notifications are lost, late, repeated and out of order. In the end both books say the same,
 * nothing was charged twice, and nothing is held that nobody wants.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import * as Domain from "../../src/payment/Domain.ts"
import { authorisationOf, isOpen, ledgerOf, voidOf } from "../../src/payment/Ledger.ts"
import { type NextCall, nextCalls } from "../../src/payment/NextCall.ts"
import { type Notification, Provider } from "../../src/payment/Provider.ts"
import { ProviderSimulator } from "../../src/payment/ProviderSimulator.ts"
import { authorise, capture, gbp, refund, voidPayment } from "./Given.ts"

type Act = "step" | "deliver" | "capture" | "refund" | "void" | "confirm" | "refuse" | "wait" | "wake"

interface Scenario {
  readonly token: string
  readonly seed: string
  readonly acts: ReadonlyArray<{ readonly act: Act; readonly dice: number; readonly amountMinor: number }>
}

const weighted: ReadonlyArray<readonly [Act, number]> = [
  ["step", 12],
  ["deliver", 6],
  ["capture", 4],
  ["refund", 3],
  ["void", 1],
  ["confirm", 2],
  ["refuse", 1],
  ["wait", 2],
  ["wake", 1]
]

const scenario: fc.Arbitrary<Scenario> = fc.record({
  token: fc.constantFrom(
    ...["tok_visa", "tok_visa", "tok_visa", "tok_amounts", "tok_amounts", "tok_approve", "tok_3ds", "tok_timeout_3ds"],
    ...["tok_pending", "tok_timeout", "tok_timeout_decline", "tok_lost", "tok_unavailable", "tok_unknown"],
    ...["tok_duplicate", "tok_reorder", "tok_contradict", "tok_short_hold", "tok_chargeback"],
    ...["tok_void_timeout", "tok_void_lost"]
  ),
  seed: fc.string(),
  acts: fc.array(
    fc.record({
      act: fc.oneof(...weighted.map(([act, weight]) => ({ weight, arbitrary: fc.constant(act) }))),
      dice: fc.nat({ max: 999 }),
      amountMinor: fc.constantFrom(1_000, 4_000, 6_000, 10_000, 1_091, 1_092, 2_093, 2_094, 1_095, 1_096, 1_097, 1_098)
    }),
    { maxLength: 60, size: "max" }
  )
})

const paymentId = "order-1"
const payment = Domain.make()

/** A shop's side: one payment, carried through by a process that may stop anywhere. */
class Shop {
  state = payment.initial
  inbox: ReadonlyArray<Notification> = []
  /** Calls that were begun, given up, and are still on their way. */
  strays: ReadonlyArray<NextCall> = []
  isVoidWanted = false

  /** False when it is rejected. */
  send(command: Domain.Command): boolean {
    const outcome = Aggregate.decide(payment, command, this.state)
    if (outcome instanceof Error) return false
    this.state = Aggregate.evolveAll(payment, this.state, outcome)
    return true
  }

  /** `dice` says where the process dies, if it does. */
  readonly carryOut = Effect.fnUntraced(function* (this: Shop, step: NextCall, dice: number) {
    const { operationId } = step.request
    if (step._tag === "Query") {
      const found = yield* Effect.result((yield* Provider).query(step.request))
      if (dice === 1 || Result.isFailure(found)) return
      this.send({ _tag: "Reconcile", operationId, finding: found.success })
      return
    }
    if (dice === 1 || !this.send({ _tag: "BeginProviderCall", operationId }) || dice === 2) return
    if (dice === 3) this.strays = [...this.strays, step]
    else yield* this.call(step, dice === 4)
  })

  readonly call = Effect.fnUntraced(function* (this: Shop, step: NextCall, diesBeforeRecording: boolean) {
    if (step._tag === "Query") return
    const provider = yield* Provider
    const { operationId } = step.request
    const called = yield* Effect.result(
      step.kind === "authorise"
        ? provider.authorise(step.request)
        : step.kind === "void"
          ? provider.void(step.request)
          : provider[step.kind](step.request)
    )
    if (diesBeforeRecording) return
    const outcome = Result.isSuccess(called) ? called.success : { _tag: "Unknown" as const, why: called.failure._tag }
    this.send({ _tag: "RecordOutcome", operationId, outcome })
  })

  readonly next = Effect.fnUntraced(function* (this: Shop) {
    return nextCalls({ paymentId, state: this.state, nowMillis: yield* Clock.currentTimeMillis })
  })

  readonly fetch = Effect.fnUntraced(function* (this: Shop) {
    const provider = yield* Provider
    for (const { body, signature } of yield* (yield* ProviderSimulator).deliveries) {
      this.inbox = [...this.inbox, ...(yield* provider.readWebhook(body, signature))]
    }
  })

  /** Delivers any one that waits. It may come again, or, unless it is the only word of something, get lost. */
  deliver(dice: number): void {
    const notification = this.inbox[dice % Math.max(1, this.inbox.length)]
    if (notification === undefined) return
    const isLost = dice % 5 === 0 && notification.statement._tag !== "Chargeback"
    const isKept = dice % 3 === 0
    if (!isKept) this.inbox = this.inbox.filter((other) => other !== notification)
    if (isLost) return
    const { paymentId, ...rest } = notification
    this.send({ _tag: "RecordNotification", ...rest })
  }

  readonly act = Effect.fnUntraced(function* (
    this: Shop,
    { act, dice, amountMinor }: Scenario["acts"][number],
    i: number
  ) {
    const operationId = `${act}-${i}`
    const amount = gbp(amountMinor)
    switch (act) {
      case "step": {
        const steps = yield* this.next()
        const step = steps[dice % Math.max(1, steps.length)]
        if (step !== undefined) yield* this.carryOut(step, dice % 12)
        return
      }
      case "deliver":
        yield* this.fetch()
        return this.deliver(dice)
      case "capture":
        return this.send(capture({ operationId, amount }))
      case "refund":
        return this.send(refund({ operationId, amount }))
      case "void":
        if (this.send(voidPayment({ operationId }))) this.isVoidWanted = true
        return
      case "confirm":
      case "refuse":
        return yield* (yield* ProviderSimulator).completeAction("auth", act === "confirm")
      case "wait":
        return yield* TestClock.adjust(dice % 2 === 0 ? "20 seconds" : "2 minutes")
      case "wake": {
        const [stray, ...rest] = this.strays
        this.strays = rest
        if (stray !== undefined) yield* this.call(stray, dice % 2 === 0)
        return
      }
    }
  })

  /** Nothing goes wrong any more. Enough time passes for buyers to give up, but not for a hold of seven days to end. */
  readonly finish = Effect.fnUntraced(function* (this: Shop) {
    for (const stray of this.strays) yield* this.call(stray, true)
    for (let hour = 0; hour < 6; hour++) {
      yield* this.fetch()
      for (const { paymentId, ...rest } of this.inbox) this.send({ _tag: "RecordNotification", ...rest })
      this.inbox = []
      for (let i = 0; i < 5; i++) for (const step of yield* this.next()) yield* this.carryOut(step, 0)
      yield* TestClock.adjust("1 hour")
    }
  })
}

const run = ({ token, seed, acts }: Scenario) =>
  Effect.gen(function* () {
    const shop = new Shop()
    shop.send(authorise({ paymentMethod: { token, brand: null, last4: null } }))
    for (const [i, act] of acts.entries()) yield* shop.act(act, i)
    yield* shop.finish()
    return { shop, ledger: yield* (yield* ProviderSimulator).ledger(paymentId), left: yield* shop.next() }
  }).pipe(
    Effect.provide(Layer.mergeAll(ProviderSimulator.layer({ faults: { seed, percent: 60 } }), TestClock.layer())),
    Effect.runPromise
  )

it("a payment's books end up like the provider's, whatever happens in between", async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const { shop, ledger, left } = await run(given)
      const { state, isVoidWanted } = shop
      // Where the provider has contradicted itself, the books may differ, and someone has been asked to look.
      const isContradicted = state.attentions.some(({ kind, resolved }) => kind === "contradiction" && !resolved)
      if (isContradicted) expect(given.token).toBe("tok_contradict")
      else expect(ledgerOf(state)).toEqual(ledger)
      // A stray call may always come, as far as anyone can tell.
      expect(left.filter((step) => step._tag !== "Query" || step.reason !== "stray")).toEqual([])
      // Whatever was begun has its outcome; what was never sent is an authorisation that was cancelled first.
      const open = state.operations.filter(isOpen)
      if (open.length > 0)
        expect(voidOf(state) !== undefined && open.every(({ kind }) => kind === "authorise")).toBe(true)
      expect(ledger.heldMinor + ledger.capturedMinor).toBeLessThanOrEqual(10_000)
      expect(ledger.refundedMinor).toBeLessThanOrEqual(ledger.capturedMinor)
      if (isVoidWanted && !isContradicted && voidOf(state) !== undefined) expect(ledger.heldMinor).toBe(0)
      seen.add(authorisationOf(state)!.status)
      for (const { kind, status } of state.operations) seen.add(`${kind} ${status}`)
      if (state.attentions.length > 0) seen.add("attention")
    }),
    { numRuns: 2_000, seed: 7 }
  )
  for (const what of [
    ...["authorise succeeded", "authorise declined", "authorise expired", "capture succeeded", "capture declined"],
    ...["refund succeeded", "void succeeded", "void unneeded", "attention"]
  ]) {
    expect(seen).toContain(what)
  }
})
