import { describe, expect, it } from "vitest"
import { Latencies, median, percentile, ratios, significant, spread } from "../src/Statistics.ts"

const oneTo = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i + 1)

describe("median", () => {
  it("is the middle value, in whatever order the values come", () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([7])).toBe(7)
  })

  it("is the mean of the two middle values when there is an even number", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it("compares numbers, not texts", () => {
    expect(median([10, 9, 100])).toBe(10)
  })

  it("leaves the values as they are", () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })

  it("refuses to invent one for no values", () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

describe("spread", () => {
  it("is the median with the extremes", () => {
    expect(spread([12, 10, 50])).toEqual({ median: 12, min: 10, max: 50 })
    expect(spread([3])).toEqual({ median: 3, min: 3, max: 3 })
  })
})

describe("ratios", () => {
  it("compares round by round", () => {
    expect(ratios([100, 60, 30], [10, 5, 3])).toEqual([10, 12, 10])
  })

  it("is not moved by a machine that was slow for both in a round", () => {
    expect(median(ratios([100, 10, 100], [10, 1, 10]))).toBe(10)
  })

  it("refuses rounds that have no counterpart, or one that did nothing", () => {
    expect(() => ratios([1, 2], [1])).toThrow("2 rounds cannot be compared with 1")
    expect(() => ratios([1, 2], [1, 0])).toThrow("Round 2")
    expect(() => ratios([1], [Number.NaN])).toThrow("Round 1")
  })
})

describe("percentile", () => {
  it("is the nearest rank: a value that occurred", () => {
    const hundred = oneTo(100)
    expect(percentile(hundred, 50)).toBe(50)
    expect(percentile(hundred, 95)).toBe(95)
    expect(percentile(hundred, 99)).toBe(99)
    expect(percentile([15, 20, 35, 40, 50], 40)).toBe(20)
    expect(percentile([15, 20, 35, 40, 50], 41)).toBe(35)
  })

  it("begins at the least and ends at the largest value", () => {
    expect(percentile(oneTo(7), 0)).toBe(1)
    expect(percentile(oneTo(7), 100)).toBe(7)
    expect(percentile([4], 50)).toBe(4)
  })

  it("refuses what is no percentage, and no values", () => {
    expect(() => percentile([1], 101)).toThrow("101")
    expect(() => percentile([1], -1)).toThrow("-1")
    expect(() => percentile([1], Number.NaN)).toThrow("NaN")
    expect(() => percentile([], 50)).toThrow(RangeError)
  })
})

describe("Latencies", () => {
  it("keeps every value, beyond its first capacity too, and sorts them", () => {
    const latencies = new Latencies()
    const count = 200_000
    for (let i = count; i > 0; i--) latencies.record(i)
    expect(latencies.count).toBe(count)
    const sorted = latencies.sorted()
    expect(sorted.length).toBe(count)
    expect(percentile(sorted, 0)).toBe(1)
    expect(percentile(sorted, 50)).toBe(count / 2)
    expect(percentile(sorted, 100)).toBe(count)
  })

  it("sorts numbers as numbers", () => {
    const latencies = new Latencies()
    for (const value of [10, 9, 100, 0.5]) latencies.record(value)
    expect([...latencies.sorted()]).toEqual([0.5, 9, 10, 100])
  })
})

describe("significant", () => {
  it("rounds to digits that mean something", () => {
    expect(significant(12_345.678, 3)).toBe(12_300)
    expect(significant(0.012345, 2)).toBe(0.012)
    expect(significant(0, 3)).toBe(0)
  })
})
