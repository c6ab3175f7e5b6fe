/** What the tests of entities are written with: accounts on a journal that fails on demand, and callers that wait. */
import * as Entities from "@daybook/core/Entities"
import type { Stored } from "@daybook/core/Event"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { Snapshots, SnapshotsUnavailable } from "@daybook/core/Snapshot"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Account, type Command, type Overdrawn, type State } from "./Account.ts"

export type Accounts = Entities.Entities<State, Command, Overdrawn>

/** A journal in memory that fails on demand, and a snapshot store. */
export const stores = Layer.merge(FaultInjection.layer(Journal.layerMemory()), Snapshots.layerMemory)

/** A test with stores of its own, under a test's clock. */
export const scenario = <E>(
  name: string,
  run: Effect.Effect<unknown, E, Journal | Snapshots | FaultInjection.Faults | Scope.Scope>,
  timeoutMillis?: number
) => it.effect(name, () => Effect.provide(run, stores), timeoutMillis)

/** Starts a runtime that lasts as long as the test. Level 3 unless told otherwise. */
export const open = (options: Partial<Entities.Options> = {}) =>
  Entities.make(Account, { persistence: Persistence.events(), ...options })

/** Uses a runtime that stops afterwards: the next one starts with nothing in memory. */
export const during = <A, E, R>(
  use: (accounts: Accounts) => Effect.Effect<A, E, R>,
  options: Partial<Entities.Options> = {}
) => Effect.scoped(Effect.flatMap(open(options), use))

/** Starts a caller at once: what it does up to its first wait is done when this returns. */
export const start = <A, E, R>(caller: Effect.Effect<A, E, R>) => Effect.forkChild(caller, { startImmediately: true })

/** Starts callers in this order, without one waiting for another. */
export const startAll = <A, E, R>(callers: ReadonlyArray<Effect.Effect<A, E, R>>) => Effect.forEach(callers, start)

/** Gives others a chance to get as far as they can without this fiber. Enough where everything runs in this process. */
export const letOthersRun: Effect.Effect<void> = Effect.repeat(Effect.yieldNow, { times: 20 })

/** Whether a caller still waits, after everyone could get as far as they can. */
export const waits = (fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<boolean> =>
  Effect.map(letOthersRun, () => fiber.pollUnsafe() === undefined)

export const join = <A, E>(fibers: ReadonlyArray<Fiber.Fiber<A, E>>): Effect.Effect<ReadonlyArray<A>, E> =>
  Effect.forEach(fibers, Fiber.join)

export const exits = <A, E>(fibers: ReadonlyArray<Fiber.Fiber<A, E>>): Effect.Effect<ReadonlyArray<Exit.Exit<A, E>>> =>
  Effect.forEach(fibers, Fiber.await)

/** Keeps the next append from reaching the journal, or from being answered, until released. */
export const hold = (how: typeof FaultInjection.hold = FaultInjection.hold) =>
  Effect.gen(function* () {
    const { inject } = yield* FaultInjection.Faults
    const gate = yield* Deferred.make<void>()
    yield* inject(how(Deferred.await(gate)))
    return { release: Effect.andThen(Deferred.succeed(gate, undefined), letOthersRun) }
  })

/** An account's events in the journal. */
export const history = (id: string): Effect.Effect<ReadonlyArray<Stored>, never, Journal> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    return yield* Effect.orDie(journal.readStream(`account-${id}`))
  })

/** What was paid in and drawn, in the order of the journal. */
export const amounts = (id: string): Effect.Effect<ReadonlyArray<number>, never, Journal> =>
  Effect.map(history(id), (stored) =>
    stored.map(({ type, data }) => (data as { amount: number }).amount * (type === "Withdrawn" ? -1 : 1))
  )

/** The tag of the failure, "defect" for a defect, "success" for a success. */
export const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (exit._tag === "Success") return "success"
  if (Cause.hasDies(exit.cause)) return "defect"
  return (Cause.squash(exit.cause) as { readonly _tag: string })._tag
}

/** The tags of what became of these callers. */
export const outcomes = (fibers: ReadonlyArray<Fiber.Fiber<unknown, unknown>>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(exits(fibers), (all) => all.map(outcomeOf))

/** The tag of the failure of an effect that must fail. */
export const failureOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, never, R> =>
  Effect.map(Effect.exit(effect), (exit) => {
    assert.strictEqual(exit._tag, "Failure", `expected a failure, not ${JSON.stringify(exit)}`)
    return outcomeOf(exit)
  })

/** Uses a journal that does some things in another way. */
export const withJournal =
  (change: (journal: Journal["Service"]) => Partial<Journal["Service"]>) =>
  <A, E, R>(use: Effect.Effect<A, E, R>) =>
    Effect.updateService(use, Journal, (journal) => ({ ...journal, ...change(journal) }))

/** Uses a snapshot store that does some things in another way. */
export const withSnapshots =
  (change: (store: Snapshots["Service"]) => Partial<Snapshots["Service"]>) =>
  <A, E, R>(use: Effect.Effect<A, E, R>) =>
    Effect.updateService(use, Snapshots, (store) => ({ ...store, ...change(store) }))

export const snapshotsDown = new SnapshotsUnavailable({ detail: "The disk is on fire", retryAfterSeconds: 1 })
