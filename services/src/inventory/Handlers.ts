/**
 * What the inventory's HTTP API does: passes commands and queries on. No rules: those are the domain's.
 */
import type { CommandOptions } from "@daybook/core/Entities"
import * as Metrics from "@daybook/core/Metrics"
import * as Effect from "effect/Effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { accepted, commandOptions, defaultLimit, NotYetVisible, waitMillis } from "../Http.ts"
import { InventoryApi } from "./Api.ts"
import { StockItems } from "./Entities.ts"
import { InventoryProjector } from "./Inventory.ts"
import { InventoryQueries } from "./Queries.ts"
import { reservationViewsName } from "./ReservationProjection.ts"
import { reservationNotFound } from "./ReservationRejection.ts"
import type { StockItemCommand } from "./StockItemDomain.ts"
import { stockItemId } from "./StockItemState.ts"
import { stockViewsName } from "./StockProjection.ts"
import { stockNotFound } from "./Views.ts"

const page = (query: { readonly limit?: number; readonly after?: string }) => ({
  limit: query.limit ?? defaultLimit,
  after: query.after
})

/** Records how long a query takes, also one that fails. */
const timed = <A, E, R>(query: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const record = Metrics.recorder(Metrics.querySeconds, yield* Effect.context<never>(), { query })
    const started = performance.now()
    return yield* Effect.ensuring(
      effect,
      Effect.sync(() => record((performance.now() - started) / 1000))
    )
  })

const notYetVisible = (what: string, atLeastVersion: number, projection: string): NotYetVisible =>
  new NotYetVisible({
    atLeastVersion,
    retryAfterSeconds: 1,
    detail:
      `${what} is not visible at version ${atLeastVersion} after ${waitMillis} ms. Ask again; when it lasts, check the ` +
      `lag of the projection ${projection}, and that the version exists.`
  })

interface Versioned {
  readonly version: number
}

/** One thing as a read model has it; when a version was asked for, not before it shows that. */
const shown = Effect.map(
  InventoryProjector,
  (projector) =>
    <A extends Versioned, E, R>(wanted: {
      readonly what: string
      readonly projection: string
      readonly atLeastVersion: number | undefined
      readonly look: Effect.Effect<Option.Option<A>, E, R>
    }) =>
      Effect.gen(function* () {
        const { what, projection, atLeastVersion = 0, look } = wanted
        const seen = yield* projector.awaitUntil(
          projection,
          Effect.map(look, (found) => {
            const version = Option.isSome(found) ? found.value.version : 0
            return version >= atLeastVersion ? Option.some(found) : Option.none()
          }),
          waitMillis
        )
        return Option.isSome(seen) ? seen.value : yield* notYetVisible(what, atLeastVersion, projection)
      })
)

const tagged = <A extends Versioned>(body: A) =>
  HttpApiSchema.withHeaders({ body, headers: { etag: `"${body.version}"` } })

const stock = HttpApiBuilder.group(
  InventoryApi,
  "stock",
  Effect.fnUntraced(function* (handlers) {
    const stockItems = yield* StockItems
    const queries = yield* InventoryQueries
    const show = yield* shown
    const send = (command: StockItemCommand, headers: Parameters<typeof commandOptions>[0]) => {
      const options: CommandOptions = commandOptions(headers)
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
      .handle("level", ({ params, query: { atLeastVersion } }) => {
        const { sku, location } = params
        const what = `${sku} at ${location}`
        const look = queries.level(params)
        return timed(
          "stock-level",
          Effect.flatMap(show({ what, projection: stockViewsName, atLeastVersion, look }), (found) =>
            Option.isSome(found) ? Effect.succeed(tagged(found.value)) : Effect.fail(stockNotFound(sku, location))
          )
        )
      })
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
    const show = yield* shown

    return handlers
      .handle("list", ({ query }) => timed("reservations", queries.reservations(query.status, page(query))))
      .handle("show", ({ params: { orderId }, query: { atLeastVersion } }) => {
        const look = queries.reservation(orderId)
        const what = `The reservation of order ${orderId}`
        return timed(
          "reservation",
          Effect.flatMap(show({ what, projection: reservationViewsName, atLeastVersion, look }), (found) =>
            Option.isSome(found) ? Effect.succeed(tagged(found.value)) : Effect.fail(reservationNotFound())
          )
        )
      })
  })
)

/** The handlers of the inventory's API. */
export const layer = Layer.merge(stock, reservations)
