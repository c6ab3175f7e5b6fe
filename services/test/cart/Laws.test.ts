/**
 * What holds for every cart, whatever is asked of it: random commands, in random order, also on carts that are nearly full.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as DeciderLaws from "@daybook/testkit/DeciderLaws"
import { describe, expect, it } from "vitest"
import type * as Domain from "../../src/cart/Domain.ts"
import { type CartEvent, CartEvents } from "../../src/cart/Events.ts"
import { type Rejection, rejections } from "../../src/cart/Rejection.ts"
import { cart, commands, limits } from "./Life.ts"

type Step = DeciderLaws.Step<Domain.State, Domain.Command, CartEvent, Rejection>

const always = (holds: (step: Step) => void) => DeciderLaws.always(cart, commands, holds)

describe("a cart", () => {
  it("keeps the laws of deciders, through every event and every rejection that it has", () => {
    const seen = DeciderLaws.check(cart, commands, { runs: 500, seed: 1 })
    expect([...seen.events.keys()].sort()).toEqual([...CartEvents.names].sort())
    expect([...seen.rejections.keys()].sort()).toEqual(rejections.map(({ name }) => name).sort())
  })

  it("totals what is in it, exactly", () => {
    always(({ after: { lines, totalMinor } }) => {
      const total = lines.reduce((sum, line) => sum + BigInt(line.quantity) * BigInt(line.unitPrice.amountMinor), 0n)
      expect(BigInt(totalMinor)).toBe(total)
      expect(Number.isSafeInteger(totalMinor)).toBe(true)
    })
  })

  it("stays within its limits, in one currency, with no line id twice", () => {
    always(({ after: { lines, currency } }) => {
      expect(lines.length).toBeLessThanOrEqual(limits.maxLines)
      expect(new Set(lines.map((line) => line.lineId)).size).toBe(lines.length)
      for (const { quantity, unitPrice } of lines) {
        expect(quantity).toBeGreaterThanOrEqual(1)
        expect(quantity).toBeLessThanOrEqual(limits.maxQuantity)
        expect(unitPrice.currency).toBe(currency)
      }
    })
  })

  it("does nothing when a command that was carried out comes again at once", () => {
    always(({ command, rejection, after }) => {
      if (rejection === undefined) expect(Aggregate.decide(cart, command, after)).toEqual([])
    })
  })

  it("changes neither lines nor total unless it is open", () => {
    always(({ before, after }) => {
      if (before.status === "open") return
      expect(after.lines).toEqual(before.lines)
      expect(after.totalMinor).toBe(before.totalMinor)
    })
  })

  it("is checked out with exactly its lines and their total", () => {
    always(({ before, events }) => {
      for (const event of events) {
        if (event._tag !== "CheckoutBegun") continue
        expect(event.lines).toEqual(before.lines)
        expect(event.total).toEqual({ amountMinor: before.totalMinor, currency: before.currency })
      }
    })
  })

  it("once bought or merged stays so", () => {
    always(({ before, after }) => {
      if (before.status === "completed" || before.status === "merged") expect(after).toEqual(before)
    })
  })

  it("explains every refusal in a sentence", () => {
    always(({ rejection }) => {
      if (rejection !== undefined) expect(rejection.detail).toMatch(/^[A-Z0-9].{20,}\.$/)
    })
  })
})
