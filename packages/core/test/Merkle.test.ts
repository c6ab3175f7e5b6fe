/**
 * The tree is that of RFC 6962: its test vectors, and what anybody with a proof relies on: every leaf can be proved, and nothing
 * else.
 */
import { createHash } from "node:crypto"
import * as Merkle from "@daybook/core/Merkle"
import fc from "fast-check"
import { describe, expect, it } from "vitest"

const sha256: Merkle.Hash = (bytes) => createHash("sha256").update(bytes).digest()

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const leaf = (content: string) => Merkle.leafHash(sha256, Buffer.from(content, "hex"))

/** The inputs and roots that Certificate Transparency's implementations test themselves with. */
const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]

const roots = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
]

describe("the root", () => {
  it("of nothing is the hash of nothing", () => {
    expect(hex(Merkle.root(sha256, []))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  })

  it.each(roots.map((root, i) => [i + 1, root] as const))(
    "of the first %i inputs is that of RFC 6962",
    (size, root) => {
      expect(hex(Merkle.root(sha256, inputs.slice(0, size).map(leaf)))).toBe(root)
    }
  )
})

describe("audit paths", () => {
  const paths: ReadonlyArray<readonly [number, number, ReadonlyArray<string>]> = [
    [1, 0, []],
    [
      8,
      0,
      [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
      ]
    ],
    [
      8,
      5,
      [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
      ]
    ],
    [3, 2, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]]
  ]

  it.each(paths)("in a tree of %i leaves, of leaf %i, are those of RFC 6962", (size, index, nodes) => {
    const leaves = inputs.slice(0, size).map(leaf)
    expect(Merkle.path(sha256, leaves, index).map(hex)).toEqual(nodes)
  })

  const tree = fc
    .array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 70 })
    .map((contents) => contents.map((content) => Merkle.leafHash(sha256, content)))
    .chain((leaves) => fc.record({ leaves: fc.constant(leaves), index: fc.nat(leaves.length - 1) }))

  it("prove every leaf of every tree", () => {
    fc.assert(
      fc.property(tree, ({ leaves, index }) => {
        const nodes = Merkle.path(sha256, leaves, index)
        const found = Merkle.rootOfPath(sha256, leaves[index]!, { index, size: leaves.length }, nodes)
        expect(hex(found!)).toBe(hex(Merkle.root(sha256, leaves)))
      })
    )
  })

  it("prove nothing once any bit of the leaf or of the path is another", () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat(255), ({ leaves, index }, which, bit) => {
        const nodes = Merkle.path(sha256, leaves, index)
        const parts = [leaves[index]!, ...nodes].map((part) => Uint8Array.from(part))
        const part = parts[which % parts.length]!
        part[bit >> 3]! ^= 1 << (bit & 7)
        const found = Merkle.rootOfPath(sha256, parts[0]!, { index, size: leaves.length }, parts.slice(1))
        expect(hex(found!)).not.toBe(hex(Merkle.root(sha256, leaves)))
      })
    )
  })

  it("prove nothing at another place, unless the leaf there is the same", () => {
    fc.assert(
      fc.property(tree, fc.nat(), ({ leaves, index }, other) => {
        const wrong = other % leaves.length
        fc.pre(wrong !== index && hex(leaves[wrong]!) !== hex(leaves[index]!))
        const nodes = Merkle.path(sha256, leaves, index)
        const found = Merkle.rootOfPath(sha256, leaves[index]!, { index: wrong, size: leaves.length }, nodes)
        expect(found === undefined ? "" : hex(found)).not.toBe(hex(Merkle.root(sha256, leaves)))
      })
    )
  })

  it("fit no tree when they are too short, too long, or of a place that is not there", () => {
    const leaves = inputs.map(leaf)
    const nodes = Merkle.path(sha256, leaves, 5)
    const led = (index: number, size: number, path: ReadonlyArray<Uint8Array>) =>
      Merkle.rootOfPath(sha256, leaves[5]!, { index, size }, path)
    expect(led(5, 8, nodes)).toBeDefined()
    expect(led(5, 8, nodes.slice(1))).toBeUndefined()
    expect(led(5, 8, [...nodes, leaves[0]!])).toBeUndefined()
    expect(led(8, 8, nodes)).toBeUndefined()
    expect(led(-1, 8, nodes)).toBeUndefined()
    expect(led(0.5, 8, nodes)).toBeUndefined()
    expect(() => Merkle.path(sha256, leaves, 8)).toThrow("There is no leaf 8 among 8")
  })
})
