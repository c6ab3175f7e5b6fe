/**
 * What other services are told of the order's events: all of them, since each moves goods, money or a promise to a customer.
 *
 * The order's name is added, what the contract does not have is left out. `OrderConfirmed` is told when it happens, and it
 * happens only once the outcome is certain.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Publication from "@daybook/core/Publication"
import { OrderEvents } from "./Contract.ts"
import { make as makeOrder } from "./Domain.ts"
import type { OrderEvent, Status } from "./Events.ts"
import { asOne } from "./Parcels.ts"

/** The event, and the order that it is about. */
const told = <E extends OrderEvent>(event: E, { stream }: Recorded<OrderEvent>) => [
  { ...event, orderId: Partition.idOf(stream) }
]

/** What a confirmed order can be. Another status has no place in the contract, and would stop the publication. */
type Fulfilment = Exclude<Status, "unplaced" | "pending" | "rejected" | "closed">

/** The event with the order's status after it, of which the contract has only what a confirmed order can be. */
const toldWithStatus = <E extends Extract<OrderEvent, { readonly status: Status }>>(
  { status, ...event }: E,
  { stream }: Recorded<OrderEvent>
) => [{ ...event, orderId: Partition.idOf(stream), fulfilment: status as Fulfilment }]

/** The order's publication, for its projector. */
export const orderPublication = Publication.make({
  name: "order-publication",
  source: "/order",
  aggregate: makeOrder(),
  contract: OrderEvents
})({
  OrderPlaced: told,
  OrderConfirmed: told,
  OrderRejected: told,
  CancellationRequested: told,
  LinesCancelled: toldWithStatus,
  OrderCancelled: told,
  /** Told as one parcel too, for readers who know no more. */
  OrderShipped: (event, recorded) => toldWithStatus({ ...event, ...asOne(event.parcels) }, recorded),
  ShipmentDelivered: toldWithStatus,
  ReturnRequested: told,
  ReturnReceived: told,
  OrderClosed: told
})
