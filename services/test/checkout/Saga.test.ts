/**
 * What buyers and the shop rely on: a checkout ends with everything done or everything undone, each participant is told what it
 * needs and nothing twice under another id, and what is not known is never guessed.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import type * as Saga from "@daybook/core/Saga"
import * as SagaProblems from "@daybook/core/SagaProblems"
import { describe, expect, it } from "vitest"
import { type CheckoutData, cancelled, defaultDeadlines, make, step } from "../../src/checkout/Saga.ts"
import { gbp } from "./Copy.ts"

const checkout = make()
const id = "checkout-1"
const cartId = "cart-1"

const frozen = {
  cartId,
  customerId: "buyer",
  country: "France",
  total: gbp(6_000),
  lines: [
    { lineId: "1", sku: "MUG", description: "A mug", quantity: 2, unitPrice: gbp(1_000) },
    { lineId: "2", sku: "TIN", description: "A tin", quantity: 1, unitPrice: gbp(4_000) }
  ]
}
const shortages = [{ sku: "MUG", requested: 2, available: 1 }]
const paymentMethod = { token: "tok_1", brand: "visa", last4: "4242" }
const data: CheckoutData = { cartId, cartVersion: 3, acceptedTotal: gbp(6_000), paymentMethod }

/** What participants answer with their success. */
const answers: Readonly<Record<string, Saga.State["data"]>> = {
  [step.freeze]: frozen as unknown as Saga.State["data"],
  [step.order]: { orderId: id, version: 1 },
  [step.reserve]: { lines: [] },
  [step.authorise]: { authorisationId: "authorisation-1" },
  [step.commit]: null,
  [step.confirm]: null,
  [step.complete]: null
}

const begin: Saga.Command = { _tag: "Start", sagaId: id, data, nowMillis: 0 }
const done = (name: string): Saga.Command => ({
  _tag: "HearSuccess",
  step: name,
  direction: "forward",
  answer: answers[name]!,
  nowMillis: 0
})
const undone = (name: string): Saga.Command => ({
  _tag: "HearSuccess",
  step: name,
  direction: "backward",
  answer: null,
  nowMillis: 0
})
const refused = (name: string, reason: string, answer: Saga.State["data"] = null): Saga.Command => ({
  _tag: "HearFailure",
  step: name,
  direction: "forward",
  reason,
  answer,
  nowMillis: 0
})
const cancel: Saga.Command = { _tag: "Cancel", reason: cancelled }

const order: ReadonlyArray<string> = Object.values(step)
/** Everything up to a step has succeeded. */
const upTo = (name: string): ReadonlyArray<Saga.Command> => [begin, ...order.slice(0, order.indexOf(name)).map(done)]

/** What becomes of commands, one after the other. */
const hearing = (...commands: ReadonlyArray<Saga.Command>) => {
  let state = checkout.initial
  const events: Array<Saga.SagaEvent> = []
  for (const command of commands) {
    const outcome = Aggregate.decide(checkout, command, state)
    if (outcome instanceof Error) throw outcome
    events.push(...outcome)
    state = Aggregate.evolveAll(checkout, state, outcome)
  }
  const requests = events.filter((event) => event._tag === "StepRequested")
  const told = requests.map(({ outgoing }) => outgoing)
  return { state, events, requests, told, types: told.map(({ type }) => type) }
}

const refusalOf = (command: Saga.Command, { state }: ReturnType<typeof hearing>) =>
  Aggregate.decide(checkout, command, state)

const forward = ["BeginCheckout", "SubmitOrder", "ReserveItems", "AuthorisePayment"]
const onwards = ["CommitReservation", "ConfirmOrder", "CompleteCart"]

describe("a checkout that succeeds", () => {
  const all = hearing(begin, ...order.map(done))

  it("freezes, orders, reserves, authorises, commits, confirms and completes, in this order", () => {
    expect(all.types).toEqual([...forward, ...onwards])
    expect(all.state).toMatchObject({ status: "completed", pending: null, failure: null })
  })

  it("tells each participant under the one id of the checkout, the cart under its own", () => {
    expect(all.told.map(({ topic, key }) => `${topic} ${key}`)).toEqual([
      `cart-commands ${cartId}`,
      `order-commands ${id}`,
      `inventory-commands ${id}`,
      `payment-commands ${id}`,
      `inventory-commands ${id}`,
      `order-commands ${id}`,
      `cart-commands ${cartId}`
    ])
    expect(new Set(all.requests.map(({ commandId }) => commandId)).size).toBe(7)
  })

  it("holds the cart to what the buyer was shown", () => {
    expect(all.told[0]!.data).toEqual({ checkoutId: id, acceptedTotal: gbp(6_000), expectedVersion: 3 })
  })

  it("orders, reserves and authorises exactly what the frozen cart says", () => {
    const [, submitted, reserve, authorise] = all.told
    const lines = frozen.lines.map((line) => ({ ...line, tax: gbp(0) }))
    const { customerId, country, total } = frozen
    expect(submitted!.data).toEqual({
      cartId,
      checkoutId: id,
      customerId,
      country,
      lines,
      goods: total,
      tax: gbp(0),
      shipping: gbp(0),
      total
    })
    expect(reserve!.data).toEqual({
      orderId: id,
      lines: [
        { sku: "MUG", quantity: 2 },
        { sku: "TIN", quantity: 1 }
      ],
      holdMillis: defaultDeadlines.holdMillis
    })
    expect(authorise!.data).toEqual({ orderId: id, customerId, amount: total, paymentMethod })
  })

  it("confirms the order with the payment and the stock behind it", () => {
    expect(all.told[5]!.data).toEqual({ authorisationId: "authorisation-1", reservationId: id })
  })

  it("does nothing when it is begun again, and is refused with another cart under the same id", () => {
    expect(hearing(...upTo(step.reserve), begin).types).toEqual(hearing(...upTo(step.reserve)).types)
    const other: Saga.Command = { ...begin, data: { ...data, cartId: "cart-2" } }
    expect(refusalOf(other, hearing(begin))).toBeInstanceOf(SagaProblems.SagaAlreadyStarted)
  })

  it("hears each answer once: repeated and late answers change nothing", () => {
    const repeated = hearing(begin, ...order.flatMap((name) => [done(name), done(name)]))
    expect(repeated.events).toEqual(all.events)
    const { state } = hearing(begin, ...order.map(done), refused(step.reserve, "shortage", { shortages }))
    expect(state).toEqual(all.state)
  })
})

describe("a checkout whose stock is short", () => {
  const turned = hearing(...upTo(step.reserve), refused(step.reserve, "shortage", { shortages }))

  it("rejects the order and restores the cart, both told what is short; nothing was paid or released", () => {
    const all = hearing(
      ...upTo(step.reserve),
      refused(step.reserve, "shortage", { shortages }),
      undone(step.order),
      undone(step.freeze)
    )
    expect(all.types).toEqual(["BeginCheckout", "SubmitOrder", "ReserveItems", "RejectOrder", "RestoreCart"])
    expect(all.told[3]!.data).toEqual({ reason: "shortage", shortages })
    expect(all.told[4]!.data).toEqual({ checkoutId: id, reason: "shortage", shortages })
    expect(all.state.status).toBe("compensated")
    expect(all.events.at(-1)).toEqual({ _tag: "SagaCompensated", step: step.reserve, reason: "shortage" })
  })

  it("is being undone until the last has answered", () => {
    expect(turned.state).toMatchObject({ status: "compensating", pending: { step: step.order, direction: "backward" } })
  })

  it("releases a reservation that was made after all", () => {
    const late = hearing(...upTo(step.reserve), refused(step.reserve, "failed"), done(step.reserve), undone(step.order))
    expect(late.types.slice(3)).toEqual(["RejectOrder", "ReleaseReservation"])
    const all = hearing(
      ...upTo(step.reserve),
      refused(step.reserve, "failed"),
      done(step.reserve),
      undone(step.order),
      undone(step.reserve),
      undone(step.freeze)
    )
    expect(all.state.status).toBe("compensated")
  })
})

describe("a checkout whose payment is declined", () => {
  it("releases the stock, rejects the order, and restores the cart, in this order", () => {
    const all = hearing(
      ...upTo(step.authorise),
      refused(step.authorise, "declined", { code: "card_declined" }),
      undone(step.reserve),
      undone(step.order),
      undone(step.freeze)
    )
    expect(all.types).toEqual([...forward, "ReleaseReservation", "RejectOrder", "RestoreCart"])
    expect(all.told.slice(4).map((told) => told.data)).toEqual([
      { reason: "payment-declined" },
      { reason: "payment-declined", shortages: [] },
      { checkoutId: id, reason: "payment-declined", shortages: [] }
    ])
    expect(all.state).toMatchObject({ status: "compensated", failure: { reason: "declined" } })
  })

  const undoneWhole = [
    ...upTo(step.authorise),
    refused(step.authorise, "expired"),
    undone(step.reserve),
    undone(step.order),
    undone(step.freeze)
  ]

  it("voids an authorisation that arrives after all was undone, and then rests again", () => {
    const late = hearing(...undoneWhole, done(step.authorise))
    expect(late.types.at(-1)).toBe("VoidPayment")
    expect(late.told.at(-1)!.key).toBe(id)
    expect(late.state.status).toBe("compensating")
    const rested = hearing(...undoneWhole, done(step.authorise), undone(step.authorise))
    expect(rested.state.status).toBe("compensated")
    expect(hearing(...undoneWhole, done(step.authorise), done(step.authorise)).events).toEqual(late.events)
  })

  it("voids an authorisation that arrives while it is being undone, before it goes on", () => {
    const late = hearing(
      ...upTo(step.authorise),
      refused(step.authorise, "expired"),
      done(step.authorise),
      undone(step.reserve)
    )
    expect(late.types.slice(4)).toEqual(["ReleaseReservation", "VoidPayment"])
  })
})

describe("a checkout that is refused by the service it asks", () => {
  it.each([
    [step.freeze, "CartChanged", []],
    [step.order, "InvalidRequest", ["RestoreCart"]],
    [step.reserve, "InvalidRequest", ["RejectOrder", "RestoreCart"]],
    [step.authorise, "PaymentCancelled", ["ReleaseReservation", "RejectOrder", "RestoreCart"]]
  ] as const)("at %s undoes what was done before, and nothing else", (name, reason, undo) => {
    const back = order.slice(0, order.indexOf(name)).reverse()
    const all = hearing(...upTo(name), refused(name, reason), ...back.map(undone))
    expect(all.types).toEqual([...forward.slice(0, order.indexOf(name) + 1), ...undo])
    expect(all.state).toMatchObject({ status: "compensated", failure: { step: name, reason } })
  })

  it.each([step.commit, step.confirm, step.complete])(
    "at %s, after the payment, never turns round: it waits for an operator",
    (name) => {
      const all = hearing(...upTo(name), refused(name, "ReservationClosed"))
      expect(all.state).toMatchObject({ status: "needs-attention", pending: { step: name, direction: "forward" } })
      expect(all.types).toEqual(hearing(...upTo(name)).types)
    }
  )

  it("while it is being undone waits for an operator, too", () => {
    const refusal: Saga.Command = { ...refused(step.order, "OrderNotPending"), direction: "backward" } as Saga.Command
    const all = hearing(...upTo(step.reserve), refused(step.reserve, "shortage", { shortages }), refusal)
    expect(all.state).toMatchObject({ status: "needs-attention", pending: { step: step.order, direction: "backward" } })
  })
})

describe("a checkout that its buyer cancels", () => {
  it.each([step.freeze, step.order, step.reserve])("while it waits for %s is undone once that has answered", (name) => {
    const asked = hearing(...upTo(name), cancel)
    expect(asked.state).toMatchObject({ status: "running", cancellation: cancelled })
    expect(asked.types).toEqual(hearing(...upTo(name)).types)
    const back = order.slice(0, order.indexOf(name) + 1).reverse()
    const all = hearing(...upTo(name), cancel, done(name), ...back.map(undone))
    expect(all.state).toMatchObject({ status: "compensated", failure: { reason: cancelled } })
    expect(all.types).not.toContain("AuthorisePayment")
  })

  it("tells the order, the inventory and the cart that it was the customer's wish", () => {
    const all = hearing(
      ...upTo(step.reserve),
      cancel,
      done(step.reserve),
      undone(step.reserve),
      undone(step.order),
      undone(step.freeze)
    )
    expect(all.told.slice(3).map(({ type, data: said }) => ({ type, ...(said as object) }))).toEqual([
      { type: "ReleaseReservation", reason: "cancelled" },
      { type: "CancelOrder", cancellationId: id, reason: "customer" },
      { type: "RestoreCart", checkoutId: id, reason: "cancelled", shortages: [] }
    ])
  })

  it("while its payment is under way goes on when that succeeds: the wish is recorded, and the order sees to it", () => {
    const all = hearing(...upTo(step.authorise), cancel, ...order.slice(3).map(done))
    expect(all.types).toEqual([...forward, ...onwards])
    expect(all.state).toMatchObject({ status: "completed", cancellation: cancelled })
  })

  it("while its payment is under way is undone when that is declined", () => {
    const all = hearing(...upTo(step.authorise), cancel, refused(step.authorise, "declined"))
    expect(all.types.slice(4)).toEqual(["ReleaseReservation"])
  })

  it.each([step.commit, step.confirm, step.complete])("at %s, after the payment, goes on", (name) => {
    const all = hearing(...upTo(name), cancel, ...order.slice(order.indexOf(name)).map(done))
    expect(all.state.status).toBe("completed")
  })

  it("does nothing a second time, nor once it is being undone, nor at its end", () => {
    const once = hearing(...upTo(step.order), cancel)
    expect(hearing(...upTo(step.order), cancel, cancel).events).toEqual(once.events)
    const turned = [...upTo(step.reserve), refused(step.reserve, "shortage")]
    expect(hearing(...turned, cancel).events).toEqual(hearing(...turned).events)
    const ended = [begin, ...order.map(done)]
    expect(hearing(...ended, cancel).events).toEqual(hearing(...ended).events)
  })

  it("cannot be one that was never begun", () => {
    expect(refusalOf(cancel, hearing())).toBeInstanceOf(SagaProblems.SagaNotStarted)
  })
})

describe("a checkout that is not answered", () => {
  const outOfPatience = (name: string, attempt: number, nowMillis: number): Saga.Command => ({
    _tag: "RunOutOfPatience",
    step: name,
    attempt,
    nowMillis
  })

  /** Nobody answers, however often it is sent. */
  const silence = (name: string, attempts: number) => {
    let all = [...upTo(name)]
    for (let attempt = 1; attempt <= attempts; attempt++) {
      all = [...all, outOfPatience(name, attempt, hearing(...all).state.pending!.dueAtMillis)]
    }
    return all
  }

  it("sends the same command again under the same id, and later each time", () => {
    const all = hearing(...silence(step.authorise, 3))
    const asked = all.requests.filter((request) => request.step === step.authorise)
    expect(asked.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect(new Set(asked.map(({ commandId }) => commandId))).toEqual(new Set([`${id}/${step.authorise}`]))
    expect(new Set(asked.map(({ outgoing }) => JSON.stringify(outgoing))).size).toBe(1)
    expect(asked.map(({ dueAtMillis }) => dueAtMillis / 60_000)).toEqual([1, 3, 7, 15])
  })

  it.each([
    [step.freeze, defaultDeadlines.service],
    [step.authorise, defaultDeadlines.payment],
    [step.confirm, defaultDeadlines.service]
  ] as const)("at %s asks an operator in the end, and never takes silence for a refusal", (name, { attempts }) => {
    const all = hearing(...silence(name, attempts))
    expect(all.state).toMatchObject({ status: "needs-attention", failure: null, pending: { step: name } })
    expect(all.types.filter((type) => type === "RestoreCart" || type === "VoidPayment")).toEqual([])
    expect(hearing(...silence(name, attempts - 1)).state.status).toBe("running")
  })

  it("holds the stock for longer than it waits for the payment in all", () => {
    const { firstMillis, maxMillis, attempts } = defaultDeadlines.payment
    const waits = Array.from({ length: attempts }, (_, n) => Math.min(firstMillis * 2 ** n, maxMillis))
    expect(defaultDeadlines.holdMillis).toBeGreaterThan(waits.reduce((total, wait) => total + wait, 0))
  })

  const waiting = silence(step.authorise, defaultDeadlines.payment.attempts)
  const resolve = (outcome: "succeeded" | "failed", answer: Saga.State["data"] = null): Saga.Command => ({
    _tag: "Resolve",
    outcome,
    answer,
    nowMillis: 0
  })

  it("goes on by itself when the answer comes after all", () => {
    expect(hearing(...waiting, done(step.authorise)).types.at(-1)).toBe("CommitReservation")
  })

  it("tries again when an operator says so, with all its patience", () => {
    const all = hearing(...waiting, { _tag: "Retry", nowMillis: 5 })
    expect(all.state).toMatchObject({ status: "running", pending: { step: step.authorise, attempt: 1 } })
    expect(all.types.at(-1)).toBe("AuthorisePayment")
  })

  it("goes on with what an operator has found out: the payment was made", () => {
    const all = hearing(...waiting, resolve("succeeded", answers[step.authorise]), done(step.commit))
    expect(all.told.at(-1)).toMatchObject({ type: "ConfirmOrder", data: { authorisationId: "authorisation-1" } })
  })

  it("turns round with what an operator has found out: it was not", () => {
    const all = hearing(...waiting, resolve("failed"))
    expect(all.types.at(-1)).toBe("ReleaseReservation")
    expect(all.state.status).toBe("compensating")
  })

  it("goes on undoing when an operator has undone a step by hand", () => {
    const refusal = { ...refused(step.order, "OrderNotPending"), direction: "backward" } as Saga.Command
    const stuck = [...upTo(step.reserve), refused(step.reserve, "shortage", { shortages }), refusal]
    expect(hearing(...stuck, resolve("succeeded")).types.at(-1)).toBe("RestoreCart")
  })

  it("is retried and resolved only where it waits for that", () => {
    for (const command of [resolve("failed"), { _tag: "Retry", nowMillis: 0 } as const]) {
      expect(refusalOf(command, hearing(begin))).toBeInstanceOf(SagaProblems.SagaNotWaiting)
    }
  })
})
