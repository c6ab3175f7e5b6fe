/**
 * A limit on waiting: the answer in time is passed on, and one that does not come is not waited for, nor is its work's end.
 */
import { AnswerLimit, orElseAfter, orNoAnswer } from "@daybook/postgres/AnswerLimit"
import * as Database from "@daybook/postgres/Database"
import { reasonOf } from "@daybook/postgres/SqlFailure"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

const late = () => Effect.succeed("late")

describe("an effect with a limit", () => {
  it.effect("that ends in time is passed on, whether it succeeds or fails", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* orElseAfter(Effect.succeed("answer"), 1_000, late), "answer")
      assert.strictEqual(yield* Effect.flip(orElseAfter(Effect.fail("failure"), 1_000, late)), "failure")
      assert.deepStrictEqual(
        yield* Effect.exit(orElseAfter(Effect.die("defect"), 1_000, late)),
        Exit.die("defect") as Exit.Exit<string>
      )
    })
  )

  it.effect("that does not is left after that time and not before, and interrupted", () =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const never = Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      const waiting = yield* Effect.forkChild(orElseAfter(never, 1_000, late))
      yield* TestClock.adjust(999)
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(waiting), "late")
      yield* Deferred.await(interrupted)
    })
  )

  it.effect("is not waited for when it does not let itself be interrupted", () =>
    Effect.gen(function* () {
      const waiting = yield* Effect.forkChild(orElseAfter(Effect.uninterruptible(Effect.never), 1_000, late))
      yield* TestClock.adjust(1_000)
      assert.strictEqual(yield* Fiber.join(waiting), "late")
    })
  )

  it.effect("ends with whoever waits for it", () =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const never = Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      const waiting = yield* Effect.forkChild(orElseAfter(never, 1_000, late))
      yield* TestClock.adjust(1)
      yield* Fiber.interrupt(waiting)
      yield* Deferred.await(interrupted)
    })
  )

  it.effect("of a statement fails in words", () =>
    Effect.gen(function* () {
      const waiting = yield* Effect.forkChild(Effect.flip(orNoAnswer(Effect.never, 15_000)))
      yield* TestClock.adjust(15_000)
      assert.strictEqual(reasonOf(yield* Fiber.join(waiting)), "no answer within 15 s")
    })
  )
})

describe("an embedded store", () => {
  it.effect("has no limit, since it is a part of this process", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* AnswerLimit, Number.POSITIVE_INFINITY)
    }).pipe(Effect.provide(Database.layer({ folder: undefined })))
  )
})
