/**
 * The inventory as other services meet it: commands by message, each answered and carried out once, and what becomes of stock and
 * reservations said on its topic. Run on an embedded store and on a PostgreSQL server, each with the broker on it.
 */
import { Broker } from "@daybook/core/Broker"
import { Inbox } from "@daybook/core/Inbox"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { inventoryCommands } from "../../src/inventory/Consumer.ts"
import { type InventoryCommand, InventoryCommands, InventoryEvents } from "../../src/inventory/Contract.ts"
import { Reservations, StockItems } from "../../src/inventory/Entities.ts"
import { InventoryQueries } from "../../src/inventory/Queries.ts"
import { initial } from "../../src/inventory/ReservationDomain.ts"
import { balanceOf, stockItemId } from "../../src/inventory/StockItemState.ts"
import { OrderEvents } from "../../src/order/Contract.ts"
import { ask, commandMessage, eventually, hear, replyTo } from "../Conversation.ts"
import { hour } from "./Given.ts"
import { Future, hearOutcomes, type serviceOn, skuWith, stockUp, toReservation, until } from "./Service.ts"

const reserve = (
  orderId: string,
  lines: ReadonlyArray<{ readonly sku: string; readonly quantity: number }>,
  holdMillis = hour
): InventoryCommand => ({ _tag: "ReserveItems", orderId, lines, holdMillis })

const commit: InventoryCommand = { _tag: "CommitReservation" }
const release: InventoryCommand = { _tag: "ReleaseReservation", reason: "payment-declined" }
const extend = (holdMillis: number): InventoryCommand => ({ _tag: "ExtendReservation", holdMillis })

const publish = (...messages: ReadonlyArray<ReturnType<typeof toReservation>>) =>
  Effect.flatMap(Broker, (broker) => broker.publish(InventoryCommands.topic, messages))

const told = (orderId: string, command: InventoryCommand, given?: Parameters<typeof toReservation>[2]) =>
  ask(InventoryCommands, toReservation(orderId, command, given))

const done = (answer: unknown = null) => expect.objectContaining({ _tag: "CommandDone", answer })

/** Asks for items and waits for what is said of it. */
const outcomeOf = (orderId: string, command: InventoryCommand) =>
  Effect.gen(function* () {
    const outcomes = yield* hearOutcomes
    yield* publish(toReservation(orderId, command))
    return yield* eventually(() => outcomes(orderId)[0])
  }).pipe(Effect.scoped)

let orders = 0

const orderId = () => `order-${++orders}`

/** An order that has so many of a SKU reserved. */
const reservedOrder = (sku: string, quantity: number, holdMillis = hour) =>
  Effect.gen(function* () {
    const id = orderId()
    expect(yield* outcomeOf(id, reserve(id, [{ sku, quantity }], holdMillis))).toMatchObject({ _tag: "ItemsReserved" })
    return id
  })

const figures = (sku: string, location = "LONDON") =>
  Effect.gen(function* () {
    const { state } = yield* (yield* StockItems).read(stockItemId({ sku, location }))
    const { onHand, reserved, committed, available } = balanceOf(state)
    return { onHand, reserved, committed, available }
  })

/** Waits until a stock item stands so. */
const comesTo = (sku: string, expected: { readonly [figure: string]: number }, location = "LONDON") =>
  until(
    Effect.map(figures(sku, location), (found) =>
      Object.entries(expected).every(([figure, value]) => found[figure as keyof typeof found] === value)
        ? found
        : undefined
    )
  )

/** Declares the tests, on one kind of store. */
export const messagesSuite = (store: string, service: ReturnType<typeof serviceOn>): void =>
  layer(service, { timeout: "60 seconds", excludeTestServices: true })(
    `the inventory on ${store}, by message`,
    (it) => {
      it.effect("holds all items of an order, and says so later; at once when it is asked again", () =>
        Effect.gen(function* () {
          const [mug, lamp] = [yield* skuWith({ LONDON: 5 }), yield* skuWith({ LEEDS: 2 })]
          const id = orderId()
          const wanted = reserve(id, [
            { sku: mug, quantity: 2 },
            { sku: lamp, quantity: 2 },
            { sku: mug, quantity: 1 }
          ])
          const said = yield* outcomeOf(id, wanted)
          const held = {
            lines: [
              { sku: mug, location: "LONDON", quantity: 3, backOrdered: 0 },
              { sku: lamp, location: "LEEDS", quantity: 2, backOrdered: 0 }
            ],
            expiresAtMillis: expect.any(Number)
          }
          expect(said).toEqual({ _tag: "ItemsReserved", orderId: id, ...held })
          expect(yield* told(id, wanted)).toEqual(done(held))
          yield* told(id, commit)
          expect(yield* told(id, wanted)).toEqual(done(held))
        })
      )

      it.effect("says what was short, and holds nothing of the order; again when it is asked again", () =>
        Effect.gen(function* () {
          const [mug, lamp] = [yield* skuWith({ LONDON: 5 }), yield* skuWith({ LEEDS: 2 })]
          const id = orderId()
          const wanted = reserve(id, [
            { sku: mug, quantity: 5 },
            { sku: lamp, quantity: 3 },
            { sku: "unheard-of", quantity: 1 }
          ])
          const shortages = [
            { sku: lamp, location: "LEEDS", requested: 3, available: 2 },
            { sku: "unheard-of", location: "main", requested: 1, available: 0 }
          ]
          expect(yield* outcomeOf(id, wanted)).toEqual({ _tag: "ReservationRefused", orderId: id, shortages })
          // More has come meanwhile. The order was refused all the same.
          yield* stockUp({ _tag: "ReceiveStock", sku: lamp, location: "LEEDS", quantity: 10, reference: "late" })
          expect(yield* told(id, wanted)).toMatchObject({
            _tag: "CommandRefused",
            reason: "shortage",
            answer: { shortages }
          })
          expect(yield* comesTo(mug, { available: 5 })).toMatchObject({ reserved: 0 })
        })
      )

      it.effect("chooses a location once: asked again it is the same reservation, wherever the stock is by now", () =>
        Effect.gen(function* () {
          const sku = yield* skuWith({ LONDON: 5, LEEDS: 4 })
          const id = orderId()
          const wanted = reserve(id, [{ sku, quantity: 3 }])
          expect(yield* outcomeOf(id, wanted)).toMatchObject({ lines: [{ location: "LONDON" }] })
          yield* stockUp({ _tag: "ReceiveStock", sku, location: "LEEDS", quantity: 90, reference: "more" })
          expect(yield* told(id, wanted)).toMatchObject({
            _tag: "CommandDone",
            answer: { lines: [{ location: "LONDON" }] }
          })
          expect(yield* outcomeOf("next", reserve("next", [{ sku, quantity: 3 }]))).toMatchObject({
            lines: [{ location: "LEEDS" }]
          })
          const other = yield* told(id, reserve(id, [{ sku, quantity: 4 }]))
          expect(other).toMatchObject({ _tag: "CommandRefused", reason: "ReservationAlreadyMade" })
        })
      )

      it.effect("keeps the first choice where two workers choose at once, and answers both alike", () =>
        Effect.gen(function* () {
          const reservations = yield* Reservations
          const sku = yield* skuWith({ LONDON: 5 })
          const id = yield* reservedOrder(sku, 3)
          yield* stockUp({ _tag: "ReceiveStock", sku, location: "LEEDS", quantity: 90, reference: "more" })
          // The other worker has looked before the order was reserved, and chooses after it.
          let looks = 0
          const late = {
            ...reservations,
            read: (order: string) =>
              Effect.map(reservations.read(order), (found) => (looks++ === 0 ? { version: 0, state: initial } : found))
          }
          const message = toReservation(id, reserve(id, [{ sku, quantity: 3 }]))
          const replies = yield* hear(replyTo)
          yield* Effect.provideService(inventoryCommands.handle(message), Reservations, late)
          const reply = yield* eventually(() => replies.find(({ causationId }) => causationId === message.id))
          expect(reply).toMatchObject({ type: "CommandDone", data: { answer: { lines: [{ location: "LONDON" }] } } })
          expect(yield* figures(sku, "LEEDS")).toMatchObject({ reserved: 0 })
        })
      )

      it.effect("commits, extends and releases, and says so as often as it is asked", () =>
        Effect.gen(function* () {
          const sku = yield* skuWith({ LONDON: 9 })
          const [paid, declined] = [yield* reservedOrder(sku, 2), yield* reservedOrder(sku, 3)]
          for (let i = 0; i < 2; i++) {
            expect(yield* told(paid, commit)).toEqual(done())
            expect(yield* told(declined, release)).toEqual(done())
          }
          yield* comesTo(sku, { onHand: 9, reserved: 0, committed: 2, available: 7 })
          const slow = yield* reservedOrder(sku, 1)
          const longer = yield* told(slow, extend(5 * hour), { commandId: `${slow}/extend` })
          expect(longer).toEqual(
            done({ lines: [expect.objectContaining({ sku })], expiresAtMillis: expect.any(Number) })
          )
          expect(yield* told(slow, extend(5 * hour), { commandId: `${slow}/extend` })).toEqual(longer)
          // For less long than it is held already.
          expect(yield* told(slow, extend(hour))).toMatchObject({ answer: (longer as { answer: unknown }).answer })
        })
      )

      it.effect("gives an order up before it has come, which is refused then", () =>
        Effect.gen(function* () {
          const sku = yield* skuWith({ LONDON: 1 })
          const id = orderId()
          expect(yield* told(id, release)).toEqual(done())
          const late = yield* told(id, reserve(id, [{ sku, quantity: 1 }]))
          expect(late).toMatchObject({ _tag: "CommandRefused", reason: "ReservationClosed" })
          expect(yield* figures(sku)).toMatchObject({ reserved: 0, available: 1 })
        })
      )

      it.effect("says why it refuses, in a word and in a sentence", () =>
        Effect.gen(function* () {
          const sku = yield* skuWith({ LONDON: 9 })
          const [paid, declined, id] = [yield* reservedOrder(sku, 1), yield* reservedOrder(sku, 1), orderId()]
          yield* told(paid, commit)
          yield* told(declined, release)
          const line = { sku, quantity: 1 }
          const refusals: ReadonlyArray<
            readonly [order: string, command: InventoryCommand, reason: string, why: string]
          > = [
            [declined, commit, "ReservationClosed", "has been released"],
            [paid, release, "ReservationClosed", "has been committed"],
            [paid, extend(hour), "ReservationClosed", "has been committed"],
            [id, commit, "ReservationNotFound", "no reservation for this order"],
            [id, reserve(id, []), "EmptyReservation", "no lines"],
            [id, reserve(id, [{ sku, quantity: 0 }]), "ReservationQuantityOutOfRange", `The quantity of ${sku} is 0`],
            [id, reserve(id, [line], 0), "ExpiryOutOfRange", "must be 1 to"],
            [id, reserve(id, [line], 1000 * 24 * hour), "ExpiryOutOfRange", "must be 1 to"],
            [id, reserve(id, [{ sku: "s".repeat(65), quantity: 1 }]), "InvalidRequest", "length of at most 64"],
            [id, reserve(id, [{ sku: "\u0000", quantity: 1 }]), "InvalidRequest", "without NUL characters"],
            [id, reserve("another", [line]), "InvalidRequest", "the message's key"],
            // No id of an order, and nothing that a database could be asked for.
            ["x".repeat(65), release, "ReservationNotFound", "no reservation for this order"]
          ]
          for (const [order, command, reason, detail] of refusals) {
            const answer = yield* told(order, command)
            expect(answer).toMatchObject({ _tag: "CommandRefused", reason, detail: expect.stringContaining(detail) })
          }
          expect(yield* (yield* Reservations).read(id)).toMatchObject({ version: 0 })
        })
      )

      it.effect("tells everyone what becomes of stock and orders, as part of the conversation that led to it", () =>
        Effect.gen(function* () {
          const sku = yield* skuWith({ LONDON: 2 })
          const heard = yield* hear(InventoryEvents.topic)
          const id = yield* reservedOrder(sku, 2)
          yield* told(id, commit)
          const about = (key: string) => heard.filter((message) => message.key === key)
          yield* eventually(() => about(id)[1] && about(stockItemId({ sku, location: "LONDON" }))[3])
          expect(about(id).map(({ type }) => type)).toEqual(["ItemsReserved", "ReservationCommitted"])
          const ofStock = about(stockItemId({ sku, location: "LONDON" }))
          expect(ofStock.map((message) => InventoryEvents.decode(message))).toEqual([
            { _tag: "StockLevelChanged", sku, location: "LONDON", onHand: 2, available: 2 },
            { _tag: "StockReplenished", sku, location: "LONDON", available: 2, reorderPoint: 0 },
            { _tag: "StockLevelChanged", sku, location: "LONDON", onHand: 2, available: 0 },
            { _tag: "StockRanLow", sku, location: "LONDON", available: 0, reorderPoint: 0 }
          ])
          for (const message of [...about(id), ...ofStock.slice(2)]) expect(message.correlationId).toBe(id)
        })
      )

      it.effect("sells one unit to one of 500 who want it at once", () =>
        Effect.gen(function* () {
          const sku = yield* skuWith({ LONDON: 1 })
          const outcomes = yield* hearOutcomes
          const buyers = Array.from({ length: 500 }, (_, i) => `buyer-${i}`)
          yield* publish(...buyers.map((buyer) => toReservation(buyer, reserve(buyer, [{ sku, quantity: 1 }]))))
          yield* eventually(() => (buyers.every((buyer) => outcomes(buyer).length > 0) ? true : undefined))
          const tags = buyers.flatMap((buyer) => outcomes(buyer).map(({ _tag }) => _tag))
          expect(tags.filter((tag) => tag === "ItemsReserved")).toHaveLength(1)
          expect(tags.filter((tag) => tag === "ReservationRefused")).toHaveLength(499)
          expect(yield* figures(sku)).toEqual({ onHand: 1, reserved: 1, committed: 0, available: 0 })
        })
      )

      it.effect("lets one win when reservations run out while they are committed", () =>
        Effect.gen(function* () {
          const future = yield* Future
          const sku = yield* skuWith({ LONDON: 100 })
          const replies = yield* hear(replyTo)
          const outcomes = yield* hearOutcomes
          const ids = Array.from({ length: 60 }, orderId)
          yield* publish(...ids.map((id) => toReservation(id, reserve(id, [{ sku, quantity: 1 }]))))
          yield* eventually(() => (ids.every((id) => outcomes(id).length > 0) ? true : undefined))
          const commits = ids.map((id) => toReservation(id, commit))
          // A third in time; of the others nobody knows.
          yield* publish(...commits.slice(0, 20))
          yield* eventually(() => (ids.slice(0, 20).every((id) => outcomes(id).length > 1) ? true : undefined))
          yield* Effect.all([future.skip(2 * hour), publish(...commits.slice(20))], { concurrency: 2 })
          const ends = () => ids.map((id) => outcomes(id).slice(1))
          yield* eventually(() => (ends().every((end) => end.length > 0) ? true : undefined))
          const answerTo = (id: string) => replies.find(({ correlationId }) => correlationId === id)?.type
          yield* eventually(() => (ids.every((id) => answerTo(id) !== undefined) ? true : undefined))
          const winners = ends().map((end) => end.map(({ _tag }) => _tag).join())
          for (const [i, id] of ids.entries()) {
            expect(winners[i]).toBe(answerTo(id) === "CommandDone" ? "ReservationCommitted" : "ReservationExpired")
          }
          const committed = winners.filter((winner) => winner === "ReservationCommitted").length
          expect(committed).toBeGreaterThanOrEqual(20)
          yield* comesTo(sku, { onHand: 100, reserved: 0, committed, available: 100 - committed })
        })
      )

      it.effect("gives back what nobody commits in time, and holds longer what was extended", () =>
        Effect.gen(function* () {
          const future = yield* Future
          const queries = yield* InventoryQueries
          const sku = yield* skuWith({ LONDON: 3 })
          const outcomes = yield* hearOutcomes
          const [left, extended] = [yield* reservedOrder(sku, 2), yield* reservedOrder(sku, 1)]
          yield* told(extended, extend(10 * hour))
          yield* future.skip(2 * hour)
          yield* eventually(() => outcomes(left).find(({ _tag }) => _tag === "ReservationExpired"))
          yield* comesTo(sku, { reserved: 1, available: 2 })
          expect(yield* told(left, commit)).toMatchObject({ _tag: "CommandRefused", reason: "ReservationClosed" })
          expect(yield* told(left, release)).toEqual(done())
          const view = yield* until(
            Effect.map(queries.reservation(left), (found) =>
              Option.isSome(found) && found.value.status === "expired" ? found.value : undefined
            )
          )
          expect(view).toMatchObject({ orderId: left, lines: [{ sku, quantity: 2 }] })
          expect(yield* told(extended, commit)).toEqual(done())
        })
      )

      it.effect("takes what an order has shipped off the stock, and frees what it has cancelled, once", () =>
        Effect.gen(function* () {
          const sku = yield* skuWith({ LONDON: 9 })
          const id = yield* reservedOrder(sku, 5)
          const money = { amountMinor: 0, currency: "GBP" }
          const line = (quantity: number) => ({ lineId: `${quantity}`, sku, quantity, amount: money })
          const about = {
            orderId: id,
            authorisationId: "a",
            reservationId: id,
            shipping: money,
            total: money,
            fulfilment: "shipping" as const
          }
          const shipped = commandMessage(OrderEvents, id, {
            _tag: "OrderShipped",
            ...about,
            shipmentId: `${id}/shipment`,
            carrier: null,
            trackingNumber: null,
            lines: [line(1), line(2)]
          })
          const cancelled = commandMessage(OrderEvents, id, {
            _tag: "LinesCancelled",
            ...about,
            cancellationId: `${id}/cancellation`,
            reason: "customer",
            lines: [line(2)]
          })
          const broker = yield* Broker
          // It overtakes the commitment, and waits for that.
          yield* broker.publish(OrderEvents.topic, [shipped, { ...shipped, id: `${shipped.id}/again` }, cancelled])
          yield* told(id, commit)
          yield* comesTo(sku, { onHand: 6, reserved: 0, committed: 0, available: 6 })
          // The warehouse says the same.
          const stockItems = yield* StockItems
          const at = { sku, location: "LONDON", reservationId: id }
          const same = { _tag: "ShipStock", ...at, quantity: 3, reference: `${id}/shipment` } as const
          yield* stockItems.execute(stockItemId(at), same)
          expect(yield* figures(sku)).toMatchObject({ onHand: 6 })
          const queries = yield* InventoryQueries
          const newest = yield* until(
            Effect.map(queries.movements({ sku }, { limit: 1 }), ([found]) =>
              found?.kind === "shipped" ? found : undefined
            )
          )
          expect(newest).toMatchObject({ quantity: -3, onHand: 6, reference: `${id}/shipment`, orderId: id })
          expect(newest.occurredAt).toBe(new Date(shipped.occurredAtMillis).toISOString())
        })
      )

      it.effect("sets aside what an order says of an item that it never had, for an operator to see", () =>
        Effect.gen(function* () {
          const { list } = yield* Inbox
          const sku = yield* skuWith({ LONDON: 9 })
          const id = yield* reservedOrder(sku, 5)
          const money = { amountMinor: 0, currency: "GBP" }
          const wrong = commandMessage(OrderEvents, id, {
            _tag: "LinesCancelled",
            orderId: id,
            cancellationId: "c",
            reason: "other",
            authorisationId: "a",
            reservationId: id,
            lines: [{ lineId: "1", sku: "another", quantity: 1, amount: money }],
            shipping: money,
            total: money,
            fulfilment: "confirmed"
          })
          yield* Effect.flatMap(Broker, (broker) => broker.publish(OrderEvents.topic, [wrong]))
          const held = yield* until(
            Effect.map(list({ consumer: "inventory-orders", limit: 10 }), (all) =>
              all.find(({ state }) => state === "dead")
            )
          )
          expect(held).toMatchObject({ key: id, error: expect.stringContaining(`Reservation ${id} has no another`) })
          // Commands to the same order go on.
          expect(yield* told(id, commit)).toEqual(done())
        })
      )
    }
  )
