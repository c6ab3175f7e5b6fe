/**
 * The cart: what may be done with it, and why not. Pure and synchronous: prices, ids and whatever else had to be looked up
 * arrive inside the commands.
 *
 * A command whose effect is there already does nothing, whatever the cart's status, so that every command may be sent again.
 * Any other command is refused unless the cart is open.
 */
import * as Aggregate from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Money from "../Money.ts"
import { Id, Text } from "../Text.ts"
import { AbandonReason, type CartEvent, CartEvents, type Line, RestoreReason, Shortage, Status } from "./Events.ts"
import {
  cartAlreadyOpened,
  cartNotFound,
  cartTooLarge,
  checkoutMismatch,
  currencyMismatch,
  emptyCart,
  lineIdTaken,
  notOpen,
  quantityOutOfRange,
  type Rejection,
  tooManyLines,
  totalChanged,
  totalTooLarge,
  unknownLine
} from "./Rejection.ts"

// --- state ---

export interface State {
  readonly status: typeof Status.Type
  readonly customerId: string | null
  readonly country: string | null
  /** `XXX` until the cart is opened. */
  readonly currency: string
  /** In the order in which they were added. Plain arrays do: 1,100 additions replay in a few milliseconds. */
  readonly lines: ReadonlyArray<Line>
  /** The sum of quantity × price. Always a safe integer. */
  readonly totalMinor: number
  /** The checkout that is under way, or else the last one. */
  readonly checkoutId: string | null
  /** The newest of the lines that were removed, at most `remembered`. */
  readonly removedLineIds: ReadonlyArray<string>
  /** The newest of the guest carts that were merged into this one, at most `remembered`. */
  readonly mergedCartIds: ReadonlyArray<string>
}

export const initial: State = {
  status: "unopened",
  customerId: null,
  country: null,
  currency: Money.noCurrency,
  lines: [],
  totalMinor: 0,
  checkoutId: null,
  removedLineIds: [],
  mergedCartIds: []
}

/**
 * How many removed lines and merged carts are remembered, to recognise a repeated command. Repetitions come within seconds,
 * and a cart that is edited for months must not grow by it.
 */
export const remembered = 100

/** A line on disk: id, SKU, description, quantity, unit price in minor units of the cart's currency. */
const StoredLine = Schema.Tuple([Schema.String, Schema.String, Schema.String, Schema.Int, Schema.Int])

const StoredState = Schema.Struct({
  status: Status,
  customerId: Schema.NullOr(Schema.String),
  country: Schema.NullOr(Schema.String),
  currency: Money.CurrencyCode,
  lines: Schema.Array(StoredLine),
  totalMinor: Schema.Int,
  checkoutId: Schema.NullOr(Schema.String),
  removedLineIds: Schema.Array(Schema.String),
  mergedCartIds: Schema.Array(Schema.String)
})

/**
 * The stored form of a cart. It is written again and again at levels 1 and 2, so that its size counts: a tuple for each line takes
 * less than half of what named fields take. The decoded side is only declared, since checking each line twice would cost more
 * than the rest of the encoding.
 */
const StateSchema: Schema.Codec<State, typeof StoredState.Encoded> = StoredState.pipe(
  Schema.decodeTo(
    Schema.declare((value): value is State => typeof value === "object" && value !== null && "lines" in value),
    SchemaTransformation.transform({
      decode: (stored): State => ({
        ...stored,
        lines: stored.lines.map(([lineId, sku, description, quantity, amountMinor]) => ({
          lineId,
          sku,
          description,
          quantity,
          unitPrice: { amountMinor, currency: stored.currency }
        }))
      }),
      encode: (state) => ({
        ...state,
        lines: state.lines.map(
          ({ lineId, sku, description, quantity, unitPrice }) =>
            [lineId, sku, description, quantity, unitPrice.amountMinor] as const
        )
      })
    })
  )
)

const totalOf = (state: State): Money.Money => ({ amountMinor: state.totalMinor, currency: state.currency })

// --- commands ---

const NewLine = Schema.Struct({
  lineId: Id,
  sku: Id,
  description: Text(200),
  quantity: Schema.Int,
  unitPrice: Money.Price
})

/**
 * The commands.
 * Line ids and checkout ids are the sender's to choose; the same id again means the same line or checkout again.
 */
export const Command = Schema.TaggedUnion({
  /** `country` is a name as the business gives it, which may be none of ISO 3166's. */
  OpenCart: { customerId: Schema.NullOr(Id), country: Schema.NullOr(Text(100)), currency: Money.Currency },
  /** The sender has looked the price and the description up. */
  AddItem: NewLine.fields,
  ChangeQuantity: { lineId: Id, quantity: Schema.Int },
  RemoveItem: { lineId: Id },
  /**
   * Takes a guest cart's lines over when its owner signs in. Abandon the guest cart as `merged` first, so that nothing can be
   * added to it meanwhile. Line ids are ids for this cart.
   */
  MergeGuestCart: { guestCartId: Id, lines: Schema.Array(NewLine) },
  /** `acceptedTotal` is what the buyer was shown, if anything. */
  BeginCheckout: { checkoutId: Id, acceptedTotal: Schema.NullOr(Money.Price) },
  CompleteCart: { checkoutId: Id },
  /** Ends the checkout without a sale; with `null`, picks an abandoned cart up again. */
  RestoreCart: { checkoutId: Schema.NullOr(Id), reason: RestoreReason, shortages: Schema.Array(Shortage) },
  AbandonCart: { reason: AbandonReason }
})

export type Command = typeof Command.Type

type CommandOf<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>

/** How much a cart takes. */
export interface Limits {
  /** Largest quantity of a line. */
  readonly maxQuantity: number
  /** Most lines at a time. */
  readonly maxLines: number
  /** Largest content that is checked out, in bytes of JSON. */
  readonly maxContentBytes: number
}

/**
 * Quantity: wholesale buyers do order 80,995 paper birds at once (UCI Online Retail), while a digit too many should still be
 * caught. Lines: invoices of 1,114 occur. Content: a cart goes to other services whole, and comes back in an order with tax on every
 * line, in messages of at most 1 MB (Kafka's default).
 */
export const defaultLimits: Limits = { maxQuantity: 100_000, maxLines: 2_000, maxContentBytes: 800_000 }

const contentBytes = (lines: ReadonlyArray<Line>): number => new TextEncoder().encode(JSON.stringify(lines)).length

// --- rejections: their types and texts are in Rejection.ts ---

const lineOf = (state: State, lineId: string): Line | undefined => state.lines.find((line) => line.lineId === lineId)

const refuseUnlessOpen = (state: State): Rejection | undefined =>
  state.status === "open" ? undefined : notOpen(state.status, state.checkoutId)

const refuseLineId = (state: State, lineId: string, holder: Line | undefined): Rejection | undefined =>
  holder !== undefined || state.removedLineIds.includes(lineId) ? lineIdTaken(lineId, holder) : undefined

const refuseCurrency = (state: State, price: Money.Money): Rejection | undefined =>
  price.currency === state.currency ? undefined : currencyMismatch(state.currency, price)

const refuseQuantity = (limits: Limits, lineId: string, quantity: number): Rejection | undefined =>
  quantity >= 1 && quantity <= limits.maxQuantity ? undefined : quantityOutOfRange(lineId, quantity, limits.maxQuantity)

const refuseFull = (limits: Limits, state: State): Rejection | undefined =>
  state.lines.length < limits.maxLines ? undefined : tooManyLines(limits.maxLines)

/** `more` is by how much the quantity of the line grows. */
const refuseTotal = (state: State, { lineId, unitPrice }: Line, more: number): Rejection | undefined =>
  Number.isSafeInteger(state.totalMinor + more * unitPrice.amountMinor)
    ? undefined
    : totalTooLarge(lineId, unitPrice, more, totalOf(state))

// --- evolve ---

const remember = (ids: ReadonlyArray<string>, id: string): ReadonlyArray<string> => [...ids, id].slice(-remembered)

const amountOf = (line: Line): number => line.quantity * line.unitPrice.amountMinor

export const evolve: Aggregate.Evolve<State, CartEvent> = {
  CartOpened: (state, { customerId, country, currency }) => ({
    ...state,
    status: "open",
    customerId,
    country,
    currency
  }),
  ItemAdded: (state, { _tag, ...line }) => ({
    ...state,
    // Not spread: a list that grows that way gets half as much room again as it needs, for as long as the cart is in memory.
    lines: state.lines.concat([line]),
    totalMinor: state.totalMinor + amountOf(line)
  }),
  QuantityChanged: (state, { lineId, quantity }) => {
    const before = lineOf(state, lineId)
    if (before === undefined) return state
    const after = { ...before, quantity }
    return {
      ...state,
      lines: state.lines.map((line) => (line === before ? after : line)),
      totalMinor: state.totalMinor - amountOf(before) + amountOf(after)
    }
  },
  ItemRemoved: (state, { lineId }) => {
    const removed = lineOf(state, lineId)
    if (removed === undefined) return state
    return {
      ...state,
      lines: state.lines.filter((line) => line !== removed),
      totalMinor: state.totalMinor - amountOf(removed),
      removedLineIds: remember(state.removedLineIds, lineId)
    }
  },
  GuestCartMerged: (state, { guestCartId }) => ({
    ...state,
    mergedCartIds: remember(state.mergedCartIds, guestCartId)
  }),
  CheckoutBegun: (state, { checkoutId }) => ({ ...state, status: "checking-out", checkoutId }),
  CartCompleted: (state) => ({ ...state, status: "completed" }),
  CartRestored: (state) => ({ ...state, status: "open" }),
  CartAbandoned: (state, { reason }) => ({ ...state, status: reason === "merged" ? "merged" : "abandoned" })
}

// --- decide ---

type Outcome = ReadonlyArray<CartEvent> | Rejection

const nothing: ReadonlyArray<CartEvent> = []

const decide = (limits: Limits): Aggregate.Decide<State, Command, CartEvent, Rejection> => ({
  OpenCart: openCart,
  AddItem: (command, state) => addItem(limits, command, state),
  ChangeQuantity: (command, state) => changeQuantity(limits, command, state),
  RemoveItem: removeItem,
  MergeGuestCart: (command, state) => mergeGuestCart(limits, command, state),
  BeginCheckout: (command, state) => beginCheckout(limits, command, state),
  CompleteCart: completeCart,
  RestoreCart: restoreCart,
  AbandonCart: abandonCart
})

function openCart({ customerId, country, currency }: CommandOf<"OpenCart">, state: State): Outcome {
  if (state.status === "unopened") return [{ _tag: "CartOpened", customerId, country, currency }]
  const same = state.customerId === customerId && state.country === country && state.currency === currency
  return same ? nothing : cartAlreadyOpened(state, { customerId, country, currency })
}

function addItem(limits: Limits, item: typeof NewLine.Type, state: State): Outcome {
  const { lineId, sku, description, quantity, unitPrice } = item
  const line: Line = { lineId, sku, description, quantity, unitPrice }
  const holder = lineOf(state, lineId)
  if (holder !== undefined && isSameLine(holder, line)) return nothing
  return (
    refuseUnlessOpen(state) ??
    refuseLineId(state, lineId, holder) ??
    refuseCurrency(state, unitPrice) ??
    refuseQuantity(limits, lineId, quantity) ??
    refuseFull(limits, state) ??
    refuseTotal(state, line, quantity) ?? [{ _tag: "ItemAdded", ...line }]
  )
}

const isSameLine = (a: Line, b: Line): boolean =>
  a.sku === b.sku &&
  a.description === b.description &&
  a.quantity === b.quantity &&
  Money.equals(a.unitPrice, b.unitPrice)

function changeQuantity(
  limits: Limits,
  { lineId, quantity }: Pick<CommandOf<"ChangeQuantity">, "lineId" | "quantity">,
  state: State
): Outcome {
  const line = lineOf(state, lineId)
  if (line === undefined) return refuseUnlessOpen(state) ?? unknownLine(lineId, state.lines.length)
  if (line.quantity === quantity) return nothing
  return (
    refuseUnlessOpen(state) ??
    refuseQuantity(limits, lineId, quantity) ??
    refuseTotal(state, line, quantity - line.quantity) ?? [
      { _tag: "QuantityChanged", lineId, quantityBefore: line.quantity, quantity }
    ]
  )
}

function removeItem({ lineId }: CommandOf<"RemoveItem">, state: State): Outcome {
  const line = lineOf(state, lineId)
  if (line === undefined && state.removedLineIds.includes(lineId)) return nothing
  if (line === undefined) return refuseUnlessOpen(state) ?? unknownLine(lineId, state.lines.length)
  return refuseUnlessOpen(state) ?? [{ _tag: "ItemRemoved", lineId, sku: line.sku, quantity: line.quantity }]
}

/** What both carts hold of one product at one price becomes one line; everything else is added. All or nothing. */
function mergeGuestCart(limits: Limits, { guestCartId, lines }: CommandOf<"MergeGuestCart">, state: State): Outcome {
  if (state.mergedCartIds.includes(guestCartId)) return nothing
  const closed = refuseUnlessOpen(state)
  if (closed !== undefined) return closed
  const events: Array<CartEvent> = []
  let merged = state
  for (const line of lines) {
    const outcome = mergeLine(limits, line, merged)
    if (outcome instanceof Error) return outcome
    events.push(...outcome)
    merged = Aggregate.evolveAll({ evolve }, merged, outcome)
  }
  return events.length === 0 ? nothing : [...events, { _tag: "GuestCartMerged", guestCartId }]
}

const mergeLine = (limits: Limits, line: typeof NewLine.Type, state: State): Outcome => {
  const alike = state.lines.find(({ sku, unitPrice }) => sku === line.sku && Money.equals(unitPrice, line.unitPrice))
  if (alike === undefined) return addItem(limits, line, state)
  const { lineId } = alike
  return (
    refuseQuantity(limits, line.lineId, line.quantity) ??
    changeQuantity(limits, { lineId, quantity: alike.quantity + line.quantity }, state)
  )
}

function beginCheckout(limits: Limits, command: CommandOf<"BeginCheckout">, state: State): Outcome {
  const { checkoutId, acceptedTotal } = command
  const known = state.checkoutId === checkoutId
  if (known && (state.status === "checking-out" || state.status === "completed")) return nothing
  const closed = refuseUnlessOpen(state)
  if (closed !== undefined) return closed
  if (known) return checkoutMismatch(checkoutId, state)
  if (state.lines.length === 0) return emptyCart()
  const total = totalOf(state)
  if (acceptedTotal !== null && !Money.equals(acceptedTotal, total)) return totalChanged(acceptedTotal, total)
  const { customerId, country, lines } = state
  const bytes = contentBytes(lines)
  if (bytes > limits.maxContentBytes) return cartTooLarge(lines.length, bytes, limits.maxContentBytes)
  return [{ _tag: "CheckoutBegun", checkoutId, customerId, country, total, lines }]
}

function completeCart({ checkoutId }: CommandOf<"CompleteCart">, state: State): Outcome {
  if (state.status === "unopened") return cartNotFound()
  const known = state.checkoutId === checkoutId
  if (known && state.status === "completed") return nothing
  if (known && state.status === "checking-out") return [{ _tag: "CartCompleted", checkoutId }]
  return checkoutMismatch(checkoutId, state)
}

/** A restore that comes late must not thaw a cart that a later checkout has frozen; hence the checkout's id. */
function restoreCart({ checkoutId, reason, shortages }: CommandOf<"RestoreCart">, state: State): Outcome {
  if (state.status === "unopened") return cartNotFound()
  const restored: Outcome = [{ _tag: "CartRestored", checkoutId, reason, shortages }]
  if (checkoutId === null) return state.status === "abandoned" ? restored : (refuseUnlessOpen(state) ?? nothing)
  if (state.checkoutId !== checkoutId || state.status === "completed") return checkoutMismatch(checkoutId, state)
  return state.status === "checking-out" ? restored : nothing
}

/** A cart that was given up for another reason can still be merged: its owner has come back and signed in. */
function abandonCart({ reason }: CommandOf<"AbandonCart">, state: State): Outcome {
  if (state.status === "merged" || (state.status === "abandoned" && reason !== "merged")) return nothing
  const { customerId, country, lines } = state
  const abandoned: Outcome = [
    { _tag: "CartAbandoned", reason, customerId, country, total: totalOf(state), lineCount: lines.length }
  ]
  return state.status === "abandoned" ? abandoned : (refuseUnlessOpen(state) ?? abandoned)
}

/** The cart, with its limits. */
export const make = (limits: Limits = defaultLimits): Aggregate.Aggregate<State, Command, CartEvent, Rejection> =>
  Aggregate.make({
    name: "cart",
    initial,
    evolve,
    decide: decide(limits),
    state: { version: 1, schema: StateSchema },
    events: CartEvents,
    commands: Command,
    isClosed: ({ status }) => status === "completed" || status === "abandoned" || status === "merged"
  })
