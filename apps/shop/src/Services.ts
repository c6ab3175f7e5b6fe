/**
 * The cart with its stores and nothing around it, for programs that work on it beside a shop; and what the level of a service
 * asks of its stores.
 */
import type { Persistence } from "@daybook/core/Persistence"
import { Problem } from "@daybook/core/Problem"
import * as Stores from "@daybook/postgres/Stores"
import * as Cart from "@daybook/services/cart/Cart"
import { tables as cartTables } from "@daybook/services/cart/Projections"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { DatabaseLayer } from "./Place.ts"

/** Where the cart keeps its two sides, and how it is run. */
export interface CartOptions extends Cart.Options {
  readonly write: DatabaseLayer
  readonly read: DatabaseLayer
  /** Partitions of the journal; they count when it is created, and never again. */
  readonly partitions?: number | undefined
}

/** A service of level 1 whose two sides are in different places. */
export class SidesApart extends Problem<SidesApart>()(
  "SidesApart",
  { status: 500, title: "A service of level 1 needs both of its sides in one database" },
  { service: Schema.String }
) {}

/** Level 1 writes read models in the transaction of the command, so that both sides have to be in one database. */
export const sidesFit = (
  service: string,
  { _tag }: Persistence,
  { write, read }: Pick<CartOptions, "write" | "read">
): Effect.Effect<void, SidesApart> => {
  if (_tag !== "Inline" || write === read) return Effect.void
  const prefix = service.toUpperCase()
  return Effect.fail(
    new SidesApart({
      service,
      detail:
        `The ${service} runs at level 1, which writes its read models in the transaction of the command, and so needs both in one ` +
        `database. Leave out ${prefix}_WRITE_URL and ${prefix}_READ_URL, or give them the same value; or run the ${service} at level 2 ` +
        "(Persistence.state) or 3 (Persistence.events)."
    })
  )
}

/** The cart: its entities, its read models and its queries. */
export const cart = (options: CartOptions) =>
  Layer.unwrap(Effect.as(sidesFit("cart", options.persistence ?? Cart.persistence, options), cartOf(options)))

const cartOf = ({ write, read, partitions, ...options }: CartOptions) => {
  const { schema } = Cart
  const queries = Cart.querySide(options).pipe(
    Layer.provide(Stores.readSide({ schema, tables: cartTables })),
    Layer.provide(read)
  )
  return Layer.merge(Cart.commandSide(options), queries).pipe(
    Layer.provideMerge(Stores.writeSide({ schema, ...(partitions === undefined ? {} : { partitions }) })),
    Layer.provide(write)
  )
}
