/**
 * What buyer and shop rely on once an order is certain: shipped is charged, returned is given back, cancelled is released; once
 * each, however often it is told.
 */
import { Broker } from "@daybook/core/Broker"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type OrderEvent, OrderEvents } from "../../src/order/Contract.ts"
import { commandMessage } from "../Conversation.ts"
import { gbp } from "./Given.ts"
import { authorise, eventsOf, newId, outside, providerLedger, service, until, untilOperations } from "./Service.ts"

const backing = (orderId: string) => ({ authorisationId: `${orderId}/authorise`, reservationId: orderId })
const origin = { cartId: "c", checkoutId: "c", customerId: null, country: null }

type Fulfilment = Extract<OrderEvent, { _tag: "OrderShipped" }>["fulfilment"]

const shipped = (
  orderId: string,
  shipmentId: string,
  amountMinor: number,
  fulfilment: Fulfilment = "shipping"
): OrderEvent => ({
  _tag: "OrderShipped",
  orderId,
  shipmentId,
  carrier: null,
  trackingNumber: null,
  ...backing(orderId),
  lines: [],
  shipping: gbp(0),
  total: gbp(amountMinor),
  fulfilment
})
const linesCancelled = (orderId: string, amountMinor: number, fulfilment: Fulfilment): OrderEvent => ({
  _tag: "LinesCancelled",
  orderId,
  cancellationId: "not-found",
  reason: "unavailable",
  ...backing(orderId),
  lines: [],
  shipping: gbp(0),
  total: gbp(amountMinor),
  fulfilment
})
const returned = (orderId: string, returnId: string, amountMinor: number): OrderEvent => ({
  _tag: "ReturnReceived",
  orderId,
  returnId,
  reason: "damaged",
  ...backing(orderId),
  lines: [],
  total: gbp(amountMinor)
})
const cancelled = (orderId: string): OrderEvent => ({
  _tag: "OrderCancelled",
  orderId,
  cancellationId: "changed-my-mind",
  ...origin,
  reason: "customer",
  total: gbp(10_000)
})

/** Says something about an order, as the order service does; twice, since that may happen. */
const say = (orderId: string, event: OrderEvent) =>
  Effect.gen(function* () {
    const broker = yield* Broker
    const message = { ...commandMessage(OrderEvents, orderId, event), commandId: null, replyTo: null }
    yield* broker.publish(OrderEvents.topic, [message])
    yield* broker.publish(OrderEvents.topic, [{ ...message, id: `${message.id}-again` }])
  })

layer(service({ consumer: { firstBackoffMillis: 5, pollMillis: 5 } }).pipe(Layer.provideMerge(outside)), {
  timeout: "60 seconds"
})("a payment of an order", (it) => {
  it.effect("is captured as the order is shipped, part by part", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_approve")
      yield* untilOperations(id, "authorise succeeded")
      yield* say(id, shipped(id, "first", 4_000))
      yield* say(id, shipped(id, "second", 6_000))
      yield* untilOperations(id, "authorise succeeded", "capture succeeded", "capture succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ capturedMinor: 10_000 })
    })
  )

  it.effect("is refunded for what came back", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_approve")
      yield* untilOperations(id, "authorise succeeded")
      yield* say(id, shipped(id, "all", 10_000))
      yield* untilOperations(id, "authorise succeeded", "capture succeeded")
      yield* say(id, returned(id, "broken", 2_500))
      yield* untilOperations(id, "authorise succeeded", "capture succeeded", "refund succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ capturedMinor: 10_000, refundedMinor: 2_500 })
    })
  )

  it.effect("is released when the order is cancelled", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_approve")
      yield* untilOperations(id, "authorise succeeded")
      yield* say(id, cancelled(id))
      yield* untilOperations(id, "authorise succeeded", "void succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ heldMinor: 0 })
    })
  )

  it.effect("is released, but for what was shipped, when the rest of the order is cancelled", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_approve")
      yield* untilOperations(id, "authorise succeeded")
      yield* say(id, shipped(id, "a-part", 4_000))
      yield* say(id, linesCancelled(id, 6_000, "shipped"))
      yield* untilOperations(id, "authorise succeeded", "capture succeeded", "void succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ capturedMinor: 4_000, heldMinor: 0 })
    })
  )

  it.effect("is released, but for what was shipped, with the last shipment of what was not cancelled before", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_approve")
      yield* untilOperations(id, "authorise succeeded")
      yield* say(id, linesCancelled(id, 1_000, "confirmed"))
      yield* say(id, shipped(id, "a-part", 4_000))
      yield* untilOperations(id, "authorise succeeded", "capture succeeded")
      yield* say(id, shipped(id, "the-rest", 5_000, "shipped"))
      yield* untilOperations(id, "authorise succeeded", "capture succeeded", "capture succeeded", "void succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ capturedMinor: 9_000, heldMinor: 0 })
    })
  )

  it.effect("is not released where what was shipped could not be charged", () =>
    Effect.gen(function* () {
      const id = yield* authorise("tok_amounts")
      yield* untilOperations(id, "authorise succeeded")
      yield* say(id, shipped(id, "a-part", 5_091))
      yield* untilOperations(id, "authorise succeeded", "capture declined")
      yield* say(id, linesCancelled(id, 1_000, "shipped"))
      yield* say(id, shipped(id, "more", 100))
      yield* untilOperations(id, "authorise succeeded", "capture declined", "capture succeeded")
      expect(yield* providerLedger(id)).toMatchObject({ capturedMinor: 100, heldMinor: 9_900 })
    })
  )

  it.effect("is none where nothing was ever asked, and where there is nothing to charge", () =>
    Effect.gen(function* () {
      const never = newId()
      yield* say(never, cancelled(never))
      const id = yield* authorise("tok_approve")
      yield* untilOperations(id, "authorise succeeded")
      yield* say(id, shipped(id, "gift", 0))
      yield* say(id, shipped(id, "rest", 100))
      yield* untilOperations(id, "authorise succeeded", "capture succeeded")
      const events = yield* until(Effect.map(eventsOf(never), (found) => found))
      expect(events).toEqual([])
    })
  )
})
