/**
 * What the provider says unasked: verified, read and recorded. The one way in for webhooks, over HTTP and from the simulator.
 */
import type { RuntimeProblem } from "@daybook/core/Entities"
import * as Effect from "effect/Effect"
import { Payments } from "./Payments.ts"
import { Provider, type WebhookNotAuthentic, type WebhookUnreadable } from "./Provider.ts"
import type { Rejection } from "./Rejection.ts"

/**
 * Records what a webhook says; it is durable when this succeeds, with the number of notifications that are about payments of
 * ours. One that was recorded before adds nothing. What is about something that we did not begin is left alone: an account may
 * have other users. A payment that should be ours and is not known is refused, so that the provider keeps showing it.
 */
export const receiver = Effect.gen(function* () {
  const provider = yield* Provider
  const payments = yield* Payments
  return Effect.fnUntraced(function* (
    body: string,
    signature: string
  ): Effect.fn.Return<number, WebhookNotAuthentic | WebhookUnreadable | Rejection | RuntimeProblem> {
    let received = 0
    for (const { paymentId, ...notification } of yield* provider.readWebhook(body, signature)) {
      const { providerEventId } = notification
      if (paymentId === null) {
        yield* Effect.logInfo(`The provider's ${providerEventId} is about no payment of ours`)
        continue
      }
      const options = { correlationId: paymentId, causationId: providerEventId, actor: provider.name }
      yield* payments.execute(paymentId, { _tag: "RecordNotification", ...notification }, options)
      received++
    }
    return received
  })
})
