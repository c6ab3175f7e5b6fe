/**
 * A reservation: the stock of one order, all of it or none. Pure and synchronous: time and ids arrive inside the commands.
 *
 * It conducts: it asks each stock item for its line, collects the answers, and ends reserved or refused. What is to be sent to
 * the stock items is in `ReservationProcess.ts`; this file decides. Whether a reservation was committed, released or has expired
 * is decided here alone: whichever event comes first wins, and the loser is told.
 *
 * A command whose effect is there already does nothing, and an answer that comes late or again does nothing.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import { Id } from "../Text.ts"
import {
  GiveUpReason,
  type ReservationEvent,
  ReservationEvents,
  type ReservationLine,
  ReservationStatus
} from "./ReservationEvents.ts"
import {
  emptyReservation,
  expiryOutOfRange,
  extensionTooLate,
  lineNotRequested,
  type ReservationRejection,
  reservationAlreadyMade,
  reservationClosed,
  reservationNotExpired,
  reservationNotFound,
  reservationPending,
  reservationQuantityOutOfRange,
  tooManyReservationLines
} from "./ReservationRejection.ts"
import type { StockItemKey } from "./StockItemEvents.ts"

// --- state ---

const StoredLine = Schema.Struct({
  sku: Schema.String,
  location: Schema.String,
  quantity: Schema.Int,
  answer: Schema.Literals(["awaited", "held", "short"]),
  /** Of a line that is held: how many of it are promised, and were not there. */
  backOrdered: Schema.Int,
  /** Of a line that is short: how many there were. */
  available: Schema.Int
})

/** A line, and what its stock item has answered. */
export type Line = typeof StoredLine.Type

export interface State {
  readonly status: ReservationStatus
  /** Empty until requested. */
  readonly orderId: string
  /** One for each stock item, in the order of the request. */
  readonly lines: ReadonlyArray<Line>
  /** 0 until requested. */
  readonly expiresAtMillis: number
}

export const initial: State = { status: "unrequested", orderId: "", lines: [], expiresAtMillis: 0 }

const StoredState = Schema.Struct({
  status: ReservationStatus,
  orderId: Schema.String,
  lines: Schema.Array(StoredLine),
  expiresAtMillis: Schema.Int
})

const plain = ({ sku, location, quantity }: ReservationLine): ReservationLine => ({ sku, location, quantity })

const isSameItem = (a: StockItemKey, b: StockItemKey): boolean => a.sku === b.sku && a.location === b.location

const lineOf = (state: State, item: StockItemKey): Line | undefined =>
  state.lines.find((line) => isSameItem(line, item))

const awaitedIn = (state: State): number => state.lines.filter(({ answer }) => answer === "awaited").length

// --- commands ---

/** The commands. A reservation's id is its order's. */
export const ReservationCommand = Schema.TaggedUnion({
  /** The sender has chosen the locations. Lines of one SKU at one location become one. */
  ReserveItems: {
    orderId: Id,
    lines: Schema.Array(Schema.Struct({ sku: Id, location: Id, quantity: Schema.Int })),
    expiresAtMillis: Schema.Int,
    nowMillis: Schema.Int
  },
  /** A stock item's answer: it holds the line. */
  RecordHold: { sku: Id, location: Id, backOrdered: Schema.Int },
  /** A stock item's answer: it has too little. */
  RecordShortage: { sku: Id, location: Id, available: Schema.Int },
  ExtendReservation: { expiresAtMillis: Schema.Int, nowMillis: Schema.Int },
  CommitReservation: {},
  /** Also before the reservation was requested, which is then refused: a compensation may overtake what it compensates. */
  ReleaseReservation: { orderId: Id, reason: GiveUpReason },
  ExpireReservation: { nowMillis: Schema.Int }
})

export type ReservationCommand = typeof ReservationCommand.Type

type CommandOf<Tag extends ReservationCommand["_tag"]> = Extract<ReservationCommand, { readonly _tag: Tag }>

/** How much a reservation takes. */
export interface ReservationLimits {
  /** Largest quantity of a line as it was sent. */
  readonly maxQuantity: number
  /** Most lines. */
  readonly maxLines: number
  /** Longest time from a command to the expiry that it sets. */
  readonly maxHoldMillis: number
}

/**
 * Quantity and lines: what a cart takes. Time: stock items remember a reservation as long as it may last, so that it must end;
 * a month covers the slowest bank transfer.
 */
export const defaultReservationLimits: ReservationLimits = {
  maxQuantity: 100_000,
  maxLines: 2_000,
  maxHoldMillis: 31 * 24 * 3_600_000
}

// --- rejections: their types and texts are in ReservationRejection.ts ---

type Outcome = ReadonlyArray<ReservationEvent> | ReservationRejection

const refuseLines = (
  limits: ReservationLimits,
  lines: ReadonlyArray<ReservationLine>
): ReservationRejection | undefined => {
  if (lines.length === 0) return emptyReservation()
  if (lines.length > limits.maxLines) return tooManyReservationLines(lines.length, limits.maxLines)
  const wrong = lines.find(({ quantity }) => quantity < 1 || quantity > limits.maxQuantity)
  return wrong && reservationQuantityOutOfRange(wrong.sku, wrong.quantity, limits.maxQuantity)
}

const refuseExpiry = (
  { maxHoldMillis }: ReservationLimits,
  { expiresAtMillis, nowMillis }: { readonly expiresAtMillis: number; readonly nowMillis: number }
): ReservationRejection | undefined =>
  expiresAtMillis > nowMillis && expiresAtMillis - nowMillis <= maxHoldMillis
    ? undefined
    : expiryOutOfRange(expiresAtMillis, nowMillis, maxHoldMillis)

const refuseUnlessReserved = (state: State): ReservationRejection | undefined => {
  if (state.status === "reserved") return undefined
  if (state.status === "unrequested") return reservationNotFound()
  return state.status === "pending"
    ? reservationPending(state.orderId, awaitedIn(state))
    : reservationClosed(state.orderId, state.status)
}

// --- evolve ---

const answered = (state: State, item: StockItemKey, answer: Partial<Line>): State => ({
  ...state,
  lines: state.lines.map((line) => (isSameItem(line, item) ? { ...line, ...answer } : line))
})

export const evolve: Aggregate.Evolve<State, ReservationEvent> = {
  ReservationRequested: (_, { orderId, lines, expiresAtMillis }) => ({
    status: "pending",
    orderId,
    lines: lines.map((line) => ({ ...line, answer: "awaited", backOrdered: 0, available: 0 })),
    expiresAtMillis
  }),
  LineHeld: (state, event) => answered(state, event, { answer: "held", backOrdered: event.backOrdered }),
  LineShort: (state, event) => answered(state, event, { answer: "short", available: event.available }),
  ItemsReserved: (state) => ({ ...state, status: "reserved" }),
  ReservationRefused: (state) => ({ ...state, status: "refused" }),
  ReservationExtended: (state, { expiresAtMillis }) => ({ ...state, expiresAtMillis }),
  ReservationCommitted: (state) => ({ ...state, status: "committed" }),
  ReservationReleased: (state, { orderId }) => ({ ...state, status: "released", orderId }),
  ReservationExpired: (state) => ({ ...state, status: "expired" })
}

// --- decide ---

const nothing: ReadonlyArray<ReservationEvent> = []

const decide = (
  limits: ReservationLimits
): Aggregate.Decide<State, ReservationCommand, ReservationEvent, ReservationRejection> => ({
  ReserveItems: (command, state) => reserve(limits, command, state),
  RecordHold: (command, state) => recordHold(command, state),
  RecordShortage: (command, state) => recordShortage(command, state),
  ExtendReservation: (command, state) => extend(limits, command, state),
  CommitReservation: (_, state) => commit(state),
  ReleaseReservation: release,
  ExpireReservation: expire
})

/** One line for each stock item, in the order of first mention. */
const merge = (lines: ReadonlyArray<ReservationLine>): ReadonlyArray<ReservationLine> => {
  const merged = new Map<string, ReservationLine>()
  for (const line of lines) {
    const item = JSON.stringify([line.sku, line.location])
    merged.set(item, { ...plain(line), quantity: line.quantity + (merged.get(item)?.quantity ?? 0) })
  }
  return [...merged.values()]
}

function reserve(limits: ReservationLimits, command: CommandOf<"ReserveItems">, state: State): Outcome {
  const { orderId, expiresAtMillis, nowMillis } = command
  const lines = merge(command.lines)
  if (state.status !== "unrequested") {
    if (isSameRequest(state.lines, lines)) return nothing
    return state.lines.length === 0
      ? reservationClosed(state.orderId, "released")
      : reservationAlreadyMade(state.orderId, state.lines.length)
  }
  return (
    refuseLines(limits, command.lines) ??
    refuseExpiry(limits, command) ?? [
      { _tag: "ReservationRequested", orderId, lines, expiresAtMillis, requestedAtMillis: nowMillis }
    ]
  )
}

/** A sender that repeats itself may have computed another expiry, so that only the lines tell. */
const isSameRequest = (a: ReadonlyArray<ReservationLine>, b: ReadonlyArray<ReservationLine>): boolean =>
  a.length > 0 &&
  a.length === b.length &&
  a.every((line, i) => isSameItem(line, b[i]!) && line.quantity === b[i]!.quantity)

/** An answer, and the end of the asking when it is the last. The first answer of a stock item stands. */
const recordAnswer = (state: State, item: StockItemKey, answerOf: (line: Line) => ReservationEvent): Outcome => {
  if (state.status === "unrequested") return reservationNotFound()
  const line = lineOf(state, item)
  // Released before it was requested: no stock item was asked, and none can have answered.
  if (line === undefined) return lineNotRequested(item.sku, item.location)
  if (state.status !== "pending" || line.answer !== "awaited") return nothing
  const answer = answerOf(line)
  return [answer, ...concludeAfter(Aggregate.evolve({ evolve }, state, answer))]
}

const concludeAfter = (state: State): ReadonlyArray<ReservationEvent> => {
  if (awaitedIn(state) > 0) return nothing
  const { orderId, lines, expiresAtMillis } = state
  const held = lines.filter(({ answer }) => answer === "held")
  if (held.length === lines.length) {
    const reserved = held.map((line) => ({ ...plain(line), backOrdered: line.backOrdered }))
    return [{ _tag: "ItemsReserved", orderId, lines: reserved, expiresAtMillis }]
  }
  const shortages = lines
    .filter(({ answer }) => answer === "short")
    .map(({ sku, location, quantity, available }) => ({ sku, location, requested: quantity, available }))
  return [{ _tag: "ReservationRefused", orderId, lines: held.map(plain), expiresAtMillis, shortages }]
}

function recordHold({ sku, location, backOrdered }: CommandOf<"RecordHold">, state: State): Outcome {
  return recordAnswer(state, { sku, location }, (line) => ({
    _tag: "LineHeld",
    orderId: state.orderId,
    ...plain(line),
    backOrdered
  }))
}

function recordShortage({ sku, location, available }: CommandOf<"RecordShortage">, state: State): Outcome {
  return recordAnswer(state, { sku, location }, ({ quantity }) => ({
    _tag: "LineShort",
    orderId: state.orderId,
    sku,
    location,
    requested: quantity,
    available
  }))
}

function extend(
  limits: ReservationLimits,
  { expiresAtMillis, nowMillis }: CommandOf<"ExtendReservation">,
  state: State
): Outcome {
  const refusal = refuseUnlessReserved(state)
  if (refusal !== undefined) return refusal
  const { orderId, lines, expiresAtMillis: expiresAtMillisBefore } = state
  // Also an older extension that comes late: the items are held for longer than it asks.
  if (expiresAtMillis <= expiresAtMillisBefore) return nothing
  if (nowMillis >= expiresAtMillisBefore) return extensionTooLate(orderId, expiresAtMillisBefore, nowMillis)
  return (
    refuseExpiry(limits, { expiresAtMillis, nowMillis }) ?? [
      { _tag: "ReservationExtended", orderId, lines: lines.map(plain), expiresAtMillisBefore, expiresAtMillis }
    ]
  )
}

/** Asks no clock: until the expiry is recorded the stock is held, and an order that is paid for should have it. */
function commit(state: State): Outcome {
  if (state.status === "committed") return nothing
  const { orderId, lines } = state
  return refuseUnlessReserved(state) ?? [{ _tag: "ReservationCommitted", orderId, lines: lines.map(plain) }]
}

const isLive = (status: ReservationStatus): boolean => status === "pending" || status === "reserved"

function release({ orderId, reason }: CommandOf<"ReleaseReservation">, state: State): Outcome {
  if (state.status === "committed") return reservationClosed(state.orderId, "committed")
  if (state.status !== "unrequested" && !isLive(state.status)) return nothing
  const { lines, expiresAtMillis } = state
  return [{ _tag: "ReservationReleased", orderId, lines: lines.map(plain), expiresAtMillis, reason }]
}

function expire({ nowMillis }: CommandOf<"ExpireReservation">, state: State): Outcome {
  if (state.status === "unrequested") return reservationNotFound()
  if (state.status === "committed") return reservationClosed(state.orderId, "committed")
  if (!isLive(state.status)) return nothing
  const { orderId, lines, expiresAtMillis } = state
  if (nowMillis < expiresAtMillis) return reservationNotExpired(orderId, expiresAtMillis, nowMillis)
  return [{ _tag: "ReservationExpired", orderId, lines: lines.map(plain), expiresAtMillis, expiredAtMillis: nowMillis }]
}

/** The reservation, with its limits. */
export const makeReservation = (
  limits: ReservationLimits = defaultReservationLimits
): Aggregate.Aggregate<State, ReservationCommand, ReservationEvent, ReservationRejection> =>
  Aggregate.make({
    name: "reservation",
    initial,
    evolve,
    decide: decide(limits),
    state: { version: 1, schema: StoredState },
    events: ReservationEvents,
    commands: ReservationCommand,
    isClosed: ({ status }) => status !== "unrequested" && !isLive(status)
  })
