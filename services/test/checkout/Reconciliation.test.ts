/**
 * What whoever looks after the shop relies on: what does not fit together is found, with what to do about it; what is in order
 * or under way is not; and it makes no difference which service is heard first.
 */
import { UnreadableMessage } from "@daybook/core/Contract"
import * as Metrics from "@daybook/core/Metrics"
import { expect, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { SqlClient } from "effect/sql/SqlClient"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { Kind, placeOf } from "../../src/checkout/Findings.ts"
import { findingsGauge } from "../../src/checkout/FindingsGauge.ts"
import { Reconciliation } from "../../src/checkout/Reconciliation.ts"
import { reconciliationSources } from "../../src/checkout/ReconciliationConsumer.ts"
import { checkout, copy, findingOf, gbp, hear, kindsOf, life, messageOf, minute, report, type Said } from "./Copy.ts"

/** Lets the machine work, which knows nothing of the test's clock. */
const turn = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))

let made = 0
const newOrder = () => life(`order-${++made}`)
const idOf = (order: ReturnType<typeof life>): string => order.placed.orderId

layer(copy, { timeout: "60 seconds" })("the reconciliation", (it) => {
  const expectNothing = (order: ReturnType<typeof life>) =>
    Effect.map(kindsOf(idOf(order)), (kinds) => expect(kinds).toEqual([]))

  it.effect("finds nothing in a checkout that succeeded, nor in the life of its order", () =>
    Effect.gen(function* () {
      const order = newOrder()
      yield* checkout(idOf(order), "completed")
      yield* hear(order.placed, order.reserved, order.authorised, order.committed, order.confirmed)
      yield* expectNothing(order)
      yield* hear(order.linesCancelled(2_000))
      yield* expectNothing(order)
      yield* hear(order.captured(3_000, "1"), order.captured(5_000, "2"))
      yield* expectNothing(order)
      yield* hear(order.refunded(8_000), order.closed)
      yield* expectNothing(order)
    })
  )

  it.effect("finds nothing in a checkout that was undone, at whatever it failed", () =>
    Effect.gen(function* () {
      const [short, declined, cancelled] = [newOrder(), newOrder(), newOrder()]
      for (const order of [short, declined, cancelled]) yield* checkout(idOf(order), "compensated")
      yield* hear(short.placed, short.refused, short.rejected)
      yield* hear(declined.placed, declined.reserved, declined.declined, declined.released, declined.rejected)
      yield* hear(cancelled.placed, cancelled.reserved, cancelled.released, cancelled.cancelled)
      for (const order of [short, declined, cancelled]) yield* expectNothing(order)
    })
  )

  it.effect("finds nothing in a confirmed order that was cancelled whole", () =>
    Effect.gen(function* () {
      const order = newOrder()
      yield* checkout(idOf(order), "completed")
      yield* hear(order.placed, order.reserved, order.authorised, order.committed, order.confirmed)
      yield* hear(order.linesCancelled(10_000), order.cancelled, order.voided)
      yield* expectNothing(order)
    })
  )

  it.effect("finds money that is held for no order, and says how to release it", () =>
    Effect.gen(function* () {
      const order = newOrder()
      yield* hear(order.authorised)
      expect(yield* findingOf(idOf(order))).toMatchObject({
        id: `funds-without-order:${idOf(order)}`,
        kind: "funds-without-order",
        orderStatus: null,
        held: gbp(10_000),
        captured: gbp(0),
        detail: expect.stringContaining("GBP 100.00 held"),
        nextStep: expect.stringContaining(`POST /payments/${idOf(order)}/void`)
      })
      yield* hear(order.voided)
      yield* expectNothing(order)
    })
  )

  it.effect("finds money that was taken for an order that was cancelled, until it is given back", () =>
    Effect.gen(function* () {
      const order = newOrder()
      yield* checkout(idOf(order), "compensated")
      yield* hear(order.placed, order.authorised, order.captured(4_000), order.voided, order.cancelled)
      expect(yield* findingOf(idOf(order))).toMatchObject({
        kind: "funds-without-order",
        held: gbp(0),
        captured: gbp(4_000),
        nextStep: `Refund it: POST /payments/${idOf(order)}/refunds.`
      })
      yield* hear(order.refunded(3_999))
      expect(yield* kindsOf(idOf(order))).toEqual(["funds-without-order"])
      yield* hear(order.refunded(1))
      yield* expectNothing(order)
    })
  )

  it.effect("finds an authorisation that arrives after its checkout was undone, until it is voided", () =>
    Effect.gen(function* () {
      const order = newOrder()
      yield* checkout(idOf(order), "compensated")
      yield* hear(order.placed, order.rejected, order.voided)
      yield* expectNothing(order)
      yield* hear(order.authorised)
      expect(yield* kindsOf(idOf(order))).toEqual(["funds-without-order"])
      yield* hear(order.voided)
      yield* expectNothing(order)
    })
  )

  it.effect("counts as taken what a dispute has not taken back, whichever of its messages were heard", () =>
    Effect.gen(function* () {
      const [opened, lostAtOnce, won, wonAtOnce] = [newOrder(), newOrder(), newOrder(), newOrder()]
      for (const order of [opened, lostAtOnce, won, wonAtOnce]) {
        yield* hear(order.authorised, order.captured(10_000), order.cancelled)
      }
      yield* hear(opened.disputed("Opened", 10_000), opened.disputed("Lost", 10_000))
      yield* hear(lostAtOnce.disputed("Lost", 10_000))
      yield* hear(won.disputed("Opened", 10_000), won.disputed("Won", 10_000))
      yield* hear(wonAtOnce.disputed("Won", 10_000))
      for (const order of [opened, lostAtOnce]) yield* expectNothing(order)
      for (const order of [won, wonAtOnce]) {
        expect(yield* findingOf(idOf(order))).toMatchObject({ kind: "funds-without-order", disputed: gbp(0) })
      }
    })
  )

  it.effect("finds stock that is held for no checkout, and stock that is kept for no order", () =>
    Effect.gen(function* () {
      const [held, kept] = [newOrder(), newOrder()]
      yield* checkout(idOf(held), "compensated")
      yield* hear(held.reserved, held.rejected, kept.reserved, kept.committed)
      expect(yield* findingOf(idOf(held))).toMatchObject({
        kind: "reservation-without-checkout",
        reservationStatus: "reserved",
        checkoutStatus: "compensated",
        nextStep: expect.stringContaining("runs out")
      })
      expect(yield* findingOf(idOf(kept))).toMatchObject({
        kind: "reservation-without-checkout",
        nextStep: expect.stringContaining("POST /stock/{sku}/{location}/cancellations")
      })
      yield* hear(held.expired, kept.confirmed, kept.authorised)
      yield* expectNothing(held)
      yield* expectNothing(kept)
    })
  )

  it.effect("finds a confirmed order whose money is gone, or does not suffice", () =>
    Effect.gen(function* () {
      const [gone, short] = [newOrder(), newOrder()]
      yield* hear(gone.committed, gone.confirmed, gone.authorised, gone.authorisationExpired)
      yield* hear(short.committed, short.confirmed, short.authorised, short.captured(9_999), short.voided)
      expect(yield* findingOf(idOf(gone))).toMatchObject({
        kind: "order-without-funds",
        due: gbp(10_000),
        held: gbp(0),
        detail: expect.stringContaining("GBP 100.00 is due"),
        nextStep: expect.stringContaining("Do not ship")
      })
      expect(yield* kindsOf(idOf(short))).toEqual(["order-without-funds"])
      yield* hear(short.linesCancelled(1))
      yield* expectNothing(short)
    })
  )

  it.effect("finds a confirmed order that is paid in another currency than its own", () =>
    Effect.gen(function* () {
      const order = newOrder()
      const amount = { amountMinor: 10_000, currency: "EUR" }
      yield* hear(order.committed, order.confirmed, { ...order.authorised, amount })
      expect(yield* findingOf(idOf(order))).toMatchObject({
        kind: "order-without-funds",
        detail: expect.stringMatching(/GBP 100\.00 is due.*EUR 100\.00 held/u)
      })
    })
  )

  it.effect("finds a confirmed order without committed stock", () =>
    Effect.gen(function* () {
      const [never, released] = [newOrder(), newOrder()]
      yield* hear(never.confirmed, never.authorised)
      yield* hear(released.confirmed, released.authorised, released.reserved, released.released)
      expect(yield* findingOf(idOf(never))).toMatchObject({
        kind: "order-without-stock",
        reservationStatus: null,
        detail: expect.stringContaining("not heard of")
      })
      expect(yield* findingOf(idOf(released))).toMatchObject({
        reservationStatus: "released",
        nextStep: expect.stringContaining(`POST /orders/${idOf(released)}/line-cancellations`)
      })
    })
  )

  it.effect(
    "leaves alone what is under way: a checkout that lives holds money and stock before there is an order",
    () =>
      Effect.gen(function* () {
        const order = newOrder()
        yield* checkout(idOf(order), "running", 2 * minute)
        yield* hear(order.placed, order.reserved, order.authorised, order.committed)
        yield* expectNothing(order)
        yield* checkout(idOf(order), "compensating")
        yield* expectNothing(order)
        yield* checkout(idOf(order), "compensated")
        expect(yield* kindsOf(idOf(order))).toEqual(["funds-without-order", "reservation-without-checkout"])
      })
  )

  it.effect("leaves alone what has changed within the limit, to the millisecond", () =>
    Effect.gen(function* () {
      const order = newOrder()
      yield* hear(order.authorised)
      expect(yield* kindsOf(idOf(order), 15 * minute)).toEqual([])
      expect(yield* kindsOf(idOf(order), 15 * minute + 1)).toEqual(["funds-without-order"])
      yield* TestClock.adjust("10 minutes")
      yield* hear(order.reserved)
      expect(yield* kindsOf(idOf(order), 25 * minute)).toEqual([])
    })
  )

  it.effect("finds a checkout that takes longer than the limit, and one that waits for an operator at once", () =>
    Effect.gen(function* () {
      const [overdue, waiting] = [newOrder(), newOrder()]
      yield* checkout(idOf(overdue), "compensating", minute)
      yield* checkout(idOf(waiting), "needs-attention", 16 * minute)
      expect(yield* kindsOf(idOf(overdue))).toEqual([])
      expect((yield* report(16 * minute + 1)).find((one) => one.orderId === idOf(overdue))).toMatchObject({
        kind: "checkout-overdue",
        since: "1970-01-01T00:01:00.000Z",
        checkoutStep: "authorise-payment",
        nextStep: expect.stringContaining("daybook dead-letter list")
      })
      expect(yield* findingOf(idOf(waiting))).toMatchObject({
        kind: "checkout-needs-attention",
        detail: expect.stringContaining("No answer after 52 attempts"),
        nextStep: expect.stringContaining(`POST /checkouts/${idOf(waiting)}/retry`)
      })
    })
  )

  it.effect(
    "shows what a payment and its provider contradict each other in, until it is resolved, and again if it is again",
    () =>
      Effect.gen(function* () {
        const order = newOrder()
        yield* hear(order.needsAttention("contradiction:o/1"), order.needsAttention("overdrawn:d"))
        const found = (yield* report()).filter(({ orderId }) => orderId === idOf(order))
        expect(found.map(({ kind, attentionId }) => [kind, attentionId])).toEqual([
          ["payment-needs-attention", "contradiction:o/1"],
          ["payment-needs-attention", "overdrawn:d"]
        ])
        expect(found[0]).toMatchObject({
          detail: expect.stringContaining("The provider says Declined"),
          nextStep: expect.stringContaining("/attention/contradiction%3Ao%2F1/resolution")
        })
        yield* hear(order.resolved("contradiction:o/1"), order.resolved("overdrawn:d"))
        yield* expectNothing(order)
        yield* hear(order.needsAttention("overdrawn:d"))
        expect(yield* kindsOf(idOf(order))).toEqual(["payment-needs-attention"])
      })
  )

  it.effect("makes of any order of the topics the same as of any other", () =>
    Effect.gen(function* () {
      const rowOf = Effect.fnUntraced(function* (orderId: string) {
        const sql = yield* SqlClient
        const rows = yield* sql.unsafe<object>("SELECT * FROM checkout.reconciliation WHERE order_id = $1::text", [
          orderId
        ])
        return { ...rows[0]!, order_id: "" }
      })
      const topics = (order: ReturnType<typeof life>): ReadonlyArray<ReadonlyArray<Said>> => [
        [order.placed, order.confirmed, order.linesCancelled(1_000), order.linesCancelled(9_000), order.cancelled],
        [order.reserved, order.committed],
        [order.voided, order.authorised, order.captured(10), order.disputed("Opened", 4), order.disputed("Won", 4)]
      ]
      const usual = newOrder()
      yield* hear(...topics(usual).flat())
      const wanted = yield* rowOf(idOf(usual))
      const turns = fc.shuffledSubarray([0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2], { minLength: 12 })
      const runs = fc.sample(turns, { numRuns: 60, seed: 3 })
      for (const order of runs) {
        const other = newOrder()
        const left = topics(other).map((said) => [...said])
        yield* hear(...order.map((topic) => left[topic]!.shift()!))
        expect(yield* rowOf(idOf(other)), JSON.stringify(order)).toEqual(wanted)
      }
    })
  )

  it.effect(
    "takes what no store can hold for unreadable, so that it is set aside at once and nothing of it is kept",
    () =>
      Effect.gen(function* () {
        const sources = reconciliationSources(yield* Reconciliation)
        const order = life("order\u0000")
        for (const said of [order.authorised, order.confirmed, order.reserved, order.needsAttention("a")]) {
          const { topic, message } = messageOf(said)
          const source = sources.find((one) => one.topic === topic)!
          const error = yield* Effect.flip(source.handle(message))
          expect(error).toBeInstanceOf(UnreadableMessage)
          expect(error.message).toContain("order\\u0000")
        }
      })
  )

  it.effect("is read page by page, also when what a page ended with is gone", () =>
    Effect.gen(function* () {
      const { findings, counts } = yield* Reconciliation
      const given = { beforeMillis: 2 * minute }
      const all = yield* findings({ ...given, limit: 500 })
      expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(Kind.literals))
      const paged: Array<string> = []
      for (let after: string | undefined; ; ) {
        const page: typeof all = yield* findings({ ...given, after, limit: 3 })
        paged.push(...page.map(({ id }) => id))
        if (page.length < 3) break
        after = page.at(-1)!.id
      }
      expect(paged).toEqual(all.map(({ id }) => id))
      const gone = yield* findings({ ...given, after: "funds-without-order:", limit: 500 })
      expect(gone).toEqual(all.filter(({ kind }) => kind >= "funds-without-order"))
      const counted = new Map(Kind.literals.map((kind) => [kind, all.filter((one) => one.kind === kind).length]))
      expect(yield* counts(2 * minute)).toEqual(counted)
      for (const kind of Kind.literals) {
        expect(yield* findings({ ...given, kind, limit: 500 })).toEqual(all.filter((one) => one.kind === kind))
      }
    })
  )

  it.effect("is counted by kind as a metric, every minute", () =>
    Effect.gen(function* () {
      const found = yield* Reconciliation
      const gauge = (kind: Kind) =>
        Effect.map(Metric.value(Metric.withAttributes(Metrics.findings, { kind })), ({ value }) => value)
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("30 minutes")
        const nowMillis = yield* Clock.currentTimeMillis
        for (const [kind, n] of yield* found.counts(nowMillis - 15 * minute)) {
          while ((yield* gauge(kind)) !== n) yield* turn
        }
        const before = yield* gauge("payment-needs-attention")
        yield* hear(newOrder().needsAttention("counted"))
        yield* TestClock.adjust("1 minutes")
        while ((yield* gauge("payment-needs-attention")) !== before + 1) {
          yield* turn
        }
      }).pipe(Effect.provide(findingsGauge(found)))
    })
  )

  it("knows the ids of findings from other texts, whatever is in the ids of orders", () => {
    const [kind] = Kind.literals
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ unit: "grapheme" }), (orderId, about) => {
        const parts = [kind, orderId, ...(about === "" ? [] : [about])]
        expect(placeOf(parts.map(encodeURIComponent).join(":"))).toEqual({ kind, orderId, about })
      })
    )
    for (const other of ["", kind, "order:1", `${kind}:a:b:c`, `${kind}:%`]) expect(placeOf(other)).toBeUndefined()
  })
})
