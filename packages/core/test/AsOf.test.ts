/** What whoever looks at a read model of some time relies on: it is made of the events of then, however they were recorded. */
import * as AsOf from "@daybook/core/AsOf"
import type { Append, Journal } from "@daybook/core/Journal"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import * as Replay from "@daybook/core/Replay"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { deposits, idIn, type Ledger, makeLedger, scenario, stores } from "./Books.ts"

const [a, b, other] = [idIn(0), idIn(0, 1), idIn(1)]

const occurring =
  (occurredAtMillis: number) =>
  (append: Append): Append => ({ ...append, events: append.events.map((event) => ({ ...event, occurredAtMillis })) })

/** A deposit that occurred at a time, recorded now. */
const deposit = (id: string, amount: number, occurredAtMillis: number) =>
  deposits(id, [amount], occurring(occurredAtMillis))

/** What a read model as of a moment holds, sorted, and how many events it was made of. */
const as = (moment: AsOf.Moment, streams?: AsOf.Streams, ledger: Ledger = makeLedger()) =>
  Effect.gen(function* () {
    const { events, ...options } = yield* AsOf.plan(ledger.projection, moment, streams)
    yield* Replay.run(ledger.projection, options)
    return { entries: ledger.entries.toSorted(), events: events() }
  })

const occurred = (millis: number): AsOf.Moment => ({ at: { millis, by: "occurred" } })
const recorded = (millis: number): AsOf.Moment => ({ at: { millis, by: "recorded" } })

describe("by occurred time", () => {
  scenario(
    "a read model holds what occurred until then, the instant included, whenever it was recorded",
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      yield* deposit(a, 1, 10)
      yield* deposit(b, 2, 30)
      yield* deposit(other, 3, 20)
      assert.deepStrictEqual(yield* as(occurred(20)), { entries: [`${a}:1`, `${other}:3`].sort(), events: 2 })
    })
  )

  scenario(
    "a stream is taken up to its first event that occurred later, so that none is without those it rests on",
    Effect.gen(function* () {
      yield* deposit(a, 1, 10)
      yield* deposit(a, 2, 30)
      yield* deposit(a, 3, 10)
      assert.deepStrictEqual((yield* as(occurred(10))).entries, [`${a}:1`])
    })
  )

  scenario(
    "movements count each for itself",
    Effect.gen(function* () {
      yield* deposit(a, 1, 10)
      yield* deposit(a, 2, 30)
      yield* deposit(a, 3, 10)
      assert.deepStrictEqual((yield* as(occurred(10), "movements")).entries, [`${a}:1`, `${a}:3`])
    })
  )

  scenario(
    "a handler that fails once gets the same events again, and they are counted once",
    Effect.gen(function* () {
      yield* deposits(a, [1, 2], occurring(10))
      yield* deposits(b, [3], occurring(30))
      yield* deposits(b, [4], occurring(10))
      const ledger = makeLedger()
      let failures = 1
      ledger.before = () => Effect.suspend(() => (failures-- > 0 ? Effect.fail(new Error("not now")) : Effect.void))
      assert.deepStrictEqual(yield* as(occurred(10), "sequences", ledger), { entries: [`${a}:1`, `${a}:2`], events: 2 })
    })
  )
})

describe("by recorded time", () => {
  const history = Effect.gen(function* () {
    for (const [millis, id, amount] of [
      [1_000, a, 1],
      [2_000, b, 2],
      [2_000, a, 3],
      [3_000, other, 4],
      [4_000, a, 5]
    ] as const) {
      yield* TestClock.setTime(millis)
      yield* deposit(id, amount, 0)
    }
  })

  scenario(
    "a read model holds what was known then, the instant included, whenever it occurred",
    Effect.gen(function* () {
      yield* history
      assert.deepStrictEqual((yield* as(recorded(999))).entries, [])
      assert.deepStrictEqual(yield* Effect.provide(Effect.andThen(history, as(recorded(2_000))), stores), {
        entries: [`${a}:1`, `${a}:3`, `${b}:2`].sort(),
        events: 3
      })
    })
  )

  scenario(
    "no more of the journal is gone through than was there then",
    Effect.gen(function* () {
      yield* history
      const { until } = yield* AsOf.plan(makeLedger().projection, recorded(3_000))
      assert.deepStrictEqual(until, [3, 1])
    })
  )

  scenario(
    "the place is found in journals of any length, whatever the instant",
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 20 }), fc.integer({ min: -1, max: 110 }), (steps, millis) => {
          const times = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, step) => sum + step, 0))
          const found = Effect.gen(function* () {
            for (const [i, time] of times.entries()) {
              yield* TestClock.setTime(time)
              yield* deposit(a, i, 0)
            }
            const { until } = yield* AsOf.plan(makeLedger().projection, recorded(millis))
            assert.strictEqual(until[0], times.filter((time) => time <= millis).length)
          })
          return Effect.runPromise(Effect.provide(found, [stores, TestClock.layer()]))
        }),
        { numRuns: 50 }
      )
    )
  )
})

describe("by position", () => {
  const history = Effect.gen(function* () {
    yield* deposit(a, 1, 10)
    yield* deposit(b, 2, 30)
    yield* deposit(a, 3, 10)
    yield* deposit(other, 4, 10)
  })
  const at = (...positions: ReadonlyArray<readonly [number, number]>) => ({ positions: new Map(positions) })
  const entriesAt = (moment: AsOf.Moment): Effect.Effect<ReadonlyArray<string>, unknown, Journal | ProjectionStore> =>
    Effect.map(Effect.andThen(history, as(moment)), ({ entries }) => entries)

  scenario(
    "a partition ends there, and the others go on to their ends",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* entriesAt(at([0, 2])), [`${a}:1`, `${b}:2`, `${other}:4`].sort())
    })
  )

  scenario(
    "and time at once, both hold",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* entriesAt({ ...occurred(10), ...at([0, 2], [1, 0]) }), [`${a}:1`])
    })
  )
})
