/**
 * What the inventory does when others tell it to: its command topic.
 *
 * Everything may come again. A reservation that has been asked for is not asked for again, with locations chosen anew: what has
 * become of it is the answer.
 */
import { following } from "@daybook/core/Causation"
import type { Message } from "@daybook/core/Message"
import * as Participant from "@daybook/core/Participant"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { invalidRequest } from "../InvalidRequest.ts"
import { Id } from "../Text.ts"
import { type InventoryCommand, InventoryCommands, type ItemsHeld, type ItemsShort } from "./Contract.ts"
import { Reservations } from "./Entities.ts"
import { choose, totalsOf, type Wanted } from "./LocationChoice.ts"
import { InventoryQueries, type Offer } from "./Queries.ts"
import { ReservationCommand, type State } from "./ReservationDomain.ts"
import {
  type ReservationRejection,
  reservationAlreadyMade,
  reservationClosed,
  reservationNotFound
} from "./ReservationRejection.ts"

/** The group at the broker, and the name in the inbox. On disk. */
export const commandConsumerName = "inventory-commands"

type Sent = Message & { readonly commandId: string }

const isFor = (lines: ReadonlyArray<Wanted>, state: State): boolean => {
  const wanted = totalsOf(lines)
  const held = totalsOf(state.lines)
  return wanted.size === held.size && [...wanted].every(([sku, quantity]) => held.get(sku) === quantity)
}

const heldOf = ({ lines, expiresAtMillis }: State): typeof ItemsHeld.Type => ({
  lines: lines.map(({ sku, location, quantity, backOrdered }) => ({ sku, location, quantity, backOrdered })),
  expiresAtMillis
})

const shortOf = ({ lines }: State): typeof ItemsShort.Type => ({
  shortages: lines
    .filter(({ answer }) => answer === "short")
    .map(({ sku, location, quantity, available }) => ({ sku, location, requested: quantity, available }))
})

/** What a reservation answers to being asked for, by what has become of it. */
const answerOf = (state: State): Effect.Effect<Participant.Answer, ReservationRejection> => {
  const { status, orderId } = state
  switch (status) {
    case "unrequested":
    case "pending":
      return Effect.succeed(Participant.later)
    case "reserved":
    case "committed":
      return Effect.succeed(Participant.done(heldOf(state)))
    case "refused":
      return Effect.succeed(Participant.refused("shortage", shortOf(state), "There is too little stock of some items."))
    case "released":
    case "expired":
      return Effect.fail(reservationClosed(orderId, status))
  }
}

const isId = Schema.is(Id)
const check = Schema.decodeUnknownEffect(Schema.toType(ReservationCommand))

/** What is no id could not even be looked up, which would be tried again for ever. */
const reservationOf = Effect.fnUntraced(function* ({ key }: Message) {
  if (!isId(key)) return yield* reservationNotFound()
  return (yield* (yield* Reservations).read(key)).state
})

const validate = (command: ReservationCommand) =>
  Effect.mapError(check(command), ({ message }) => invalidRequest({ path: ["body"], message }))

/** Sends a command to the order's reservation, and reads what has become of it. */
const send = Effect.fnUntraced(function* (message: Sent, command: ReservationCommand) {
  yield* reservationOf(message)
  yield* validate(command)
  yield* (yield* Reservations).execute(message.key, command, following(message, message.id, message.commandId))
  return yield* reservationOf(message)
})

type ReserveItems = Extract<InventoryCommand, { readonly _tag: "ReserveItems" }>

/** Where two workers have chosen differently, the reservation has taken the first. */
const request = Effect.fnUntraced(function* ({ orderId, lines, holdMillis }: ReserveItems, message: Sent) {
  const nowMillis = yield* Clock.currentTimeMillis
  const times = { expiresAtMillis: nowMillis + holdMillis, nowMillis }
  const commandFor = (offers: ReadonlyArray<Offer>): ReservationCommand => ({
    _tag: "ReserveItems",
    orderId,
    lines: choose(lines, offers),
    ...times
  })
  // Before anything is looked up: what no SKU can be, no database can be asked for.
  yield* validate(commandFor([]))
  const offers = yield* (yield* InventoryQueries).offers([...totalsOf(lines).keys()])
  return yield* Effect.catchTag(send(message, commandFor(offers)), "ReservationAlreadyMade", () =>
    reservationOf(message)
  )
})

const reserve = Effect.fnUntraced(function* (body: ReserveItems, message: Sent) {
  const { orderId, lines } = body
  if (orderId !== message.key) return yield* wrongKey(message.key, orderId)
  const before = yield* reservationOf(message)
  const state = before.status === "unrequested" ? yield* request(body, message) : before
  // One that was given up before it was asked for has no lines.
  if (state.lines.length > 0 && !isFor(lines, state)) return yield* reservationAlreadyMade(orderId, state.lines.length)
  return yield* answerOf(state)
})

const wrongKey = (key: string, orderId: string) =>
  invalidRequest({ path: ["body", "orderId"], message: `Expected the message's key, ${key}, not ${orderId}` })

const extend = Effect.fnUntraced(function* (holdMillis: number, message: Sent) {
  const nowMillis = yield* Clock.currentTimeMillis
  const command = { expiresAtMillis: nowMillis + holdMillis, nowMillis }
  return Participant.done(heldOf(yield* send(message, { _tag: "ExtendReservation", ...command })))
})

/** The command topic, for the service's consumer. */
export const inventoryCommands = Participant.on("/inventory", InventoryCommands, {
  ReserveItems: reserve,
  CommitReservation: (_, message) => Effect.as(send(message, { _tag: "CommitReservation" }), Participant.done()),
  ReleaseReservation: ({ reason }, message) =>
    Effect.as(send(message, { _tag: "ReleaseReservation", orderId: message.key, reason }), Participant.done()),
  ExtendReservation: ({ holdMillis }, message) => extend(holdMillis, message)
})
