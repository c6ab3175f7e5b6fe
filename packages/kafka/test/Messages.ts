/**
 * Messages for the tests of this package, and a subscriber that remembers.
 */
import { Broker, type Delivery, type Subscription } from "@daybook/core/Broker"
import { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import type { Message } from "@daybook/core/Message"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

export const message = (key: string, n: number): Message => ({
  id: `${key}-${n}`,
  source: "/test",
  type: "Counted",
  schemaVersion: 1,
  key,
  occurredAtMillis: 1_700_000_000_000 + n,
  correlationId: null,
  causationId: null,
  actor: null,
  traceParent: null,
  tenant: null,
  commandId: null,
  replyTo: null,
  data: { n }
})

export const freshTopic = (): string => `topic-${crypto.randomUUID()}`

/** What a service does about a cluster that does not answer: the same again. */
export const persistent = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => error instanceof BrokerUnavailable,
    schedule: Schedule.spaced("100 millis")
  })

/** A subscriber in the background, as persistent as a service's. */
export const listen = (
  subscription: Subscription,
  handle: (batch: ReadonlyArray<Delivery>) => Effect.Effect<void> = () => Effect.void
) =>
  Effect.gen(function* () {
    const broker = yield* Broker
    const received: Array<Delivery> = []
    const fiber = yield* Effect.forkScoped(
      persistent(
        broker.subscribe(subscription, (batch) =>
          Effect.andThen(
            Effect.sync(() => received.push(...batch)),
            handle(batch)
          )
        )
      )
    )
    return { received, fiber }
  })

/** Waits until something is so; what waits in vain is ended by the test's own time-out. */
export const eventually = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep(10), eventually(condition))))

export const idsOf = (deliveries: ReadonlyArray<Delivery>): ReadonlyArray<string> =>
  deliveries.map((delivery) => delivery.message!.id)

/**
 * At least once and in order: however often a message comes again, none comes for the first time before an earlier one of
 * its key.
 */
export const assertFirstsInOrder = (deliveries: ReadonlyArray<Delivery>): void => {
  const next = new Map<string, number>()
  for (const { message: found } of deliveries) {
    const { n } = found!.data as { readonly n: number }
    const due = next.get(found!.key) ?? 0
    assert.isAtMost(n, due, `${found!.id} came before ${found!.key}-${due}`)
    if (n === due) next.set(found!.key, due + 1)
  }
}
