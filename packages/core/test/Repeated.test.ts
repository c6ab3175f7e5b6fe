/**
 * What background work relies on: it is done at once and every so often, and no failure ends it.
 */
import * as Repeated from "@daybook/core/Repeated"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"

it.effect("goes on after a failure and after a defect, and tells of both", () =>
  Effect.gen(function* () {
    const told: Array<unknown> = []
    const log = Logger.layer([Logger.make(({ message }) => told.push(message))])
    let rounds = 0
    const work = Effect.suspend(() => {
      rounds++
      if (rounds === 2) return Effect.fail(new Error("the database is away"))
      if (rounds === 3) return Effect.die(new Error("a bug"))
      return Effect.void
    })
    const repeated = Repeated.layer(work, { everyMillis: 60_000, failed: "Nothing was measured" })
    yield* Layer.build(Layer.provide(repeated, log))
    yield* TestClock.adjust(1)
    expect(rounds).toBe(1)
    yield* TestClock.adjust("3 minutes")
    expect(rounds).toBe(4)
    expect(told.flat()).toEqual(["Nothing was measured: the database is away", "Nothing was measured: a bug"])
  })
)

it.effect("rests before its first round where it is told to", () =>
  Effect.gen(function* () {
    let rounds = 0
    const work = Effect.sync(() => void rounds++)
    yield* Layer.build(
      Repeated.layer(work, { everyMillis: 60_000, afterMillis: 5_000, failed: "Nothing was measured" })
    )
    yield* TestClock.adjust(4_999)
    expect(rounds).toBe(0)
    yield* TestClock.adjust(1)
    expect(rounds).toBe(1)
    yield* TestClock.adjust("1 minute")
    expect(rounds).toBe(2)
  })
)
