/**
 * What those who ship and those who cancel rely on once an order is confirmed: quantities are never promised twice, and whatever
 * is shipped or cancelled comes to exactly what the order came to.
 */
import { describe, expect, it } from "vitest"
import { defaultLimits } from "../../src/order/Command.ts"
import {
  CancellationIdTaken,
  OrderLineRepeated,
  OrderLinesMissing,
  OrderQuantityOutOfRange,
  OrderQuantityUnavailable,
  ShipmentIdTaken,
  TooManyOrderRecords,
  UnknownOrderLine,
  UnknownShipment
} from "../../src/order/Rejection.ts"
import {
  cancelLines,
  closed,
  confirmed,
  delivered,
  gbp,
  given,
  linesCancelled,
  orderCancelled,
  orderShipped,
  recordDelivery,
  recordShipment,
  requestCancellation,
  restDelivered,
  restShipped,
  shipmentDelivered,
  shipped,
  shipping
} from "./Given.ts"

const everything = [
  { lineId: "1", quantity: 6 },
  { lineId: "2", quantity: 2 }
]
const remaining = [
  { lineId: "1", quantity: 2 },
  { lineId: "2", quantity: 2 }
]
const oneLantern = linesCancelled({
  cancellationId: "cancellation-2",
  scope: "lines",
  reason: "unavailable",
  lines: [{ lineId: "1", sku: "71053", quantity: 1, amount: gbp(406) }],
  shipping: gbp(0),
  total: gbp(406),
  status: "confirmed"
})
const partCancelled = [...confirmed, oneLantern]

/** What is wrong with the quantities of any command that brings some. */
describe.each([
  ["cancel lines", cancelLines],
  ["record a shipment", recordShipment]
])("%s", (_, command) => {
  const asking = (lines: ReadonlyArray<{ lineId: string; quantity: number }>) =>
    given(confirmed).when(command({ lines }))

  it("refuses no lines at all", () => {
    asking([]).thenRejected(OrderLinesMissing, {
      status: 422,
      detail: "No lines are given. Give at least one line with a quantity."
    })
  })

  it("refuses a line that comes twice, even if both together would fit", () => {
    asking([
      { lineId: "1", quantity: 1 },
      { lineId: "1", quantity: 1 }
    ]).thenRejected(OrderLineRepeated, { status: 422, lineId: "1" })
  })

  it("refuses a line that the order does not have", () => {
    asking([{ lineId: "9", quantity: 1 }]).thenRejected(UnknownOrderLine, {
      status: 404,
      lineId: "9",
      detail: "None of the order's 2 lines has the id 9. Read the order, and use one of its line ids."
    })
  })

  it.each([-1, 0])("refuses a quantity of %i", (quantity) => {
    asking([{ lineId: "1", quantity }]).thenRejected(OrderQuantityOutOfRange, { status: 422, quantity, maximum: 6 })
  })

  it("refuses the whole when one line has too little left", () => {
    asking([
      { lineId: "1", quantity: 6 },
      { lineId: "2", quantity: 3 }
    ]).thenRejected(OrderQuantityUnavailable, { status: 409, lineId: "2", quantity: 3, available: 2 })
  })

  it("takes what is left beside what was cancelled and shipped, and not one more", () => {
    const history = [...shipping, linesCancelled({ ...oneLantern, status: "shipping" })]
    const ids = { cancellationId: "cancellation-9", shipmentId: "shipment-9" }
    const taken = given(history).when({ ...command({ lines: [{ lineId: "1", quantity: 1 }] }), ...ids })
    taken.thenState(({ lines }) => expect((lines[0]?.cancelled ?? 0) + (lines[0]?.shipped ?? 0)).toBe(6))
    given(history)
      .when({ ...command({ lines: [{ lineId: "1", quantity: 2 }] }), ...ids })
      .thenRejected(OrderQuantityUnavailable, {
        quantity: 2,
        available: 1,
        detail: /6 ordered, 1 cancelled, 4 shipped/
      })
  })

  it("is counted: as many as the limit says, and no more", () => {
    given(shipping, { ...defaultLimits, maxRecords: 2 })
      .when(cancelLines())
      .thenState(({ cancellations }) => expect(cancellations).toHaveLength(1))
    given(shipping, { ...defaultLimits, maxRecords: 1 })
      .when({ ...command(), ...{ shipmentId: "shipment-9" } })
      .thenRejected(TooManyOrderRecords, { status: 409, maximum: 1 })
  })
})

describe("cancel lines", () => {
  it("takes off what the quantity comes to", () => {
    given(confirmed).when(cancelLines()).then([oneLantern])
  })

  it("lets the last part of a line have what the division left over", () => {
    given(partCancelled)
      .when(cancelLines({ cancellationId: "cancellation-3", lines: [{ lineId: "1", quantity: 5 }] }))
      .then([
        {
          ...oneLantern,
          cancellationId: "cancellation-3",
          lines: [{ lineId: "1", sku: "71053", quantity: 5, amount: gbp(2441 - 406) }],
          total: gbp(2441 - 406)
        }
      ])
  })

  it("ends the order when nothing is left, and takes the shipping off too", () => {
    const { reason } = cancelLines()
    given(confirmed)
      .when(cancelLines({ cancellationId: "cancellation-1", lines: everything }))
      .then([linesCancelled({ scope: "lines", reason }), orderCancelled({ reason })])
  })

  it("leaves the shipping when a part has been shipped", () => {
    given(shipping)
      .when(cancelLines({ lines: remaining }))
      .then([
        {
          ...oneLantern,
          lines: [
            { lineId: "1", sku: "71053", quantity: 2, amount: gbp(814) },
            { lineId: "2", sku: "85123A", quantity: 2, amount: gbp(510) }
          ],
          total: gbp(1324),
          status: "shipped"
        }
      ])
  })

  it("lists lines in the order's order", () => {
    given(confirmed)
      .when(cancelLines({ lines: everything.toReversed() }))
      .thenState(({ cancellations }) => expect(cancellations[0]?.lines).toEqual(everything))
  })

  it("tells how to get back what has been shipped", () => {
    given(shipping)
      .when(cancelLines({ lines: [{ lineId: "1", quantity: 3 }] }))
      .thenRejected(OrderQuantityUnavailable, {
        detail:
          "3 of line 1 (71053) are asked for, and 2 can be cancelled: 6 ordered, 0 cancelled, 4 shipped. " +
          "Cancel no more than that, and request a return of what was shipped."
      })
  })

  it("does nothing when that cancellation says the same, whatever has happened since", () => {
    given(partCancelled).when(cancelLines()).thenNothing()
    given([...confirmed, linesCancelled({ scope: "lines" }), orderCancelled()])
      .when(cancelLines({ cancellationId: "cancellation-1", reason: "customer", lines: everything.toReversed() }))
      .thenNothing()
  })

  it.each([
    { reason: "customer" as const },
    { lines: [{ lineId: "1", quantity: 2 }] },
    { lines: [{ lineId: "2", quantity: 1 }] },
    { lines: everything },
    { lines: [] }
  ])("refuses an id that stands for another cancellation: %j", (other) => {
    given(partCancelled).when(cancelLines(other)).thenRejected(CancellationIdTaken, {
      detail: "Cancellation cancellation-2 stands for 1 of line 1 (unavailable). Use a new id for another cancellation."
    })
  })
})

describe("request a cancellation of a confirmed order", () => {
  it("cancels everything while nothing has been shipped", () => {
    given(confirmed).when(requestCancellation()).then([linesCancelled(), orderCancelled()])
  })

  it("cancels the rest while a part has been shipped, also when the order takes no more records", () => {
    given(shipping, { ...defaultLimits, maxRecords: 1 })
      .when(requestCancellation())
      .then([
        linesCancelled({
          lines: [
            { lineId: "1", sku: "71053", quantity: 2, amount: gbp(814) },
            { lineId: "2", sku: "85123A", quantity: 2, amount: gbp(510) }
          ],
          shipping: gbp(0),
          total: gbp(1324),
          status: "shipped"
        })
      ])
  })

  it("does nothing when it comes again, and refuses the id of a cancellation of lines", () => {
    given([...shipping, linesCancelled({ status: "shipped" })])
      .when(requestCancellation())
      .thenNothing()
    given(partCancelled)
      .when(requestCancellation({ cancellationId: "cancellation-2" }))
      .thenRejected(CancellationIdTaken, { cancellationId: "cancellation-2" })
    given([...shipping, linesCancelled({ status: "shipped" })])
      .when(cancelLines({ cancellationId: "cancellation-1", reason: "customer", lines: everything }))
      .thenRejected(CancellationIdTaken, { cancellationId: "cancellation-1" })
  })
})

describe("record a shipment", () => {
  it("charges what it comes to, and the shipping with the first one alone", () => {
    given(confirmed).when(recordShipment()).then([orderShipped()])
    given(shipping)
      .when(recordShipment({ shipmentId: "shipment-2", parcels: [], promisedBy: null, lines: remaining }))
      .then([restShipped()])
  })

  it("does nothing when that shipment says the same, whatever has happened since", () => {
    given(shipping).when(recordShipment()).thenNothing()
    given(closed)
      .when(recordShipment({ shipmentId: "shipment-2", parcels: [], promisedBy: null, lines: remaining.toReversed() }))
      .thenNothing()
  })

  it.each([
    { parcels: [] },
    { parcels: [{ carrier: "Royal Mail", trackingNumber: "RM-2" }] },
    { promisedBy: null },
    { lines: everything }
  ])("refuses an id that stands for another shipment: %j", (other) => {
    given(shipping).when(recordShipment(other)).thenRejected(ShipmentIdTaken, {
      status: 409,
      shipmentId: "shipment-1",
      detail:
        "Shipment shipment-1 stands for 4 of line 1 (carrier Royal Mail, tracking number RM-1; promised by 2011-03-31). Use a new id for another shipment."
    })
  })

  it("refuses what a cancellation has taken", () => {
    given(partCancelled)
      .when(recordShipment({ lines: [{ lineId: "1", quantity: 6 }] }))
      .thenRejected(OrderQuantityUnavailable, {
        detail:
          "6 of line 1 (71053) are asked for, and 5 can be shipped: 6 ordered, 1 cancelled, 0 shipped. Ship no more than that."
      })
  })
})

describe("record a delivery", () => {
  it("says what has arrived, and when that was the last of it", () => {
    given(shipping).when(recordDelivery()).then([shipmentDelivered()])
    given([...shipped, shipmentDelivered({ status: "shipped" })])
      .when(recordDelivery({ shipmentId: "shipment-2" }))
      .then([restDelivered()])
  })

  it("does nothing when it has arrived, whatever has happened since", () => {
    given(delivered).when(recordDelivery()).thenNothing()
    given(closed).when(recordDelivery()).thenNothing()
  })

  it("refuses a shipment that was never recorded", () => {
    given(shipping)
      .when(recordDelivery({ shipmentId: "shipment-2" }))
      .thenRejected(UnknownShipment, {
        status: 404,
        shipmentId: "shipment-2",
        detail: "None of the order's 1 shipment has the id shipment-2. Record the shipment first, or correct the id."
      })
  })
})
