/**
 * The refusals of an order, in words: each `detail` says what was wrong, with which value, and what to do about it.
 */
import * as Money from "../Money.ts"
import type { Restricted } from "./Command.ts"
import type { Status } from "./Events.ts"
import type { OrderLine, Quantity } from "./Lines.ts"
import {
  CancellationIdTaken,
  OrderAlreadyPlaced,
  OrderCurrencyMismatch,
  OrderLineRepeated,
  OrderLinesMissing,
  OrderNotFound,
  OrderOutcomeStands,
  OrderQuantityOutOfRange,
  OrderQuantityUnavailable,
  OrderStatusForbids,
  OrderTotalsDisagree,
  OrderTotalTooLarge,
  RecipientOfAnother,
  ReturnIdTaken,
  ReturnNeeded,
  ReturnsOpen,
  ShipmentIdTaken,
  TooManyOrderLines,
  TooManyOrderRecords,
  UnknownOrderLine,
  UnknownReturn,
  UnknownShipment
} from "./Rejection.ts"
import type { State } from "./State.ts"

/** `1 shipment`, `2 shipments`. */
const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`

export const orderNotFound = (): OrderNotFound =>
  new OrderNotFound({ detail: "There is no order of this id. Check the id, or place the order first." })

export const alreadyPlaced = ({ checkoutId, totalMinor, currency }: State): OrderAlreadyPlaced => {
  const total = { amountMinor: totalMinor, currency }
  return new OrderAlreadyPlaced({
    checkoutId,
    total,
    detail:
      `The order was placed for checkout ${checkoutId} at ${Money.format(total)}, and this submission says something else. ` +
      "Place an order of another id."
  })
}

export const recipientOfAnother = (expected: string): RecipientOfAnother =>
  new RecipientOfAnother({
    expected,
    detail:
      `The recipient's data is not sealed for ${expected}, whose order this is, and would outlive their erasure. ` +
      "Begin the checkout with the customerId of the cart, or without one if the cart has none."
  })

/** What each command does, in words that fit "An order can …". */
const deeds: Record<Restricted, string> = {
  ConfirmOrder: "be confirmed",
  RejectOrder: "be rejected",
  CancelOrder: "be cancelled before its checkout has ended",
  RequestCancellation: "be cancelled",
  CancelLines: "have lines cancelled",
  RecordShipment: "be shipped",
  RecordDelivery: "be delivered",
  RequestReturn: "have goods returned",
  ReceiveReturn: "have returned goods received",
  CloseOrder: "be closed"
}

const advice: Record<Exclude<Status, "unplaced">, string> = {
  pending: "Wait until its checkout has ended.",
  confirmed: "Ship it, or cancel it.",
  shipping: "Ship or cancel the rest.",
  shipped: "Wait until it has been delivered.",
  delivered: "Request a return of what is not wanted.",
  closed: "Nothing can happen to it any more; place a new order.",
  rejected: "Nothing can happen to it any more; place a new order.",
  cancelled: "Nothing can happen to it any more; place a new order."
}

/** Why an order in this status does not take the command. */
export const notAllowed = (
  command: Restricted,
  status: Status,
  allowedIn: ReadonlyArray<Status>
): OrderNotFound | ReturnNeeded | OrderStatusForbids => {
  if (status === "unplaced") return orderNotFound()
  const isCancellation = command === "RequestCancellation" || command === "CancelLines"
  if (isCancellation && (status === "shipped" || status === "delivered")) {
    const detail = `The order is ${status}, so that nothing of it can be cancelled any more. Request a return instead.`
    return new ReturnNeeded({ orderStatus: status, detail })
  }
  return new OrderStatusForbids({
    orderStatus: status,
    allowedIn,
    detail: `An order can ${deeds[command]} while it is ${allowedIn.join(" or ")}; this one is ${status}. ${advice[status]}`
  })
}

/** A confirmation or a rejection that differs from the one that there was. */
export const outcomeStands = ({ status, backing, rejection }: State): OrderOutcomeStands => {
  const outcome =
    backing === null
      ? `rejected (${rejection?.reason}; ${count(rejection?.shortages.length ?? 0, "shortage")})`
      : `confirmed with authorisation ${backing.authorisationId} and reservation ${backing.reservationId}`
  return new OrderOutcomeStands({
    orderStatus: status,
    detail: `The order was ${outcome}, which stands. Repeat that exactly, or place a new order.`
  })
}

export const noLines = (): OrderLinesMissing =>
  new OrderLinesMissing({ detail: "No lines are given. Give at least one line with a quantity." })

export const tooManyLines = (lines: number, maximum: number): TooManyOrderLines =>
  new TooManyOrderLines({
    lines,
    maximum,
    detail: `The order would have ${count(lines, "line")}; it holds ${maximum}. Put the rest into another order.`
  })

export const quantityOutOfRange = (lineId: string, quantity: number, maximum: number): OrderQuantityOutOfRange =>
  new OrderQuantityOutOfRange({
    lineId,
    quantity,
    maximum,
    detail: `The quantity of line ${lineId} is given as ${quantity}; it must be 1 to ${maximum}. Correct it, or leave the line out.`
  })

export const lineRepeated = (lineId: string): OrderLineRepeated =>
  new OrderLineRepeated({
    lineId,
    detail: `Line ${lineId} is given more than once. Give each line once, with its whole quantity.`
  })

export const unknownLine = (lineId: string, lines: number): UnknownOrderLine =>
  new UnknownOrderLine({
    lineId,
    detail: `None of the order's ${count(lines, "line")} has the id ${lineId}. Read the order, and use one of its line ids.`
  })

export const currencyMismatch = (expected: string, amount: Money.Money): OrderCurrencyMismatch =>
  new OrderCurrencyMismatch({
    expected,
    actual: amount.currency,
    detail: `The order's total is in ${expected}, and ${Money.format(amount)} is not. Give every amount in one currency.`
  })

export const totalTooLarge = (lineId: string, { currency }: Money.Money): OrderTotalTooLarge => {
  const maximum = { amountMinor: Number.MAX_SAFE_INTEGER, currency }
  return new OrderTotalTooLarge({
    lineId,
    maximumMinor: maximum.amountMinor,
    detail:
      `With line ${lineId} the order comes to more than ${Money.format(maximum)}, the largest total that is exact. ` +
      "Lower the quantity, or split it over several orders."
  })
}

/** The figures of an order. */
interface Figures {
  readonly goods: Money.Money
  readonly tax: Money.Money
  readonly shipping: Money.Money
  readonly total: Money.Money
}

/** `actual` in minor units. */
export const totalsDisagree = (
  { goods, tax, shipping, total }: Figures,
  actual: { readonly goods: number; readonly tax: number; readonly total: number }
): OrderTotalsDisagree => {
  const money = (amountMinor: number): Money.Money => ({ amountMinor, currency: total.currency })
  const [actualGoods, actualTax, actualTotal] = [money(actual.goods), money(actual.tax), money(actual.total)]
  return new OrderTotalsDisagree({
    goods,
    tax,
    total,
    actualGoods,
    actualTax,
    actualTotal,
    detail:
      `The submission says goods ${Money.format(goods)}, tax ${Money.format(tax)}, shipping ${Money.format(shipping)} and ` +
      `total ${Money.format(total)}. Its lines come to goods ${Money.format(actualGoods)} and tax ${Money.format(actualTax)}, ` +
      `which makes ${Money.format(actualTotal)} with the shipping. Work the figures out again.`
  })
}

/** What quantities are asked for. */
export type Purpose = "cancel" | "ship" | "return" | "receive"

const shortfalls: Record<Purpose, (line: OrderLine, available: number) => string> = {
  cancel: (line, available) =>
    `${available} can be cancelled: ${counts(line)}. Cancel no more than that, and request a return of what was shipped.`,
  ship: (line, available) => `${available} can be shipped: ${counts(line)}. Ship no more than that.`,
  return: ({ delivered, returned, returning }, available) =>
    `${available} can be returned: ${delivered} delivered, ${returned} returned, ${returning} announced. Return no more than that.`,
  receive: (_, available) => `${available} were announced with this return. Request another return for the rest.`
}

const counts = ({ quantity, cancelled, shipped }: OrderLine): string =>
  `${quantity} ordered, ${cancelled} cancelled, ${shipped} shipped`

export const quantityUnavailable = (
  purpose: Purpose,
  line: OrderLine,
  quantity: number,
  available: number
): OrderQuantityUnavailable =>
  new OrderQuantityUnavailable({
    lineId: line.lineId,
    quantity,
    available,
    detail: `${quantity} of line ${line.lineId} (${line.sku}) are asked for, and ${shortfalls[purpose](line, available)}`
  })

export const tooManyRecords = (maximum: number): TooManyOrderRecords =>
  new TooManyOrderRecords({
    maximum,
    detail: `The order has ${maximum} cancellations, shipments and returns, which is its limit. Cancel the rest as a whole, and put what is still wanted into another order.`
  })

/** How many lines a text names; an order has up to thousands. */
const named = 5

const list = (quantities: ReadonlyArray<Quantity>): string => {
  const texts = quantities.slice(0, named).map(({ lineId, quantity }) => `${quantity} of line ${lineId}`)
  if (quantities.length > named) texts.push(`${count(quantities.length - named, "line")} more`)
  return texts.length === 0 ? "nothing" : texts.join(", ")
}

export const cancellationIdTaken = ({
  cancellationId,
  scope,
  reason,
  lines
}: State["cancellations"][number]): CancellationIdTaken =>
  new CancellationIdTaken({
    cancellationId,
    detail:
      `Cancellation ${cancellationId} stands for ${scope === "order" ? "all that was not shipped" : list(lines)} (${reason}). ` +
      "Use a new id for another cancellation."
  })

const parcelList = (parcels: State["shipments"][number]["parcels"]): string => {
  if (parcels.length === 0) return "nothing known of its parcels"
  const texts = parcels
    .slice(0, named)
    .map(
      ({ carrier, trackingNumber }) => `carrier ${carrier ?? "unknown"}, tracking number ${trackingNumber ?? "unknown"}`
    )
  if (parcels.length > named) texts.push(`${count(parcels.length - named, "parcel")} more`)
  return texts.join("; ")
}

export const shipmentIdTaken = ({
  shipmentId,
  parcels,
  promisedBy,
  lines
}: State["shipments"][number]): ShipmentIdTaken =>
  new ShipmentIdTaken({
    shipmentId,
    detail:
      `Shipment ${shipmentId} stands for ${list(lines)} (${parcelList(parcels)}` +
      `${promisedBy === null ? "" : `; promised by ${promisedBy}`}). Use a new id for another shipment.`
  })

export const returnIdTaken = ({ returnId, reason, lines, received }: State["returns"][number]): ReturnIdTaken =>
  new ReturnIdTaken({
    returnId,
    detail:
      `Return ${returnId} stands for ${list(lines)} (${reason}), ` +
      `${received === null ? "not received yet" : `received: ${list(received)}`}. Use a new id for another return.`
  })

export const unknownShipment = (shipmentId: string, shipments: State["shipments"]): UnknownShipment =>
  new UnknownShipment({
    shipmentId,
    detail: `None of the order's ${count(shipments.length, "shipment")} has the id ${shipmentId}. Record the shipment first, or correct the id.`
  })

export const unknownReturn = (returnId: string, returns: State["returns"]): UnknownReturn =>
  new UnknownReturn({
    returnId,
    detail: `None of the order's ${count(returns.length, "return")} has the id ${returnId}. Request the return first, or correct the id.`
  })

export const returnsOpen = (returnIds: ReadonlyArray<string>): ReturnsOpen =>
  new ReturnsOpen({
    returnIds,
    detail: `Not received yet: ${count(returnIds.length, "return")}, beginning with ${returnIds[0]}. Record what came of it, if only that nothing did, and close the order then.`
  })
