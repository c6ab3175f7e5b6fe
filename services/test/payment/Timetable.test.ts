/** When the provider is asked again: soon where a buyer waits, seldom where nothing is expected, and by one process at a time. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type { PaymentEvent } from "../../src/payment/Events.ts"
import { PaymentQueries } from "../../src/payment/Queries.ts"
import { openOperations, Timetable } from "../../src/payment/Timetable.ts"
import * as Given from "./Given.ts"
import { empty, project, readModels, recorded, schema } from "./ReadModels.ts"

const timetable = Layer.merge(Timetable.layer(schema), PaymentQueries.layer(schema)).pipe(
  Layer.provideMerge(readModels)
)

/** Puts a payment with a history into the read models, now. */
const given = (payment: string, history: ReadonlyArray<PaymentEvent>) =>
  project([recorded(history.map((event) => ({ payment, event, atMillis: 0 })))])

const take = Effect.gen(function* () {
  const due = yield* (yield* Timetable).take(yield* nowMillis, 100)
  return due.map(({ paymentId, reason }) => `${paymentId} ${reason}`).sort()
})
const nowMillis = Effect.clockWith((clock) => clock.currentTimeMillis)

/** The seconds at which something is taken, if it is looked for each second. */
const looks = (seconds: number) =>
  Effect.gen(function* () {
    const found: Array<number> = []
    for (let second = 1; second <= seconds; second++) {
      yield* TestClock.adjust("1 second")
      if ((yield* take).length > 0) found.push(second)
    }
    return found
  })

layer(timetable, { timeout: "60 seconds" })("the timetable", (it) => {
  it.effect("looks at once at what is unknown, and later each time", () =>
    Effect.gen(function* () {
      yield* empty
      yield* given("p", Given.unknown)
      expect(yield* looks(40)).toEqual([1, 2, 4, 8, 16, 32])
    })
  )

  it.effect("gives each look to one of those who ask", () =>
    Effect.gen(function* () {
      yield* empty
      yield* given("p", Given.unknown)
      yield* TestClock.adjust("1 second")
      expect([yield* take, yield* take]).toEqual([["p unknown"], []])
    })
  )

  it.effect("has no more than was asked for, the longest overdue first", () =>
    Effect.gen(function* () {
      yield* empty
      yield* given("first", Given.unknown)
      yield* TestClock.adjust("1 second")
      yield* given("second", Given.unknown)
      yield* TestClock.adjust("10 seconds")
      const [one, ...rest] = yield* (yield* Timetable).take(yield* nowMillis, 1)
      expect([one?.paymentId, rest.length]).toEqual(["first", 0])
    })
  )

  it.effect("forgets what has its outcome, and begins anew when the reason is another", () =>
    Effect.gen(function* () {
      yield* empty
      const all = recorded(
        [...Given.unknown, Given.pending(), Given.authorised({ expiresAtMillis: null })].map((event) => ({
          payment: "p",
          event,
          atMillis: 0
        }))
      )
      const unknown = Given.unknown.length
      yield* project([all.slice(0, unknown)])
      yield* TestClock.adjust("1 minute")
      expect(yield* take).toEqual(["p unknown"])
      yield* project([all.slice(unknown, unknown + 1)])
      yield* TestClock.adjust("29 seconds")
      expect(yield* take).toEqual([])
      yield* TestClock.adjust("1 second")
      expect(yield* take).toEqual(["p pending"])
      yield* project([all.slice(unknown + 1)])
      yield* TestClock.adjust("1 day")
      expect(yield* take).toEqual([])
    })
  )

  it.effect("waits until an authorisation should have run out", () =>
    Effect.gen(function* () {
      yield* empty
      const expiresAtMillis = (yield* nowMillis) + 3_600_000
      yield* given("p", [...Given.sent, Given.authorised({ expiresAtMillis })])
      yield* TestClock.adjust("59 minutes")
      expect(yield* take).toEqual([])
      yield* TestClock.adjust("1 minute")
      expect(yield* take).toEqual(["p expiry"])
    })
  )

  it.effect(
    "looks eleven times in two days for a call that may still arrive, and keeps it listed without another look",
    () =>
      Effect.gen(function* () {
        yield* empty
        const stray = [Given.notFound(), Given.voidRequested(), Given.voidUnneeded({ why: "not-found" })]
        yield* given("p", [...Given.unknown, ...stray])
        const found: Array<number> = []
        const start = yield* nowMillis
        for (let minute = 1; minute <= 4 * 1_440; minute += minute < 128 ? 1 : 64) {
          yield* TestClock.setTime(start + minute * 60_000)
          if ((yield* take).length > 0) found.push(minute)
        }
        expect(found.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 32, 64])
        expect(found).toHaveLength(11)
        expect(found.at(-1)).toBeLessThan(2 * 1_440)
        const [open, ...rest] = yield* Effect.flatMap(PaymentQueries, (queries) => queries.open(10))
        expect(rest).toEqual([])
        expect(open).toMatchObject({ paymentId: "p", reason: "stray", tries: 11, nextAt: null })
      })
  )

  it.effect.each<readonly [string, ReadonlyArray<PaymentEvent>, number]>([
    ["call", Given.requested, 30],
    ["sent", Given.sent, 30],
    ["unknown", Given.unknown, 1],
    ["pending", [...Given.sent, Given.pending()], 30],
    ["action-required", Given.acting, 60]
  ])("looks first for %s when it is so", ([reason, history, seconds]) =>
    Effect.sync(() => {
      const [first, ...rest] = openOperations("p", Given.stateAfter(history), 0)
      expect(rest).toEqual([])
      expect(first).toMatchObject({ reason, nextAtMillis: seconds * 1_000 })
    })
  )

  it.effect("waits longer after each call that led nowhere", () =>
    Effect.sync(() => {
      const again = [Given.notFound(), Given.callBegun(), Given.outcomeUnknown()]
      const waits = [0, 1, 2, 3].map((times) => {
        const history = [...Given.unknown, ...Array.from({ length: times }, () => again).flat()]
        return openOperations("p", Given.stateAfter(history), 0)[0]!.nextAtMillis
      })
      expect(waits).toEqual([1_000, 2_000, 4_000, 8_000])
    })
  )
})
