/**
 * Wake-ups between processes by LISTEN/NOTIFY. They only save waiting: readers poll anyway.
 *
 * A NOTIFY inside the appending transaction would make commits queue for a lock of the whole server, so that it is sent on
 * its own afterwards, and not again within a few milliseconds however many appends there are.
 */
import { Signal } from "@daybook/core/Signal"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

/** Between two notifications of one process at least. A fifth of what a read model may lag and still feel immediate. */
const pauseMillis = 10

/**
 * Listens on a channel, moving `signal` when another process has appended, and answers a function that tells the others.
 * Where the database is embedded there are no others, and nothing is done.
 */
export const make = (channel: string, signal: Signal): Effect.Effect<() => void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const found = yield* Effect.serviceOption(PgClient)
    if (Option.isNone(found)) return () => {}
    const client = found.value
    const self = globalThis.crypto.randomUUID()

    const hear = Effect.scoped(
      Effect.flatMap(client.listen(channel), (notifications) => {
        // Something may have come before anyone listened.
        signal.notify()
        return Effect.forever(
          Effect.map(Queue.take(notifications), ({ payload }) => {
            if (payload !== self) signal.notify()
          })
        )
      })
    )
    // A lost connection is opened again; what was missed meanwhile is found by polling.
    yield* Effect.forkScoped(Effect.retry(hear, Schedule.spaced("1 second")))

    const appends = new Signal()
    let told = 0
    const tell = Effect.suspend(() => appends.changed(told)).pipe(
      Effect.andThen(
        Effect.suspend(() => {
          told = appends.count
          return Effect.ignore(client.notify(channel, self))
        })
      ),
      Effect.andThen(Effect.sleep(pauseMillis))
    )
    yield* Effect.forkScoped(Effect.forever(tell))
    return () => appends.notify()
  })
