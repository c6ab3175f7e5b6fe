/** What an auditor relies on: what was asked and refused is written down, with who asked, and no sender ever waits for that. */
import { JournalUnavailable } from "@daybook/core/Journal"
import * as Metrics from "@daybook/core/Metrics"
import {
  maxDataLength,
  Observer,
  type Refusal,
  type RejectedCommand,
  RejectedCommands
} from "@daybook/core/RejectedCommands"
import * as RejectionRecorder from "@daybook/core/RejectionRecorder"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Account, deposit, withdraw } from "./Account.ts"
import { during, failureOf, scenario } from "./Bank.ts"

/** Runs with a store of rejected commands, and entities whose refusals go there. */
const recorded = <A, E, R>(
  use: Effect.Effect<A, E, R>,
  options: Partial<RejectionRecorder.Options> = {}
): Effect.Effect<ReadonlyArray<RejectedCommand>, E | JournalUnavailable, Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const tell = yield* Scope.provide(RejectionRecorder.make({ service: "bank", ...options }), scope)
    yield* Effect.scoped(Effect.provideService(use, Observer, tell))
    // As at the end of a process, which nobody has given the time to gather more.
    yield* Scope.close(scope, Exit.void)
    return yield* (yield* RejectedCommands).newest(1_000_000)
  }).pipe(Effect.provide(RejectedCommands.layerMemory)) as never

const refusal = (n: number): Refusal => ({
  aggregate: Account,
  stream: `account-${n}`,
  command: withdraw(n),
  options: {},
  rejection: new Error("no"),
  atMillis: n
})

const streams = (found: ReadonlyArray<RejectedCommand>) => found.map(({ stream }) => stream).reverse()

describe("a command that an aggregate refuses", () => {
  scenario(
    "is written down with what was asked, by whom, why, and what was answered",
    Effect.gen(function* () {
      yield* TestClock.setTime(5_000)
      const found = yield* recorded(
        during((accounts) =>
          Effect.exit(
            accounts.execute("a", withdraw(70), {
              commandId: "c-1",
              actor: "operator:ann",
              reason: "asked by phone",
              correlationId: "talk-1",
              causationId: "message-1",
              occurredAtMillis: 4_000
            })
          )
        )
      )
      assert.strictEqual(found.length, 1)
      const { rejectionId, message, ...rest } = found[0]!
      assert.match(rejectionId, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
      assert.notStrictEqual(message, "")
      assert.deepStrictEqual(rest, {
        stream: "account-a",
        command: "Withdraw",
        data: JSON.stringify(withdraw(70)),
        isDataCut: false,
        rejection: "Overdrawn",
        expectedVersion: null,
        occurredAtMillis: 4_000,
        recordedAtMillis: 5_000,
        actor: "operator:ann",
        reason: "asked by phone",
        commandId: "c-1",
        correlationId: "talk-1",
        causationId: "message-1",
        traceParent: null,
        tenant: null
      })
    })
  )
})

describe("what counts as a refusal", () => {
  scenario(
    "is a command that expected another version, too",
    Effect.gen(function* () {
      const found = yield* recorded(
        during((accounts) => Effect.exit(accounts.execute("a", deposit(1), { expectedVersion: 7 })))
      )
      assert.deepStrictEqual(
        found.map(({ rejection, expectedVersion }) => [rejection, expectedVersion]),
        [["VersionMismatch", 7]]
      )
    })
  )

  scenario(
    "is none that is accepted, or is repeated, or finds no journal",
    Effect.gen(function* () {
      const found = yield* recorded(
        during((accounts) =>
          Effect.gen(function* () {
            yield* accounts.execute("a", deposit(10), { commandId: "c-1" })
            yield* accounts.execute("a", withdraw(10), { commandId: "c-2" })
            // By now it would be refused; but it has been carried out.
            yield* accounts.execute("a", withdraw(10), { commandId: "c-2" })
            yield* (yield* FaultInjection.Faults).inject(FaultInjection.failBefore)
            assert.strictEqual(yield* failureOf(accounts.execute("a", deposit(1))), "JournalUnavailable")
          })
        )
      )
      assert.deepStrictEqual(found, [])
    })
  )

  scenario(
    "is answered all the same where nobody listens",
    during((accounts) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* failureOf(accounts.execute("a", withdraw(1))), "Overdrawn")
      })
    )
  )
})

describe("the recorder", () => {
  it.effect("writes a batch once it has gathered for a while, not each one by itself", () =>
    Effect.gen(function* () {
      const batches: Array<number> = []
      const store = RejectedCommands.of({
        record: (batch) => Effect.sync(() => void batches.push(batch.length)),
        forget: () => Effect.succeed(0),
        newest: () => Effect.succeed([])
      })
      const tell = yield* Effect.provideService(RejectionRecorder.make({ service: "bank" }), RejectedCommands, store)
      for (let n = 0; n < 3; n++) tell(refusal(n))
      yield* TestClock.adjust(249)
      assert.deepStrictEqual(batches, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(batches, [3])
      tell(refusal(4))
      yield* TestClock.adjust(250)
      assert.deepStrictEqual(batches, [3, 1])
    })
  )

  it.effect("holds no more than its bound, and counts what it loses", () =>
    Effect.gen(function* () {
      const before = yield* lost
      const found = yield* recorded(tellAll(10), { waiting: 4 })
      assert.deepStrictEqual(streams(found), ["account-1", "account-2", "account-3", "account-4"])
      assert.strictEqual((yield* lost) - before, 6)
    })
  )

  it.effect("keeps the newest, and none that is too old", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(24 * 3_600_000)
      assert.deepStrictEqual(streams(yield* recorded(tellAll(5), { keep: 2 })), ["account-4", "account-5"])
      assert.deepStrictEqual(yield* recorded(tellAll(5), { keepDays: 0.5 }), [])
    })
  )

  it.effect("cuts a command that is long, and says so", () =>
    Effect.gen(function* () {
      const long = { ...refusal(1), command: { _tag: "Withdraw", note: "x".repeat(20_000) } }
      const [found] = yield* recorded(Effect.flatMap(Observer, (tell) => Effect.sync(() => tell!(long))))
      assert.strictEqual(found!.data.length, maxDataLength)
      assert.isTrue(found!.isDataCut)
    })
  )

  it.effect("tries again where the store does not answer, and loses nothing by it", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      let isDown = true
      const store = RejectedCommands.of({
        record: (batch) =>
          isDown ? Effect.fail(down) : Effect.sync(() => void written.push(...batch.map(({ stream }) => stream))),
        forget: () => Effect.succeed(0),
        newest: () => Effect.succeed([])
      })
      const tell = yield* Effect.provideService(RejectionRecorder.make({ service: "bank" }), RejectedCommands, store)
      tell(refusal(1))
      yield* TestClock.adjust(5_000)
      assert.deepStrictEqual(written, [])
      tell(refusal(2))
      isDown = false
      yield* TestClock.adjust(2_000)
      assert.deepStrictEqual(written, ["account-1", "account-2"])
    })
  )

  it.effect("does not keep a process that ends while the store is down, and counts what was lost", () =>
    Effect.gen(function* () {
      const before = yield* lost
      const store = RejectedCommands.of({
        record: () => Effect.fail(down),
        forget: () => Effect.succeed(0),
        newest: () => Effect.succeed([])
      })
      const make = Effect.provideService(RejectionRecorder.make({ service: "bank" }), RejectedCommands, store)
      yield* Effect.scoped(Effect.map(make, (tell) => tell(refusal(1))))
      assert.strictEqual((yield* lost) - before, 1)
    })
  )
})

const down = new JournalUnavailable({ retryAfterSeconds: 1, detail: "down" })

const tellAll = (count: number) =>
  Effect.map(Observer, (tell) => {
    for (let n = 1; n <= count; n++) tell!(refusal(n))
  })

/** How many were lost so far. */
const lost = Effect.map(
  Metric.value(Metric.withAttributes(Metrics.rejectedCommandsLost, { service: "bank" })),
  ({ count }) => Number(count)
)
