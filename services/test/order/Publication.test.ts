/**
 * What other services are told of orders: everything, each message complete in itself.
 */
import { Broker } from "@daybook/core/Broker"
import type { Message } from "@daybook/core/Message"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { OrderEvents, type OrderEvent as Said } from "../../src/order/Contract.ts"
import { CancelReason, OrderEvents as Events, RejectReason, ReturnReason } from "../../src/order/Events.ts"
import { orderPublication } from "../../src/order/Publication.ts"
import * as Given from "./Given.ts"
import { commands, eventsOf } from "./Life.ts"
import { type Happening, recorded } from "./ReadModels.ts"

/** What the publication hands to the broker. */
const published = (events: ReadonlyArray<Happening["event"]>) =>
  Effect.gen(function* () {
    const messages: Array<Message & { readonly topic: string }> = []
    const broker: Broker["Service"] = {
      guarantees: { durable: false, failover: false, maxMessageBytes: 1_000_000 },
      publish: (topic, batch) => Effect.sync(() => void messages.push(...batch.map((one) => ({ ...one, topic })))),
      subscribe: () => Effect.never
    }
    const happened = recorded(events.map((event) => ({ order: "7", atMillis: 1_000, event })))
    yield* Effect.provideService(orderPublication.handle(happened, { replaying: false }), Broker, broker)
    return messages
  })

const orderId = "7"
const origin = { cartId: "cart-1", checkoutId: "checkout-1", customerId: "17850", country: "United Kingdom" }
const backing = { authorisationId: "authorisation-1", reservationId: "reservation-1" }
const { gbp } = Given
const total = gbp(3451)
const everything = [
  { lineId: "1", sku: "71053", quantity: 6, amount: gbp(2441) },
  { lineId: "2", sku: "85123A", quantity: 2, amount: gbp(510) }
]
const four = { lineId: "1", sku: "71053", quantity: 4 }
const three = { lineId: "1", sku: "71053", quantity: 3 }

/** Every event of an order, and what others hear of it. */
const cases: ReadonlyArray<readonly [event: Happening["event"], said: Said]> = [
  [
    Given.orderPlaced(),
    {
      _tag: "OrderPlaced",
      orderId,
      ...origin,
      lines: [Given.lantern, Given.heart],
      goods: gbp(2544),
      tax: gbp(407),
      shipping: gbp(500),
      total
    }
  ],
  [Given.orderConfirmed(), { _tag: "OrderConfirmed", orderId, ...origin, ...backing, total }],
  [
    Given.orderRejected(),
    {
      _tag: "OrderRejected",
      orderId,
      ...origin,
      reason: "shortage",
      shortages: [{ sku: "71053", requested: 6, available: 2 }],
      total
    }
  ],
  [
    Given.cancellationRequested(),
    { _tag: "CancellationRequested", orderId, cancellationId: "cancellation-1", customerId: "17850" }
  ],
  [
    Given.linesCancelled(),
    {
      _tag: "LinesCancelled",
      orderId,
      cancellationId: "cancellation-1",
      reason: "customer",
      ...backing,
      lines: everything,
      shipping: gbp(500),
      total,
      fulfilment: "cancelled"
    }
  ],
  [
    Given.orderCancelled(),
    { _tag: "OrderCancelled", orderId, cancellationId: "cancellation-1", ...origin, reason: "customer", total }
  ],
  [
    Given.orderShipped(),
    {
      _tag: "OrderShipped",
      orderId,
      shipmentId: "shipment-1",
      carrier: "Royal Mail",
      trackingNumber: "RM-1",
      parcels: [{ carrier: "Royal Mail", trackingNumber: "RM-1" }],
      promisedBy: "2011-03-31",
      ...backing,
      lines: [{ ...four, amount: gbp(1627) }],
      shipping: gbp(500),
      total: gbp(2127),
      fulfilment: "shipping"
    }
  ],
  [
    Given.shipmentDelivered(),
    { _tag: "ShipmentDelivered", orderId, shipmentId: "shipment-1", lines: [four], fulfilment: "shipping" }
  ],
  [
    Given.returnRequested(),
    { _tag: "ReturnRequested", orderId, returnId: "return-1", reason: "damaged", lines: [three] }
  ],
  [
    Given.returnReceived(),
    {
      _tag: "ReturnReceived",
      orderId,
      returnId: "return-1",
      reason: "damaged",
      ...backing,
      lines: [{ ...three, amount: gbp(1220) }],
      total: gbp(1220)
    }
  ],
  [Given.orderClosed(), { _tag: "OrderClosed", orderId, ...origin, kept: total }]
]

describe("of an event of an order", () => {
  it.effect.each([
    { parcels: [], told: { carrier: null, trackingNumber: null } },
    {
      parcels: [
        { carrier: "DHL", trackingNumber: null },
        { carrier: "Royal Mail", trackingNumber: "RM-1" }
      ],
      told: { carrier: "DHL", trackingNumber: null }
    }
  ])("readers who know of one parcel hear of the first: $told.carrier", ({ parcels, told }) =>
    Effect.map(published([Given.orderShipped({ parcels, promisedBy: null })]), ([message]) => {
      expect(OrderEvents.decode(message!)).toMatchObject({ ...told, parcels, promisedBy: null })
      expect(message!.schemaVersion).toBe(1)
    })
  )

  it.effect.each(cases.map(([event, said]) => ({ event, said, name: event._tag })))(
    "others hear all of $name, and nothing besides",
    ({ event, said }) =>
      Effect.map(published([event]), ([message, ...more]) => {
        const { _tag, ...body } = said
        expect(message).toMatchObject({ topic: "order-events", key: "7", source: "/order", type: _tag })
        // The body as it goes out: reading it back would hide what the contract does not have.
        expect(message!.data).toEqual(body)
        expect(OrderEvents.decode(message!)).toEqual(said)
        expect(more).toEqual([])
      })
  )

  it("no case is missing above", () => {
    expect(cases.map(([{ _tag }]) => _tag)).toEqual(Events.names)
    expect(cases.map(([, said]) => said._tag)).toEqual(OrderEvents.names)
  })
})

describe("others can read whatever an order may say", () => {
  const reasons = [
    ...RejectReason.literals.map((reason) => Given.orderRejected({ reason, shortages: [] })),
    ...CancelReason.literals.map((reason) => Given.orderCancelled({ reason })),
    ...CancelReason.literals.map((reason) => Given.linesCancelled({ reason })),
    ...ReturnReason.literals.map((reason) => Given.returnRequested({ reason }))
  ]

  it.effect.each(reasons.map((event) => ({ event, name: event._tag, reason: event.reason })))(
    "$name: $reason",
    ({ event, reason }) =>
      Effect.map(published([event]), ([message]) => {
        expect(OrderEvents.decode(message!)).toMatchObject({ reason })
      })
  )

  it.effect("of a guest without a country, in a currency that is no longer in use", () =>
    Effect.gen(function* () {
      const old = { amountMinor: 1, currency: "ANG" }
      const event = Given.orderPlaced({ customerId: null, country: null, total: old })
      const [message] = yield* published([event])
      expect(OrderEvents.decode(message!)).toMatchObject({ customerId: null, country: null, total: old })
    })
  )

  it.effect("of any life, message for event, in order", () =>
    Effect.gen(function* () {
      for (const sent of fc.sample(commands, { seed: 5, numRuns: 200 })) {
        const events = eventsOf(sent)
        const said = (yield* published(events)).map((message) => OrderEvents.decode(message))
        expect(said.map(({ _tag }) => _tag)).toEqual(events.map(({ _tag }) => _tag))
      }
    })
  )
})
