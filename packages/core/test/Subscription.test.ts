/**
 * What a subscriber relies on: everything once and in order, whatever was there and whatever comes.
 */

import { AppendSignal } from "@daybook/core/AppendSignal"
import { type Append, Journal } from "@daybook/core/Journal"
import * as Subscription from "@daybook/core/Subscription"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"

const append = (version: number, events = 1): Append => ({
  stream: "thing-1",
  partition: 3,
  expectedVersion: version,
  events: Array.from({ length: events }, (_, i) => ({
    eventId: `00000000-0000-7000-8000-${String(version + i).padStart(12, "0")}`,
    type: "Happened",
    schemaVersion: 1,
    data: {},
    occurredAtMillis: 0,
    ...nothingKnown
  })),
  receipts: [],
  state: null,
  keepEvents: true
})

const positions = (count: number, options: Partial<Subscription.Options> = {}) =>
  Subscription.partition({ partition: 3, ...options }).pipe(
    Stream.map((event) => event.position),
    Stream.take(count),
    Stream.runCollect
  )

describe("a live subscription", () => {
  it.effect("gives what is there, then what comes, once and in order", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      yield* journal.append([append(0, 5)])
      const reading = yield* Effect.forkChild(positions(8, { pageSize: 2 }))
      yield* Effect.yieldNow
      yield* journal.append([append(5)])
      yield* journal.append([append(6, 2)])
      assert.deepStrictEqual([...(yield* Fiber.join(reading))], [1, 2, 3, 4, 5, 6, 7, 8])
    }).pipe(Effect.provide(Journal.layerMemory()))
  )

  it.effect("begins after a position", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      yield* journal.append([append(0, 5)])
      assert.deepStrictEqual([...(yield* positions(2, { after: 3 }))], [4, 5])
    }).pipe(Effect.provide(Journal.layerMemory()))
  )

  it.effect("needs no wake-up: polling finds what comes", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      // A signal that nobody moves, as for the appends of another process.
      const deaf = { ...journal, signal: new AppendSignal() }
      const reading = yield* Effect.forkChild(Effect.provideService(positions(1, { poll: "3 seconds" }), Journal, deaf))
      yield* TestClock.adjust("1 second")
      yield* journal.append([append(0)])
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual([...(yield* Fiber.join(reading))], [1])
    }).pipe(Effect.provide(Journal.layerMemory()))
  )
})
