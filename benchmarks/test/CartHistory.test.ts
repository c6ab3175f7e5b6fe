/**
 * The history of `replay` is one that a cart service could have written: streams without gaps, of every kind of ending, and of exactly
 * as many events as were asked for.
 */
import type { Append } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { describe, expect, it } from "vitest"
import { openCarts, turns } from "../src/replay/CartHistory.ts"

const partitions = 8

const written = (events: number): ReadonlyArray<Append> => [...turns(partitions, events)].flat()

describe("the history of carts", () => {
  const all = written(120_000)

  it("has as many events as it was asked for", () => {
    expect(all.flatMap(({ events }) => events)).toHaveLength(120_000)
    expect(written(1_500).flatMap(({ events }) => events)).toHaveLength(1_500)
  })

  it("goes on in each stream where it was left, in the stream's partition", () => {
    const versions = new Map<string, number>()
    for (const { stream, partition, expectedVersion, events } of all) {
      expect(expectedVersion).toBe(versions.get(stream) ?? 0)
      expect(partition).toBe(Partition.ofId(Partition.idOf(stream), partitions))
      versions.set(stream, expectedVersion + events.length)
    }
  })

  it("lets a thousand carts be filled side by side, a stream at most once in an append", () => {
    const [first] = turns(partitions, 120_000)
    expect(new Set(first!.map(({ stream }) => stream)).size).toBe(openCarts)
  })

  it("has carts that are bought, carts that expire, and customers who change their minds", () => {
    const counts = Object.groupBy(
      all.flatMap(({ events }) => events),
      ({ type }) => type
    )
    const carts = counts.CartOpened!.length
    expect(counts.CheckoutBegun!.length / carts).toBeGreaterThan(0.4)
    expect(counts.CartCompleted).toHaveLength(counts.CheckoutBegun!.length)
    expect(counts.CartAbandoned!.length / carts).toBeGreaterThan(0.05)
    expect(counts.QuantityChanged!.length / counts.ItemAdded!.length).toBeCloseTo(0.1, 1)
    expect(counts.ItemRemoved!.length / counts.ItemAdded!.length).toBeCloseTo(0.05, 1)
  })
})
