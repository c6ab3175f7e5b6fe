/**
 * What Stripe says, in the words of the provider port. Pure; used by the Stripe adapter.
 *
 * An authorisation is a PaymentIntent with manual capture. It is captured once: the part that is not captured is released by
 * Stripe, which reads here as the end of the authorisation. What was captured under which operation is written into the intent's
 * metadata by the capture itself, so that it can be found out afterwards.
 */
import { createHash } from "node:crypto"
import type Stripe from "stripe"
import type { Money } from "../Money.ts"
import type { Answer, Notification, QueryAnswer } from "./Provider.ts"
import { fromStripe } from "./StripeAmount.ts"

/** Metadata of intents and refunds. On disk at Stripe. */
export const keys = { payment: "daybook_payment", operation: "daybook_operation", order: "daybook_order" } as const

/** The metadata key of a capture: Stripe takes 40 characters. */
export const captureKey = (operationId: string): string =>
  `daybook_capture_${createHash("sha256").update(operationId).digest("base64url").slice(0, 22)}`

/** What the capture writes there: the amount in our units, and the operation. */
export const captureRecord = (operationId: string, amountMinor: number): string => `${amountMinor} ${operationId}`

/** Why we cancel an intent, by which our own cancellations are told from those of others. */
export const ourReason = "abandoned"

const millis = (seconds: number): number => seconds * 1000

/** Texts of the provider's as the domain takes them. */
const code = (...found: ReadonlyArray<string | null | undefined>): string =>
  (found.find((text) => text !== null && text !== undefined && text !== "") ?? "declined").slice(0, 64)

const expiryOf = (intent: Stripe.PaymentIntent): number | null => {
  const charge = intent.latest_charge
  if (charge === null || typeof charge === "string") return null
  const before = charge.payment_method_details?.card?.capture_before
  return before === undefined ? null : millis(before)
}

const authorised = (intent: Stripe.PaymentIntent): Extract<Answer, { readonly _tag: "Approved" }> => ({
  _tag: "Approved",
  providerReference: intent.id,
  amount: fromStripe(intent.amount, intent.currency),
  expiresAtMillis: expiryOf(intent)
})

const declinedOf = ({ last_payment_error: error }: Stripe.PaymentIntent): Extract<Answer, { _tag: "Declined" }> => ({
  _tag: "Declined",
  code: code(error?.decline_code, error?.code)
})

/** What became of an authorisation. */
export const authorisationOf = (intent: Stripe.PaymentIntent): Exclude<QueryAnswer, { readonly _tag: "NotFound" }> => {
  const providerReference = intent.id
  switch (intent.status) {
    case "requires_capture":
      return authorised(intent)
    case "succeeded":
      // Captured; where that was a part, the rest is released.
      return intent.amount_received < intent.amount ? { _tag: "Expired" } : authorised(intent)
    case "requires_action": {
      const url = intent.next_action?.redirect_to_url?.url
      return typeof url === "string"
        ? { _tag: "ActionRequired", providerReference, url: url.slice(0, 2048) }
        : { _tag: "Pending", providerReference }
    }
    case "processing":
    case "requires_confirmation":
      return { _tag: "Pending", providerReference }
    case "canceled":
      return { _tag: "Expired" }
    default:
      // `requires_payment_method`: with the one that it had it did not go through.
      return declinedOf(intent)
  }
}

/** The answer to the call that makes it. An intent that has ended by then holds nothing. */
export const authorisationAnswer = (intent: Stripe.PaymentIntent): Answer => {
  const found = authorisationOf(intent)
  return found._tag === "Expired" ? { _tag: "Declined", code: code(intent.cancellation_reason, "canceled") } : found
}

const approved = (providerReference: string, amount: Money): Extract<Answer, { readonly _tag: "Approved" }> => ({
  _tag: "Approved",
  providerReference,
  amount,
  expiresAtMillis: null
})

const captureOf = (record: string): { readonly amountMinor: number; readonly operationId: string } => {
  const [amount = "", ...rest] = record.split(" ")
  return { amountMinor: Number(amount), operationId: rest.join(" ") }
}

const chargeOf = ({ latest_charge: charge, id }: Stripe.PaymentIntent): string =>
  (typeof charge === "string" ? charge : charge?.id) ?? id

/** What became of a capture: the intent says so itself. */
export const captureFound = (intent: Stripe.PaymentIntent, operationId: string): QueryAnswer => {
  const record = intent.metadata[captureKey(operationId)]
  if (record === undefined) return { _tag: "NotFound" }
  if (intent.status === "processing") return { _tag: "Pending", providerReference: chargeOf(intent) }
  const { amountMinor } = captureOf(record)
  return approved(chargeOf(intent), { amountMinor, currency: intent.currency.toUpperCase() })
}

/** What became of a void: nothing is held by an intent that has ended, however it did. */
export const voidFound = (intent: Stripe.PaymentIntent): QueryAnswer =>
  intent.status === "canceled" || intent.status === "succeeded"
    ? approved(intent.id, { amountMinor: 0, currency: intent.currency.toUpperCase() })
    : { _tag: "NotFound" }

/** The answer to the call of a capture, whose intent has its record. */
export const captureAnswer = (intent: Stripe.PaymentIntent, operationId: string): Answer => {
  const found = captureFound(intent, operationId)
  if (found._tag === "NotFound" || found._tag === "Expired")
    throw new Error(`The capture left no record in ${intent.id}`)
  return found
}

/** The answer to the call of a void, by what it left. */
export const voidAnswer = (intent: Stripe.PaymentIntent): Answer => {
  const found = voidFound(intent)
  return found._tag === "Approved" ? found : { _tag: "Declined", code: code(intent.status) }
}

/** What became of a refund. */
export const refundOf = (refund: Stripe.Refund): Answer => {
  if (refund.status === "succeeded") return approved(refund.id, fromStripe(refund.amount, refund.currency))
  if (refund.status === "failed" || refund.status === "canceled") {
    return { _tag: "Declined", code: code(refund.failure_reason, refund.status) }
  }
  return { _tag: "Pending", providerReference: refund.id }
}

/** An event of Stripe's, and the payment that it is about where it does not say so itself. */
export interface About {
  readonly event: Stripe.Event
  /** The intent's metadata, for refunds and disputes, which do not carry it. */
  readonly owner: Stripe.Metadata
}

type Said = Pick<Notification, "paymentId" | "operationId" | "statement">

/** The intent of an event whose own object does not say which payment it is about. */
export const intentOf = ({ data: { object } }: Stripe.Event): string | undefined => {
  if (object.object !== "refund" && object.object !== "dispute") return undefined
  if (object.object === "refund" && object.metadata?.[keys.payment] !== undefined) return undefined
  const intent = object.payment_intent
  return (typeof intent === "string" ? intent : intent?.id) ?? undefined
}

const ofIntent = (intent: Stripe.PaymentIntent): ReadonlyArray<Said> => {
  const paymentId = intent.metadata[keys.payment] ?? null
  const operationId = intent.metadata[keys.operation] ?? null
  // Our own void is answered by its call, and found out by a query.
  if (intent.status === "canceled" && intent.cancellation_reason === ourReason) return []
  const finding = authorisationOf(intent)
  const said: Said = { paymentId, operationId, statement: finding }
  return intent.status === "succeeded" ? [...capturesOf(intent), said] : [said]
}

/** A capture that none of our operations made is one that nobody here knows of. */
const capturesOf = (intent: Stripe.PaymentIntent): ReadonlyArray<Said> => {
  const paymentId = intent.metadata[keys.payment] ?? null
  const records = Object.entries(intent.metadata).filter(([key]) => key.startsWith("daybook_capture_"))
  if (records.length === 0) {
    const statement = approved(chargeOf(intent), fromStripe(intent.amount_received, intent.currency))
    return [{ paymentId, operationId: null, statement }]
  }
  return records.map(([, record]) => {
    const { amountMinor, operationId } = captureOf(record)
    const amount = { amountMinor, currency: intent.currency.toUpperCase() }
    return { paymentId, operationId, statement: approved(chargeOf(intent), amount) }
  })
}

const ofRefund = (refund: Stripe.Refund, owner: Stripe.Metadata): Said => ({
  paymentId: refund.metadata?.[keys.payment] ?? owner[keys.payment] ?? null,
  operationId: refund.metadata?.[keys.operation] ?? null,
  statement: refundOf(refund)
})

const stages: Readonly<Record<string, "open" | "won" | "lost">> = {
  needs_response: "open",
  under_review: "open",
  won: "won",
  lost: "lost"
}

/** Inquiries and warnings take no money, and are none of a payment's business. */
const ofDispute = (dispute: Stripe.Dispute, owner: Stripe.Metadata): ReadonlyArray<Said> => {
  const stage = stages[dispute.status]
  if (stage === undefined) return []
  const amount = fromStripe(dispute.amount, dispute.currency)
  const statement = { _tag: "Chargeback" as const, chargebackId: dispute.id, amount, stage, code: code(dispute.reason) }
  return [{ paymentId: owner[keys.payment] ?? null, operationId: null, statement }]
}

const saidBy = ({ event, owner }: About): ReadonlyArray<Said> => {
  switch (event.type) {
    case "payment_intent.amount_capturable_updated":
    case "payment_intent.requires_action":
    case "payment_intent.processing":
    case "payment_intent.payment_failed":
    case "payment_intent.canceled":
    case "payment_intent.succeeded":
      return ofIntent(event.data.object)
    case "refund.created":
    case "refund.updated":
    case "refund.failed":
      return [ofRefund(event.data.object, owner)]
    case "charge.dispute.created":
    case "charge.dispute.closed":
      return ofDispute(event.data.object, owner)
    default:
      return []
  }
}

/** What an event says of payments; nothing where it is about something else. */
export const notificationsOf = (about: About): ReadonlyArray<Notification> => {
  const { id, created } = about.event
  return saidBy(about).map((said, i) => ({
    ...said,
    // One event may say several things; each keeps its own id when it is said again.
    providerEventId: i === 0 ? id : `${id}/${i + 1}`,
    occurredAtMillis: millis(created)
  }))
}
