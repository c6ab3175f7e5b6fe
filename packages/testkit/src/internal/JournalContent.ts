/**
 * Scenarios about what is in an event: that data, state and every piece of metadata come back as they were given, and that
 * what cannot be stored is refused without harm to its neighbours.
 */
import type { Append, NewEvent } from "@daybook/core/Journal"
import { Journal } from "@daybook/core/Journal"
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Section, scenario } from "../Suite.ts"
import {
  appendTo,
  eventOf,
  expectAppended,
  expectDense,
  freshTarget,
  handedOver,
  readAfter,
  store
} from "./JournalFixture.ts"

/** Stores events, and expects both reads, and the signal if it hands them over, to give them back with everything that was given. */
const roundTrip = (name: string, events: ReadonlyArray<NewEvent>) =>
  scenario(
    name,
    Effect.gen(function* () {
      const journal = yield* Journal
      const target = yield* freshTarget
      const [{ position }, handed] = yield* handedOver(store(appendTo(target, 0, events)))
      const fromStream = yield* journal.readStream(target.stream)
      const fromPartition = yield* readAfter(target.partition, position - 1)
      const expected = events.map((event, i) => ({
        ...event,
        ...target,
        version: i + 1,
        position: position + i,
        recordedAtMillis: fromStream[i]?.recordedAtMillis
      }))
      assert.deepStrictEqual<unknown>(fromStream, expected)
      assert.deepStrictEqual<unknown>(fromPartition, expected)
      if (handed !== undefined) assert.deepStrictEqual<unknown>(handed, expected)
    })
  )

const everythingKnown = {
  eventId: "0192f0c1-7a5b-7c3d-8e4f-0123456789ab",
  type: "ItemAdded",
  schemaVersion: 42,
  occurredAtMillis: 1_290_988_800_123,
  actor: "user:17850",
  reason: "customer asked by telephone",
  commandId: "7f6c8a1e-checkout",
  correlationId: "conversation-1",
  causationId: "message-1",
  traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tenant: "shop-uk"
} satisfies Partial<NewEvent>

const texts = ["actor", "reason", "commandId", "correlationId", "causationId", "traceParent", "tenant"] as const

/** Quotes, separators, escapes and characters outside the basic plane, as people and attackers write them. */
const awkward = 'Zoë O\'Neil "x"; DROP TABLE event; -- \\ \t\n € 日本語 \u{1f6d2} e\u0301 {}[],: $1 %s \u2028'

const awkwardTexts = eventOf({}, Object.fromEntries(texts.map((text) => [text, `${text} ${awkward}`])))

const instants = [
  0, -1, -2_208_988_800_000, 1_700_000_000_001, 1_700_000_000_999, 4_102_444_799_999, 253_402_300_799_999
]

const deep = (levels: number): unknown => (levels === 0 ? "bottom" : { next: [deep(levels - 1)] })

/** JSON values, by what is special about them. */
const values: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  "objects and arrays, empty and nested": [{}, [], { a: { b: [{ c: [[]] }, {}] } }, [[[1]], [{}]]],
  "a value that is no object": ["text", "", 0, 1.5, true, false, ["a", 1, null]],
  "JSON's null, as data and inside": [null, { a: null }, [null]],
  "unicode in strings and in keys": [{ [awkward]: awkward, "": "empty key", ключ: "значение" }],
  "NUL and other control characters in strings": [{ text: "a\u0000b\u0001\u001f\u007f", "k\u0000": "\u0000" }],
  "unpaired surrogates in strings": [{ text: "\ud800", other: "x\udc00y", pair: "\ud83d\ude00" }],
  "strings that look like something else": [{ a: "null", b: "1e3", c: "\\u0000", d: '{"a":1}', e: "2024-01-01" }],
  "whole numbers as large as are safe": [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 31, -(2 ** 31) - 1],
  "fractions, to the last digit": [0.1, 0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -1.5e-10, 123456789.12345679],
  "a hundred levels of nesting": [deep(100)],
  "keys that objects inherit": [JSON.parse('{"constructor":1,"toString":2,"__proto__":{"a":1}}')]
}

const recordedNow = scenario(
  "the time of recording is the present, and does not go back within a stream",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    for (let version = 0; version < 3; version++) {
      yield* store(appendTo(target, version, [eventOf({}, { occurredAtMillis: 0 })]))
    }
    const recorded = (yield* journal.readStream(target.stream)).map((event) => event.recordedAtMillis)
    const now = yield* Clock.currentTimeMillis
    const minutesOff = (recorded[0]! - now) / 60_000
    // The clock may be the store's own, on another machine.
    assert.isTrue(recorded.every(Number.isInteger) && Math.abs(minutesOff) < 10, `recorded ${minutesOff} minutes off`)
    assert.deepStrictEqual(
      recorded,
      [...recorded].sort((a, b) => a - b)
    )
  })
)

const readersCannotWrite = scenario(
  "what a reader does to data that it was given changes nothing in the journal",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const data = { items: ["a"] }
    yield* store(appendTo(target, 0, [eventOf(data)], { state: { schemaVersion: 1, data } }))
    data.items.push("by the writer, afterwards")
    const change = (held: unknown) => (held as typeof data).items.push("by a reader")
    change((yield* journal.readStream(target.stream))[0]!.data)
    change((yield* readAfter(target.partition, 0)).findLast((event) => event.stream === target.stream)!.data)
    change(Option.getOrThrow(yield* journal.state(target.stream)).data)
    assert.deepStrictEqual((yield* journal.readStream(target.stream))[0]!.data, { items: ["a"] })
    assert.deepStrictEqual(Option.getOrThrow(yield* journal.state(target.stream)).data, { items: ["a"] })
  })
)

const megabyte = scenario(
  "an event of a megabyte comes back whole",
  Effect.gen(function* () {
    const journal = yield* Journal
    const target = yield* freshTarget
    const data = { text: "0123456789abcdé".repeat(70_000) }
    yield* store(appendTo(target, 0, [eventOf(data)]))
    assert.deepStrictEqual((yield* journal.readStream(target.stream))[0]!.data, data)
  })
)

export const contents: Section<Journal> = {
  title: "what an event holds",
  scenarios: [
    roundTrip("every piece of metadata comes back", [eventOf({ a: 1 }, everythingKnown)]),
    roundTrip("metadata that was not given comes back as null", [eventOf({ a: 1 })]),
    roundTrip(
      "each piece of metadata stands for itself when the others are null",
      texts.map((text) => eventOf({}, { [text]: `only ${text}` }))
    ),
    roundTrip("metadata may hold any text", [awkwardTexts, eventOf({}, { type: "Käufer-Hinzugefügt_日本" })]),
    roundTrip("an empty text is not null", [eventOf({}, Object.fromEntries(texts.map((text) => [text, ""])))]),
    roundTrip(
      "occurred-at may be any millisecond, before 1970 and far ahead",
      instants.map((occurredAtMillis) => eventOf({}, { occurredAtMillis }))
    ),
    ...Object.entries(values).map(([what, given]) =>
      roundTrip(
        `data may be ${what}`,
        given.map((data) => eventOf(data))
      )
    ),
    recordedNow,
    readersCannotWrite,
    megabyte
  ]
}

const circular: Record<string, unknown> = { name: "circular" }
circular.self = circular

const throwing = {
  toJSON: () => {
    throw new Error("not today")
  }
}

const changed = (change: Partial<NewEvent>) => (good: Append) => ({
  ...good,
  events: [...good.events, eventOf({}, change)]
})

/** Ways of making an append that cannot be stored, by what is wrong with it. */
const unstorable: Readonly<Record<string, (good: Append) => Append>> = {
  "a BigInt in an event": changed({ data: { amount: 1n } }),
  "a circular event": changed({ data: circular }),
  "an event whose data is undefined": changed({ data: undefined }),
  "an event whose data is a function": changed({ data: () => 1 }),
  "an event that throws while it is written": changed({ data: { throwing } }),
  "a BigInt in the state": (good) => ({ ...good, state: { schemaVersion: 1, data: { amount: 1n } } }),
  "a state that is undefined": (good) => ({ ...good, state: { schemaVersion: 1, data: undefined } }),
  "a NUL character in the event's name": changed({ type: "No\u0000ted" }),
  "a NUL character in the stream's name": (good) => ({ ...good, stream: `${good.stream}\u0000` }),
  "a NUL character in a receipt": (good) => ({ ...good, receipts: [{ commandId: "a\u0000", version: 1 }] }),
  ...Object.fromEntries(texts.map((text) => [`a NUL character in ${text}`, changed({ [text]: "a\u0000b" })])),
  "an unpaired surrogate in metadata, which UTF-8 cannot hold": changed({ actor: "a\ud800b" })
}

/** Puts one append that cannot be stored between two that can. */
const refusesOnly = (what: string, spoil: (good: Append) => Append) =>
  scenario(
    `refuses ${what}, and stores its neighbours in the batch`,
    Effect.gen(function* () {
      const journal = yield* Journal
      const before = yield* journal.heads
      const [first, bad, last] = [yield* freshTarget, yield* freshTarget, yield* freshTarget]
      const good = (target: typeof first) => appendTo(target, 0, [eventOf({}, { eventId: uuidV7Unsafe() })])
      const outcomes = yield* journal.append([good(first), spoil(good(bad)), good(last)])
      expectAppended(outcomes[0])
      expectAppended(outcomes[2])
      const refused = outcomes[1]!
      if (refused._tag !== "Unserialisable") return assert.fail(`stored: ${JSON.stringify(refused)}`)
      assert.isAbove(refused.why.length, 0, "it says why")
      assert.strictEqual(yield* journal.version(bad.stream), 0)
      assert.deepStrictEqual(yield* journal.readStream(bad.stream), [])
      assert.isTrue(Option.isNone(yield* journal.state(bad.stream)))
      assert.strictEqual((yield* journal.readStream(first.stream)).length, 1)
      assert.strictEqual((yield* journal.readStream(last.stream)).length, 1)
      for (const [partition, after] of before.entries()) expectDense(yield* readAfter(partition, after), after)
    })
  )

const refusedAlone = scenario(
  "a batch in which nothing can be stored stores nothing, and the journal goes on",
  Effect.gen(function* () {
    const journal = yield* Journal
    const before = yield* journal.heads
    const target = yield* freshTarget
    const outcomes = yield* journal.append([appendTo(target, 0, [eventOf(1n)])])
    assert.deepStrictEqual(
      outcomes.map((outcome) => outcome._tag),
      ["Unserialisable"]
    )
    assert.deepStrictEqual(yield* journal.heads, before)
    yield* store(appendTo(target, 0, [eventOf({})]))
  })
)

export const refusals: Section<Journal> = {
  title: "what cannot be stored",
  scenarios: [...Object.entries(unstorable).map(([what, spoil]) => refusesOnly(what, spoil)), refusedAlone]
}
