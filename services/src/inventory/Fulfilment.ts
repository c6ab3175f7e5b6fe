/**
 * What the inventory does about orders once they are certain: shipped items leave the stock, cancelled ones are free again. A
 * consumer of its own, so that a shipment which has to wait for its commitment holds up no command.
 *
 * What comes back is not put on the shelf here: whether it can be sold again is found by looking at it, and said over HTTP.
 */

import { following } from "@daybook/core/Causation"
import * as Consumer from "@daybook/core/Consumer"
import type { Message } from "@daybook/core/Message"
import { Problem } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { OrderEvents } from "../order/Contract.ts"
import { Reservations, StockItems } from "./Entities.ts"
import { totalsOf, type Wanted } from "./LocationChoice.ts"
import type { StockItemCommand } from "./StockItemDomain.ts"
import { stockItemId } from "./StockItemState.ts"

/** The group at the broker, and the name in the inbox. On disk. */
export const orderConsumerName = "inventory-orders"

/** An order tells of an item that its reservation does not have. For operators, who find it among the dead letters. */
class ItemNotReserved extends Problem<ItemNotReserved>()(
  "ItemNotReserved",
  { status: 409, title: "The order tells of an item that was not reserved for it" },
  { reservationId: Schema.String, sku: Schema.String }
) {}

const itemNotReserved = (reservationId: string, sku: string): ItemNotReserved =>
  new ItemNotReserved({
    reservationId,
    sku,
    detail: `Reservation ${reservationId} has no ${sku}. Check the order; where the item has left all the same, adjust its stock, and discard the message.`
  })

/** A movement of what an order has, and the document of it. */
interface Movement {
  readonly reservationId: string
  readonly lines: ReadonlyArray<Wanted>
  readonly _tag: "ShipStock" | "CancelCommitment"
  readonly reference: string
}

/** Sends a command to the stock item of each SKU. A message that overtakes the commitment fails, and is tried again. */
const move = Effect.fnUntraced(function* ({ reservationId, lines, _tag, reference }: Movement, message: Message) {
  const stockItems = yield* StockItems
  const { state } = yield* (yield* Reservations).read(reservationId)
  const commands: Array<StockItemCommand> = []
  for (const [sku, quantity] of totalsOf(lines)) {
    // A reservation that came by message has one location for each SKU.
    const line = state.lines.find((held) => held.sku === sku)
    if (line === undefined) return yield* itemNotReserved(reservationId, sku)
    commands.push({ _tag, sku, location: line.location, reservationId, quantity, reference })
  }
  yield* Effect.forEach(
    commands,
    (command) => {
      const id = stockItemId(command)
      // The ledger says when it was shipped, not when that came to be known here.
      return stockItems.execute(id, command, following(message, message.id, `${_tag}/${reference}/${id}`))
    },
    { concurrency: 16, discard: true }
  )
})

/** The orders' topic, for the service's consumer. */
export const orderEvents = Consumer.on(OrderEvents, {
  OrderPlaced: Consumer.ignored,
  // The checkout commits the reservation before it confirms the order, and releases it before it gives the order up.
  OrderConfirmed: Consumer.ignored,
  OrderRejected: Consumer.ignored,
  CancellationRequested: Consumer.ignored,
  LinesCancelled: ({ reservationId, lines, cancellationId }, message) =>
    move({ _tag: "CancelCommitment", reservationId, lines, reference: cancellationId }, message),
  OrderCancelled: Consumer.ignored,
  OrderShipped: ({ reservationId, lines, shipmentId }, message) =>
    move({ _tag: "ShipStock", reservationId, lines, reference: shipmentId }, message),
  ShipmentDelivered: Consumer.ignored,
  ReturnRequested: Consumer.ignored,
  ReturnReceived: Consumer.ignored,
  OrderClosed: Consumer.ignored
})
