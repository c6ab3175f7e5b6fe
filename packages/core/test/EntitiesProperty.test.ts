/**
 * What a business relies on, whatever happens: random commands of concurrent callers, two runtimes that restart, a journal
 * that fails, answers late or loses answers, and a rival writer. Afterwards the journal is the truth about every answer.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Entities from "@daybook/core/Entities"
import * as EventId from "@daybook/core/EventId"
import { type Append, Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { Account, type Command, deposit, explode, withdraw } from "./Account.ts"
import { type Accounts, history, outcomeOf, stores } from "./Bank.ts"

/** What one caller does next. */
type Action =
  | {
      readonly _tag: "Send"
      readonly account: string
      readonly runtime: number
      readonly command: Command
      /** How often it is sent, at once and under one id; 0 for once and without an id. */
      readonly sends: number
      readonly expectedVersion: number | undefined
      readonly actor: string | undefined
    }
  | { readonly _tag: "Read"; readonly account: string; readonly runtime: number }
  | { readonly _tag: "Restart"; readonly runtime: number }
  | { readonly _tag: "LoseReads"; readonly millis: number }
  | { readonly _tag: "Pause"; readonly millis: number }

const faults: Record<string, FaultInjection.Fault> = {
  none: FaultInjection.none,
  failBefore: FaultInjection.failBefore,
  failAfter: FaultInjection.failAfter,
  late: FaultInjection.delay("30 millis"),
  conflict: FaultInjection.conflict,
  die: FaultInjection.die("broken"),
  rival: FaultInjection.overtake((batch) => batch.map(rivalOf))
}

const rivalOf = (append: Append): Append => ({
  ...append,
  receipts: [],
  state: null,
  events: append.events.slice(0, 1).map((event) => ({
    ...event,
    eventId: EventId.make(0),
    type: "Deposited",
    data: { amount: 1 },
    commandId: null,
    actor: null,
    reason: "rival"
  }))
})

const account = fc.constantFrom("a", "b", "c")
const runtime = fc.nat({ max: 1 })
const millis = fc.constantFrom(1, 20, 60, 300)

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }).map((all) => deposit(...all)) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 9 }).map(withdraw) },
  { weight: 1, arbitrary: fc.constantFrom(explode, deposit(0.5)) }
)

const seldom = <A>(value: fc.Arbitrary<A>): fc.Arbitrary<A | undefined> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      _tag: fc.constant("Send" as const),
      account,
      runtime,
      command,
      sends: fc.nat({ max: 3 }),
      expectedVersion: seldom(fc.nat({ max: 4 })),
      actor: seldom(fc.constant("un\u0000storable"))
    })
  },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Read" as const), account, runtime }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Restart" as const), runtime }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("LoseReads" as const), millis }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Pause" as const), millis }) }
)

const script = fc.record({
  callers: fc.array(fc.array(action, { maxLength: 10 }), { minLength: 2, maxLength: 5 }),
  faults: fc.array(
    fc.oneof(fc.constant("none"), fc.constantFrom(...Object.keys(faults)), fc.constantFrom("conflict", "rival")),
    { maxLength: 25 }
  ),
  level: fc.constantFrom(2, 3),
  resident: fc.constantFrom(1, 2, 100)
})

type Script = typeof script extends fc.Arbitrary<infer S> ? S : never

/** One command and everything that its sender was told. */
interface Sent {
  readonly action: Extract<Action, { readonly _tag: "Send" }>
  readonly key: string
  readonly told: ReadonlyArray<Exit.Exit<Entities.Accepted, unknown>>
}

/** What a read said. */
interface Seen {
  readonly account: string
  readonly version: number
  readonly state: unknown
}

const openIn = (scope: Scope.Scope, { level, resident }: Script) =>
  Entities.make(Account, {
    persistence: level === 2 ? Persistence.state({ every: 3 }) : Persistence.events({ snapshotEvery: 2 }),
    resident
  }).pipe(Scope.provide(scope))

/** Two runtimes on one journal, each of which can be shut down and started again. */
const twoRuntimes = (script: Script) =>
  Effect.gen(function* () {
    const open = Effect.gen(function* () {
      const scope = yield* Scope.make()
      return { scope, accounts: yield* openIn(scope, script) }
    })
    const running = [yield* open, yield* open]
    const restart = (i: number) =>
      Effect.gen(function* () {
        const { scope } = running[i]!
        running[i] = yield* open
        yield* Scope.close(scope, Exit.void)
      })
    return { accounts: (i: number): Accounts => running[i]!.accounts, restart }
  })

/** Plays a script, and answers all that anyone was told. */
const play = (script: Script) =>
  Effect.gen(function* () {
    const { inject, failReads } = yield* FaultInjection.Faults
    yield* inject(...script.faults.map((name) => faults[name]!))
    const { accounts, restart } = yield* twoRuntimes(script)
    const sent: Array<Sent> = []
    const seen: Array<Seen> = []
    const act = (action: Action, key: string) =>
      Effect.gen(function* () {
        switch (action._tag) {
          case "Send": {
            const { account, command, sends, expectedVersion, actor } = action
            const commandId = sends === 0 ? undefined : key
            const options = { reason: key, commandId, expectedVersion, actor }
            const send = Effect.exit(Effect.suspend(() => accounts(action.runtime).execute(account, command, options)))
            const told = yield* Effect.all(
              Array.from({ length: Math.max(sends, 1) }, () => send),
              { concurrency: "unbounded" }
            )
            return void sent.push({ action, key, told })
          }
          case "Read": {
            const found = yield* Effect.exit(accounts(action.runtime).read(action.account))
            if (Exit.isSuccess(found)) seen.push({ account: action.account, ...found.value })
            return
          }
          case "Restart":
            return yield* restart(action.runtime)
          case "LoseReads":
            yield* failReads(true)
            yield* Effect.sleep(action.millis)
            return yield* failReads(false)
          case "Pause":
            return yield* Effect.sleep(action.millis)
        }
      })
    const time = yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.yieldNow, TestClock.adjust("10 millis"))))
    yield* Effect.forEach(
      script.callers.entries(),
      ([caller, actions]) => Effect.forEach(actions.entries(), ([i, action]) => act(action, `${caller}-${i}`)),
      { concurrency: "unbounded" }
    )
    yield* Fiber.interrupt(time)
    yield* failReads(false)
    // Whatever was appended without an answer is there afterwards.
    yield* TestClock.adjust("1 minute")
    return { sent, seen }
  })

/** Answers that say for certain that nothing was stored. */
const definite = ["Overdrawn", "VersionMismatch", "Contended", "Overloaded", "ShuttingDown"]

const isDefinite = ({ action, told }: Sent): boolean =>
  told.every((exit) => definite.includes(outcomeOf(exit))) || action.actor !== undefined || action.command === explode

/** Holds everything that a sender was told about one command to the journal. */
const checkSent = ({ action, key, told }: Sent) =>
  Effect.gen(function* () {
    const stored = (yield* history(action.account)).filter(({ reason }) => reason === key)
    const accepted = told.flatMap((exit) => (Exit.isSuccess(exit) ? [exit.value] : []))
    const wanted = action.command._tag === "Deposit" ? action.command.amounts.length : 1
    const story = `${key}: ${JSON.stringify(action)} was told ${told.map(outcomeOf)} and left ${stored.length} events`
    if (isDefinite({ action, key, told })) assert.strictEqual(stored.length, 0, story)
    if (accepted.length > 0) assert.strictEqual(stored.length, wanted, story)
    if (stored.length > 0) assert.strictEqual(stored.length, wanted, story)
    stored.forEach((event, i) => {
      assert.strictEqual(event.version, stored[0]!.version + i, story)
    })
    for (const { version, position, duplicate } of accepted) {
      const last = stored.at(-1)
      if (last === undefined) assert.strictEqual(position, 0, story)
      else assert.deepStrictEqual([version, position], [last.version, last.position], story)
      const unexpected = action.expectedVersion !== undefined && version - wanted !== action.expectedVersion
      assert.isFalse(unexpected && !duplicate, story)
    }
    assert.isAtMost(accepted.filter(({ duplicate }) => !duplicate).length, 1, story)
  })

/** The journal itself: dense, without a debt, and what a fresh runtime finds is what it folds to. */
const checkJournal = (script: Script, seen: ReadonlyArray<Seen>) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    for (let partition = 0; partition < journal.partitions; partition++) {
      const positions = (yield* journal.readPartition(partition, { after: 0, limit: 1e6 })).map((e) => e.position)
      assert.deepStrictEqual(
        positions,
        Array.from(positions, (_, i) => i + 1)
      )
    }
    const fresh = yield* openIn(yield* Effect.scope, script)
    for (const id of ["a", "b", "c"]) {
      const states = [Account.initial]
      for (const stored of yield* history(id)) {
        assert.strictEqual(stored.version, states.length, "versions are dense")
        states.push(Aggregate.evolveAll(Account, states.at(-1)!, Account.events.decode(stored)))
      }
      assert.isTrue(
        states.every(({ balance }) => balance >= 0),
        "no account was ever overdrawn"
      )
      for (const { version, state } of [...seen.filter(({ account }) => account === id), yield* fresh.read(id)]) {
        assert.deepStrictEqual(state, states[version])
      }
    }
  })

const holds = (script: Script) =>
  Effect.gen(function* () {
    const { sent, seen } = yield* play(script)
    yield* Effect.forEach(sent, checkSent)
    yield* (yield* FaultInjection.Faults).always(FaultInjection.none)
    yield* checkJournal(script, seen)
  }).pipe(Effect.scoped, Effect.provide(stores), Effect.provide(TestClock.layer()), Effect.provide(Logger.layer([])))

describe("whatever happens,", () => {
  it("every answer is true, every command is carried out at most once, and the state is what the journal says", () =>
    fc.assert(
      fc.asyncProperty(script, (one) => Effect.runPromise(holds(one))),
      { numRuns: 300 }
    ))
})
