/** What an aggregate's owner relies on: from whatever is stored comes the state that was acknowledged, or a clear refusal. */
import * as Aggregate from "@daybook/core/Aggregate"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { recover, stateCodec } from "@daybook/core/Recovery"
import { Snapshots } from "@daybook/core/Snapshot"
import * as FaultInjection from "@daybook/testkit/FaultInjection"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Account, definition, deposit, type State } from "./Account.ts"
import { during, failureOf, letOthersRun, scenario, snapshotsDown, withSnapshots } from "./Bank.ts"

const stream = "account-a"

/** What this version of the account recovers of account a. */
const recovered = (aggregate: typeof Account = Account) =>
  Effect.gen(function* () {
    const stores = { journal: yield* Journal, snapshots: yield* Snapshots }
    return yield* recover({ aggregate, stores, codec: stateCodec(aggregate) })(stream)
  })

/** The account with another version of its state's schema. */
const withState = (version: number, upcast?: Aggregate.StateSchema<State>["upcast"]) =>
  Aggregate.make({ ...definition, state: { ...definition.state, version, upcast } })

/** Stores deposits of 1, 2, 3 … at a level, each by a runtime of its own when it is to have a snapshot. */
const deposits = (count: number, persistence: Persistence.Persistence = Persistence.events({ snapshotEvery: 1e6 })) =>
  Effect.forEach(
    Array.from({ length: count }, (_, i) => deposit(i + 1)),
    (command) => during((accounts) => Effect.tap(accounts.execute("a", command), letOthersRun), { persistence }),
    { discard: true }
  )

const snapshot = (version: number, data: unknown, schemaVersion = 1) =>
  Effect.gen(function* () {
    yield* (yield* Snapshots).save({ stream, version, schemaVersion, takenAtMillis: 0, data })
  })

/** Deletes events up to a version, as an archive would. */
const archive = (version: number) => Effect.flatMap(Journal, (journal) => journal.deleteTo(stream, version))

const sumTo = (n: number): State => ({ balance: (n * (n + 1)) / 2, entries: n })

/** A state that events alone would not lead to, so that it shows where it is used. */
const marked = { balance: 1_000, entries: 0 }

describe("from events", () => {
  scenario(
    "an aggregate that was never written is in its initial state",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* recovered(), { version: 0, state: Account.initial, replayed: 0 })
    })
  )

  for (const count of [1, 999, 1_000, 1_001, 2_500]) {
    scenario(
      `${count} of them are folded in order`,
      Effect.gen(function* () {
        const many = deposit(...Array.from({ length: count }, (_, i) => i + 1))
        const persistence = Persistence.events({ snapshotEvery: 1e6 })
        yield* during((accounts) => accounts.execute("a", many), { persistence })
        assert.deepStrictEqual(yield* recovered(), { version: count, state: sumTo(count), replayed: count })
      })
    )
  }

  scenario(
    "of which some are gone, with nothing to cover them, it refuses, and says which",
    Effect.gen(function* () {
      yield* deposits(5)
      yield* archive(3)
      const error = yield* Effect.flip(recovered())
      assert.deepInclude(error, { _tag: "RecoveryFailed", stream })
      assert.include(error.detail, "from version 0 to 4")
    })
  )

  scenario(
    "of which one cannot be decoded, it refuses, and says which",
    Effect.gen(function* () {
      yield* deposits(3)
      const decode: typeof Account.events.decode = (stored) =>
        Account.events.decode(stored.version === 2 ? { ...stored, type: "Renamed" } : stored)
      const error = yield* Effect.flip(recovered({ ...Account, events: { ...Account.events, decode } }))
      assert.deepInclude(error, {
        _tag: "UndecodableEvent",
        stream,
        version: 2,
        eventType: "Renamed",
        schemaVersion: 1
      })
    })
  )

  scenario(
    "on which evolve throws, it dies of what was thrown",
    Effect.gen(function* () {
      yield* deposits(1)
      const Deposited = (): State => {
        throw new Error("evolve is broken")
      }
      const broken = { ...Account, evolve: { ...Account.evolve, Deposited } }
      assert.strictEqual(yield* failureOf(recovered(broken)), "defect")
    })
  )
})

describe("from a snapshot", () => {
  scenario(
    "and the events after it",
    Effect.gen(function* () {
      yield* deposits(3)
      yield* snapshot(2, marked)
      assert.deepStrictEqual(yield* recovered(), { version: 3, state: { balance: 1_003, entries: 1 }, replayed: 1 })
    })
  )

  scenario(
    "whose events before are gone",
    Effect.gen(function* () {
      yield* deposits(5)
      yield* snapshot(3, sumTo(3))
      yield* archive(3)
      assert.deepStrictEqual(yield* recovered(), { version: 5, state: sumTo(5), replayed: 2 })
    })
  )

  for (const [what, version, data] of [
    ["of an older schema", 0, marked],
    ["of a later schema", 2, marked],
    ["that does not fit its schema", 1, { balance: "much" }],
    ["that is empty", 1, null]
  ] as const) {
    scenario(
      `${what}, it goes by the events instead`,
      Effect.gen(function* () {
        yield* deposits(3)
        yield* snapshot(2, data, version)
        assert.deepStrictEqual(yield* recovered(), { version: 3, state: sumTo(3), replayed: 3 })
      })
    )
  }

  scenario(
    "of an older schema, when an upcast can raise it",
    Effect.gen(function* () {
      yield* deposits(3)
      yield* snapshot(2, { cents: 7 })
      const upcast = ({ cents }: { cents: number }) => ({ balance: cents, entries: 2 })
      assert.deepInclude(yield* recovered(withState(2, upcast)), { version: 3, state: { balance: 10, entries: 3 } })
    })
  )

  scenario(
    "that is unreadable, it falls back on the one before",
    Effect.gen(function* () {
      yield* deposits(5)
      yield* snapshot(3, sumTo(3))
      yield* snapshot(4, "scribble")
      yield* archive(3)
      assert.deepStrictEqual(yield* recovered(), { version: 5, state: sumTo(5), replayed: 2 })
    })
  )

  scenario(
    "in a store that fails, it goes by the events instead",
    Effect.gen(function* () {
      yield* deposits(3)
      yield* snapshot(2, marked)
      const blind = withSnapshots(() => ({ latest: () => Effect.fail(snapshotsDown) }))
      assert.deepStrictEqual(yield* blind(recovered()), { version: 3, state: sumTo(3), replayed: 3 })
    })
  )
})

describe("a snapshot of versions that the journal has not reached", () => {
  const restored = Effect.gen(function* () {
    yield* deposits(3)
    yield* snapshot(2, sumTo(2))
    yield* snapshot(7, marked)
    yield* snapshot(8, marked)
  })

  scenario(
    "is dropped: after a restored backup it would stand for events that never happened",
    Effect.gen(function* () {
      yield* restored
      assert.deepStrictEqual(yield* recovered(), { version: 3, state: sumTo(3), replayed: 1 })
      const left = yield* (yield* Snapshots).latest(stream)
      assert.strictEqual(Option.getOrThrow(left).version, 2)
    })
  )

  scenario(
    "is a reason to refuse when it cannot be deleted",
    Effect.gen(function* () {
      yield* restored
      const stuck = withSnapshots(() => ({ delete: () => Effect.fail(snapshotsDown) }))
      assert.strictEqual(yield* failureOf(stuck(recovered())), "RecoveryFailed")
    })
  )
})

describe("from a stored state", () => {
  scenario(
    "alone at level 1, which keeps no events",
    Effect.gen(function* () {
      yield* deposits(3, Persistence.inline)
      assert.deepStrictEqual(yield* recovered(), { version: 3, state: sumTo(3), replayed: 0 })
    })
  )

  scenario(
    "also when its events have been deleted",
    Effect.gen(function* () {
      yield* deposits(3, Persistence.state({ every: 1 }))
      yield* archive(3)
      assert.deepStrictEqual(yield* recovered(), { version: 3, state: sumTo(3), replayed: 0 })
    })
  )

  scenario(
    "stored now and then, and the events since",
    Effect.gen(function* () {
      const every = Persistence.state({ every: 3 })
      yield* deposits(2, every)
      const journal = yield* Journal
      assert.isTrue(Option.isNone(yield* journal.state(stream)))
      yield* deposits(3, every)
      // Stored with the third event and not since: the fourth and fifth are read.
      assert.strictEqual(Option.getOrThrow(yield* journal.state(stream)).version, 3)
      assert.deepInclude(yield* recovered(), { version: 5, replayed: 2 })
      assert.deepStrictEqual((yield* recovered()).state.entries, 5)
    })
  )

  scenario(
    "of an older schema, by its upcast",
    Effect.gen(function* () {
      yield* deposits(3, Persistence.inline)
      const seen: Array<number> = []
      const upcast = (old: State, from: number) => {
        seen.push(from)
        return { ...old, entries: old.entries * 10 }
      }
      assert.deepInclude(yield* recovered(withState(4, upcast)), { version: 3, state: { balance: 6, entries: 30 } })
      assert.deepStrictEqual(seen, [1])
    })
  )

  scenario(
    "of an older schema without an upcast, by the events as long as they are all there",
    Effect.gen(function* () {
      yield* deposits(3, Persistence.state({ every: 1 }))
      assert.deepInclude(yield* recovered(withState(2)), { version: 3, state: sumTo(3) })
      yield* archive(2)
      assert.strictEqual(yield* failureOf(recovered(withState(2))), "RecoveryFailed")
    })
  )
})

describe("from a stored state that cannot be read, and no events, it refuses and says what to do:", () => {
  const broken = () => {
    throw new Error("upcast is broken")
  }
  for (const [what, aggregate, remedy] of [
    ["give an upcast", withState(2), "Give the state schema an `upcast` from version 1"],
    ["mend the upcast", withState(2, broken), "correct the schema or its `upcast`"],
    ["mend the upcast's result", withState(2, () => ({})), "correct the schema or its `upcast`"]
  ] as const) {
    scenario(
      what,
      Effect.gen(function* () {
        yield* deposits(3, Persistence.inline)
        const error = yield* Effect.flip(recovered(aggregate))
        assert.deepInclude(error, { _tag: "RecoveryFailed", stream })
        assert.include(error.detail, "state of version 3, schema version 1")
        assert.include(error.detail, remedy)
      })
    )
  }

  scenario(
    "deploy a later release",
    Effect.gen(function* () {
      yield* deposits(1, Persistence.inline)
      const older = Aggregate.make({ ...definition, state: { ...definition.state, version: 1 } })
      const journal = yield* Journal
      const later = { ...journal, state: () => Effect.succeedSome({ version: 1, schemaVersion: 3, data: {} }) }
      const error = yield* Effect.flip(Effect.provideService(recovered(older), Journal, later))
      assert.include(error.detail, "deploy the release that wrote it")
    })
  )
})

describe("from a journal that does not answer", () => {
  scenario(
    "it fails, rather than begin anew",
    Effect.gen(function* () {
      yield* deposits(3)
      yield* (yield* FaultInjection.Faults).failReads(true)
      assert.strictEqual(yield* failureOf(recovered()), "JournalUnavailable")
    })
  )
})

describe("a stream whose level changes", () => {
  const levels = {
    1: Persistence.inline,
    2: Persistence.state({ every: 1 }),
    3: Persistence.events({ snapshotEvery: 2 }),
    "3 without snapshots": Persistence.events({ snapshotEvery: 1e6 })
  }

  /** Two deposits at each level; where events may go, they do. */
  const live = (order: ReadonlyArray<keyof typeof levels>, keepAll: boolean) =>
    Effect.gen(function* () {
      for (const [i, level] of order.entries()) {
        const version = 2 * (i + 1)
        for (const amount of [version - 1, version]) {
          const use = during((accounts) => accounts.execute("a", deposit(amount)), { persistence: levels[level] })
          assert.strictEqual((yield* use).version, amount)
        }
        yield* letOthersRun
        if (!keepAll && level !== "3 without snapshots") yield* archive(version)
        assert.deepInclude(yield* recovered(), { version, state: sumTo(version) }, `after level ${level}`)
      }
    })

  for (const order of [
    [1, 2, 3, 2, 1],
    [3, 1, 3, 1],
    [2, 3, 1, 3, 2],
    [1, "3 without snapshots", 3, 1, 2, "3 without snapshots", 1]
  ] as const) {
    for (const keepAll of [true, false]) {
      scenario(
        `${order.join(" → ")} keeps its state and version${keepAll ? "" : ", also when its events are archived on the way"}`,
        live(order, keepAll)
      )
    }
  }
})
