/**
 * Scenarios about the store under a journal: what it keeps when it is closed, backed up and restored, and what it refuses to
 * let anyone do to events. Each needs something of the adapter.
 */
import { Journal } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Section, scenarioWith } from "../Suite.ts"
import {
  append,
  appendTo,
  commandOn,
  freshTarget,
  numbered,
  range,
  readAfter,
  store,
  type Target,
  versionsOf,
  written
} from "./JournalFixture.ts"
import { connection, type Store } from "./JournalRivals.ts"

/** A store with a journal in it, and the way to restore a backup of it elsewhere. */
export interface BackedUp {
  readonly journal: Layer.Layer<Journal, unknown>
  /** Backs the store up, restores it beside the original, and answers the journal there. */
  readonly restore: Effect.Effect<Layer.Layer<Journal, unknown>, unknown, Scope.Scope>
}

/** What an operator may try on the table of events by hand. */
export type Tampering = "UPDATE" | "DELETE" | "TRUNCATE"

/** A bit of everything that a journal keeps, on three new streams. */
const furnish = Effect.gen(function* () {
  const [plain, inline, pruned] = [yield* freshTarget, yield* freshTarget, yield* written(3)]
  const journal = yield* Journal
  const state = { schemaVersion: 2, data: { total: 3 } }
  yield* store({ ...commandOn(plain, 0, "add", 2), state })
  yield* store(commandOn(plain, 2, "nothing", 0))
  yield* store({ ...commandOn(inline, 0, "inline", 2), keepEvents: false, state })
  yield* journal.deleteTo(pruned.stream, 2)
  return [plain, inline, pruned]
})

/** Everything that a journal says about streams, and about all its partitions. */
const describeAll = (targets: ReadonlyArray<Target>) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const heads = yield* journal.heads
    return {
      heads,
      streams: yield* Effect.forEach(targets, ({ stream }) =>
        Effect.all([
          journal.version(stream),
          journal.readStream(stream),
          journal.state(stream),
          ...["add", "nothing", "inline"].map((commandId) => journal.receipt(stream, commandId))
        ])
      ),
      partitions: yield* Effect.forEach(heads, (_, partition) => readAfter(partition, 0))
    }
  })

/** The journal goes on where it was: commands are recognised, versions and positions continue. */
const goesOn = ([plain, inline]: ReadonlyArray<Target>) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    assert.strictEqual((yield* append(commandOn(plain!, 2, "add", 1)))._tag, "Duplicate")
    assert.strictEqual((yield* append(commandOn(plain!, 2, "nothing", 1)))._tag, "Duplicate")
    assert.strictEqual((yield* append(commandOn(inline!, 2, "inline", 1)))._tag, "Duplicate")
    assert.strictEqual((yield* append(appendTo(inline!, 0, numbered(1, 1))))._tag, "Conflict")
    const head = (yield* journal.heads)[plain!.partition]!
    const { version, position } = yield* store(appendTo(plain!, 2, numbered(3, 3)))
    assert.deepStrictEqual([version, position], [3, head + 1])
  })

const onJournal = <A, E, R>(
  layer: Layer.Layer<Journal, unknown>,
  use: Effect.Effect<A, E, R>
): Effect.Effect<A, unknown, Exclude<R, Journal>> =>
  Effect.scoped(Effect.flatMap(connection(layer), (journal) => Effect.provideService(use, Journal, journal)))

const reopened = (open: Store) =>
  Effect.gen(function* () {
    const layer = yield* open
    const targets = yield* onJournal(layer, furnish)
    const before = yield* onJournal(layer, describeAll(targets))
    assert.isAbove(before.partitions.flat().length, 0, "the first connection's events are there at all")
    assert.deepStrictEqual(yield* onJournal(layer, describeAll(targets)), before)
    yield* onJournal(layer, goesOn(targets))
    const events = yield* onJournal(layer, readStreamOf(targets[0]!))
    assert.deepStrictEqual(versionsOf(events), range(1, 3))
  })

const readStreamOf = ({ stream }: Target) =>
  Effect.gen(function* () {
    return yield* (yield* Journal).readStream(stream)
  })

const undoneStaysUndone = (open: Store) =>
  Effect.gen(function* () {
    const layer = yield* open
    const target = yield* onJournal(layer, freshTarget)
    const failing = Effect.gen(function* () {
      const journal = yield* Journal
      yield* Effect.exit(journal.append([appendTo(target, 0, numbered(1, 2))], () => Effect.fail("undo")))
    })
    yield* onJournal(layer, failing)
    assert.deepStrictEqual(yield* onJournal(layer, readStreamOf(target)), [])
  })

const restored = (backupRestore: Effect.Effect<BackedUp, unknown, Scope.Scope>) =>
  Effect.gen(function* () {
    const { journal, restore } = yield* backupRestore
    const targets = yield* onJournal(journal, furnish)
    const before = yield* onJournal(journal, describeAll(targets))
    const copy = yield* restore
    yield* onJournal(journal, goesOn(targets))
    assert.deepStrictEqual(yield* onJournal(copy, describeAll(targets)), before)
    yield* onJournal(copy, goesOn(targets))
  })

const tampering =
  <R>(verb: Tampering) =>
  (rawSql: (verb: Tampering) => Effect.Effect<unknown, unknown, R>) =>
    Effect.gen(function* () {
      const target = yield* written(3)
      const before = yield* readStreamOf(target)
      const exit = yield* Effect.exit(rawSql(verb))
      assert.isTrue(Exit.isFailure(exit), `${verb} was not refused`)
      assert.deepStrictEqual(yield* readStreamOf(target), before)
      yield* store(appendTo(target, 3, numbered(4, 4)))
    })

/** The hooks that these scenarios need; see `JournalSuiteOptions`. */
export interface StoreHooks<R> {
  readonly reopen?: Store
  readonly rawSql?: (verb: Tampering) => Effect.Effect<unknown, unknown, R>
  readonly backupRestore?: Effect.Effect<BackedUp, unknown, Scope.Scope>
}

export const stores = <R>({ reopen, rawSql, backupRestore }: StoreHooks<R>): Section<Journal | R> => ({
  title: "the store underneath",
  scenarios: [
    scenarioWith("reopen", reopen, "closed and opened again, it has kept everything, and goes on", reopened),
    scenarioWith(
      "reopen",
      reopen,
      "what was undone is still undone after closing and opening again",
      undoneStaysUndone
    ),
    scenarioWith("backupRestore", backupRestore, "a restored backup has everything, and goes on by itself", restored),
    ...(["UPDATE", "DELETE", "TRUNCATE"] as const).map((verb) =>
      scenarioWith("rawSql", rawSql, `the store refuses ${verb} of events, and nothing changes`, tampering<R>(verb))
    )
  ]
})
