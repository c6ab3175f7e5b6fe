/**
 * The order's queries: pages of any size put together are the whole list, and an order is shown with all that has become of it.
 */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { UnknownCursor } from "../../src/Http.ts"
import { OrderQueries } from "../../src/order/Queries.ts"
import { type OrderSummary, Waiting } from "../../src/order/Views.ts"
import type { Page } from "../../src/Serving.ts"
import * as Given from "./Given.ts"
import { empty, type Happening, project, readModels, recorded, schema } from "./ReadModels.ts"

const queries = OrderQueries.layer(schema).pipe(Layer.provideMerge(readModels))

const read = Effect.flatMap(OrderQueries, Effect.succeed)

const { gbp } = Given

/** Starts anew with these events. */
const given = (happenings: ReadonlyArray<Happening>) => Effect.andThen(empty, project([recorded(happenings)]))

/** A life of an order, an event a second from a moment on. */
const life = (order: string, events: ReadonlyArray<Happening["event"]>, fromMillis = 0): ReadonlyArray<Happening> =>
  events.map((event, i) => ({ order, event, atMillis: fromMillis + i * 1000 }))

/** A list put together from its pages. */
const whole = <E, R>(limit: number, page: (page: Page) => Effect.Effect<ReadonlyArray<OrderSummary>, E, R>) =>
  Effect.gen(function* () {
    const found: Array<string> = []
    while (true) {
      const slice = yield* page({ limit, after: found.at(-1) })
      found.push(...slice.map(({ id }) => id))
      if (slice.length < limit) return found
    }
  })

const byTimeThenId = (a: Happening, b: Happening): number => a.atMillis - b.atMillis || (a.order < b.order ? -1 : 1)

/** The shipments of `Given.delivered`, an event a second. */
const shipments = [
  {
    shipmentId: "shipment-1",
    carrier: "Royal Mail",
    trackingNumber: "RM-1",
    parcels: [{ carrier: "Royal Mail", trackingNumber: "RM-1" }],
    promisedBy: "2011-03-31",
    total: gbp(2127),
    shippedAt: "1970-01-01T00:00:02.000Z",
    deliveredAt: "1970-01-01T00:00:04.000Z"
  },
  {
    shipmentId: "shipment-2",
    carrier: null,
    trackingNumber: null,
    parcels: [],
    promisedBy: null,
    total: gbp(1324),
    shippedAt: "1970-01-01T00:00:03.000Z",
    deliveredAt: "1970-01-01T00:00:05.000Z"
  }
]

layer(queries, { timeout: "60 seconds" })("the queries of orders", (it) => {
  it.effect("put together from pages of any size, lists are whole and in order", () =>
    Effect.gen(function* () {
      const run = Effect.runPromiseWith(yield* Effect.context<Layer.Success<typeof queries>>())
      // Few moments for many orders, so that the id has to decide.
      const moments = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 })
      const check = async (times: ReadonlyArray<number>, limit: number) => {
        const placed = times.map((atMillis, i) => ({ order: `order ${i}`, atMillis, event: Given.orderPlaced() }))
        await run(given(placed))
        const oldestFirst = placed.toSorted(byTimeThenId).map(({ order }) => order)
        const { ordersOf, queue } = await run(read)
        expect(await run(whole(limit, (page) => ordersOf("17850", page)))).toEqual(oldestFirst.toReversed())
        expect(await run(whole(limit, (page) => queue("pending", page)))).toEqual(oldestFirst)
      }
      yield* Effect.promise(() =>
        fc.assert(fc.asyncProperty(moments, fc.integer({ min: 1, max: 13 }), check), { numRuns: 40 })
      )
    })
  )

  it.effect("queue an order for what it waits for, and for nothing once it is done with", () =>
    Effect.gen(function* () {
      yield* given(
        Object.entries({ ...Given.histories, returning: Given.returning }).flatMap(([id, events]) => life(id, events))
      )
      const { queue } = yield* read
      const queued = yield* Effect.forEach(Waiting.literals, (waiting) =>
        Effect.map(queue(waiting, { limit: 50 }), (found) => [waiting, ...found.map(({ id }) => id)])
      )
      expect(queued).toEqual([
        ["pending", "pending"],
        ["confirmed", "confirmed"],
        ["shipping", "shipping"],
        ["shipped", "shipped"],
        ["delivered", "delivered", "returning"],
        ["returning", "returning"]
      ])
    })
  )

  it.effect("go on with a queue after an order that has been dealt with meanwhile", () =>
    Effect.gen(function* () {
      const [first, second, third] = ["a", "b", "c"].map((id, i) => life(id, Given.confirmed, i))
      yield* given([...first!, ...second!, ...third!, ...life("a", [Given.orderShipped()], 9_000)])
      const { queue } = yield* read
      const ids = (page: Page) => Effect.map(queue("confirmed", page), (found) => found.map(({ id }) => id))
      expect(yield* ids({ limit: 1, after: "a" })).toEqual(["b"])
      expect(yield* ids({ limit: 5, after: "b" })).toEqual(["c"])
      expect(yield* ids({ limit: 5, after: "c" })).toEqual([])
    })
  )

  it.effect("say so when a list is to go on after an order that never was in it", () =>
    Effect.gen(function* () {
      yield* given([
        ...life("hers", Given.pending),
        ...life("his", [Given.orderPlaced({ customerId: "12347" })]),
        ...life("a guest's", [Given.orderPlaced({ customerId: null })])
      ])
      const { ordersOf, queue } = yield* read
      for (const after of ["unheard-of", "his", "a guest's"]) {
        const failure = yield* Effect.flip(ordersOf("17850", { limit: 5, after }))
        expect(failure).toBeInstanceOf(UnknownCursor)
        expect(failure.message).toContain(`Order ${after} never was in this list`)
      }
      expect(yield* Effect.flip(queue("returning", { limit: 5, after: "unheard-of" }))).toBeInstanceOf(UnknownCursor)
      expect(yield* ordersOf("17850", { limit: 5, after: "hers" })).toEqual([])
      expect(yield* ordersOf("nobody", { limit: 5 })).toEqual([])
    })
  )

  it.effect("add up what confirmed orders come to, by country and currency, less what was cancelled", () =>
    Effect.gen(function* () {
      const partly = Given.linesCancelled({
        scope: "lines",
        lines: [{ lineId: "2", sku: "85123A", quantity: 2, amount: gbp(510) }],
        shipping: gbp(0),
        total: gbp(510),
        status: "confirmed"
      })
      const abroad = { country: null, total: { amountMinor: 3451, currency: "EUR" } }
      yield* given([
        ...Object.entries(Given.histories).flatMap(([id, events]) => life(id, events)),
        ...life("less", [...Given.confirmed, partly]),
        ...life("abroad", [Given.orderPlaced(abroad), Given.orderConfirmed()])
      ])
      const { confirmedRevenue } = yield* read
      // Confirmed, shipping, shipped, delivered and closed; neither pending nor rejected nor cancelled.
      expect(yield* confirmedRevenue()).toEqual([
        { country: "United Kingdom", orders: 6, total: gbp(6 * 3451 - 510) },
        { country: "Unspecified", orders: 1, total: { amountMinor: 3451, currency: "EUR" } }
      ])
      expect(yield* confirmedRevenue(["less", "pending", "cancelled", "unheard-of"])).toEqual([
        { country: "United Kingdom", orders: 1, total: gbp(3451 - 510) }
      ])
      expect(yield* confirmedRevenue([])).toEqual([])
    })
  )

  it.effect("show an order with its lines, shipments and returns, as they are now", () =>
    Effect.gen(function* () {
      yield* given(
        life("o", [...Given.returning, Given.returnReceived(), Given.returnRequested({ returnId: "return-2" })])
      )
      const { order, version } = yield* read
      const { lines: _, ...shown } = Option.getOrThrow(yield* order("o"))
      expect(shown).toEqual({
        id: "o",
        version: 9,
        status: "delivered",
        cartId: "cart-1",
        checkoutId: "checkout-1",
        customerId: "17850",
        country: "United Kingdom",
        total: gbp(3451),
        lineCount: 2,
        openReturns: 1,
        cancellationRequested: false,
        placedAt: "1970-01-01T00:00:00.000Z",
        updatedAt: "1970-01-01T00:00:08.000Z",
        goods: gbp(2544),
        tax: gbp(407),
        shipping: gbp(500),
        charged: gbp(3451),
        cancelled: gbp(0),
        refunded: gbp(1220),
        authorisationId: "authorisation-1",
        reservationId: "reservation-1",
        recipient: null,
        recipientErased: false,
        rejection: null,
        cancelReason: null,
        shipments,
        returns: [
          {
            returnId: "return-1",
            reason: "damaged",
            requestedAt: "1970-01-01T00:00:06.000Z",
            receivedAt: "1970-01-01T00:00:07.000Z",
            refund: gbp(1220)
          },
          {
            returnId: "return-2",
            reason: "damaged",
            requestedAt: "1970-01-01T00:00:08.000Z",
            receivedAt: null,
            refund: null
          }
        ]
      })
      expect(yield* version("o")).toBe(9)
      expect(yield* version("unheard-of")).toBe(0)
      expect(Option.isNone(yield* order("unheard-of"))).toBe(true)
    })
  )

  it.effect("show what has become of each line", () =>
    Effect.gen(function* () {
      yield* given(
        life("o", [...Given.returning, Given.returnReceived(), Given.returnRequested({ returnId: "return-2" })])
      )
      const { order } = yield* read
      const { lines } = Option.getOrThrow(yield* order("o"))
      expect(lines[0]).toEqual({
        ...Given.lantern,
        cancelled: 0,
        shipped: 6,
        delivered: 6,
        returning: 3,
        returned: 3,
        charged: gbp(2441),
        refunded: gbp(1220)
      })
      expect(lines.map(({ lineId }) => lineId)).toEqual(["1", "2"])
    })
  )

  it.effect("show why an order came to nothing, and amounts as they are", () =>
    Effect.gen(function* () {
      const line = { ...Given.lantern, quantity: 1, unitPrice: gbp(Number.MAX_SAFE_INTEGER), tax: gbp(0) }
      const description = 'a "b" \\ ü 🛒'
      const large = Given.orderPlaced({
        customerId: null,
        country: null,
        lines: [{ ...line, description }],
        total: gbp(Number.MAX_SAFE_INTEGER)
      })
      yield* given([...life("short", [large, Given.orderRejected()]), ...life("unwanted", Given.cancelled)])
      const { order } = yield* read
      const short = Option.getOrThrow(yield* order("short"))
      const shortages = [{ sku: "71053", requested: 6, available: 2 }]
      expect(short.rejection).toEqual({ reason: "shortage", shortages })
      expect(short).toMatchObject({ status: "rejected", customerId: null, country: null, shipments: [], returns: [] })
      expect(short.total).toEqual(gbp(Number.MAX_SAFE_INTEGER))
      expect(short.lines[0]).toMatchObject({ description, unitPrice: gbp(Number.MAX_SAFE_INTEGER) })
      expect(Option.getOrThrow(yield* order("unwanted"))).toMatchObject({
        status: "cancelled",
        cancelReason: "customer",
        recipient: null,
        recipientErased: false,
        rejection: null,
        cancelled: gbp(3451),
        charged: gbp(0)
      })
    })
  )

  it.effect("tell what happened to an order, when, by whom, and why, page by page", () =>
    Effect.gen(function* () {
      const by = { actor: "Ann", note: "Arrived in pieces" }
      const events = life("o", [...Given.returning, Given.returnReceived()])
      yield* given([...life("other", Given.pending), ...events.slice(0, 6), { ...events[6]!, ...by }, events[7]!])
      const { timeline } = yield* read
      const all = yield* timeline("o", { limit: 50 })
      expect(all.map(({ event }) => event)).toEqual([
        "OrderPlaced",
        "OrderConfirmed",
        "OrderShipped",
        "OrderShipped",
        "ShipmentDelivered",
        "ShipmentDelivered",
        "ReturnRequested",
        "ReturnReceived"
      ])
      const nothing = {
        actor: null,
        note: null,
        recordId: null,
        reason: null,
        carrier: null,
        trackingNumber: null,
        parcels: [],
        promisedBy: null,
        lines: []
      }
      expect(all[0]).toEqual({
        ...nothing,
        version: 1,
        at: "1970-01-01T00:00:00.000Z",
        event: "OrderPlaced",
        total: gbp(3451)
      })
      expect(all[2]).toMatchObject({
        recordId: "shipment-1",
        carrier: "Royal Mail",
        trackingNumber: "RM-1",
        parcels: [{ carrier: "Royal Mail", trackingNumber: "RM-1" }],
        promisedBy: "2011-03-31",
        total: gbp(2127)
      })
      expect(all[6]).toEqual({
        ...nothing,
        ...by,
        version: 7,
        at: "1970-01-01T00:00:06.000Z",
        event: "ReturnRequested",
        recordId: "return-1",
        reason: "damaged",
        lines: [{ lineId: "1", sku: "71053", quantity: 3 }],
        total: null
      })
      const paged = [...(yield* timeline("o", { limit: 5 })), ...(yield* timeline("o", { limit: 5, after: 5 }))]
      expect(paged).toEqual(all)
      expect(yield* timeline("o", { limit: 5, after: 8 })).toEqual([])
      expect(yield* timeline("unheard-of", { limit: 5 })).toEqual([])
    })
  )
})
