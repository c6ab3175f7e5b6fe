/**
 * Scenarios about reading one stream back, also after its beginning was deleted. The list of cases follows the journal part of
 * Apache Pekko's persistence TCK.
 */
import { Journal, type StreamRange } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Section, scenario } from "../Suite.ts"
import {
  append,
  appendTo,
  freshId,
  freshTarget,
  freshTargetIn,
  numbered,
  range,
  readAfter,
  store,
  targetOf,
  versionsOf,
  written
} from "./JournalFixture.ts"

/** Reads a stream of five events, and expects these versions with their data. */
const replays = (name: string, bounds: StreamRange | undefined, versions: ReadonlyArray<number>) =>
  scenario(
    name,
    Effect.gen(function* () {
      const journal = yield* Journal
      const { stream } = yield* written(5)
      const events = yield* journal.readStream(stream, bounds)
      assert.deepStrictEqual(versionsOf(events), versions)
      assert.deepStrictEqual(
        events.map((event) => event.data),
        versions.map((n) => ({ n }))
      )
      assert.strictEqual(yield* journal.version(stream), 5)
    })
  )

/** The same of a stream of five events whose first three were deleted. */
const replaysAfterDeletion = (name: string, bounds: StreamRange | undefined, versions: ReadonlyArray<number>) =>
  scenario(
    name,
    Effect.gen(function* () {
      const journal = yield* Journal
      const { stream } = yield* written(5)
      yield* journal.deleteTo(stream, 3)
      assert.deepStrictEqual(versionsOf(yield* journal.readStream(stream, bounds)), versions)
      assert.strictEqual(yield* journal.version(stream), 5)
    })
  )

const unknownStream = scenario(
  "an unknown stream has no events and version 0",
  Effect.gen(function* () {
    const journal = yield* Journal
    const { stream } = yield* freshTarget
    assert.deepStrictEqual(yield* journal.readStream(stream), [])
    assert.deepStrictEqual(yield* journal.readStream(stream, { from: 1, to: 10, limit: 10 }), [])
    assert.strictEqual(yield* journal.version(stream), 0)
  })
)

/** Names that a collation, a pattern or a normalisation might take for one another. */
const lookalikes = [
  "a",
  "A",
  "a ",
  " a",
  "ab",
  "a%",
  "a_",
  "a'",
  'a"',
  "a\\",
  "a-b",
  "é",
  "e\u0301",
  "ａ",
  "日本",
  "😀"
]

const lookalikeStreams = scenario(
  "streams whose names differ in case, spaces, accents or wildcards alone are different streams",
  Effect.gen(function* () {
    const journal = yield* Journal
    const base = freshId()
    const targets = lookalikes.map((suffix) => targetOf(journal, `${base}${suffix}`))
    for (const [i, target] of targets.entries()) yield* store(appendTo(target, 0, numbered(i + 1, i + 1)))
    for (const [i, { stream }] of targets.entries()) {
      const events = yield* journal.readStream(stream)
      assert.deepStrictEqual(
        events.map((event) => [event.stream, event.data]),
        [[stream, { n: i + 1 }]]
      )
    }
  })
)

export const readingStreams: Section<Journal> = {
  title: "reading one stream",
  scenarios: [
    replays("replays every event in order", undefined, range(1, 5)),
    replays("replays from a lower bound", { from: 3 }, [3, 4, 5]),
    replays("replays from the beginning when the lower bound is 0", { from: 0 }, range(1, 5)),
    replays("replays up to an upper bound", { to: 3 }, [1, 2, 3]),
    replays("replays a limited number", { limit: 3 }, [1, 2, 3]),
    replays("replays between a lower and an upper bound", { from: 2, to: 3 }, [2, 3]),
    replays("replays a limited number from a lower bound", { from: 2, limit: 3 }, [2, 3, 4]),
    replays("replays a limited number up to an upper bound", { to: 4, limit: 2 }, [1, 2]),
    replays("replays a limited number between bounds", { from: 2, to: 5, limit: 2 }, [2, 3]),
    replays("replays one event when the bounds are equal", { from: 2, to: 2 }, [2]),
    replays("replays one event when the limit is 1", { from: 2, to: 4, limit: 1 }, [2]),
    replays("replays nothing when the limit is 0", { from: 2, to: 4, limit: 0 }, []),
    replays("replays nothing when the lower bound is above the upper", { from: 3, to: 2 }, []),
    replays("replays nothing from beyond the end", { from: 6 }, []),
    replays("replays what there is when bounds and limit ask for more", { from: 4, to: 100, limit: 100 }, [4, 5]),
    replays(
      "replays everything when bounds and limit are as large as numbers are",
      { from: 1, to: Number.MAX_SAFE_INTEGER, limit: Number.MAX_SAFE_INTEGER },
      range(1, 5)
    ),
    unknownStream,
    lookalikeStreams
  ]
}

const deletionIsCounted = scenario(
  "deleting answers how many events went, and 0 the second time",
  Effect.gen(function* () {
    const journal = yield* Journal
    const { stream } = yield* written(5)
    assert.strictEqual(yield* journal.deleteTo(stream, 0), 0)
    assert.strictEqual(yield* journal.deleteTo(stream, 3), 3)
    assert.strictEqual(yield* journal.deleteTo(stream, 3), 0)
    assert.strictEqual(yield* journal.deleteTo((yield* freshTarget).stream, 3), 0)
  })
)

const lastEventStays = scenario(
  "the last event is never deleted, so that the stream keeps its version",
  Effect.gen(function* () {
    const journal = yield* Journal
    const { stream } = yield* written(5)
    assert.strictEqual(yield* journal.deleteTo(stream, Number.MAX_SAFE_INTEGER), 4)
    assert.deepStrictEqual(versionsOf(yield* journal.readStream(stream)), [5])
    assert.strictEqual(yield* journal.version(stream), 5)
    assert.strictEqual(yield* journal.deleteTo(stream, 5), 0)
  })
)

const deletedFromPartition = scenario(
  "deleted events are gone from the partition; its other streams, and its head, stay as they were",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const neighbour = yield* freshTargetIn(target.partition)
    const before = (yield* journal.heads)[target.partition]!
    yield* journal.append([appendTo(target, 0, numbered(1, 3)), appendTo(neighbour, 0, numbered(1, 2))])
    const heads = yield* journal.heads
    yield* journal.deleteTo(target.stream, 2)
    const left = yield* readAfter(target.partition, before)
    const versions = (stream: string) => versionsOf(left.filter((event) => event.stream === stream))
    assert.deepStrictEqual(versions(target.stream), [3])
    assert.deepStrictEqual(versions(neighbour.stream), [1, 2])
    assert.deepStrictEqual(yield* journal.heads, heads)
  })
)

const goesOnAfterDeletion = scenario(
  "a stream goes on after a deletion, with the next version and the partition's next position",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* written(3)
    yield* journal.deleteTo(target.stream, 3)
    const head = (yield* journal.heads)[target.partition]!
    const { version, position } = yield* store(appendTo(target, 3, numbered(4, 5)))
    assert.deepStrictEqual([version, position], [5, head + 1])
    assert.deepStrictEqual(versionsOf(yield* journal.readStream(target.stream)), [3, 4, 5])
  })
)

const staleAfterDeletion = scenario(
  "a stale create, and an append at a deleted version, are still conflicts after a deletion",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* written(3)
    yield* journal.deleteTo(target.stream, 3)
    for (const expected of [0, 1, 2]) {
      const outcome = yield* append(appendTo(target, expected, numbered(9, 9)))
      assert.deepStrictEqual(outcome, { _tag: "Conflict", actualVersion: 3 })
    }
    assert.deepStrictEqual(versionsOf(yield* journal.readStream(target.stream)), [3])
  })
)

export const deletingPrefixes: Section<Journal> = {
  title: "after a stream's beginning was deleted",
  scenarios: [
    replaysAfterDeletion("deleted events are not replayed, and the version stays", undefined, [4, 5]),
    replaysAfterDeletion("a lower bound inside the deleted part begins at what is left", { from: 2 }, [4, 5]),
    replaysAfterDeletion("a lower bound at the last deleted event begins at what is left", { from: 3 }, [4, 5]),
    replaysAfterDeletion("a lower bound at the first event left includes it", { from: 4 }, [4, 5]),
    replaysAfterDeletion("an upper bound inside the deleted part gives nothing", { to: 2 }, []),
    replaysAfterDeletion("an upper bound at the last deleted event gives nothing", { to: 3 }, []),
    replaysAfterDeletion("an upper bound at the first event left gives that one", { to: 4 }, [4]),
    replaysAfterDeletion("both bounds inside the deleted part give nothing", { from: 1, to: 3 }, []),
    replaysAfterDeletion("bounds around the edge give what is left", { from: 2, to: 4 }, [4]),
    replaysAfterDeletion("a limit counts the events left, not the deleted ones", { from: 1, limit: 1 }, [4]),
    deletionIsCounted,
    lastEventStays,
    deletedFromPartition,
    goesOnAfterDeletion,
    staleAfterDeletion
  ]
}
