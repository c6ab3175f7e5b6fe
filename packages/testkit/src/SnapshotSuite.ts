/**
 * The contract of `Snapshots` as a suite. The first thirteen scenarios are the cases of the snapshot part of Apache Pekko's
 * persistence TCK in this platform's terms; the rest is about what it has besides.
 */
import { type Criteria, type Snapshot, Snapshots } from "@daybook/core/Snapshot"
import { assert } from "@effect/vitest"
import { uuidV4Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type Registered, register, type Section, scenario } from "./Suite.ts"

/** What a snapshot store gives to be tested. */
export interface SnapshotSuiteOptions {
  /** A snapshot store; built once. It need not be empty. */
  readonly layer: () => Layer.Layer<Snapshots, unknown>
}

const freshStream = Effect.sync(() => `case-${uuidV4Unsafe()}`)

const epoch = 1_700_000_000_000

/** The snapshot of a version: taken in its millisecond, holding its number. */
const at = (stream: string, version: number, given: Partial<Snapshot> = {}): Snapshot => ({
  stream,
  version,
  schemaVersion: 1,
  takenAtMillis: epoch + version,
  data: { n: version },
  ...given
})

/** A new stream with snapshots of versions 11 to 15. */
const written = Effect.gen(function* () {
  const snapshots = yield* Snapshots
  const stream = yield* freshStream
  for (const version of [11, 12, 13, 14, 15]) yield* snapshots.save(at(stream, version))
  return stream
})

const latest = (stream: string, criteria?: Criteria) =>
  Effect.gen(function* () {
    return Option.getOrNull(yield* (yield* Snapshots).latest(stream, criteria))
  })

/** Versions that are left, the highest first. */
const versionsLeft = (stream: string) =>
  Effect.gen(function* () {
    const versions: Array<number> = []
    let found = yield* latest(stream)
    while (found !== null) {
      versions.push(found.version)
      found = yield* latest(stream, { maxVersion: found.version - 1 })
    }
    return versions
  })

/** Asks for the newest of versions 11 to 15 that fits. */
const finds = (name: string, criteria: Criteria | undefined, version: number | null) =>
  scenario(
    name,
    Effect.gen(function* () {
      const stream = yield* written
      assert.deepStrictEqual(yield* latest(stream, criteria), version === null ? null : at(stream, version))
    })
  )

/** Deletes from versions 11 to 15 what fits. */
const deletes = (name: string, criteria: Criteria, left: ReadonlyArray<number>) =>
  scenario(
    name,
    Effect.gen(function* () {
      const snapshots = yield* Snapshots
      const stream = yield* written
      assert.strictEqual(yield* snapshots.delete(stream, criteria), 5 - left.length)
      assert.deepStrictEqual(yield* versionsLeft(stream), left)
      assert.strictEqual(yield* snapshots.delete(stream, criteria), 0)
    })
  )

/** Saves a state on a new stream, and expects it back as it was. */
const keeps = (name: string, given: Partial<Snapshot>) =>
  scenario(
    name,
    Effect.gen(function* () {
      const stream = yield* freshStream
      const snapshot = at(stream, 100, given)
      yield* (yield* Snapshots).save(snapshot)
      assert.deepStrictEqual(yield* latest(stream), snapshot)
    })
  )

const unknownStream = scenario(
  "finds nothing for an unknown stream",
  Effect.gen(function* () {
    const stream = yield* freshStream
    assert.isNull(yield* latest(stream))
    assert.isNull(yield* latest(stream, { maxVersion: 100 }))
  })
)

const overwritten = scenario(
  "saving a version again overwrites it",
  Effect.gen(function* () {
    const snapshots = yield* Snapshots
    const stream = yield* written
    const again = at(stream, 15, { data: "again", schemaVersion: 2, takenAtMillis: epoch + 999 })
    yield* snapshots.save(again)
    assert.deepStrictEqual(yield* latest(stream), again)
    assert.deepStrictEqual(yield* versionsLeft(stream), [15, 14, 13, 12, 11])
  })
)

const awkward = {
  text: "Zoë \u{1f6d2} 日本語 a\u0000b \ud800 \"'\\",
  numbers: [Number.MAX_SAFE_INTEGER, 0.1 + 0.2, -1.5e-10],
  nested: { list: [{}, [], null, true, { "": "empty key" }] }
}

const ported: Section<Snapshots> = {
  title: "the cases of Pekko's TCK",
  scenarios: [
    unknownStream,
    finds("finds nothing taken before any was taken", { maxTakenAtMillis: epoch }, null),
    finds("finds nothing of a version before any there is", { maxVersion: 7 }, null),
    finds("finds the newest", undefined, 15),
    finds("finds the newest up to a version", { maxVersion: 13 }, 13),
    finds("finds the newest up to a version and a time", { maxVersion: 13, maxTakenAtMillis: epoch + 12 }, 12),
    deletes("deletes a single version", { minVersion: 13, maxVersion: 13 }, [15, 14, 12, 11]),
    deletes("deletes all up to a version and a time", { maxVersion: 13, maxTakenAtMillis: epoch + 13 }, [15, 14]),
    deletes(
      "does not delete what was taken later than asked for",
      { minVersion: 14, maxVersion: 14, maxTakenAtMillis: epoch + 13 },
      [15, 14, 13, 12, 11]
    ),
    overwritten,
    keeps("keeps a state of 10 kB", { data: "0123456789".repeat(1_000) }),
    keeps("keeps any JSON value as it is", { data: awkward }),
    keeps("keeps the schema version and the time with it", { schemaVersion: 42, takenAtMillis: 253_402_300_799_999 })
  ]
}

/** Keeps the newest of versions 11 to 15. */
const keepsLatest = (name: string, keep: number, left: ReadonlyArray<number>) =>
  scenario(
    name,
    Effect.gen(function* () {
      const snapshots = yield* Snapshots
      const stream = yield* written
      const other = yield* written
      assert.strictEqual(yield* snapshots.keepLatest(stream, keep), 5 - left.length)
      assert.deepStrictEqual(yield* versionsLeft(stream), left)
      assert.strictEqual(yield* snapshots.keepLatest(stream, keep), 0)
      assert.deepStrictEqual(yield* versionsLeft(other), [15, 14, 13, 12, 11], "other streams keep theirs")
    })
  )

const newestIsOfVersion = scenario(
  "the newest is that of the highest version, whatever the order and the times of saving",
  Effect.gen(function* () {
    const snapshots = yield* Snapshots
    const stream = yield* freshStream
    for (const version of [9, 100, 11]) yield* snapshots.save(at(stream, version, { takenAtMillis: epoch - version }))
    assert.strictEqual((yield* latest(stream))?.version, 100)
    assert.deepStrictEqual(yield* versionsLeft(stream), [100, 11, 9])
  })
)

const streamsApart = scenario(
  "snapshots of one stream are neither found nor deleted through another, of a name much like it",
  Effect.gen(function* () {
    const snapshots = yield* Snapshots
    const stream = yield* written
    for (const other of [`${stream}1`, stream.toUpperCase(), `${stream} `, stream.slice(0, -1), "%"]) {
      assert.isNull(yield* latest(other))
      assert.strictEqual(yield* snapshots.delete(other, {}), 0)
    }
    assert.deepStrictEqual(yield* versionsLeft(stream), [15, 14, 13, 12, 11])
  })
)

const nullState = scenario(
  "a state that is JSON's null is a snapshot, and not the absence of one",
  Effect.gen(function* () {
    const stream = yield* freshStream
    yield* (yield* Snapshots).save(at(stream, 1, { data: null }))
    assert.deepStrictEqual(yield* latest(stream), at(stream, 1, { data: null }))
  })
)

const refused = scenario(
  "a state that is no JSON is refused with an error, and what was there stays",
  Effect.gen(function* () {
    const snapshots = yield* Snapshots
    const stream = yield* written
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const data of [undefined, 1n, circular, () => 1]) {
      const error = yield* Effect.flip(snapshots.save(at(stream, 15, { data })))
      assert.strictEqual(error._tag, "SnapshotsUnavailable")
    }
    assert.deepStrictEqual(yield* latest(stream), at(stream, 15))
  })
)

const copies = scenario(
  "changing a state after it was saved or read changes no snapshot",
  Effect.gen(function* () {
    const snapshots = yield* Snapshots
    const stream = yield* freshStream
    const data = { items: ["a"] }
    yield* snapshots.save(at(stream, 1, { data }))
    data.items.push("by the writer")
    ;((yield* latest(stream))!.data as typeof data).items.push("by a reader")
    assert.deepStrictEqual((yield* latest(stream))!.data, { items: ["a"] })
  })
)

const own: Section<Snapshots> = {
  title: "what this platform asks besides",
  scenarios: [
    finds("finds the newest from a version on", { minVersion: 14 }, 15),
    finds("finds nothing from beyond the newest version", { minVersion: 16 }, null),
    finds(
      "finds the newest taken in a span of time",
      { minTakenAtMillis: epoch + 12, maxTakenAtMillis: epoch + 13 },
      13
    ),
    finds("finds nothing taken later than all", { minTakenAtMillis: epoch + 16 }, null),
    finds("finds the newest when the criteria are empty", {}, 15),
    deletes("deletes a range of versions", { minVersion: 12, maxVersion: 14 }, [15, 11]),
    deletes("deletes what was taken in a span of time", { minTakenAtMillis: epoch + 14 }, [13, 12, 11]),
    deletes("deletes all when the criteria are empty", {}, []),
    keepsLatest("keeps as many of the newest as asked for", 2, [15, 14]),
    keepsLatest("keeps all when there are fewer", 10, [15, 14, 13, 12, 11]),
    keepsLatest("keeps none when asked to", 0, []),
    newestIsOfVersion,
    streamsApart,
    nullState,
    refused,
    copies
  ]
}

/** Registers the suite with vitest as `Snapshots conformance: <name>`. */
export const snapshotSuite = (name: string, options: SnapshotSuiteOptions): Registered =>
  register(`Snapshots conformance: ${name}`, options.layer(), [ported, own])
