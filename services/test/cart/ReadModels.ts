/** The cart's read models in an embedded store, and a model of them that is plain enough to be believed. */
import * as Aggregate from "@daybook/core/Aggregate"
import type { Recorded } from "@daybook/core/Event"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Domain from "../../src/cart/Domain.ts"
import type { CartEvent } from "../../src/cart/Events.ts"
import { cartViews, tables } from "../../src/cart/Projections.ts"
import { metadata } from "../Golden.ts"

export const schema = "cart"

/** Empty read models, with the offsets that belong to them. */
export const readModels = Stores.readSide({ schema, tables }).pipe(
  Layer.provideMerge(Database.layer({ folder: undefined }))
)

/** An event of a cart, at a time. */
export interface Happening {
  readonly cart: string
  readonly atMillis: number
  readonly event: CartEvent
}

/** Events as a projection gets them, each cart's with versions of its own. */
export const recorded = (happenings: ReadonlyArray<Happening>): ReadonlyArray<Recorded<CartEvent>> => {
  const versions = new Map<string, number>()
  return happenings.map(({ cart, atMillis, event }, i) => {
    const version = (versions.get(cart) ?? 0) + 1
    versions.set(cart, version)
    const stream = `cart-${cart}`
    return {
      ...metadata,
      stream,
      version,
      position: i + 1,
      occurredAtMillis: atMillis,
      recordedAtMillis: atMillis,
      event
    }
  })
}

/** Applies events to the read models, in batches. */
export const project = (batches: ReadonlyArray<ReadonlyArray<Recorded<CartEvent>>>) =>
  Effect.forEach(batches, (batch) => cartViews(schema).handle(batch, { replaying: false }), { discard: true })

export const empty = Effect.flatMap(SqlClient, (sql) =>
  sql.unsafe(`TRUNCATE ${schema}.cart_view, ${schema}.cart_lines, ${schema}.revenue`)
)

type Row = Readonly<Record<string, unknown>>

/** Every row of the read models, times in milliseconds. */
export interface Rows {
  readonly carts: ReadonlyArray<Row>
  readonly blocks: ReadonlyArray<Row>
  readonly revenue: ReadonlyArray<Row>
}

const millis = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8 AS ${column}`

/** A day on which nothing is left of what was sold has a row in the table, and none in the model. */
export const rows: Effect.Effect<Rows, unknown, SqlClient> = Effect.flatMap(SqlClient, (sql) =>
  Effect.all({
    carts: sql.unsafe<Row>(
      `SELECT cart_id, version, status, customer_id, country, currency, checkout_id, line_count, total_minor::float8 AS total_minor,
              ${millis("opened_at")}, ${millis("updated_at")}, ${millis("checkout_begun_at")}
       FROM ${schema}.cart_view ORDER BY cart_id`
    ),
    blocks: sql.unsafe<Row>(`SELECT cart_id, block, lines FROM ${schema}.cart_lines ORDER BY cart_id, block`),
    revenue: sql.unsafe<Row>(
      `SELECT country, day::text AS day, currency, carts, total_minor::float8 AS total_minor
       FROM ${schema}.revenue WHERE carts <> 0 OR total_minor <> 0 ORDER BY country, day, currency`
    )
  })
)

/** One cart's events, with their versions and times. */
interface Life {
  readonly events: ReadonlyArray<CartEvent>
  readonly times: ReadonlyArray<number>
}

/** The checkout that a cart is in or was bought with, if any: when it began, and of which total. */
const checkoutOf = ({ events, times }: Life) => {
  let checkout: { readonly atMillis: number; readonly totalMinor: number } | undefined
  events.forEach((event, i) => {
    if (event._tag === "CheckoutBegun") checkout = { atMillis: times[i]!, totalMinor: event.total.amountMinor }
    if (event._tag === "CartRestored") checkout = undefined
  })
  return checkout
}

const cartRow = (cart: string, life: Life): Row => {
  const state = Aggregate.evolveAll(Domain, Domain.initial, life.events)
  return {
    cart_id: cart,
    version: life.events.length,
    status: state.status,
    customer_id: state.customerId,
    country: state.country,
    currency: state.currency,
    checkout_id: state.checkoutId,
    line_count: state.lines.length,
    total_minor: state.totalMinor,
    opened_at: life.times[0],
    updated_at: life.times.at(-1),
    checkout_begun_at: checkoutOf(life)?.atMillis ?? null
  }
}

const blockRows = (cart: string, { events }: Life): ReadonlyArray<Row> => {
  const addedBy = (id: string) => events.findLastIndex((event) => event._tag === "ItemAdded" && event.lineId === id) + 1
  const { lines } = Aggregate.evolveAll(Domain, Domain.initial, events)
  return [...Map.groupBy(lines, ({ lineId }) => Math.floor(addedBy(lineId) / 16))].map(([block, ofBlock]) => ({
    cart_id: cart,
    block,
    lines: ofBlock.map(({ lineId, sku, description, quantity, unitPrice }) => [
      ...[lineId, sku, description, quantity, unitPrice.amountMinor]
    ])
  }))
}

const revenueRows = (lives: ReadonlyMap<string, Life>): ReadonlyArray<Row> => {
  const sums = new Map<string, { carts: number; total_minor: number }>()
  for (const life of lives.values()) {
    const checkout = checkoutOf(life)
    if (checkout === undefined) continue
    const { country, currency } = Aggregate.evolveAll(Domain, Domain.initial, life.events)
    const day = new Date(checkout.atMillis).toISOString().slice(0, 10)
    const key = JSON.stringify([country ?? "Unspecified", day, currency])
    const { carts, total_minor } = sums.get(key) ?? { carts: 0, total_minor: 0 }
    sums.set(key, { carts: carts + 1, total_minor: total_minor + checkout.totalMinor })
  }
  return [...sums.keys()].sort().map((key) => {
    const [country, day, currency] = JSON.parse(key)
    return { country, day, currency, ...sums.get(key)! }
  })
}

/** What the read models must hold after these events. */
export const model = (happenings: ReadonlyArray<Happening>): Rows => {
  const lives = new Map<string, { events: Array<CartEvent>; times: Array<number> }>()
  for (const { cart, atMillis, event } of happenings) {
    const life = lives.get(cart) ?? { events: [], times: [] }
    life.events.push(event)
    life.times.push(atMillis)
    lives.set(cart, life)
  }
  const carts = [...lives.keys()].sort()
  return {
    carts: carts.map((cart) => cartRow(cart, lives.get(cart)!)),
    blocks: carts.flatMap((cart) => blockRows(cart, lives.get(cart)!)),
    revenue: revenueRows(lives)
  }
}
