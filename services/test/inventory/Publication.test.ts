/**
 * What other services are told of stock and reservations: outcomes and levels, each message complete in itself, and nothing of how
 * a reservation came about.
 */
import { Broker } from "@daybook/core/Broker"
import type { Message } from "@daybook/core/Message"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { InventoryEvents, type InventoryEvent as Said } from "../../src/inventory/Contract.ts"
import { reservationPublication, stockPublication } from "../../src/inventory/Publication.ts"
import { type ReservationEvent, ReservationEvents } from "../../src/inventory/ReservationEvents.ts"
import { type StockItemEvent, StockItemEvents } from "../../src/inventory/StockItemEvents.ts"
import * as Given from "./Given.ts"
import { heart, item, lantern, quarterPast } from "./Given.ts"
import { recordedReservations, recordedStock, toStock } from "./ReadModels.ts"

/** What a publication hands to the broker. */
const published = (handle: Effect.Effect<void, unknown, Broker>) =>
  Effect.gen(function* () {
    const messages: Array<Message & { readonly topic: string }> = []
    const broker: Broker["Service"] = {
      guarantees: { durable: false, failover: false, maxMessageBytes: 1_000_000 },
      publish: (topic, batch) => Effect.sync(() => void messages.push(...batch.map((one) => ({ ...one, topic })))),
      subscribe: () => Effect.never
    }
    yield* Effect.provideService(handle, Broker, broker)
    return messages
  })

const ofReservation = (event: ReservationEvent) => {
  const recorded = recordedReservations([{ id: "order-1", atMillis: 1_000, event }])
  return published(reservationPublication.handle(recorded, { replaying: false }))
}

const ofStock = (event: StockItemEvent) =>
  published(stockPublication.handle(recordedStock([toStock(event, 1_000)]), { replaying: false }))

const orderId = "order-1"
const expiry = { expiresAtMillis: quarterPast }
const heldLines = [lantern, heart].map((line) => ({ ...line, backOrdered: 0 }))

/** Every event of a reservation, and what others hear of it. */
const reservations: ReadonlyArray<readonly [event: ReservationEvent, said: Said | undefined]> = [
  [Given.requested(), undefined],
  [Given.lineHeld(), undefined],
  [Given.lineShort(), undefined],
  [Given.itemsReserved(), { _tag: "ItemsReserved", orderId, lines: heldLines, ...expiry }],
  [
    Given.reservationRefused(),
    {
      _tag: "ReservationRefused",
      orderId,
      shortages: [{ sku: heart.sku, location: heart.location, requested: 2, available: 1 }]
    }
  ],
  [Given.reservationExtended(), { _tag: "ReservationExtended", orderId, expiresAtMillis: quarterPast + Given.hour }],
  [Given.reservationCommitted(), { _tag: "ReservationCommitted", orderId, lines: [lantern, heart] }],
  [Given.reservationReleased(), { _tag: "ReservationReleased", orderId, reason: "payment-declined" }],
  [Given.reservationExpired(), { _tag: "ReservationExpired", orderId, expiredAtMillis: quarterPast }]
]

const level = (onHand: number, available: number): Said => ({ _tag: "StockLevelChanged", ...item, onHand, available })

/** Every event of a stock item, and what others hear of it. */
const stock: ReadonlyArray<readonly [event: StockItemEvent, ...said: ReadonlyArray<Said>]> = [
  [Given.stockReceived(), level(10, 10)],
  [Given.stockAdjusted(), level(7, 7)],
  [Given.stockReserved(), level(10, 6)],
  [Given.stockRefused()],
  [Given.holdExtended()],
  [Given.stockCommitted()],
  [Given.stockReleased(), level(10, 10)],
  [Given.holdBarred()],
  [Given.stockShipped(), { _tag: "ItemsShipped", orderId, ...item, quantity: 4, reference: "shipment-1" }, level(6, 6)],
  [Given.commitmentCancelled(), level(10, 10)],
  [Given.stockRestocked(), level(11, 11)],
  [Given.transferredOut(), level(6, 6)],
  [Given.transferredIn(), level(14, 14)],
  [Given.safetyStockSet(), level(10, 7)],
  [Given.backOrderLimitSet(), level(10, 10)],
  [Given.reorderPointSet()],
  [Given.ranLow(), { _tag: "StockRanLow", ...item, available: 0, reorderPoint: 0 }],
  [Given.replenished(), { _tag: "StockReplenished", ...item, available: 10, reorderPoint: 0 }]
]

const decoded = (messages: ReadonlyArray<Message>) => messages.map((message) => InventoryEvents.decode(message))

const named = <E extends { readonly _tag: string }>([event, ...said]: readonly [
  E,
  ...ReadonlyArray<Said | undefined>
]) => {
  const heard = said.filter((one) => one !== undefined)
  return { event, heard, name: event._tag, what: heard.map(({ _tag }) => _tag).join(" and ") || "nothing" }
}

describe("of an event of a reservation", () => {
  it.effect.each(reservations.map(named))("$name others hear $what", ({ event, heard }) =>
    Effect.map(ofReservation(event), (messages) => {
      expect(decoded(messages)).toEqual(heard)
      for (const { topic, key, source } of messages) {
        expect({ topic, key, source }).toEqual({ topic: "inventory-events", key: "order-1", source: "/inventory" })
      }
    })
  )
})

describe("of an event of a stock item", () => {
  it.effect.each(stock.map(named))("$name others hear $what", ({ event, heard }) =>
    Effect.map(ofStock(event), (messages) => {
      expect(decoded(messages)).toEqual(heard)
      expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length)
      for (const { topic, key, source } of messages) {
        expect({ topic, key, source }).toEqual({ topic: "inventory-events", key: "71053@LONDON", source: "/inventory" })
      }
    })
  )
})

describe("the cases above", () => {
  it("miss no event and no message", () => {
    expect(reservations.map(([{ _tag }]) => _tag)).toEqual(ReservationEvents.names)
    expect(stock.map(([{ _tag }]) => _tag)).toEqual(StockItemEvents.names)
    const said = [...reservations, ...stock].flatMap(([, ...heard]) => heard.flatMap((one) => one?._tag ?? []))
    expect([...new Set(said)].sort()).toEqual([...InventoryEvents.names].sort())
  })
})

it.effect.each(["payment-declined", "cancelled", "failed"] as const)(
  "others can read why it was released: %s",
  (reason) =>
    Effect.map(ofReservation(Given.reservationReleased({ reason, lines: [] })), (messages) => {
      expect(decoded(messages)).toEqual([{ _tag: "ReservationReleased", orderId, reason }])
    })
)
