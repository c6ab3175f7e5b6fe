/**
 * The order's HTTP API: what customers and operators do with an order that there is. Browser-safe: a client is made from it with
 * `HttpApiClient`.
 *
 * Orders are placed, confirmed and rejected by message alone (`Contract.ts`), since a checkout is more than an order.
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
  AtLeastVersion,
  acceptedWith,
  CommandAccepted,
  CommandHeaders,
  commandProblems,
  describe,
  keyProblems,
  PageQuery,
  QueryVersion,
  queryProblems,
  UnknownCursor
} from "../Http.ts"
import { RequestProblems } from "../InvalidRequest.ts"
import { Day, Id, Text } from "../Text.ts"
import { Parcels } from "./Command.ts"
import { CancelReason, ReturnReason } from "./Events.ts"
import { OrderNotFound, rejections } from "./Rejection.ts"
import { ConfirmedRevenue, OrderSummary, OrderView, TimelineEntry, Waiting } from "./Views.ts"

const errors = [...rejections, ...commandProblems] as const
const order = { id: Id }

/** How much of which lines. An order has no more lines than that by far; what it has is checked by the domain. */
const Quantities = Schema.Array(Schema.Struct({ lineId: Id, quantity: Schema.Int })).check(Schema.isMaxLength(10_000))

/** Ids of cancellations, shipments and returns are chosen by the caller, or made here. */
export const RequestCancellation = Schema.Struct({ cancellationId: Schema.optionalKey(Id) })

export const CancelLines = Schema.Struct({
  cancellationId: Schema.optionalKey(Id),
  reason: CancelReason,
  lines: Quantities
})

/** A shipment of one parcel may be told by `carrier` and `trackingNumber` instead of `parcels`, as it was in v0.1. */
export const RecordShipment = Schema.Struct({
  shipmentId: Schema.optionalKey(Id),
  carrier: Schema.optionalKey(Schema.NullOr(Text(100))),
  trackingNumber: Schema.optionalKey(Schema.NullOr(Text(100))),
  parcels: Schema.optionalKey(Parcels),
  promisedBy: Schema.optionalKey(Schema.NullOr(Day)),
  lines: Quantities
}).check(
  Schema.makeFilter(({ carrier = null, trackingNumber = null, parcels }) =>
    parcels === undefined || (carrier === null && trackingNumber === null)
      ? true
      : { path: ["parcels"], issue: "Expected either parcels, or the carrier and trackingNumber of the only one" }
  )
)

export const RequestReturn = Schema.Struct({
  returnId: Schema.optionalKey(Id),
  reason: ReturnReason,
  lines: Quantities
})

/** What came, which may be less than was announced, or nothing. */
const ReceiveReturn = Schema.Struct({ lines: Quantities })

const CancellationAccepted = acceptedWith("CancellationAccepted", { cancellationId: Schema.String })
const ShipmentAccepted = acceptedWith("ShipmentAccepted", { shipmentId: Schema.String })
const ReturnAccepted = acceptedWith("ReturnAccepted", { returnId: Schema.String })

/** A timeline goes on after a version. */
const TimelineQuery = {
  ...AtLeastVersion,
  limit: PageQuery.limit,
  after: Schema.optionalKey(QueryVersion(0))
}

export class Orders extends HttpApiGroup.make("orders")
  .add(
    HttpApiEndpoint.get("show", "/orders/:id", {
      params: order,
      query: ShowQuery,
      success: shown(OrderView),
      error: [OrderNotFound, ...queryProblems, ...keyProblems, ...pastProblems]
    }).annotateMerge(
      describe(
        "Show an order",
        `The order with its recipient, lines, shipments and returns. \`ETag\` is its version, for the \`If-Match\` of a command; with \`atLeastVersion\` the answer waits until the read model shows that version. ${pastHint}`
      )
    ),
    HttpApiEndpoint.get("history", "/orders/:id/history", { params: order, ...historyOf(OrderNotFound) }).annotateMerge(
      describeHistory("an order")
    ),
    HttpApiEndpoint.get("diff", "/orders/:id/diff", { params: order, ...differenceOf(OrderNotFound) }).annotateMerge(
      describeDifference("an order")
    ),
    HttpApiEndpoint.get("list", "/orders", {
      query: { customerId: Id, ...PageQuery },
      success: Schema.Array(OrderSummary),
      error: [...queryProblems, UnknownCursor]
    }).annotateMerge(
      describe(
        "List a customer's orders",
        "A customer's orders, the newest first. For the next page give the id of the last order as `after`."
      )
    ),
    HttpApiEndpoint.get("queue", "/orders/queue", {
      query: { status: Waiting, ...PageQuery },
      success: Schema.Array(OrderSummary),
      error: [...queryProblems, UnknownCursor]
    }).annotateMerge(
      describe(
        "List orders that wait for something",
        "The operations queue, the oldest order first: `pending` waits for its checkout, `confirmed` for its first shipment, `shipping` for the rest of its lines, `shipped` for delivery, `delivered` to be closed; `returning` are orders of any status with a return under way. For the next page give the id of the last order as `after`, also when it has left the queue by then."
      )
    ),
    HttpApiEndpoint.get("timeline", "/orders/:id/timeline", {
      params: order,
      query: TimelineQuery,
      success: Schema.Array(TimelineEntry),
      error: [OrderNotFound, ...queryProblems]
    }).annotateMerge(
      describe(
        "Show an order's timeline",
        "What happened to the order, when, and by whom, from the beginning. For the next page give the version of the last entry as `after`."
      )
    ),
    HttpApiEndpoint.get("confirmedRevenue", "/reports/confirmed-revenue", {
      success: Schema.Array(ConfirmedRevenue),
      error: queryProblems
    }).annotateMerge(
      describe(
        "Show confirmed revenue by country",
        "What confirmed orders come to by country and currency, less what was cancelled of them. What was returned is not taken off: it was sold, and refunded."
      )
    ),
    HttpApiEndpoint.post("requestCancellation", "/orders/:id/cancellation", {
      params: order,
      headers: CommandHeaders,
      payload: RequestCancellation,
      success: CancellationAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Cancel an order",
        "The customer's wish to have nothing more of the order. A confirmed order is cancelled at once, as far as it has not been shipped. While its checkout is under way the wish is noted, and carried out when that has ended; nothing is charged. What has been shipped can only be returned."
      )
    ),
    HttpApiEndpoint.post("cancelLines", "/orders/:id/line-cancellations", {
      params: order,
      headers: CommandHeaders,
      payload: CancelLines,
      success: CancellationAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Cancel lines of an order",
        "Takes quantities out of a confirmed order that have not been shipped. When nothing is left, the order is cancelled."
      )
    ),
    HttpApiEndpoint.post("recordShipment", "/orders/:id/shipments", {
      params: order,
      headers: CommandHeaders,
      payload: RecordShipment,
      success: ShipmentAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Record a shipment",
        "Says what of the order is on its way, which is to be charged. Any number of shipments may share the lines. `promisedBy` is the day that the customer was promised."
      )
    ),
    HttpApiEndpoint.post("recordDelivery", "/orders/:id/shipments/:shipmentId/delivery", {
      params: { ...order, shipmentId: Id },
      headers: CommandHeaders,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(describe("Record a delivery", "Says that a shipment has arrived, all of it.")),
    HttpApiEndpoint.post("requestReturn", "/orders/:id/returns", {
      params: order,
      headers: CommandHeaders,
      payload: RequestReturn,
      success: ReturnAccepted,
      error: errors
    }).annotateMerge(
      describe("Announce a return", "Says what the customer means to send back, of what has been delivered.")
    ),
    HttpApiEndpoint.post("receiveReturn", "/orders/:id/returns/:returnId/receipt", {
      params: { ...order, returnId: Id },
      headers: CommandHeaders,
      payload: ReceiveReturn,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Receive a return",
        "Says what has come back, which is to be refunded, and ends the return. It may be less than was announced, or nothing."
      )
    ),
    HttpApiEndpoint.post("close", "/orders/:id/close", {
      params: order,
      headers: CommandHeaders,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Close an order",
        "Says that the time for returns is over. Nothing can happen to the order any more. It must have been delivered, and no return be under way."
      )
    )
  )
  .annotateMerge(
    OpenApi.annotations({
      title: "Orders",
      description: "What customers bought, and what has become of it: shipped, delivered, cancelled, returned"
    })
  ) {}

/** The order service's API. */
export const OrderApi = HttpApi.make("order")
  .add(Orders)
  .middleware(RequestProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
