/**
 * The rows of the order's read models, and what each event makes of them. Pure; `Projections.ts` loads and saves.
 */
import type { Recorded } from "@daybook/core/Event"
import type { Token } from "@daybook/core/PersonalToken"
import type { OrderEvent, Part, Shortage, Status } from "./Events.ts"
import * as Lines from "./Lines.ts"
import type { Parcel } from "./Parcels.ts"

/** A row of `order_view`. Times in milliseconds since 1970. */
export interface OrderRow {
  readonly orderId: string
  readonly version: number
  readonly status: typeof Status.Type
  readonly cartId: string
  readonly checkoutId: string
  readonly customerId: string | null
  readonly country: string | null
  /** Sealed. */
  readonly recipient: Token | null
  readonly currency: string
  readonly goodsMinor: number
  readonly taxMinor: number
  readonly shippingMinor: number
  readonly totalMinor: number
  readonly chargedMinor: number
  readonly cancelledMinor: number
  readonly refundedMinor: number
  readonly lineCount: number
  readonly openReturns: number
  readonly cancellationRequested: boolean
  readonly authorisationId: string | null
  readonly reservationId: string | null
  readonly rejectReason: string | null
  readonly cancelReason: string | null
  readonly shortages: ReadonlyArray<typeof Shortage.Type>
  readonly placedAtMillis: number
  readonly updatedAtMillis: number
}

/** A row of `order_timeline`. */
export interface TimelineRow {
  readonly orderId: string
  readonly version: number
  readonly occurredAtMillis: number
  readonly event: OrderEvent["_tag"]
  readonly actor: string | null
  readonly note: string | null
  readonly recordId: string | null
  readonly reason: string | null
  readonly parcels: ReadonlyArray<Parcel>
  readonly promisedBy: string | null
  readonly lines: ReadonlyArray<Part>
  readonly totalMinor: number | null
}

type Of<Tag extends OrderEvent["_tag"]> = Extract<OrderEvent, { readonly _tag: Tag }>

/** The row of an order that has just been placed. */
export const placedRow = (orderId: string, event: Of<"OrderPlaced">, atMillis: number): OrderRow => ({
  orderId,
  version: 0,
  status: "pending",
  cartId: event.cartId,
  checkoutId: event.checkoutId,
  customerId: event.customerId,
  country: event.country,
  recipient: event.recipient,
  currency: event.total.currency,
  goodsMinor: event.goods.amountMinor,
  taxMinor: event.tax.amountMinor,
  shippingMinor: event.shipping.amountMinor,
  totalMinor: event.total.amountMinor,
  chargedMinor: 0,
  cancelledMinor: 0,
  refundedMinor: 0,
  lineCount: event.lines.length,
  openReturns: 0,
  cancellationRequested: false,
  authorisationId: null,
  reservationId: null,
  rejectReason: null,
  cancelReason: null,
  shortages: [],
  placedAtMillis: atMillis,
  updatedAtMillis: atMillis
})

/** What each event changes of the order's row, besides its version and time. */
const changes: { readonly [Tag in OrderEvent["_tag"]]: (row: OrderRow, event: Of<Tag>) => Partial<OrderRow> } = {
  OrderPlaced: () => ({}),
  OrderConfirmed: (_, { authorisationId, reservationId }) => ({ status: "confirmed", authorisationId, reservationId }),
  OrderRejected: (_, { reason, shortages }) => ({ status: "rejected", rejectReason: reason, shortages }),
  CancellationRequested: () => ({ cancellationRequested: true }),
  LinesCancelled: ({ cancelledMinor }, { status, total }) => ({
    status,
    cancelledMinor: cancelledMinor + total.amountMinor
  }),
  OrderCancelled: (_, { reason }) => ({ status: "cancelled", cancelReason: reason }),
  OrderShipped: ({ chargedMinor }, { status, total }) => ({ status, chargedMinor: chargedMinor + total.amountMinor }),
  ShipmentDelivered: (_, { status }) => ({ status }),
  ReturnRequested: ({ openReturns }) => ({ openReturns: openReturns + 1 }),
  ReturnReceived: ({ openReturns, refundedMinor }, { total }) => ({
    openReturns: openReturns - 1,
    refundedMinor: refundedMinor + total.amountMinor
  }),
  OrderClosed: () => ({ status: "closed" })
}

/** The order's row after an event. */
export const rowAfter = (row: OrderRow, { event, version, occurredAtMillis }: Recorded<OrderEvent>): OrderRow => ({
  ...row,
  ...changes[event._tag](row, event as never),
  version,
  updatedAtMillis: occurredAtMillis
})

/** Events that are about parts of lines which were placed before. */
export type LineEvent = Of<
  "LinesCancelled" | "OrderShipped" | "ShipmentDelivered" | "ReturnRequested" | "ReturnReceived"
>

/** Whether an event is about parts of lines. */
export const isLineEvent = (event: OrderEvent): event is LineEvent => "lines" in event && event._tag !== "OrderPlaced"

/** The order's lines after an event. `announced` is what the return was announced with, where it is a return that is received. */
export const linesAfter = (
  lines: ReadonlyArray<Lines.OrderLine>,
  event: LineEvent,
  announced: ReadonlyArray<Part>
): ReadonlyArray<Lines.OrderLine> => {
  switch (event._tag) {
    case "LinesCancelled":
      return Lines.cancel(lines, event.lines)
    case "OrderShipped":
      return Lines.ship(lines, event.lines)
    case "ShipmentDelivered":
      return Lines.deliver(lines, event.lines)
    case "ReturnRequested":
      return Lines.announceReturn(lines, event.lines)
    case "ReturnReceived":
      return Lines.receiveReturn(lines, announced, event.lines)
  }
}

/** What some events say and others do not, under the names that all of them use. */
interface Said {
  readonly cancellationId?: string
  readonly shipmentId?: string
  readonly returnId?: string
  readonly reason?: string
  readonly parcels?: ReadonlyArray<Parcel>
  readonly promisedBy?: string | null
  readonly total?: { readonly amountMinor: number }
  readonly kept?: { readonly amountMinor: number }
}

/** What happened, as the timeline has it. */
export const timelineRow = (orderId: string, recorded: Recorded<OrderEvent>): TimelineRow => {
  const { event, version, occurredAtMillis, actor } = recorded
  const said: Said = event
  return {
    orderId,
    version,
    occurredAtMillis,
    event: event._tag,
    actor,
    note: recorded.reason,
    recordId: said.cancellationId ?? said.shipmentId ?? said.returnId ?? null,
    reason: said.reason ?? null,
    parcels: said.parcels ?? [],
    promisedBy: said.promisedBy ?? null,
    lines: isLineEvent(event) ? event.lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity })) : [],
    totalMinor: (said.total ?? said.kept)?.amountMinor ?? null
  }
}
