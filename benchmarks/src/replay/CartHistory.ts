/**
 * A journal full of carts: what a shop leaves behind in some days, made by the cart's own rules and encoders.
 *
 * Customers fill carts side by side, so that a cart's events lie scattered among those of a thousand others, as they do in a
 * shop that is in use. Used by the `replay` benchmark.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as EventId from "@daybook/core/EventId"
import { type Append, Journal, type JournalUnavailable, type NewEvent, type Outcome } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { type Command, make, type State } from "@daybook/services/cart/Domain"
import type { CartEvent } from "@daybook/services/cart/Events"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Step, steps } from "../commands/CartLoad.ts"

/** Carts that are being filled at any time. */
export const openCarts = 1_024

/** Business time: one event a second from here on, over all carts, so that a million of them are eleven days. */
const beginsAtMillis = Date.UTC(2026, 0, 1)
const millisPerEvent = 1_000

const countries = [
  "United Kingdom",
  "Germany",
  "France",
  "EIRE",
  "Spain",
  "Netherlands",
  "Belgium",
  "Switzerland",
  null
]

const cart = make()

/** One customer, with the cart that is being filled. */
interface Customer {
  readonly index: number
  readonly next: () => Step
  turn: number
  cartId: string
  correlationId: string
  version: number
  state: State
  /** Leads to the next cart. */
  ahead: Step
}

const newCustomer = (index: number): Customer => {
  const next = steps(index)
  const ahead = next()
  return { index, next, turn: index, cartId: "", correlationId: "", version: 0, state: cart.initial, ahead }
}

/** How a cart ends: three of four are bought, one of eight expires, and one of eight stays as it is. */
const endOf = ({ turn, cartId }: Customer): ReadonlyArray<Command> => {
  const checkoutId = `checkout-${cartId}`
  if (turn % 8 < 6) {
    return [
      { _tag: "BeginCheckout", checkoutId, acceptedTotal: null },
      { _tag: "CompleteCart", checkoutId }
    ]
  }
  return turn % 8 === 6 ? [{ _tag: "AbandonCart", reason: "expired" }] : []
}

/** Minds that change: of ten lines one gets another quantity, and of twenty one goes again. */
const afterwards = ({ turn, state }: Customer): ReadonlyArray<Command> => {
  const { lineId, quantity } = state.lines.at(-1)!
  if (turn % 10 === 3) return [{ _tag: "ChangeQuantity", lineId, quantity: quantity + 1 }]
  return turn % 20 === 9 ? [{ _tag: "RemoveItem", lineId }] : []
}

/** What a customer does next: a command or two. Takes a new cart where the old one is done with. */
const commandsOf = (customer: Customer): ReadonlyArray<Command> => {
  const { ahead, state } = customer
  customer.turn++
  if (ahead.cartId !== customer.cartId) {
    const end = state.lines.length === 0 ? [] : endOf(customer)
    if (end.length > 0 && state.status === "open") return end
    customer.cartId = ahead.cartId
    customer.correlationId = ahead.sender.correlationId
    customer.state = cart.initial
    customer.version = 0
  }
  customer.ahead = customer.next()
  const { command } = ahead
  return command._tag === "OpenCart"
    ? [{ ...command, country: countries[customer.index % countries.length]! }]
    : [command]
}

/** Carries commands out as an entity would, and answers their events. */
const apply = (customer: Customer, commands: ReadonlyArray<Command>): ReadonlyArray<CartEvent> =>
  commands.flatMap((command) => {
    const outcome = Aggregate.decide(cart, command, customer.state)
    if (outcome instanceof Error) throw outcome
    customer.state = Aggregate.evolveAll(cart, customer.state, outcome)
    return outcome
  })

/** The history, one turn of every customer at a time: one append a cart. `partitions` are the journal's. */
export function* turns(partitions: number, events: number): Generator<ReadonlyArray<Append>> {
  const customers = Array.from({ length: openCarts }, (_, index) => newCustomer(index))
  let made = 0
  const stored = (customer: Customer, event: CartEvent): NewEvent => {
    const occurredAtMillis = beginsAtMillis + made++ * millisPerEvent
    return {
      ...cart.events.encode(event),
      eventId: EventId.make(occurredAtMillis),
      occurredAtMillis,
      actor: `customer-${customer.index}`,
      reason: null,
      commandId: null,
      correlationId: customer.correlationId,
      causationId: null,
      traceParent: null,
      tenant: null
    }
  }
  const turn = (customer: Customer): Append => {
    const given = commandsOf(customer)
    const happened = [...apply(customer, given)]
    if (given[0]!._tag === "AddItem") happened.push(...apply(customer, afterwards(customer)))
    const expectedVersion = customer.version
    customer.version += happened.length
    return {
      stream: Partition.streamOf(cart.name, customer.cartId),
      partition: Partition.ofId(customer.cartId, partitions),
      expectedVersion,
      events: happened.slice(0, Math.max(events - made, 0)).map((event) => stored(customer, event)),
      receipts: [],
      state: null,
      keepEvents: true
    }
  }
  while (made < events) yield customers.map(turn).filter((append) => append.events.length > 0)
}

/** Appends a history of so many events, and answers how many carts there are. A turn is made while the one before is stored. */
export const writeHistory = (events: number) =>
  Effect.gen(function* () {
    const journal = yield* Journal
    let carts = 0
    let storing: Fiber.Fiber<void, JournalUnavailable> = yield* Effect.forkChild(Effect.void)
    for (const turn of turns(journal.partitions, events)) {
      yield* Fiber.join(storing)
      carts += turn.filter(({ expectedVersion }) => expectedVersion === 0).length
      storing = yield* Effect.forkChild(Effect.map(journal.append(turn), expectStored), { startImmediately: true })
    }
    yield* Fiber.join(storing)
    return carts
  })

const expectStored = (outcomes: ReadonlyArray<Outcome>): void => {
  const refused = outcomes.find(({ _tag }) => _tag !== "Appended")
  if (refused !== undefined) throw new Error(`An append was refused: ${JSON.stringify(refused)}`)
}
