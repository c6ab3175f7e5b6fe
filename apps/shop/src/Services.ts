/**
 * The shop's services, each with its stores, in one process.
 */
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Cart from "@daybook/services/cart/Cart"
import * as CartHandlers from "@daybook/services/cart/Handlers"
import { PriceList } from "@daybook/services/cart/PriceList"
import { tables as cartTables } from "@daybook/services/cart/Projections"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Settings from "./Settings.ts"

const databases = new Map<Database.Location, ReturnType<typeof Database.layer>>()

/** The client of a database: one layer, and so one pool, for each place. */
export const database = (location: Database.Location): ReturnType<typeof Database.layer> => {
  const layer = databases.get(location) ?? Database.layer(location)
  databases.set(location, layer)
  return layer
}

/** The cart: its entities, its read models and its queries. */
export const cart = (options: Cart.Options = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { write, read } = yield* Settings.sides("cart")
      const partitions = yield* Settings.partitions
      const { schema } = Cart
      const journal = Stores.writeSide({ schema, ...(partitions === undefined ? {} : { partitions }) })
      const queries = Cart.querySide(options).pipe(
        Layer.provide(Stores.readSide({ schema, tables: cartTables })),
        Layer.provide(database(read))
      )
      return Layer.merge(Cart.commandSide(options), queries).pipe(
        Layer.provideMerge(journal),
        Layer.provide(database(write))
      )
    })
  )

/** The cart's HTTP handlers, with what they need. */
export const cartHandlers = CartHandlers.layer.pipe(
  Layer.provide(PriceList.layerConfig),
  Layer.provide(NodeFileSystem.layer)
)
