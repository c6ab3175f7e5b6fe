/**
 * What the payment's HTTP API does: makes ids where the caller gave none, and passes commands, queries and webhooks on. No rules:
 * those are the domain's.
 */
import type { CommandOptions } from "@daybook/core/Entities"
import * as Partition from "@daybook/core/Partition"
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as Option from "effect/Option"
import { accepted, commandOptions, defaultLimit } from "../Http.ts"
import * as Past from "../Past.ts"
import * as Serving from "../Serving.ts"
import { makeId, timed } from "../Serving.ts"
import { type Capture, PaymentApi, type Refund, type Void } from "./Api.ts"
import type { Command } from "./Domain.ts"
import { pastPayments } from "./History.ts"
import { statusOf } from "./Ledger.ts"
import { operationId } from "./OperationId.ts"
import { PaymentProjector, Payments } from "./Payments.ts"
import { paymentViewsName } from "./Projections.ts"
import { Provider, UnknownProvider } from "./Provider.ts"
import { ProviderCalls } from "./ProviderCalls.ts"
import { PaymentQueries } from "./Queries.ts"
import { paymentNotFound } from "./Rejection.ts"
import { receiver } from "./Webhooks.ts"

/** A payment is a conversation of its own, unless the caller knows a larger one. */
const optionsOf = (id: string, ...said: Parameters<typeof commandOptions>): CommandOptions => {
  const options = commandOptions(...said)
  return { ...options, correlationId: options.correlationId ?? id }
}

/** Several commands follow, none of which the key or the expected version can be of. Repeating them is harmless. */
const comparing = (id: string, headers: Parameters<typeof commandOptions>[0]): CommandOptions => ({
  ...optionsOf(id, headers),
  commandId: undefined,
  expectedVersion: undefined
})

const commands = Effect.gen(function* () {
  const payments = yield* Payments
  const calls = yield* ProviderCalls

  const send = (id: string, command: Command, options: CommandOptions) =>
    Effect.map(payments.execute(id, command, options), accepted)

  /** For what leads to an operation of the provider's. */
  const request = (id: string, command: Command & { readonly operationId: string }, options: CommandOptions) =>
    Effect.map(send(id, command, options), (body) => ({ ...body, operationId: command.operationId }))

  const capture = (id: string, { captureId, amount }: typeof Capture.Type, options: CommandOptions) => {
    const operation = operationId(id, "capture", captureId ?? makeId(options))
    return request(id, { _tag: "Capture", operationId: operation, amount }, options)
  }

  const refund = (id: string, { refundId, amount, reason }: typeof Refund.Type, options: CommandOptions) => {
    const operation = operationId(id, "refund", refundId ?? makeId(options))
    return request(id, { _tag: "Refund", operationId: operation, amount, reason }, options)
  }

  /** Under an id of its own each time: the void before it may have been declined. */
  const voidPayment = Effect.fnUntraced(function* (
    id: string,
    { voidId, reason }: typeof Void.Type,
    options: CommandOptions
  ) {
    const operation = operationId(id, "void", voidId ?? makeId(options))
    // By message a void may overtake what it voids; whoever asks over HTTP has mistaken the id.
    if ((yield* payments.read(id)).version === 0) return yield* paymentNotFound()
    return yield* send(id, { _tag: "Void", operationId: operation, reason }, options)
  })

  const confirm = Effect.fnUntraced(function* (id: string, options: CommandOptions) {
    yield* calls.askAboutAuthorisation(id, options)
    const { version, state } = yield* payments.read(id)
    return { id, version, status: statusOf(state), actionUrl: state.actionUrl }
  })

  const reconcile = Effect.fnUntraced(function* (id: string, options: CommandOptions) {
    if ((yield* payments.read(id)).version === 0) return yield* paymentNotFound()
    const compared = yield* calls.compare(id, options)
    const { version, state } = yield* payments.read(id)
    const attention = state.attentions.filter(({ resolved }) => !resolved).map(({ attentionId }) => attentionId)
    return { id, version, status: statusOf(state), compared, attention }
  })

  return { send, capture, refund, voidPayment, confirm, reconcile }
})

const queries = Effect.gen(function* () {
  const read = yield* PaymentQueries
  const projector = yield* PaymentProjector

  /** The payment as the read model has it; when a version was asked for, not before it shows that. */
  const show = Effect.fnUntraced(function* (id: string, atLeastVersion: number | undefined) {
    const stream = Partition.streamOf("payment", id)
    const wanted = { projector, projection: paymentViewsName, what: `Payment ${id}`, stream, atLeastVersion }
    const payment = yield* Serving.show({ ...wanted, look: read.payment(id) })
    return Option.isSome(payment) ? payment.value : yield* paymentNotFound()
  })

  return { read, show, past: yield* Past.of(pastPayments) }
})

const webhooks = Effect.gen(function* () {
  const provider = yield* Provider
  const receive = yield* receiver

  /** Takes a webhook as it came: its signature is over the bytes of the body. */
  return Effect.fnUntraced(function* (name: string, request: HttpServerRequest.HttpServerRequest) {
    if (name !== provider.name) return yield* unknownProvider(name, provider.name)
    const body = yield* Effect.orDie(request.text)
    return { received: yield* receive(body, request.headers[provider.signatureHeader] ?? "") }
  })
})

const unknownProvider = (name: string, ours: string): UnknownProvider =>
  new UnknownProvider({
    provider: name,
    detail: `There is no provider ${name} here. Send webhooks to /payments/webhooks/${ours}.`
  })

/** The handlers of the payment's API. */
export const layer = HttpApiBuilder.group(
  PaymentApi,
  "payments",
  Effect.fnUntraced(function* (handlers) {
    const { send, capture, refund, voidPayment, confirm, reconcile } = yield* commands
    const { read, show, past } = yield* queries
    const webhook = yield* webhooks

    return handlers
      .handle("show", ({ params: { id }, query }) =>
        timed("payment", Effect.map(past.show(id, query, show(id, query.atLeastVersion)), Past.tagged))
      )
      .handle("history", ({ params: { id }, query }) => timed("payment-history", past.history(id, query)))
      .handle("diff", ({ params: { id }, query }) => timed("payment-difference", past.diff(id, query)))
      .handle("list", ({ query: { orderId, customerId, limit = defaultLimit, after } }) => {
        const owner = orderId === undefined ? { customerId: customerId ?? "" } : { orderId }
        return timed("payments-of", read.paymentsOf(owner, { limit, after }))
      })
      .handle("attention", ({ query: { limit = defaultLimit, after } }) =>
        timed("payment-attention", read.attention({ limit, after }))
      )
      .handle("open", ({ query: { limit = defaultLimit } }) => timed("open-payment-operations", read.open(limit)))
      .handle("ledger", ({ query }) => timed("payment-ledger", read.ledger(query)))
      .handle("capture", ({ params: { id }, payload, headers }) => capture(id, payload, optionsOf(id, headers)))
      .handle("refund", ({ params: { id }, payload, headers }) =>
        refund(id, payload, optionsOf(id, headers, payload.reason))
      )
      .handle("void", ({ params: { id }, payload, headers }) =>
        voidPayment(id, payload, optionsOf(id, headers, payload.reason))
      )
      .handle("confirm", ({ params: { id }, headers }) => confirm(id, optionsOf(id, headers)))
      .handle("reconcile", ({ params: { id }, headers }) => reconcile(id, comparing(id, headers)))
      .handle("resolve", ({ params: { id, attentionId }, payload: { note }, headers }) =>
        send(id, { _tag: "ResolveAttention", attentionId, note }, optionsOf(id, headers, note))
      )
      .handleRaw("webhook", ({ params, request }) => webhook(params.provider, request))
  })
)
