/**
 * A stock item: how many of one SKU there are at one location, and to whom they are promised. Pure and synchronous: time and
 * ids arrive inside the commands.
 *
 * Whatever the order of commands, no more is promised than there is, back-orders apart. Every command may be sent again: a
 * reservation is answered once, and a movement is recorded once for each document. State and `evolve` are in
 * `StockItemState.ts`.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import { Id } from "../Text.ts"
import {
  AdjustReason,
  type Balance,
  ReleaseReason,
  RestockReason,
  type StockItemEvent,
  StockItemEvents,
  type StockItemKey
} from "./StockItemEvents.ts"
import {
  backOrdersOutstanding,
  holdCommitted,
  holdNotCommitted,
  holdNotFound,
  insufficientStock,
  moreThanCommitted,
  referenceTaken,
  reservationLapsed,
  type StockItemRejection,
  sameLocation,
  stockQuantityOutOfRange,
  tooMuchStock,
  wrongStockItem
} from "./StockItemRejection.ts"
import {
  availableOf,
  balanceOf,
  evolve,
  freeOf,
  holdOf,
  initial,
  isClosed,
  type Movement,
  promisedOf,
  recordOf,
  reservableOf,
  type State,
  StoredState
} from "./StockItemState.ts"

// --- commands ---

const item = { sku: Id, location: Id }
const movement = { ...item, quantity: Schema.Int, reference: Id }

/**
 * The commands. Each names the stock item that it is for. `reference` is the document that a movement follows from, unique for
 * each kind of movement of a stock item (and, in shipping and cancelling, each reservation); the same document again is the same
 * movement again.
 */
export const StockItemCommand = Schema.TaggedUnion({
  ReceiveStock: movement,
  /** `quantity` is negative when units are gone. */
  AdjustStock: { ...movement, reason: AdjustReason },
  /** Answered once, by `StockReserved` or `StockRefused`. `expiresAtMillis` is the reservation's first expiry. */
  ReserveStock: {
    ...item,
    reservationId: Id,
    quantity: Schema.Int,
    expiresAtMillis: Schema.Int,
    nowMillis: Schema.Int
  },
  ExtendHold: { ...item, reservationId: Id, expiresAtMillis: Schema.Int },
  CommitStock: { ...item, reservationId: Id },
  /** Also for a reservation that has not come here yet, and then never will. */
  ReleaseStock: { ...item, reservationId: Id, reason: ReleaseReason, expiresAtMillis: Schema.Int },
  ShipStock: { ...movement, reservationId: Id },
  /** Frees what is committed and not shipped. `reference` is the cancellation. */
  CancelCommitment: { ...movement, reservationId: Id },
  RestockItems: { ...movement, reason: RestockReason },
  /** `reference` is the transfer's id, the same on both sides. */
  TransferOut: { ...movement, toLocation: Id },
  TransferIn: { ...movement, fromLocation: Id },
  SetSafetyStock: { ...item, safetyStock: Schema.Int },
  /** 0 forbids back-orders. */
  SetBackOrderLimit: { ...item, limit: Schema.Int },
  SetReorderPoint: { ...item, reorderPoint: Schema.Int }
})

export type StockItemCommand = typeof StockItemCommand.Type

type CommandOf<Tag extends StockItemCommand["_tag"]> = Extract<StockItemCommand, { readonly _tag: Tag }>

/** How much a stock item takes. */
export interface StockItemLimits {
  /** Largest quantity of anything: on hand, in one movement, in one reservation. */
  readonly maxQuantity: number
}

/** Five orders of magnitude above a large order line, so that only mistakes meet it, and sums stay exact integers. */
export const defaultStockItemLimits: StockItemLimits = { maxQuantity: 1_000_000_000 }

// --- rejections: their types and texts are in StockItemRejection.ts ---

type Outcome = ReadonlyArray<StockItemEvent> | StockItemRejection

const refuseOutside = (limits: StockItemLimits, quantity: number, minimum = 1, what = "quantity") =>
  quantity >= minimum && quantity <= limits.maxQuantity && (minimum >= 0 || quantity !== 0)
    ? undefined
    : stockQuantityOutOfRange(what, quantity, { minimum, maximum: limits.maxQuantity })

const refuseOverflow = (limits: StockItemLimits, state: State, quantity: number) =>
  state.onHand + quantity <= limits.maxQuantity ? undefined : tooMuchStock(state.onHand, quantity, limits.maxQuantity)

// --- decide ---

const nothing: ReadonlyArray<StockItemEvent> = []

/** A command's own decision, for the right item, followed by what it means for the level of stock. */
const within =
  <Command extends StockItemKey>(decision: (command: Command, state: State) => Outcome) =>
  (command: Command, state: State): Outcome => {
    const { sku, location } = state
    if (sku !== null && location !== null && (sku !== command.sku || location !== command.location)) {
      return wrongStockItem({ sku, location }, command)
    }
    const outcome = decision(command, state)
    return outcome instanceof Error ? outcome : withLevel(state, outcome, command)
  }

const isLow = (state: State): boolean => availableOf(state) <= state.reorderPoint

const withLevel = (
  before: State,
  events: ReadonlyArray<StockItemEvent>,
  { sku, location }: StockItemKey
): ReadonlyArray<StockItemEvent> => {
  const after = Aggregate.evolveAll({ evolve }, before, events)
  if (isLow(before) === isLow(after)) return events
  const _tag = isLow(after) ? "StockRanLow" : "StockReplenished"
  return [...events, { _tag, sku, location, available: availableOf(after), reorderPoint: after.reorderPoint }]
}

const decide = (
  limits: StockItemLimits
): Aggregate.Decide<State, StockItemCommand, StockItemEvent, StockItemRejection> => ({
  ReceiveStock: within((command, state) => receive(limits, command, state)),
  AdjustStock: within((command, state) => adjust(limits, command, state)),
  ReserveStock: within((command, state) => reserve(limits, command, state)),
  ExtendHold: within(extend),
  CommitStock: within(commit),
  ReleaseStock: within(release),
  ShipStock: within((command, state) => ship(limits, command, state)),
  CancelCommitment: within((command, state) => cancelCommitment(limits, command, state)),
  RestockItems: within((command, state) => restock(limits, command, state)),
  TransferOut: within((command, state) => transferOut(limits, command, state)),
  TransferIn: within((command, state) => transferIn(limits, command, state)),
  SetSafetyStock: within((command, state) => setSafetyStock(limits, command, state)),
  SetBackOrderLimit: within((command, state) => setBackOrderLimit(limits, command, state)),
  SetReorderPoint: within((command, state) => setReorderPoint(limits, command, state))
})

type Figures = Partial<Pick<State, "onHand" | "reserved" | "committed">>

/** What stands when figures change by so much. */
const balanceAfter = (state: State, { onHand = 0, reserved = 0, committed = 0 }: Figures): Balance =>
  balanceOf({
    ...state,
    onHand: state.onHand + onHand,
    reserved: state.reserved + reserved,
    committed: state.committed + committed
  })

/** A movement, unless its document has been recorded: then nothing, or a refusal when it said something else. */
const record = (state: State, event: Movement, refuse: () => StockItemRejection | undefined): Outcome => {
  const { document, content } = recordOf(event)
  const before = state.recorded.find((recorded) => recorded.document === document)
  if (before !== undefined) return before.content === content ? nothing : referenceTaken(event.reference)
  return refuse() ?? [event]
}

/** What comes in. */
const arrive = (limits: StockItemLimits, state: State, event: Movement): Outcome =>
  record(state, event, () => refuseOutside(limits, event.quantity) ?? refuseOverflow(limits, state, event.quantity))

const arrived = (state: State, quantity: number): Balance => balanceAfter(state, { onHand: quantity })

function receive(limits: StockItemLimits, command: CommandOf<"ReceiveStock">, state: State): Outcome {
  return arrive(limits, state, { ...command, _tag: "StockReceived", after: arrived(state, command.quantity) })
}

function restock(limits: StockItemLimits, command: CommandOf<"RestockItems">, state: State): Outcome {
  return arrive(limits, state, { ...command, _tag: "StockRestocked", after: arrived(state, command.quantity) })
}

function transferIn(limits: StockItemLimits, command: CommandOf<"TransferIn">, state: State): Outcome {
  if (command.fromLocation === command.location) return sameLocation(command.location)
  return arrive(limits, state, { ...command, _tag: "StockTransferredIn", after: arrived(state, command.quantity) })
}

function transferOut(limits: StockItemLimits, command: CommandOf<"TransferOut">, state: State): Outcome {
  const { quantity, location, toLocation } = command
  if (toLocation === location) return sameLocation(location)
  const after = balanceAfter(state, { onHand: -quantity })
  return record(state, { ...command, _tag: "StockTransferredOut", after }, () => {
    const free = Math.max(0, freeOf(state))
    const short = () => insufficientStock(quantity, free, "the rest is promised or safety stock")
    return refuseOutside(limits, quantity) ?? (quantity <= free ? undefined : short())
  })
}

/** Units that are gone may eat into the safety stock, and never into what is promised, back-orders apart. */
function adjust(limits: StockItemLimits, command: CommandOf<"AdjustStock">, state: State): Outcome {
  const { quantity } = command
  const after = balanceAfter(state, { onHand: quantity })
  return record(state, { ...command, _tag: "StockAdjusted", after }, () => {
    const removable = state.onHand - Math.max(0, promisedOf(state) - state.backOrderLimit)
    const short = () => insufficientStock(-quantity, removable, "the rest is promised to orders, or is not there")
    return (
      refuseOutside(limits, quantity, -limits.maxQuantity) ??
      (-quantity <= removable ? refuseOverflow(limits, state, quantity) : short())
    )
  })
}

/** The first answer stands, whatever has become of the stock, or of the hold, since. */
function reserve(limits: StockItemLimits, command: CommandOf<"ReserveStock">, state: State): Outcome {
  const { sku, location, reservationId, quantity, expiresAtMillis, nowMillis } = command
  if (holdOf(state, reservationId) !== undefined || isClosed(state, reservationId)) return nothing
  if (nowMillis >= expiresAtMillis) return reservationLapsed(reservationId, expiresAtMillis, nowMillis)
  const refusal = refuseOutside(limits, quantity)
  if (refusal !== undefined) return refusal
  const held = { sku, location, reservationId, expiresAtMillis }
  const available = reservableOf(state)
  if (quantity > available) {
    return [{ _tag: "StockRefused", ...held, requested: quantity, available, refusedAtMillis: nowMillis }]
  }
  const backOrdered = Math.max(0, quantity - Math.max(0, freeOf(state)))
  const after = balanceAfter(state, { reserved: quantity })
  return [{ _tag: "StockReserved", ...held, quantity, backOrdered, reservedAtMillis: nowMillis, after }]
}

/** Comes late, or out of order, without harm: only what is still reserved is extended, and only forwards. */
function extend({ sku, location, reservationId, expiresAtMillis }: CommandOf<"ExtendHold">, state: State): Outcome {
  const hold = holdOf(state, reservationId)
  if (hold === undefined) return isClosed(state, reservationId) ? nothing : holdNotFound(reservationId)
  if (hold.committed || hold.expiresAtMillis >= expiresAtMillis) return nothing
  const expiresAtMillisBefore = hold.expiresAtMillis
  return [{ _tag: "HoldExtended", sku, location, reservationId, expiresAtMillisBefore, expiresAtMillis }]
}

function commit({ sku, location, reservationId }: CommandOf<"CommitStock">, state: State): Outcome {
  const hold = holdOf(state, reservationId)
  if (hold === undefined) return isClosed(state, reservationId) ? nothing : holdNotFound(reservationId)
  if (hold.committed) return nothing
  const { quantity } = hold
  const after = balanceAfter(state, { reserved: -quantity, committed: quantity })
  return [{ _tag: "StockCommitted", sku, location, reservationId, quantity, after }]
}

/** One that overtakes its reservation is remembered, or the reservation would hold stock for ever. */
function release(command: CommandOf<"ReleaseStock">, state: State): Outcome {
  const { sku, location, reservationId, reason, expiresAtMillis } = command
  const hold = holdOf(state, reservationId)
  if (hold === undefined) {
    if (isClosed(state, reservationId)) return nothing
    return [{ _tag: "HoldBarred", sku, location, reservationId, reason, expiresAtMillis }]
  }
  if (hold.committed) return holdCommitted(reservationId, hold.quantity)
  const { quantity } = hold
  const after = balanceAfter(state, { reserved: -quantity })
  return [{ _tag: "StockReleased", sku, location, reservationId, quantity, reason, after }]
}

const refuseBeyondHold = (
  limits: StockItemLimits,
  { reservationId, quantity }: { readonly reservationId: string; readonly quantity: number },
  state: State
): StockItemRejection | undefined => {
  const hold = holdOf(state, reservationId)
  if (hold === undefined) return holdNotFound(reservationId)
  if (!hold.committed) return holdNotCommitted(reservationId, hold.quantity)
  const refusal = refuseOutside(limits, quantity)
  if (refusal !== undefined) return refusal
  return quantity <= hold.quantity ? undefined : moreThanCommitted(reservationId, quantity, hold.quantity)
}

function ship(limits: StockItemLimits, command: CommandOf<"ShipStock">, state: State): Outcome {
  const { quantity } = command
  const after = balanceAfter(state, { onHand: -quantity, committed: -quantity })
  const short = () => insufficientStock(quantity, state.onHand, "no more are on hand, the rest is on back-order")
  return record(
    state,
    { ...command, _tag: "StockShipped", after },
    () => refuseBeyondHold(limits, command, state) ?? (quantity <= state.onHand ? undefined : short())
  )
}

function cancelCommitment(limits: StockItemLimits, command: CommandOf<"CancelCommitment">, state: State): Outcome {
  const after = balanceAfter(state, { committed: -command.quantity })
  return record(state, { ...command, _tag: "CommitmentCancelled", after }, () =>
    refuseBeyondHold(limits, command, state)
  )
}

function setSafetyStock(
  limits: StockItemLimits,
  { sku, location, safetyStock }: CommandOf<"SetSafetyStock">,
  state: State
): Outcome {
  const safetyStockBefore = state.safetyStock
  if (safetyStockBefore === safetyStock) return nothing
  const after = balanceOf({ ...state, safetyStock })
  return (
    refuseOutside(limits, safetyStock, 0, "safety stock") ?? [
      { _tag: "SafetyStockSet", sku, location, safetyStockBefore, after }
    ]
  )
}

function setBackOrderLimit(
  limits: StockItemLimits,
  { sku, location, limit }: CommandOf<"SetBackOrderLimit">,
  state: State
): Outcome {
  const limitBefore = state.backOrderLimit
  if (limitBefore === limit) return nothing
  const outstanding = promisedOf(state) - state.onHand
  const after = balanceOf({ ...state, backOrderLimit: limit })
  return (
    refuseOutside(limits, limit, 0, "back-order limit") ??
    (outstanding > limit
      ? backOrdersOutstanding(outstanding, limit)
      : [{ _tag: "BackOrderLimitSet", sku, location, limitBefore, limit, after }])
  )
}

function setReorderPoint(
  limits: StockItemLimits,
  { sku, location, reorderPoint }: CommandOf<"SetReorderPoint">,
  state: State
): Outcome {
  const reorderPointBefore = state.reorderPoint
  if (reorderPointBefore === reorderPoint) return nothing
  return (
    refuseOutside(limits, reorderPoint, 0, "reorder point") ?? [
      { _tag: "ReorderPointSet", sku, location, reorderPointBefore, reorderPoint }
    ]
  )
}

/** The stock item, with its limits. */
export const makeStockItem = (
  limits: StockItemLimits = defaultStockItemLimits
): Aggregate.Aggregate<State, StockItemCommand, StockItemEvent, StockItemRejection> =>
  Aggregate.make({
    name: "stockitem",
    initial,
    evolve,
    decide: decide(limits),
    state: { version: 1, schema: StoredState },
    events: StockItemEvents,
    commands: StockItemCommand
  })
