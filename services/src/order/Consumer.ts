/**
 * What the order does with messages: it carries out the commands that other services send it, and answers them. Run by `Order.ts`.
 */
import { following } from "@daybook/core/Causation"
import type { Message } from "@daybook/core/Message"
import * as Participant from "@daybook/core/Participant"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type InvalidRequest, invalidBody, invalidRequest } from "../InvalidRequest.ts"
import { Id } from "../Text.ts"
import { Command } from "./Command.ts"
import { type OrderAnswer, type OrderCommand, OrderCommands } from "./Contract.ts"
import type { Orders } from "./Order.ts"

type CommandMessage = Message & { readonly commandId: string }

const isId = Schema.is(Id)

const decode = Schema.decodeUnknownEffect(Command, { errors: "all" })

/** What was asked, held to the order's own limits, which the contract leaves open so that breaking them can be answered. */
const commandOf = (body: OrderCommand, { key }: Message): Effect.Effect<Command, InvalidRequest> =>
  isId(key)
    ? Effect.mapError(decode(body), invalidBody)
    : Effect.fail(invalidRequest({ path: ["key"], message: "Expected the id of an order, of 1 to 64 characters" }))

/** The commands that come by message, carried out by these orders. */
export const orderCommands = (orders: Orders["Service"]) => {
  const carryOut = Effect.fnUntraced(function* (body: OrderCommand, message: CommandMessage) {
    const command = yield* commandOf(body, message)
    const options = following(message, message.id, message.commandId)
    const { id, version } = yield* orders.execute(message.key, command, options)
    return Participant.done({ orderId: id, version } satisfies OrderAnswer)
  })

  return Participant.on("/order", OrderCommands, {
    SubmitOrder: carryOut,
    ConfirmOrder: carryOut,
    RejectOrder: carryOut,
    CancelOrder: carryOut
  })
}
