/**
 * What holds for every cart, whatever is asked of it: random commands, in random order, also on carts that are nearly full.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import type { Stored } from "@daybook/core/Event"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Domain from "../../src/cart/Domain.ts"
import { type CartEvent, CartEvents } from "../../src/cart/Events.ts"
import { rejections } from "../../src/cart/Rejection.ts"
import { metadata } from "./Given.ts"
import { cart, commands, eventsOf, limits, live, type Step } from "./Life.ts"

const always = (law: (step: Step) => void, options: { readonly seed?: number } = {}) =>
  fc.assert(
    fc.property(commands, (commands) => live(commands).forEach(law)),
    { numRuns: 300, ...options }
  )

const json = Schema.toCodecJson(cart.state.schema)
const encodeState = Schema.encodeUnknownSync(json)
const decodeState = Schema.decodeUnknownSync(json)

const stored = (event: CartEvent): Stored => ({ ...metadata, ...CartEvents.encode(event) })

describe("a cart", () => {
  it("goes through everything that can happen to it, in these tests", () => {
    const seen = new Set<string>()
    const see = (step: Step) => {
      for (const { _tag } of eventsOf(step)) seen.add(_tag)
      if (step.outcome instanceof Error) seen.add(step.outcome.name)
    }
    always(see, { seed: 1 })
    expect([...seen].sort()).toEqual([...CartEvents.names, ...rejections.map(({ name }) => name)].sort())
  })

  it("totals what is in it, exactly", () => {
    always(({ after }) => {
      const total = after.lines.reduce(
        (sum, line) => sum + BigInt(line.quantity) * BigInt(line.unitPrice.amountMinor),
        0n
      )
      expect(BigInt(after.totalMinor)).toBe(total)
      expect(Number.isSafeInteger(after.totalMinor)).toBe(true)
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
    always(({ command, outcome, after }) => {
      if (!(outcome instanceof Error)) expect(Aggregate.decide(cart, command, after)).toEqual([])
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
    always((step) => {
      for (const event of eventsOf(step)) {
        if (event._tag !== "CheckoutBegun") continue
        expect(event.lines).toEqual(step.before.lines)
        expect(event.total).toEqual({ amountMinor: step.before.totalMinor, currency: step.before.currency })
      }
    })
  })

  it("once bought or merged stays so", () => {
    always(({ before, after }) => {
      if (before.status === "completed" || before.status === "merged") expect(after).toEqual(before)
    })
  })

  it("is the same when its events are stored and replayed", () => {
    fc.assert(
      fc.property(commands, (commands) => {
        const steps = live(commands)
        const replayed = steps
          .flatMap(eventsOf)
          .map((event) => CartEvents.decode(JSON.parse(JSON.stringify(stored(event)))))
        expect(Aggregate.evolveAll(cart, Domain.initial, replayed)).toEqual(steps.at(-1)?.after ?? Domain.initial)
      })
    )
  })

  it("is the same when its state is stored and read back", () => {
    always(({ after }) => {
      expect(decodeState(JSON.parse(JSON.stringify(encodeState(after))))).toEqual(after)
    })
  })

  it("explains every refusal", () => {
    always(({ outcome }) => {
      if (outcome instanceof Error) expect("detail" in outcome && String(outcome.detail)).toMatch(/^.{20,}\.$/)
    })
  })
})
