/**
 * The payment provider: the port through which money is asked for. Adapters are the simulator and those for real providers.
 *
 * Contract: our operation id is the provider's idempotency key, so that the same request again gets the first answer and moves no
 * money. A request that failed may have been carried out all the same; what became of it is found out by `query`, never assumed.
 * Whether that shows in `ProviderUnavailable` or in `ProviderTimedOut` makes no difference to the caller.
 */
import { Problem } from "@daybook/core/Problem"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Money } from "../Money.ts"
import type { Command } from "./Domain.ts"
import type { Kind } from "./Events.ts"

/** What the provider answers to a call: `Approved`, `Declined`, `ActionRequired` or `Pending`. */
export type Answer = Exclude<
  Extract<Command, { readonly _tag: "RecordOutcome" }>["outcome"],
  { readonly _tag: "Unknown" }
>

/** What the provider says when queried: an answer, `Expired`, or `NotFound` when no such request has reached it. */
export type QueryAnswer = Extract<Command, { readonly _tag: "Reconcile" }>["finding"]

/** A notification, with the payment that it is about; `null` when it is about something that we did not begin. */
export interface Notification extends Omit<Extract<Command, { readonly _tag: "RecordNotification" }>, "_tag"> {
  readonly paymentId: string | null
}

/** What every request carries. The provider keeps the payment's id and gives it back in notifications. */
interface Request {
  readonly paymentId: string
  /** Ours; the idempotency key. */
  readonly operationId: string
}

export interface AuthoriseRequest extends Request {
  readonly orderId: string
  readonly amount: Money
  /** The provider's token for the buyer's payment method. */
  readonly token: string
}

/** The authorisation that a request is about: by our id, and by the provider's reference when we know it. */
interface OfAuthorisation extends Request {
  readonly authorisationId: string
  readonly providerReference: string | null
}

/** Takes a part of what is held, or all of it. */
export interface CaptureRequest extends OfAuthorisation {
  readonly amount: Money
}

/** Releases whatever is held. */
export interface VoidRequest extends OfAuthorisation {
  readonly currency: string
}

/** Gives back a part of what was captured, or all of it. */
export interface RefundRequest extends OfAuthorisation {
  readonly amount: Money
}

export interface QueryRequest extends Request {
  readonly kind: Kind
  /** The provider's reference for the operation itself, when we know it. */
  readonly providerReference: string | null
  /** The provider's reference for the payment's authorisation, when we know it. */
  readonly authorisationReference: string | null
}

/** The provider did not take the request, or its answer was lost: the outcome is unknown. */
export class ProviderUnavailable extends Problem<ProviderUnavailable>()(
  "ProviderUnavailable",
  { status: 503, title: "The payment provider cannot be reached" },
  { operationId: Schema.String }
) {}

/** The provider did not answer in time: the outcome is unknown. */
export class ProviderTimedOut extends Problem<ProviderTimedOut>()(
  "ProviderTimedOut",
  { status: 504, title: "The payment provider did not answer in time" },
  { operationId: Schema.String }
) {}

/** Who sent this does not know the secret, or sent it too long ago. Nothing of it may be believed. */
export class WebhookNotAuthentic extends Problem<WebhookNotAuthentic>()("WebhookNotAuthentic", {
  status: 401,
  title: "The webhook's signature is not the provider's"
}) {}

/** It is the provider's, and not understood. The provider should send it again, to a release that does. */
export class WebhookUnreadable extends Problem<WebhookUnreadable>()("WebhookUnreadable", {
  status: 422,
  title: "The webhook cannot be read"
}) {}

/** Webhooks come from the provider that the service works with, and from no other. */
export class UnknownProvider extends Problem<UnknownProvider>()(
  "UnknownProvider",
  { status: 404, title: "No such payment provider" },
  { provider: Schema.String }
) {}

/** The outcome is unknown. */
export type ProviderFailure = ProviderUnavailable | ProviderTimedOut

export class Provider extends Context.Service<
  Provider,
  {
    /** As it is called in the address that its webhooks are sent to. */
    readonly name: string
    /** The header that a webhook's signature is in, in lower case. */
    readonly signatureHeader: string
    /** Holds an amount on the buyer's payment method. */
    authorise(request: AuthoriseRequest): Effect.Effect<Answer, ProviderFailure>
    capture(request: CaptureRequest): Effect.Effect<Answer, ProviderFailure>
    void(request: VoidRequest): Effect.Effect<Answer, ProviderFailure>
    refund(request: RefundRequest): Effect.Effect<Answer, ProviderFailure>
    /** What became of an operation. Changes nothing. */
    query(request: QueryRequest): Effect.Effect<QueryAnswer, ProviderFailure>
    /**
     * Verifies a webhook's signature, over the body byte for byte as it came, and reads it. None when the provider reports
     * something that payments have nothing to do with.
     */
    readWebhook(
      body: string,
      signature: string
    ): Effect.Effect<ReadonlyArray<Notification>, WebhookNotAuthentic | WebhookUnreadable>
  }
>()("@daybook/services/payment/Provider") {}
