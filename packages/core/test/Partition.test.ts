/** What every journal on disk relies on: an aggregate's partition and its stream's name never change. */
import * as Partition from "@daybook/core/Partition"
import { describe, expect, it } from "vitest"

/** The whole hash, which `ofId` reduces to a number of partitions. */
const hashOf = (id: string): number => Partition.ofId(id, 2 ** 32)

describe("the hash of an aggregate id", () => {
  it("is 32-bit FNV-1a: its published test vectors", () => {
    expect(hashOf("")).toBe(0x811c9dc5)
    expect(hashOf("a")).toBe(0xe40c292c)
    expect(hashOf("foobar")).toBe(0xbf9cf968)
  })

  it.each([
    ["536365", 2973801171],
    ["cart", 2552722063],
    ["é", 513665217],
    ["日本語", 2153733351],
    ["😀", 866293256],
    ["\ud800", 55024714],
    ["0198c5a0-0000-7000-8000-000000000000", 3615969765]
  ])("is on disk: %j", (id, hash) => {
    expect(hashOf(id)).toBe(hash)
    expect(Partition.ofId(id, 8)).toBe(hash % 8)
    expect(Partition.ofId(id, 3)).toBe(hash % 3)
    expect(Partition.ofId(id, 1)).toBe(0)
  })

  it("spreads running numbers and UUIDs evenly", () => {
    const uuid = (i: number) => `0198c5a0-${i.toString(16).padStart(4, "0")}-7000-8000-000000000000`
    for (const id of [String, uuid]) {
      const counts = Array.from({ length: 8 }, () => 0)
      for (let i = 0; i < 8_000; i++) counts[Partition.ofId(id(i), 8)]!++
      for (const count of counts) expect(count).toBeGreaterThan(850)
    }
  })
})

describe("the name of a stream", () => {
  it("is the aggregate's name, a hyphen and the id, which may hold hyphens itself", () => {
    expect(Partition.streamOf("cart", "536365")).toBe("cart-536365")
    for (const id of ["536365", "a-b-c", "-", "", "é 😀"]) {
      expect(Partition.idOf(Partition.streamOf("cart", id))).toBe(id)
    }
  })
})
