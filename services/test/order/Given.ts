/** The values that the order's tests are made of. */
import * as Aggregate from "@daybook/core/Aggregate"
import { prefixOf, Token } from "@daybook/core/PersonalToken"
import * as DeciderSpec from "@daybook/testkit/DeciderSpec"
import * as Schema from "effect/Schema"
import type { Command, Limits } from "../../src/order/Command.ts"
import * as Domain from "../../src/order/Domain.ts"
import type { Line, OrderEvent, Status } from "../../src/order/Events.ts"
import * as State from "../../src/order/State.ts"
import * as Example from "../Example.ts"

const event = Example.of<OrderEvent>()
const command = Example.of<Command>()

export const gbp = (amountMinor: number) => ({ amountMinor, currency: "GBP" })

/** Six at 3.39 and their tax of 4.07: 24.41 together, which six does not divide. */
export const lantern: Line = {
  lineId: "1",
  sku: "71053",
  description: "WHITE METAL LANTERN",
  quantity: 6,
  unitPrice: gbp(339),
  tax: gbp(407)
}

/** Two at 2.55 without tax. */
export const heart: Line = {
  lineId: "2",
  sku: "85123A",
  description: "WHITE HANGING HEART",
  quantity: 2,
  unitPrice: gbp(255),
  tax: gbp(0)
}

const tokenOf = (subject: string, fill: string) => Schema.decodeSync(Token)(`${prefixOf(subject)}1.${fill.repeat(123)}`)

/** The customer's recipient, as whoever has no key sees it. */
export const sealed = tokenOf("17850", "A")
export const sealedOtherwise = tokenOf("17850", "B")
export const sealedForGuest = tokenOf("guest:checkout-1", "A")

const origin = { cartId: "cart-1", checkoutId: "checkout-1", customerId: "17850", country: "United Kingdom" }
const backing = { authorisationId: "authorisation-1", reservationId: "reservation-1" }
const submission = {
  ...origin,
  lines: [lantern, heart],
  goods: gbp(2544),
  tax: gbp(407),
  shipping: gbp(500),
  total: gbp(3451),
  recipient: null
}
const shortages = [{ sku: "71053", requested: 6, available: 2 }]
const carriage = { parcels: [{ carrier: "Royal Mail", trackingNumber: "RM-1" }], promisedBy: "2011-03-31" }

export const orderPlaced = event<"OrderPlaced">({ _tag: "OrderPlaced", ...submission })
export const orderConfirmed = event<"OrderConfirmed">({
  _tag: "OrderConfirmed",
  ...origin,
  ...backing,
  total: gbp(3451)
})
export const orderRejected = event<"OrderRejected">({
  _tag: "OrderRejected",
  ...origin,
  reason: "shortage",
  shortages,
  total: gbp(3451)
})
export const cancellationRequested = event<"CancellationRequested">({
  _tag: "CancellationRequested",
  cancellationId: "cancellation-1",
  customerId: "17850"
})
/** Everything, before anything was shipped. */
export const linesCancelled = event<"LinesCancelled">({
  _tag: "LinesCancelled",
  cancellationId: "cancellation-1",
  scope: "order",
  reason: "customer",
  ...backing,
  lines: [
    { lineId: "1", sku: "71053", quantity: 6, amount: gbp(2441) },
    { lineId: "2", sku: "85123A", quantity: 2, amount: gbp(510) }
  ],
  shipping: gbp(500),
  total: gbp(3451),
  status: "cancelled"
})
export const orderCancelled = event<"OrderCancelled">({
  _tag: "OrderCancelled",
  cancellationId: "cancellation-1",
  ...origin,
  reason: "customer",
  total: gbp(3451)
})
/** Four of the lanterns. */
export const orderShipped = event<"OrderShipped">({
  _tag: "OrderShipped",
  shipmentId: "shipment-1",
  ...carriage,
  ...backing,
  lines: [{ lineId: "1", sku: "71053", quantity: 4, amount: gbp(1627) }],
  shipping: gbp(500),
  total: gbp(2127),
  status: "shipping"
})
/** All the rest. */
export const restShipped = () =>
  orderShipped({
    shipmentId: "shipment-2",
    parcels: [],
    promisedBy: null,
    lines: [
      { lineId: "1", sku: "71053", quantity: 2, amount: gbp(814) },
      { lineId: "2", sku: "85123A", quantity: 2, amount: gbp(510) }
    ],
    shipping: gbp(0),
    total: gbp(1324),
    status: "shipped"
  })
export const shipmentDelivered = event<"ShipmentDelivered">({
  _tag: "ShipmentDelivered",
  shipmentId: "shipment-1",
  lines: [{ lineId: "1", sku: "71053", quantity: 4 }],
  status: "shipping"
})
export const restDelivered = () =>
  shipmentDelivered({
    shipmentId: "shipment-2",
    lines: [
      { lineId: "1", sku: "71053", quantity: 2 },
      { lineId: "2", sku: "85123A", quantity: 2 }
    ],
    status: "delivered"
  })
export const returnRequested = event<"ReturnRequested">({
  _tag: "ReturnRequested",
  returnId: "return-1",
  reason: "damaged",
  lines: [{ lineId: "1", sku: "71053", quantity: 3 }]
})
export const returnReceived = event<"ReturnReceived">({
  _tag: "ReturnReceived",
  returnId: "return-1",
  reason: "damaged",
  ...backing,
  lines: [{ lineId: "1", sku: "71053", quantity: 3, amount: gbp(1220) }],
  total: gbp(1220)
})
export const orderClosed = event<"OrderClosed">({ _tag: "OrderClosed", ...origin, kept: gbp(3451) })

export const submitOrder = command<"SubmitOrder">({ _tag: "SubmitOrder", ...submission })
export const confirmOrder = command<"ConfirmOrder">({ _tag: "ConfirmOrder", ...backing })
export const rejectOrder = command<"RejectOrder">({ _tag: "RejectOrder", reason: "shortage", shortages })
export const cancelOrder = command<"CancelOrder">({
  _tag: "CancelOrder",
  cancellationId: "cancellation-1",
  reason: "customer"
})
export const requestCancellation = command<"RequestCancellation">({
  _tag: "RequestCancellation",
  cancellationId: "cancellation-1"
})
export const cancelLines = command<"CancelLines">({
  _tag: "CancelLines",
  cancellationId: "cancellation-2",
  reason: "unavailable",
  lines: [{ lineId: "1", quantity: 1 }]
})
export const recordShipment = command<"RecordShipment">({
  _tag: "RecordShipment",
  shipmentId: "shipment-1",
  ...carriage,
  lines: [{ lineId: "1", quantity: 4 }]
})
export const recordDelivery = command<"RecordDelivery">({ _tag: "RecordDelivery", shipmentId: "shipment-1" })
export const requestReturn = command<"RequestReturn">({
  _tag: "RequestReturn",
  returnId: "return-1",
  reason: "damaged",
  lines: [{ lineId: "1", quantity: 3 }]
})
export const receiveReturn = command<"ReceiveReturn">({
  _tag: "ReceiveReturn",
  returnId: "return-1",
  lines: [{ lineId: "1", quantity: 3 }]
})
export const closeOrder = command<"CloseOrder">({ _tag: "CloseOrder" })

/** Histories that many cases start from. */
export const pending = [orderPlaced()]
export const requested = [...pending, cancellationRequested()]
export const rejected = [...pending, orderRejected()]
export const confirmed = [...pending, orderConfirmed()]
export const cancelled = [...confirmed, linesCancelled(), orderCancelled()]
export const shipping = [...confirmed, orderShipped()]
export const shipped = [...shipping, restShipped()]
export const delivered = [...shipped, shipmentDelivered({ status: "shipped" }), restDelivered()]
export const returning = [...delivered, returnRequested()]
export const closed = [...delivered, orderClosed()]

/** One history for every status. */
export const histories: Record<Status, ReadonlyArray<OrderEvent>> = {
  unplaced: [],
  pending,
  confirmed,
  shipping,
  shipped,
  delivered,
  closed,
  rejected,
  cancelled
}

/** The state after a history. */
export const stateAfter = (history: ReadonlyArray<OrderEvent>): State.State =>
  Aggregate.evolveAll(State, State.initial, history)

/** The beginning of a case: an order with a history, at the default limits unless told otherwise. */
export const given = (history: ReadonlyArray<OrderEvent>, limits?: Limits) =>
  DeciderSpec.for(Domain.make(limits)).given(history)
