/**
 * What holds for every stock item and every reservation, whatever is asked of it: random commands, in random order. What holds
 * for many of them together is in `Simulation.test.ts`.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as DeciderLaws from "@daybook/testkit/DeciderLaws"
import { describe, expect, it } from "vitest"
import { ReservationEvents } from "../../src/inventory/ReservationEvents.ts"
import { reservationRejections } from "../../src/inventory/ReservationRejection.ts"
import { StockItemEvents } from "../../src/inventory/StockItemEvents.ts"
import { stockItemRejections } from "../../src/inventory/StockItemRejection.ts"
import { availableOf } from "../../src/inventory/StockItemState.ts"
import { reservation, reservationCommands, stockCommands, stockItem, stockLimits, strictStockCommands } from "./Life.ts"
import { onHandChange } from "./World.ts"

const namesOf = (classes: ReadonlyArray<{ readonly name: string }>) => classes.map(({ name }) => name).sort()

describe("a stock item", () => {
  it("keeps the laws of deciders, through every event and every rejection that it has", () => {
    const seen = DeciderLaws.check(stockItem, stockCommands, { runs: 1000, seed: 1 })
    expect([...seen.events.keys()].sort()).toEqual([...StockItemEvents.names].sort())
    expect([...seen.rejections.keys()].sort()).toEqual(namesOf(stockItemRejections))
  })

  it("never promises more than there is, nor has less than nothing available, without back-orders", () => {
    DeciderLaws.always(stockItem, strictStockCommands, ({ after }) => {
      expect(after.reserved + after.committed).toBeLessThanOrEqual(after.onHand)
      expect(availableOf(after)).toBeGreaterThanOrEqual(0)
    })
  })

  it("promises no more than there is and the back-order limit, and stays within its own", () => {
    DeciderLaws.always(stockItem, stockCommands, ({ after }) => {
      expect(after.reserved + after.committed).toBeLessThanOrEqual(after.onHand + after.backOrderLimit)
      expect(after.onHand).toBeGreaterThanOrEqual(0)
      expect(after.onHand).toBeLessThanOrEqual(stockLimits.maxQuantity)
    })
  })

  it("has promised the sum of its holds, one for each reservation, and none that is closed", () => {
    DeciderLaws.always(stockItem, stockCommands, ({ after: { holds, closed, reserved, committed } }) => {
      const sum = (certain: boolean) =>
        holds.reduce((total, hold) => (hold.committed === certain ? total + hold.quantity : total), 0)
      expect([reserved, committed]).toEqual([sum(false), sum(true)])
      const ids = [...holds, ...closed].map(({ reservationId }) => reservationId)
      expect(new Set(ids).size).toBe(ids.length)
      for (const { quantity } of holds) expect(quantity).toBeGreaterThanOrEqual(1)
    })
  })

  it("says in every event what stands after it, and its movements sum up to what is on hand", () => {
    DeciderLaws.always(stockItem, stockCommands, ({ before, events, after }) => {
      const moved = events.reduce((total, event) => total + onHandChange(event), 0)
      expect(before.onHand + moved).toBe(after.onHand)
      const balances = events.flatMap((event) => ("after" in event ? [event.after] : []))
      for (const { available, ...figures } of balances) {
        expect(after).toMatchObject(figures)
        expect(available).toBe(availableOf(after))
      }
    })
  })

  it("does nothing when a command that was carried out comes again at once", () => {
    DeciderLaws.always(stockItem, stockCommands, ({ command, rejection, after }) => {
      if (rejection === undefined) expect(Aggregate.decide(stockItem, command, after)).toEqual([])
    })
  })

  it("tells that it is low exactly when it becomes so", () => {
    DeciderLaws.always(stockItem, stockCommands, ({ before, events, after }) => {
      const isLow = (state: typeof after) => availableOf(state) <= state.reorderPoint
      const told = events.map(({ _tag }) => _tag).filter((tag) => tag === "StockRanLow" || tag === "StockReplenished")
      const change = isLow(after) ? "StockRanLow" : "StockReplenished"
      expect(told).toEqual(isLow(before) === isLow(after) ? [] : [change])
    })
  })

  it("explains every refusal in a sentence", () => {
    DeciderLaws.always(stockItem, stockCommands, ({ rejection }) => {
      if (rejection !== undefined) expect(rejection.detail).toMatch(/^[A-Za-z0-9-].{20,}\.$/)
    })
  })
})

describe("a reservation", () => {
  const ends = ["committed", "released", "refused", "expired"]

  it("keeps the laws of deciders, through every event and every rejection that it has", () => {
    const seen = DeciderLaws.check(reservation, reservationCommands, { runs: 1000, seed: 1 })
    expect([...seen.events.keys()].sort()).toEqual([...ReservationEvents.names].sort())
    expect([...seen.rejections.keys()].sort()).toEqual(namesOf(reservationRejections))
  })

  it("once ended stays so", () => {
    DeciderLaws.always(reservation, reservationCommands, ({ before, after }) => {
      if (ends.includes(before.status)) expect(after).toEqual(before)
    })
  })

  it("is reserved when all of its lines are held, and is committed only then", () => {
    DeciderLaws.always(reservation, reservationCommands, ({ after: { status, lines } }) => {
      const answers = new Set(lines.map(({ answer }) => answer))
      if (status === "reserved" || status === "committed") expect([...answers]).toEqual(["held"])
      if (status === "pending") expect(answers).toContain("awaited")
      if (status === "refused") {
        expect(answers).toContain("short")
        expect(answers).not.toContain("awaited")
      }
    })
  })

  it("does nothing when a command that was carried out comes again at once", () => {
    DeciderLaws.always(reservation, reservationCommands, ({ command, rejection, after }) => {
      if (rejection === undefined) expect(Aggregate.decide(reservation, command, after)).toEqual([])
    })
  })

  it("explains every refusal in a sentence", () => {
    DeciderLaws.always(reservation, reservationCommands, ({ rejection }) => {
      if (rejection !== undefined) expect(rejection.detail).toMatch(/^[A-Z0-9].{20,}\.$/)
    })
  })
})
