/** What an operator relies on when events cannot be applied, or stores are away: nothing is lost, and nobody else waits. */
import { UndecodableEvent } from "@daybook/core/Event"
import type { FailurePolicy } from "@daybook/core/Projection"
import { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { letOthersRun } from "./Bank.ts"
import {
  deposits,
  idIn,
  type Ledger,
  ledgerEntry,
  makeLedger,
  offsets,
  positions,
  run,
  scenario,
  withStore
} from "./Books.ts"

const [a, b, other] = [idIn(0), idIn(0, 1), idIn(1)]

/** Has the handler fail on this entry as long as it is set. */
const failingOn = (
  ledger: Ledger,
  entry: string,
  failure: Effect.Effect<never, unknown> = Effect.fail("no such account")
) => {
  const fault = { on: true, attempts: 0 }
  ledger.before = (batch) =>
    Effect.suspend(() => {
      if (!fault.on || !batch.map(ledgerEntry).includes(entry)) return Effect.void
      if (batch.length === 1) fault.attempts++
      return failure
    })
  return fault
}

/** Events of two streams in one partition, the second of a fails, and one of another partition. */
const poisoned = Effect.gen(function* () {
  yield* deposits(a, [1])
  yield* deposits(b, [1])
  yield* deposits(a, [2, 3])
  yield* deposits(b, [2])
  yield* deposits(other, [1])
})

/** Time enough for five attempts. */
const retries = TestClock.adjust("2 seconds")

describe("a failure that passes", () => {
  scenario(
    "is retried with backoff; nothing is lost, and nothing is out of order",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const fault = failingOn(ledger, `${a}:2`)
      yield* poisoned
      yield* run(ledger)
      const seen = [fault.attempts]
      for (const millis of [99, 1, 199, 1]) {
        yield* TestClock.adjust(millis)
        seen.push(fault.attempts)
      }
      assert.deepStrictEqual(seen, [1, 1, 2, 2, 3])
      fault.on = false
      yield* retries
      assert.deepStrictEqual(
        ledger.entries.filter((entry) => !entry.startsWith(other)),
        [`${a}:1`, `${b}:1`, `${a}:2`, `${a}:3`, `${b}:2`]
      )
      const [status] = yield* (yield* run(ledger, { run: false })).status
      assert.deepInclude(status, { lag: 0, parked: [] })
    })
  )

  scenario(
    "does not hold up the other partitions for longer than its retries",
    Effect.gen(function* () {
      const ledger = makeLedger()
      failingOn(ledger, `${a}:2`)
      yield* poisoned
      yield* run(ledger)
      yield* retries
      assert.include(ledger.entries, `${other}:1`)
    })
  )
})

describe("an event that the handler keeps failing on", () => {
  scenario(
    "has its stream parked, which says why; other streams go on, and later events of the stream wait",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const fault = failingOn(ledger, `${a}:2`)
      yield* poisoned
      const projector = yield* run(ledger)
      yield* retries
      assert.strictEqual(fault.attempts, 5)
      yield* deposits(a, [4])
      yield* deposits(b, [3])
      assert.deepStrictEqual(ledger.entries.sort(), [`${a}:1`, `${b}:1`, `${b}:2`, `${b}:3`, `${other}:1`].sort())
      const [status] = yield* projector.status
      assert.strictEqual(status!.lag, 0)
      assert.deepStrictEqual(status!.parked, [
        {
          stream: `account-${a}`,
          partition: 0,
          version: 2,
          position: 3,
          reason: "no such account",
          parkedAtMillis: 1_500
        }
      ])
    })
  )
})

describe("an event that the handler keeps failing on, where the policy is to stop,", () => {
  scenario(
    "stops its partition; other partitions go on, and resume goes on",
    Effect.gen(function* () {
      const ledger = makeLedger({ onFailure: "stop" })
      const fault = failingOn(ledger, `${a}:2`, Effect.fail(new Error("no such account")))
      yield* poisoned
      const projector = yield* run(ledger)
      yield* retries
      yield* deposits(other, [2])
      yield* deposits(b, [3])
      assert.deepStrictEqual(ledger.entries, [`${a}:1`, `${b}:1`, `${other}:1`, `${other}:2`])
      const reason = `Position 3 (Deposited, stream account-${a}): no such account`
      assert.deepStrictEqual(
        (yield* offsets()).map(({ stoppedBecause }) => stoppedBecause),
        [reason, null]
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(fault.attempts, 5, "nothing is tried while it is stopped")
      fault.on = false
      yield* projector.resume("ledger")
      yield* letOthersRun
      assert.deepStrictEqual(ledger.entries.slice(4), [`${a}:2`, `${a}:3`, `${b}:2`, `${b}:3`])
      assert.isNull((yield* offsets())[0]!.stoppedBecause)
    })
  )

  scenario(
    "has it stay stopped for the next worker, and stops it again when it is resumed too early",
    Effect.gen(function* () {
      const ledger = makeLedger({ onFailure: "stop" })
      const fault = failingOn(ledger, `${a}:1`)
      yield* deposits(a, [1])
      yield* Effect.scoped(Effect.andThen(run(ledger), retries))
      const projector = yield* run(ledger)
      yield* retries
      assert.strictEqual(fault.attempts, 5)
      yield* projector.resume("ledger")
      yield* retries
      assert.strictEqual(fault.attempts, 10)
      assert.isNotNull((yield* offsets())[0]!.stoppedBecause)
      assert.deepStrictEqual(ledger.entries, [])
    })
  )
})

describe("a handler may fail in any way:", () => {
  const ways: ReadonlyArray<readonly [string, Effect.Effect<never, unknown>, string]> = [
    ["with an error", Effect.fail(new Error("no such account")), "no such account"],
    ["with an error that says nothing", Effect.fail(new TypeError()), "TypeError"],
    ["with a value", Effect.fail({ _tag: "NoAccount", id: 7 }), '{"_tag":"NoAccount","id":7}'],
    ["by dying", Effect.die(new Error("no such account")), "no such account"],
    ["by interrupting itself", Effect.interrupt, "All fibers interrupted without error"],
    [
      "by throwing before it returns an effect",
      Effect.suspend(() => {
        throw new Error("no such account")
      }),
      "no such account"
    ]
  ]
  for (const [what, failure, reason] of ways) {
    scenario(
      what,
      Effect.gen(function* () {
        const ledger = makeLedger()
        failingOn(ledger, `${a}:2`, failure)
        yield* poisoned
        const projector = yield* run(ledger)
        yield* retries
        yield* deposits(b, [3])
        assert.include(ledger.entries, `${b}:3`)
        assert.strictEqual((yield* projector.status)[0]!.parked[0]!.reason, reason)
      })
    )
  }
})

describe("an event that cannot be decoded", () => {
  const renamed = Effect.gen(function* () {
    yield* deposits(a, [1])
    yield* deposits(a, [2], (append) => ({
      ...append,
      events: append.events.map((event) => ({ ...event, type: "Renamed", schemaVersion: 3 }))
    }))
    yield* deposits(b, [1])
  })

  for (const [policy, entries] of [
    ["park", [`${a}:1`, `${b}:1`]],
    ["stop", [`${a}:1`]]
  ] as ReadonlyArray<[FailurePolicy, ReadonlyArray<string>]>) {
    scenario(
      `is dealt with at once (${policy}), and named with its stream, version, position, type and schema version`,
      Effect.gen(function* () {
        const ledger = makeLedger({ onFailure: policy })
        yield* renamed
        const projector = yield* run(ledger)
        assert.deepStrictEqual(ledger.entries, entries)
        const [status] = yield* projector.status
        const reason = status!.parked[0]?.reason ?? status!.offsets[0]!.stoppedBecause
        assert.include(reason, "Renamed (schema version 3) at version 2 of stream account-")
        assert.include(reason, "partition 0 position 2")
      })
    )
  }

  scenario(
    "in a handler that decodes something itself is as hopeless",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const error = new UndecodableEvent({
        stream: "s",
        version: 1,
        partition: 0,
        position: 1,
        eventType: "E",
        schemaVersion: 1
      })
      const fault = failingOn(ledger, `${a}:1`, Effect.fail(error))
      yield* deposits(a, [1])
      yield* run(ledger)
      assert.strictEqual(fault.attempts, 1)
      assert.deepStrictEqual(yield* positions(), [1, 0])
    })
  )
})

const down = Effect.fail(new ReadModelUnavailable({ detail: "Out to lunch", retryAfterSeconds: 1 }))

describe("a store of read models that is away", () => {
  const operations = ["claim", "parked", "paused", "transact"] as const

  for (const operation of operations) {
    for (const [how, failure] of [
      ["fails", down],
      ["is broken", Effect.die(new Error("broken"))],
      ["gives up its connections", Effect.interrupt]
    ] as const) {
      if (operation === "transact" && how !== "fails") continue
      scenario(
        `and ${how} at ${operation} is tried for ever, with backoff; nothing is lost, and nothing parked`,
        Effect.gen(function* () {
          const ledger = makeLedger()
          let [failing, tries] = [false, 0]
          const projector = yield* run(ledger, { poll: "100 millis" }).pipe(
            withStore((store) => ({
              [operation]: (...args: ReadonlyArray<never>) =>
                Effect.suspend(() => {
                  if (failing) tries++
                  return failing ? failure : (store[operation] as any)(...args)
                })
            }))
          )
          yield* deposits(a, [1])
          failing = true
          // By then the leases are to be renewed.
          yield* TestClock.adjust("6 seconds")
          yield* deposits(a, [2])
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(ledger.entries, [`${a}:1`])
          assert.isAtLeast(tries, 100)
          assert.isAtMost(tries, 300)
          failing = false
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(ledger.entries, [`${a}:1`, `${a}:2`])
          assert.deepInclude((yield* projector.status)[0], { parked: [], lag: 0 })
        })
      )
    }
  }
})

describe("a store of read models that is away for a moment", () => {
  scenario(
    "when it should have answered a commit, has the events applied once, and the next ones without delay",
    Effect.gen(function* () {
      const ledger = makeLedger()
      let lost = 0
      yield* run(ledger).pipe(
        withStore((store) => ({
          transact: (projection, advances, work) =>
            Effect.tap(store.transact(projection, advances, work), () => (lost-- > 0 ? down : Effect.void))
        }))
      )
      yield* deposits(a, [1])
      lost = 1
      yield* deposits(a, [2])
      yield* deposits(a, [3])
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(ledger.entries, [`${a}:1`, `${a}:2`, `${a}:3`])
    })
  )

  scenario(
    "as the handler finds out is no reason to park",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const fault = failingOn(ledger, `${a}:1`, down)
      yield* deposits(a, [1])
      const projector = yield* run(ledger)
      yield* TestClock.adjust("10 minutes")
      assert.deepInclude((yield* projector.status)[0], { parked: [], lag: 1 })
      fault.on = false
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(ledger.entries, [`${a}:1`])
    })
  )
})

describe("a journal that is away", () => {
  scenario(
    "is asked again, with backoff; nothing is lost",
    Effect.gen(function* () {
      const ledger = makeLedger()
      const faults = yield* FaultInjection.Faults
      yield* run(ledger)
      yield* deposits(a, [1])
      yield* deposits(a, [2])
      yield* faults.failReads(true)
      yield* TestClock.adjust("10 minutes")
      yield* faults.failReads(false)
      yield* deposits(a, [3])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(ledger.entries, [`${a}:1`, `${a}:2`, `${a}:3`])
    })
  )
})
