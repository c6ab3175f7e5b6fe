/** What whoever waits for work relies on: no wake-up is missed, and nobody is woken who has gone. */
import { Signal } from "@daybook/core/Signal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"

describe("a signal", () => {
  it.effect("wakes everyone who waits, at once", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      const waiting = yield* Effect.all(Array.from({ length: 3 }, () => Effect.forkChild(signal.changed(0))))
      yield* Effect.yieldNow
      assert.isTrue(waiting.every((fiber) => fiber.pollUnsafe() === undefined))
      signal.notify()
      yield* Fiber.joinAll(waiting)
      assert.strictEqual(signal.count, 1)
    })
  )

  it.effect("does not let anyone wait for what has happened since they looked", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      const seen = signal.count
      signal.notify()
      yield* signal.changed(seen)
      yield* signal.changed(-1)
    })
  )

  it.effect("wakes again those who wait again", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      const wakeUps: Array<number> = []
      const waiter = yield* Effect.forkChild(
        Effect.gen(function* () {
          while (wakeUps.length < 3) {
            yield* signal.changed(wakeUps.at(-1) ?? 0)
            wakeUps.push(signal.count)
          }
        })
      )
      for (let i = 0; i < 3; i++) {
        yield* Effect.yieldNow
        signal.notify()
        yield* Effect.yieldNow
      }
      yield* Fiber.join(waiter)
      assert.deepStrictEqual(wakeUps, [1, 2, 3])
    })
  )

  it.effect("forgets who has stopped waiting", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      const waiter = yield* Effect.forkChild(signal.changed(0))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(waiter)
      signal.notify()
      yield* signal.changed(0)
    })
  )

  it.effect("can be waited for among others and for so long at most", () =>
    Effect.gen(function* () {
      const [one, other] = [new Signal(), new Signal()]
      const seen = [one, other].map((signal) => ({ signal, count: signal.count }))
      const woken = yield* Effect.forkChild(Signal.anyChanged(seen, 1_000))
      const late = yield* Effect.forkChild(one.changedWithin(0, 1_000))
      yield* TestClock.adjust(999)
      assert.isUndefined(woken.pollUnsafe())
      other.notify()
      assert.isTrue(yield* Fiber.join(woken))
      assert.isUndefined(late.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isFalse(yield* Fiber.join(late))
      assert.isTrue(yield* Signal.anyChanged(seen, 1_000))
      one.notify()
      assert.isTrue(yield* one.changedWithin(0, 0))
    })
  )

  it("calls listeners every time, until they stop listening", () => {
    const signal = new Signal()
    const heard: Array<string> = []
    const stop = signal.listen(() => heard.push(`a${signal.count}`))
    signal.listen(() => heard.push(`b${signal.count}`))
    signal.notify()
    stop()
    stop()
    signal.notify()
    assert.deepStrictEqual(heard, ["a1", "b1", "b2"])
  })
})
