import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { expect, it } from "vitest"
import { Id, Text, unpadded } from "../src/Text.ts"

const accepts = (schema: Schema.Codec<string, string>, text: string): boolean =>
  Exit.isSuccess(Schema.decodeUnknownExit(schema)(text))

it.each(["a", "85123A", 'GIN + TONIC "DIET" METAL SIGN, £2', "日本", "👍🏽", "x".repeat(64)])("takes %s", (text) => {
  expect(accepts(Id, text)).toBe(true)
})

it("refuses an empty text", () => {
  expect(accepts(Id, "")).toBe(false)
})

it("takes a text of the longest length, and refuses one that is longer by a character", () => {
  expect(accepts(Text(200), "x".repeat(200))).toBe(true)
  expect(accepts(Text(200), "x".repeat(201))).toBe(false)
})

it.each(["a\u0000b", "\ud83d", "\udc4d"])("refuses %j, which no store could keep", (text) => {
  expect(() => Schema.decodeUnknownSync(Id)(text)).toThrow("without NUL characters or lone surrogates")
})

it.each([" a", "a ", "a\n", "\u00a0a", " "])("refuses %j as the name of a person", (text) => {
  expect(accepts(Id.check(unpadded), text)).toBe(false)
  expect(accepts(Id.check(unpadded), `x${text}x`)).toBe(true)
})
