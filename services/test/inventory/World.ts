/**
 * A world of stock items and reservations without I/O, in which everything goes wrong that a network and a crash can do: messages
 * arrive in any order, more than once, and late; readers die and send again what followed from any earlier event; the clocks of
 * servers differ. No message is recognised by its id: the domain alone has to cope.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Reservation from "../../src/inventory/ReservationDomain.ts"
import type { ReservationEvent, ReservationLine } from "../../src/inventory/ReservationEvents.ts"
import {
  answerAfter,
  arrivalAfter,
  type Dispatch,
  stockCommandsAfter,
  stockCommandsFor
} from "../../src/inventory/ReservationProcess.ts"
import * as StockItem from "../../src/inventory/StockItemDomain.ts"
import type { StockItemEvent } from "../../src/inventory/StockItemEvents.ts"
import * as StockItemState from "../../src/inventory/StockItemState.ts"
import { hour, noon } from "./Given.ts"

const stockItem = StockItem.makeStockItem()
const reservation = Reservation.makeReservation()

type Message =
  | { readonly to: "stockitem"; readonly dispatch: Dispatch<StockItem.StockItemCommand> }
  | { readonly to: "reservation"; readonly dispatch: Dispatch<Reservation.ReservationCommand> }

/** What a buyer does once the reservation has its answer. The timer runs for every order. */
export type Plan = "commit" | "release" | "waver" | "extend" | "leave"

/** Chances in a thousand, for each step. */
export interface Faults {
  readonly duplicate: number
  readonly redeliver: number
  /** That an hour or two go by. */
  readonly jump: number
}

/** Random numbers from 0 to 2^32 − 1 (mulberry32): a seed is all that a failure has to name. */
export const randomFrom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  const mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  const again = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return (again ^ (again >>> 14)) >>> 0
}

/** From then on nothing goes wrong any more, or nothing would come to an end. */
const faultySteps = 2000

class Stream<State, Event> {
  state: State
  readonly events: Array<Event> = []

  constructor(state: State) {
    this.state = state
  }
}

export class World {
  readonly stock = new Map<string, Stream<StockItemState.State, StockItemEvent>>()
  readonly reservations = new Map<string, Stream<Reservation.State, ReservationEvent>>()
  readonly #choose: () => number
  readonly #faults: Faults
  readonly #bag: Array<Message> = []
  readonly #waiting = new Set<Message>()
  #progress = false
  #nowMillis = noon
  #steps = 0

  constructor(seed: number, faults: Faults) {
    this.#choose = randomFrom(seed)
    this.#faults = faults
  }

  get #faulty(): boolean {
    return this.#steps < faultySteps
  }

  #chance(inAThousand: number): boolean {
    return this.#choose() % 1000 < inAThousand
  }

  /** The clock of some server. */
  #clock(): number {
    return this.#nowMillis + (this.#choose() % 1500) * 1000 - 750_000
  }

  toStock(command: StockItem.StockItemCommand): void {
    const id = StockItemState.stockItemId(command)
    this.#bag.push({ to: "stockitem", dispatch: { id, commandId: "", command } })
  }

  toReservation(id: string, command: Reservation.ReservationCommand): void {
    this.#bag.push({ to: "reservation", dispatch: { id, commandId: "", command } })
  }

  /** An order, what its buyer will do about it, and the timer. */
  order(orderId: string, lines: ReadonlyArray<ReservationLine>, plan: Plan): void {
    const expiresAtMillis = this.#nowMillis + hour
    this.toReservation(orderId, {
      _tag: "ReserveItems",
      orderId,
      lines: [...lines],
      expiresAtMillis,
      nowMillis: this.#nowMillis
    })
    this.toReservation(orderId, { _tag: "ExpireReservation", nowMillis: 0 })
    if (plan === "commit" || plan === "waver") this.toReservation(orderId, { _tag: "CommitReservation" })
    if (plan === "release" || plan === "waver")
      this.toReservation(orderId, { _tag: "ReleaseReservation", orderId, reason: "cancelled" })
    if (plan === "extend") {
      const later = expiresAtMillis + hour
      this.toReservation(orderId, { _tag: "ExtendReservation", expiresAtMillis: later, nowMillis: 0 })
    }
  }

  /** Delivers until nothing is left. `onStep` sees the world after every message. */
  run(onStep: () => void = () => {}): void {
    while (this.#bag.length + this.#waiting.size > 0) {
      if (this.#steps++ > 100_000) throw new Error("messages do not come to an end")
      this.#nowMillis += this.#chance(this.#faults.jump) ? 2 * hour : 1
      if (this.#bag.length === 0 || (this.#faulty && this.#chance(50))) this.#retry()
      const i = this.#choose() % this.#bag.length
      const message = this.#bag[i]!
      if (!this.#faulty || !this.#chance(this.#faults.duplicate)) {
        this.#bag[i] = this.#bag.at(-1)!
        this.#bag.pop()
      }
      this.#deliver(message)
      if (this.#faulty && this.#chance(this.#faults.redeliver)) this.#redeliver()
      onStep()
    }
  }

  /** Those who wait try again. When everybody waits and nothing has happened since the last time, they wait for the time. */
  #retry(): void {
    if (this.#bag.length === 0) {
      if (!this.#progress) this.#nowMillis += 2 * hour
      this.#progress = false
    }
    this.#bag.push(...this.#waiting)
    this.#waiting.clear()
    if (this.#bag.length === 0) throw new Error("nobody has anything to send")
  }

  /** Sends all that the reservations' states ask for, as a reconciler does. */
  reconcile(): void {
    for (const { state } of this.reservations.values()) {
      this.#send(stockCommandsFor(state, this.#nowMillis))
    }
  }

  #send(dispatches: ReadonlyArray<Dispatch<StockItem.StockItemCommand>>): void {
    for (const dispatch of dispatches) this.#bag.push({ to: "stockitem", dispatch })
  }

  #deliver(message: Message): void {
    const { id } = message.dispatch
    if (message.to === "stockitem") this.#deliverToStock(id, message)
    else this.#deliverToReservation(id, message)
  }

  #deliverToStock(id: string, message: Extract<Message, { readonly to: "stockitem" }>): void {
    const sent = message.dispatch.command
    const stream = this.stock.get(id) ?? new Stream(StockItemState.initial)
    this.stock.set(id, stream)
    const command = "nowMillis" in sent ? { ...sent, nowMillis: this.#clock() } : sent
    const outcome = Aggregate.decide(stockItem, command, stream.state)
    if (outcome instanceof Error) {
      // Whoever packs the goods waits until the commitment has come through.
      if (outcome._tag === "HoldNotCommitted") this.#waiting.add(message)
      return
    }
    stream.state = Aggregate.evolveAll(stockItem, stream.state, outcome)
    if (outcome.length > 0) this.#progress = true
    for (const event of outcome) {
      stream.events.push(event)
      this.#followStock(event)
    }
  }

  #deliverToReservation(id: string, message: Extract<Message, { readonly to: "reservation" }>): void {
    const sent = message.dispatch.command
    const stream = this.reservations.get(id) ?? new Stream(Reservation.initial)
    this.reservations.set(id, stream)
    const timed = sent._tag === "ExpireReservation" || sent._tag === "ExtendReservation"
    const command = timed ? { ...sent, nowMillis: this.#clock() } : sent
    const outcome = Aggregate.decide(reservation, command, stream.state)
    if (outcome instanceof Error) {
      // Whoever waits for the stock items, the time, or the request, tries again.
      const later = ["ReservationPending", "ReservationNotExpired", "ReservationNotFound"].includes(outcome._tag)
      if (later) this.#waiting.add(message)
      return
    }
    stream.state = Aggregate.evolveAll(reservation, stream.state, outcome)
    if (outcome.length > 0) this.#progress = true
    for (const event of outcome) {
      stream.events.push(event)
      this.#followReservation(event)
    }
  }

  #followStock(event: StockItemEvent): void {
    const answer = answerAfter(event)
    if (answer !== undefined) this.#bag.push({ to: "reservation", dispatch: answer })
    const arrival = arrivalAfter(event)
    if (arrival !== undefined) this.#send([arrival])
  }

  #followReservation(event: ReservationEvent): void {
    this.#send(stockCommandsAfter(event, this.#nowMillis))
    if (event._tag !== "ReservationCommitted") return
    for (const { sku, location, quantity } of event.lines) {
      const shipment = { sku, location, reservationId: event.orderId, reference: `shipment-${event.orderId}` }
      if (quantity % 2 === 1) this.toStock({ _tag: "ShipStock", ...shipment, quantity: Math.ceil(quantity / 2) })
    }
  }

  /** A reader died before it saved its place: what followed from some earlier event follows again. */
  #redeliver(): void {
    const ofStock = this.#choose() % 2 === 0
    const streams = [...(ofStock ? this.stock : this.reservations).values()]
    const events = streams[this.#choose() % Math.max(1, streams.length)]?.events ?? []
    const event = events[this.#choose() % Math.max(1, events.length)]
    if (event === undefined) return
    if (ofStock) this.#followStock(event as StockItemEvent)
    else this.#followReservation(event as ReservationEvent)
  }
}

/** By how much an event changes what is on hand. */
export const onHandChange = (event: StockItemEvent): number => {
  switch (event._tag) {
    case "StockReceived":
    case "StockAdjusted":
    case "StockRestocked":
    case "StockTransferredIn":
      return event.quantity
    case "StockShipped":
    case "StockTransferredOut":
      return -event.quantity
    default:
      return 0
  }
}
