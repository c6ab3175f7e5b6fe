/** Random lives of orders, for properties. */
import * as Aggregate from "@daybook/core/Aggregate"
import * as fc from "fast-check"
import type { Command, Limits } from "../../src/order/Command.ts"
import * as Domain from "../../src/order/Domain.ts"
import type { OrderEvent } from "../../src/order/Events.ts"
import {
  cancelLines,
  cancelOrder,
  closeOrder,
  confirmOrder,
  gbp,
  receiveReturn,
  recordDelivery,
  recordShipment,
  rejectOrder,
  requestCancellation,
  requestReturn,
  sealed,
  sealedForGuest,
  submitOrder
} from "./Given.ts"

const limits: Limits = { maxQuantity: 10, maxLines: 3, maxRecords: 5 }
/** An order with limits that random commands reach. */
export const order = Domain.make(limits)

const id = (kind: string, count: number) =>
  fc.constantFrom(...Array.from({ length: count }, (_, i) => `${kind}-${i + 1}`))
const rarely = <A>(weight: number, usual: fc.Arbitrary<A>, other: fc.Arbitrary<A>) =>
  fc.oneof({ weight, arbitrary: usual }, other)

const line = fc.record({
  lineId: fc.constantFrom("1", "2", "3"),
  sku: fc.constantFrom("A", "B"),
  description: fc.constantFrom("LANTERN", "HEART"),
  quantity: rarely(40, fc.integer({ min: 1, max: 10 }), fc.constantFrom(-1, 0, 11)),
  unitPrice: rarely(40, fc.constantFrom(0, 1, 255), fc.constant(Number.MAX_SAFE_INTEGER)).map(gbp),
  tax: fc.constantFrom(0, 1, 7, 100).map(gbp)
})

const lines = fc.oneof(
  { weight: 20, arbitrary: fc.uniqueArray(line, { minLength: 1, maxLength: 3, selector: ({ lineId }) => lineId }) },
  fc.array(line, { maxLength: 4 })
)

/** A submission that adds up but for rounding beyond 2^53, or, rarely, one that does not. */
const submission = fc
  .record({
    lines,
    shippingMinor: fc.constantFrom(0, 500),
    wrongBy: rarely(20, fc.constant(0), fc.constantFrom(-1, 1)),
    currency: rarely(20, fc.constant("GBP"), fc.constant("EUR"))
  })
  .map(({ lines, shippingMinor, wrongBy, currency }) => {
    const goods = lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice.amountMinor, 0)
    const tax = lines.reduce((sum, line) => sum + line.tax.amountMinor, 0)
    const amount = (amountMinor: number) => gbp(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, amountMinor)))
    return submitOrder({
      lines,
      recipient: wrongBy < 0 ? sealedForGuest : shippingMinor === 0 ? null : sealed,
      goods: amount(goods),
      tax: amount(tax),
      shipping: { amountMinor: shippingMinor, currency },
      total: amount(goods + tax + shippingMinor + wrongBy)
    })
  })

const quantity = fc.record({
  lineId: rarely(20, fc.constantFrom("1", "2", "3"), fc.constant("9")),
  quantity: rarely(20, fc.integer({ min: 1, max: 5 }), fc.constantFrom(0, 10))
})
const quantities = rarely(
  12,
  fc.uniqueArray(quantity, { minLength: 1, maxLength: 3, selector: ({ lineId }) => lineId }),
  fc.array(quantity, { maxLength: 2 })
)
const cancelReason = fc.constantFrom("customer" as const, "unavailable" as const)

/** Weighted towards an order that lives on: whatever ends it is rare. */
const command: fc.Arbitrary<Command> = fc.oneof(
  rarely(4, fc.constant(confirmOrder()), fc.constant(confirmOrder({ authorisationId: "authorisation-2" }))),
  fc.constantFrom(rejectOrder(), rejectOrder({ reason: "failed", shortages: [] })),
  fc.record({ cancellationId: id("cancellation", 3), reason: cancelReason }).map(cancelOrder),
  fc.record({ cancellationId: id("cancellation", 3) }).map(requestCancellation),
  {
    weight: 4,
    arbitrary: fc
      .record({ cancellationId: id("cancellation", 5), reason: cancelReason, lines: quantities })
      .map(cancelLines)
  },
  { weight: 12, arbitrary: fc.record({ shipmentId: id("shipment", 6), lines: quantities }).map(recordShipment) },
  { weight: 10, arbitrary: fc.record({ shipmentId: id("shipment", 6) }).map(recordDelivery) },
  { weight: 6, arbitrary: fc.record({ returnId: id("return", 4), lines: quantities }).map(requestReturn) },
  { weight: 6, arbitrary: fc.record({ returnId: id("return", 4), lines: quantities }).map(receiveReturn) },
  submission,
  { weight: 2, arbitrary: fc.constant(closeOrder()) }
)

/** An order's whole life, which mostly begins with its submission and its confirmation. */
export const commands = fc
  .tuple(
    rarely(
      9,
      submission.map((first): Array<Command> => [first]),
      fc.constant<Array<Command>>([])
    ),
    rarely<Array<Command>>(3, fc.constant([confirmOrder()]), fc.array(command, { maxLength: 3 })),
    fc.array(command, { maxLength: 50, size: "max" })
  )
  .map(([first, second, rest]) => [...first, ...second, ...rest])

/** What becomes of commands, one after the other. */
export const eventsOf = (sent: ReadonlyArray<Command>): ReadonlyArray<OrderEvent> => {
  let state = order.initial
  return sent.flatMap((command) => {
    const outcome = Aggregate.decide(order, command, state)
    if (outcome instanceof Error) return []
    state = Aggregate.evolveAll(order, state, outcome)
    return outcome
  })
}
