/**
 * The payment's HTTP API: what operators and the storefront do with a payment that there is, and where the provider reports.
 * Browser-safe: a client is made from it with `HttpApiClient`.
 *
 * Payments are begun by message alone (`Contract.ts`), since a payment without an order is nobody's.
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
  acceptedWith,
  CommandAccepted,
  CommandHeaders,
  commandProblems,
  describe,
  isInOrder,
  PageQuery,
  PeriodQuery,
  QueryInt,
  queryProblems,
  UnknownCursor
} from "../Http.ts"
import { RequestProblems } from "../InvalidRequest.ts"
import { Currency, Price } from "../Money.ts"
import { Id, Text } from "../Text.ts"
import { PaymentStatus } from "./Ledger.ts"
import {
  ProviderTimedOut,
  ProviderUnavailable,
  UnknownProvider,
  WebhookNotAuthentic,
  WebhookUnreadable
} from "./Provider.ts"
import { PaymentNotFound, rejections } from "./Rejection.ts"
import { AttentionItem, LedgerDay, OpenOperationItem, PaymentSummary, PaymentView } from "./Views.ts"

const errors = [...rejections, ...commandProblems] as const
const payment = { id: Id }

const Period = Schema.Struct({
  ...PeriodQuery,
  currency: Schema.optionalKey(Currency)
}).check(isInOrder)

const Listing = Schema.Struct({
  orderId: Schema.optionalKey(Id),
  customerId: Schema.optionalKey(Id),
  ...PageQuery
}).check(
  Schema.makeFilter(({ orderId, customerId }) =>
    (orderId === undefined) === (customerId === undefined)
      ? { path: ["orderId"], issue: "Expected either orderId or customerId, and not both" }
      : true
  )
)

/** What needs attention goes on after a number. */
const AttentionQuery = {
  limit: PageQuery.limit,
  after: Schema.optionalKey(QueryInt({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
}

/** Ids of captures, refunds and voids are chosen by the caller, or made here. They are unique within their payment. */
export const Capture = Schema.Struct({ captureId: Schema.optionalKey(Id), amount: Price })
export const Refund = Schema.Struct({ refundId: Schema.optionalKey(Id), amount: Price, reason: Text(200) })
export const Void = Schema.Struct({ voidId: Schema.optionalKey(Id), reason: Text(200) })

/** The command is durable, and the provider will be asked under that operation id; the payment shows what came of it. */
const OperationAccepted = acceptedWith("OperationAccepted", { operationId: Schema.String })

/** Where the payment stands once the provider has been asked. */
const Confirmation = Schema.Struct({
  id: Schema.String,
  version: Schema.Int,
  status: PaymentStatus,
  /** Where the buyer still has something to do. */
  actionUrl: Schema.NullOr(Schema.String)
}).annotate({ identifier: "PaymentConfirmation" })

/** What came of comparing a payment with the provider's books. */
const Comparison = Schema.Struct({
  id: Schema.String,
  version: Schema.Int,
  status: PaymentStatus,
  /** How many operations the provider was asked about. */
  compared: Schema.Int,
  /** What needs attention by now, from this comparison or from before. */
  attention: Schema.Array(Schema.String)
}).annotate({ identifier: "PaymentComparison" })

const WebhookReceived = Schema.Struct({
  /** How many notifications about payments of ours were in it. */
  received: Schema.Int
}).annotate({ identifier: "WebhookReceived" })

const asking = HttpApiGroup.make("payments").add(
  HttpApiEndpoint.get("show", "/payments/:id", {
    params: payment,
    query: ShowQuery,
    success: shown(PaymentView),
    error: [PaymentNotFound, ...queryProblems, ...pastProblems]
  }).annotateMerge(
    describe(
      "Show a payment",
      `The payment with all that the provider was asked for, disputes, and what needs attention. \`ETag\` is its version, for the \`If-Match\` of a command; with \`atLeastVersion\` the answer waits until the read model shows that version. ${pastHint}`
    )
  ),
  HttpApiEndpoint.get("history", "/payments/:id/history", {
    params: payment,
    ...historyOf(PaymentNotFound)
  }).annotateMerge(describeHistory("a payment")),
  HttpApiEndpoint.get("diff", "/payments/:id/diff", {
    params: payment,
    ...differenceOf(PaymentNotFound)
  }).annotateMerge(describeDifference("a payment")),
  HttpApiEndpoint.get("list", "/payments", {
    query: Listing,
    success: Schema.Array(PaymentSummary),
    error: [...queryProblems, UnknownCursor]
  }).annotateMerge(
    describe("List payments", "The payments of an order or of a customer, the newest first. Name one of the two.")
  ),
  HttpApiEndpoint.get("attention", "/payments/attention", {
    query: AttentionQuery,
    success: Schema.Array(AttentionItem),
    error: queryProblems
  }).annotateMerge(
    describe(
      "List what needs attention",
      "What someone has to look at, in the order in which it came up, each with what to do. `after` is the number of the last one of the page before."
    )
  ),
  HttpApiEndpoint.get("open", "/reports/open-payment-operations", {
    query: { limit: PageQuery.limit },
    success: Schema.Array(OpenOperationItem),
    error: queryProblems
  }).annotateMerge(
    describe(
      "List open operations",
      "What the provider has not decided or not answered, the oldest first, and when it will be asked again."
    )
  ),
  HttpApiEndpoint.get("ledger", "/reports/payment-ledger", {
    query: Period,
    success: Schema.Array(LedgerDay),
    error: queryProblems
  }).annotateMerge(
    describe(
      "Report money by day",
      "What was authorised, captured, refunded and disputed on each day (UTC, when it became known), by currency. Both bounds are inclusive."
    )
  )
)

export class Payments extends asking
  .add(
    HttpApiEndpoint.post("capture", "/payments/:id/captures", {
      params: payment,
      headers: CommandHeaders,
      payload: Capture,
      success: OperationAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Capture an amount",
        "Takes a part of what is held, or all of it. The same `captureId` with the same amount again does nothing."
      )
    ),
    HttpApiEndpoint.post("refund", "/payments/:id/refunds", {
      params: payment,
      headers: CommandHeaders,
      payload: Refund,
      success: OperationAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Refund an amount",
        "Gives back a part of what was captured, or all of it. The same `refundId` with the same amount again does nothing."
      )
    ),
    HttpApiEndpoint.post("void", "/payments/:id/void", {
      params: payment,
      headers: CommandHeaders,
      payload: Void,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Void a payment",
        "Releases what is held and not captured, also where the authorisation's outcome is not known yet. What is voided, declined or expired stays as it is."
      )
    ),
    HttpApiEndpoint.post("confirm", "/payments/:id/confirmation", {
      params: payment,
      headers: CommandHeaders,
      success: Confirmation,
      error: [...errors, ProviderUnavailable, ProviderTimedOut]
    }).annotateMerge(
      describe(
        "Tell that the buyer is back",
        "For a buyer who comes back from confirming (3-D Secure): asks the provider what became of the authorisation, and says where the payment stands. What the caller says about it is not read."
      )
    ),
    HttpApiEndpoint.post("reconcile", "/payments/:id/reconciliation", {
      params: payment,
      headers: CommandHeaders,
      success: Comparison,
      error: [...errors, ProviderUnavailable, ProviderTimedOut]
    }).annotateMerge(
      describe(
        "Compare with the provider's books",
        "Asks the provider about every operation of the payment that it can tell something of. What is new is recorded, and what cannot be true together needs attention, which is in the answer. Payments are compared by themselves too, an hour after they have changed."
      )
    ),
    HttpApiEndpoint.post("resolve", "/payments/:id/attention/:attentionId/resolution", {
      params: { id: Id, attentionId: Text(300) },
      headers: CommandHeaders,
      payload: Schema.Struct({ note: Text(1000) }),
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Resolve what needed attention",
        "Takes it from the list, with a note of what was done. A slash in its id is written %2F."
      )
    ),
    HttpApiEndpoint.post("webhook", "/payments/webhooks/:provider", {
      params: { provider: Text(64) },
      // For the documentation: the signature is over the bytes, which are read as they come.
      payload: Schema.Json,
      success: WebhookReceived,
      error: [...errors, UnknownProvider, WebhookNotAuthentic, WebhookUnreadable]
    }).annotateMerge(
      describe(
        "Receive a provider's webhook",
        "For the provider alone, whose signature is in a header of its own choice. Answered with 200 once what it says is durable; the same again is harmless."
      )
    )
  )
  .annotateMerge(
    OpenApi.annotations({
      title: "Payments",
      description: "Money that is held, taken and given back through a payment provider"
    })
  ) {}

/** The payment service's API. */
export const PaymentApi = HttpApi.make("payment")
  .add(Payments)
  .middleware(RequestProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
