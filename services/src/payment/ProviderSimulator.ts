/**
 * A payment provider that runs in this process and misbehaves on demand, for tests, demos and fault runs. Deterministic: the
 * same requests at the same times (effect's `Clock`) lead to the same answers, notifications and ledger. With a file its books
 * survive the end of this process, as a real provider's do.
 *
 * What it does is chosen by magic tokens and amounts, in `SimulatedBehaviour.ts`:
 *
 * | authorise with | what happens |
 * | --- | --- |
 * | `tok_approve` | approved, as is any other token, to which `faults` apply |
 * | `tok_decline`, `tok_stolen` | declined |
 * | `tok_3ds` | the buyer has to act: `completeAction`, within an hour |
 * | `tok_pending` | pending, and approved after a minute |
 * | `tok_timeout`, `tok_timeout_decline`, `tok_timeout_3ds` | carried out, and not answered |
 * | `tok_lost`, `tok_unavailable` | the first call times out, or is refused; it was not carried out |
 * | `tok_unknown` | carried out and not answered, and the next two queries fail |
 * | `tok_duplicate`, `tok_reorder`, `tok_contradict` | its notifications come twice, overtake others, or contradict themselves |
 * | `tok_short_hold` | expires after a minute, instead of seven days |
 * | `tok_chargeback` | each capture is disputed after a minute |
 * | `tok_void_timeout`, `tok_void_lost`, `tok_void_decline` | its void is carried out and not answered, is lost, is declined |
 *
 * | capture or refund of `tok_amounts`, last two digits of the amount | what happens |
 * | --- | --- |
 * | 91 | declined |
 * | 92, 95 | carried out and not answered; with 95, the next two queries fail too |
 * | 93, 98 | the first call times out, or is refused; it was not carried out |
 * | 94 | pending, and approved after a minute |
 * | 96, 97 | its notification comes twice, or overtakes others |
 *
 * A time-out takes no time: it fails at once with `ProviderTimedOut`.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Id } from "../Text.ts"
import { Command } from "./Domain.ts"
import type { Kind } from "./Events.ts"
import type { Ledger } from "./Ledger.ts"
import {
  type Answer,
  type Notification,
  Provider,
  type ProviderFailure,
  ProviderTimedOut,
  ProviderUnavailable,
  WebhookNotAuthentic,
  WebhookUnreadable
} from "./Provider.ts"
import { SimulatedBank } from "./SimulatedBank.ts"
import { behaviourAt, type Faults } from "./SimulatedBehaviour.ts"
import { type Asked, type Memory, SimulatedBooks } from "./SimulatedBooks.ts"

export interface Options {
  /** Misbehaviour beyond the magic tokens and amounts. Default: none. */
  readonly faults?: Faults
  /** Signs webhooks. Default: a secret that everyone knows, since nothing of value is behind it. */
  readonly secret?: string
  /** Where the books are kept, to outlive this process. Default: in memory. */
  readonly file?: string | undefined
}

/** A webhook as it comes over HTTP. */
export interface Delivery {
  readonly body: string
  readonly signature: string
}

/** How old a signature may be: the usual five minutes, against recordings that are played back. */
export const toleranceMillis = 300_000

export class ProviderSimulator extends Context.Service<
  ProviderSimulator,
  {
    /** Takes the webhooks that wait to be delivered, signed now. What is lost after that is not delivered again. */
    readonly deliveries: Effect.Effect<ReadonlyArray<Delivery>>
    /**
     * Delivers the webhooks that wait, one after the other. One that is not taken waits for another time, longer after each
     * attempt, and is given up after so many; it may be delivered again also after it was taken.
     */
    deliver<E extends { readonly message: string }, R>(
      send: (delivery: Delivery) => Effect.Effect<unknown, E, R>
    ): Effect.Effect<void, never, R>
    /** The buyer confirms an authorisation (3-D Secure), or refuses to. False when there is nothing to confirm any more. */
    completeAction(operationId: string, isConfirmed: boolean): Effect.Effect<boolean>
    /** The buyer disputes an amount. */
    openChargeback(paymentId: string, chargebackId: string, amountMinor: number): Effect.Effect<void>
    /** The dispute is decided: `won` by the shop, or `lost`. */
    closeChargeback(chargebackId: string, stage: "won" | "lost"): Effect.Effect<void>
    /** What the provider's own books say of a payment. */
    ledger(paymentId: string): Effect.Effect<Ledger>
  }
>()("@daybook/services/payment/ProviderSimulator") {
  /** A provider, and what it takes to play the buyer and the bank. */
  static readonly layer = (options: Options = {}): Layer.Layer<Provider | ProviderSimulator> =>
    Layer.effectContext(
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => new SimulatedBooks(options.file)),
          (books) => Effect.sync(() => books.close())
        ),
        (books) => {
          const bank = new SimulatedBank(books)
          const secret = options.secret ?? "whsec_simulated"
          return Context.make(Provider, makeProvider(bank, books, secret, options.faults)).pipe(
            Context.add(ProviderSimulator, makeControls(bank, books, secret))
          )
        }
      )
    )
}

/** Webhooks taken up at once. */
const deliveredAtOnce = 100
/** After so many attempts, about an hour and a half, a webhook is given up. */
const mostAttempts = 12
/** The wait after the first attempt; doubled after each. */
const firstWaitMillis = 1_000

const atNow = <A>(run: (nowMillis: number) => A): Effect.Effect<A> => Effect.map(Clock.currentTimeMillis, run)

const makeControls = (bank: SimulatedBank, books: SimulatedBooks, secret: string): ProviderSimulator["Service"] => {
  const signed = (notification: Notification, nowMillis: number): Delivery => {
    const body = JSON.stringify(notification)
    return { body, signature: sign(secret, body, nowMillis) }
  }
  return {
    deliveries: atNow((nowMillis) => {
      bank.settle(nowMillis)
      const taken = books.waiting(Number.MAX_SAFE_INTEGER, -1)
      for (const { number } of taken) books.drop(number)
      return taken.map(({ notification }) => signed(notification, nowMillis))
    }),
    deliver: Effect.fnUntraced(function* (send) {
      yield* atNow((now) => bank.settle(now))
      for (const { number, notification, attempts } of yield* atNow((now) => books.waiting(now, deliveredAtOnce))) {
        const sent = yield* Effect.result(send(signed(notification, yield* Clock.currentTimeMillis)))
        const isOver = Result.isSuccess(sent) || attempts + 1 >= mostAttempts
        yield* atNow((nowMillis) =>
          isOver ? books.drop(number) : books.postpone(number, nowMillis + firstWaitMillis * 2 ** attempts)
        )
        if (Result.isSuccess(sent)) continue
        const { providerEventId } = notification
        const next = isOver ? "it is given up" : "it will be sent again"
        yield* Effect.logWarning(
          `Simulated webhook ${providerEventId} was not taken, and ${next}: ${sent.failure.message}`
        )
      }
    }),
    completeAction: (operationId, isConfirmed) => atNow((now) => bank.completeAction(operationId, isConfirmed, now)),
    openChargeback: (paymentId, chargebackId, amountMinor) =>
      atNow((now) => bank.dispute(paymentId, chargebackId, amountMinor, now)),
    closeChargeback: (chargebackId, stage) => atNow((now) => bank.decide(chargebackId, stage, now)),
    ledger: (paymentId) => atNow((now) => bank.ledger(paymentId, now))
  }
}

const makeProvider = (
  bank: SimulatedBank,
  books: SimulatedBooks,
  secret: string,
  faults: Faults | undefined
): Provider["Service"] => {
  /** Counts a call, and decides how it goes. */
  const recall = (asked: Asked): Memory => {
    const { operationId, authorisationId, kind } = asked
    const token = kind === "authorise" ? asked.token : (books.memory(authorisationId)?.token ?? "")
    const { calls = 0, queries = 0 } = books.memory(operationId) ?? {}
    const memory = { token, behaviour: behaviourAt({ ...asked, token }, faults), calls: calls + 1, queries }
    books.remember(operationId, memory)
    return memory
  }

  const ask = Effect.fnUntraced(function* (asked: Asked): Effect.fn.Return<Answer, ProviderFailure> {
    const { operationId } = asked
    const { behaviour, calls } = yield* Effect.sync(() => recall(asked))
    const isFirst = calls === 1
    if (isFirst && behaviour.firstCall === "unavailable") return yield* unavailable(operationId)
    if (isFirst && behaviour.firstCall === "lost") return yield* timedOut(operationId)
    const answer = yield* atNow((nowMillis) => bank.ask(asked, behaviour, nowMillis))
    return isFirst && behaviour.firstCall === "timed-out" ? yield* timedOut(operationId) : answer
  })

  const isAnswered = (operationId: string): boolean => {
    const memory = books.memory(operationId)
    if (memory === undefined) return true
    const queries = memory.queries + 1
    books.remember(operationId, { ...memory, queries })
    return queries > (memory.behaviour.failedQueries ?? 0)
  }

  return {
    name: "simulator",
    signatureHeader: "simulator-signature",
    authorise: ({ paymentId, operationId, amount, token }) =>
      ask({ kind: "authorise", paymentId, operationId, authorisationId: operationId, token, ...amount }),
    capture: ({ amount, ...request }) => ask({ ...askedOf("capture", request), ...amount }),
    refund: ({ amount, ...request }) => ask({ ...askedOf("refund", request), ...amount }),
    void: ({ currency, ...request }) => ask({ ...askedOf("void", request), amountMinor: 0, currency }),
    query: Effect.fnUntraced(function* ({ operationId }) {
      if (!(yield* Effect.sync(() => isAnswered(operationId)))) return yield* unavailable(operationId)
      return yield* atNow((nowMillis) => bank.find(operationId, nowMillis))
    }),
    readWebhook: (body, signature) => readWebhook(secret, body, signature)
  }
}

const askedOf = (
  kind: Kind,
  request: { readonly paymentId: string; readonly operationId: string; readonly authorisationId: string }
): Omit<Asked, "amountMinor" | "currency"> => {
  const { paymentId, operationId, authorisationId } = request
  return { kind, paymentId, operationId, authorisationId, token: "" }
}

const unavailable = (operationId: string): ProviderUnavailable =>
  new ProviderUnavailable({
    operationId,
    detail: `The provider cannot be reached for operation ${operationId}. Query it until it is known what became of it.`
  })

const timedOut = (operationId: string): ProviderTimedOut =>
  new ProviderTimedOut({
    operationId,
    detail: `The provider did not answer about operation ${operationId} in time. Query it until it is known what became of it.`
  })

const hmac = (secret: string, text: string): string => createHmac("sha256", secret).update(text).digest("hex")

const sign = (secret: string, body: string, nowMillis: number): string =>
  `t=${nowMillis},v1=${hmac(secret, `${nowMillis}.${body}`)}`

const isEqual = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

const { _tag, ...notificationFields } = Command.cases.RecordNotification.fields
const Webhook = Schema.fromJsonString(Schema.Struct({ paymentId: Schema.NullOr(Id), ...notificationFields }))

const readWebhook = Effect.fnUntraced(function* (
  secret: string,
  body: string,
  signature: string
): Effect.fn.Return<ReadonlyArray<Notification>, WebhookNotAuthentic | WebhookUnreadable> {
  const [, signedAt = "", given = ""] = /^t=(\d{1,15}),v1=([0-9a-f]{64})$/u.exec(signature) ?? []
  if (!isEqual(given, hmac(secret, `${signedAt}.${body}`))) {
    return yield* new WebhookNotAuthentic({
      detail: "The signature does not fit the body. Check the webhook's secret, and that the body arrives unchanged."
    })
  }
  const ageMillis = (yield* Clock.currentTimeMillis) - Number(signedAt)
  if (Math.abs(ageMillis) > toleranceMillis) {
    return yield* new WebhookNotAuthentic({
      detail: `The signature is ${ageMillis} ms old; ${toleranceMillis} ms are allowed. Check the clocks, and send it anew.`
    })
  }
  const notification = yield* Effect.mapError(
    Schema.decodeEffect(Webhook)(body),
    (error) =>
      new WebhookUnreadable({ detail: `The webhook cannot be read: ${error.message}. Deploy a release that can.` })
  )
  return [notification]
})
