/**
 * The past of orders: their view, made anew of one stream's events as the projection makes it. Used by the handlers.
 */
import * as Instant from "@daybook/core/Instant"
import type { Subject } from "../Past.ts"
import { make as makeOrder } from "./Domain.ts"
import type { OrderEvent } from "./Events.ts"
import { Changes, fold } from "./Projections.ts"
import { type SealedOrder, type ViewRow, viewOf } from "./Queries.ts"
import type { OrderRow, TimelineRow } from "./ReadModels.ts"
import { orderNotFound } from "./Refusal.ts"
import type { OrderNotFound } from "./Rejection.ts"
import type { State } from "./State.ts"

type Timeline = ReadonlyArray<TimelineRow>

/** The entry about a record that ended it, if it has come to that. */
const endOf = (timeline: Timeline, event: OrderEvent["_tag"], { recordId }: TimelineRow): TimelineRow | undefined =>
  timeline.find((one) => one.event === event && one.recordId === recordId)

const instantOf = (entry: TimelineRow | undefined): string | null =>
  entry === undefined ? null : Instant.format(entry.occurredAtMillis)

const shipmentsOf = (timeline: Timeline): ViewRow["shipments"] =>
  timeline
    .filter(({ event }) => event === "OrderShipped")
    .map((shipped) => ({
      shipmentId: shipped.recordId ?? "",
      parcels: shipped.parcels,
      promisedBy: shipped.promisedBy,
      totalMinor: shipped.totalMinor ?? 0,
      shippedAt: Instant.format(shipped.occurredAtMillis),
      deliveredAt: instantOf(endOf(timeline, "ShipmentDelivered", shipped))
    }))

const returnsOf = (timeline: Timeline): ViewRow["returns"] =>
  timeline
    .filter(({ event }) => event === "ReturnRequested")
    .map((requested) => {
      const received = endOf(timeline, "ReturnReceived", requested)
      return {
        returnId: requested.recordId ?? "",
        reason: requested.reason ?? "",
        requestedAt: Instant.format(requested.occurredAtMillis),
        receivedAt: instantOf(received),
        refundMinor: received?.totalMinor ?? null
      }
    })

const orderOf = ({ orderId, placedAtMillis, updatedAtMillis, ...row }: OrderRow, changes: Changes): SealedOrder =>
  viewOf({
    ...row,
    id: orderId,
    // Whether it was is found out when the recipient is opened.
    recipientErased: false,
    placedAt: Instant.format(placedAtMillis),
    updatedAt: Instant.format(updatedAtMillis),
    lines: changes.lines.get(orderId) ?? [],
    shipments: shipmentsOf(changes.timeline),
    returns: returnsOf(changes.timeline)
  })

/** Orders. */
export const pastOrders: Subject<Changes, SealedOrder, State, OrderEvent, OrderNotFound> = {
  aggregate: makeOrder(),
  notFound: orderNotFound,
  begin: () => new Changes(),
  fold,
  view: (changes) => [...changes.orders.values()].map((row) => orderOf(row, changes))[0]
}
