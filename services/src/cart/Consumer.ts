/**
 * What the cart does with messages: it carries out the commands that other services send it, and answers them. Run by `Cart.ts`.
 */
import { following } from "@daybook/core/Causation"
import type { Message } from "@daybook/core/Message"
import * as Participant from "@daybook/core/Participant"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { invalidRequest } from "../InvalidRequest.ts"
import { Id } from "../Text.ts"
import type { Carts } from "./Cart.ts"
import { CartCommands, type FrozenCart } from "./Contract.ts"
import { Command, type State } from "./Domain.ts"
import { cartNotFound, checkoutMismatch } from "./Rejection.ts"

type CommandMessage = Message & { readonly commandId: string }

const frozenCart = (cartId: string, { customerId, country, currency, totalMinor, lines }: State): FrozenCart => ({
  cartId,
  customerId,
  country,
  total: { amountMinor: totalMinor, currency },
  lines
})

const isId = Schema.is(Id)
const check = Schema.decodeUnknownEffect(Schema.toType(Command))

/** The commands that come by message, carried out by these carts. */
export const cartCommands = (carts: Carts["Service"]) => {
  const send = Effect.fnUntraced(function* (message: CommandMessage, command: Command, version: number | null = null) {
    // What is no id of a cart could not even be looked up, which would be tried again for ever.
    if (!isId(message.key)) return yield* cartNotFound()
    yield* Effect.mapError(check(command), ({ message }) => invalidRequest({ path: ["body"], message }))
    const options = following(message, message.id, message.commandId)
    return yield* carts.execute(message.key, command, { ...options, expectedVersion: version ?? undefined })
  })

  return Participant.on("/cart", CartCommands, {
    BeginCheckout: Effect.fnUntraced(function* ({ checkoutId, acceptedTotal, expectedVersion }, message) {
      yield* send(message, { _tag: "BeginCheckout", checkoutId, acceptedTotal }, expectedVersion)
      const { state } = yield* carts.read(message.key)
      // Sent again after the checkout has come to nothing: what the cart holds by now is not what was frozen.
      const frozen = state.checkoutId === checkoutId && ["checking-out", "completed"].includes(state.status)
      return frozen ? Participant.done(frozenCart(message.key, state)) : yield* checkoutMismatch(checkoutId, state)
    }),
    CompleteCart: ({ checkoutId }, message) =>
      Effect.as(send(message, { _tag: "CompleteCart", checkoutId }), Participant.done()),
    RestoreCart: ({ checkoutId, reason, shortages }, message) =>
      Effect.as(send(message, { _tag: "RestoreCart", checkoutId, reason, shortages }), Participant.done())
  })
}
