/**
 * The checkout's HTTP API. Browser-safe: a client is made from it with `HttpApiClient`.
 *
 * A checkout is begun and then followed: `GET /checkouts/{id}` says where it stands, and ends at `completed` or `compensated`.
 */
import { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { SagaAlreadyStarted, SagaNotStarted, SagaNotWaiting } from "@daybook/core/SagaProblems"
import { SubjectErased } from "@daybook/core/SubjectKeys"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import * as Schema from "effect/Schema"
import {
  AtLeastVersion,
  CommandAccepted,
  CommandHeaders,
  commandProblems,
  keyProblems,
  PageQuery,
  QueryInt,
  queryProblems,
  ReasonedHeaders,
  UnknownCursor
} from "../Http.ts"
import { RequestProblems } from "../InvalidRequest.ts"
import { Price } from "../Money.ts"
import { NewRecipient } from "../Recipient.ts"
import { Id, NewId, Text } from "../Text.ts"
import { Finding, Kind, placeOf } from "./Findings.ts"

const beginErrors = [SubjectErased, ...keyProblems] as const
const errors = [SagaAlreadyStarted, SagaNotStarted, SagaNotWaiting, ...commandProblems] as const

/**
 * `cartVersion` and `acceptedTotal` are what the buyer was shown; the checkout fails when the cart has changed since. `customerId` is
 * the cart's, if it has one: the recipient is sealed for that customer, and the order is refused if it is another's.
 */
export const BeginCheckout = Schema.Struct({
  id: Schema.optionalKey(NewId),
  cartId: Id,
  cartVersion: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  acceptedTotal: Schema.optionalKey(Price),
  customerId: Schema.optionalKey(Schema.NullOr(NewId)),
  recipient: Schema.optionalKey(Schema.NullOr(NewRecipient)),
  /** The payment provider's token for how the buyer pays, and what a receipt may show of it. Never a card number. */
  paymentMethod: Schema.Struct({
    token: Text(255),
    brand: Schema.optionalKey(Schema.NullOr(Text(32))),
    last4: Schema.optionalKey(Schema.NullOr(Schema.String.check(Schema.isPattern(/^\d{4}$/u))))
  })
})

/**
 * `running`: going forward. `compensating`: being undone. `completed`: bought. `compensated`: undone; `reason` says why.
 * `needs-attention`: an operator is to retry or resolve it.
 */
export const Status = Schema.Literals(["running", "compensating", "completed", "compensated", "needs-attention"])

/** Where a checkout stands. */
export const CheckoutView = Schema.Struct({
  id: Schema.String,
  version: Schema.Int,
  status: Status,
  /** What is waited for; `null` at the end. */
  step: Schema.NullOr(Schema.String),
  direction: Schema.NullOr(Schema.Literals(["forward", "backward"])),
  attempt: Schema.NullOr(Schema.Int),
  reason: Schema.NullOr(Schema.String),
  cancellation: Schema.NullOr(Schema.String),
  /** When it is tried again if no answer comes. */
  dueAt: Schema.NullOr(Schema.String),
  startedAt: Schema.String,
  updatedAt: Schema.String
}).annotate({ identifier: "CheckoutView" })
export type CheckoutView = typeof CheckoutView.Type

/** What became of the step that the checkout waits for, as an operator has found out. */
export const Resolution = Schema.Struct({
  outcome: Schema.Literals(["succeeded", "failed"]),
  /** What the step would have answered with: `{"authorisationId": "…"}` for a payment that did succeed. */
  answer: Schema.optionalKey(Schema.Json)
})

/** What to report. The id that a page goes on after need not be in the list any more. */
export const ReconciliationQuery = {
  kind: Schema.optionalKey(Kind),
  olderThanMinutes: Schema.optionalKey(
    QueryInt({ minimum: 0, maximum: 527_040 }).annotate({
      description: "How long nothing may have changed; at most a year. Default 15"
    })
  ),
  limit: PageQuery.limit,
  after: Schema.optionalKey(
    Text(2_000).check(
      Schema.makeFilter(
        (id: string) => placeOf(id) !== undefined || "Expected the id of a finding, as the page before has it"
      )
    )
  )
}

const Begun = HttpApiSchema.WithHeaders(CommandAccepted, { location: Schema.String })
const Shown = HttpApiSchema.WithHeaders(CheckoutView, { etag: Schema.String })
const params = { id: Id }

export class Checkouts extends HttpApiGroup.make("checkouts")
  .add(
    HttpApiEndpoint.post("begin", "/checkouts", {
      headers: CommandHeaders,
      payload: BeginCheckout,
      success: Begun,
      error: [...errors, ...beginErrors]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Check a cart out",
        description:
          "Freezes the cart, places the order, reserves the items and authorises the payment; undoes all of it if one fails"
      })
    ),
    HttpApiEndpoint.get("show", "/checkouts/:id", {
      params,
      query: AtLeastVersion,
      success: Shown,
      error: [SagaNotStarted, ...queryProblems]
    }).annotateMerge(OpenApi.annotations({ summary: "Where a checkout stands" })),
    HttpApiEndpoint.get("list", "/checkouts", {
      query: { status: Schema.optionalKey(Status), ...PageQuery },
      success: Schema.Array(CheckoutView),
      error: [...queryProblems, UnknownCursor]
    }).annotateMerge(
      OpenApi.annotations({ summary: "Checkouts, the oldest first; those that need attention, by status" })
    ),
    HttpApiEndpoint.post("cancel", "/checkouts/:id/cancellation", {
      params,
      headers: CommandHeaders,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Cancel a checkout",
        description: "Honoured before the payment is asked for; later it is recorded, and the checkout goes on"
      })
    ),
    HttpApiEndpoint.post("retry", "/checkouts/:id/retry", {
      params,
      headers: CommandHeaders,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(OpenApi.annotations({ summary: "Let a checkout that needs attention try its step again" })),
    HttpApiEndpoint.post("resolve", "/checkouts/:id/resolution", {
      params,
      headers: ReasonedHeaders,
      payload: Resolution,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Say what became of the step that a checkout waits for",
        description: "Whoever decides what the checkout cannot find out says how they know, in `x-reason`"
      })
    ),
    HttpApiEndpoint.get("reconciliation", "/reports/reconciliation", {
      query: ReconciliationQuery,
      success: Schema.Array(Finding),
      error: ReadModelUnavailable
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Report what does not fit together",
        description:
          "Funds without an order, orders without funds or stock, reservations without a checkout, checkouts that are overdue or need attention, and payments that their provider contradicts: each with what to do next. What has changed within the last `olderThanMinutes` (15) is under way and not reported. Ordered by kind; `after` is the id of the last one of the page before."
      })
    )
  )
  .annotateMerge(
    OpenApi.annotations({ title: "Checkouts", description: "From a frozen cart to a confirmed order, or back" })
  ) {}

/** The checkout service's API. */
export const CheckoutApi = HttpApi.make("checkout")
  .add(Checkouts)
  .middleware(RequestProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
