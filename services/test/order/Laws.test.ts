/**
 * What holds for every order, whatever is asked of it: random commands, in random order, also on orders that are nearly full.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as DeciderLaws from "@daybook/testkit/DeciderLaws"
import { describe, expect, it } from "vitest"
import type { Command } from "../../src/order/Command.ts"
import { type OrderEvent, OrderEvents, Status } from "../../src/order/Events.ts"
import { type Rejection, rejections } from "../../src/order/Rejection.ts"
import type { State } from "../../src/order/State.ts"
import * as Canvas from "../Canvas.ts"
import { commands, order } from "./Life.ts"

type Step = DeciderLaws.Step<State, Command, OrderEvent, Rejection>

const always = (holds: (step: Step) => void) => DeciderLaws.always(order, commands, holds, { runs: 150 })

/** What all events of some kinds have come to since the order was placed, step by step. */
const ledger = (...kinds: ReadonlyArray<OrderEvent["_tag"]>) => {
  let minor = 0
  return ({ events, before }: Step): number => {
    if (before.status === "unplaced") minor = 0
    for (const event of events) if (kinds.includes(event._tag) && "total" in event) minor += event.total.amountMinor
    return minor
  }
}

/** Many lives, and what came up in them. */
const survey = () => {
  const statuses = new Set<Status>()
  const moves = new Set<string>()
  const note = ({ command, before, after }: Step) => {
    statuses.add(after.status)
    if (after.status !== before.status) moves.add(`${before.status} ${command._tag} ${after.status}`)
  }
  const { events, rejections } = DeciderLaws.always(order, commands, note, { runs: 800, seed: 1 })
  return { statuses, moves, events, rejections }
}

describe("an order", () => {
  it("keeps the laws of deciders, through every event, rejection and change of status, which are as its canvas draws them", () => {
    const seen = survey()
    expect([...seen.events.keys()].sort()).toEqual([...OrderEvents.names].sort())
    expect([...seen.rejections.keys()].sort()).toEqual(rejections.map(({ name }) => name).sort())
    expect([...seen.statuses].sort()).toEqual([...Status.literals].sort())
    expect([...seen.moves].sort()).toEqual([...Canvas.transitionsUnder("order", "States")].sort())
  })

  it("never cancels and ships more than was ordered, nor takes back more than was delivered", () => {
    always(({ after: { lines } }) => {
      for (const line of lines) {
        expect(line.cancelled + line.shipped).toBeLessThanOrEqual(line.quantity)
        expect(line.delivered).toBeLessThanOrEqual(line.shipped)
        expect(line.returning + line.returned).toBeLessThanOrEqual(line.delivered)
        for (const count of [line.cancelled, line.shipped, line.delivered, line.returning, line.returned]) {
          expect(count).toBeGreaterThanOrEqual(0)
        }
      }
    })
  })

  it("counts of each line what its cancellations, shipments and returns say", () => {
    always(({ after: { lines, cancellations, shipments, returns, backing } }) => {
      if (backing === null) return
      for (const { lineId, ...line } of lines) {
        const units = (parts: ReadonlyArray<{ readonly lineId: string; readonly quantity: number }>) =>
          parts.reduce((sum, part) => sum + (part.lineId === lineId ? part.quantity : 0), 0)
        expect(line.cancelled).toBe(units(cancellations.flatMap((one) => one.lines)))
        expect(line.shipped).toBe(units(shipments.flatMap((one) => one.lines)))
        expect(line.delivered).toBe(units(shipments.flatMap((one) => (one.delivered ? one.lines : []))))
        expect(line.returning).toBe(units(returns.flatMap((one) => (one.received === null ? one.lines : []))))
        expect(line.returned).toBe(units(returns.flatMap((one) => one.received ?? [])))
      }
    })
  })

  it("is placed only with figures that add up", () => {
    always(({ events }) => {
      for (const event of events) {
        if (event._tag !== "OrderPlaced") continue
        const { lines, goods, tax, shipping, total } = event
        const sum = lines.reduce(
          (sum, line) =>
            sum + BigInt(line.quantity) * BigInt(line.unitPrice.amountMinor) + BigInt(line.tax.amountMinor),
          BigInt(shipping.amountMinor)
        )
        expect(BigInt(total.amountMinor)).toBe(sum)
        expect(goods.amountMinor + tax.amountMinor + shipping.amountMinor).toBe(total.amountMinor)
      }
    })
  })

  it("charges and cancels exactly its total, and refunds no more than was charged", () => {
    const settled = ledger("OrderShipped", "LinesCancelled")
    const charged = ledger("OrderShipped")
    const refunded = ledger("ReturnReceived")
    always((step) => {
      const { events, after } = step
      const [settledMinor, chargedMinor, refundedMinor] = [settled(step), charged(step), refunded(step)]
      expect(settledMinor).toBeLessThanOrEqual(after.totalMinor)
      expect(refundedMinor).toBeLessThanOrEqual(chargedMinor)
      const isSettled = ["shipped", "delivered", "closed"].includes(after.status)
      if (isSettled || (after.status === "cancelled" && after.backing !== null)) {
        expect(settledMinor).toBe(after.totalMinor)
      }
      for (const event of events) {
        if ("lines" in event && "total" in event && event._tag !== "OrderPlaced") {
          for (const { amount } of event.lines) expect(amount.amountMinor).toBeGreaterThanOrEqual(0)
        }
        if (event._tag === "OrderClosed") expect(event.kept.amountMinor).toBe(chargedMinor - refundedMinor)
      }
    })
  })

  it("refunds all that was charged for a line that comes back whole", () => {
    always(({ after: { lines } }) => {
      for (const { shipped, returned, chargedMinor, refundedMinor } of lines) {
        if (returned === shipped) expect(refundedMinor).toBe(chargedMinor)
      }
    })
  })

  it("does nothing when a command that was carried out comes again at once, or ever after", () => {
    let done: Array<Command> = []
    always(({ command, before, events, after }) => {
      if (before.status === "unplaced") done = []
      if (events.length > 0) done.push(command)
      for (const earlier of done) expect(Aggregate.decide(order, earlier, after)).toEqual([])
    })
  })

  it("tells in its events the status that it is in", () => {
    always(({ events, after }) => {
      const last = events.at(-1)
      if (last !== undefined && "status" in last) expect(after.status).toBe(last.status)
    })
  })

  it("is confirmed with its payment and its stock, and what is charged or refunded names them", () => {
    always(({ events, after: { backing, status } }) => {
      if (["confirmed", "shipping", "shipped", "delivered", "closed"].includes(status)) expect(backing).not.toBeNull()
      for (const event of events) if ("authorisationId" in event) expect(event).toMatchObject(backing ?? {})
    })
  })

  it("once closed, rejected or cancelled stays so", () => {
    always(({ before, after }) => {
      if (["closed", "rejected", "cancelled"].includes(before.status)) expect(after).toEqual(before)
    })
  })

  it("explains every refusal in a sentence", () => {
    always(({ rejection }) => {
      if (rejection !== undefined) expect(rejection.detail).toMatch(/^[A-Z0-9].{20,}\.$/)
    })
  })
})
