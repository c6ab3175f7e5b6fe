import { randomUUID } from "node:crypto"
import { defaultPartitions } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { describe, expect, it } from "vitest"
import { eventsPerCart, placed } from "../src/growth/History.ts"

describe("placed", () => {
  const ids = Array.from({ length: 600 }, () => randomUUID())
  const carts = placed(ids, 10)

  it("keeps the order of the carts, and puts each where its id belongs", () => {
    expect(carts.map(({ id }) => id)).toEqual(ids)
    for (const { id, partition } of carts) expect(partition).toBe(Partition.ofId(id, defaultPartitions))
  })

  it("gives the events of each partition positions from 1 on, each of them once", () => {
    for (let partition = 0; partition < defaultPartitions; partition++) {
      const positions = carts
        .filter((cart) => cart.partition === partition)
        .flatMap(({ first, apart }) => Array.from({ length: eventsPerCart }, (_, event) => first + event * apart))
        .sort((a, b) => a - b)
      expect(positions).toEqual(positions.map((_, index) => index + 1))
    }
  })

  it("lays the events of a cart apart, since others are filled beside it", () => {
    expect(Math.min(...carts.filter(({ block }) => block === 0).map(({ apart }) => apart))).toBeGreaterThan(8)
  })
})
