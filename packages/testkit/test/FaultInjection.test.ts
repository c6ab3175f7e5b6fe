/** What an author of tests relies on: each fault does to the journal underneath what its name says, and nothing more. */
import { type Append, Journal } from "@daybook/core/Journal"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { appendTo, numbered } from "../src/internal/JournalFixture.ts"

const one = (expectedVersion: number): Append =>
  appendTo({ stream: "account-1", partition: 0 }, expectedVersion, numbered(1, 1))

const scenario = <E>(
  name: string,
  run: (journal: Journal["Service"], faults: FaultInjection.Faults["Service"]) => Effect.Effect<unknown, E>
) =>
  it.effect(name, () =>
    Effect.gen(function* () {
      yield* run(yield* Journal, yield* FaultInjection.Faults)
    }).pipe(Effect.provide(FaultInjection.layer(Journal.layerMemory())))
  )

describe("a journal that fails on demand", () => {
  scenario("is like any other as long as nothing is injected", (journal, faults) =>
    Effect.gen(function* () {
      yield* journal.append([one(0)])
      assert.strictEqual(yield* journal.version("account-1"), 1)
      assert.strictEqual(yield* faults.appends, 1)
    })
  )

  scenario("fails before anything is stored", (journal, faults) =>
    Effect.gen(function* () {
      yield* faults.inject(FaultInjection.failBefore)
      const error = yield* Effect.flip(journal.append([one(0)]))
      assert.strictEqual(error._tag, "JournalUnavailable")
      assert.strictEqual(yield* journal.version("account-1"), 0)
      yield* journal.append([one(0)])
      assert.strictEqual(yield* faults.appends, 2)
    })
  )

  scenario("loses the answer to what it has stored", (journal, faults) =>
    Effect.gen(function* () {
      yield* faults.inject(FaultInjection.failAfter)
      const error = yield* Effect.flip(journal.append([one(0)]))
      assert.strictEqual(error._tag, "JournalUnavailable")
      assert.strictEqual(yield* journal.version("account-1"), 1)
    })
  )

  scenario("breaks, fails for as long as it is told to, and fails reads", (journal, faults) =>
    Effect.gen(function* () {
      yield* faults.inject(FaultInjection.die("broken"), FaultInjection.none)
      yield* faults.always(FaultInjection.failBefore)
      assert.isTrue(Exit.hasDies(yield* Effect.exit(journal.append([one(0)]))))
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(journal.append([one(0)]))))
      for (let i = 0; i < 3; i++) yield* Effect.flip(journal.append([one(1)]))
      yield* faults.always(FaultInjection.none)
      yield* journal.append([one(1)])
      yield* faults.failReads(true)
      yield* Effect.flip(journal.version("account-1"))
      yield* Effect.flip(journal.heads)
      yield* faults.failReads(false)
      assert.strictEqual(yield* journal.version("account-1"), 2)
    })
  )
})

describe("a journal that is slow, or not alone", () => {
  scenario("stores late, by the test's clock", (journal, faults) =>
    Effect.gen(function* () {
      yield* faults.inject(FaultInjection.delay("5 seconds"))
      const fiber = yield* Effect.forkChild(journal.append([one(0)]))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* journal.version("account-1"), 0)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* journal.version("account-1"), 1)
    })
  )

  scenario("waits until it is let go, before it stores or before it answers", (journal, faults) =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      yield* faults.inject(FaultInjection.hold(Deferred.await(go)), FaultInjection.holdAnswer(Deferred.await(go)))
      const held = yield* Effect.forkChild(journal.append([one(1)]))
      const unanswered = yield* Effect.forkChild(journal.append([one(0)]))
      yield* Effect.yieldNow
      assert.strictEqual(yield* journal.version("account-1"), 1, "the second is stored, and not answered")
      assert.isUndefined(unanswered.pollUnsafe())
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(unanswered)
      assert.strictEqual((yield* Fiber.join(held))[0]?._tag, "Appended")
    })
  )

  scenario("answers with a conflict that nobody caused", (journal, faults) =>
    Effect.gen(function* () {
      yield* faults.inject(FaultInjection.conflict)
      assert.deepStrictEqual(yield* journal.append([one(0)]), [{ _tag: "Conflict", actualVersion: 0 }])
      assert.strictEqual(yield* journal.version("account-1"), 0)
    })
  )

  scenario("lets another writer be quicker", (journal, faults) =>
    Effect.gen(function* () {
      yield* faults.inject(FaultInjection.overtake((batch) => batch.map(({ expectedVersion }) => one(expectedVersion))))
      assert.deepStrictEqual(yield* journal.append([one(0)]), [{ _tag: "Conflict", actualVersion: 1 }])
    })
  )
})
