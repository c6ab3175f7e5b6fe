/**
 * The payment provider Stripe, on its official library. `STRIPE_API_KEY` and `STRIPE_WEBHOOK_SECRET` say which account.
 *
 * Our operation id is the idempotency key of each request. Cards only, captured by hand and once: what a capture leaves, Stripe
 * releases. A payment is known at Stripe by the metadata of its PaymentIntent (`daybook_payment`). What Stripe means is in
 * `StripeAnswers.ts`.
 */
import { reasonOf } from "@daybook/core/Problem"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import Stripe from "stripe"
import type { Money } from "../Money.ts"
import {
  type Answer,
  type AuthoriseRequest,
  type CaptureRequest,
  type Notification,
  Provider,
  type ProviderFailure,
  ProviderTimedOut,
  ProviderUnavailable,
  type QueryAnswer,
  type QueryRequest,
  type RefundRequest,
  type VoidRequest,
  WebhookNotAuthentic,
  WebhookUnreadable
} from "./Provider.ts"
import { toStripe } from "./StripeAmount.ts"
import * as Answers from "./StripeAnswers.ts"

const { keys } = Answers

/** Which account, and where. */
export interface Options {
  readonly apiKey: Redacted.Redacted
  /** Of the endpoint that Stripe sends webhooks to. */
  readonly webhookSecret: Redacted.Redacted
  /** Where a buyer comes back to after confirming at the bank; `payment` is added to its query. */
  readonly returnUrl: string
  /** Another server that speaks Stripe's API, for tests: `http://127.0.0.1:12111`. Default: Stripe's own. */
  readonly apiUrl?: string | undefined
  /** How long a request may take. Default 9 seconds, a little less than a call may take in all. */
  readonly timeoutMillis?: number
}

/** How old a webhook's signature may be: Stripe's own default. */
const toleranceSeconds = 300

const clientOf = ({ apiKey, apiUrl, timeoutMillis = 9_000 }: Options): Stripe => {
  const url = apiUrl === undefined ? undefined : new URL(apiUrl)
  return new Stripe(Redacted.value(apiKey), {
    // A request that fails is queried, and asked again when it is known to be due.
    maxNetworkRetries: 0,
    timeout: timeoutMillis,
    telemetry: false,
    ...(url === undefined
      ? {}
      : { host: url.hostname, port: url.port, protocol: url.protocol === "https:" ? "https" : "http" })
  })
}

/** Stripe refused, for good: nothing was done under this idempotency key. Undefined when that is not certain. */
const refusalOf = (error: unknown): string | undefined => {
  const isDecline = error instanceof Stripe.errors.StripeCardError
  if (!isDecline && !(error instanceof Stripe.errors.StripeInvalidRequestError)) return undefined
  // 409: another request of that key is under way.
  if (error.statusCode === 409) return undefined
  return (error.decline_code ?? error.code ?? "invalid_request").slice(0, 64)
}

const failureOf = (operationId: string, error: unknown): ProviderFailure => {
  const message = reasonOf(error)
  const isLate = /timeout|ETIMEDOUT|aborted/iu.test(message)
  const detail = `Stripe, asked about operation ${operationId}, failed: ${message} It is queried until it is known what became of it.`
  return isLate ? new ProviderTimedOut({ operationId, detail }) : new ProviderUnavailable({ operationId, detail })
}

const asking = <A>(operationId: string, ask: () => Promise<A>) =>
  Effect.tryPromise({ try: ask, catch: (error) => error }).pipe(
    Effect.tapError((error) =>
      error instanceof Stripe.errors.StripeAuthenticationError || error instanceof Stripe.errors.StripePermissionError
        ? Effect.logError(`Stripe does not let us in: ${error.message} Check STRIPE_API_KEY.`)
        : Effect.void
    ),
    Effect.mapError((error) => ({ error, failure: failureOf(operationId, error) }))
  )

/** A call: what Stripe refuses is declined, and whatever else goes wrong leaves the outcome unknown. */
const calling = (operationId: string, ask: () => Promise<Answer>): Effect.Effect<Answer, ProviderFailure> =>
  Effect.catch(asking(operationId, ask), ({ error, failure }): Effect.Effect<Answer, ProviderFailure> => {
    const code = refusalOf(error)
    return code === undefined ? Effect.fail(failure) : Effect.succeed({ _tag: "Declined", code })
  })

const querying = <A>(operationId: string, ask: () => Promise<A>): Effect.Effect<A, ProviderFailure> =>
  Effect.mapError(asking(operationId, ask), ({ failure }) => failure)

const quoted = (text: string): string => text.replaceAll(/[\\'"]/gu, (character) => `\\${character}`)

/**
 * A payment's intent: by Stripe's id when we know it, or else by search, which lags behind by up to a minute. Found too late, an
 * authorisation is asked for again, and answered as the first time.
 */
const find = async (
  stripe: Stripe,
  paymentId: string,
  reference: string | null
): Promise<Stripe.PaymentIntent | undefined> => {
  const expand = ["latest_charge"]
  if (reference !== null) return await stripe.paymentIntents.retrieve(reference, { expand })
  const query = `metadata['${keys.payment}']:'${quoted(paymentId)}'`
  const { data } = await stripe.paymentIntents.search({ query, limit: 1, expand: ["data.latest_charge"] })
  return data[0]
}

const unpayable = (amount: Money): Answer => ({ _tag: "Declined", code: `amount_not_payable_in_${amount.currency}` })

const returnTo = (returnUrl: string, paymentId: string): string => {
  const url = new URL(returnUrl)
  url.searchParams.set("payment", paymentId)
  return url.toString()
}

const missing: Answer = { _tag: "Declined", code: "authorisation_not_found" }

/** What a call is made with. */
interface Account {
  readonly stripe: Stripe
  readonly returnUrl: string
}

const authorise = async (
  { stripe, returnUrl }: Account,
  { paymentId, operationId, orderId, amount, token }: AuthoriseRequest
): Promise<Answer> => {
  const units = toStripe(amount)
  if (units === undefined) return unpayable(amount)
  const intent = await stripe.paymentIntents.create(
    {
      amount: units,
      currency: amount.currency.toLowerCase(),
      payment_method: token,
      allowed_payment_method_types: ["card"],
      capture_method: "manual",
      confirm: true,
      return_url: returnTo(returnUrl, paymentId),
      metadata: { [keys.payment]: paymentId, [keys.operation]: operationId, [keys.order]: orderId },
      expand: ["latest_charge"]
    },
    { idempotencyKey: operationId }
  )
  return Answers.authorisationAnswer(intent)
}

const capture = async (
  { stripe }: Account,
  { paymentId, operationId, amount, providerReference }: CaptureRequest
): Promise<Answer> => {
  const units = toStripe(amount)
  if (units === undefined) return unpayable(amount)
  const reference = providerReference ?? (await find(stripe, paymentId, null))?.id
  if (reference === undefined) return missing
  const metadata = { [Answers.captureKey(operationId)]: Answers.captureRecord(operationId, amount.amountMinor) }
  const intent = await stripe.paymentIntents.capture(
    reference,
    { amount_to_capture: units, metadata },
    { idempotencyKey: operationId }
  )
  return Answers.captureAnswer({ ...intent, metadata }, operationId)
}

const release = async (
  { stripe }: Account,
  { paymentId, operationId, providerReference }: VoidRequest
): Promise<Answer> => {
  const reference = providerReference ?? (await find(stripe, paymentId, null))?.id
  if (reference === undefined) return missing
  try {
    const cancellation = { cancellation_reason: Answers.ourReason } as const
    return Answers.voidAnswer(
      await stripe.paymentIntents.cancel(reference, cancellation, { idempotencyKey: operationId })
    )
  } catch (error) {
    // Stripe refuses to cancel an intent that has ended; all that a void wants is that it has.
    const intent = error instanceof Stripe.errors.StripeInvalidRequestError ? error.payment_intent : undefined
    const answer = intent === undefined ? undefined : Answers.voidAnswer(intent)
    if (answer?._tag === "Approved") return answer
    throw error
  }
}

const refund = async (
  { stripe }: Account,
  { paymentId, operationId, amount, providerReference }: RefundRequest
): Promise<Answer> => {
  const units = toStripe(amount)
  if (units === undefined) return unpayable(amount)
  const reference = providerReference ?? (await find(stripe, paymentId, null))?.id
  if (reference === undefined) return missing
  const metadata = { [keys.payment]: paymentId, [keys.operation]: operationId }
  return Answers.refundOf(
    await stripe.refunds.create({ payment_intent: reference, amount: units, metadata }, { idempotencyKey: operationId })
  )
}

const refundFound = async (stripe: Stripe, request: QueryRequest, intent: string): Promise<QueryAnswer> => {
  const { operationId } = request
  for await (const refund of stripe.refunds.list({ payment_intent: intent, limit: 100 })) {
    if (refund.metadata?.[keys.operation] === operationId) return Answers.refundOf(refund)
  }
  return { _tag: "NotFound" }
}

const lookUp = async (stripe: Stripe, request: QueryRequest): Promise<QueryAnswer> => {
  const { paymentId, operationId, kind, providerReference, authorisationReference } = request
  if (kind === "refund" && providerReference !== null) {
    return Answers.refundOf(await stripe.refunds.retrieve(providerReference))
  }
  const intent = await find(stripe, paymentId, kind === "authorise" ? providerReference : authorisationReference)
  if (intent === undefined) return { _tag: "NotFound" }
  if (kind === "authorise") return Answers.authorisationOf(intent)
  if (kind === "capture") return Answers.captureFound(intent, operationId)
  return kind === "void" ? Answers.voidFound(intent) : await refundFound(stripe, request, intent.id)
}

const whyOf = (error: unknown): string => reasonOf(error).split("\n")[0] ?? ""

/** What every event has; the rest is Stripe's own form. */
const Envelope = Schema.fromJsonString(
  Schema.Struct({
    object: Schema.Literal("event"),
    id: Schema.NonEmptyString,
    type: Schema.NonEmptyString,
    created: Schema.Int,
    data: Schema.Struct({ object: Schema.Record(Schema.String, Schema.Json) })
  })
)

const verify = (stripe: Stripe, secret: string, body: string, signature: string, nowMillis: number) =>
  Effect.try({
    try: () => stripe.webhooks.signature!.verifyHeader(body, signature, secret, toleranceSeconds, undefined, nowMillis),
    catch: (error) =>
      new WebhookNotAuthentic({
        detail: `${whyOf(error)} Check STRIPE_WEBHOOK_SECRET, and that the body arrives unchanged.`
      })
  })

const readWebhook = (stripe: Stripe, secret: string) =>
  Effect.fnUntraced(function* (
    body: string,
    signature: string
  ): Effect.fn.Return<ReadonlyArray<Notification>, WebhookNotAuthentic | WebhookUnreadable> {
    yield* verify(stripe, secret, body, signature, yield* Clock.currentTimeMillis)
    const unreadable = (error: unknown) =>
      new WebhookUnreadable({ detail: `The webhook cannot be read: ${whyOf(error)} Deploy a release that can.` })
    const event = (yield* Effect.mapError(Schema.decodeEffect(Envelope)(body), unreadable)) as unknown as Stripe.Event
    const intent = Answers.intentOf(event)
    const owner =
      intent === undefined
        ? {}
        : yield* Effect.tryPromise({
            try: async () => (await stripe.paymentIntents.retrieve(intent)).metadata,
            catch: (error) =>
              new WebhookUnreadable({
                detail: `Which payment Stripe's event ${event.id} is about cannot be found out now: ${whyOf(error)} Send it again.`
              })
          })
    return yield* Effect.try({ try: () => Answers.notificationsOf({ event, owner }), catch: unreadable })
  })

const make = (options: Options): Provider["Service"] => {
  const stripe = clientOf(options)
  const account = { stripe, returnUrl: options.returnUrl }
  return {
    name: "stripe",
    signatureHeader: "stripe-signature",
    authorise: (request) => calling(request.operationId, () => authorise(account, request)),
    capture: (request) => calling(request.operationId, () => capture(account, request)),
    void: (request) => calling(request.operationId, () => release(account, request)),
    refund: (request) => calling(request.operationId, () => refund(account, request)),
    query: (request) => querying(request.operationId, () => lookUp(stripe, request)),
    readWebhook: readWebhook(stripe, Redacted.value(options.webhookSecret))
  }
}

/** Stripe as the provider. */
export const layer = (options: Options): Layer.Layer<Provider> => Layer.sync(Provider, () => make(options))

/**
 * Stripe as the environment says: `STRIPE_API_KEY`, `STRIPE_WEBHOOK_SECRET`, `STRIPE_RETURN_URL` (where buyers come back to),
 * and for tests `STRIPE_API_URL`.
 */
export const layerConfig: Layer.Layer<Provider, Config.ConfigError> = Layer.unwrap(
  Effect.gen(function* () {
    return layer({
      apiKey: yield* Config.Redacted("STRIPE_API_KEY"),
      webhookSecret: yield* Config.Redacted("STRIPE_WEBHOOK_SECRET"),
      returnUrl: yield* Config.NonEmptyString("STRIPE_RETURN_URL"),
      apiUrl: Option.getOrUndefined(yield* Config.option(Config.NonEmptyString("STRIPE_API_URL")))
    })
  })
)
