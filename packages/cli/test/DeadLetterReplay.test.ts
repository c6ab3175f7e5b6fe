/**
 * From a message that a service cannot read to the effect that it should have had: the cart sets it aside, an operator corrects it
 * while the shop is stopped, and the cart carries it out, and what waited behind it, when it runs again.
 */
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Broker } from "@daybook/core/Broker"
import { Inbox } from "@daybook/core/Inbox"
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as Stores from "@daybook/postgres/Stores"
import * as Cart from "@daybook/services/cart/Cart"
import { CartCommands } from "@daybook/services/cart/Contract"
import { tables } from "@daybook/services/cart/Projections"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { afterAll, expect, it } from "vitest"
import { completeCart } from "./Letters.ts"
import { daybook, scratch } from "./Orders.ts"

const root = scratch()
const folder = join(root, "store")

afterAll(() => rmSync(root, { recursive: true, force: true }))

const { schema } = Cart

/** Does something while the cart runs on the embedded store. */
const whileRunning = <A, E>(work: Effect.Effect<A, E, Cart.Carts | Broker | Inbox>) =>
  work.pipe(
    Effect.provide(
      Cart.messageSide().pipe(
        Layer.provideMerge(Cart.commandSide()),
        Layer.provideMerge(
          Layer.mergeAll(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }), SqlBroker.layer())
        ),
        Layer.provide(Database.layer({ folder })),
        Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
      )
    ),
    Effect.runPromise
  )

const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (met) => (met ? Effect.void : Effect.andThen(Effect.sleep(10), until(condition))))

const statusIs = (status: string) =>
  Effect.flatMap(Cart.Carts, (carts) => Effect.map(carts.read("cart-1"), ({ state }) => state.status === status))

const heldStates = Effect.flatMap(Inbox, (inbox) =>
  Effect.map(inbox.list({ limit: 10 }), (held) => held.map(({ state }) => state))
)

it("a message that could not be read has its effect once it is corrected, and so have those behind it", async () => {
  await whileRunning(
    Effect.gen(function* () {
      const carts = yield* Cart.Carts
      const broker = yield* Broker
      yield* carts.execute("cart-1", { _tag: "OpenCart", customerId: null, country: null, currency: "GBP" })
      const line = { lineId: "1", sku: "71053", description: "Lantern", quantity: 1 }
      yield* carts.execute("cart-1", { _tag: "AddItem", ...line, unitPrice: { amountMinor: 339, currency: "GBP" } })
      const begin = CartCommands.encode({
        _tag: "BeginCheckout",
        checkoutId: "checkout-1",
        acceptedTotal: null,
        expectedVersion: null
      })
      const wrong = { ...completeCart("m-1", "cart-1"), ...begin, data: { checkout: "checkout-1" } }
      yield* broker.publish(CartCommands.topic, [wrong, completeCart("m-2", "cart-1")])
      yield* until(Effect.map(heldStates, (states) => states.join() === "dead,waiting"))
      expect(yield* statusIs("open")).toBe(true)
    })
  )
  const data = join(root, "data.json")
  writeFileSync(data, JSON.stringify({ checkoutId: "checkout-1", acceptedTotal: null, expectedVersion: null }))
  const replayed = await daybook({ DAYBOOK_HOME: folder }, "dead-letter", "replay", "1", "--data", data)
  expect(replayed).toMatchObject({ code: 0, out: expect.stringContaining("The 1 message behind it follows in order.") })
  await whileRunning(
    Effect.gen(function* () {
      yield* until(statusIs("completed"))
      yield* until(Effect.map(heldStates, (states) => states.length === 0))
    })
  )
}, 60_000)
