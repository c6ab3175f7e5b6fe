/**
 * The inventory's HTTP API. Browser-safe: a client is made from it with `HttpApiClient`.
 *
 * Reservations are made, committed and released by message alone (`Contract.ts`); here they can be looked at. What happens to stock
 * names its document, the `reference`: the same again does nothing.
 */
import { HttpApi, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import * as Schema from "effect/Schema"
import {
  describeDifference,
  describeHistory,
  differenceOf,
  historyOf,
  pastHint,
  pastProblems,
  ShowQuery,
  shown
} from "../History.ts"
import {
  CommandAccepted,
  CommandHeaders,
  commandProblems,
  describe,
  PageQuery,
  QueryInt,
  queryProblems,
  UnknownCursor
} from "../Http.ts"
import { RequestProblems } from "../InvalidRequest.ts"
import { Id, Text } from "../Text.ts"
import { ReservationStatus } from "./ReservationEvents.ts"
import { ReservationNotFound } from "./ReservationRejection.ts"
import { AdjustReason, RestockReason } from "./StockItemEvents.ts"
import { stockItemRejections } from "./StockItemRejection.ts"
import { ReservationView, SkuStock, StockLevel, StockMovement, StockNotFound } from "./Views.ts"

const errors = [...stockItemRejections, ...commandProblems] as const

/** `/stock/<sku>/movements` is the ledger, so that no location is called that. */
const Location = Id.check(
  Schema.makeFilter((text: string) => text !== "movements" || `Expected another name than "movements", which is taken`)
)

const stockItem = { sku: Id, location: Location }

/** What a movement says besides its stock item. The domain knows which quantities it takes. */
const movement = { quantity: Schema.Int, reference: Id }

const Receipt = Schema.Struct(movement)
const Adjustment = Schema.Struct({ ...movement, reason: AdjustReason })
const Transfer = Schema.Struct({ ...movement, toLocation: Location })
const OfOrder = Schema.Struct({ ...movement, orderId: Id })
const Restock = Schema.Struct({ ...movement, reason: RestockReason })
const Setting = Schema.Struct({ quantity: Schema.Int })

/** An id of a stock item, as answers have it: SKU and location, each percent-encoded. */
const afterStockItem = { ...PageQuery, after: Schema.optionalKey(Text(1_200)) }

/** A command to a stock item; its path goes on after SKU and location. */
const post = <const Name extends string, Payload extends Schema.Struct<Schema.Struct.Fields>>(
  name: Name,
  path: `/${string}`,
  payload: Payload
) =>
  HttpApiEndpoint.post(name, `/stock/:sku/:location${path}`, {
    params: stockItem,
    headers: CommandHeaders,
    payload,
    success: CommandAccepted,
    error: errors
  })

/** A setting of a stock item. */
const put = <const Name extends string>(name: Name, path: `/${string}`) =>
  HttpApiEndpoint.put(name, `/stock/:sku/:location${path}`, {
    params: stockItem,
    headers: CommandHeaders,
    payload: Setting,
    success: CommandAccepted,
    error: errors
  })

export class Stock extends HttpApiGroup.make("stock")
  .add(
    HttpApiEndpoint.get("list", "/stock", {
      query: {
        below: Schema.optionalKey(QueryInt({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
        low: Schema.optionalKey(Schema.Boolean),
        location: Schema.optionalKey(Id),
        ...afterStockItem
      },
      success: Schema.Array(StockLevel),
      error: [...queryProblems, UnknownCursor]
    }).annotateMerge(
      describe(
        "List stock items, the scarcest first",
        "`below`: those of which fewer than so many are available. `low=true`: those at or below their own reorder point, " +
          "`low=false`: the others. `location`: those there. Without any of them all. A page goes on `after` an id."
      )
    ),
    HttpApiEndpoint.get("show", "/stock/:sku", {
      params: { sku: Id },
      success: SkuStock,
      error: [StockNotFound, ...queryProblems]
    }).annotateMerge(
      describe(
        "Show a SKU at all its locations",
        "What lies where, what is promised, and what is available, in sum and each."
      )
    ),
    HttpApiEndpoint.get("movements", "/stock/:sku/movements", {
      params: { sku: Id },
      query: { location: Schema.optionalKey(Id), ...PageQuery },
      success: Schema.Array(StockMovement),
      error: [...queryProblems, UnknownCursor]
    }).annotateMerge(
      describe(
        "List what came and left",
        "The ledger of a SKU, at all locations or one, the newest first: each movement with its document, and what lay there " +
          "afterwards. The quantities of a location add up to what is on hand. A page goes on `after` an id."
      )
    ),
    HttpApiEndpoint.get("level", "/stock/:sku/:location", {
      params: stockItem,
      query: ShowQuery,
      success: shown(StockLevel),
      error: [StockNotFound, ...queryProblems, ...pastProblems]
    }).annotateMerge(
      describe("Show a SKU at one location", `The \`ETag\` is the version, for \`If-Match\` of a command. ${pastHint}`)
    ),
    HttpApiEndpoint.get("history", "/stock/:sku/:location/history", {
      params: stockItem,
      ...historyOf(StockNotFound)
    }).annotateMerge(describeHistory("a stock item")),
    HttpApiEndpoint.get("diff", "/stock/:sku/:location/diff", {
      params: stockItem,
      ...differenceOf(StockNotFound)
    }).annotateMerge(describeDifference("a stock item")),
    post("receive", "/receipts", Receipt).annotateMerge(
      describe(
        "Receive units",
        "`reference` is the delivery note. A delivery of another quantity needs another reference."
      )
    ),
    post("adjust", "/adjustments", Adjustment).annotateMerge(
      describe(
        "Adjust what is on hand",
        "Says why. The quantity is negative when units are gone; what is promised to orders cannot be taken away."
      )
    ),
    post("transfer", "/transfers", Transfer).annotateMerge(
      describe(
        "Send units to another location",
        "They leave at once, and arrive there shortly after. Only what is available can be sent away."
      )
    ),
    post("ship", "/shipments", OfOrder).annotateMerge(
      describe(
        "Ship units of an order",
        "For a warehouse that reports shipments itself: the order must have them committed here. What the order service reports " +
          "under the same `reference` is the same shipment."
      )
    ),
    post("cancel", "/cancellations", OfOrder).annotateMerge(
      describe(
        "Free units of an order",
        "They were committed to the order, and will not be shipped. What the order service reports under the same " +
          "`reference` is the same cancellation."
      )
    ),
    post("restock", "/restocks", Restock).annotateMerge(
      describe(
        "Put units back on the shelf",
        "For units that came back and can be sold again, which somebody has to look at. `reference` is the return."
      )
    ),
    put("setSafetyStock", "/safety-stock").annotateMerge(
      describe("Set the safety stock", "So many are kept back from orders. They are on hand and not available.")
    ),
    put("setBackOrderLimit", "/back-order-limit").annotateMerge(
      describe("Set the back-order limit", "So many more than there are may be promised. 0 forbids back-orders.")
    ),
    put("setReorderPoint", "/reorder-point").annotateMerge(
      describe("Set the reorder point", "Stock is low when no more than this is available, which others are told.")
    )
  )
  .annotateMerge(
    OpenApi.annotations({
      title: "Stock",
      description: "What lies where, what is promised to orders, and every movement with its document"
    })
  ) {}

export class ReservationsGroup extends HttpApiGroup.make("reservations")
  .add(
    HttpApiEndpoint.get("list", "/reservations", {
      query: { status: ReservationStatus, ...PageQuery },
      success: Schema.Array(ReservationView),
      error: [...queryProblems, UnknownCursor]
    }).annotateMerge(
      describe(
        "List reservations of a status",
        "The oldest first, for operators. A page goes on `after` an order's id."
      )
    ),
    HttpApiEndpoint.get("show", "/reservations/:orderId", {
      params: { orderId: Id },
      query: ShowQuery,
      success: shown(ReservationView),
      error: [ReservationNotFound, ...queryProblems, ...pastProblems]
    }).annotateMerge(
      describe(
        "Show what an order has reserved",
        `Its lines with their locations, until when they are held, or what was short. ${pastHint}`
      )
    ),
    HttpApiEndpoint.get("history", "/reservations/:orderId/history", {
      params: { orderId: Id },
      ...historyOf(ReservationNotFound)
    }).annotateMerge(describeHistory("a reservation")),
    HttpApiEndpoint.get("diff", "/reservations/:orderId/diff", {
      params: { orderId: Id },
      ...differenceOf(ReservationNotFound)
    }).annotateMerge(describeDifference("a reservation"))
  )
  .annotateMerge(
    OpenApi.annotations({
      title: "Reservations",
      description: "The stock of an order, all of it or none; made, committed and released by message"
    })
  ) {}

/** The inventory service's API. */
export const InventoryApi = HttpApi.make("inventory")
  .add(Stock, ReservationsGroup)
  .middleware(RequestProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
