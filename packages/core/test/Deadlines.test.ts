/**
 * What services rely on: what is due is fired, again if it fails, and one that is broken keeps nothing else from being fired.
 */
import * as Deadlines from "@daybook/core/Deadlines"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"

/** Deadlines of names at times, and what was fired so far. */
const timers = (due: ReadonlyMap<string, number>, fire: (name: string) => Effect.Effect<void, Error>) =>
  Effect.gen(function* () {
    const left = new Map(due)
    const fired: Array<string> = []
    yield* Effect.forkScoped(
      Deadlines.run({
        name: "test",
        pollMillis: 100,
        due: (now) => Effect.sync(() => [...left].filter(([, at]) => at <= now).map(([name]) => name)),
        fire: (name) =>
          Effect.andThen(
            fire(name),
            Effect.sync(() => {
              fired.push(name)
              left.delete(name)
            })
          )
      })
    )
    return fired
  })

describe("deadlines", () => {
  it.effect("are fired when their time has come, and once", () =>
    Effect.gen(function* () {
      const fired = yield* timers(
        new Map([
          ["soon", 1_000],
          ["later", 5_000]
        ]),
        () => Effect.void
      )
      yield* TestClock.adjust("900 millis")
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust("300 millis")
      assert.deepStrictEqual(fired, ["soon"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(fired, ["soon", "later"])
    })
  )

  it.effect("that fail or are broken are fired again, and hold up no other", () =>
    Effect.gen(function* () {
      let failures = 2
      const fired = yield* timers(
        new Map([
          ["fails", 0],
          ["broken", 0],
          ["good", 0]
        ]),
        (name) => {
          if (name === "broken") return Effect.die(new Error("no such thing"))
          return name === "fails" && failures-- > 0 ? Effect.fail(new Error("not yet")) : Effect.void
        }
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(fired, ["good", "fails"])
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  )
})
