/** The values that the inventory's tests are made of. */
import * as Aggregate from "@daybook/core/Aggregate"
import * as DeciderSpec from "@daybook/testkit/DeciderSpec"
import * as Reservation from "../../src/inventory/ReservationDomain.ts"
import type { ReservationEvent } from "../../src/inventory/ReservationEvents.ts"
import * as StockItem from "../../src/inventory/StockItemDomain.ts"
import type { Balance, StockItemEvent } from "../../src/inventory/StockItemEvents.ts"
import * as StockItemState from "../../src/inventory/StockItemState.ts"
import * as Example from "../Example.ts"

const stockEvent = Example.of<StockItemEvent>()
const stockCommand = Example.of<StockItem.StockItemCommand>()
const event = Example.of<ReservationEvent>()
const command = Example.of<Reservation.ReservationCommand>()

export const hour = 3_600_000
/** When reservations are made, and when they run out. */
export const noon = 1_322_222_400_000
export const quarterPast = noon + hour / 4

export const item = { sku: "71053", location: "LONDON" }

/** Ten on hand, unless told otherwise. */
export const balance = (given: Partial<Balance> = {}): Balance => ({
  onHand: 10,
  reserved: 0,
  committed: 0,
  safetyStock: 0,
  available: 10,
  ...given
})

const delivery = { ...item, quantity: 10, reference: "delivery-1" }
const hold = { ...item, reservationId: "order-1" }

export const receiveStock = stockCommand<"ReceiveStock">({ _tag: "ReceiveStock", ...delivery })
export const adjustStock = stockCommand<"AdjustStock">({
  _tag: "AdjustStock",
  ...item,
  quantity: -3,
  reason: "damaged",
  reference: "count-1"
})
export const reserveStock = stockCommand<"ReserveStock">({
  _tag: "ReserveStock",
  ...hold,
  quantity: 4,
  expiresAtMillis: quarterPast,
  nowMillis: noon
})
export const extendHold = stockCommand<"ExtendHold">({
  _tag: "ExtendHold",
  ...hold,
  expiresAtMillis: quarterPast + hour
})
export const commitStock = stockCommand<"CommitStock">({ _tag: "CommitStock", ...hold })
export const releaseStock = stockCommand<"ReleaseStock">({
  _tag: "ReleaseStock",
  ...hold,
  reason: "released",
  expiresAtMillis: quarterPast
})
export const shipStock = stockCommand<"ShipStock">({
  _tag: "ShipStock",
  ...hold,
  quantity: 4,
  reference: "shipment-1"
})
export const cancelCommitment = stockCommand<"CancelCommitment">({
  _tag: "CancelCommitment",
  ...hold,
  quantity: 4,
  reference: "cancellation-1"
})
export const restockItems = stockCommand<"RestockItems">({
  _tag: "RestockItems",
  ...item,
  quantity: 1,
  reason: "returned",
  reference: "return-1"
})
export const transferOut = stockCommand<"TransferOut">({
  _tag: "TransferOut",
  ...item,
  quantity: 4,
  reference: "transfer-1",
  toLocation: "LEEDS"
})
export const transferIn = stockCommand<"TransferIn">({
  _tag: "TransferIn",
  ...item,
  quantity: 4,
  reference: "transfer-2",
  fromLocation: "LEEDS"
})
export const setSafetyStock = stockCommand<"SetSafetyStock">({ _tag: "SetSafetyStock", ...item, safetyStock: 3 })
export const setBackOrderLimit = stockCommand<"SetBackOrderLimit">({ _tag: "SetBackOrderLimit", ...item, limit: 5 })
export const setReorderPoint = stockCommand<"SetReorderPoint">({ _tag: "SetReorderPoint", ...item, reorderPoint: 6 })

export const stockReceived = stockEvent<"StockReceived">({ _tag: "StockReceived", ...delivery, after: balance() })
export const stockAdjusted = stockEvent<"StockAdjusted">({
  _tag: "StockAdjusted",
  ...item,
  quantity: -3,
  reason: "damaged",
  reference: "count-1",
  after: balance({ onHand: 7, available: 7 })
})
export const stockReserved = stockEvent<"StockReserved">({
  _tag: "StockReserved",
  ...hold,
  quantity: 4,
  backOrdered: 0,
  expiresAtMillis: quarterPast,
  reservedAtMillis: noon,
  after: balance({ reserved: 4, available: 6 })
})
export const stockRefused = stockEvent<"StockRefused">({
  _tag: "StockRefused",
  ...hold,
  requested: 11,
  available: 10,
  expiresAtMillis: quarterPast,
  refusedAtMillis: noon
})
export const holdExtended = stockEvent<"HoldExtended">({
  _tag: "HoldExtended",
  ...hold,
  expiresAtMillisBefore: quarterPast,
  expiresAtMillis: quarterPast + hour
})
export const stockCommitted = stockEvent<"StockCommitted">({
  _tag: "StockCommitted",
  ...hold,
  quantity: 4,
  after: balance({ committed: 4, available: 6 })
})
export const stockReleased = stockEvent<"StockReleased">({
  _tag: "StockReleased",
  ...hold,
  quantity: 4,
  reason: "released",
  after: balance()
})
export const holdBarred = stockEvent<"HoldBarred">({
  _tag: "HoldBarred",
  ...hold,
  reason: "released",
  expiresAtMillis: quarterPast
})
export const stockShipped = stockEvent<"StockShipped">({
  _tag: "StockShipped",
  ...hold,
  quantity: 4,
  reference: "shipment-1",
  after: balance({ onHand: 6, available: 6 })
})
export const commitmentCancelled = stockEvent<"CommitmentCancelled">({
  _tag: "CommitmentCancelled",
  ...hold,
  quantity: 4,
  reference: "cancellation-1",
  after: balance()
})
export const stockRestocked = stockEvent<"StockRestocked">({
  _tag: "StockRestocked",
  ...item,
  quantity: 1,
  reason: "returned",
  reference: "return-1",
  after: balance({ onHand: 11, available: 11 })
})
export const transferredOut = stockEvent<"StockTransferredOut">({
  _tag: "StockTransferredOut",
  ...item,
  quantity: 4,
  reference: "transfer-1",
  toLocation: "LEEDS",
  after: balance({ onHand: 6, available: 6 })
})
export const transferredIn = stockEvent<"StockTransferredIn">({
  _tag: "StockTransferredIn",
  ...item,
  quantity: 4,
  reference: "transfer-2",
  fromLocation: "LEEDS",
  after: balance({ onHand: 14, available: 14 })
})
export const safetyStockSet = stockEvent<"SafetyStockSet">({
  _tag: "SafetyStockSet",
  ...item,
  safetyStockBefore: 0,
  after: balance({ safetyStock: 3, available: 7 })
})
export const backOrderLimitSet = stockEvent<"BackOrderLimitSet">({
  _tag: "BackOrderLimitSet",
  ...item,
  limitBefore: 0,
  limit: 5,
  after: balance()
})
export const reorderPointSet = stockEvent<"ReorderPointSet">({
  _tag: "ReorderPointSet",
  ...item,
  reorderPointBefore: 0,
  reorderPoint: 6
})
export const ranLow = stockEvent<"StockRanLow">({ _tag: "StockRanLow", ...item, available: 0, reorderPoint: 0 })
export const replenished = stockEvent<"StockReplenished">({
  _tag: "StockReplenished",
  ...item,
  available: 10,
  reorderPoint: 0
})

/** Histories of a stock item that many cases start from. */
export const stocked = [stockReceived(), replenished()]
export const held = [...stocked, stockReserved()]
export const committed = [...held, stockCommitted()]

export const stockAfter = (history: ReadonlyArray<StockItemEvent>): StockItemState.State =>
  Aggregate.evolveAll(StockItemState, StockItemState.initial, history)

export const givenStock = (history: ReadonlyArray<StockItemEvent>, limits?: StockItem.StockItemLimits) =>
  DeciderSpec.for(StockItem.makeStockItem(limits)).given(history)

export const lantern = { ...item, quantity: 4 }
export const heart = { sku: "85123A", location: "LEEDS", quantity: 2 }
const order = { orderId: "order-1", lines: [lantern, heart], expiresAtMillis: quarterPast }

export const reserveItems = command<"ReserveItems">({ _tag: "ReserveItems", ...order, nowMillis: noon })
const { quantity: _, ...heartItem } = heart
export const recordHold = command<"RecordHold">({ _tag: "RecordHold", ...item, backOrdered: 0 })
export const recordShortage = command<"RecordShortage">({ _tag: "RecordShortage", ...heartItem, available: 1 })
export const extendReservation = command<"ExtendReservation">({
  _tag: "ExtendReservation",
  expiresAtMillis: quarterPast + hour,
  nowMillis: noon + 1
})
export const commitReservation = command<"CommitReservation">({ _tag: "CommitReservation" })
export const releaseReservation = command<"ReleaseReservation">({
  _tag: "ReleaseReservation",
  orderId: "order-1",
  reason: "payment-declined"
})
export const expireReservation = command<"ExpireReservation">({ _tag: "ExpireReservation", nowMillis: quarterPast })

export const requested = event<"ReservationRequested">({
  _tag: "ReservationRequested",
  ...order,
  requestedAtMillis: noon
})
export const lineHeld = event<"LineHeld">({ _tag: "LineHeld", orderId: "order-1", ...lantern, backOrdered: 0 })
export const heartHeld = () => lineHeld({ ...heart })
export const lineShort = event<"LineShort">({
  _tag: "LineShort",
  orderId: "order-1",
  ...heartItem,
  requested: 2,
  available: 1
})
export const itemsReserved = event<"ItemsReserved">({
  _tag: "ItemsReserved",
  orderId: "order-1",
  lines: [
    { ...lantern, backOrdered: 0 },
    { ...heart, backOrdered: 0 }
  ],
  expiresAtMillis: quarterPast
})
export const reservationRefused = event<"ReservationRefused">({
  _tag: "ReservationRefused",
  ...order,
  lines: [lantern],
  shortages: [{ ...heartItem, requested: 2, available: 1 }]
})
export const reservationExtended = event<"ReservationExtended">({
  _tag: "ReservationExtended",
  ...order,
  expiresAtMillisBefore: quarterPast,
  expiresAtMillis: quarterPast + hour
})
export const reservationCommitted = event<"ReservationCommitted">({
  _tag: "ReservationCommitted",
  orderId: "order-1",
  lines: [lantern, heart]
})
export const reservationReleased = event<"ReservationReleased">({
  _tag: "ReservationReleased",
  ...order,
  reason: "payment-declined"
})
export const reservationExpired = event<"ReservationExpired">({
  _tag: "ReservationExpired",
  ...order,
  expiredAtMillis: quarterPast
})

/** Histories of a reservation that many cases start from. */
export const pending = [requested()]
export const reserved = [...pending, lineHeld(), heartHeld(), itemsReserved()]
export const refused = [...pending, lineHeld(), lineShort(), reservationRefused()]

export const reservationAfter = (history: ReadonlyArray<ReservationEvent>): Reservation.State =>
  Aggregate.evolveAll(Reservation, Reservation.initial, history)

export const given = (history: ReadonlyArray<ReservationEvent>, limits?: Reservation.ReservationLimits) =>
  DeciderSpec.for(Reservation.makeReservation(limits)).given(history)
