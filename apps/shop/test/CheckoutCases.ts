/**
 * The checkouts that are crashed: what each needs, how its buyer goes about it, and what has to become of it. For tests.
 *
 * What a buyer does may be done again in a process that has taken over, as a storefront does that was not answered.
 */
import { isDeepStrictEqual } from "node:util"
import { Journal } from "@daybook/core/Journal"
import type { State } from "@daybook/core/Saga"
import { Carts } from "@daybook/services/cart/Cart"
import { CartQueries } from "@daybook/services/cart/Queries"
import { Checkouts, CheckoutView } from "@daybook/services/checkout/Checkout"
import * as Saga from "@daybook/services/checkout/Saga"
import { StockItems } from "@daybook/services/inventory/Entities"
import { InventoryQueries } from "@daybook/services/inventory/Queries"
import { stockItemId } from "@daybook/services/inventory/StockItemState"
import { Orders } from "@daybook/services/order/Order"
import { OrderQueries } from "@daybook/services/order/Queries"
import { ProviderSimulator } from "@daybook/services/payment/ProviderSimulator"
import { PaymentQueries } from "@daybook/services/payment/Queries"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Answers, Outside, Process } from "./CheckoutProcess.ts"

/** A checkout: two of a thing for 15.00. */
export interface Scenario {
  readonly name: string
  readonly stock: number
  readonly token: string
  /** Whether the buyer cancels the order while the stock is being reserved. */
  readonly isCancelled: boolean
  readonly ends: Ends
}

/** What has to become of a checkout, whatever dies on the way. */
export interface Ends {
  readonly checkout: readonly [status: string, reason: string | null]
  readonly cart: string
  readonly order: readonly [status: string, reason: string | null]
  readonly reservation: string
  readonly stock: { readonly onHand: number; readonly reserved: number; readonly committed: number }
  readonly payment: readonly [status: string, heldMinor: number, operations: number] | null
  /** What the provider's own books say is held. */
  readonly providerHoldsMinor: number
  /** All that has happened to each, in order: nothing twice. */
  readonly happened: Readonly<Record<"cart" | "order" | "reservation" | "stock" | "payment", ReadonlyArray<string>>>
}

const filled = ["CartOpened", "ItemAdded", "CheckoutBegun"]
const received = ["StockReceived", "StockReplenished"]

const bought: Ends = {
  checkout: ["completed", null],
  cart: "completed",
  order: ["confirmed", null],
  reservation: "committed",
  stock: { onHand: 5, reserved: 0, committed: 2 },
  payment: ["authorised", 1_500, 1],
  providerHoldsMinor: 1_500,
  happened: {
    cart: [...filled, "CartCompleted"],
    order: ["OrderPlaced", "OrderConfirmed"],
    reservation: ["ReservationRequested", "LineHeld", "ItemsReserved", "ReservationCommitted"],
    stock: [...received, "StockReserved", "StockCommitted"],
    payment: ["AuthorisationRequested", "PaymentAuthorised"]
  }
}

/** Everything was held, and let go. */
const undone: Ends = {
  checkout: ["compensated", "declined"],
  cart: "open",
  order: ["rejected", "payment-declined"],
  reservation: "released",
  stock: { onHand: 5, reserved: 0, committed: 0 },
  payment: ["declined", 0, 1],
  providerHoldsMinor: 0,
  happened: {
    cart: [...filled, "CartRestored"],
    order: ["OrderPlaced", "OrderRejected"],
    reservation: ["ReservationRequested", "LineHeld", "ItemsReserved", "ReservationReleased"],
    stock: [...received, "StockReserved", "StockReleased"],
    payment: ["AuthorisationRequested", "AuthorisationDeclined"]
  }
}

const short: Ends = {
  ...undone,
  checkout: ["compensated", "shortage"],
  order: ["rejected", "shortage"],
  reservation: "refused",
  stock: { onHand: 1, reserved: 0, committed: 0 },
  payment: null,
  happened: {
    ...undone.happened,
    reservation: ["ReservationRequested", "LineShort", "ReservationRefused"],
    stock: [...received, "StockRefused"],
    payment: []
  }
}

const cancelled: Ends = {
  ...undone,
  checkout: ["compensated", "cancelled"],
  order: ["cancelled", null],
  payment: null,
  happened: { ...undone.happened, order: ["OrderPlaced", "CancellationRequested", "OrderCancelled"], payment: [] }
}

const usual = { stock: 5, token: "tok_approve", isCancelled: false }

/** The checkouts that are crashed. */
export const scenarios: ReadonlyArray<Scenario> = [
  { ...usual, name: "is paid", ends: bought },
  { ...usual, name: "meets a shortage", stock: 1, ends: short },
  { ...usual, name: "is declined", token: "tok_decline", ends: undone },
  { ...usual, name: "is paid, which shows only after a time-out", token: "tok_timeout", ends: bought },
  { ...usual, name: "is cancelled before the payment", isCancelled: true, ends: cancelled }
]

const location = "main"
const skuOf = (id: string): string => `sku-${id}`
const cartOf = (id: string): string => `cart-${id}`
const itemOf = (id: string) => ({ sku: skuOf(id), location })

const within =
  (process: Process) =>
  <A, E>(effect: Effect.Effect<A, E, Answers>): Effect.Effect<A, E> =>
    Effect.provideContext(effect, process.answers)

const pause = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 5)))

/** Far longer than anything takes: who waits for longer waits in vain. */
const longestWaitMillis = 60_000

/** Looks again and again, until something is found. */
export const until = <A, E, R>(what: string, find: Effect.Effect<A | undefined, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const givenUpAt = (yield* Clock.currentTimeMillis) + longestWaitMillis
    while ((yield* Clock.currentTimeMillis) < givenUpAt) {
      const found = yield* find
      if (found !== undefined) return found
      yield* pause
    }
    return yield* Effect.die(new Error(`Waited in vain until ${what}`))
  })

const when = (condition: boolean): true | undefined => (condition ? true : undefined)

/** Fills a buyer's cart, and the shelf. */
export const prepare = (id: string, { stock }: Scenario, process: Process) =>
  Effect.gen(function* () {
    const [carts, items, inventory] = [yield* Carts, yield* StockItems, yield* InventoryQueries]
    const item = itemOf(id)
    yield* items.execute(stockItemId(item), { _tag: "ReceiveStock", ...item, quantity: stock, reference: "delivery" })
    yield* carts.execute(cartOf(id), { _tag: "OpenCart", customerId: id, country: null, currency: "GBP" })
    const line = { lineId: "1", sku: skuOf(id), description: "A thing", quantity: 2 }
    const unitPrice = { amountMinor: 750, currency: "GBP" }
    yield* carts.execute(cartOf(id), { _tag: "AddItem", ...line, unitPrice })
    // The reservation looks for locations in the read model.
    yield* until(
      `the stock of ${id} shows`,
      Effect.map(inventory.level(item), (level) => when(Option.isSome(level)))
    )
  }).pipe(within(process))

/** Cancels the order that the checkout has placed, while its items are being reserved, and waits until that has been heard. */
const cancel = (id: string) =>
  Effect.gen(function* () {
    const [checkouts, orders] = [yield* Checkouts, yield* Orders]
    const isCancelled = ({ cancellation }: State) => cancellation !== null
    const isReserving = ({ pending }: State) => pending?.step === Saga.step.reserve
    const untilIt = (what: string, is: (checkout: State) => boolean) =>
      until(
        `checkout ${id} ${what}`,
        Effect.map(checkouts.read(id), ({ state }) => when(is(state)))
      )
    yield* untilIt("reserves its items", (checkout) => isReserving(checkout) || isCancelled(checkout))
    yield* orders.execute(id, { _tag: "RequestCancellation", cancellationId: "wish" }, options(id, "cancel"))
    yield* untilIt("is cancelled", isCancelled)
  })

/** Checks out, and waits until that has come to an end. */
export const checkOut = (id: string, { token, isCancelled }: Scenario, process: Process) =>
  Effect.gen(function* () {
    const [checkouts, view] = [yield* Checkouts, yield* CheckoutView]
    const paymentMethod = { token, brand: null, last4: null }
    const data = { cartId: cartOf(id), cartVersion: null, acceptedTotal: null, paymentMethod }
    const nowMillis = yield* Clock.currentTimeMillis
    yield* checkouts.execute(id, { _tag: "Start", sagaId: id, data, nowMillis }, options(id, "start"))
    if (isCancelled) yield* cancel(id)
    yield* process.startInventory
    yield* until(
      `checkout ${id} is at an end`,
      Effect.map(view.get(id), (row) =>
        when(Option.isSome(row) && ["completed", "compensated", "needs-attention"].includes(row.value.status))
      )
    )
  }).pipe(within(process))

const options = (id: string, what: string) => ({ commandId: `${what}-${id}`, correlationId: id })

/** How the provider was asked is not part of the outcome, and neither is whether its notification was needed. */
const asking: ReadonlyArray<string> = [
  "ProviderCallBegun",
  "OutcomeUnknown",
  "OperationNotFound",
  "NotificationRecorded"
]

const happenedTo = (outside: Outside, service: keyof Outside["ports"], stream: string) =>
  Effect.map(Context.get(outside.ports[service], Journal).readStream(stream), (events) =>
    events.map(({ type }) => type).filter((type) => !asking.includes(type))
  )

/** Whether that has become of a checkout what should. */
export const isAsItEnds = (found: Ends, { ends }: Scenario): boolean => isDeepStrictEqual(found, ends)

/** What has become of a checkout, as its users see it, and all that has happened. */
export const outcomeOf = (id: string, outside: Outside, process: Process) =>
  Effect.gen(function* () {
    const inventory = yield* InventoryQueries
    const checkout = Option.getOrUndefined(yield* (yield* CheckoutView).get(id))
    const cart = Option.getOrUndefined(yield* (yield* CartQueries).cart(cartOf(id)))
    const order = Option.getOrUndefined(yield* (yield* OrderQueries).order(id))
    const payment = Option.getOrUndefined(yield* (yield* PaymentQueries).payment(id))
    const level = Option.getOrUndefined(yield* inventory.level(itemOf(id)))
    const { onHand, reserved, committed } = level ?? { onHand: 0, reserved: 0, committed: 0 }
    const ledger = yield* (yield* ProviderSimulator).ledger(id)
    const found: Ends = {
      checkout: [checkout?.status ?? "none", checkout?.reason ?? null],
      cart: cart?.status ?? "none",
      order: [order?.status ?? "none", order?.rejection?.reason ?? null],
      reservation: Option.getOrUndefined(yield* inventory.reservation(id))?.status ?? "none",
      stock: { onHand, reserved, committed },
      payment: payment === undefined ? null : [payment.status, payment.held.amountMinor, payment.operations.length],
      providerHoldsMinor: ledger.heldMinor,
      happened: {
        cart: yield* happenedTo(outside, "cart", `cart-${cartOf(id)}`),
        order: yield* happenedTo(outside, "order", `order-${id}`),
        reservation: yield* happenedTo(outside, "inventory", `reservation-${id}`),
        stock: yield* happenedTo(outside, "inventory", `stockitem-${stockItemId(itemOf(id))}`),
        payment: yield* happenedTo(outside, "payment", `payment-${id}`)
      }
    }
    return found
  }).pipe(within(process))
