/**
 * Carries `ReservationProcess` out: what reservations ask of stock items, what these answer, and what a transfer takes to its other
 * end.
 *
 * An event is dealt with when everything that follows from it has been answered, and again when that got lost: nothing is ever
 * left out, and what is sent twice does nothing. A command that is refused where that cannot be stops its event's stream, for an
 * operator to see.
 */
import { following } from "@daybook/core/Causation"
import type { Recorded } from "@daybook/core/Event"
import * as Projection from "@daybook/core/Projection"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Reservations, StockItems } from "./Entities.ts"
import type { ReservationCommand } from "./ReservationDomain.ts"
import { type ReservationEvent, ReservationEvents } from "./ReservationEvents.ts"
import { answerAfter, arrivalAfter, type Dispatch, stockCommandsAfter } from "./ReservationProcess.ts"
import type { StockItemCommand } from "./StockItemDomain.ts"
import { type StockItemEvent, StockItemEvents } from "./StockItemEvents.ts"

/** The name on disk. */
export const reservationReactionName = "inventory-reservation-reaction"

/** Commands under way at once: enough to share commits, and far below what a stock item's mailbox holds. */
const concurrency = 256

type Happened = Recorded<StockItemEvent | ReservationEvent>

/** A command, to whom it goes, and the event that it follows from. */
type FollowUp = { readonly because: Happened } & (
  | { readonly to: "stockitem"; readonly dispatch: Dispatch<StockItemCommand> }
  | { readonly to: "reservation"; readonly dispatch: Dispatch<ReservationCommand> }
)

const reservationEvents: ReadonlyArray<string> = ReservationEvents.names

const isOfReservation = (event: Happened["event"]): event is ReservationEvent => reservationEvents.includes(event._tag)

const followUpsOf = (because: Happened, nowMillis: number): ReadonlyArray<FollowUp> => {
  const { event } = because
  const toStock = (dispatch: Dispatch<StockItemCommand>): FollowUp => ({ because, to: "stockitem", dispatch })
  if (isOfReservation(event)) return stockCommandsAfter(event, nowMillis).map(toStock)
  const answer = answerAfter(event)
  if (answer !== undefined) return [{ because, to: "reservation", dispatch: answer }]
  const arrival = arrivalAfter(event)
  return arrival === undefined ? [] : [toStock(arrival)]
}

const send = Effect.fnUntraced(function* (followUp: FollowUp) {
  const { because, dispatch } = followUp
  const options = following(because, because.eventId, dispatch.commandId)
  if (followUp.to === "reservation") {
    const { id, command } = followUp.dispatch
    return yield* (yield* Reservations).execute(id, command, options)
  }
  const { id, command } = followUp.dispatch
  // Too late to be granted: the reservation gets no answer, and expires.
  return yield* Effect.catchTag(
    (yield* StockItems).execute(id, command, options),
    "ReservationLapsed",
    () => Effect.void
  )
})

/** The reaction, for the service's projector. */
export const reservationReaction = Projection.reaction({
  name: reservationReactionName,
  sources: [
    { name: "reservation", events: ReservationEvents },
    { name: "stockitem", events: StockItemEvents }
  ],
  handle: Effect.fnUntraced(function* (batch: ReadonlyArray<Happened>) {
    const now = yield* Clock.currentTimeMillis
    const followUps = batch.flatMap((recorded) => followUpsOf(recorded, now))
    yield* Effect.forEach(followUps, send, { concurrency, discard: true })
  })
})
