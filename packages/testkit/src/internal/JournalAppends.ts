/**
 * Scenarios about appending: versions and conflicts, batches whose members do not touch each other, receipts that make
 * commands idempotent, stored state, and streams whose events are not kept.
 */
import type { Append } from "@daybook/core/Journal"
import { Journal } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Section, scenario } from "../Suite.ts"
import {
  append,
  appendTo,
  commandOn,
  eventOf,
  expectAppended,
  expectDense,
  freshTarget,
  freshTargets,
  numbered,
  range,
  readAfter,
  store,
  versionsOf,
  written
} from "./JournalFixture.ts"

const createsAndExtends = scenario(
  "versions of a stream, and positions of a partition, go on from one append to the next",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const head = (yield* journal.heads)[target.partition]!
    assert.deepStrictEqual(yield* append(appendTo(target, 0, numbered(1, 2))), {
      _tag: "Appended",
      version: 2,
      position: head + 1
    })
    assert.deepStrictEqual(yield* append(appendTo(target, 2, numbered(3, 5))), {
      _tag: "Appended",
      version: 5,
      position: head + 3
    })
    const events = yield* journal.readStream(target.stream)
    assert.deepStrictEqual(versionsOf(events), range(1, 5))
    expectDense(events, head)
  })
)

/** Appends at a wrong version to a stream of `existing` events. */
const conflicts = (name: string, existing: number, expectedVersion: number) =>
  scenario(
    name,
    Effect.gen(function* () {
      const journal = yield* Journal
      const target = existing === 0 ? yield* freshTarget : yield* written(existing)
      const heads = yield* journal.heads
      const state = { schemaVersion: 1, data: "refused" }
      const outcome = yield* append(appendTo(target, expectedVersion, numbered(9, 9), { state }))
      assert.deepStrictEqual(outcome, { _tag: "Conflict", actualVersion: existing })
      assert.deepStrictEqual(versionsOf(yield* journal.readStream(target.stream)), range(1, existing))
      assert.isTrue(Option.isNone(yield* journal.state(target.stream)))
      assert.deepStrictEqual(yield* journal.heads, heads)
    })
  )

const mixedBatch = scenario(
  "a conflict, a repeated command and an unserialisable event leave the rest of their batch stored",
  Effect.gen(function* () {
    const journal = yield* Journal
    const before = yield* journal.heads
    const [a, b, c, d] = yield* freshTargets(4)
    const taken = yield* written(2)
    const done = yield* freshTarget
    yield* store(commandOn(done, 0, "once", 1))
    const outcomes = yield* journal.append([
      appendTo(a!, 0, numbered(1, 2)),
      appendTo(taken, 0, numbered(9, 9)),
      appendTo(b!, 0, numbered(1, 1)),
      commandOn(done, 1, "once", 1),
      appendTo(c!, 0, [eventOf(1n)]),
      appendTo(d!, 0, numbered(1, 3))
    ])
    assert.deepStrictEqual(
      outcomes.map((outcome) => outcome._tag),
      ["Appended", "Conflict", "Appended", "Duplicate", "Unserialisable", "Appended"]
    )
    const lengths = []
    for (const { stream } of [a!, taken, b!, done, c!, d!]) lengths.push((yield* journal.readStream(stream)).length)
    assert.deepStrictEqual(lengths, [2, 2, 1, 1, 0, 3])
    for (const [partition, after] of before.entries()) expectDense(yield* readAfter(partition, after), after)
  })
)

const onlyRefused = scenario(
  "a batch of conflicts alone stores nothing and takes no position",
  Effect.gen(function* () {
    const journal = yield* Journal
    const [one, other] = [yield* written(1), yield* written(2)]
    const heads = yield* journal.heads
    assert.deepStrictEqual(
      yield* journal.append([appendTo(one, 0, numbered(1, 1)), appendTo(other, 1, numbered(1, 1))]),
      [
        { _tag: "Conflict", actualVersion: 1 },
        { _tag: "Conflict", actualVersion: 2 }
      ]
    )
    assert.deepStrictEqual(yield* journal.heads, heads)
  })
)

const nothingToAppend = scenario(
  "an empty batch has no outcomes, and an append without events takes no version and no position",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* written(2)
    const heads = yield* journal.heads
    assert.deepStrictEqual(yield* journal.append([]), [])
    assert.deepStrictEqual(yield* append(appendTo(target, 2, [])), { _tag: "Appended", version: 2, position: 0 })
    assert.deepStrictEqual(yield* append(appendTo(target, 1, [])), { _tag: "Conflict", actualVersion: 2 })
    assert.strictEqual(yield* journal.version(target.stream), 2)
    assert.deepStrictEqual(yield* journal.heads, heads)
  })
)

/** Stores a batch of new streams, and expects each stream whole and each partition dense. */
const batchOf = (name: string, streams: number, eventsPerStream: number) =>
  scenario(
    name,
    Effect.gen(function* () {
      const journal = yield* Journal
      const before = yield* journal.heads
      const targets = yield* freshTargets(streams)
      const outcomes = yield* journal.append(targets.map((target) => appendTo(target, 0, numbered(1, eventsPerStream))))
      assert.strictEqual(outcomes.length, streams)
      const stored = new Map<string, Array<unknown>>()
      for (const [partition, after] of before.entries()) {
        const events = yield* readAfter(partition, after, 500)
        expectDense(events, after)
        for (const { stream, version, position, data } of events) {
          stored.set(stream, [...(stored.get(stream) ?? []), [partition, version, position, data]])
        }
      }
      for (const [i, { stream, partition }] of targets.entries()) {
        const { version, position } = expectAppended(outcomes[i])
        assert.strictEqual(version, eventsPerStream)
        const expected = range(1, eventsPerStream).map((n) => [partition, n, position + n - 1, { n }])
        assert.deepStrictEqual(stored.get(stream), expected)
      }
    })
  )

export const appending: Section<Journal> = {
  title: "appending",
  scenarios: [
    createsAndExtends,
    conflicts("a create of a stream that exists is a conflict, and stores nothing", 2, 0),
    conflicts("an append at a version that has passed is a conflict, and stores nothing", 3, 2),
    conflicts("an append at a version still to come is a conflict, and stores nothing", 3, 4),
    conflicts("an append to a stream that does not exist is a conflict, and stores nothing", 0, 1),
    mixedBatch,
    onlyRefused,
    nothingToAppend,
    batchOf("a batch over many streams and all partitions is stored whole", 200, 3),
    batchOf("a thousand events of one stream are one batch", 1, 1_000),
    batchOf("a thousand streams are one batch", 1_000, 1)
  ]
}

const stateOf = (stream: string) =>
  Effect.gen(function* () {
    return Option.getOrNull(yield* (yield* Journal).state(stream))
  })

const stateStored = scenario(
  "state is stored with its version, replaced by the next append, and absent where none was given",
  Effect.gen(function* () {
    const target = yield* freshTarget
    assert.isNull(yield* stateOf(target.stream))
    yield* store(appendTo(target, 0, numbered(1, 2), { state: { schemaVersion: 1, data: { total: 2 } } }))
    assert.deepStrictEqual(yield* stateOf(target.stream), { version: 2, schemaVersion: 1, data: { total: 2 } })
    yield* store(appendTo(target, 2, numbered(3, 3), { state: { schemaVersion: 7, data: ["é", null] } }))
    assert.deepStrictEqual(yield* stateOf(target.stream), { version: 3, schemaVersion: 7, data: ["é", null] })
    assert.isNull(yield* stateOf((yield* written(1)).stream))
  })
)

const stateIsAnyJson = scenario(
  "state may be any JSON value, null and NUL characters included",
  Effect.gen(function* () {
    for (const data of [null, "text", 0, false, [], {}, { text: "a\u0000b\ud800", n: Number.MAX_SAFE_INTEGER }]) {
      const target = yield* freshTarget
      yield* store(appendTo(target, 0, numbered(1, 1), { state: { schemaVersion: 1, data } }))
      assert.deepStrictEqual(yield* stateOf(target.stream), { version: 1, schemaVersion: 1, data })
    }
  })
)

const stateNotReplacedWhenRefused = scenario(
  "a refused append leaves the stored state as it was",
  Effect.gen(function* () {
    const target = yield* freshTarget
    const state = (data: string) => ({ state: { schemaVersion: 1, data } })
    yield* store(appendTo(target, 0, numbered(1, 1), state("first")))
    yield* append(appendTo(target, 0, numbered(1, 1), state("stale")))
    yield* append(appendTo(target, 1, [eventOf(1n)], state("unserialisable")))
    assert.deepStrictEqual(yield* stateOf(target.stream), { version: 1, schemaVersion: 1, data: "first" })
  })
)

const sameVersionAgain = scenario(
  "commands that change nothing may store the state of the same version again, version 0 included",
  Effect.gen(function* () {
    for (const events of [0, 2]) {
      const target = yield* freshTarget
      for (const [i, expected] of [0, events, events].entries()) {
        const state = { schemaVersion: 1, data: `${i}` }
        const appended = numbered(1, i === 0 ? events : 0)
        yield* store(
          appendTo(target, expected, appended, { state, receipts: [{ commandId: `${i}`, version: events }] })
        )
        assert.deepStrictEqual(yield* stateOf(target.stream), { version: events, ...state })
      }
    }
  })
)

const inline = (events: number, data: unknown): Partial<Append> => ({
  keepEvents: false,
  events: numbered(1, events),
  state: { schemaVersion: 1, data }
})

const eventsNotKept = scenario(
  "without keeping events, the version advances and the state is stored; no event and no position is",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const heads = yield* journal.heads
    const outcome = yield* append(appendTo(target, 0, [], inline(3, "three")))
    assert.deepStrictEqual(outcome, { _tag: "Appended", version: 3, position: 0 })
    assert.strictEqual(yield* journal.version(target.stream), 3)
    assert.deepStrictEqual(yield* stateOf(target.stream), { version: 3, schemaVersion: 1, data: "three" })
    assert.deepStrictEqual(yield* journal.readStream(target.stream), [])
    assert.deepStrictEqual(yield* journal.heads, heads)
  })
)

const eventsNotKeptConflict = scenario(
  "without keeping events, a stale append is a conflict all the same",
  Effect.gen(function* () {
    const target = yield* freshTarget
    yield* store(appendTo(target, 0, [], inline(2, "two")))
    for (const expected of [0, 1, 3]) {
      const outcome = yield* append(appendTo(target, expected, [], inline(1, "stale")))
      assert.deepStrictEqual(outcome, { _tag: "Conflict", actualVersion: 2 })
    }
    yield* store(appendTo(target, 2, [], inline(1, "three")))
    assert.deepStrictEqual(yield* stateOf(target.stream), { version: 3, schemaVersion: 1, data: "three" })
  })
)

const levelsChange = scenario(
  "a stream may begin or cease to keep its events; versions go on",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const state = { schemaVersion: 1, data: "with events" }
    yield* store(appendTo(target, 0, [], inline(2, "inline")))
    yield* store(appendTo(target, 2, numbered(3, 4), { state }))
    yield* store(appendTo(target, 4, numbered(5, 5)))
    assert.deepStrictEqual(versionsOf(yield* journal.readStream(target.stream)), [3, 4, 5])
    assert.deepStrictEqual(yield* stateOf(target.stream), { version: 4, ...state })
    yield* store(appendTo(target, 5, [], inline(1, "inline again")))
    assert.strictEqual(yield* journal.version(target.stream), 6)
    assert.deepStrictEqual(versionsOf(yield* journal.readStream(target.stream)), [3, 4, 5])
    assert.deepStrictEqual(yield* append(appendTo(target, 5, numbered(6, 6))), { _tag: "Conflict", actualVersion: 6 })
  })
)

export const storedStates: Section<Journal> = {
  title: "stored state",
  scenarios: [
    stateStored,
    stateIsAnyJson,
    stateNotReplacedWhenRefused,
    sameVersionAgain,
    eventsNotKept,
    eventsNotKeptConflict,
    levelsChange
  ]
}
