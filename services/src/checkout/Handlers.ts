/**
 * What the checkout's HTTP API does: makes ids where the caller gave none, and passes commands and queries on.
 */
import type { CommandOptions } from "@daybook/core/Entities"
import * as Instant from "@daybook/core/Instant"
import * as Partition from "@daybook/core/Partition"
import type { Token } from "@daybook/core/PersonalToken"
import type { Command } from "@daybook/core/Saga"
import { SagaNotStarted, SagaNotWaiting } from "@daybook/core/SagaProblems"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import type { SagaRow, SagaView } from "@daybook/postgres/SqlSagaView"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import * as Option from "effect/Option"
import { accepted, commandOptions, defaultLimit, unknownCursor } from "../Http.ts"
import { recipient, recipientOf, subjectOf } from "../Recipient.ts"
import * as Serving from "../Serving.ts"
import { makeId, tagged, timed } from "../Serving.ts"
import { type BeginCheckout, CheckoutApi, type CheckoutView as View } from "./Api.ts"
import { CheckoutProjector, Checkouts, CheckoutView } from "./Checkout.ts"
import { defaultOlderThanMillis, Reconciliation } from "./Reconciliation.ts"
import { type CheckoutData, cancelled, name } from "./Saga.ts"

const viewOf = ({
  sagaId,
  status,
  dueAtMillis,
  startedAtMillis,
  updatedAtMillis,
  occurredAtMillis: _,
  ...row
}: SagaRow): View => ({
  ...row,
  id: sagaId,
  // Nothing is written of a saga before it has started.
  status: status === "unstarted" ? "running" : status,
  dueAt: dueAtMillis === null ? null : Instant.format(dueAtMillis),
  startedAt: Instant.format(startedAtMillis),
  updatedAt: Instant.format(updatedAtMillis)
})

const dataOf = (
  { cartId, cartVersion, acceptedTotal, paymentMethod }: typeof BeginCheckout.Type,
  sealed: Token | undefined
): CheckoutData => ({
  ...(sealed === undefined ? {} : { recipient: sealed }),
  cartId,
  cartVersion: cartVersion ?? null,
  acceptedTotal: acceptedTotal ?? null,
  paymentMethod: {
    token: paymentMethod.token,
    brand: paymentMethod.brand ?? null,
    last4: paymentMethod.last4 ?? null
  }
})

const notFound = (id: string): SagaNotStarted =>
  new SagaNotStarted({ detail: `There is no checkout ${id}. Check the id, or begin it with POST /checkouts.` })

const alreadyCompleted = (id: string): SagaNotWaiting =>
  new SagaNotWaiting({
    detail: `Checkout ${id} is completed, and nothing was changed. Cancel its order instead: POST /orders/${id}/cancellation.`
  })

const commands = Effect.gen(function* () {
  const checkouts = yield* Checkouts
  const keys = yield* SubjectKeys
  const send = (id: string, command: Command, options: CommandOptions) =>
    Effect.map(checkouts.execute(id, command, { ...options, correlationId: options.correlationId ?? id }), accepted)

  /** From here on nobody knows what it says. Sealed again it is the same token, so that a repeated request is the same one. */
  const sealed = ({ customerId = null, recipient: given }: typeof BeginCheckout.Type, id: string) =>
    given == null
      ? Effect.succeed(undefined)
      : Effect.provideService(recipient.seal(subjectOf(customerId, id), recipientOf(given)), SubjectKeys, keys)

  /** The idempotency key makes the id, so that a repeated request means the same checkout. */
  const begin = Effect.fnUntraced(function* (payload: typeof BeginCheckout.Type, options: CommandOptions) {
    const id = payload.id ?? makeId(options, name)
    const nowMillis = yield* Clock.currentTimeMillis
    const data = dataOf(payload, yield* sealed(payload, id))
    const body = yield* send(id, { _tag: "Start", sagaId: id, data, nowMillis }, options)
    return HttpApiSchema.withHeaders({ body, headers: { location: `/checkouts/${encodeURIComponent(id)}` } })
  })

  /** One that is at its end cannot be cancelled, which its buyer must not be left to believe. */
  const cancel = Effect.fnUntraced(function* (id: string, options: CommandOptions) {
    const { state } = yield* checkouts.read(id)
    if (state.status === "unstarted") return yield* notFound(id)
    if (state.status === "completed") return yield* alreadyCompleted(id)
    return yield* send(id, { _tag: "Cancel", reason: cancelled }, options)
  })
  return { send, begin, cancel }
})

/** The handlers of the checkout's API. */
export const layer = HttpApiBuilder.group(
  CheckoutApi,
  "checkouts",
  Effect.fnUntraced(function* (handlers) {
    const { send, begin, cancel } = yield* commands
    const view = yield* CheckoutView
    const projector = yield* CheckoutProjector
    const copy = yield* Reconciliation

    const show = Effect.fnUntraced(function* (id: string, atLeastVersion: number | undefined) {
      const stream = Partition.streamOf(name, id)
      const wanted = { projector, projection: `${name}-view`, what: `Checkout ${id}`, stream, atLeastVersion }
      const found = yield* Serving.show({ ...wanted, look: view.get(id) })
      return Option.isSome(found) ? viewOf(found.value) : yield* notFound(id)
    })

    /** A page after what is no checkout would be empty and look like the list's end, so that it fails instead. */
    const list = Effect.fnUntraced(function* (filter: Parameters<SagaView["list"]>[0]) {
      const rows = yield* view.list(filter)
      const isLost = rows.length === 0 && filter.after !== undefined && Option.isNone(yield* view.get(filter.after))
      return isLost ? yield* unknownCursor("Checkout", filter.after!) : rows.map(viewOf)
    })

    return handlers
      .handle("begin", ({ payload, headers }) => begin(payload, commandOptions(headers)))
      .handle("show", ({ params: { id }, query }) =>
        timed("checkout", Effect.map(show(id, query.atLeastVersion), tagged))
      )
      .handle("list", ({ query: { status, after, limit } }) =>
        timed("checkouts", list({ status, after, limit: limit ?? defaultLimit }))
      )
      .handle("cancel", ({ params: { id }, headers }) => cancel(id, commandOptions(headers)))
      .handle("retry", ({ params: { id }, headers }) =>
        Effect.flatMap(Clock.currentTimeMillis, (nowMillis) =>
          send(id, { _tag: "Retry", nowMillis }, commandOptions(headers))
        )
      )
      .handle("resolve", ({ params: { id }, payload: { outcome, answer }, headers }) =>
        Effect.flatMap(Clock.currentTimeMillis, (nowMillis) =>
          send(id, { _tag: "Resolve", outcome, answer: answer ?? null, nowMillis }, commandOptions(headers))
        )
      )
      .handle("reconciliation", ({ query: { kind, olderThanMinutes, limit = defaultLimit, after } }) =>
        timed(
          "reconciliation",
          Effect.flatMap(Clock.currentTimeMillis, (nowMillis) => {
            const olderThanMillis = olderThanMinutes === undefined ? defaultOlderThanMillis : olderThanMinutes * 60_000
            return copy.findings({ kind, beforeMillis: nowMillis - olderThanMillis, after, limit })
          })
        )
      )
  })
)
