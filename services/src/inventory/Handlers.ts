/**
 * What the inventory's HTTP API does: passes commands and queries on. No rules: those are the domain's.
 */
import type { CommandOptions } from "@daybook/core/Entities"
import * as Partition from "@daybook/core/Partition"
import * as Effect from "effect/Effect"
import { HttpApiBuilder } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { accepted, commandOptions } from "../Http.ts"
import * as Past from "../Past.ts"
import { page, show, timed } from "../Serving.ts"
import { InventoryApi } from "./Api.ts"
import { StockItems } from "./Entities.ts"
import { pastReservations, pastStock } from "./History.ts"
import { InventoryProjector } from "./Inventory.ts"
import { InventoryQueries } from "./Queries.ts"
import { reservationViewsName } from "./ReservationProjection.ts"
import { reservationNotFound } from "./ReservationRejection.ts"
import type { StockItemCommand } from "./StockItemDomain.ts"
import { stockItemId } from "./StockItemState.ts"
import { stockViewsName } from "./StockProjection.ts"
import { stockNotFound } from "./Views.ts"

const stock = HttpApiBuilder.group(
  InventoryApi,
  "stock",
  Effect.fnUntraced(function* (handlers) {
    const stockItems = yield* StockItems
    const queries = yield* InventoryQueries
    const projector = yield* InventoryProjector
    const past = yield* Past.of(pastStock)
    const send = (command: StockItemCommand, headers: Parameters<typeof commandOptions>[0]) => {
      const options: CommandOptions = commandOptions(headers, "reason" in command ? command.reason : undefined)
      return Effect.map(stockItems.execute(stockItemId(command), command, options), accepted)
    }

    return handlers
      .handle("list", ({ query }) => timed("stock-levels", queries.levels(query, page(query))))
      .handle("show", ({ params: { sku } }) =>
        timed(
          "stock",
          Effect.flatMap(queries.stock(sku), (found) =>
            Option.isSome(found) ? Effect.succeed(found.value) : Effect.fail(stockNotFound(sku))
          )
        )
      )
      .handle("movements", ({ params: { sku }, query }) =>
        timed("stock-movements", queries.movements({ sku, location: query.location }, page(query)))
      )
      .handle("level", ({ params, query }) => {
        const { sku, location } = params
        const { atLeastVersion } = query
        const what = `${sku} at ${location}`
        const id = stockItemId(params)
        const stream = Partition.streamOf("stockitem", id)
        const look = queries.level(params)
        const now = Effect.flatMap(
          show({ projector, what, projection: stockViewsName, stream, atLeastVersion, look }),
          (found) => (Option.isSome(found) ? Effect.succeed(found.value) : Effect.fail(stockNotFound(sku, location)))
        )
        return timed("stock-level", Effect.map(past.show(id, query, now), Past.tagged))
      })
      .handle("history", ({ params, query }) => timed("stock-history", past.history(stockItemId(params), query)))
      .handle("diff", ({ params, query }) => timed("stock-difference", past.diff(stockItemId(params), query)))
      .handle("receive", ({ params, payload, headers }) =>
        send({ _tag: "ReceiveStock", ...params, ...payload }, headers)
      )
      .handle("adjust", ({ params, payload, headers }) => send({ _tag: "AdjustStock", ...params, ...payload }, headers))
      .handle("transfer", ({ params, payload, headers }) =>
        send({ _tag: "TransferOut", ...params, ...payload }, headers)
      )
      .handle("ship", ({ params, payload: { orderId, ...payload }, headers }) =>
        send({ _tag: "ShipStock", ...params, ...payload, reservationId: orderId }, headers)
      )
      .handle("cancel", ({ params, payload: { orderId, ...payload }, headers }) =>
        send({ _tag: "CancelCommitment", ...params, ...payload, reservationId: orderId }, headers)
      )
      .handle("restock", ({ params, payload, headers }) =>
        send({ _tag: "RestockItems", ...params, ...payload }, headers)
      )
      .handle("setSafetyStock", ({ params, payload: { quantity }, headers }) =>
        send({ _tag: "SetSafetyStock", ...params, safetyStock: quantity }, headers)
      )
      .handle("setBackOrderLimit", ({ params, payload: { quantity }, headers }) =>
        send({ _tag: "SetBackOrderLimit", ...params, limit: quantity }, headers)
      )
      .handle("setReorderPoint", ({ params, payload: { quantity }, headers }) =>
        send({ _tag: "SetReorderPoint", ...params, reorderPoint: quantity }, headers)
      )
  })
)

const reservations = HttpApiBuilder.group(
  InventoryApi,
  "reservations",
  Effect.fnUntraced(function* (handlers) {
    const queries = yield* InventoryQueries
    const projector = yield* InventoryProjector
    const past = yield* Past.of(pastReservations)

    return handlers
      .handle("list", ({ query }) => timed("reservations", queries.reservations(query.status, page(query))))
      .handle("show", ({ params: { orderId }, query }) => {
        const { atLeastVersion } = query
        const look = queries.reservation(orderId)
        const what = `The reservation of order ${orderId}`
        const stream = Partition.streamOf("reservation", orderId)
        const now = Effect.flatMap(
          show({ projector, what, projection: reservationViewsName, stream, atLeastVersion, look }),
          (found) => (Option.isSome(found) ? Effect.succeed(found.value) : Effect.fail(reservationNotFound()))
        )
        return timed("reservation", Effect.map(past.show(orderId, query, now), Past.tagged))
      })
      .handle("history", ({ params: { orderId }, query }) => timed("reservation-history", past.history(orderId, query)))
      .handle("diff", ({ params: { orderId }, query }) => timed("reservation-difference", past.diff(orderId, query)))
  })
)

/** The handlers of the inventory's API. */
export const layer = Layer.merge(stock, reservations)
