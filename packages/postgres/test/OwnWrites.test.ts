/** What is known of streams that were written by this process, and a journal on PGlite that relies on it; see `OwnWritesSuite.ts`. */
import type { Append } from "@daybook/core/Journal"
import { OwnWrites } from "@daybook/postgres/OwnWrites"
import { describe, expect, it } from "vitest"
import { ownWritesSuite } from "./OwnWritesSuite.ts"

ownWritesSuite("PGlite", { folder: undefined })

const append = (expectedVersion: number, given: Partial<Append> = {}): Append => ({
  stream: "note-1",
  partition: 1,
  expectedVersion,
  events: [{} as never],
  receipts: [],
  state: null,
  keepEvents: true,
  ...given
})

/** Knowledge after one append to partition 1 by transaction `7`. */
const writtenTo = (version: number): OwnWrites => {
  const own = new OwnWrites(2)
  own.marked([1], [own.markOf(1)], "7")
  own.wrote(append(version - 1))
  return own
}

describe("a process's own writes", () => {
  it("are known at the version that they led to, and at no other", () => {
    const own = writtenTo(3)
    expect(own.markOf(1)).toBe("7")
    expect(own.markOf(0)).toBeNull()
    expect([2, 3, 4].map((version) => own.knows(append(version)))).toEqual([false, true, false])
    expect(own.knows(append(3, { stream: "note-2" }))).toBe(false)
  })

  it("are looked up where an append leaves no events, which no index would notice", () => {
    expect(writtenTo(3).knows(append(3, { keepEvents: false }))).toBe(false)
    expect(writtenTo(3).knows(append(3, { events: [] }))).toBe(false)
  })

  it("are forgotten with their partition, and with no other", () => {
    const own = writtenTo(3)
    own.forget([0])
    expect(own.knows(append(3))).toBe(true)
    own.forget([1])
    expect(own.knows(append(3))).toBe(false)
    expect(own.markOf(1)).toBeNull()
  })

  it("are forgotten when two transactions were under way at once, whichever ended first", () => {
    const own = writtenTo(3)
    const [first, second] = [[own.markOf(1)], [own.markOf(1)]]
    own.marked([1], first, "8")
    own.wrote(append(3))
    expect(own.knows(append(4))).toBe(true)
    own.marked([1], second, "9")
    expect(own.knows(append(4))).toBe(false)
    own.wrote(append(4, { stream: "note-2" }))
    expect(own.knows(append(5, { stream: "note-2" }))).toBe(true)
  })

  it("are few: what was written long ago is looked up again", () => {
    const own = writtenTo(3)
    for (let i = 0; i < 20_000; i++) own.wrote(append(0, { stream: `note-x${i}` }))
    expect(own.knows(append(3))).toBe(false)
    expect(own.knows(append(1, { stream: "note-x19999" }))).toBe(true)
  })
})
