/** Where an order's items are taken from, by what the read model shows. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { choose, defaultLocation, totalsOf } from "../../src/inventory/LocationChoice.ts"
import type { Offer } from "../../src/inventory/Queries.ts"

const offer = (location: string, free: number, backOrderLimit = 0, sku = "mug"): Offer => ({
  sku,
  location,
  free,
  backOrderLimit
})

const chosen = (quantity: number, ...offers: ReadonlyArray<Offer>) =>
  choose([{ sku: "mug", quantity }], offers).map(({ location }) => location)

describe("the location of a line", () => {
  it.each([
    ["of those that have enough the one that has most", 3, [offer("A", 4), offer("B", 9), offer("C", 2)], "B"],
    ["the only one that has enough", 3, [offer("A", 1), offer("B", 3)], "B"],
    ["the one that has most, where none has enough", 8, [offer("A", 1), offer("B", 5), offer("C", 2)], "B"],
    ["one that has enough before one that would have to promise", 3, [offer("A", 0, 100), offer("B", 3)], "B"],
    ["one that may promise before one that will be short", 3, [offer("A", 2), offer("B", -4, 7)], "B"],
    ["no promise beyond its limit", 3, [offer("A", 2), offer("B", -4, 6)], "A"],
    ["the first by name of those alike", 3, [offer("B", 4), offer("A", 4)], "A"]
  ] as const)("is %s", (_, quantity, offers, location) => {
    expect(chosen(quantity, ...offers)).toEqual([location])
  })

  it("is the default where the SKU is known nowhere, which will say that it has none", () => {
    expect(chosen(1)).toEqual([defaultLocation])
    expect(chosen(1, offer("A", 100, 0, "lamp"))).toEqual([defaultLocation])
  })

  it("is one for all lines of a SKU, by what they come to together", () => {
    const lines = [
      { sku: "mug", quantity: 2 },
      { sku: "lamp", quantity: 1 },
      { sku: "mug", quantity: 3 }
    ]
    const offers = [offer("A", 4), offer("B", 0, 5), offer("C", 1, 0, "lamp")]
    expect(choose(lines, offers)).toEqual([
      { sku: "mug", location: "B", quantity: 2 },
      { sku: "lamp", location: "C", quantity: 1 },
      { sku: "mug", location: "B", quantity: 3 }
    ])
  })

  it("follows from the data alone, keeps every line, and is short only where every location would be", () => {
    const sku = fc.constantFrom("mug", "lamp", "bird")
    const lines = fc.array(fc.record({ sku, quantity: fc.integer({ min: 1, max: 9 }) }), { maxLength: 6 })
    const offers = fc.uniqueArray(
      fc.record({
        sku,
        location: fc.constantFrom("A", "B", "C"),
        free: fc.integer({ min: -5, max: 12 }),
        backOrderLimit: fc.nat(6)
      }),
      { selector: (one) => `${one.sku}@${one.location}`, maxLength: 9 }
    )
    fc.assert(
      fc.property(lines, offers, (wanted, there) => {
        const found = choose(wanted, there)
        expect(found).toEqual(choose(wanted, there.toReversed()))
        expect(found.map(({ sku, quantity }) => ({ sku, quantity }))).toEqual(wanted)
        for (const [sku, quantity] of totalsOf(wanted)) {
          const could = (one: Offer) => one.sku === sku && one.free + one.backOrderLimit >= quantity
          const { location } = found.find((line) => line.sku === sku)!
          const isShort = !there.some((one) => could(one) && one.location === location)
          if (isShort) expect(there.some(could)).toBe(false)
        }
      })
    )
  })
})
