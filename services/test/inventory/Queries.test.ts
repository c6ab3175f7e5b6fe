/**
 * The inventory's queries: sums over locations, lists whose pages put together are whole, what is overdue, and what can be had.
 */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { UnknownCursor } from "../../src/Http.ts"
import { InventoryQueries } from "../../src/inventory/Queries.ts"
import type { ReservationEvent } from "../../src/inventory/ReservationEvents.ts"
import type { StockItemEvent } from "../../src/inventory/StockItemEvents.ts"
import type { Page } from "../../src/Serving.ts"
import * as Given from "./Given.ts"
import { balance, noon, quarterPast } from "./Given.ts"
import {
  empty,
  eventIdOf,
  type Happening,
  projectReservations,
  projectStock,
  readModels,
  recordedReservations,
  recordedStock,
  schema,
  toStock
} from "./ReadModels.ts"

const queries = InventoryQueries.layer(schema).pipe(Layer.provideMerge(readModels))

const read = Effect.flatMap(InventoryQueries, Effect.succeed)

const givenStock = (...events: ReadonlyArray<StockItemEvent>) =>
  Effect.andThen(empty, projectStock([recordedStock(events.map((event, i) => toStock(event, i + 1)))]))

const givenReservations = (...happened: ReadonlyArray<Happening<ReservationEvent>>) =>
  Effect.andThen(empty, projectReservations([recordedReservations(happened)]))

/** The ids of a list put together from its pages. */
const whole = <E, R>(limit: number, page: (page: Page) => Effect.Effect<ReadonlyArray<string>, E, R>) =>
  Effect.gen(function* () {
    const found: Array<string> = []
    while (true) {
      const slice = yield* page({ limit, after: found.at(-1) })
      found.push(...slice)
      if (slice.length < limit) return found
    }
  })

const idsOf = Effect.map((found: ReadonlyArray<{ readonly id: string }>) => found.map(({ id }) => id))

const of = (sku: string, location: string, onHand: number) =>
  Given.stockReceived({ sku, location, quantity: onHand, after: balance({ onHand, available: onHand }) })

const requested = (id: string, expiresAtMillis = quarterPast, atMillis = noon): Happening<ReservationEvent> => ({
  id,
  atMillis,
  event: Given.requested({ orderId: id, expiresAtMillis })
})

const happens = (id: string, event: ReservationEvent): Happening<ReservationEvent> => ({
  id,
  atMillis: noon + 1,
  event
})

layer(queries, { timeout: "60 seconds" })("the queries of the inventory", (it) => {
  it.effect("show a SKU in sum and at each location, and what is unknown as none", () =>
    Effect.gen(function* () {
      const { stock, level } = yield* read
      yield* givenStock(
        of("mug", "LEEDS", 3),
        of("mug", "LONDON", 9),
        Given.reorderPointSet({ sku: "mug", location: "LONDON", reorderPoint: 6 }),
        Given.stockReserved({ sku: "mug", location: "LONDON", quantity: 5 }),
        Given.stockCommitted({ sku: "mug", location: "LONDON", quantity: 1 }),
        of("lamp", "LONDON", 7)
      )
      const mug = Option.getOrThrow(yield* stock("mug"))
      expect(mug).toMatchObject({ sku: "mug", onHand: 12, reserved: 4, committed: 1, available: 7 })
      expect(mug.locations.map(({ location }) => location)).toEqual(["LEEDS", "LONDON"])
      expect(mug.locations[1]).toEqual({
        id: "mug@LONDON",
        sku: "mug",
        location: "LONDON",
        version: 4,
        onHand: 9,
        reserved: 4,
        committed: 1,
        safetyStock: 0,
        available: 4,
        backOrderLimit: 0,
        reorderPoint: 6,
        lowSince: "1970-01-01T00:00:00.004Z",
        updatedAt: "1970-01-01T00:00:00.005Z"
      })
      expect(Option.getOrThrow(yield* level({ sku: "mug", location: "LONDON" }))).toEqual(mug.locations[1])
      expect(mug.locations[0]!.lowSince).toBeNull()
      expect(Option.isNone(yield* stock("bird"))).toBe(true)
      expect(Option.isNone(yield* level({ sku: "mug", location: "YORK" }))).toBe(true)
    })
  )

  it.effect("list stock items, the scarcest first: all, those that are low, fewer than so many, at a location", () =>
    Effect.gen(function* () {
      const { levels } = yield* read
      yield* givenStock(
        of("a", "LONDON", 5),
        of("b", "LONDON", 2),
        Given.reorderPointSet({ sku: "b", location: "LONDON", reorderPoint: 2 }),
        of("c", "LEEDS", 9),
        Given.backOrderLimitSet({ sku: "d", location: "LEEDS", limit: 5 }),
        Given.stockReserved({ sku: "d", location: "LEEDS", quantity: 3 })
      )
      const ids = (filter: Parameters<typeof levels>[0]) =>
        Effect.map(levels(filter, { limit: 10 }), (found) => found.map(({ id }) => id))
      expect(yield* ids({})).toEqual(["d@LEEDS", "b@LONDON", "a@LONDON", "c@LEEDS"])
      expect(yield* ids({ low: true })).toEqual(["d@LEEDS", "b@LONDON"])
      expect(yield* ids({ low: false })).toEqual(["a@LONDON", "c@LEEDS"])
      expect(yield* ids({ below: 5 })).toEqual(["d@LEEDS", "b@LONDON"])
      expect(yield* ids({ below: 6, location: "LONDON" })).toEqual(["b@LONDON", "a@LONDON"])
      expect(yield* ids({ location: "YORK" })).toEqual([])
    })
  )

  it.effect("put together from pages of any size, lists are whole and in order", () =>
    Effect.gen(function* () {
      const run = Effect.runPromiseWith(yield* Effect.context<Layer.Success<typeof queries>>())
      // Few quantities, and all at few moments, so that ids have to decide.
      const quantities = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 })
      const check = async (amounts: ReadonlyArray<number>, limit: number) => {
        const { levels, movements, reservations } = await run(read)
        const items = amounts.map((amount, i) => ({ amount, id: `sku-${i}@LONDON` }))
        await run(givenStock(...amounts.map((amount, i) => of(`sku-${i}`, "LONDON", amount))))
        const scarcest = items.toSorted((a, b) => a.amount - b.amount || (a.id < b.id ? -1 : 1)).map(({ id }) => id)
        expect(await run(whole(limit, (page) => idsOf(levels({}, page))))).toEqual(scarcest)

        const deliveries = amounts.map((amount, i) => of("mug", i % 2 === 0 ? "LEEDS" : "LONDON", amount))
        await run(givenStock(...deliveries))
        const newest = deliveries.map((_, i) => eventIdOf(i + 1)).toReversed()
        expect(await run(whole(limit, (page) => idsOf(movements({ sku: "mug" }, page))))).toEqual(newest)

        const orders = amounts.map((amount, i) => requested(`order-${i}`, quarterPast, noon + amount))
        await run(givenReservations(...orders))
        const oldest = orders.toSorted((a, b) => a.atMillis - b.atMillis || (a.id < b.id ? -1 : 1)).map(({ id }) => id)
        const pending = (page: Page) =>
          Effect.map(reservations("pending", page), (found) => found.map(({ orderId }) => orderId))
        expect(await run(whole(limit, pending))).toEqual(oldest)
      }
      yield* Effect.promise(() =>
        fc.assert(fc.asyncProperty(quantities, fc.integer({ min: 1, max: 13 }), check), { numRuns: 25 })
      )
    })
  )

  it.effect("list the movements of one stock item in the order of its versions, also those of one moment", () =>
    Effect.gen(function* () {
      const { movements } = yield* read
      const events = [of("mug", "LONDON", 1), of("mug", "LEEDS", 2), of("mug", "LONDON", 3)]
      yield* Effect.andThen(empty, projectStock([recordedStock(events.map((event) => toStock(event, 7)))]))
      const found = yield* movements({ sku: "mug", location: "LONDON" }, { limit: 10 })
      expect(found.map(({ version, onHand }) => [version, onHand])).toEqual([
        [2, 4],
        [1, 1]
      ])
      expect(found[0]).toEqual({
        id: eventIdOf(3),
        location: "LONDON",
        version: 2,
        kind: "received",
        quantity: 3,
        onHand: 4,
        reference: "delivery-1",
        reason: null,
        otherLocation: null,
        orderId: null,
        actor: "clerk",
        occurredAt: "1970-01-01T00:00:00.007Z"
      })
      expect(yield* movements({ sku: "lamp" }, { limit: 10 })).toEqual([])
    })
  )

  it.effect("say so when a list is to go on after what is not in it", () =>
    Effect.gen(function* () {
      const { levels, movements, reservations } = yield* read
      yield* givenStock(of("mug", "LONDON", 1), of("lamp", "LONDON", 1))
      yield* projectReservations([recordedReservations([requested("order-1")])])
      const after = (id: string) => ({ limit: 5, after: id })
      const failures = [
        [levels({}, after("mug@YORK")), "Stock item mug@YORK is not in this list"],
        [levels({ below: 1 }, after("mug@LONDON")), "Stock item mug@LONDON is not in this list"],
        [movements({ sku: "mug" }, after(eventIdOf(2))), `Movement ${eventIdOf(2)} is not in this list`],
        [reservations("reserved", after("order-1")), "Order order-1 is not in this list"]
      ] as const
      for (const [failing, message] of failures) {
        const failure = yield* Effect.flip(failing as Effect.Effect<unknown, UnknownCursor>)
        expect(failure).toBeInstanceOf(UnknownCursor)
        expect(failure.message).toContain(message)
      }
      expect(yield* levels({}, after("mug@LONDON"))).toEqual([])
    })
  )

  it.effect("find what has run out: pending or reserved, the longest overdue first, to the millisecond", () =>
    Effect.gen(function* () {
      const { overdue } = yield* read
      yield* givenReservations(
        requested("late", quarterPast),
        requested("later", quarterPast + 1),
        requested("latest", quarterPast + 2),
        happens("latest", Given.itemsReserved()),
        requested("extended", quarterPast - 5),
        happens("extended", Given.reservationExtended()),
        requested("paid", quarterPast - 5),
        happens("paid", Given.reservationCommitted()),
        happens("given up", Given.reservationReleased({ lines: [], expiresAtMillis: 0 }))
      )
      expect(yield* overdue(quarterPast - 1, 10)).toEqual([])
      expect(yield* overdue(quarterPast, 10)).toEqual(["late"])
      expect(yield* overdue(quarterPast + 2, 10)).toEqual(["late", "later", "latest"])
      expect(yield* overdue(quarterPast + 2, 2)).toEqual(["late", "later"])
    })
  )

  it.effect("say what can be had where, also what is promised beyond what there is", () =>
    Effect.gen(function* () {
      const { offers } = yield* read
      yield* givenStock(
        of("mug", "LONDON", 9),
        of("mug", "LEEDS", 2),
        Given.backOrderLimitSet({ sku: "mug", location: "LEEDS", limit: 5 }),
        Given.safetyStockSet({ sku: "mug", location: "LEEDS", after: balance({ safetyStock: 1 }) }),
        Given.stockReserved({ sku: "mug", location: "LEEDS", quantity: 4 }),
        of("lamp", "LEEDS", 4),
        of("bird", "LEEDS", 1)
      )
      const found = yield* offers(["mug", "lamp", "unheard-of"])
      expect(found.toSorted((a, b) => b.free - a.free)).toEqual([
        { sku: "mug", location: "LONDON", free: 9, backOrderLimit: 0 },
        { sku: "lamp", location: "LEEDS", free: 4, backOrderLimit: 0 },
        { sku: "mug", location: "LEEDS", free: -3, backOrderLimit: 5 }
      ])
      expect(yield* offers([])).toEqual([])
    })
  )

  it.effect("show a reservation with its lines, its shortages, and how it ended", () =>
    Effect.gen(function* () {
      const { reservation } = yield* read
      yield* givenReservations(
        requested("order-1"),
        happens("order-1", Given.lineHeld()),
        happens("order-1", Given.lineShort()),
        happens("order-1", Given.reservationRefused()),
        happens("order-2", Given.reservationReleased({ lines: [], expiresAtMillis: 0, reason: "cancelled" }))
      )
      expect(Option.getOrThrow(yield* reservation("order-1"))).toEqual({
        orderId: "order-1",
        version: 4,
        status: "refused",
        awaited: 0,
        lines: [Given.lantern, Given.heart].map((line) => ({ ...line, backOrdered: 0 })),
        shortages: Given.reservationRefused().shortages,
        giveUpReason: null,
        requestedAt: new Date(noon).toISOString(),
        updatedAt: new Date(noon + 1).toISOString(),
        expiresAt: new Date(quarterPast).toISOString()
      })
      expect(Option.getOrThrow(yield* reservation("order-2"))).toMatchObject({
        status: "released",
        giveUpReason: "cancelled",
        lines: [],
        expiresAt: null
      })
      expect(Option.isNone(yield* reservation("order-3"))).toBe(true)
    })
  )
})
