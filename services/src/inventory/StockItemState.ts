/**
 * The state of a stock item, the figures that follow from it, and how events change it. What may be done with it is in
 * `StockItemDomain.ts`; the two are one domain, in two files for their length.
 */
import type * as Aggregate from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import type { Balance, StockItemEvent, StockItemKey } from "./StockItemEvents.ts"

// --- state ---

/** What is promised to one order. */
export interface Hold {
  readonly reservationId: string
  /** What is left of it: shipping and cancelling take from it. At least 1. */
  readonly quantity: number
  /** For those who look. The reservation decides whether it has expired. */
  readonly expiresAtMillis: number
  readonly committed: boolean
}

/** A reservation that this item has no more to do with. */
interface Closed {
  readonly reservationId: string
  readonly expiresAtMillis: number
}

/** A document that was recorded: which, and what it said. */
interface Recorded {
  readonly document: string
  readonly content: string
}

export interface State {
  /** `null` until the first event. */
  readonly sku: string | null
  readonly location: string | null
  readonly onHand: number
  /** Sum of the holds that are not committed. */
  readonly reserved: number
  /** Sum of the holds that are. */
  readonly committed: number
  readonly safetyStock: number
  readonly backOrderLimit: number
  readonly reorderPoint: number
  readonly holds: ReadonlyArray<Hold>
  /** Those whose `ReserveStock` may still come, or come again; older ones are forgotten (`toleratedSkewMillis`). */
  readonly closed: ReadonlyArray<Closed>
  /** The newest documents, at most `remembered`. */
  readonly recorded: ReadonlyArray<Recorded>
}

export const initial: State = {
  sku: null,
  location: null,
  onHand: 0,
  reserved: 0,
  committed: 0,
  safetyStock: 0,
  backOrderLimit: 0,
  reorderPoint: 0,
  holds: [],
  closed: [],
  recorded: []
}

/** How many documents are remembered, to recognise a repeated command beyond the platform's receipts. */
export const remembered = 500

/**
 * How long a closed reservation is remembered after its time. From then on `ReserveStock` is refused for being late, so that
 * forgetting is safe as long as the clocks of two servers differ by less.
 */
export const toleratedSkewMillis = 3_600_000

/** The stored form of the state. */
export const StoredState = Schema.Struct({
  sku: Schema.NullOr(Schema.String),
  location: Schema.NullOr(Schema.String),
  onHand: Schema.Int,
  reserved: Schema.Int,
  committed: Schema.Int,
  safetyStock: Schema.Int,
  backOrderLimit: Schema.Int,
  reorderPoint: Schema.Int,
  holds: Schema.Array(
    Schema.Struct({
      reservationId: Schema.String,
      quantity: Schema.Int,
      expiresAtMillis: Schema.Int,
      committed: Schema.Boolean
    })
  ),
  closed: Schema.Array(Schema.Struct({ reservationId: Schema.String, expiresAtMillis: Schema.Int })),
  recorded: Schema.Array(Schema.Struct({ document: Schema.String, content: Schema.String }))
})

/** The id of the stock item of a SKU at a location. Two items never have the same. */
export const stockItemId = ({ sku, location }: StockItemKey): string =>
  `${encodeURIComponent(sku)}@${encodeURIComponent(location)}`

/** What the sums are made of. */
export type Figures = Pick<State, "onHand" | "reserved" | "committed" | "safetyStock" | "backOrderLimit">

/** Promised to orders, committed or not. */
export const promisedOf = (state: Pick<Figures, "reserved" | "committed">): number => state.reserved + state.committed

/** What is neither promised nor kept as safety stock; negative where more is. */
export const freeOf = (state: Omit<Figures, "backOrderLimit">): number =>
  state.onHand - promisedOf(state) - state.safetyStock

/** On hand − reserved − committed − safety stock. Never below 0, except where back-orders are allowed. */
export const availableOf = (state: Figures): number =>
  state.backOrderLimit > 0 ? freeOf(state) : Math.max(0, freeOf(state))

/** How many a reservation can have now, back-orders included. */
export const reservableOf = (state: State): number => Math.max(0, freeOf(state) + state.backOrderLimit)

/** The figures, as events say them. */
export const balanceOf = (state: State): Balance => {
  const { onHand, reserved, committed, safetyStock } = state
  return { onHand, reserved, committed, safetyStock, available: availableOf(state) }
}

/** What a reservation holds, if anything. */
export const holdOf = (state: State, reservationId: string): Hold | undefined =>
  state.holds.find((hold) => hold.reservationId === reservationId)

/** Whether a reservation is known to have ended here, or to have been refused. */
export const isClosed = (state: State, reservationId: string): boolean =>
  state.closed.some((closed) => closed.reservationId === reservationId)

// --- evolve ---

/** What moves when units come, leave, or are promised. */
type Moving = Pick<Balance, "onHand" | "reserved" | "committed">

/**
 * The figures that an event moves. Changes and not the balance that it says stands after it: by business time an event is read
 * without others that were recorded before it and happened later. In the order of their versions both are the same.
 */
export const movedBy = ({ onHand, reserved, committed }: Moving, event: StockItemEvent): Partial<Moving> => {
  switch (event._tag) {
    case "StockReceived":
    case "StockAdjusted":
    case "StockRestocked":
    case "StockTransferredIn":
      return { onHand: onHand + event.quantity }
    case "StockTransferredOut":
      return { onHand: onHand - event.quantity }
    case "StockReserved":
      return { reserved: reserved + event.quantity }
    case "StockReleased":
      return { reserved: reserved - event.quantity }
    case "StockCommitted":
      return { reserved: reserved - event.quantity, committed: committed + event.quantity }
    case "StockShipped":
      return { onHand: onHand - event.quantity, committed: committed - event.quantity }
    case "CommitmentCancelled":
      return { committed: committed - event.quantity }
    default:
      return {}
  }
}

/** The state with the figures that an event moves. */
const settle = (state: State, event: StockItemEvent): State => ({
  ...state,
  sku: event.sku,
  location: event.location,
  ...movedBy(state, event)
})

/** An event that follows from a document. */
export type Movement = Extract<StockItemEvent, { readonly reference: string }>

/** Which document an event records, and what it says of it. The same for an event that was read back. */
export const recordOf = (event: Movement): Recorded => ({
  document: JSON.stringify([event._tag, event.reference, "reservationId" in event ? event.reservationId : null]),
  content: JSON.stringify([event.quantity, particularOf(event)])
})

const particularOf = (event: Movement): string | null => {
  if ("reason" in event) return event.reason
  if ("toLocation" in event) return event.toLocation
  return "fromLocation" in event ? event.fromLocation : null
}

const move = (state: State, event: Movement): State => ({
  ...settle(state, event),
  recorded: [...state.recorded, recordOf(event)].slice(-remembered)
})

/** Takes from a hold that is committed. */
const takeFromHold = (state: State, event: Movement & { readonly reservationId: string }): State => {
  const moved = move(state, event)
  const holds = state.holds.flatMap((hold) => {
    if (hold.reservationId !== event.reservationId) return [hold]
    return hold.quantity > event.quantity ? [{ ...hold, quantity: hold.quantity - event.quantity }] : []
  })
  const hold = holdOf(state, event.reservationId)
  if (holds.length === state.holds.length || hold === undefined) return { ...moved, holds }
  return { ...moved, holds, closed: close(state.closed, hold) }
}

const close = (closed: ReadonlyArray<Closed>, { reservationId, expiresAtMillis }: Closed): ReadonlyArray<Closed> => [
  ...closed,
  { reservationId, expiresAtMillis }
]

const forget = (closed: ReadonlyArray<Closed>, nowMillis: number): ReadonlyArray<Closed> =>
  closed.filter(({ expiresAtMillis }) => expiresAtMillis + toleratedSkewMillis > nowMillis)

const changeHold = (state: State, reservationId: string, change: Partial<Hold>): ReadonlyArray<Hold> =>
  state.holds.map((hold) => (hold.reservationId === reservationId ? { ...hold, ...change } : hold))

export const evolve: Aggregate.Evolve<State, StockItemEvent> = {
  StockReceived: move,
  StockAdjusted: move,
  StockReserved: (state, event) => {
    const { reservationId, quantity, expiresAtMillis, reservedAtMillis } = event
    return {
      ...settle(state, event),
      holds: [...state.holds, { reservationId, quantity, expiresAtMillis, committed: false }],
      closed: forget(state.closed, reservedAtMillis)
    }
  },
  StockRefused: (state, { sku, location, refusedAtMillis, ...refused }) => ({
    ...state,
    sku,
    location,
    closed: close(forget(state.closed, refusedAtMillis), refused)
  }),
  HoldExtended: (state, { reservationId, expiresAtMillis }) => ({
    ...state,
    holds: changeHold(state, reservationId, { expiresAtMillis })
  }),
  StockCommitted: (state, event) => ({
    ...settle(state, event),
    holds: changeHold(state, event.reservationId, { committed: true })
  }),
  StockReleased: (state, event) => {
    const hold = holdOf(state, event.reservationId)
    return {
      ...settle(state, event),
      holds: state.holds.filter((other) => other !== hold),
      closed: hold === undefined ? state.closed : close(state.closed, hold)
    }
  },
  HoldBarred: (state, { sku, location, ...barred }) => ({
    ...state,
    sku,
    location,
    closed: close(state.closed, barred)
  }),
  StockShipped: takeFromHold,
  CommitmentCancelled: takeFromHold,
  StockRestocked: move,
  StockTransferredOut: move,
  StockTransferredIn: move,
  SafetyStockSet: (state, event) => ({ ...settle(state, event), safetyStock: event.after.safetyStock }),
  BackOrderLimitSet: (state, event) => ({ ...settle(state, event), backOrderLimit: event.limit }),
  ReorderPointSet: (state, { sku, location, reorderPoint }) => ({ ...state, sku, location, reorderPoint }),
  StockRanLow: (state) => state,
  StockReplenished: (state) => state
}
