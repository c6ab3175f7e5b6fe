/**
 * What the provider is asked because of a payment's events, and again when time passes: the payment's process, carried out. The
 * rules are in `NextCall.ts`, the calls in `ProviderCalls.ts`, the times in `Timetable.ts`.
 */

import { system } from "@daybook/core/Actor"
import { following } from "@daybook/core/Causation"
import * as Deadlines from "@daybook/core/Deadlines"
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import * as Effect from "effect/Effect"
import { type PaymentEvent, PaymentEvents } from "./Events.ts"
import { type Failure, forAll, ProviderCalls } from "./ProviderCalls.ts"
import { type Due, Timetable } from "./Timetable.ts"

/** The name on disk. */
export const providerReactionName = "payment-provider"

/** After these something may have to be called; after others, nothing that was not before. */
const leading: ReadonlySet<PaymentEvent["_tag"]> = new Set([
  "AuthorisationRequested",
  "CaptureRequested",
  "VoidRequested",
  "RefundRequested",
  "OperationNotFound",
  // A void may have waited for these two.
  "PaymentAuthorised",
  "AuthorisationActionRequired"
])

/**
 * Asks the provider. An event that is handled again finds the state of now, and so what is left to do: after a crash in the
 * middle of a call, a query. Payments of a batch go side by side.
 */
export const reaction = Projection.reaction({
  name: providerReactionName,
  sources: [{ name: "payment", events: PaymentEvents }],
  // The next batch waits for the slowest call of this one.
  batchSize: 100,
  handle: Effect.fnUntraced(function* (batch: ReadonlyArray<Recorded<PaymentEvent>>) {
    const calls = yield* ProviderCalls
    const last = new Map(
      batch.filter(({ event }) => leading.has(event._tag)).map((event) => [Partition.idOf(event.stream), event])
    )
    yield* forAll(last, ([paymentId, event]) => {
      const correlationId = event.correlationId ?? paymentId
      return calls.goOn(paymentId, { ...following(event, event.eventId), correlationId })
    })
  })
})

/** A layer that looks at what is open when its time has come, and looks at the timetable so often. */
export const deadlines = (pollMillis: number) =>
  Deadlines.layer<Due, ReadModelUnavailable, Failure, Timetable | ProviderCalls>({
    name: "payment-provider",
    due: (nowMillis, limit) => Effect.flatMap(Timetable, (timetable) => timetable.take(nowMillis, limit)),
    fire: ({ paymentId, operationId }) =>
      Effect.flatMap(ProviderCalls, (calls) =>
        calls.goOnWith(paymentId, operationId, { correlationId: paymentId, actor: system("payment") })
      ),
    pollMillis
  })
