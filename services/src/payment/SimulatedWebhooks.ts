/**
 * Brings the simulated provider's webhooks to our own endpoint, as the network would bring a real one's. For a shop that runs on
 * the simulator.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Payments } from "./Payments.ts"
import type { Provider } from "./Provider.ts"
import { ProviderSimulator } from "./ProviderSimulator.ts"
import { receiver } from "./Webhooks.ts"

/** How often to look for what waits. */
const pollMillis = 100

/** Delivers what waits. What is not taken is delivered again later. */
export const deliver: Effect.Effect<void, never, ProviderSimulator | Payments | Provider> = Effect.gen(function* () {
  const receive = yield* receiver
  yield* (yield* ProviderSimulator).deliver(({ body, signature }) => receive(body, signature))
})

/** Delivers for as long as the layer lives. */
export const layer: Layer.Layer<never, never, ProviderSimulator | Payments | Provider> = Layer.effectDiscard(
  Effect.forkScoped(Effect.forever(Effect.andThen(deliver, Effect.sleep(pollMillis))))
)
