/**
 * The cart's HTTP API. Browser-safe: a client is made from it with `HttpApiClient`.
 *
 * Commands answer 202 when their events are durable; queries read the read models, and wait for a version when asked to.
 */
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import * as Schema from "effect/Schema"
import {
  AtLeastVersion,
  acceptedWith,
  CommandAccepted,
  CommandHeaders,
  commandProblems,
  describe,
  isInOrder,
  PageQuery,
  PeriodQuery,
  QueryNumber,
  queryProblems,
  UnknownCursor
} from "../Http.ts"
import { RequestProblems } from "../InvalidRequest.ts"
import { Currency, Price } from "../Money.ts"
import { Id, NewId, Text } from "../Text.ts"
import { AbandonReason } from "./Events.ts"
import { UnknownSku } from "./PriceList.ts"
import { CartSummary, CartView, RevenueOfDay } from "./Queries.ts"
import { CartNotFound, rejections } from "./Rejection.ts"

const errors = [...rejections, ...commandProblems] as const
const cart = { id: Id }
const line = { id: Id, lineId: Id }

const Period = Schema.Struct({
  ...PeriodQuery,
  country: Schema.optionalKey(Text(100))
}).check(isInOrder)

/** Ids are chosen by the caller, or made here. */
export const OpenCart = Schema.Struct({
  id: Schema.optionalKey(NewId),
  customerId: Schema.optionalKey(Schema.NullOr(NewId)),
  country: Schema.optionalKey(Schema.NullOr(Text(100))),
  currency: Currency
})

/** No price: it is looked up, and what a client says about it is not read. */
export const AddItem = Schema.Struct({ sku: Id, quantity: Schema.Int, lineId: Schema.optionalKey(NewId) })

/** `acceptedTotal` is what the buyer was shown; the checkout is refused when the cart has come to another total since. */
export const Checkout = Schema.Struct({
  checkoutId: Schema.optionalKey(Id),
  acceptedTotal: Schema.optionalKey(Price)
})

const Opened = HttpApiSchema.WithHeaders(CommandAccepted, { location: Schema.String })
const Added = acceptedWith("ItemAccepted", { lineId: Schema.String })
const CheckoutAccepted = acceptedWith("CheckoutAccepted", { checkoutId: Schema.String })
const Shown = HttpApiSchema.WithHeaders(CartView, { etag: Schema.String })

export class Carts extends HttpApiGroup.make("carts")
  .add(
    HttpApiEndpoint.post("open", "/carts", {
      headers: CommandHeaders,
      payload: OpenCart,
      success: Opened,
      error: errors
    }).annotateMerge(
      describe(
        "Open a cart",
        "Opens an empty cart in one currency, for a customer or for a guest. Give an id of your own or let one " +
          "be made; the answer's `Location` names the cart. Opening the same cart again does nothing."
      )
    ),
    HttpApiEndpoint.post("addItem", "/carts/:id/items", {
      params: cart,
      headers: CommandHeaders,
      payload: AddItem,
      success: Added,
      error: [...errors, UnknownSku]
    }).annotateMerge(
      describe(
        "Add an item",
        "Adds a line at the price that the price list has for the SKU in the cart's currency; a price that the " +
          "client sends is not read. The same `lineId` with the same content again does nothing."
      )
    ),
    HttpApiEndpoint.patch("changeQuantity", "/carts/:id/items/:lineId", {
      params: line,
      headers: CommandHeaders,
      payload: Schema.Struct({ quantity: Schema.Int }),
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Change a line's quantity",
        "Sets how many of a line the buyer wants, at least 1. To take the line out, remove it."
      )
    ),
    HttpApiEndpoint.delete("removeItem", "/carts/:id/items/:lineId", {
      params: line,
      headers: CommandHeaders,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Remove a line",
        "Takes a line out of the cart. Removing it again does nothing; a line that never was in the cart is 404."
      )
    ),
    HttpApiEndpoint.post("merge", "/carts/:id/merge", {
      params: cart,
      headers: CommandHeaders,
      payload: Schema.Struct({ guestCartId: Id }),
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Merge a guest's cart into this one",
        "Moves the lines of a guest's cart into this one, for when its owner signs in, and closes the guest's " +
          "cart. All of it or nothing: a refusal leaves both carts as they were."
      )
    ),
    HttpApiEndpoint.post("checkout", "/carts/:id/checkout", {
      params: cart,
      headers: CommandHeaders,
      payload: Checkout,
      success: CheckoutAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Freeze a cart",
        "For programs that conduct a checkout themselves, and then complete or restore the cart by message; buyers check out with " +
          "`POST /checkouts`. Freezes the cart as it is now. With `acceptedTotal`, what the buyer was shown, the checkout is refused " +
          "when the cart has come to another total since. The cart stays frozen until the checkout is completed " +
          "or has restored it."
      )
    ),
    HttpApiEndpoint.post("abandon", "/carts/:id/abandon", {
      params: cart,
      headers: CommandHeaders,
      payload: Schema.Struct({ reason: AbandonReason }),
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Abandon a cart",
        "Gives the cart up, with the reason. An abandoned cart can be recovered, unless its lines have been " +
          "merged into another."
      )
    ),
    HttpApiEndpoint.post("recover", "/carts/:id/recover", {
      params: cart,
      headers: CommandHeaders,
      success: CommandAccepted,
      error: errors
    }).annotateMerge(
      describe(
        "Recover an abandoned cart",
        "Opens an abandoned cart again with the lines that it had. A cart that is open stays as it is."
      )
    ),
    HttpApiEndpoint.get("show", "/carts/:id", {
      params: cart,
      query: AtLeastVersion,
      success: Shown,
      error: [CartNotFound, ...queryProblems]
    }).annotateMerge(
      describe(
        "Show a cart",
        "The cart with its lines and total. `ETag` is its version, for the `If-Match` of a command; with " +
          "`atLeastVersion` the answer waits until the read model shows that version."
      )
    ),
    HttpApiEndpoint.get("list", "/carts", {
      query: { customerId: Id, ...PageQuery },
      success: Schema.Array(CartSummary),
      error: [...queryProblems, UnknownCursor]
    }).annotateMerge(
      describe(
        "List a customer's carts",
        "A customer's carts, the newest first. For the next page give the id of the last cart as `after`."
      )
    ),
    HttpApiEndpoint.get("abandoned", "/reports/abandoned-carts", {
      query: {
        /** Carts untouched for this many hours; a day unless told otherwise. */
        hours: Schema.optionalKey(QueryNumber({ minimum: 0, maximum: 87_600 })),
        ...PageQuery
      },
      success: Schema.Array(CartSummary),
      error: [...queryProblems, UnknownCursor]
    }).annotateMerge(
      describe(
        "List abandoned carts",
        "Carts with lines in them, open or given up, that nobody has touched for `hours` (a day unless told " +
          "otherwise), the longest untouched first."
      )
    ),
    HttpApiEndpoint.get("revenue", "/reports/revenue", {
      query: Period,
      success: Schema.Array(RevenueOfDay),
      error: queryProblems
    }).annotateMerge(
      describe(
        "Show revenue by country and day",
        "What checked-out carts come to by country, day (UTC) and currency. Days are inclusive. A restored cart " +
          "is taken out again."
      )
    )
  )
  .annotateMerge(
    OpenApi.annotations({
      title: "Carts",
      description: "Shopping carts: filled line by line, frozen by a checkout, then completed or restored"
    })
  ) {}

/** The cart service's API. */
export const CartApi = HttpApi.make("cart")
  .add(Carts)
  .middleware(RequestProblems)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
