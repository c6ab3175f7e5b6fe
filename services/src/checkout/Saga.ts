/**
 * The checkout as a saga: freeze the cart, place the order, reserve the items, authorise the payment, and from there on only
 * forward: commit the stock, confirm the order, complete the cart.
 *
 * One id for all of it: the checkout's is the order's, the reservation's and the payment's. Step names and the saga's name are
 * on disk. (The specification's saga diagram; its pivot is the payment.)
 */
import * as Saga from "@daybook/core/Saga"
import * as Schema from "effect/Schema"
import { CartCommands, FrozenCart } from "../cart/Contract.ts"
import { InventoryCommands } from "../inventory/Contract.ts"
import * as Money from "../Money.ts"
import { OrderCommands } from "../order/Contract.ts"
import { PaymentCommands } from "../payment/Contract.ts"
import { recipient } from "../Recipient.ts"

/** The saga's name, and prefix of its streams. */
export const name = "checkout"

/** How the buyer pays: the provider's token, and what a receipt may show. Never a card number. */
export const PaymentMethod = Schema.Struct({
  token: Schema.String,
  brand: Schema.NullOr(Schema.String),
  last4: Schema.NullOr(Schema.String)
})

/** What a checkout is started with. */
export const CheckoutData = Schema.Struct({
  cartId: Schema.String,
  /** The version of the cart that the buyer was shown; `null` where that does not matter. */
  cartVersion: Schema.NullOr(Schema.Int),
  /** What the buyer was shown and agreed to. */
  acceptedTotal: Schema.NullOr(Money.Money),
  paymentMethod: PaymentMethod,
  /** Sealed; left out where none was given. */
  recipient: Schema.optionalKey(recipient.token)
})
export type CheckoutData = typeof CheckoutData.Type

/** The reason of a checkout that gave way to its buyer's wish. */
export const cancelled = "cancelled"

/** How long things may take. */
export interface Deadlines {
  /**
   * How long the stock is held. Longer than `payment` can take in all, or it could be given away while the buyer pays. Default: two
   * days. It is a net for checkouts that come to no end; the others release what they hold themselves.
   */
  readonly holdMillis: number
  /** Patience with the cart, the order and the stock: other services of the shop, which may be restarting. */
  readonly service: Saga.Patience
  /** Patience with the payment, whose outcome may take the buyer's doing, or be unknown until the provider is back. */
  readonly payment: Saga.Patience
}

/** A command is sent again after 10 s, 20 s … 5 minutes: for over an hour; that of a payment up to every half hour, for a day. */
export const defaultDeadlines: Deadlines = {
  holdMillis: 48 * 3_600_000,
  service: { firstMillis: 10_000, maxMillis: 300_000, attempts: 18 },
  payment: { firstMillis: 60_000, maxMillis: 1_800_000, attempts: 52 }
}

type Known = Saga.Known<CheckoutData>

/** Names of the steps, for whoever hears of their outcomes. */
export const step = {
  freeze: "freeze-cart",
  order: "create-order",
  reserve: "reserve-items",
  authorise: "authorise-payment",
  commit: "commit-reservation",
  confirm: "confirm-order",
  complete: "complete-cart"
} as const

/** What inventory says of a refusal. */
export const Shortages = Schema.Array(
  Schema.Struct({ sku: Schema.String, requested: Schema.Int, available: Schema.Int })
)

/** What the payment says of an authorisation. */
export const Authorisation = Schema.Struct({ authorisationId: Schema.String })

const decodeCart = Schema.decodeUnknownSync(FrozenCart)
const decodeAuthorisation = Schema.decodeUnknownSync(Authorisation)
const isShortages = Schema.is(Schema.Struct({ shortages: Shortages }))

const cartOf = ({ answers }: Known): FrozenCart => decodeCart(answers[step.freeze])

/** Tax and shipping are nothing as long as no service works them out. */
const submitOrder = (known: Known): Saga.Outgoing => {
  const { cartId, customerId, country, total, lines } = cartOf(known)
  const { recipient } = known.data
  const nothing: Money.Money = { amountMinor: 0, currency: total.currency }
  return Saga.to(OrderCommands, known.sagaId, {
    _tag: "SubmitOrder",
    cartId,
    checkoutId: known.sagaId,
    customerId,
    country,
    lines: lines.map((line) => ({ ...line, tax: nothing })),
    goods: total,
    tax: nothing,
    shipping: nothing,
    total,
    ...(recipient === undefined ? {} : { recipient })
  })
}

const reserveItems = (known: Known, holdMillis: number): Saga.Outgoing =>
  Saga.to(InventoryCommands, known.sagaId, {
    _tag: "ReserveItems",
    orderId: known.sagaId,
    lines: cartOf(known).lines.map(({ sku, quantity }) => ({ sku, quantity })),
    holdMillis
  })

const authorise = (known: Known): Saga.Outgoing => {
  const { customerId, total } = cartOf(known)
  return Saga.to(PaymentCommands, known.sagaId, {
    _tag: "AuthorisePayment",
    orderId: known.sagaId,
    customerId,
    amount: total,
    paymentMethod: known.data.paymentMethod
  })
}

type Why = "shortage" | "payment-declined" | "cancelled" | "failed"

/** Why the checkout is being undone, in the words of its participants. */
const whyOf = ({ failure }: Known): Why => {
  if (failure === null) return "failed"
  if (failure.reason === cancelled) return "cancelled"
  if (failure.step === step.reserve && isShortages(failure.answer)) return "shortage"
  return failure.step === step.authorise ? "payment-declined" : "failed"
}

const shortagesOf = ({ failure }: Known): typeof Shortages.Type =>
  failure !== null && isShortages(failure.answer)
    ? failure.answer.shortages.map(({ sku, requested, available }) => ({ sku, requested, available }))
    : []

const undoOrder = (known: Known): Saga.Outgoing => {
  const reason = whyOf(known)
  return reason === "cancelled"
    ? Saga.to(OrderCommands, known.sagaId, { _tag: "CancelOrder", cancellationId: known.sagaId, reason: "customer" })
    : Saga.to(OrderCommands, known.sagaId, { _tag: "RejectOrder", reason, shortages: shortagesOf(known) })
}

/** The checkout, with its deadlines. */
export const definition = (deadlines: Deadlines = defaultDeadlines): Saga.Definition<CheckoutData> => {
  const { service, payment, holdMillis } = deadlines
  return {
    name,
    data: CheckoutData,
    pivot: step.authorise,
    steps: [
      {
        name: step.freeze,
        patience: service,
        command: ({ sagaId, data: { cartId, cartVersion, acceptedTotal } }) =>
          Saga.to(CartCommands, cartId, {
            _tag: "BeginCheckout",
            checkoutId: sagaId,
            acceptedTotal,
            expectedVersion: cartVersion
          }),
        compensation: (known) =>
          Saga.to(CartCommands, known.data.cartId, {
            _tag: "RestoreCart",
            checkoutId: known.sagaId,
            reason: whyOf(known),
            shortages: shortagesOf(known)
          })
      },
      { name: step.order, patience: service, command: submitOrder, compensation: undoOrder },
      {
        name: step.reserve,
        patience: service,
        command: (known) => reserveItems(known, holdMillis),
        compensation: (known) => {
          const why = whyOf(known)
          const reason = why === "shortage" ? "failed" : why
          return Saga.to(InventoryCommands, known.sagaId, { _tag: "ReleaseReservation", reason })
        }
      },
      {
        name: step.authorise,
        patience: payment,
        command: authorise,
        compensation: ({ sagaId }) =>
          Saga.to(PaymentCommands, sagaId, { _tag: "VoidPayment", reason: "The checkout came to nothing" })
      },
      {
        name: step.commit,
        patience: service,
        command: ({ sagaId }) => Saga.to(InventoryCommands, sagaId, { _tag: "CommitReservation" })
      },
      {
        name: step.confirm,
        patience: service,
        command: ({ sagaId, answers }) =>
          Saga.to(OrderCommands, sagaId, {
            _tag: "ConfirmOrder",
            authorisationId: decodeAuthorisation(answers[step.authorise]).authorisationId,
            reservationId: sagaId
          })
      },
      {
        name: step.complete,
        patience: service,
        command: ({ sagaId, data: { cartId } }) =>
          Saga.to(CartCommands, cartId, { _tag: "CompleteCart", checkoutId: sagaId })
      }
    ]
  }
}

/** The checkout as an aggregate. */
export const make = (deadlines?: Deadlines) => Saga.make(definition(deadlines))
