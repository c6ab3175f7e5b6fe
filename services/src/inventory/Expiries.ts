/**
 * Ends reservations whose time is over: the deadline of each is a column of the read model.
 *
 * The reservation decides. One that was committed or extended meanwhile, which the read model does not show yet, stays as it is.
 */
import { system } from "@daybook/core/Actor"
import * as Deadlines from "@daybook/core/Deadlines"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Reservations } from "./Entities.ts"
import { InventoryQueries } from "./Queries.ts"

/** A layer that expires reservations while it lives, and looks for them so often. */
export const expiries = (pollMillis: number): Layer.Layer<never, never, InventoryQueries | Reservations> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const queries = yield* InventoryQueries
      const reservations = yield* Reservations
      const expire = (orderId: string, nowMillis: number) =>
        reservations
          .execute(
            orderId,
            { _tag: "ExpireReservation", nowMillis },
            { actor: system("inventory"), correlationId: orderId }
          )
          .pipe(Effect.catchTags({ ReservationNotExpired: () => Effect.void, ReservationClosed: () => Effect.void }))
      return Deadlines.layer({
        name: "inventory-expiries",
        due: (nowMillis: number, limit: number) => queries.overdue(nowMillis, limit),
        fire: expire,
        pollMillis
      })
    })
  )
