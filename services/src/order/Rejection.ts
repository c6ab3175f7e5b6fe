/**
 * Why an order refuses a command: the problems that its domain answers with. Their texts are in `Refusal.ts`.
 *
 * The type of each, `urn:daybook:problem:<name>`, is what clients switch on, so that names and statuses stay as they are. 409:
 * the order's present state forbids it. 422: the values themselves do.
 */
import { Problem } from "@daybook/core/Problem"
import * as Schema from "effect/Schema"
import * as Money from "../Money.ts"
import { Status } from "./Events.ts"

export class OrderNotFound extends Problem<OrderNotFound>()("OrderNotFound", { status: 404, title: "No such order" }) {}

export class OrderAlreadyPlaced extends Problem<OrderAlreadyPlaced>()(
  "OrderAlreadyPlaced",
  { status: 409, title: "The order has been placed before, with other content" },
  { checkoutId: Schema.String, total: Money.Money }
) {}

export class OrderStatusForbids extends Problem<OrderStatusForbids>()(
  "OrderStatusForbids",
  { status: 409, title: "The order's status does not allow this" },
  { orderStatus: Status, allowedIn: Schema.Array(Status) }
) {}

export class OrderOutcomeStands extends Problem<OrderOutcomeStands>()(
  "OrderOutcomeStands",
  { status: 409, title: "The order has been confirmed or rejected otherwise" },
  { orderStatus: Status }
) {}

export class ReturnNeeded extends Problem<ReturnNeeded>()(
  "ReturnNeeded",
  { status: 409, title: "What has been shipped can only be returned" },
  { orderStatus: Status }
) {}

export class OrderLinesMissing extends Problem<OrderLinesMissing>()("OrderLinesMissing", {
  status: 422,
  title: "At least one line is needed"
}) {}

export class TooManyOrderLines extends Problem<TooManyOrderLines>()(
  "TooManyOrderLines",
  { status: 422, title: "The order would have too many lines" },
  { lines: Schema.Int, maximum: Schema.Int }
) {}

export class OrderQuantityOutOfRange extends Problem<OrderQuantityOutOfRange>()(
  "OrderQuantityOutOfRange",
  { status: 422, title: "The quantity is out of range" },
  { lineId: Schema.String, quantity: Schema.Int, maximum: Schema.Int }
) {}

export class OrderLineRepeated extends Problem<OrderLineRepeated>()(
  "OrderLineRepeated",
  { status: 422, title: "A line is given twice" },
  { lineId: Schema.String }
) {}

export class UnknownOrderLine extends Problem<UnknownOrderLine>()(
  "UnknownOrderLine",
  { status: 404, title: "No such line in the order" },
  { lineId: Schema.String }
) {}

export class OrderCurrencyMismatch extends Problem<OrderCurrencyMismatch>()(
  "OrderCurrencyMismatch",
  { status: 422, title: "An amount is in another currency than the order's total" },
  { expected: Schema.String, actual: Schema.String }
) {}

export class OrderTotalTooLarge extends Problem<OrderTotalTooLarge>()(
  "OrderTotalTooLarge",
  { status: 422, title: "The order's total would be too large to be exact" },
  { lineId: Schema.String, maximumMinor: Schema.Int }
) {}

/** What was said, and what the lines and the shipping come to. */
export class OrderTotalsDisagree extends Problem<OrderTotalsDisagree>()(
  "OrderTotalsDisagree",
  { status: 422, title: "The order's figures do not add up" },
  {
    goods: Money.Money,
    tax: Money.Money,
    total: Money.Money,
    actualGoods: Money.Money,
    actualTax: Money.Money,
    actualTotal: Money.Money
  }
) {}

export class RecipientOfAnother extends Problem<RecipientOfAnother>()(
  "RecipientOfAnother",
  { status: 422, title: "The recipient was sealed for somebody else than the buyer" },
  { expected: Schema.String }
) {}

export class OrderQuantityUnavailable extends Problem<OrderQuantityUnavailable>()(
  "OrderQuantityUnavailable",
  { status: 409, title: "The line has less than that left for it" },
  { lineId: Schema.String, quantity: Schema.Int, available: Schema.Int }
) {}

export class TooManyOrderRecords extends Problem<TooManyOrderRecords>()(
  "TooManyOrderRecords",
  { status: 409, title: "The order has too many cancellations, shipments and returns" },
  { maximum: Schema.Int }
) {}

export class CancellationIdTaken extends Problem<CancellationIdTaken>()(
  "CancellationIdTaken",
  { status: 409, title: "The cancellation id stands for another cancellation" },
  { cancellationId: Schema.String }
) {}

export class ShipmentIdTaken extends Problem<ShipmentIdTaken>()(
  "ShipmentIdTaken",
  { status: 409, title: "The shipment id stands for another shipment" },
  { shipmentId: Schema.String }
) {}

export class ReturnIdTaken extends Problem<ReturnIdTaken>()(
  "ReturnIdTaken",
  { status: 409, title: "The return id stands for another return" },
  { returnId: Schema.String }
) {}

export class UnknownShipment extends Problem<UnknownShipment>()(
  "UnknownShipment",
  { status: 404, title: "No such shipment of the order" },
  { shipmentId: Schema.String }
) {}

export class UnknownReturn extends Problem<UnknownReturn>()(
  "UnknownReturn",
  { status: 404, title: "No such return of the order" },
  { returnId: Schema.String }
) {}

export class ReturnsOpen extends Problem<ReturnsOpen>()(
  "ReturnsOpen",
  { status: 409, title: "Returns are still under way" },
  { returnIds: Schema.Array(Schema.String) }
) {}

/** Every rejection of an order, for the declarations of its API. */
export const rejections = [
  OrderNotFound,
  OrderAlreadyPlaced,
  OrderStatusForbids,
  OrderOutcomeStands,
  ReturnNeeded,
  OrderLinesMissing,
  TooManyOrderLines,
  OrderQuantityOutOfRange,
  OrderLineRepeated,
  UnknownOrderLine,
  OrderCurrencyMismatch,
  OrderTotalTooLarge,
  OrderTotalsDisagree,
  RecipientOfAnother,
  OrderQuantityUnavailable,
  TooManyOrderRecords,
  CancellationIdTaken,
  ShipmentIdTaken,
  ReturnIdTaken,
  UnknownShipment,
  UnknownReturn,
  ReturnsOpen
] as const

export type Rejection = InstanceType<(typeof rejections)[number]>
