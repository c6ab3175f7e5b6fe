/**
 * What subscribers in the publisher's own process rely on: what is kept for them is all that there is after a place, in order, or
 * they are sent to the database.
 */
import type { LogRange } from "@daybook/core/MessageLog"
import { PublishedTail } from "@daybook/postgres/PublishedTail"
import { describe, expect, it } from "vitest"

const entries = (from: number, count: number, size = 1) =>
  Array.from({ length: count }, (_, i) => {
    const id = String(from + i)
    return { id, key: "k", text: id.padEnd(size, "."), message: { id } as never }
  })

const at = (...positions: ReadonlyArray<number>): LogRange => ({
  after: positions.map((position, partition) => ({ partition, position })),
  each: 100,
  all: 100,
  look: false
})

const taken = (tail: PublishedTail, range: LogRange) =>
  tail.take("topic", range).map(({ partition, position }) => [partition, position])

/** A tail of a topic with two partitions, of which a look at the database has shown that there is nothing after these positions. */
const beginning = (...positions: ReadonlyArray<number>): PublishedTail => {
  const tail = new PublishedTail()
  positions.forEach((position, partition) => void tail.nothingAfter("topic", partition, position))
  return tail
}

describe("messages that this process has published", () => {
  it("are kept in order, with what they say, for whoever is where they begin or in the middle of them", () => {
    const tail = beginning(5, 0)
    tail.add("topic", 0, 5, entries(6, 2))
    tail.add("topic", 1, 0, entries(1, 1))
    tail.add("topic", 0, 7, entries(8, 1))
    expect(taken(tail, at(5, 0))).toEqual([
      [0, 6],
      [0, 7],
      [0, 8],
      [1, 1]
    ])
    expect(taken(tail, at(7, 1))).toEqual([[0, 8]])
    expect(tail.take("topic", at(7, 1))[0]).toMatchObject({ text: "8", message: { id: "8" } })
    expect(taken(tail, at(8, 1))).toEqual([])
    expect(tail.covers("topic", at(8, 1))).toBe(true)
    expect(tail.covers("topic", at(7, 1))).toBe(false)
  })

  it("are an equal share of each partition, and no more than asked for", () => {
    const tail = beginning(0, 0)
    tail.add("topic", 0, 0, entries(1, 9))
    tail.add("topic", 1, 0, entries(1, 9))
    expect(taken(tail, { ...at(0, 0), all: 4 })).toEqual([
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 2]
    ])
    expect(taken(tail, { ...at(0, 0), each: 1 })).toEqual([
      [0, 1],
      [1, 1]
    ])
  })

  it("are not taken for all there is when another process has published in between, or before", () => {
    const tail = beginning(0, 0)
    tail.add("topic", 0, 0, entries(1, 2))
    tail.add("topic", 0, 3, entries(4, 1))
    expect(taken(tail, at(2, 0))).toEqual([])
    expect(tail.covers("topic", at(2, 0))).toBe(false)
    expect(taken(tail, at(3, 0))).toEqual([[0, 4]])
  })

  it("are not added twice, or out of order, when a transaction tells of them later than one that came after it", () => {
    const tail = beginning(0, 0)
    tail.add("topic", 0, 2, entries(3, 1))
    tail.add("topic", 0, 0, entries(1, 2))
    expect(taken(tail, at(0, 0))).toEqual([])
    expect(taken(tail, at(2, 0))).toEqual([[0, 3]])
    tail.nothingAfter("topic", 0, 1)
    expect(taken(tail, at(2, 0))).toEqual([[0, 3]])
  })

  it("are kept within bounds of number and size, the newest", () => {
    const tail = beginning(0, 0)
    tail.add("topic", 0, 0, entries(1, 500))
    expect(taken(tail, at(0, 0))).toEqual([])
    expect(taken(tail, at(436, 0))).toHaveLength(64)
    tail.add("topic", 1, 0, entries(1, 9, 100_000))
    expect(taken(tail, at(500, 6))).toEqual([])
    expect(taken(tail, at(500, 7))).toEqual([
      [1, 8],
      [1, 9]
    ])
  })

  it("are kept of topics alone that somebody here reads", () => {
    const tail = beginning(0)
    tail.add("other", 0, 0, entries(1, 1))
    expect(tail.take("other", at(0))).toEqual([])
    expect(tail.covers("other", at(1))).toBe(false)
  })
})
