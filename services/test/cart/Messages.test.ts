/**
 * The cart as other services meet it: commands by message, each answered and carried out once, and what becomes of carts said on
 * its topic. Real stores, and the real broker, in an embedded database.
 */
import { Broker } from "@daybook/core/Broker"
import { Inbox } from "@daybook/core/Inbox"
import type { Message } from "@daybook/core/Message"
import * as Persistence from "@daybook/core/Persistence"
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as Stores from "@daybook/postgres/Stores"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { Carts, commandSide, messageSide, NoEventsToPublish, schema } from "../../src/cart/Cart.ts"
import { type CartCommand, CartCommands, CartEvents } from "../../src/cart/Contract.ts"
import { tables } from "../../src/cart/Projections.ts"
import { ask, commandMessage, eventually, hear } from "../Conversation.ts"
import * as Given from "./Given.ts"

/** The service, its message side running, over an empty store. */
const service = (persistence: Persistence.Persistence) => {
  const consumer = { firstBackoffMillis: 5, pollMillis: 5 }
  return messageSide({ persistence, consumer }).pipe(
    Layer.provideMerge(commandSide({ persistence })),
    Layer.provideMerge(
      Layer.mergeAll(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }), SqlBroker.layer())
    ),
    Layer.provide(Database.layer({ folder: undefined })),
    // Dead letters are logged as errors, and here they are wanted.
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )
}

let opened = 0

/** A cart with six lanterns at 3.39 in it, at version 2. */
const filledCart = Effect.gen(function* () {
  const carts = yield* Carts
  const id = `cart-${++opened}`
  yield* carts.execute(id, Given.openCart())
  yield* carts.execute(id, Given.addItem())
  return id
})

const begin = (given: Partial<Extract<CartCommand, { _tag: "BeginCheckout" }>> = {}): CartCommand => ({
  _tag: "BeginCheckout",
  checkoutId: "checkout-1",
  acceptedTotal: null,
  expectedVersion: null,
  ...given
})

const complete = (checkoutId = "checkout-1"): CartCommand => ({ _tag: "CompleteCart", checkoutId })

const restore = (checkoutId = "checkout-1"): CartCommand => ({
  _tag: "RestoreCart",
  checkoutId,
  reason: "shortage",
  shortages: [{ sku: "71053", requested: 6, available: 2 }]
})

const told = (cartId: string, command: CartCommand, given: Partial<Message> = {}) =>
  ask(CartCommands, commandMessage(CartCommands, cartId, command, given))

/** What a frozen cart says of itself. */
const content = (cartId: string) => {
  const { customerId, country, total, lines } = Given.checkoutBegun()
  return { cartId, customerId, country, total, lines }
}

const statusOf = (id: string) =>
  Effect.flatMap(Carts, (carts) => Effect.map(carts.read(id), ({ state }) => state.status))

const levels = [
  ["2", Persistence.state()],
  ["3", Persistence.events()]
] as const

describe.each(levels)("at level %s", (_, persistence) => {
  layer(service(persistence), { timeout: "60 seconds", excludeTestServices: true })("a cart", (it) => {
    it.effect("is frozen by message, and answers with its content", () =>
      Effect.gen(function* () {
        const id = yield* filledCart
        const answer = yield* told(id, begin({ acceptedTotal: Given.gbp(2034), expectedVersion: 2 }))
        expect(answer).toMatchObject({ _tag: "CommandDone", answer: content(id) })
        expect(yield* statusOf(id)).toBe("checking-out")
      })
    )

    it.effect("answers a command that is sent again as before, and does nothing more", () =>
      Effect.gen(function* () {
        const id = yield* filledCart
        const command = begin({ expectedVersion: 2 })
        for (const message of ["first", "again"]) {
          const answer = yield* told(id, command, { id: `${id}/${message}`, commandId: `${id}/begin` })
          expect(answer).toEqual({ _tag: "CommandDone", commandId: `${id}/begin`, answer: content(id) })
        }
        // Under another command id it is the same checkout all the same.
        expect(yield* told(id, begin())).toMatchObject({ _tag: "CommandDone", answer: content(id) })
        const { version } = yield* Effect.flatMap(Carts, (carts) => carts.read(id))
        expect(version).toBe(3)
      })
    )

    it.effect("is completed, or given back, and says so both times it is asked", () =>
      Effect.gen(function* () {
        const [bought, restored] = [yield* filledCart, yield* filledCart]
        for (const id of [bought, restored]) yield* told(id, begin())
        for (let i = 0; i < 2; i++) {
          expect(yield* told(bought, complete())).toMatchObject({ _tag: "CommandDone", answer: null })
          expect(yield* told(restored, restore())).toMatchObject({ _tag: "CommandDone", answer: null })
        }
        expect([yield* statusOf(bought), yield* statusOf(restored)]).toEqual(["completed", "open"])
        expect(yield* told(bought, begin())).toMatchObject({ _tag: "CommandDone", answer: content(bought) })
      })
    )

    it.effect("that was given back refuses the old checkout, also one that had been answered", () =>
      Effect.gen(function* () {
        const id = yield* filledCart
        yield* told(id, begin(), { commandId: `${id}/begin` })
        yield* told(id, restore())
        const late = yield* told(id, begin(), { commandId: `${id}/begin` })
        expect(late).toMatchObject({ _tag: "CommandRefused", reason: "CheckoutMismatch" })
        expect(yield* statusOf(id)).toBe("open")
      })
    )

    it.effect("says why it refuses, in a word and in a sentence", () =>
      Effect.gen(function* () {
        const carts = yield* Carts
        const id = yield* filledCart
        yield* carts.execute(`${id}-empty`, Given.openCart())
        const refusals: ReadonlyArray<readonly [cart: string, command: CartCommand, reason: string, detail: string]> = [
          [id, begin({ acceptedTotal: Given.gbp(2000) }), "TotalChanged", "the cart comes to GBP 20.34"],
          [id, begin({ expectedVersion: 1 }), "VersionMismatch", "is at version 2, not 1"],
          [id, complete("other"), "CheckoutMismatch", "Checkout other is not under way"],
          [id, restore("other"), "CheckoutMismatch", "Checkout other is not under way"],
          [`${id}-empty`, begin(), "EmptyCart", "no lines"],
          [`${id}-unheard-of`, begin(), "CartNotFound", "no cart of this id"],
          [`${id}-unheard-of`, complete(), "CartNotFound", "no cart of this id"],
          [id, begin({ checkoutId: "y".repeat(65) }), "InvalidRequest", "length of at most 64"],
          [id, begin({ checkoutId: "\u0000" }), "InvalidRequest", "without NUL characters"],
          [id, begin({ acceptedTotal: Given.gbp(-1) }), "InvalidRequest", "greater than or equal to 0"],
          // No id of a cart, and nothing that a database could be asked for.
          ["x".repeat(65), restore(), "CartNotFound", "no cart of this id"]
        ]
        for (const [cart, command, reason, detail] of refusals) {
          const answer = yield* told(cart, command)
          expect(answer).toMatchObject({ _tag: "CommandRefused", reason, detail: expect.stringContaining(detail) })
        }
        expect(yield* statusOf(id)).toBe("open")
      })
    )

    it.effect("tells everyone what becomes of it, as part of the conversation that led to it", () =>
      Effect.gen(function* () {
        const id = yield* filledCart
        yield* told(id, begin(), { correlationId: `${id}/talk`, actor: "buyer" })
        yield* told(id, restore(), { correlationId: `${id}/talk` })
        yield* told(id, begin({ checkoutId: "checkout-2" }), { correlationId: `${id}/talk` })
        yield* told(id, complete("checkout-2"), { correlationId: `${id}/talk` })
        const heard = yield* hear(CartEvents.topic)
        const own = () => heard.filter(({ key }) => key === id)
        yield* eventually(() => (own().length >= 4 ? true : undefined))
        const said = own()
        expect(said.map((message) => CartEvents.decode(message))).toEqual([
          { _tag: "CartCheckedOut", checkoutId: "checkout-1", ...content(id) },
          { ...restore(), _tag: "CartRestored", cartId: id },
          { _tag: "CartCheckedOut", checkoutId: "checkout-2", ...content(id) },
          { _tag: "CartCompleted", cartId: id, checkoutId: "checkout-2" }
        ])
        expect(said.map(({ correlationId }) => correlationId)).toEqual(Array(4).fill(`${id}/talk`))
        expect(said[0]).toMatchObject({ source: "/cart", actor: "buyer", schemaVersion: 1 })
      })
    )

    it.effect("is not touched by what cannot be read, which is set aside with those behind it", () =>
      Effect.gen(function* () {
        const broker = yield* Broker
        const { list } = yield* Inbox
        const [id, other] = [yield* filledCart, yield* filledCart]
        const wrong = [
          commandMessage(CartCommands, id, begin(), { type: "EmptyTheTill" }),
          commandMessage(CartCommands, id, begin())
        ]
        yield* broker.publish(CartCommands.topic, wrong)
        yield* broker.publish(CartCommands.topic, [
          commandMessage(CartCommands, other, begin(), { data: { checkoutId: 7, acceptedTotal: null } })
        ])
        // Others go on.
        const third = yield* filledCart
        expect(yield* told(third, begin())).toMatchObject({ _tag: "CommandDone" })
        const held = Effect.map(list({ consumer: "cart-commands", limit: 10 }), (all) =>
          all.map(({ key, state }) => `${key} ${state}`).sort()
        )
        while ((yield* held).length < 3) yield* Effect.sleep(5)
        expect(yield* held).toEqual([`${id} dead`, `${id} waiting`, `${other} dead`].sort())
        expect([yield* statusOf(id), yield* statusOf(other)]).toEqual(["open", "open"])
      })
    )
  })
})

it.effect("at level 1 there is nothing to publish, and the service says at its start what to do", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(Effect.scoped(Layer.build(service(Persistence.inline))))
    expect(error).toBeInstanceOf(NoEventsToPublish)
    expect((error as Error).message).toMatch(/level 1.*Run it at level 2 .* or 3/)
  })
)
