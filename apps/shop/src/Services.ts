/**
 * The shop's services, each with its stores, in one process.
 */
import type { Persistence } from "@daybook/core/Persistence"
import { Problem } from "@daybook/core/Problem"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Cart from "@daybook/services/cart/Cart"
import * as CartHandlers from "@daybook/services/cart/Handlers"
import { PriceList } from "@daybook/services/cart/PriceList"
import { tables as cartTables } from "@daybook/services/cart/Projections"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Settings from "./Settings.ts"

type DatabaseLayer = ReturnType<typeof Database.layer>

const databases = new Map<Database.Location, DatabaseLayer>()

/** The client of a database: one layer, and so one pool, for each place. */
const database = (location: Database.Location): DatabaseLayer => {
  const layer = databases.get(location) ?? Database.layer(location)
  databases.set(location, layer)
  return layer
}

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
const sidesFit = (
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

/** The cart as the environment says. */
export const cartConfig = Layer.unwrap(
  Effect.gen(function* () {
    const { write, read } = yield* Settings.sides("cart")
    return cart({ write: database(write), read: database(read), partitions: yield* Settings.partitions })
  })
)

/** The cart's HTTP handlers, with what they need. */
export const cartHandlers = CartHandlers.layer.pipe(
  Layer.provide(PriceList.layerConfig),
  Layer.provide(NodeFileSystem.layer)
)
