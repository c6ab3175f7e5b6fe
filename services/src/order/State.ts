/**
 * What is known of an order: its state, also as it is stored, and what each event makes of it.
 *
 * Everything that was ever done under an id is kept, since the same may be sent again years later.
 */
import type * as Aggregate from "@daybook/core/Aggregate"
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"
import { recipient } from "../Recipient.ts"
import type { OrderEvent } from "./Events.ts"
import { CancelReason, CancelScope, RejectReason, ReturnReason, Shortage, Status } from "./Events.ts"
import * as Lines from "./Lines.ts"
import { ofOne, Parcel } from "./Parcels.ts"

// --- state ---

const Quantities = Schema.Array(Schema.Struct({ lineId: Schema.String, quantity: Schema.Int }))

/** What is known of an order. Also its stored form. */
export const State = Schema.Struct({
  status: Status,
  cartId: Schema.String,
  checkoutId: Schema.String,
  customerId: Schema.NullOr(Schema.String),
  country: Schema.NullOr(Schema.String),
  recipient: Schema.NullOr(recipient.token),
  /** `XXX` until the order is placed. */
  currency: Money.CurrencyCode,
  /** As placed, in that order. */
  lines: Schema.Array(Lines.OrderLine),
  shippingMinor: Schema.Int,
  /** Goods, tax and shipping. Always a safe integer. */
  totalMinor: Schema.Int,
  /** The payment and the stock behind the order, once it is confirmed. */
  backing: Schema.NullOr(Schema.Struct({ authorisationId: Schema.String, reservationId: Schema.String })),
  rejection: Schema.NullOr(Schema.Struct({ reason: RejectReason, shortages: Schema.Array(Shortage) })),
  /** The cancellation that the customer asked for while the order was pending. */
  requestedCancellationId: Schema.NullOr(Schema.String),
  cancellations: Schema.Array(
    Schema.Struct({ cancellationId: Schema.String, scope: CancelScope, reason: CancelReason, lines: Quantities })
  ),
  shipments: Schema.Array(
    Schema.Struct({
      shipmentId: Schema.String,
      parcels: Schema.Array(Parcel),
      promisedBy: Schema.NullOr(Schema.String),
      lines: Quantities,
      delivered: Schema.Boolean
    })
  ),
  /** `received` is `null` until the return has come. */
  returns: Schema.Array(
    Schema.Struct({
      returnId: Schema.String,
      reason: ReturnReason,
      lines: Quantities,
      received: Schema.NullOr(Quantities)
    })
  )
})

/** What is known of an order. */
export type State = typeof State.Type

/** The version of the stored form. Version 1 knew one parcel of a shipment, no promise and no recipient. */
export const stateVersion = 2

/** A stored state of version 1, as far as it was different. */
interface Version1 {
  readonly shipments: ReadonlyArray<Parcel>
}

/** Raises a stored state of version 1. */
export const upcast = ({ shipments, ...state }: Version1): unknown => ({
  ...state,
  recipient: null,
  shipments: shipments.map(({ carrier, trackingNumber, ...shipment }) => ({
    ...shipment,
    parcels: ofOne({ carrier, trackingNumber }),
    promisedBy: null
  }))
})

export const initial: State = {
  status: "unplaced",
  cartId: "",
  checkoutId: "",
  customerId: null,
  country: null,
  recipient: null,
  currency: Money.noCurrency,
  lines: [],
  shippingMinor: 0,
  totalMinor: 0,
  backing: null,
  rejection: null,
  requestedCancellationId: null,
  cancellations: [],
  shipments: [],
  returns: []
}

/** An amount in the order's currency. */
export const moneyIn = ({ currency }: State, amountMinor: number): Money.Money => ({ amountMinor, currency })

/** Where the order came from and whose it is. */
export const originOf = ({ cartId, checkoutId, customerId, country }: State) => ({
  cartId,
  checkoutId,
  customerId,
  country
})

// --- evolve ---

const quantities = (parts: ReadonlyArray<Lines.Quantity>): ReadonlyArray<Lines.Quantity> =>
  parts.map(({ lineId, quantity }) => ({ lineId, quantity }))

export const evolve: Aggregate.Evolve<State, OrderEvent> = {
  OrderPlaced: (state, { cartId, checkoutId, customerId, country, recipient, lines, shipping, total }) => ({
    ...state,
    status: "pending",
    cartId,
    checkoutId,
    customerId,
    country,
    recipient,
    currency: total.currency,
    lines: lines.map(Lines.placed),
    shippingMinor: shipping.amountMinor,
    totalMinor: total.amountMinor
  }),
  OrderConfirmed: (state, { authorisationId, reservationId }) => ({
    ...state,
    status: "confirmed",
    backing: { authorisationId, reservationId }
  }),
  OrderRejected: (state, { reason, shortages }) => ({ ...state, status: "rejected", rejection: { reason, shortages } }),
  CancellationRequested: (state, { cancellationId }) => ({ ...state, requestedCancellationId: cancellationId }),
  LinesCancelled: (state, { cancellationId, scope, reason, lines, status }) => ({
    ...state,
    status,
    lines: Lines.cancel(state.lines, lines),
    cancellations: [...state.cancellations, { cancellationId, scope, reason, lines: quantities(lines) }]
  }),
  /** Of a confirmed order, `LinesCancelled` has recorded the cancellation. */
  OrderCancelled: (state, { cancellationId, reason }) => ({
    ...state,
    status: "cancelled",
    cancellations:
      state.backing === null
        ? [...state.cancellations, { cancellationId, scope: "order", reason, lines: [] }]
        : state.cancellations
  }),
  OrderShipped: (state, { shipmentId, parcels, promisedBy, lines, status }) => ({
    ...state,
    status,
    lines: Lines.ship(state.lines, lines),
    shipments: [...state.shipments, { shipmentId, parcels, promisedBy, lines: quantities(lines), delivered: false }]
  }),
  ShipmentDelivered: (state, { shipmentId, lines, status }) => ({
    ...state,
    status,
    lines: Lines.deliver(state.lines, lines),
    shipments: state.shipments.map((shipment) =>
      shipment.shipmentId === shipmentId ? { ...shipment, delivered: true } : shipment
    )
  }),
  ReturnRequested: (state, { returnId, reason, lines }) => ({
    ...state,
    lines: Lines.announceReturn(state.lines, lines),
    returns: [...state.returns, { returnId, reason, lines: quantities(lines), received: null }]
  }),
  ReturnReceived: (state, { returnId, lines }) => {
    const announced = state.returns.find((one) => one.returnId === returnId)
    if (announced === undefined) return state
    const ended = { ...announced, received: quantities(lines) }
    return {
      ...state,
      lines: Lines.receiveReturn(state.lines, announced.lines, lines),
      returns: state.returns.map((one) => (one === announced ? ended : one))
    }
  },
  OrderClosed: (state) => ({ ...state, status: "closed" })
}
