/**
 * What someone who repeats a run relies on: the same seed gives the same day, and there is as much in stock as the plan says.
 */
import { describe, expect, it } from "vitest"
import * as Plan from "../src/Plan.ts"
import { between, fromSeed, pick } from "../src/Random.ts"

const wanted = ({ buyers }: Plan.Plan, sku: string): number =>
  buyers.flatMap(({ lines }) => lines).reduce((sum, line) => sum + (line.sku === sku ? line.quantity : 0), 0)

describe("a plan", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(Plan.make(50, 7, true)).toEqual(Plan.make(50, 7, true))
    expect(Plan.make(50, 7, true)).not.toEqual(Plan.make(50, 8, true))
  })

  it("without faults has enough of everything, and every payment approved", () => {
    const plan = Plan.make(200, 1, false)
    for (const [sku, quantity] of plan.stock) expect(quantity).toBe(wanted(plan, sku))
    expect(new Set(plan.buyers.map(({ token }) => token))).toEqual(new Set(["tok_approve"]))
  })

  it("with faults has too little of one thing, and payments that go wrong in several ways", () => {
    const plan = Plan.make(400, 1, true)
    const short = [...plan.stock].filter(([sku, quantity]) => quantity < wanted(plan, sku))
    expect(short.map(([sku]) => sku)).toEqual(["LANTERN-WHITE"])
    expect(new Set(plan.buyers.map(({ token }) => token)).size).toBeGreaterThan(6)
  })

  it("gives each buyer at least one line, and no SKU twice", () => {
    for (const { lines } of Plan.make(300, 3, true).buyers) {
      expect(lines.length).toBeGreaterThan(0)
      expect(new Set(lines.map(({ sku }) => sku)).size).toBe(lines.length)
    }
  })
})

describe("chance", () => {
  it("stays within its bounds and reaches both", () => {
    const random = fromSeed(5)
    const seen = new Set(Array.from({ length: 500 }, () => between(random, 2, 4)))
    expect([...seen].sort()).toEqual([2, 3, 4])
    expect(["a", "b"]).toContain(pick(random, ["a", "b"]))
  })
})
