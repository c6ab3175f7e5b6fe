/** What readers rely on when they go on before it is written down how far they have come. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { TrailingWrite } from "../src/TrailingWrite.ts"

/** Writes lists of numbers, each once it is let. */
const make = Effect.sync(() => {
  const written: Array<ReadonlyArray<number>> = []
  const state = { fails: false }
  const held = { gate: Effect.void as Effect.Effect<void> }
  const trailing = new TrailingWrite<ReadonlyArray<number>, string>({
    write: (numbers) =>
      Effect.gen(function* () {
        yield* held.gate
        if (state.fails) return yield* Effect.fail("the store is down")
        written.push(numbers)
      }),
    merge: (earlier, later) => [...earlier, ...later]
  })
  return { trailing, written, state, held }
})

describe("writes that follow the work", () => {
  it.effect("do not hold it up, and come together where the work was quicker", () =>
    Effect.gen(function* () {
      const { trailing, written, held } = yield* make
      const gate = yield* Deferred.make<void>()
      held.gate = Deferred.await(gate)
      for (const one of [1, 2, 3]) yield* trailing.add([one])
      expect(written).toEqual([])
      const settled = yield* Effect.forkChild(trailing.settled)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(settled)
      expect(written).toEqual([[1], [2, 3]])
    })
  )

  it.effect("are all made when they have settled, without waiting for more", () =>
    Effect.gen(function* () {
      const { trailing, written } = yield* make
      yield* trailing.settled
      for (const one of [1, 2, 3, 4]) {
        yield* trailing.add([one])
        if (one % 2 === 0) yield* trailing.settled
      }
      expect(written.flat()).toEqual([1, 2, 3, 4])
    })
  )

  it.effect("that fail are heard of once, nothing is written in between, and it can go on after that", () =>
    Effect.gen(function* () {
      const { trailing, written, state, held } = yield* make
      const gate = yield* Deferred.make<void>()
      held.gate = Deferred.await(gate)
      state.fails = true
      yield* trailing.add([1])
      yield* trailing.add([2])
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Effect.exit(trailing.settled)).toEqual(Exit.fail("the store is down"))
      expect(yield* Effect.exit(trailing.settled)).toEqual(Exit.void)
      state.fails = false
      yield* trailing.add([3])
      yield* trailing.settled
      expect(written).toEqual([[3]])
    })
  )
})
