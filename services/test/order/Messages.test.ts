/**
 * The order as other services meet it: commands by message, each answered and carried out once, and what becomes of orders said on
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
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { type OrderCommand, OrderCommands, OrderEvents } from "../../src/order/Contract.ts"
import { commandSide, messageSide, type Options, Orders, schema } from "../../src/order/Order.ts"
import { tables } from "../../src/order/Projections.ts"
import { ask, commandMessage, eventually, hear } from "../Conversation.ts"
import * as Given from "./Given.ts"

/** The service, its message side running, over an empty store. */
const service = (options: Options = {}) =>
  messageSide({ ...options, consumer: { firstBackoffMillis: 5, pollMillis: 5 } }).pipe(
    Layer.provideMerge(commandSide(options)),
    Layer.provideMerge(
      Layer.mergeAll(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }), SqlBroker.layer())
    ),
    Layer.provide(Database.layer({ folder: undefined })),
    // Dead letters are logged as errors, and here they are wanted.
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )

let orders = 0
const newId = () => `order-${++orders}`

const { submitOrder: submit, confirmOrder: confirm, rejectOrder: reject, cancelOrder: cancel } = Given

const told = (id: string, command: OrderCommand, given: Partial<Message> = {}) =>
  ask(OrderCommands, commandMessage(OrderCommands, id, command, given))

const done = (orderId: string, version: number) => ({ _tag: "CommandDone", answer: { orderId, version } })

const read = (id: string) => Effect.flatMap(Orders, (orders) => orders.read(id))

const statusOf = (id: string) => Effect.map(read(id), ({ state }) => state.status)

const levels = [
  ["2", Persistence.state()],
  ["3", Persistence.events()]
] as const

describe.each(levels)("at level %s", (_, persistence) => {
  layer(service({ persistence }), { timeout: "60 seconds", excludeTestServices: true })("an order", (it) => {
    it.effect("is placed and confirmed by message, and answers with its version", () =>
      Effect.gen(function* () {
        const id = newId()
        expect(yield* told(id, submit())).toMatchObject(done(id, 1))
        expect(yield* statusOf(id)).toBe("pending")
        expect(yield* told(id, confirm())).toMatchObject(done(id, 2))
        expect(yield* statusOf(id)).toBe("confirmed")
      })
    )

    it.effect("is placed as the command says, to the last penny", () =>
      Effect.gen(function* () {
        const id = newId()
        yield* told(id, submit({ customerId: null, country: null }))
        const { state } = yield* read(id)
        const placed = Given.stateAfter([Given.orderPlaced({ customerId: null, country: null })])
        expect(state).toEqual(placed)
      })
    )

    it.effect("answers a command that is sent again as before, and does nothing more", () =>
      Effect.gen(function* () {
        const id = newId()
        for (const message of ["first", "again"]) {
          const given = { id: `${id}/${message}`, commandId: `${id}/submit` }
          expect(yield* told(id, submit(), given)).toEqual({ ...done(id, 1), commandId: `${id}/submit` })
        }
        yield* told(id, confirm())
        // Under another command id it is the same order all the same; the answer has the version that it is at by now.
        expect(yield* told(id, submit())).toMatchObject(done(id, 2))
        expect((yield* read(id)).version).toBe(2)
      })
    )

    it.effect("that comes to nothing is rejected or cancelled, and says so both times", () =>
      Effect.gen(function* () {
        const [rejected, cancelled] = [newId(), newId()]
        for (const id of [rejected, cancelled]) yield* told(id, submit())
        for (let i = 0; i < 2; i++) {
          expect(yield* told(rejected, reject())).toMatchObject(done(rejected, 2))
          expect(yield* told(cancelled, cancel())).toMatchObject(done(cancelled, 2))
        }
        expect([yield* statusOf(rejected), yield* statusOf(cancelled)]).toEqual(["rejected", "cancelled"])
      })
    )

    it.effect("that its customer cancelled meanwhile is confirmed, since that is certain, and cancelled at once", () =>
      Effect.gen(function* () {
        const id = newId()
        yield* told(id, submit())
        yield* Effect.flatMap(Orders, (orders) => orders.execute(id, Given.requestCancellation()))
        expect(yield* told(id, confirm())).toMatchObject(done(id, 5))
        const heard = yield* hear(OrderEvents.topic)
        const own = () => heard.filter(({ key }) => key === id)
        yield* eventually(() => (own().length >= 5 ? true : undefined))
        expect(own().map(({ type }) => type)).toEqual([
          "OrderPlaced",
          "CancellationRequested",
          "OrderConfirmed",
          "LinesCancelled",
          "OrderCancelled"
        ])
      })
    )

    it.effect("says why it refuses, in a word and in a sentence", () =>
      Effect.gen(function* () {
        const id = newId()
        yield* told(id, submit())
        yield* told(id, confirm())
        const price = (amountMinor: number, currency = "GBP") => ({
          ...Given.lantern,
          unitPrice: { amountMinor, currency }
        })
        const refusals: ReadonlyArray<readonly [order: string, command: OrderCommand, reason: string, detail: string]> =
          [
            [id, submit({ cartId: "another" }), "OrderAlreadyPlaced", "Place an order of another id"],
            [
              id,
              confirm({ reservationId: "another" }),
              "OrderOutcomeStands",
              "reservation reservation-1, which stands"
            ],
            [id, reject(), "OrderStatusForbids", "this one is confirmed"],
            [id, cancel(), "OrderStatusForbids", "this one is confirmed"],
            [newId(), confirm(), "OrderNotFound", "no order of this id"],
            [newId(), submit({ lines: [] }), "OrderLinesMissing", "No lines"],
            [newId(), submit({ total: Given.gbp(1) }), "OrderTotalsDisagree", "total GBP 0.01"],
            // What the order's limits forbid is answered too, field by field, and not left lying as a dead letter.
            [newId(), submit({ cartId: "x".repeat(65) }), "InvalidRequest", "body.cartId (expected"],
            [newId(), submit({ lines: [price(-1)] }), "InvalidRequest", "body.lines.0.unitPrice.amountMinor"],
            [newId(), submit({ lines: [price(1, "ABC")] }), "InvalidRequest", "body.lines.0.unitPrice.currency"],
            // No id of an order, and nothing that a database could be asked for.
            ["x".repeat(65), submit(), "InvalidRequest", "key (expected the id of an order"]
          ]
        for (const [order, command, reason, detail] of refusals) {
          const answer = yield* told(order, command)
          expect(answer).toMatchObject({ _tag: "CommandRefused", reason, detail: expect.stringContaining(detail) })
          if (order !== id && order.length < 65) expect((yield* read(order)).version).toBe(0)
        }
        expect(yield* read(id)).toMatchObject({ version: 2, state: { status: "confirmed" } })
      })
    )

    it.effect("keeps who asked and when, and tells everyone what becomes of it in the same conversation", () =>
      Effect.gen(function* () {
        const id = newId()
        const conversation = { correlationId: `${id}/talk`, occurredAtMillis: 1_300_000_000_000 }
        yield* told(id, submit(), { ...conversation, actor: "buyer" })
        yield* told(id, confirm(), { ...conversation, source: "/checkout" })
        const heard = yield* hear(OrderEvents.topic)
        const own = () => heard.filter(({ key }) => key === id)
        yield* eventually(() => (own().length >= 2 ? true : undefined))
        // Where no person is known, it was the service that asked.
        expect(own()).toMatchObject([
          { type: "OrderPlaced", source: "/order", actor: "buyer", schemaVersion: 1, ...conversation },
          { type: "OrderConfirmed", source: "/order", actor: "system:checkout", schemaVersion: 1, ...conversation }
        ])
      })
    )

    it.effect("is not touched by what cannot be read, which is set aside with those behind it", () =>
      Effect.gen(function* () {
        const broker = yield* Broker
        const { list } = yield* Inbox
        const [id, other] = [newId(), newId()]
        yield* broker.publish(OrderCommands.topic, [
          commandMessage(OrderCommands, id, submit(), { type: "SendFlowers" }),
          commandMessage(OrderCommands, id, submit()),
          commandMessage(OrderCommands, other, submit(), { data: { cartId: 7 } })
        ])
        // Others go on.
        const third = newId()
        expect(yield* told(third, submit())).toMatchObject(done(third, 1))
        const held = Effect.map(list({ consumer: "order-commands", limit: 10 }), (all) =>
          all.map(({ key, state }) => `${key} ${state}`).sort()
        )
        while ((yield* held).length < 3) yield* Effect.sleep(5)
        expect(yield* held).toEqual([`${id} dead`, `${id} waiting`, `${other} dead`].sort())
        expect([yield* statusOf(id), yield* statusOf(other)]).toEqual(["unplaced", "unplaced"])
      })
    )
  })
})

it.effect("at level 1 there is nothing to publish, and the service says at its start what to do", () =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Effect.scoped(Layer.build(service({ persistence: Persistence.inline }))))
    expect(Exit.isFailure(exit) && String(Cause.squash(exit.cause))).toMatch(/run them at level 2 or 3/)
  })
)
