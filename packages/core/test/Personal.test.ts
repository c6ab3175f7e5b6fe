/**
 * What privacy rests on: personal fields take no clear text and are known from their schemas, tokens say whose they are and
 * nothing more, the same value is the same token, and a destroyed key is forgotten in time.
 */

import { MasterKeys } from "@daybook/core/MasterKeys"
import * as Personal from "@daybook/core/Personal"
import * as Token from "@daybook/core/PersonalToken"
import { KeyStore, SubjectKeys } from "@daybook/core/SubjectKeys"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const Person = Schema.Struct({ name: Schema.String, phone: Schema.optionalKey(Schema.String) })
const recipient = Personal.make("a recipient", Person)
const jane = { name: "Jane Doe", phone: "+44 20 7946 0000" }

describe("a personal value", () => {
  it.effect("comes out as it went in, and none comes out when its subject was erased", () =>
    Effect.gen(function* () {
      const token = yield* recipient.seal("17850", jane)
      expect(yield* recipient.open(token)).toEqual(Option.some(jane))
      yield* (yield* SubjectKeys).destroy("17850")
      expect(yield* recipient.open(token)).toEqual(Option.none())
    }).pipe(Effect.provide(SubjectKeys.layerMemory))
  )

  it.effect(
    "is the same token when it is sealed again, another for another subject, and of a length that tells little",
    () =>
      Effect.gen(function* () {
        const tokens = yield* Effect.forEach(
          [
            ["a", jane],
            ["a", jane],
            ["b", jane],
            ["a", { name: "Jo" }],
            ["a", { name: "Joanna" }]
          ] as const,
          ([subject, value]) => recipient.seal(subject, value)
        )
        expect(tokens[0]).toBe(tokens[1])
        expect(new Set(tokens).size).toBe(4)
        expect(tokens[3]).toHaveLength(tokens[4]!.length)
      }).pipe(Effect.provide(SubjectKeys.layerMemory))
  )
})

describe("a token", () => {
  it.effect("says whose it is and holds nothing of the value, not in base64 either", () =>
    Effect.gen(function* () {
      const token = yield* recipient.seal("Ελένη: 1", jane)
      expect(Token.subjectOf(token)).toBe("Ελένη: 1")
      const { sealed } = Token.parse(token)!
      expect(`${token}${new TextDecoder().decode(sealed)}`).not.toMatch(/Jane|Doe|7946/)
    }).pipe(Effect.provide(SubjectKeys.layerMemory))
  )

  it.effect("is found in any text by its subject's pattern, and no other subject's is", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* recipient.seal("1", jane), yield* recipient.seal("11", jane)]
      const text = JSON.stringify({ a: [one, { b: other }], c: `see ${one}.` })
      const redacted = text.replaceAll(new RegExp(Token.patternOf("1"), "g"), "-")
      expect(JSON.parse(redacted)).toEqual({ a: ["-", { b: other }], c: "see -." })
      expect(other.startsWith(Token.prefixOf("1"))).toBe(false)
    }).pipe(Effect.provide(SubjectKeys.layerMemory))
  )
})

describe("a personal field", () => {
  const Fields = Schema.Struct({
    id: Schema.String,
    recipient: Schema.NullOr(recipient.token),
    notes: Schema.Array(Schema.Struct({ by: Schema.optionalKey(recipient.token), text: Schema.String })),
    others: Schema.Record(Schema.String, recipient.token)
  })

  it("refuses a value in clear, and does not repeat it", () => {
    for (const clear of ["Jane Doe", "pd1.", "pd1.MTc4NTA.1.short", jane]) {
      const decode = () => Schema.decodeUnknownSync(Schema.Struct({ recipient: recipient.token }))({ recipient: clear })
      expect(decode).toThrow(/recipient/)
      expect(decode).not.toThrow(/Jane|7946/)
    }
  })

  it("is listed with its place, wherever in a schema it is", () => {
    const what = "a recipient"
    expect(Personal.fieldsOf(Schema.TaggedUnion({ One: Fields.fields, Two: { id: Schema.String } }))).toEqual([
      { path: "recipient", what },
      { path: "notes.*.by", what },
      { path: "others.*", what }
    ])
    expect(Personal.fieldsOf(Person)).toEqual([])
  })
})

describe("an opened key", () => {
  it.effect("is used without asking for two seconds and no longer, also when another process has destroyed it", () =>
    Effect.gen(function* () {
      const shared = Layer.merge(Layer.succeed(KeyStore, yield* KeyStore), Layer.succeed(MasterKeys, yield* MasterKeys))
      const process = Effect.provide(SubjectKeys, Layer.fresh(SubjectKeys.layer()).pipe(Layer.provide(shared)))
      const [one, other] = [yield* process, yield* process]
      const token = yield* one.seal("1", '"x"')
      expect((yield* one.open([token])).size).toBe(1)
      yield* other.destroy("1")
      yield* TestClock.adjust(1_999)
      expect((yield* one.open([token])).size).toBe(1)
      yield* TestClock.adjust(1)
      expect((yield* one.open([token])).size).toBe(0)
      expect(yield* Effect.flip(one.seal("1", '"x"'))).toMatchObject({ _tag: "SubjectErased" })
    }).pipe(Effect.provide(Layer.merge(KeyStore.layerMemory, MasterKeys.layerMemory)))
  )
})
