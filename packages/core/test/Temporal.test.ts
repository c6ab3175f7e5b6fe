/**
 * What someone who asks about the past relies on: the state that there was, by whichever time they mean it, also where much has
 * happened, where states are remembered, and where events are gone; and a clear answer where there is none.
 */
import * as Entities from "@daybook/core/Entities"
import { Journal } from "@daybook/core/Journal"
import * as Persistence from "@daybook/core/Persistence"
import { Snapshots } from "@daybook/core/Snapshot"
import { atInstant, atVersion, foldTo, maxNamed, type Point } from "@daybook/core/StreamFold"
import * as Temporal from "@daybook/core/Temporal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { Account, deposit, withdraw } from "./Account.ts"
import { snapshotsDown, withJournal, withSnapshots } from "./Bank.ts"
import {
  encode,
  foldAll,
  type Happening,
  happening,
  past,
  pasts,
  puts,
  questions,
  remember,
  type Shelf,
  shelf,
  source,
  stores,
  stream,
  upTo
} from "./Past.ts"

const stateAt = (point: Point) => Effect.flatMap(source, (from) => Temporal.stateAt(from, stream, point))

const scenario = <E>(name: string, run: Effect.Effect<unknown, E, Journal | Snapshots>) =>
  it.effect(name, () => Effect.provide(run, stores))

/** Runs a property's case on stores of its own. */
const check = <E>(run: Effect.Effect<void, E, Journal | Snapshots>) =>
  Effect.runPromise(run.pipe(Effect.provide(stores), Effect.provide(TestClock.layer())))

const things = ({ things }: Shelf) => things.map(({ thing }) => thing)

/** The problem that there must be: its tag, and what is in it. */
const expectProblem = <A, E, R>(effect: Effect.Effect<A, E, R>, expected: object, detail: string) =>
  Effect.map(Effect.flip(effect), (problem) => {
    for (const [key, value] of Object.entries(expected)) assert.deepStrictEqual((problem as any)[key], value, key)
    assert.include((problem as any).detail, detail)
  })

const put = (thing: string, occurredAtMillis: number, recordedAtMillis = occurredAtMillis) =>
  happening("ThingPut", { thing }, occurredAtMillis, recordedAtMillis)

/** Recorded in one order, and occurred in another: the vase on the 2nd, the book on the 1st, the clock on the 3rd. */
const mixed = [put("vase", 200, 1_000), put("book", 100, 2_000), put("clock", 300, 3_000)]

describe("the state at a point", () => {
  it("is what the events up to there come to, also where states are remembered", () =>
    fc.assert(
      fc.asyncProperty(questions, fc.array(fc.nat(20)), ([happenings, [, point]], remembered) =>
        check(
          Effect.gen(function* () {
            yield* past(happenings)
            for (const version of remembered.filter((version) => version > 0 && version <= happenings.length)) {
              const takenAtMillis = happenings[version - 1]!.recordedAtMillis
              yield* remember(version, encode(foldAll(happenings.slice(0, version))), takenAtMillis)
            }
            const counted = upTo(happenings, point)
            const found = yield* Temporal.stateOrInitialAt(yield* source, stream, point)
            assert.deepStrictEqual(found.value, foldAll(counted))
            const newest = happenings.lastIndexOf(counted.at(-1)!) + 1
            assert.strictEqual(found.version, newest)
            const leftOut = happenings.slice(0, newest).flatMap((one, i) => (counted.includes(one) ? [] : [i + 1]))
            assert.deepStrictEqual(found.leftOut, leftOut)
            assert.strictEqual(found.last?.version ?? 0, newest)
          })
        )
      ),
      { numRuns: 300 }
    ))

  it("of the newest version is the entity's, whatever it went through", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -20, max: 30 }), { minLength: 1, maxLength: 30 }), (amounts) =>
        check(
          Effect.gen(function* () {
            const accounts = yield* Entities.make(Account, { persistence: Persistence.events({ snapshotEvery: 4 }) })
            for (const amount of amounts) {
              yield* Effect.exit(accounts.execute("a", amount > 0 ? deposit(amount, amount) : withdraw(-amount)))
            }
            const { version, state } = yield* accounts.read("a")
            if (version === 0) return
            const from = { aggregate: Account, stores: { journal: yield* Journal, snapshots: yield* Snapshots } }
            const found = yield* Temporal.stateAt(from, "account-a", atVersion(version))
            assert.deepStrictEqual({ version: found.version, state: found.value }, { version, state })
          }).pipe(Effect.scoped)
        )
      ),
      { numRuns: 50 }
    ))

  scenario(
    "by recorded time is what was known then, and by occurred time what was so, as known today",
    Effect.gen(function* () {
      yield* past(mixed)
      const known = yield* stateAt(atInstant(1_500, "recorded"))
      assert.deepStrictEqual([known.version, known.last?.type, things(known.value)], [1, "ThingPut", ["vase"]])
      const wasSo = yield* stateAt(atInstant(150, "occurred"))
      assert.deepStrictEqual([wasSo.version, things(wasSo.value)], [2, ["book"]])
      assert.deepStrictEqual(wasSo.leftOut, [1], "the vase was recorded before, and came later")
      const later = yield* stateAt(atInstant(250, "occurred"))
      assert.deepStrictEqual([later.version, things(later.value), later.leftOut], [2, ["vase", "book"], []])
    })
  )

  scenario(
    "is the same at the very instant of an event as after it",
    Effect.gen(function* () {
      yield* past(mixed)
      assert.strictEqual((yield* stateAt(atInstant(1_000, "recorded"))).version, 1)
      assert.strictEqual((yield* stateAt(atInstant(1_999, "recorded"))).version, 1)
      assert.strictEqual((yield* stateAt(atInstant(100, "occurred"))).version, 2)
    })
  )

  scenario(
    "says who led there, when and why, also where a snapshot is of that very version",
    Effect.gen(function* () {
      yield* past(mixed)
      yield* remember(2, encode({ label: "remembered", things: [] }), 2_000)
      const { last, value } = yield* stateAt(atVersion(2))
      assert.strictEqual(value.label, "remembered", "the snapshot was used")
      const { eventId, ...who } = last!
      assert.match(eventId, /^[0-9a-f-]{36}$/)
      assert.deepStrictEqual(who, {
        version: 2,
        type: "ThingPut",
        schemaVersion: 1,
        occurredAtMillis: 100,
        recordedAtMillis: 2_000,
        actor: "actor 2",
        reason: "reason 2",
        commandId: "command 2",
        correlationId: "c",
        causationId: null
      })
    })
  )

  scenario(
    "by occurred time takes no remembered state, which may contain what occurred later",
    Effect.gen(function* () {
      yield* past(mixed)
      yield* remember(2, encode({ label: "remembered", things: [] }), 0)
      assert.deepStrictEqual(things((yield* stateAt(atInstant(1_000, "occurred"))).value), ["vase", "book", "clock"])
    })
  )

  scenario(
    "by recorded time takes no snapshot of what was recorded later, whatever time the snapshot claims",
    Effect.gen(function* () {
      yield* past(mixed)
      yield* remember(2, encode({ label: "from a clock that is behind", things: [] }), 0)
      assert.deepStrictEqual(things((yield* stateAt(atInstant(1_500, "recorded"))).value), ["vase"])
    })
  )

  scenario(
    "does without snapshots that cannot be read, and without a store that fails",
    Effect.gen(function* () {
      yield* past(mixed)
      yield* remember(2, "no shelf", 2_000)
      yield* remember(3, encode({ label: "of another schema", things: [] }), 3_000, 7)
      const all = ["vase", "book", "clock"]
      assert.deepStrictEqual(things((yield* stateAt(atVersion(3))).value), all)
      const failing = withSnapshots(() => ({ latest: () => Effect.fail(snapshotsDown) }))
      assert.deepStrictEqual(things((yield* failing(stateAt(atVersion(3)))).value), all)
    })
  )

  for (const count of [999, 1_000, 1_001, 2_500]) {
    scenario(
      `is found among ${count} events, which are read in pages`,
      Effect.gen(function* () {
        yield* past(puts(count))
        const whole = yield* stateAt(atVersion(count))
        assert.deepStrictEqual([whole.version, whole.value.things.length], [count, count])
        assert.strictEqual((yield* stateAt(atVersion(998))).value.things.length, 998)
        assert.strictEqual((yield* stateAt(atInstant(998, "recorded"))).version, 998)
        assert.strictEqual((yield* stateAt(atInstant(count, "occurred"))).version, count)
      })
    )
  }

  scenario(
    "after a snapshot costs only what follows on it",
    Effect.gen(function* () {
      yield* past(puts(2_500))
      yield* remember(2_400, encode(foldAll(puts(2_400))), 2_400)
      const read: Array<number> = []
      const found = yield* withJournal((journal) => ({
        readStream: (name, range) =>
          Effect.tap(journal.readStream(name, range), (page) => Effect.sync(() => void read.push(page.length)))
      }))(stateAt(atVersion(2_410)))
      assert.deepStrictEqual(found.value, foldAll(puts(2_410)))
      assert.deepStrictEqual(read, [11], "the snapshot's own event and ten more")
    })
  )

  scenario(
    "names so many left out versions, and no more",
    Effect.gen(function* () {
      const late = puts(maxNamed + 50).map((one) => ({ ...one, occurredAtMillis: 9_000 }))
      yield* past([...late, put("last", 1, 9_000)])
      const { leftOut, value } = yield* stateAt(atInstant(1, "occurred"))
      assert.deepStrictEqual(things(value), ["last"])
      assert.deepStrictEqual([leftOut.length, leftOut[0], leftOut.at(-1)], [maxNamed, 1, maxNamed])
    })
  )
})

describe("where there is no state, the problem says so", () => {
  scenario(
    "of a stream in which nothing has ever happened",
    expectProblem(stateAt(atVersion(1)), { _tag: "StreamNotFound", status: 404, stream }, "Check its name")
  )

  scenario(
    "of a version that has not come yet, with the newest",
    Effect.gen(function* () {
      yield* past(mixed)
      const expected = { _tag: "VersionNotFound", status: 404, version: 4, newestVersion: 3 }
      yield* expectProblem(stateAt(atVersion(4)), expected, "its newest is 3")
    })
  )

  scenario(
    "of an instant before the first event, by either time",
    Effect.gen(function* () {
      yield* past(mixed)
      const expected = { _tag: "NotYetBegun", status: 404, stream }
      yield* expectProblem(stateAt(atInstant(999, "recorded")), expected, "1970-01-01T00:00:00.999Z by recorded time")
      yield* expectProblem(stateAt(atInstant(99, "occurred")), expected, "nothing had happened yet")
    })
  )

  scenario(
    "where by occurred time an event comes without one that it needs",
    Effect.gen(function* () {
      const taken = happening("ThingTaken", { thing: "the last" }, 50, 2_000)
      yield* past([put("vase", 100, 1_000), taken])
      const expected = { _tag: "OutOfOrder", status: 422, version: 2, leftOut: [1] }
      yield* expectProblem(stateAt(atInstant(50, "occurred")), expected, "Ask by recorded time")
      assert.deepStrictEqual(things((yield* stateAt(atInstant(100, "occurred"))).value), [])
    })
  )

  scenario(
    "where an event cannot be decoded",
    Effect.gen(function* () {
      yield* past([put("vase", 1), happening("ThingStolen", {}, 2)])
      yield* expectProblem(stateAt(atVersion(2)), { _tag: "UndecodableEvent", version: 2 }, "ThingStolen")
      assert.strictEqual((yield* stateAt(atVersion(1))).version, 1, "before it all is known")
    })
  )
})

describe("where events are gone", () => {
  const pruned = (version: number) =>
    Effect.gen(function* () {
      yield* past(puts(10), { state: foldAll(puts(10)) })
      yield* Effect.flatMap(Journal, (journal) => journal.deleteTo(stream, version))
    })

  scenario(
    "the state is known from a remembered one on, and the problem says from which version",
    Effect.gen(function* () {
      yield* pruned(6)
      yield* remember(7, encode(foldAll(puts(7))), 7)
      assert.deepStrictEqual((yield* stateAt(atVersion(7))).value, foldAll(puts(7)))
      assert.deepStrictEqual((yield* stateAt(atVersion(9))).value, foldAll(puts(9)))
      assert.deepStrictEqual((yield* stateAt(atInstant(8, "recorded"))).value, foldAll(puts(8)))
      const expected = { _tag: "HistoryGone", status: 410, knownFromVersion: 7 }
      yield* expectProblem(stateAt(atVersion(6)), expected, "known from version 7 on")
      yield* expectProblem(stateAt(atInstant(6, "recorded")), expected, "known from version 7 on")
    })
  )

  scenario(
    "a snapshot before the gap does not bridge it",
    Effect.gen(function* () {
      yield* pruned(6)
      yield* remember(3, encode(foldAll(puts(3))), 3)
      assert.deepStrictEqual((yield* stateAt(atVersion(10))).value, foldAll(puts(10)), "by the stored state")
      yield* expectProblem(
        stateAt(atVersion(8)),
        { _tag: "HistoryGone", knownFromVersion: 10 },
        "known from version 10"
      )
    })
  )

  scenario(
    "there is no telling by business time, nor what a view was",
    Effect.gen(function* () {
      yield* pruned(6)
      const expected = { _tag: "HistoryGone", status: 410, knownFromVersion: null }
      yield* expectProblem(stateAt(atInstant(10, "occurred")), expected, "by occurred time cannot be told")
      const view = { events: shelf.events, initial: 0, step: (count: number) => count + 1 }
      const seen = Effect.flatMap(Journal, (journal) => foldTo(journal, view, stream, atVersion(10)))
      yield* expectProblem(seen, expected, "events that lead there are not kept")
    })
  )

  scenario(
    "at level 1, which keeps none, the present version is all that is known, and no instant",
    Effect.gen(function* () {
      yield* past(puts(3), { state: foldAll(puts(3)), keepEvents: false })
      const found = yield* stateAt(atVersion(3))
      assert.deepStrictEqual([found.value, found.last], [foldAll(puts(3)), null])
      const expected = { _tag: "HistoryGone", knownFromVersion: 3 }
      yield* expectProblem(stateAt(atVersion(2)), expected, "known from version 3 on")
      yield* expectProblem(stateAt(atInstant(3, "recorded")), expected, "")
      yield* expectProblem(versions({ limit: 5 }), { _tag: "HistoryGone" }, "not kept")
    })
  )
})

describe("where an event was taken out behind the journal's back", () => {
  scenario(
    "nothing advises to ask for what was asked for, and it is said what tells why",
    Effect.gen(function* () {
      yield* past(puts(10))
      yield* remember(5, encode(foldAll(puts(5))), 5)
      const holed = withJournal((journal) => ({
        readStream: (name, range) =>
          Effect.map(journal.readStream(name, range), (page) => page.filter(({ version }) => version !== 8))
      }))
      const missing = "npx daybook audit verify tells whether they were removed on purpose."
      const present = stateAt(atVersion(10)).pipe(holed)
      yield* expectProblem(
        present,
        { _tag: "HistoryGone" },
        `are not kept. Restore its events from an archive or a backup; ${missing}`
      )
      const before = stateAt(atVersion(9)).pipe(holed)
      yield* expectProblem(
        before,
        { _tag: "HistoryGone" },
        `Ask for its present state, or restore its events from an archive or a backup; ${missing}`
      )
      assert.deepStrictEqual((yield* stateAt(atVersion(7)).pipe(holed)).value, foldAll(puts(7)))
    })
  )
})

const versions = (page: { readonly after?: number; readonly limit: number }) =>
  Effect.flatMap(Journal, (journal) => Temporal.versions(journal, stream, page))

describe("the list of versions", () => {
  it("has every one once, in order, whatever the pages", () =>
    fc.assert(
      fc.asyncProperty(pasts, fc.integer({ min: 1, max: 7 }), (happenings, limit) =>
        check(
          Effect.gen(function* () {
            yield* past(happenings)
            const found: Array<Partial<Happening> & { readonly version: number }> = []
            let after: number | null = 0
            while (after !== null) {
              const page: Temporal.Versions = yield* versions({ after, limit })
              assert.isTrue(page.versions.length > 0 && page.versions.length <= limit)
              found.push(...page.versions)
              after = page.next
            }
            assert.deepStrictEqual(
              found.map(({ version, type, occurredAtMillis, recordedAtMillis }) => [
                version,
                type,
                occurredAtMillis,
                recordedAtMillis
              ]),
              happenings.map(({ type, occurredAtMillis, recordedAtMillis }, i) => [
                i + 1,
                type,
                occurredAtMillis,
                recordedAtMillis
              ])
            )
          })
        )
      ),
      { numRuns: 50 }
    ))

  scenario(
    "says which is the newest, and from which on they are kept",
    Effect.gen(function* () {
      yield* past(puts(10))
      yield* Effect.flatMap(Journal, (journal) => journal.deleteTo(stream, 4))
      const { versions: page, ...rest } = yield* versions({ limit: 2 })
      assert.deepStrictEqual(rest, { stream, newestVersion: 10, firstVersion: 5, next: 6 })
      assert.deepStrictEqual(
        page.map(({ version }) => version),
        [5, 6]
      )
      assert.deepStrictEqual((yield* versions({ after: 10, limit: 2 })).versions, [])
      assert.strictEqual((yield* versions({ after: 10, limit: 2 })).next, null)
    })
  )

  scenario(
    "of a stream that there is not is a problem",
    expectProblem(versions({ limit: 1 }), { _tag: "StreamNotFound" }, "")
  )
})
