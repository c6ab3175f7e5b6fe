/**
 * The order: what may be done with it, and why not. Pure and synchronous: prices, taxes, names, ids and whatever else had to be
 * looked up arrive inside the commands (`Command.ts`). The state and `evolve` are in `State.ts`; what has become of each line,
 * and what that comes to, is in `Lines.ts`; what a submission must be is in `Submission.ts`.
 *
 * What was done before under the same id, in the same words, does nothing, whatever the order's status, so that every command
 * may be sent again. The same id in other words is refused. Otherwise `allowedIn` says which status takes which command.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Equal from "effect/Equal"
import { allowedIn, Command, type CommandOf, defaultLimits, type Limits, type Restricted } from "./Command.ts"
import { type OrderEvent, OrderEvents, type Part, type ValuedPart } from "./Events.ts"
import * as Lines from "./Lines.ts"
import * as Refusal from "./Refusal.ts"
import type { Rejection } from "./Rejection.ts"
import { evolve, initial, moneyIn, originOf, State, stateVersion, upcast } from "./State.ts"
import * as Submission from "./Submission.ts"

type Quantities = ReadonlyArray<Lines.Quantity>

// --- rejections: their types are in Rejection.ts, their texts in Refusal.ts ---

const refuseStatus = (command: Restricted, { status }: State): Rejection | undefined =>
  allowedIn[command].includes(status) ? undefined : Refusal.notAllowed(command, status, allowedIn[command])

const refuseFull = (limits: Limits, { cancellations, shipments, returns }: State): Rejection | undefined =>
  cancellations.length + shipments.length + returns.length < limits.maxRecords
    ? undefined
    : Refusal.tooManyRecords(limits.maxRecords)

/** `available` is how much of a line there is for the purpose. */
const refuseQuantities = (
  state: State,
  quantities: Quantities,
  purpose: Refusal.Purpose,
  available: (line: Lines.OrderLine) => number
): Rejection | undefined => {
  const lines = Lines.byId(state.lines)
  for (const { lineId, quantity } of quantities) {
    const line = lines.get(lineId)
    if (line === undefined) return Refusal.unknownLine(lineId, state.lines.length)
    if (quantity < 1) return Refusal.quantityOutOfRange(lineId, quantity, line.quantity)
    if (quantity > available(line)) return Refusal.quantityUnavailable(purpose, line, quantity, available(line))
  }
  return Submission.refuseRepeated(quantities)
}

// --- decide ---

type Outcome = ReadonlyArray<OrderEvent> | Rejection

const nothing: ReadonlyArray<OrderEvent> = []

const decide = (limits: Limits): Aggregate.Decide<State, Command, OrderEvent, Rejection> => ({
  SubmitOrder: (command, state) => submitOrder(limits, command, state),
  ConfirmOrder: confirmOrder,
  RejectOrder: rejectOrder,
  CancelOrder: cancelOrder,
  RequestCancellation: requestCancellation,
  CancelLines: (command, state) => cancelLines(limits, command, state),
  RecordShipment: (command, state) => recordShipment(limits, command, state),
  RecordDelivery: recordDelivery,
  RequestReturn: (command, state) => requestReturn(limits, command, state),
  ReceiveReturn: receiveReturn,
  CloseOrder: closeOrder
})

/** The payment and the stock. Known in every status that only a confirmation leads to. */
const backingOf = (state: State): NonNullable<State["backing"]> => state.backing!

/** The same quantities, in whatever order. */
const sameQuantities = (a: Quantities, b: Quantities): boolean =>
  a.length === b.length && Equal.equals(quantityByLine(a), quantityByLine(b))

const quantityByLine = (quantities: Quantities): ReadonlyMap<string, number> =>
  new Map(quantities.map(({ lineId, quantity }) => [lineId, quantity]))

/** Quantities as events tell them, in the order of the order's lines. */
const partsOf = (state: State, quantities: Quantities): ReadonlyArray<Part> => {
  const byLine = quantityByLine(quantities)
  return state.lines.flatMap(({ lineId, sku }) => {
    const quantity = byLine.get(lineId)
    return quantity === undefined ? [] : [{ lineId, sku, quantity }]
  })
}

/** The same with what each part comes to. */
const valuedPartsOf = (
  state: State,
  quantities: Quantities,
  worthMinor: (line: Lines.OrderLine, units: number) => number
): ReadonlyArray<ValuedPart> => {
  const lines = Lines.byId(state.lines)
  return partsOf(state, quantities).map((part) => ({
    ...part,
    amount: moneyIn(state, worthMinor(lines.get(part.lineId)!, part.quantity))
  }))
}

const totalMinorOf = (parts: ReadonlyArray<ValuedPart>): number =>
  parts.reduce((total, { amount }) => total + amount.amountMinor, 0)

// --- the checkout ---

function submitOrder(limits: Limits, { _tag, ...order }: CommandOf<"SubmitOrder">, state: State): Outcome {
  if (state.status !== "unplaced") {
    return Submission.isRepeated(state, order) ? nothing : Refusal.alreadyPlaced(state)
  }
  return Submission.refuse(limits, order) ?? [{ _tag: "OrderPlaced", ...order }]
}

/** A cancellation that the customer asked for meanwhile follows at once: the outcome is certain, and nothing has been shipped. */
function confirmOrder({ authorisationId, reservationId }: CommandOf<"ConfirmOrder">, state: State): Outcome {
  const backing = { authorisationId, reservationId }
  if (state.backing !== null) return Equal.equals(state.backing, backing) ? nothing : Refusal.outcomeStands(state)
  const refused = refuseStatus("ConfirmOrder", state)
  if (refused !== undefined) return refused
  const total = moneyIn(state, state.totalMinor)
  const confirmed: OrderEvent = { _tag: "OrderConfirmed", ...originOf(state), ...backing, total }
  const cancellationId = state.requestedCancellationId
  return cancellationId === null
    ? [confirmed]
    : [confirmed, ...cancellation(Aggregate.evolve({ evolve }, state, confirmed), wish(cancellationId))]
}

function rejectOrder({ reason, shortages }: CommandOf<"RejectOrder">, state: State): Outcome {
  if (state.rejection !== null) {
    return Equal.equals(state.rejection, { reason, shortages }) ? nothing : Refusal.outcomeStands(state)
  }
  const total = moneyIn(state, state.totalMinor)
  return refuseStatus("RejectOrder", state) ?? [{ _tag: "OrderRejected", ...originOf(state), reason, shortages, total }]
}

// --- cancellation ---

type Cancellation = Omit<State["cancellations"][number], "lines">

/** A customer's cancellation of all that has not been shipped. */
const wish = (cancellationId: string): Cancellation => ({ cancellationId, scope: "order", reason: "customer" })

/** The cancellation of that id, carried out or asked for. */
const cancellationOf = (
  state: State,
  cancellationId: string
): (Cancellation & { readonly lines: Quantities }) | undefined =>
  state.cancellations.find((one) => one.cancellationId === cancellationId) ??
  (state.requestedCancellationId === cancellationId ? { ...wish(cancellationId), lines: [] } : undefined)

/** What follows when lines are cancelled, by default all that has not been shipped. */
const cancellation = (
  state: State,
  { cancellationId, scope, reason }: Cancellation,
  quantities: Quantities = Lines.rest(state.lines)
): ReadonlyArray<OrderEvent> => {
  const parts = valuedPartsOf(state, quantities, Lines.settledMinor)
  const status = Lines.fulfilment(Lines.cancel(state.lines, parts))
  const shippingMinor = status === "cancelled" ? state.shippingMinor : 0
  const cancelled: OrderEvent = {
    _tag: "LinesCancelled",
    cancellationId,
    scope,
    reason,
    ...backingOf(state),
    lines: parts,
    shipping: moneyIn(state, shippingMinor),
    total: moneyIn(state, totalMinorOf(parts) + shippingMinor),
    status
  }
  return status === "cancelled" ? [cancelled, orderCancelled(state, { cancellationId, reason })] : [cancelled]
}

const orderCancelled = (
  state: State,
  { cancellationId, reason }: Pick<Cancellation, "cancellationId" | "reason">
): OrderEvent => ({
  _tag: "OrderCancelled",
  cancellationId,
  ...originOf(state),
  reason,
  total: moneyIn(state, state.totalMinor)
})

function cancelOrder({ cancellationId, reason }: CommandOf<"CancelOrder">, state: State): Outcome {
  const known = cancellationOf(state, cancellationId)
  if (known !== undefined && (known.scope !== "order" || known.reason !== reason)) {
    return Refusal.cancellationIdTaken(known)
  }
  const isDone = state.cancellations.some((one) => one.cancellationId === cancellationId)
  if (isDone || state.status === "cancelled") return nothing
  return refuseStatus("CancelOrder", state) ?? [orderCancelled(state, { cancellationId, reason })]
}

/** Never refused for too many records: there must be an end to every order, and this leaves nothing to cancel. */
function requestCancellation({ cancellationId }: CommandOf<"RequestCancellation">, state: State): Outcome {
  const known = cancellationOf(state, cancellationId)
  if (known !== undefined && (known.scope !== "order" || known.reason !== "customer")) {
    return Refusal.cancellationIdTaken(known)
  }
  const isUnderWay = state.status === "pending" && state.requestedCancellationId !== null
  if (known !== undefined || isUnderWay || state.status === "cancelled") return nothing
  const refused = refuseStatus("RequestCancellation", state)
  if (refused !== undefined) return refused
  return state.status === "pending"
    ? [{ _tag: "CancellationRequested", cancellationId, customerId: state.customerId }]
    : cancellation(state, wish(cancellationId))
}

function cancelLines(
  limits: Limits,
  { cancellationId, reason, lines }: CommandOf<"CancelLines">,
  state: State
): Outcome {
  const known = cancellationOf(state, cancellationId)
  if (known !== undefined) {
    const same = known.scope === "lines" && known.reason === reason && sameQuantities(known.lines, lines)
    return same ? nothing : Refusal.cancellationIdTaken(known)
  }
  return (
    refuseStatus("CancelLines", state) ??
    refuseFull(limits, state) ??
    Submission.refuseNone(lines) ??
    refuseQuantities(state, lines, "cancel", Lines.open) ??
    cancellation(state, { cancellationId, scope: "lines", reason }, lines)
  )
}

// --- shipment ---

function recordShipment(limits: Limits, { _tag, ...shipment }: CommandOf<"RecordShipment">, state: State): Outcome {
  const { shipmentId, parcels, promisedBy, lines } = shipment
  const known = state.shipments.find((one) => one.shipmentId === shipmentId)
  if (known !== undefined) {
    const same = Equal.equals(known.parcels, parcels) && known.promisedBy === promisedBy
    return same && sameQuantities(known.lines, lines) ? nothing : Refusal.shipmentIdTaken(known)
  }
  return (
    refuseStatus("RecordShipment", state) ??
    refuseFull(limits, state) ??
    Submission.refuseNone(lines) ??
    refuseQuantities(state, lines, "ship", Lines.open) ?? [shipped(shipment, state)]
  )
}

const shipped = (
  { shipmentId, parcels, promisedBy, lines }: Omit<CommandOf<"RecordShipment">, "_tag">,
  state: State
): OrderEvent => {
  const parts = valuedPartsOf(state, lines, Lines.settledMinor)
  const shippingMinor = state.shipments.length === 0 ? state.shippingMinor : 0
  return {
    _tag: "OrderShipped",
    shipmentId,
    parcels,
    promisedBy,
    ...backingOf(state),
    lines: parts,
    shipping: moneyIn(state, shippingMinor),
    total: moneyIn(state, totalMinorOf(parts) + shippingMinor),
    status: Lines.fulfilment(Lines.ship(state.lines, parts))
  }
}

function recordDelivery({ shipmentId }: CommandOf<"RecordDelivery">, state: State): Outcome {
  const shipment = state.shipments.find((one) => one.shipmentId === shipmentId)
  if (shipment?.delivered) return nothing
  const refused = refuseStatus("RecordDelivery", state)
  if (refused !== undefined) return refused
  if (shipment === undefined) return Refusal.unknownShipment(shipmentId, state.shipments)
  const lines = partsOf(state, shipment.lines)
  return [{ _tag: "ShipmentDelivered", shipmentId, lines, status: Lines.fulfilment(Lines.deliver(state.lines, lines)) }]
}

// --- return ---

function requestReturn(limits: Limits, { returnId, reason, lines }: CommandOf<"RequestReturn">, state: State): Outcome {
  const known = state.returns.find((one) => one.returnId === returnId)
  if (known !== undefined) {
    return known.reason === reason && sameQuantities(known.lines, lines) ? nothing : Refusal.returnIdTaken(known)
  }
  return (
    refuseStatus("RequestReturn", state) ??
    refuseFull(limits, state) ??
    Submission.refuseNone(lines) ??
    refuseQuantities(state, lines, "return", Lines.returnable) ?? [
      { _tag: "ReturnRequested", returnId, reason, lines: partsOf(state, lines) }
    ]
  )
}

function receiveReturn({ returnId, lines }: CommandOf<"ReceiveReturn">, state: State): Outcome {
  const announced = state.returns.find((one) => one.returnId === returnId)
  if (announced?.received) return sameQuantities(announced.received, lines) ? nothing : Refusal.returnIdTaken(announced)
  const refused = refuseStatus("ReceiveReturn", state)
  if (refused !== undefined) return refused
  if (announced === undefined) return Refusal.unknownReturn(returnId, state.returns)
  const expected = quantityByLine(announced.lines)
  const wrong = refuseQuantities(state, lines, "receive", ({ lineId }) => expected.get(lineId) ?? 0)
  if (wrong !== undefined) return wrong
  const parts = valuedPartsOf(state, lines, Lines.refundMinor)
  const total = moneyIn(state, totalMinorOf(parts))
  return [{ _tag: "ReturnReceived", returnId, reason: announced.reason, ...backingOf(state), lines: parts, total }]
}

function closeOrder(_: CommandOf<"CloseOrder">, state: State): Outcome {
  if (state.status === "closed") return nothing
  const open = state.returns.filter(({ received }) => received === null)
  const refused = refuseStatus("CloseOrder", state)
  if (refused !== undefined) return refused
  if (open.length > 0) return Refusal.returnsOpen(open.map(({ returnId }) => returnId))
  const kept = moneyIn(state, Lines.keptMinor(state.lines) + state.shippingMinor)
  return [{ _tag: "OrderClosed", ...originOf(state), kept }]
}

/** The order, with its limits. */
export const make = (limits: Limits = defaultLimits): Aggregate.Aggregate<State, Command, OrderEvent, Rejection> =>
  Aggregate.make({
    name: "order",
    initial,
    evolve,
    decide: decide(limits),
    state: { version: stateVersion, schema: State, upcast },
    events: OrderEvents,
    commands: Command,
    isClosed: ({ status }) => status === "closed" || status === "cancelled" || status === "rejected"
  })
