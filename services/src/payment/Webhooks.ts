/**
 * What the provider says unasked: verified, read and recorded. The one way in for webhooks, over HTTP and from the simulator.
 */
import type { CommandOptions, RuntimeProblem } from "@daybook/core/Entities"
import * as Effect from "effect/Effect"
import { Payments } from "./Payments.ts"
import { Provider, type WebhookNotAuthentic, type WebhookUnreadable } from "./Provider.ts"
import type { Rejection } from "./Rejection.ts"

/**
 * Records what a webhook says; it is durable when this succeeds, with the number of notifications that are about payments of
 * ours. One that was recorded before adds nothing. What is about something that we did not begin is left alone: an account may
 * have other users. A payment that should be ours and is not known is refused, so that the provider keeps showing it.
 */
export const receive = (
  body: string,
  signature: string,
  options: CommandOptions = {}
): Effect.Effect<number, WebhookNotAuthentic | WebhookUnreadable | Rejection | RuntimeProblem, Payments | Provider> =>
  Effect.gen(function* () {
    const provider = yield* Provider
    const payments = yield* Payments
    let received = 0
    for (const { paymentId, ...notification } of yield* provider.readWebhook(body, signature)) {
      if (paymentId === null) {
        yield* Effect.logInfo(`The provider's ${notification.providerEventId} is about no payment of ours`)
        continue
      }
      const { providerEventId } = notification
      const meta = { correlationId: paymentId, causationId: providerEventId, actor: provider.name, ...options }
      yield* payments.execute(paymentId, { _tag: "RecordNotification", ...notification }, meta)
      received++
    }
    return received
  })
