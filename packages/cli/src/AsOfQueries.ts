/**
 * What can be asked of a read model as of some time: the queries of the live one, on another schema. For `daybook projection as-of`.
 */
import type * as AsOf from "@daybook/core/AsOf"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { cartViewsName } from "@daybook/services/cart/Projections"
import { CartQueries } from "@daybook/services/cart/Queries"
import type { UnknownCursor } from "@daybook/services/Http"
import { InventoryQueries } from "@daybook/services/inventory/Queries"
import { reservationViewsName } from "@daybook/services/inventory/ReservationProjection"
import { stockViewsName } from "@daybook/services/inventory/StockProjection"
import { orderViewsName } from "@daybook/services/order/Projections"
import { OrderQueries } from "@daybook/services/order/Queries"
import { paymentViewsName } from "@daybook/services/payment/Projections"
import { PaymentQueries } from "@daybook/services/payment/Queries"
import type { Page } from "@daybook/services/Serving"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import * as AsOfText from "./AsOfText.ts"

/** What was asked, answered: as the service's own query answers it, and for people. */
export interface Answered {
  readonly answer: unknown
  readonly text: string
}

/** A query. */
export interface Query {
  readonly name: string
  /** What it is given, in capitals; those in brackets may be left out. */
  readonly takes: ReadonlyArray<string>
  readonly about: string
  /** `undefined` where there is nothing of the name that was given. */
  readonly ask: (
    schema: string,
    args: ReadonlyArray<string>
  ) => Effect.Effect<Answered | undefined, ReadModelUnavailable | UnknownCursor, SqlClient>
}

/** A read model that can be had as of some time. */
export interface Askable {
  readonly streams: AsOf.Streams
  readonly queries: ReadonlyArray<Query>
}

const pageSize = 500

/** A list put together from its pages, which begin after an id. */
const whole = <A extends { readonly id: string }, E, R>(
  page: (page: Page) => Effect.Effect<ReadonlyArray<A>, E, R>
): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.gen(function* () {
    const found: Array<A> = []
    let after: string | undefined
    while (true) {
      const slice = yield* page({ limit: pageSize, after })
      found.push(...slice)
      if (slice.length < pageSize) return found
      after = slice.at(-1)!.id
    }
  })

const orNone = <A, E, R>(found: Effect.Effect<Option.Option<A>, E, R>, textOf: (answer: A) => string) =>
  Effect.map(found, (answer) =>
    Option.isSome(answer) ? { answer: answer.value, text: textOf(answer.value) } : undefined
  )

const answered = <A, E, R>(found: Effect.Effect<A, E, R>, textOf: (answer: A) => string) =>
  Effect.map(found, (answer): Answered => ({ answer, text: textOf(answer) }))

// --- cart ---

const carts = (schema: string) => Effect.provide(CartQueries, CartQueries.layer(schema))

const cartQueries: ReadonlyArray<Query> = [
  {
    name: "revenue",
    takes: ["[COUNTRY]"],
    about: "what checked-out carts come to, by country",
    ask: (schema, [country]) =>
      Effect.flatMap(carts(schema), ({ revenue }) =>
        answered(revenue({ country }), (days) =>
          AsOfText.byCountry(
            "CARTS",
            days.map(({ country, carts, total }) => ({ country, n: carts, total }))
          )
        )
      )
  },
  {
    name: "cart",
    takes: ["ID"],
    about: "a cart with its lines",
    ask: (schema, [id]) => Effect.flatMap(carts(schema), ({ cart }) => orNone(cart(id!), AsOfText.cart))
  },
  {
    name: "carts-of",
    takes: ["CUSTOMER"],
    about: "a customer's carts, the newest first",
    ask: (schema, [customer]) =>
      Effect.flatMap(carts(schema), ({ cartsOf }) =>
        answered(
          whole((page) => cartsOf(customer!, page)),
          AsOfText.carts
        )
      )
  }
]

// --- order ---

const orders = (schema: string) => Effect.provide(OrderQueries, OrderQueries.layer(schema))

const orderQueries: ReadonlyArray<Query> = [
  {
    name: "confirmed-revenue",
    takes: [],
    about: "what confirmed orders come to, by country",
    ask: (schema) =>
      Effect.flatMap(orders(schema), ({ confirmedRevenue }) =>
        answered(confirmedRevenue(), (countries) =>
          AsOfText.byCountry(
            "ORDERS",
            countries.map(({ country, orders, total }) => ({ country, n: orders, total }))
          )
        )
      )
  },
  {
    name: "order",
    takes: ["ID"],
    about: "an order with its lines",
    ask: (schema, [id]) => Effect.flatMap(orders(schema), ({ order }) => orNone(order(id!), AsOfText.order))
  },
  {
    name: "orders-of",
    takes: ["CUSTOMER"],
    about: "a customer's orders, the newest first",
    ask: (schema, [customer]) =>
      Effect.flatMap(orders(schema), ({ ordersOf }) =>
        answered(
          whole((page) => ordersOf(customer!, page)),
          AsOfText.orders
        )
      )
  }
]

// --- inventory ---

const inventory = (schema: string) => Effect.provide(InventoryQueries, InventoryQueries.layer(schema))

const levelsOf = (schema: string, filter: { readonly low?: boolean }) =>
  Effect.flatMap(inventory(schema), ({ levels }) =>
    answered(
      whole((page) => levels(filter, page)),
      AsOfText.levels
    )
  )

const stockQueries: ReadonlyArray<Query> = [
  {
    name: "stock",
    takes: ["[SKU]"],
    about: "what there was of a product at each location, or of all products",
    ask: (schema, [sku]) =>
      sku === undefined
        ? levelsOf(schema, {})
        : Effect.flatMap(inventory(schema), ({ stock }) =>
            orNone(stock(sku), ({ locations }) => AsOfText.levels(locations))
          )
  },
  {
    name: "movements",
    takes: ["SKU"],
    about: "the ledger of a product, the newest movement first",
    ask: (schema, [sku]) =>
      Effect.flatMap(inventory(schema), ({ movements }) =>
        answered(
          whole((page) => movements({ sku: sku! }, page)),
          AsOfText.movements
        )
      )
  },
  {
    name: "low-stock",
    takes: [],
    about: "what was at its reorder point or below, the scarcest first",
    ask: (schema) => levelsOf(schema, { low: true })
  }
]

const reservationQueries: ReadonlyArray<Query> = [
  {
    name: "reservation",
    takes: ["ORDER"],
    about: "what was held for an order",
    ask: (schema, [orderId]) =>
      Effect.flatMap(inventory(schema), ({ reservation }) => orNone(reservation(orderId!), AsOfText.reservation))
  }
]

// --- payment ---

const payments = (schema: string) => Effect.provide(PaymentQueries, PaymentQueries.layer(schema))

const paymentQueries: ReadonlyArray<Query> = [
  {
    name: "payment",
    takes: ["ID"],
    about: "a payment with its operations",
    ask: (schema, [id]) => Effect.flatMap(payments(schema), ({ payment }) => orNone(payment(id!), AsOfText.payment))
  },
  {
    name: "ledger",
    takes: [],
    about: "what was authorised, taken and given back, by day",
    ask: (schema) => Effect.flatMap(payments(schema), ({ ledger }) => answered(ledger({}), AsOfText.ledger))
  }
]

/** What can be asked of each read model. The ledger of stock is one of movements, to which every order contributes for itself. */
export const askable: Readonly<Record<string, Askable>> = {
  [cartViewsName]: { streams: "sequences", queries: cartQueries },
  [orderViewsName]: { streams: "sequences", queries: orderQueries },
  [stockViewsName]: { streams: "movements", queries: stockQueries },
  [reservationViewsName]: { streams: "sequences", queries: reservationQueries },
  [paymentViewsName]: { streams: "sequences", queries: paymentQueries }
}

/** How a query is written: `movements SKU`. */
export const usageOf = ({ name, takes }: Query): string => [name, ...takes].join(" ")
