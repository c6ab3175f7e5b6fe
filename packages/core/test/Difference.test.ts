/**
 * What someone who asks what changed relies on: the whole patch leads from the one state to the other, so do the patches of the
 * versions one after the other, page by page, and each says who it was, when and why.
 */
import { difference, maxHeld, type Question } from "@daybook/core/Difference"
import { Journal } from "@daybook/core/Journal"
import type { Snapshots } from "@daybook/core/Snapshot"
import { atInstant, atVersion, type Point } from "@daybook/core/StreamFold"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as JsonPatch from "effect/JsonPatch"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { encode, foldAll, happening, past, pasts, puts, questions, source, stores, stream, upTo } from "./Past.ts"

const ask = (from: Point, to: Point, page: Omit<Question, "from" | "to"> = { limit: 100 }) =>
  Effect.flatMap(source, (origin) => difference(origin, stream, { from, to, ...page }))

const scenario = <E>(name: string, run: Effect.Effect<unknown, E, Journal | Snapshots>) =>
  it.effect(name, () => Effect.provide(run, stores))

/** Runs a property's case on stores of its own. */
const check = <E>(run: Effect.Effect<void, E, Journal | Snapshots>) =>
  Effect.runPromise(run.pipe(Effect.provide(stores), Effect.provide(TestClock.layer())))

const apply = (patch: JsonPatch.JsonPatch, state: unknown) =>
  JsonPatch.apply(patch, state as Parameters<typeof JsonPatch.apply>[1])

const expectProblem = <A, E, R>(effect: Effect.Effect<A, E, R>, expected: object, detail: string) =>
  Effect.map(Effect.flip(effect), (problem) => {
    for (const [key, value] of Object.entries(expected)) assert.deepStrictEqual((problem as any)[key], value, key)
    assert.include((problem as any).detail, detail)
  })

/** All pages of the changes, of so many each. */
const allChanges = (from: Point, to: Point, limit: number) =>
  Effect.gen(function* () {
    const first = yield* ask(from, to, { limit })
    const changes = [...first.changes]
    let { next } = first
    while (next !== null) {
      const page = yield* ask(from, to, { limit, after: next })
      assert.deepStrictEqual([page.patch, page.from, page.to], [first.patch, first.from, first.to])
      assert.isAtMost(page.changes.length, limit)
      changes.push(...page.changes)
      next = page.next
    }
    return changes
  })

describe("a difference", () => {
  it("leads from the one state to the other, as a whole and version by version", () =>
    fc.assert(
      fc.asyncProperty(questions, fc.integer({ min: 1, max: 6 }), ([happenings, [from, to]], limit) =>
        check(
          Effect.gen(function* () {
            yield* past(happenings)
            const before = encode(foldAll(upTo(happenings, from)))
            const after = encode(foldAll(upTo(happenings, to)))
            const { patch } = yield* ask(from, to, { limit })
            assert.deepStrictEqual(apply(patch, before), after)
            const changes = yield* allChanges(from, to, limit)
            const stepped = changes.reduce((state: unknown, change) => apply(change.patch, state), before)
            assert.deepStrictEqual(stepped, after)
            const counted = upTo(happenings, from)
            const between = upTo(happenings, to).filter((one) => !counted.includes(one))
            const versions = between.map((one) => happenings.indexOf(one) + 1)
            const found = changes.map(({ version }) => version)
            assert.deepStrictEqual(
              [...found].sort((a, b) => a - b),
              versions,
              "each version between them, once"
            )
            const isOccurred = to._tag === "Instant" && to.by === "occurred"
            const key = (version: number) =>
              (isOccurred ? happenings[version - 1]!.occurredAtMillis * 1_000 : 0) + version
            assert.deepStrictEqual(
              found,
              [...found].sort((a, b) => key(a) - key(b)),
              "in the order of that time"
            )
          })
        )
      ),
      { numRuns: 300 }
    ))

  it("and the one that follows on it are together the difference of both", () =>
    fc.assert(
      fc.asyncProperty(pasts, fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }), (happenings, places) =>
        check(
          Effect.gen(function* () {
            yield* past(happenings)
            const [a, b, c] = places.map((place) => Math.min(place, happenings.length)).sort((x, y) => x - y)
            const first = yield* ask(atVersion(a!), atVersion(b!))
            const second = yield* ask(atVersion(b!), atVersion(c!))
            const both = yield* ask(atVersion(a!), atVersion(c!))
            const start = encode(first.from.value)
            assert.deepStrictEqual(apply(second.patch, apply(first.patch, start)), apply(both.patch, start))
            assert.deepStrictEqual([...first.changes, ...second.changes], both.changes)
          })
        )
      ),
      { numRuns: 50 }
    ))

  scenario(
    "says with each change who it was, when and why",
    Effect.gen(function* () {
      yield* past([
        happening("ThingPut", { thing: "book" }, 100, 1_000),
        happening("ShelfLabelled", { label: "left" }, 50, 2_000)
      ])
      const { changes, from, to } = yield* ask(atVersion(0), atVersion(2))
      assert.deepStrictEqual([from.version, to.version], [0, 2])
      const { eventId, ...labelled } = changes[1]!
      assert.deepStrictEqual(labelled, {
        version: 2,
        type: "ShelfLabelled",
        schemaVersion: 1,
        occurredAtMillis: 50,
        recordedAtMillis: 2_000,
        actor: "actor 2",
        reason: "reason 2",
        commandId: "command 2",
        correlationId: "c",
        causationId: null,
        patch: [{ op: "replace", path: "/label", value: "left" }]
      })
      const byBusiness = yield* ask(atInstant(0, "occurred"), atInstant(100, "occurred"))
      assert.deepStrictEqual(
        byBusiness.changes.map(({ version }) => version),
        [2, 1],
        "the label came before the book"
      )
    })
  )

  scenario(
    "between a version and an instant of recorded time goes either way round",
    Effect.gen(function* () {
      yield* past(puts(5))
      const versions = (found: { readonly changes: ReadonlyArray<{ readonly version: number }> }) =>
        found.changes.map(({ version }) => version)
      assert.deepStrictEqual(versions(yield* ask(atVersion(2), atInstant(4, "recorded"))), [3, 4])
      assert.deepStrictEqual(versions(yield* ask(atInstant(2, "recorded"), atVersion(4))), [3, 4])
      assert.deepStrictEqual(versions(yield* ask(atVersion(3), atInstant(3, "recorded"))), [])
    })
  )

  scenario(
    "over thousands of events is answered in pages",
    Effect.gen(function* () {
      yield* past(puts(2_500))
      const { patch, changes, next } = yield* ask(atVersion(1), atVersion(2_400), { limit: 10 })
      assert.deepStrictEqual([patch.length, changes.length, next], [2_399, 10, 11])
      const last = yield* ask(atVersion(1), atVersion(2_400), { limit: 10, after: 2_395 })
      assert.deepStrictEqual(
        [last.changes.map(({ version }) => version), last.next],
        [[2_396, 2_397, 2_398, 2_399, 2_400], null]
      )
    })
  )

  scenario(
    "of one and the same point is none",
    Effect.gen(function* () {
      yield* past(puts(3))
      for (const point of [atVersion(2), atInstant(2, "recorded"), atInstant(2, "occurred")]) {
        const { patch, changes, next } = yield* ask(point, point)
        assert.deepStrictEqual([patch, changes, next], [[], [], null])
      }
    })
  )
})

describe("points that cannot be compared are refused", () => {
  const refused = (from: Point, to: Point, detail: string) =>
    expectProblem(ask(from, to), { _tag: "PointsNotInOrder", status: 400, stream }, detail)

  scenario(
    "the later one first, however they are given",
    Effect.gen(function* () {
      yield* past(puts(5))
      yield* refused(atVersion(3), atVersion(2), "from version 3 to version 2")
      yield* refused(atInstant(3, "recorded"), atInstant(2, "recorded"), "swap them")
      yield* refused(atInstant(3, "occurred"), atInstant(2, "occurred"), "swap them")
      yield* refused(atVersion(3), atInstant(2, "recorded"), "swap them")
      yield* refused(atInstant(3, "recorded"), atVersion(2), "swap them")
    })
  )

  scenario(
    "business time with anything else",
    Effect.gen(function* () {
      yield* past(puts(5))
      yield* refused(atVersion(1), atInstant(2, "occurred"), "another one")
      yield* refused(atInstant(1, "recorded"), atInstant(2, "occurred"), "another one")
      yield* refused(atInstant(1, "occurred"), atVersion(2), "another one")
    })
  )

  scenario(
    "points that there are not, with the problem of the point",
    Effect.gen(function* () {
      yield* expectProblem(ask(atVersion(0), atVersion(1)), { _tag: "StreamNotFound" }, "")
      yield* past(puts(5))
      yield* expectProblem(ask(atVersion(0), atVersion(6)), { _tag: "VersionNotFound", newestVersion: 5 }, "")
      yield* Effect.flatMap(Journal, (journal) => journal.deleteTo(stream, 3))
      yield* expectProblem(ask(atVersion(1), atVersion(5)), { _tag: "HistoryGone" }, "")
    })
  )

  scenario(
    "more business time than can be put in order",
    Effect.gen(function* () {
      const labels = Array.from({ length: maxHeld + 1 }, (_, i) => happening("ShelfLabelled", { label: "a" }, i + 1, 1))
      yield* past(labels)
      const problem = ask(atInstant(0, "occurred"), atInstant(maxHeld + 1, "occurred"))
      yield* expectProblem(problem, { _tag: "HistoryTooLong", status: 422, limit: maxHeld }, "Ask by recorded time")
    })
  )

  scenario(
    "a step of business time that makes no sense without what came later",
    Effect.gen(function* () {
      yield* past([
        happening("ThingPut", { thing: "vase" }, 100, 1_000),
        happening("ThingTaken", { thing: "the last" }, 50, 2_000)
      ])
      const problem = ask(atInstant(0, "occurred"), atInstant(100, "occurred"))
      yield* expectProblem(problem, { _tag: "OutOfOrder", version: 2, leftOut: [1] }, "Ask by recorded time")
    })
  )
})
