/**
 * Reads that are shared: what is asked for while enough are under way waits for the next, and who gives up leaves nothing behind.
 */
import * as SharedRead from "@daybook/postgres/SharedRead"
import { assert, describe, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema, stores } from "./Stores.ts"

/** A shared read that answers what it was asked for, when it is let; and what each of its reads was for. */
const held = Effect.gen(function* () {
  const sql = yield* SqlClient
  const reads: Array<ReadonlyArray<string>> = []
  const gate = yield* Deferred.make<void>()
  const ask = SharedRead.make(sql, {
    keyOf: (asked: string) => asked,
    most: 100,
    read: (asked) => {
      reads.push(asked)
      return Effect.as(Deferred.await(gate), asked)
    }
  })
  return { ask, reads, open: Deferred.succeed(gate, undefined) }
})

/** Two reads under way, for "a" and for "b", as many as there may be. */
const busy = Effect.gen(function* () {
  const { ask, reads, open } = yield* held
  const first = yield* Effect.forkChild(ask("a"), { startImmediately: true })
  yield* Effect.yieldNow
  const second = yield* Effect.forkChild(ask("b"), { startImmediately: true })
  yield* Effect.yieldNow
  assert.deepStrictEqual(reads, [["a"], ["b"]])
  return { ask, reads, open, under: [first, second] }
})

describe("reads that are shared", () => {
  layer(stores({ folder: undefined }, freshSchema(), 1))((it) => {
    it.effect("take up together what was asked for while others were under way, also of what is being read", () =>
      Effect.gen(function* () {
        const { ask, reads, open, under } = yield* busy
        const later = yield* Effect.forEach(["a", "c", "c"], (asked) =>
          Effect.forkChild(ask(asked), { startImmediately: true })
        )
        yield* open
        assert.deepStrictEqual(yield* Fiber.joinAll([...under, ...later]), ["a", "b", "a", "c", "c"])
        assert.deepStrictEqual(reads, [["a"], ["b"], ["a", "c"]])
      })
    )

    it.effect("are one for all that is asked for in a turn of the event loop, by whatever callback", () =>
      Effect.gen(function* () {
        const { ask, reads, open } = yield* held
        const first = yield* Effect.forkChild(ask("a"), { startImmediately: true })
        yield* Effect.promise(() => Promise.resolve().then(() => Promise.resolve()))
        const second = yield* Effect.forkChild(ask("b"), { startImmediately: true })
        yield* open
        assert.deepStrictEqual(yield* Fiber.joinAll([first, second]), ["a", "b"])
        assert.deepStrictEqual(reads, [["a", "b"]])
      })
    )

    it.effect("do not read what nobody waits for any more", () =>
      Effect.gen(function* () {
        const { ask, reads, open, under } = yield* busy
        const waiters = yield* Effect.forEach(["gone", "wanted", "wanted"], (asked) =>
          Effect.forkChild(ask(asked), { startImmediately: true })
        )
        yield* Fiber.interrupt(waiters[0]!)
        yield* Fiber.interrupt(waiters[1]!)
        yield* open
        assert.deepStrictEqual(yield* Fiber.joinAll([...under, waiters[2]!]), ["a", "b", "wanted"])
        assert.deepStrictEqual(reads, [["a"], ["b"], ["wanted"]])
      })
    )
  })
})
