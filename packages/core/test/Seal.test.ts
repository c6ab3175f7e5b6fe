/**
 * What is signed is text that anybody can write again: canonical, whatever the order of the fields, and told apart by format.
 */
import { createHash } from "node:crypto"
import * as Seal from "@daybook/core/Seal"
import fc from "fast-check"
import { describe, expect, it } from "vitest"

const block: Seal.Block = {
  format: "daybook-block-1",
  schema: "cart",
  partition: 3,
  number: 2,
  first: 1_001,
  last: 1_500,
  root: "ab".repeat(32),
  previous: "cd".repeat(32),
  sealedAtMicros: "1795309323000001",
  keyId: "ef".repeat(16)
}

const text =
  `{"first":1001,"format":"daybook-block-1","keyId":"${"ef".repeat(16)}","last":1500,"number":2,"partition":3,` +
  `"previous":"${"cd".repeat(32)}","root":"${"ab".repeat(32)}","schema":"cart","sealedAtMicros":"1795309323000001"}`

describe("the text of a statement", () => {
  it("is on disk for ever: this golden text must not change", () => {
    expect(Seal.textOf(block)).toBe(text)
  })

  it("does not depend on the order of the fields", () => {
    const turned = Object.fromEntries(Object.entries(block).reverse()) as unknown as Seal.Block
    expect(Seal.textOf(turned)).toBe(text)
  })

  it("goes into what statements hold", () => {
    const heads = [{ schema: "cart", partition: 0, number: 1, last: 2, block: "ab" }]
    expect(Seal.textOf({ format: "daybook-anchor-1", takenAtMillis: 1, keyId: "k", heads })).toBe(
      '{"format":"daybook-anchor-1","heads":[{"block":"ab","last":2,"number":1,"partition":0,"schema":"cart"}],"keyId":"k","takenAtMillis":1}'
    )
  })

  it("has the hash that sha256sum gives it", () => {
    const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest()
    expect(Buffer.from(Seal.blockHash(sha256, block)).toString("hex")).toBe(
      createHash("sha256").update(text).digest("hex")
    )
  })
})

describe("the bits of what was removed", () => {
  it("begin with the highest of the first byte", () => {
    expect(Seal.bitsOf([0], 8)).toBe("80")
    expect(Seal.bitsOf([7, 8], 9)).toBe("0180")
  })

  it("hold any places of a block", () => {
    const places = fc
      .integer({ min: 1, max: Seal.maxBlock })
      .chain((size) => fc.record({ size: fc.constant(size), places: fc.uniqueArray(fc.nat(size - 1)) }))
    fc.assert(
      fc.property(places, ({ size, places: chosen }) => {
        const bits = Seal.bitsOf(chosen, size)
        expect(bits.length).toBe(2 * Math.ceil(size / 8))
        expect(Seal.placesOf(bits)).toEqual(chosen.toSorted((a, b) => a - b))
      })
    )
  })

  it("refuse places outside of the block, and say nothing where they are no bits", () => {
    expect(() => Seal.bitsOf([8], 8)).toThrow("No place 8 among 8")
    expect(() => Seal.bitsOf([-1], 8)).toThrow(RangeError)
    expect(Seal.placesOf("zz")).toEqual([])
  })
})
