/**
 * One aggregate at all three levels, on an embedded store: the level is one line, and a service that changes it goes on from
 * what the old level left.
 */
import { Entities, type Persistence } from "@daybook/core"
import * as Policies from "@daybook/core/Persistence"
import { Database, Stores } from "@daybook/postgres"
import { defaultLimits, make as makeCart } from "@daybook/services/cart/Domain"
import { Console, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"

const Cart = makeCart(defaultLimits)

const mug = { sku: "MUG", description: "A mug", quantity: 1, unitPrice: { amountMinor: 750, currency: "GBP" } }

/** Runs one cart for a while at a level: adds a line, and says what is stored of it afterwards. */
const at = (level: string, persistence: Persistence.Persistence) =>
  Effect.scoped(
    Effect.gen(function* () {
      const carts = yield* Entities.make(Cart, { persistence })
      yield* carts.execute("cart", { _tag: "OpenCart", customerId: null, country: null, currency: "GBP" })
      yield* carts.execute("cart", { _tag: "AddItem", lineId: level, ...mug })
      const { version, state } = yield* carts.read("cart")
      const sql = yield* SqlClient.SqlClient
      const [stored] = yield* sql<{ events: number; states: number }>`
        SELECT (SELECT count(*)::integer FROM example.event) AS events, (SELECT count(*)::integer FROM example.state) AS states`
      yield* Console.log(
        `${level}: version ${version}, ${state.lines.length} lines; in the store ${stored?.events} events, ${stored?.states} state`
      )
      return state.lines.length
    })
  )

const program = Effect.gen(function* () {
  yield* at("level 1", Policies.inline)
  yield* at("level 2", Policies.state())
  const lines = yield* at("level 3", Policies.events())
  if (lines !== 3) return yield* Effect.die(new Error(`expected 3 lines, not ${lines}`))
})

const stores = Stores.writeSide({ schema: "example" }).pipe(Layer.provideMerge(Database.layer({ folder: "store" })))

await Effect.runPromise(program.pipe(Effect.provide(stores)))
