/**
 * What the order's HTTP API does: makes ids where the caller gave none, and passes commands and queries on. No rules: those are
 * the domain's.
 */
import type { CommandOptions } from "@daybook/core/Entities"
import * as Partition from "@daybook/core/Partition"
import { SubjectKeys } from "@daybook/core/SubjectKeys"
import * as Effect from "effect/Effect"
import { HttpApiBuilder } from "effect/http-api"
import * as Option from "effect/Option"
import type { ShowQuery } from "../History.ts"
import { accepted, commandOptions, defaultLimit } from "../Http.ts"
import * as Past from "../Past.ts"
import { recipient } from "../Recipient.ts"
import * as Serving from "../Serving.ts"
import { makeId, page, timed } from "../Serving.ts"
import { type CancelLines, OrderApi, type RecordShipment, type RequestCancellation, type RequestReturn } from "./Api.ts"
import type { Command } from "./Command.ts"
import { pastOrders } from "./History.ts"
import { OrderProjector, Orders } from "./Order.ts"
import { ofOne } from "./Parcels.ts"
import { orderViewsName } from "./Projections.ts"
import { OrderQueries, type SealedOrder, type TimelinePage } from "./Queries.ts"
import { orderNotFound } from "./Refusal.ts"

const commands = Effect.gen(function* () {
  const orders = yield* Orders

  const send = (id: string, command: Command, options: CommandOptions) =>
    Effect.map(orders.execute(id, command, { ...options, correlationId: options.correlationId ?? id }), accepted)

  const requestCancellation = (id: string, asked: typeof RequestCancellation.Type, options: CommandOptions) => {
    const { cancellationId = makeId(options) } = asked
    const command: Command = { _tag: "RequestCancellation", cancellationId }
    return Effect.map(send(id, command, options), (body) => ({ ...body, cancellationId }))
  }

  const cancelLines = (id: string, asked: typeof CancelLines.Type, options: CommandOptions) => {
    const { cancellationId = makeId(options), reason, lines } = asked
    const command: Command = { _tag: "CancelLines", cancellationId, reason, lines }
    return Effect.map(send(id, command, options), (body) => ({ ...body, cancellationId }))
  }

  const recordShipment = (id: string, asked: typeof RecordShipment.Type, options: CommandOptions) => {
    const { shipmentId = makeId(options), carrier = null, trackingNumber = null, promisedBy = null, lines } = asked
    const { parcels = ofOne({ carrier, trackingNumber }) } = asked
    const command: Command = { _tag: "RecordShipment", shipmentId, parcels, promisedBy, lines }
    return Effect.map(send(id, command, options), (body) => ({ ...body, shipmentId }))
  }

  const requestReturn = (id: string, asked: typeof RequestReturn.Type, options: CommandOptions) => {
    const { returnId = makeId(options), reason, lines } = asked
    const command: Command = { _tag: "RequestReturn", returnId, reason, lines }
    return Effect.map(send(id, command, options), (body) => ({ ...body, returnId }))
  }

  return { requestCancellation, cancelLines, recordShipment, requestReturn, send }
})

/** An order with its recipient opened, for whoever may see it. */
const opening = Effect.gen(function* () {
  const keys = yield* SubjectKeys
  return Effect.fnUntraced(function* ({ recipient: token, ...order }: SealedOrder) {
    if (token === null) return { ...order, recipient: null }
    const found = yield* Effect.provideService(recipient.open(token), SubjectKeys, keys)
    return { ...order, recipient: Option.getOrNull(found), recipientErased: Option.isNone(found) }
  })
})

const queries = Effect.gen(function* () {
  const read = yield* OrderQueries
  const opened = yield* opening
  const projector = yield* OrderProjector
  const past = yield* Past.of(pastOrders)

  /** Waits until queries show an order at a version. */
  const visible = (id: string, atLeastVersion: number | undefined) => {
    const look = Effect.map(read.version(id), (version) => Option.some({ version }))
    const stream = Partition.streamOf("order", id)
    return Serving.show({ projector, projection: orderViewsName, what: `Order ${id}`, stream, atLeastVersion, look })
  }

  const now = Effect.fnUntraced(function* (id: string, atLeastVersion: number | undefined) {
    yield* visible(id, atLeastVersion)
    const order = yield* read.order(id)
    return Option.isSome(order) ? order.value : yield* orderNotFound()
  })

  const show = Effect.fnUntraced(function* (id: string, query: ShowQuery) {
    const { view, leftOut } = yield* past.show(id, query, now(id, query.atLeastVersion))
    return Past.tagged({ view: yield* opened(view), leftOut })
  })

  const timeline = Effect.fnUntraced(function* (id: string, slice: TimelinePage, atLeastVersion: number | undefined) {
    yield* visible(id, atLeastVersion)
    const entries = yield* read.timeline(id, slice)
    if (entries.length === 0 && (yield* read.version(id)) === 0) return yield* orderNotFound()
    return entries
  })

  return { read, show, past, timeline }
})

/** The handlers of the order's API. */
export const layer = HttpApiBuilder.group(
  OrderApi,
  "orders",
  Effect.fnUntraced(function* (handlers) {
    const { requestCancellation, cancelLines, recordShipment, requestReturn, send } = yield* commands
    const { read, show, past, timeline } = yield* queries

    return handlers
      .handle("show", ({ params: { id }, query }) => timed("order", show(id, query)))
      .handle("history", ({ params: { id }, query }) => timed("order-history", past.history(id, query)))
      .handle("diff", ({ params: { id }, query }) => timed("order-difference", past.diff(id, query)))
      .handle("list", ({ query }) => timed("orders-of-customer", read.ordersOf(query.customerId, page(query))))
      .handle("queue", ({ query }) => timed("order-queue", read.queue(query.status, page(query))))
      .handle("timeline", ({ params: { id }, query: { limit = defaultLimit, after, atLeastVersion } }) =>
        timed("order-timeline", timeline(id, { limit, after }, atLeastVersion))
      )
      .handle("confirmedRevenue", () => timed("confirmed-revenue", read.confirmedRevenue()))
      .handle("requestCancellation", ({ params: { id }, payload, headers }) =>
        requestCancellation(id, payload, commandOptions(headers))
      )
      .handle("cancelLines", ({ params: { id }, payload, headers }) =>
        cancelLines(id, payload, commandOptions(headers, payload.reason))
      )
      .handle("recordShipment", ({ params: { id }, payload, headers }) =>
        recordShipment(id, payload, commandOptions(headers))
      )
      .handle("recordDelivery", ({ params: { id, shipmentId }, headers }) =>
        send(id, { _tag: "RecordDelivery", shipmentId }, commandOptions(headers))
      )
      .handle("requestReturn", ({ params: { id }, payload, headers }) =>
        requestReturn(id, payload, commandOptions(headers, payload.reason))
      )
      .handle("receiveReturn", ({ params: { id, returnId }, payload: { lines }, headers }) =>
        send(id, { _tag: "ReceiveReturn", returnId, lines }, commandOptions(headers))
      )
      .handle("close", ({ params: { id }, headers }) => send(id, { _tag: "CloseOrder" }, commandOptions(headers)))
  })
)
