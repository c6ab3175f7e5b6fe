/** What level 3 relies on its snapshots for: they come when the policy says, recovery uses them, and nothing needs them. */
import * as Persistence from "@daybook/core/Persistence"
import { type Snapshot, Snapshots } from "@daybook/core/Snapshot"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import { type AccountEvent, deposit, type State, withdraw } from "./Account.ts"
import {
  amounts,
  during,
  hold,
  join,
  letOthersRun,
  open,
  scenario,
  snapshotsDown,
  start,
  startAll,
  withSnapshots
} from "./Bank.ts"

/** The versions at which an account has snapshots, the newest first. */
const versions = (id: string) =>
  Effect.gen(function* () {
    yield* letOthersRun
    const snapshots = yield* Snapshots
    const found: Array<number> = []
    for (let maxVersion = 1e9; ; maxVersion = found.at(-1)! - 1) {
      const one = yield* snapshots.latest(`account-${id}`, { maxVersion })
      if (Option.isNone(one)) return found
      found.push(one.value.version)
    }
  })

describe("a snapshot is taken", () => {
  scenario(
    "every N events, whatever their number per command",
    Effect.gen(function* () {
      const accounts = yield* open({ persistence: Persistence.events({ snapshotEvery: 3, keepSnapshots: 9 }) })
      yield* accounts.execute("a", deposit(1))
      yield* accounts.execute("a", deposit(1))
      assert.deepStrictEqual(yield* versions("a"), [])
      yield* accounts.execute("a", deposit(1, 1))
      assert.deepStrictEqual(yield* versions("a"), [4])
      yield* accounts.execute("a", deposit())
      yield* accounts.execute("a", deposit(1, 1))
      assert.deepStrictEqual(yield* versions("a"), [4])
      yield* accounts.execute("a", deposit(1))
      assert.deepStrictEqual(yield* versions("a"), [7, 4])
    })
  )

  scenario(
    "counting from the last one also across restarts",
    Effect.gen(function* () {
      const options = { persistence: Persistence.events({ snapshotEvery: 3, keepSnapshots: 9 }) }
      for (let i = 0; i < 7; i++) yield* during((accounts) => accounts.execute("a", deposit(1)), options)
      assert.deepStrictEqual(yield* versions("a"), [6, 3])
    })
  )

  scenario(
    "when a predicate asks for it, of each event and the state after it",
    Effect.gen(function* () {
      const seen: Array<[number, string]> = []
      const snapshotWhen = (state: State, event: AccountEvent) => {
        seen.push([state.balance, event._tag])
        return state.balance === 3
      }
      const accounts = yield* open({ persistence: Persistence.events({ snapshotWhen }) })
      yield* accounts.execute("a", deposit(1))
      assert.deepStrictEqual(yield* versions("a"), [])
      const held = yield* hold()
      yield* start(accounts.execute("a", deposit(1)))
      yield* letOthersRun
      // These share a commit, at the end of which the balance is no longer 3.
      const callers = yield* startAll([deposit(1), withdraw(2)].map((command) => accounts.execute("a", command)))
      yield* held.release
      yield* join(callers)
      assert.deepStrictEqual(yield* versions("a"), [4])
      assert.deepStrictEqual(seen.slice(0, 3), [
        [1, "Deposited"],
        [2, "Deposited"],
        [3, "Deposited"]
      ])
    })
  )
})

describe("snapshots are kept", () => {
  scenario(
    "as many as wanted, the newest",
    Effect.gen(function* () {
      const accounts = yield* open({ persistence: Persistence.events({ snapshotEvery: 1, keepSnapshots: 2 }) })
      for (let i = 0; i < 5; i++) {
        yield* accounts.execute("a", deposit(1))
        yield* letOthersRun
      }
      assert.deepStrictEqual(yield* versions("a"), [5, 4])
    })
  )

  scenario(
    "with the state, its schema version and the time",
    Effect.gen(function* () {
      yield* TestClock.setTime(5_000)
      const accounts = yield* open({ persistence: Persistence.events({ snapshotEvery: 1 }) })
      yield* accounts.execute("a", deposit(7))
      yield* letOthersRun
      const snapshot = yield* (yield* Snapshots).latest("account-a")
      assert.deepStrictEqual(
        snapshot,
        Option.some({
          stream: "account-a",
          version: 1,
          schemaVersion: 1,
          takenAtMillis: 5_000,
          data: { balance: 7, entries: 1 }
        })
      )
    })
  )

  for (const persistence of [Persistence.inline, Persistence.state()]) {
    scenario(
      `never at level ${persistence._tag}, which stores the state itself`,
      Effect.gen(function* () {
        const accounts = yield* open({ persistence })
        yield* accounts.execute("a", deposit(...Array(200).fill(1)))
        assert.deepStrictEqual(yield* versions("a"), [])
      })
    )
  }
})

describe("a snapshot store", () => {
  const everyEvent = { persistence: Persistence.events({ snapshotEvery: 1 }) }

  /** Two commands with a restart between them, which must go as if there were no snapshots. */
  const twoCommands = Effect.gen(function* () {
    yield* during((accounts) => accounts.execute("a", deposit(1)), everyEvent)
    yield* letOthersRun
    const { version } = yield* during((accounts) => accounts.execute("a", deposit(2)), everyEvent)
    assert.strictEqual(version, 2)
    assert.deepStrictEqual(yield* amounts("a"), [1, 2])
  })

  scenario(
    "that fails costs time and nothing else",
    twoCommands.pipe(
      withSnapshots(() => ({ save: () => Effect.fail(snapshotsDown), latest: () => Effect.fail(snapshotsDown) })),
      Effect.andThen(versions("a")),
      Effect.map((found) => assert.deepStrictEqual(found, []))
    )
  )

  scenario(
    "that is broken does no harm to commands when it saves",
    twoCommands.pipe(withSnapshots(() => ({ save: () => Effect.die("broken") })))
  )

  scenario(
    "that fails to tidy up has saved nevertheless",
    twoCommands.pipe(
      withSnapshots(() => ({ keepLatest: () => Effect.fail(snapshotsDown) })),
      Effect.andThen(versions("a")),
      Effect.map((found) => assert.deepStrictEqual(found, [2, 1]))
    )
  )

  scenario(
    "that is slower than the commands holds up none, and gets one snapshot at a time of each",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const saving: Array<Snapshot> = []
      yield* Effect.gen(function* () {
        const accounts = yield* open(everyEvent)
        for (let i = 0; i < 20; i++) yield* accounts.execute("a", deposit(1))
        assert.deepStrictEqual(
          saving.map(({ version }) => version),
          [1]
        )
        yield* Deferred.succeed(gate, undefined)
        yield* letOthersRun
        yield* accounts.execute("a", deposit(1))
        assert.deepStrictEqual(yield* versions("a"), [21, 1])
      }).pipe(
        withSnapshots(({ save }) => ({
          save: (snapshot) => {
            saving.push(snapshot)
            return Effect.andThen(Deferred.await(gate), save(snapshot))
          }
        }))
      )
    })
  )
})
