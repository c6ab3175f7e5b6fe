/**
 * What a reader relies on, whatever happens: random events, handlers that fail on some of them, two processes that come, hang
 * and go, stores that are away, and an operator. In the end every stream has been applied in order, each event once.
 */
import { Journal, JournalUnavailable } from "@daybook/core/Journal"
import type { FailurePolicy } from "@daybook/core/Projection"
import { ProjectionStore, ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import type { Projector } from "@daybook/core/Projector"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { letOthersRun, withJournal } from "./Bank.ts"
import { deposits, idIn, type Ledger, ledgerEntry, makeLedger, positions, run, stores, withStore } from "./Books.ts"

const ids = [idIn(0), idIn(0, 1), idIn(1)]

type Step =
  | { readonly _tag: "Deposit"; readonly id: string; readonly events: number }
  /** From here on the handler fails on every event of an account, until it is mended; there is one such at once. */
  | { readonly _tag: "Poison"; readonly id: string }
  | { readonly _tag: "Mend" }
  | { readonly _tag: "Start"; readonly process: number }
  | { readonly _tag: "Stop"; readonly process: number }
  | { readonly _tag: "Hang" }
  /** An operator takes every stream back in, which fails where the handler has not been mended. */
  | { readonly _tag: "Unpark"; readonly process: number; readonly mended: boolean }
  | { readonly _tag: "Pause" }
  | { readonly _tag: "Resume"; readonly process: number }
  | { readonly _tag: "Store"; readonly answers: "well" | "not" | "after it has committed, and unheard" }
  | { readonly _tag: "Reads"; readonly fail: boolean }
  | { readonly _tag: "Time"; readonly millis: number }

const constant = <const S extends Step>(step: S) => fc.constant(step)
const process = fc.nat({ max: 1 })
const id = fc.constantFrom(...ids)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ _tag: fc.constant("Deposit" as const), id, events: fc.integer({ min: 1, max: 4 }) })
  },
  {
    weight: 6,
    arbitrary: fc.record({ _tag: fc.constant("Time" as const), millis: fc.constantFrom(50, 700, 2_000, 9_000, 20_000) })
  },
  { weight: 3, arbitrary: fc.record({ _tag: fc.constant("Poison" as const), id }) },
  { weight: 1, arbitrary: constant({ _tag: "Mend" }) },
  { weight: 3, arbitrary: fc.record({ _tag: fc.constant("Start" as const), process }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Stop" as const), process }) },
  { weight: 1, arbitrary: constant({ _tag: "Hang" }) },
  { weight: 4, arbitrary: fc.record({ _tag: fc.constant("Unpark" as const), process, mended: fc.boolean() }) },
  { weight: 1, arbitrary: constant({ _tag: "Pause" }) },
  { weight: 4, arbitrary: fc.record({ _tag: fc.constant("Resume" as const), process }) },
  {
    weight: 3,
    arbitrary: fc.record({
      _tag: fc.constant("Store" as const),
      answers: fc.constantFrom("well", "well", "not", "after it has committed, and unheard")
    })
  },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Reads" as const), fail: fc.boolean() }) }
)

const script = fc.record({
  steps: fc.array(step, { maxLength: 60, size: "max" }),
  onFailure: fc.constantFrom<FailurePolicy>("park", "stop"),
  batchSize: fc.constantFrom(1, 3, 500)
})

type Script = typeof script extends fc.Arbitrary<infer S> ? S : never

/** What is wrong with the world at the moment. */
interface World {
  poison: string | undefined
  hanging: boolean
  readsFail: boolean
  store: Extract<Step, { readonly _tag: "Store" }>["answers"]
}

/** What goes wrong with handlers and stores lasts until some time has passed. */
const well = { hanging: false, readsFail: false, store: "well" } as const

const away = new ReadModelUnavailable({ detail: "Out to lunch", retryAfterSeconds: 1 })

const journalAway = new JournalUnavailable({ detail: "Out to lunch", retryAfterSeconds: 1 })

/** A journal that is read as the world has it. */
const read = (world: World) =>
  withJournal((journal) => {
    const unless = <A>(use: Effect.Effect<A, JournalUnavailable>) =>
      Effect.suspend(() => (world.readsFail ? journalAway : use))
    return {
      heads: unless(journal.heads),
      readPartition: (partition, options) => unless(journal.readPartition(partition, options)),
      readStream: (stream, range) => unless(journal.readStream(stream, range))
    }
  })

/** A store that answers as the world has it. */
const answered = (world: World) =>
  withStore((store) => ({
    transact: (projection, advances, work) =>
      Effect.suspend(() => {
        if (world.store === "not") return away
        return Effect.tap(store.transact(projection, advances, work), () =>
          world.store === "well" ? Effect.void : Effect.fail(away)
        )
      }),
    claim: (projection, claim) => Effect.suspend(() => (world.store === "not" ? away : store.claim(projection, claim)))
  }))

/** Two processes that can be started and stopped; the operator's own runs no workers. */
const processes = (ledger: Ledger, world: World) =>
  Effect.gen(function* () {
    const scopes: Array<Scope.Closeable | undefined> = [undefined, undefined]
    const stop = (i: number) =>
      Effect.suspend(() => {
        const scope = scopes[i]
        scopes[i] = undefined
        return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
      })
    const projectors: Array<Projector> = []
    const operator = yield* run(ledger, { run: false }).pipe(answered(world), read(world))
    const start = (i: number) =>
      Effect.gen(function* () {
        yield* stop(i)
        const scope = yield* Scope.make()
        scopes[i] = scope
        projectors[i] = yield* run(ledger, { owner: `process ${i}` }).pipe(
          Scope.provide(scope),
          answered(world),
          read(world)
        )
      })
    yield* Effect.addFinalizer(() => Effect.andThen(stop(0), stop(1)))
    return { start, stop, projector: (i: number) => (scopes[i] === undefined ? operator : projectors[i]!), operator }
  })

const play = ({ steps, onFailure, batchSize }: Script) =>
  Effect.gen(function* () {
    const world: World = { poison: undefined, ...well }
    const ledger = makeLedger({ onFailure, batchSize })
    ledger.before = (batch) =>
      Effect.suspend(() => {
        if (world.hanging) return Effect.sleep("20 seconds")
        return batch.some((one) => ledgerEntry(one).startsWith(`${world.poison}:`))
          ? Effect.fail("poison")
          : Effect.void
      })
    const { start, stop, projector, operator } = yield* processes(ledger, world)
    const written = new Map(ids.map((one) => [one, 0]))
    const deposit = (id: string, events: number) => {
      const before = written.get(id)!
      written.set(id, before + events)
      return deposits(
        id,
        Array.from({ length: events }, (_, i) => before + i + 1)
      )
    }
    /** Operators do not wait for ever. */
    const patiently = (use: Effect.Effect<unknown, unknown>) =>
      Effect.andThen(Effect.forkChild(Effect.exit(use), { startImmediately: true }), letOthersRun)
    const act = (step: Step): Effect.Effect<unknown, unknown, Journal | ProjectionStore> => {
      switch (step._tag) {
        case "Deposit":
          return deposit(step.id, step.events)
        case "Poison":
          world.poison = step.id
          return Effect.andThen(deposit(step.id, 1), TestClock.adjust("2 seconds"))
        case "Mend":
          return Effect.sync(() => Object.assign(world, { poison: undefined }))
        case "Start":
          return start(step.process)
        case "Stop":
          return stop(step.process)
        case "Hang":
          return Effect.sync(() => Object.assign(world, { hanging: true }))
        case "Unpark":
          if (step.mended) world.poison = undefined
          return patiently(Effect.forEach(ids, (one) => projector(step.process).unpark("ledger", `account-${one}`)))
        case "Pause":
          return operator.pause("ledger")
        case "Resume":
          return patiently(projector(step.process).resume("ledger"))
        case "Store":
          return Effect.sync(() => Object.assign(world, { store: step.answers }))
        case "Reads":
          return Effect.sync(() => Object.assign(world, { readsFail: step.fail }))
        case "Time":
          return Effect.map(TestClock.adjust(step.millis), () => Object.assign(world, well))
      }
    }
    yield* start(0)
    for (const one of steps) yield* act(one)
    Object.assign(world, { poison: undefined, ...well })
    yield* start(0)
    yield* TestClock.adjust("2 minutes")
    yield* operator.resume("ledger")
    yield* TestClock.adjust("10 seconds")
    for (const one of ids) yield* operator.unpark("ledger", `account-${one}`)
    // Nobody sleeps any more: what is left takes turns of the scheduler, and no time.
    yield* Effect.repeat(letOthersRun, { times: 100 })
    return { entries: ledger.entries, written }
  })

const holds = (script: Script) =>
  Effect.gen(function* () {
    const { entries, written } = yield* play(script)
    for (const [one, events] of written) {
      const expected = Array.from({ length: events }, (_, i) => `${one}:${i + 1}`)
      assert.deepStrictEqual(
        entries.filter((entry) => entry.startsWith(`${one}:`)),
        expected
      )
    }
    assert.deepStrictEqual(yield* positions(), yield* (yield* Journal).heads)
    const parked = yield* (yield* ProjectionStore).parked("ledger")
    assert.deepStrictEqual(parked, [])
  }).pipe(Effect.scoped, Effect.provide(stores), Effect.provide(TestClock.layer()), Effect.provide(Logger.layer([])))

describe("whatever happens,", () => {
  it("every event is applied once, and each stream's in order", () =>
    fc.assert(
      fc.asyncProperty(script, (one) => Effect.runPromise(holds(one))),
      { numRuns: 150 }
    ))
})
