/** What the files in `golden/` mean: the stored formats of the order. For `Golden.test.ts` and `npm run stored`. */
import * as Domain from "../../src/order/Domain.ts"
import type { OrderEvent } from "../../src/order/Events.ts"
import { formats } from "../StoredFormats.ts"
import * as Given from "./Given.ts"

const parcels = [
  { carrier: "Royal Mail", trackingNumber: "RM-1" },
  { carrier: "DHL", trackingNumber: null }
]

/** What each file means, in today's terms. */
const meanings: Record<string, OrderEvent> = {
  "OrderPlaced.v1.json": Given.orderPlaced({ customerId: null, country: "EIRE" }),
  "OrderPlaced.v2.json": Given.orderPlaced({ country: "EIRE", recipient: Given.sealed }),
  "OrderConfirmed.v1.json": Given.orderConfirmed(),
  "OrderRejected.v1.json": Given.orderRejected(),
  "CancellationRequested.v1.json": Given.cancellationRequested(),
  "LinesCancelled.v1.json": Given.linesCancelled(),
  "OrderCancelled.v1.json": Given.orderCancelled(),
  "OrderShipped.v1.json": Given.orderShipped({
    parcels: [{ carrier: "Royal Mail", trackingNumber: null }],
    promisedBy: null
  }),
  "OrderShipped.v2.json": Given.orderShipped({ parcels, promisedBy: null }),
  "OrderShipped.v3.json": Given.orderShipped({ parcels }),
  "ShipmentDelivered.v1.json": Given.shipmentDelivered(),
  "ReturnRequested.v1.json": Given.returnRequested(),
  "ReturnReceived.v1.json": Given.returnReceived(),
  "OrderClosed.v1.json": Given.orderClosed()
}

/** A state with something in every field but the rejection. */
const state = Given.stateAfter([
  Given.orderPlaced({ recipient: Given.sealed }),
  Given.cancellationRequested(),
  Given.orderConfirmed(),
  Given.orderShipped(),
  Given.shipmentDelivered(),
  Given.linesCancelled({
    cancellationId: "cancellation-2",
    scope: "lines",
    reason: "unavailable",
    lines: [{ lineId: "2", sku: "85123A", quantity: 1, amount: Given.gbp(255) }],
    shipping: Given.gbp(0),
    total: Given.gbp(255),
    status: "shipping"
  }),
  Given.returnRequested(),
  Given.returnReceived(),
  Given.returnRequested({ returnId: "return-2", lines: [{ lineId: "1", sku: "71053", quantity: 1 }] })
])

/** The same, as it was before there were recipients and promises. */
const ofBefore = { ...state, recipient: null, shipments: state.shipments.map((one) => ({ ...one, promisedBy: null })) }

/** The order's. */
export const order = formats({
  aggregate: Domain.make(),
  folder: new URL("golden/", import.meta.url),
  meanings,
  states: { "State.v1.json": ofBefore, "State.v2.json": state }
})
