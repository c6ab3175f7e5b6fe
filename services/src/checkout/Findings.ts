/**
 * What a reconciliation can find: the kinds, the facts behind each, and what to do about it. Browser-safe; used by the API, by
 * the queries and by the `daybook reconcile` command.
 */
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"

/**
 * `checkout-needs-attention`: it waits for an operator. `checkout-overdue`: begun longer ago than the limit and not at its end.
 * `funds-without-order`: money is held or was taken, and no confirmed order is there for it. `order-without-funds`: a confirmed
 * order of which not all is held or captured. `order-without-stock`: a confirmed order without committed stock.
 * `payment-needs-attention`: the payment and its provider contradict each other, or someone has to act at the provider.
 * `reservation-without-checkout`: stock is held that no checkout and no order will ever take.
 */
export const Kind = Schema.Literals([
  "checkout-needs-attention",
  "checkout-overdue",
  "funds-without-order",
  "order-without-funds",
  "order-without-stock",
  "payment-needs-attention",
  "reservation-without-checkout"
])
export type Kind = typeof Kind.Type

/** How far an order has come, as the checkout has heard. */
export const OrderStatus = Schema.Literals(["placed", "confirmed", "rejected", "cancelled", "closed"])
export type OrderStatus = typeof OrderStatus.Type

/** How far its reservation has come. */
export const ReservationStatus = Schema.Literals(["reserved", "refused", "committed", "released", "expired"])
export type ReservationStatus = typeof ReservationStatus.Type

const Amount = Schema.NullOr(Money.Money)

/** All that is known of one order. `null` where nothing was heard. */
export const Facts = Schema.Struct({
  orderId: Schema.String,
  checkoutStatus: Schema.NullOr(Schema.String),
  /** What the checkout waits for. */
  checkoutStep: Schema.NullOr(Schema.String),
  checkoutReason: Schema.NullOr(Schema.String),
  orderStatus: Schema.NullOr(OrderStatus),
  reservationStatus: Schema.NullOr(ReservationStatus),
  /** What a confirmed order comes to, less what was cancelled of it. */
  due: Amount,
  held: Amount,
  captured: Amount,
  refunded: Amount,
  /** Taken back by buyers' banks. */
  disputed: Amount,
  /** What needs attention in the payment. */
  attentionId: Schema.NullOr(Schema.String),
  attentionDetail: Schema.NullOr(Schema.String)
})
export type Facts = typeof Facts.Type

/** Something that does not fit together. */
export const Finding = Schema.Struct({
  /** For `after`. */
  id: Schema.String,
  kind: Kind,
  /** Since when nothing has changed about it; of an overdue checkout, when it was begun. */
  since: Schema.String,
  /** What does not fit, in words. */
  detail: Schema.String,
  /** What to do next, in words. */
  nextStep: Schema.String,
  ...Facts.fields
}).annotate({ identifier: "ReconciliationFinding" })
export type Finding = typeof Finding.Type

const amount = (money: Money.Money | null): string => (money === null ? "nothing" : Money.format(money))

const orderOf = ({ orderStatus }: Facts): string =>
  orderStatus === null ? "no order was heard of" : `the order is ${orderStatus}`

const paymentOf = ({ held, captured, refunded }: Facts): string =>
  `${amount(held)} held, ${amount(captured)} captured, ${amount(refunded)} refunded`

type Words = Pick<Finding, "detail" | "nextStep">

const words: Record<Kind, (facts: Facts) => Words> = {
  "checkout-needs-attention": ({ orderId, checkoutStep, checkoutReason }) => ({
    detail: `Checkout ${orderId} cannot go on by itself at ${checkoutStep}: ${checkoutReason}.`,
    nextStep:
      `Mend the cause and POST /checkouts/${orderId}/retry; or find out what became of the step and say so with ` +
      `POST /checkouts/${orderId}/resolution, and how you know in x-reason.`
  }),
  "checkout-overdue": ({ orderId, checkoutStatus, checkoutStep }) => ({
    detail: `Checkout ${orderId} is ${checkoutStatus} still, at ${checkoutStep ?? "its start"}.`,
    nextStep:
      `It goes on by itself once it is answered. See that the service which ${checkoutStep ?? "its first step"} asks is running, and ` +
      "what it has set aside (daybook dead-letter list)."
  }),
  "funds-without-order": (facts) => ({
    detail: `Payment ${facts.orderId} has ${paymentOf(facts)}, and ${orderOf(facts)}.`,
    nextStep:
      (facts.held?.amountMinor ?? 0) > 0
        ? `Release what is held: POST /payments/${facts.orderId}/void. Refund what was captured: POST /payments/${facts.orderId}/refunds.`
        : `Refund it: POST /payments/${facts.orderId}/refunds.`
  }),
  "order-without-funds": (facts) => ({
    detail: `Order ${facts.orderId} is confirmed and ${amount(facts.due)} is due; its payment has ${paymentOf(facts)}.`,
    nextStep:
      `See what became of the payment (GET /payments/${facts.orderId}). Do not ship: have the buyer pay in another way, or cancel ` +
      `the lines: POST /orders/${facts.orderId}/line-cancellations.`
  }),
  "order-without-stock": ({ orderId, reservationStatus }) => ({
    detail: `Order ${orderId} is confirmed, and its reservation is ${reservationStatus ?? "not heard of"}.`,
    nextStep:
      `See GET /reservations/${orderId}. Find the stock elsewhere, or cancel the lines: ` +
      `POST /orders/${orderId}/line-cancellations with the reason "unavailable".`
  }),
  "payment-needs-attention": ({ orderId, attentionId, attentionDetail }) => ({
    detail: `Payment ${orderId}: ${attentionDetail}`,
    nextStep:
      `Compare with the provider's books (POST /payments/${orderId}/reconciliation asks it again), and note what was done: ` +
      `POST /payments/${orderId}/attention/${encodeURIComponent(attentionId ?? "")}/resolution.`
  }),
  "reservation-without-checkout": (facts) => ({
    detail: `The reservation of ${facts.orderId} is ${facts.reservationStatus}, no checkout is under way, and ${orderOf(facts)}.`,
    nextStep:
      facts.reservationStatus === "committed"
        ? `See what it holds (GET /reservations/${facts.orderId}) and give it back: POST /stock/{sku}/{location}/cancellations.`
        : "It frees the stock by itself when it runs out; GET /reservations/" +
          `${facts.orderId} says when. Find out who made it: nothing but a checkout should.`
  })
}

/** The finding in words. */
export const explain = (kind: Kind, facts: Facts): Words => words[kind](facts)

/** Ids of orders may hold anything, so that the parts are told apart by what encoding never leaves in them. */
export const idOf = (kind: Kind, orderId: string, about: string): string =>
  [kind, orderId, ...(about === "" ? [] : [about])].map(encodeURIComponent).join(":")

/** Where a page begins: within a kind, after an order and what it is about. `undefined` when it is no finding's id. */
export const placeOf = (id: string): { kind: Kind; orderId: string; about: string } | undefined => {
  try {
    const [kind, orderId, about = "", ...more] = id.split(":").map(decodeURIComponent)
    const known = Kind.literals.find((one) => one === kind)
    return known === undefined || orderId === undefined || more.length > 0 ? undefined : { kind: known, orderId, about }
  } catch {
    // A percent sign that encodes nothing.
    return undefined
  }
}
