/** What whoever runs several processes relies on: one worker at a time for each partition, and nothing is applied twice. */
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { letOthersRun } from "./Bank.ts"
import { deposits, idIn, makeLedger, offsets, positions, run, scenario } from "./Books.ts"

const [a, other] = [idIn(0), idIn(1)]

/** Who holds each partition. */
const owners = Effect.map(offsets(), (all) => all.map(({ owner }) => owner))

const lease = { lease: "15 seconds" } as const

describe("two workers of one projection", () => {
  scenario(
    "share nothing: the first holds every partition, and the second waits",
    Effect.gen(function* () {
      const [first, second] = [makeLedger(), makeLedger()]
      yield* run(first, { owner: "first" })
      yield* run(second, { owner: "second" })
      for (let i = 1; i <= 30; i++) {
        yield* deposits(a, [i])
        yield* deposits(other, [i])
        yield* TestClock.adjust("2 seconds")
      }
      assert.strictEqual(first.entries.length, 60)
      assert.deepStrictEqual(second.entries, [])
      assert.deepStrictEqual(yield* owners, ["first", "first"])
    })
  )

  scenario(
    "keep their leases also where they hardly ever look",
    Effect.gen(function* () {
      const [first, second] = [makeLedger(), makeLedger()]
      yield* run(first, { owner: "first", poll: "1 hour", ...lease })
      yield* run(second, { owner: "second", poll: "1 second", ...lease })
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(yield* owners, ["first", "first"])
    })
  )
})

describe("a worker that shuts down", () => {
  scenario(
    "gives its leases back, and the next one need not wait for them to expire",
    Effect.gen(function* () {
      const [first, second] = [makeLedger(), makeLedger()]
      const scope = yield* Scope.make()
      yield* Scope.provide(run(first, { owner: "first", lease: "1 hour" }), scope)
      yield* deposits(a, [1])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* owners, [null, null])
      yield* run(second, { owner: "second" })
      yield* deposits(a, [2])
      assert.deepStrictEqual([first.entries, second.entries], [[`${a}:1`], [`${a}:2`]])
    })
  )

  scenario(
    "in the middle of a batch has applied all of it or nothing",
    Effect.gen(function* () {
      const [first, second] = [makeLedger(), makeLedger()]
      first.before = () => Effect.never
      yield* deposits(a, [1, 2])
      yield* Effect.scoped(run(first))
      assert.deepStrictEqual([first.batches.length, first.entries.length], [1, 0])
      yield* run(second)
      assert.deepStrictEqual(second.entries, [`${a}:1`, `${a}:2`])
    })
  )
})

/** A first worker that hangs in a batch until the gate opens, and a second one. */
const hanging = Effect.gen(function* () {
  const [first, second] = [makeLedger(), makeLedger()]
  const gate = yield* Deferred.make<void>()
  yield* run(first, { owner: "first", ...lease })
  yield* deposits(other, [0])
  first.before = () => Deferred.await(gate)
  yield* deposits(a, [1, 2])
  yield* run(second, { owner: "second", ...lease })
  return { first, second, resume: Effect.andThen(Deferred.succeed(gate, undefined), letOthersRun) }
})

describe("a worker that hangs", () => {
  scenario(
    "is replaced when its lease has expired, and not before",
    Effect.gen(function* () {
      yield* hanging
      const epochs = (yield* offsets()).map(({ epoch }) => epoch)
      yield* TestClock.adjust("14 seconds")
      assert.deepStrictEqual(yield* owners, ["first", "first"])
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(yield* owners, ["second", "second"])
      assert.deepStrictEqual(
        (yield* offsets()).map(({ epoch }) => epoch),
        epochs.map((epoch) => epoch + 1)
      )
    })
  )

  scenario(
    "can no longer commit when it comes back; its events are applied once, by the other",
    Effect.gen(function* () {
      const { first, second, resume } = yield* hanging
      yield* TestClock.adjust("20 seconds")
      yield* resume
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(first.entries, [`${other}:0`])
      assert.deepStrictEqual(second.entries, [`${a}:1`, `${a}:2`])
      yield* deposits(a, [3])
      assert.deepStrictEqual(second.entries.slice(2), [`${a}:3`])
      assert.deepStrictEqual(yield* positions(), [3, 1])
      assert.deepStrictEqual(yield* owners, ["second", "second"])
    })
  )
})

describe("a worker whose partitions another has taken over", () => {
  scenario(
    "has them back when the other has gone",
    Effect.gen(function* () {
      const first = makeLedger()
      yield* run(first, { owner: "first", ...lease })
      const gate = yield* Deferred.make<void>()
      first.before = () => Deferred.await(gate)
      yield* deposits(a, [1])
      const second = makeLedger()
      const scope = yield* Scope.make()
      yield* Scope.provide(run(second, { owner: "second", ...lease }), scope)
      yield* TestClock.adjust("20 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* letOthersRun
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("10 seconds")
      yield* deposits(a, [2])
      assert.deepStrictEqual([first.entries, second.entries], [[`${a}:2`], [`${a}:1`]])
    })
  )

  scenario(
    "cannot stop them",
    Effect.gen(function* () {
      const [first, second] = [makeLedger({ onFailure: "stop" }), makeLedger()]
      const gate = yield* Deferred.make<void>()
      first.before = () => Effect.andThen(Deferred.await(gate), Effect.fail("its own fault"))
      yield* deposits(a, [1])
      yield* run(first, { owner: "first", attempts: 1, ...lease })
      yield* run(second, { owner: "second", ...lease })
      yield* TestClock.adjust("20 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(
        (yield* offsets()).map(({ stoppedBecause }) => stoppedBecause),
        [null, null]
      )
      assert.deepStrictEqual(second.entries, [`${a}:1`])
    })
  )
})
