/**
 * Ends reservations whose time is over: the deadline of each is a column of the read model.
 *
 * The reservation decides. One that was committed or extended meanwhile, which the read model does not show yet, stays as it is.
 */
import * as Deadlines from "@daybook/core/Deadlines"
import * as Effect from "effect/Effect"
import { Reservations } from "./Entities.ts"
import { InventoryQueries } from "./Queries.ts"

type Failure<F extends (...args: never) => unknown> = Effect.Error<ReturnType<F>>

const expire = (orderId: string, nowMillis: number) =>
  Effect.gen(function* () {
    const options = { actor: "inventory", correlationId: orderId }
    yield* (yield* Reservations).execute(orderId, { _tag: "ExpireReservation", nowMillis }, options)
  }).pipe(Effect.catchTags({ ReservationNotExpired: () => Effect.void, ReservationClosed: () => Effect.void }))

/** A layer that expires reservations while it lives, and looks for them so often. */
export const expiries = (pollMillis: number) => {
  const due = (nowMillis: number, limit: number) =>
    Effect.flatMap(InventoryQueries, (queries) => queries.overdue(nowMillis, limit))
  return Deadlines.layer<string, Failure<typeof due>, Failure<typeof expire>, InventoryQueries | Reservations>({
    name: "inventory-expiries",
    due,
    fire: expire,
    pollMillis
  })
}
