/**
 * What a person may see of what concerns them: their own data, and of what mixes them up with somebody else, their own part.
 */
import { type Token, tokenOf } from "@daybook/core/PersonalToken"
import { describe, expect, it } from "vitest"
import { namesAnother, ofAnother, parsed, sealedForAnother, shown, tokensOf } from "../src/SubjectView.ts"

const sealedFor = (subject: string, mark = 1): Token => tokenOf({ subject, version: 1 }, new Uint8Array(32).fill(mark))

const [mine, gone, others] = [sealedFor("17850"), sealedFor("17850", 2), sealedFor("555")]
const texts = new Map([
  [mine, '{"name":"Jane"}'],
  [others, '{"name":"John"}']
])
const seen = (value: unknown) => shown(value, "17850", texts)

describe("what is shown", () => {
  it("is what is sealed for the person, opened, at any depth", () => {
    expect(seen({ data: [{ recipient: mine, orderId: "o-1" }] })).toEqual({
      ...{ data: [{ recipient: { name: "Jane" }, orderId: "o-1" }] }
    })
  })

  it("says where there was something that nobody can open any more", () => {
    expect(seen({ recipient: gone, total: 1 })).toEqual({ recipient: { erased: true }, total: 1 })
  })

  it("is nothing that is sealed for somebody else, although it could be opened, nor what is beside it", () => {
    expect(seen({ data: { recipient: others, paymentMethod: { last4: "4242" } }, position: 7 })).toEqual({
      ...{ data: { recipient: sealedForAnother, paymentMethod: ofAnother }, position: 7 }
    })
    expect(seen([others])).toEqual([sealedForAnother])
  })

  it.each(["customerId", "customer_id"])(
    "of an order that is somebody else's by its %s is the person's own part",
    (key) => {
      expect(seen({ _tag: "SubmitOrder", [key]: "555", recipient: mine, lines: [{ sku: "MUG" }] })).toEqual({
        ...{ _tag: "SubmitOrder", [key]: ofAnother, recipient: { name: "Jane" }, lines: ofAnother }
      })
      expect(seen({ [key]: "17850", recipient: others, lines: [] })).toEqual({
        ...{ [key]: "17850", recipient: sealedForAnother, lines: ofAnother }
      })
    }
  )

  it("is all of what names nobody, or the person alone", () => {
    const value = { cart: { customerId: "17850", lines: [1, null] }, guest: { customerId: null, total: true } }
    expect(seen(value)).toEqual(value)
  })
})

describe("what is to be opened", () => {
  it("is what is sealed for the person, and nothing else", () => {
    expect(tokensOf({ a: [mine, { b: others }], c: gone, d: "17850" }, "17850")).toEqual([mine, gone])
  })
})

describe("somebody else", () => {
  it.each([
    [{ answers: { freeze: { customerId: "555" } } }, true],
    [{ data: [{ recipient: others }] }, true],
    [{ customerId: "17850", recipient: mine, data: { customerId: null } }, false],
    ["555", false],
    [null, false]
  ])("is named in %j: %s", (value, is) => {
    expect(namesAnother(value, "17850")).toBe(is)
  })
})

describe("JSON that is kept as text", () => {
  it("is read, so that what is in it is shown like all else", () => {
    expect(seen(parsed(JSON.stringify({ recipient: mine }), "17850"))).toEqual({ recipient: { name: "Jane" } })
  })

  it.each([
    ['{"customerId":"17850","lines":["a', '{"customerId":"17850","lines":["a'],
    ['{"customerId":null,"lines":["a', '{"customerId":null,"lines":["a'],
    ['{"customerId": "555","lines":["a', ofAnother],
    [`{"recipient":"${mine}","lines":["a`, `{"recipient":"${mine}","lines":["a`],
    [`{"recipient":"${others}","lines":["a`, ofAnother],
    [`{"recipient":"${others.slice(0, -9)}`, ofAnother]
  ])("and is cut, is left out where it names somebody else: %s", (text, left) => {
    expect(parsed(text, "17850")).toBe(left)
  })
})
