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

/** The cart: its entities, its read models and its queries. */
export const cart = ({ write, read, partitions, ...options }: CartOptions) => {
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
