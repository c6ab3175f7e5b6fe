/**
 * What holds for many reservations over many stock items, whatever happens to the messages between them: nothing is sold twice,
 * every reservation has all of its stock or none, and the ledger adds up.
 */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type * as StockItem from "../../src/inventory/StockItemDomain.ts"
import * as StockItemState from "../../src/inventory/StockItemState.ts"
import { item } from "./Given.ts"
import { onHandChange, type Plan, World } from "./World.ts"

const skus = ["A", "B", "C"]
const locations = ["LONDON", "LEEDS"]

const key = fc.record({ sku: fc.constantFrom(...skus), location: fc.constantFrom(...locations) })
const line = fc.tuple(key, fc.integer({ min: 1, max: 4 })).map(([at, quantity]) => ({ ...at, quantity }))
const plan = fc.constantFrom<Plan>("commit", "commit", "release", "waver", "extend", "leave")
const orders = fc.array(fc.record({ lines: fc.array(line, { minLength: 1, maxLength: 4 }), plan }), {
  minLength: 1,
  maxLength: 12
})

/** Movements besides reservations. Each has its own document. */
const movements = fc.array(
  fc.record({ at: key, kind: fc.constantFrom("receive", "lose", "transfer", "return"), quantity: fc.nat(5) }),
  { maxLength: 30 }
)

type Movement = (typeof movements extends fc.Arbitrary<infer Values extends ReadonlyArray<unknown>>
  ? Values
  : never)[number]

const commandOf = ({ at, kind, quantity }: Movement, i: number): StockItem.StockItemCommand => {
  const moved = { ...at, quantity, reference: `document-${i}` }
  const elsewhere = at.location === "LEEDS" ? "LONDON" : "LEEDS"
  if (kind === "receive") return { _tag: "ReceiveStock", ...moved }
  if (kind === "lose") return { _tag: "AdjustStock", ...moved, quantity: -quantity, reason: "lost" }
  if (kind === "transfer") return { _tag: "TransferOut", ...moved, toLocation: elsewhere }
  return { _tag: "RestockItems", ...moved, reason: "returned" }
}

const faults = fc.record({ duplicate: fc.nat(400), redeliver: fc.nat(300), jump: fc.nat(30) })
const seed = fc.noShrink(fc.nat(2 ** 31 - 1))

const expectNoOversell = (world: World): void => {
  for (const { state } of world.stock.values()) {
    const sum = (committed: boolean) =>
      state.holds.reduce((total, hold) => (hold.committed === committed ? total + hold.quantity : total), 0)
    const adds = state.reserved === sum(false) && state.committed === sum(true)
    const fits = state.reserved + state.committed <= state.onHand && StockItemState.availableOf(state) >= 0
    if (!adds || !fits) expect.fail(`more is promised than there is: ${JSON.stringify(state)}`)
  }
}

const holdOf = (world: World, orderId: string, at: { readonly sku: string; readonly location: string }) =>
  world.stock.get(StockItemState.stockItemId(at))?.state.holds.find(({ reservationId }) => reservationId === orderId)

/** What was taken from an order's commitment at one stock item since. */
const shippedOf = (world: World, orderId: string, at: { readonly sku: string; readonly location: string }): number =>
  (world.stock.get(StockItemState.stockItemId(at))?.events ?? []).reduce(
    (total, event) =>
      event._tag === "StockShipped" && event.reservationId === orderId ? total + event.quantity : total,
    0
  )

const expectAllOrNothing = (world: World): void => {
  for (const [orderId, { state }] of world.reservations) {
    expect(["committed", "released", "refused", "expired"]).toContain(state.status)
    for (const requested of state.lines) {
      const hold = holdOf(world, orderId, requested)
      if (state.status === "committed") {
        expect((hold?.quantity ?? 0) + shippedOf(world, orderId, requested)).toBe(requested.quantity)
        expect(hold?.committed ?? true).toBe(true)
      } else expect(hold).toBeUndefined()
    }
  }
  const holds = [...world.stock.values()].flatMap(({ state }) => state.holds)
  for (const { reservationId } of holds) expect(world.reservations.get(reservationId)?.state.status).toBe("committed")
}

const expectLedger = (world: World): void => {
  for (const { state, events } of world.stock.values()) {
    expect(events.reduce((total, event) => total + onHandChange(event), 0)).toBe(state.onHand)
  }
  const all = [...world.stock.values()].flatMap(({ events }) => events)
  const inTransit = (tag: string) =>
    all.reduce((total, event) => (event._tag === tag ? total + onHandChange(event) : total), 0)
  expect(inTransit("StockTransferredOut") + inTransit("StockTransferredIn")).toBe(0)
}

const snapshotOf = (world: World) =>
  [...world.stock].map(
    ([
      id,
      {
        state: { closed, ...state }
      }
    ]) => [id, state]
  )

describe("many reservations over many stock items", () => {
  it("are all or nothing, never oversell, and add up, whatever happens to the messages", () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(orders, movements, faults, seed, (buyers, moves, chances, random) => {
        const world = new World(random, chances)
        for (const sku of skus) {
          for (const location of locations) {
            world.toStock({ _tag: "ReceiveStock", sku, location, quantity: 5, reference: "opening" })
          }
        }
        moves.forEach((move, i) => {
          world.toStock(commandOf(move, i))
        })
        buyers.forEach(({ lines, plan }, i) => {
          world.order(`order-${i}`, lines, plan)
        })
        world.run(() => expectNoOversell(world))
        expectAllOrNothing(world)
        expectLedger(world)
        const quiet = snapshotOf(world)
        world.reconcile()
        world.run()
        expect(snapshotOf(world)).toEqual(quiet)
        for (const { events } of [...world.stock.values(), ...world.reservations.values()]) {
          for (const { _tag } of events) seen.add(_tag)
        }
      }),
      { numRuns: 500, seed: 7 }
    )
    for (const name of ["StockRefused", "HoldBarred", "StockShipped", "StockTransferredIn", "ReservationExtended"]) {
      expect(seen).toContain(name)
    }
    for (const name of ["ReservationCommitted", "ReservationRefused", "ReservationReleased", "ReservationExpired"]) {
      expect(seen).toContain(name)
    }
  })

  it("have one winner when 500 buyers want one unit", () => {
    fc.assert(
      fc.property(seed, (random) => {
        const world = new World(random, { duplicate: 200, redeliver: 100, jump: 0 })
        world.toStock({ _tag: "ReceiveStock", ...item, quantity: 1, reference: "opening" })
        world.run()
        for (let i = 0; i < 500; i++) world.order(`order-${i}`, [{ ...item, quantity: 1 }], "commit")
        world.run()
        const statuses = [...world.reservations.values()].map(({ state }) => state.status)
        const count = (status: string) => statuses.filter((other) => other === status).length
        expect({ committed: count("committed"), refused: count("refused") }).toEqual({ committed: 1, refused: 499 })
        expectNoOversell(world)
        expectAllOrNothing(world)
      }),
      { numRuns: 5, seed: 7 }
    )
  })
})
