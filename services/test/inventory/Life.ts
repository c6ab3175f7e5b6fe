/** Random lives of stock items and of reservations, for properties. */
import * as fc from "fast-check"
import * as Reservation from "../../src/inventory/ReservationDomain.ts"
import * as StockItem from "../../src/inventory/StockItemDomain.ts"
import * as Given from "./Given.ts"
import { heart, hour, item, lantern, noon } from "./Given.ts"

/** A stock item with limits that random commands reach. */
export const stockLimits: StockItem.StockItemLimits = { maxQuantity: 40 }
export const stockItem = StockItem.makeStockItem(stockLimits)

const quantity = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 12 }) }, fc.integer({ min: -2, max: 41 }))
const reference = fc.integer({ min: 1, max: 12 }).map((i) => `document-${i}`)
const reservationId = fc.constantFrom("order-1", "order-2", "order-3", "order-4", "order-5")
const nowMillis = fc.constantFrom(noon, noon + hour, noon + 3 * hour)
const expiresAtMillis = fc.constantFrom(noon + hour, noon + 2 * hour, noon + 4 * hour)
const document = { quantity, reference }
const policy = fc.constantFrom(-1, 0, 0, 3, 8, 41)

const often = <A>(arbitrary: fc.Arbitrary<A>, weight = 3) => ({ weight, arbitrary })

const stockCommand: fc.Arbitrary<StockItem.StockItemCommand> = fc.oneof(
  often(fc.record(document).map(Given.receiveStock)),
  fc
    .record({ ...document, quantity: fc.integer({ min: -12, max: 6 }), reason: fc.constantFrom("lost", "found") })
    .map(Given.adjustStock),
  often(fc.record({ reservationId, quantity, expiresAtMillis, nowMillis }).map(Given.reserveStock), 8),
  fc.record({ reservationId, expiresAtMillis }).map(Given.extendHold),
  often(fc.record({ reservationId }).map(Given.commitStock), 5),
  often(fc.record({ reservationId, expiresAtMillis }).map(Given.releaseStock), 2),
  often(fc.record({ ...document, reservationId }).map(Given.shipStock), 4),
  often(fc.record({ ...document, reservationId }).map(Given.cancelCommitment), 2),
  fc.record(document).map(Given.restockItems),
  fc.record({ ...document, toLocation: fc.constantFrom("LEEDS", "LEEDS", "LONDON") }).map(Given.transferOut),
  fc.record({ ...document, fromLocation: fc.constantFrom("LEEDS", "LEEDS", "LONDON") }).map(Given.transferIn),
  policy.map((safetyStock) => Given.setSafetyStock({ safetyStock })),
  policy.map((limit) => Given.setBackOrderLimit({ limit })),
  policy.map((reorderPoint) => Given.setReorderPoint({ reorderPoint })),
  fc.constant(Given.receiveStock({ ...item, location: "LEEDS" }))
)

/** A stock item's whole life. */
export const stockCommands = fc.array(stockCommand, { maxLength: 60, size: "max" })

/** A stock item that never allows back-orders. */
export const strictStockCommands = stockCommands.map((commands) =>
  commands.filter(({ _tag }) => _tag !== "SetBackOrderLimit")
)

const limits: Reservation.ReservationLimits = { maxQuantity: 10, maxLines: 3, maxHoldMillis: 4 * hour }
export const reservation = Reservation.makeReservation(limits)

const third = { sku: "22423", location: "LONDON", quantity: 1 }
const lines = fc.oneof(
  often(fc.constant([lantern, heart]), 9),
  fc.constantFrom([lantern], [lantern, lantern], [], [lantern, heart, third, third], [{ ...heart, quantity: 11 }])
)
const answering = fc.constantFrom(lantern, lantern, heart, heart, third).map(({ sku, location }) => ({ sku, location }))

const reservationCommand: fc.Arbitrary<Reservation.ReservationCommand> = fc.oneof(
  fc.record({ lines, expiresAtMillis, nowMillis }).map(Given.reserveItems),
  often(answering.map(Given.recordHold), 6),
  answering.map(Given.recordShortage),
  fc
    .record({ expiresAtMillis: fc.oneof(expiresAtMillis, fc.constant(noon + 9 * hour)), nowMillis })
    .map(Given.extendReservation),
  fc.constant(Given.commitReservation()),
  fc.record({ reason: fc.constantFrom("cancelled", "failed") }).map(Given.releaseReservation),
  nowMillis.map((now) => Given.expireReservation({ nowMillis: now }))
)

/** A reservation's whole life, which mostly begins with its request. */
export const reservationCommands = fc
  .tuple(
    fc.oneof(
      often(
        fc.record({ lines, expiresAtMillis }).map((given) => [Given.reserveItems(given)]),
        9
      ),
      fc.constant([])
    ),
    fc.array(reservationCommand, { maxLength: 20, size: "max" })
  )
  .map(([first, rest]) => [...first, ...rest])
