/**
 * The inventory's read models: whatever happens to stock and reservations, and in whichever batches it arrives, they hold what
 * follows from it.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as fc from "fast-check"
import type { ReservationEvent } from "../../src/inventory/ReservationEvents.ts"
import type { StockItemEvent } from "../../src/inventory/StockItemEvents.ts"
import { stockItemId } from "../../src/inventory/StockItemState.ts"
import * as Given from "./Given.ts"
import { reservation, reservationCommands, stockCommands, stockItem } from "./Life.ts"
import {
  empty,
  type Happening,
  levelModel,
  levelRows,
  movementModel,
  movementRows,
  projectReservations,
  projectStock,
  readModels,
  recordedReservations,
  recordedStock,
  reservationModel,
  reservationRows,
  toStock
} from "./ReadModels.ts"

/** What becomes of commands, one after the other: the events of each. */
const eventsOf = <State, Command extends Aggregate.Tagged, Event extends Aggregate.Tagged>(
  aggregate: Aggregate.Aggregate<State, Command, Event, Error>,
  sent: ReadonlyArray<Command>
): ReadonlyArray<ReadonlyArray<Event>> => {
  let state = aggregate.initial
  return sent.map((command) => {
    const outcome = Aggregate.decide(aggregate, command, state)
    if (outcome instanceof Error) return []
    state = Aggregate.evolveAll(aggregate, state, outcome)
    return outcome
  })
}

/** Lives shuffled into each other: what happens to one stays in order, and the events of one command together. */
const shuffled = <E>(lives: ReadonlyArray<ReadonlyArray<ReadonlyArray<E>>>, places: Iterator<number>) =>
  lives
    .flatMap((commands) => {
      const order = commands.map(() => places.next().value as number).sort((a, b) => a - b)
      return commands.map((events, n) => ({ events, place: order[n]! }))
    })
    .sort((a, b) => a.place - b.place)
    .flatMap(({ events, place }) => events.map((event) => ({ event, atMillis: place })))

const lives = <A>(life: fc.Arbitrary<A>) =>
  fc.tuple(fc.array(life, { minLength: 1, maxLength: 4 }), fc.infiniteStream(fc.nat()))

/** Stock items of two SKUs at several locations. */
const stockHappenings: fc.Arbitrary<ReadonlyArray<Happening<StockItemEvent>>> = lives(stockCommands).map(
  ([all, places]) => {
    const events = all.map((sent, i) =>
      eventsOf(stockItem, sent).map((batch) =>
        batch.map((event) => ({ ...event, sku: `sku ${i % 2}`, location: `at ${i}` }))
      )
    )
    return shuffled(events, places).map(({ event, atMillis }) => toStock(event, atMillis))
  }
)

const reservationHappenings: fc.Arbitrary<ReadonlyArray<Happening<ReservationEvent>>> = lives(reservationCommands).map(
  ([all, places]) => {
    const events = all.map((sent, i) =>
      eventsOf(reservation, sent).map((batch) => batch.map((event) => ({ ...event, orderId: `order ${i}` })))
    )
    return shuffled(events, places).map(({ event, atMillis }) => ({ id: event.orderId, event, atMillis }))
  }
)

/** Cuts a list into batches, at places that are given as fractions. */
const cutAt = <A>(list: ReadonlyArray<A>, cuts: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<A>> => {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * list.length)).sort((a, b) => a - b), list.length]
  return places.slice(1).flatMap((end, i) => (end > places[i]! ? [list.slice(places[i], end)] : []))
}

const cuts = fc.oneof(
  fc.constant([]),
  fc.constant(Array.from({ length: 200 }, (_, i) => i / 200)),
  fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 20 })
)

layer(readModels, { timeout: "60 seconds" })("the read models of the inventory", (it) => {
  const always = <A>(
    arbitrary: fc.Arbitrary<A>,
    check: (value: A, cut: ReadonlyArray<number>) => Effect.Effect<void, unknown, Layer.Success<typeof readModels>>
  ) =>
    Effect.gen(function* () {
      const run = Effect.runPromiseWith(yield* Effect.context<Layer.Success<typeof readModels>>())
      const property = fc.asyncProperty(arbitrary, cuts, (value, cut) => run(check(value, cut)))
      yield* Effect.promise(() => fc.assert(property, { numRuns: 50 }))
    })

  it.effect(
    "hold the levels and the ledger that follow from the events, in whichever batches these arrive",
    () =>
      always(stockHappenings, (happened, cut) =>
        Effect.gen(function* () {
          yield* empty
          yield* projectStock(cutAt(recordedStock(happened), cut))
          const levels = yield* levelRows
          const movements = yield* movementRows
          expect(levels).toEqual(levelModel(happened))
          expect(movements).toEqual(movementModel(happened))
          for (const level of levels) {
            const own = movements.filter(({ sku, location }) => sku === level.sku && location === level.location)
            expect(own.reduce((sum, { quantity }) => sum + Number(quantity), 0)).toBe(level.on_hand)
            // Told by events; the same follows from the figures.
            expect(level.low_since !== null).toBe(Number(level.available) <= Number(level.reorder_point))
          }
        })
      ),
    60_000
  )

  it.effect(
    "hold the reservations that follow from the events, in whichever batches these arrive",
    () =>
      always(reservationHappenings, (happened, cut) =>
        Effect.gen(function* () {
          yield* empty
          yield* projectReservations(cutAt(recordedReservations(happened), cut))
          expect(yield* reservationRows).toEqual(reservationModel(happened))
        })
      ),
    60_000
  )

  it.effect("know nothing of what was asked for and never was there, until something is known of it", () =>
    Effect.gen(function* () {
      yield* empty
      const asked = [Given.stockRefused({ available: 0 }), Given.holdBarred({ reservationId: "order-2" })]
      const [first, second, third] = recordedStock([...asked, Given.stockReceived()].map((event) => toStock(event)))
      yield* projectStock([[first!], [second!]])
      expect(yield* levelRows).toEqual([])
      yield* projectStock([[third!]])
      expect(yield* levelRows).toMatchObject([{ stock_item_id: stockItemId(Given.item), version: 3, on_hand: 10 }])
    })
  )

  it.effect("add up to what the others moved where some events are left out, as they are as of a business time", () =>
    Effect.gen(function* () {
      yield* empty
      const sold = (reservationId: string, quantity: number, atMillis: number) => [
        toStock(Given.stockReserved({ reservationId, quantity }), atMillis),
        toStock(Given.stockCommitted({ reservationId, quantity }), atMillis)
      ]
      // Sold later, and recorded first.
      const all = recordedStock([toStock(Given.stockReceived(), 1), ...sold("later", 4, 3), ...sold("earlier", 3, 2)])
      yield* projectStock([all.filter(({ occurredAtMillis }) => occurredAtMillis <= 2)])
      expect(yield* levelRows).toMatchObject([{ version: 5, on_hand: 10, reserved: 0, committed: 3, available: 7 }])
    })
  )

  it.effect("say of each movement which document, why, where to or from, and for which order", () =>
    Effect.gen(function* () {
      yield* empty
      const events = [
        Given.stockReceived(),
        Given.stockAdjusted(),
        Given.stockShipped(),
        Given.commitmentCancelled(),
        Given.stockRestocked(),
        Given.transferredOut(),
        Given.transferredIn()
      ]
      yield* projectStock([recordedStock(events.map((event) => toStock(event)))])
      const rows = yield* Effect.flatMap(SqlClient, (sql) =>
        sql.unsafe(
          `SELECT kind, quantity::integer AS quantity, reference, reason, other_location, reservation_id
           FROM inventory.stock_movement ORDER BY movement_id`
        )
      )
      const plain = { reason: null, other_location: null, reservation_id: null }
      expect(rows).toEqual([
        { ...plain, kind: "received", quantity: 10, reference: "delivery-1" },
        { ...plain, kind: "adjusted", quantity: -3, reference: "count-1", reason: "damaged" },
        { ...plain, kind: "shipped", quantity: -4, reference: "shipment-1", reservation_id: "order-1" },
        { ...plain, kind: "restocked", quantity: 1, reference: "return-1", reason: "returned" },
        { ...plain, kind: "transferred-out", quantity: -4, reference: "transfer-1", other_location: "LEEDS" },
        { ...plain, kind: "transferred-in", quantity: 4, reference: "transfer-2", other_location: "LEEDS" }
      ])
    })
  )
})
