/**
 * What the payment service does with messages: it carries out the commands that other services send it, and answers with what is
 * known by then. Run by `Payment.ts`.
 */
import { following } from "@daybook/core/Causation"
import type { CommandOptions } from "@daybook/core/Entities"
import type { Message } from "@daybook/core/Message"
import * as Participant from "@daybook/core/Participant"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type InvalidRequest, invalidBody, invalidRequest } from "../InvalidRequest.ts"
import type { Money } from "../Money.ts"
import { Id } from "../Text.ts"
import { PaymentCommands } from "./Contract.ts"
import { Command } from "./Domain.ts"
import { operationOf, voidOf } from "./Ledger.ts"
import { operationId } from "./OperationId.ts"
import type { Payments } from "./Payments.ts"
import type { State } from "./State.ts"

/** The name on disk: its group at the broker, and its name in the inbox. */
export const paymentConsumerName = "payment-commands"

type CommandMessage = Message & { readonly commandId: string }

/** For what follows from a message about a payment, whose conversation is by default the payment's own. */
export const optionsOf = (message: Message, commandId?: string): CommandOptions => ({
  ...following(message, message.id, commandId),
  correlationId: message.correlationId ?? message.key
})

const isId = Schema.is(Id)
const check = Schema.decodeUnknownEffect(Schema.toType(Command), { errors: "all" })

/** Holds a command to the payment's own limits, which the contract leaves open so that breaking them can be answered. */
const checked = (command: Command, key: string): Effect.Effect<Command, InvalidRequest> =>
  isId(key)
    ? Effect.mapError(check(command), invalidBody)
    : Effect.fail(invalidRequest({ path: ["key"], message: "Expected the id of a payment, of 1 to 64 characters" }))

const moneyOf = ({ currency }: State, amountMinor: number): Money => ({ amountMinor, currency })

const noId = (field: string): InvalidRequest =>
  invalidRequest({ path: ["body", field], message: "Expected an id of 1 to 64 characters" })

/** What became of the authorisation. One that is not wanted any more is refused as voided, whatever became of it. */
const authorised = (state: State, id: string): Participant.Answer => {
  const { status, code, amountMinor } = operationOf(state, id)!
  if (status === "declined") return Participant.refused("declined", { code })
  if (status === "expired") return Participant.refused("expired")
  if (voidOf(state) !== undefined) return Participant.refused("voided")
  if (status !== "succeeded") return Participant.later
  const { expiresAtMillis } = state
  return Participant.done({ authorisationId: id, amount: { ...moneyOf(state, amountMinor) }, expiresAtMillis })
}

/** What became of a capture or refund. */
const moved = (state: State, id: string, name: Record<string, string>): Participant.Answer => {
  const { status, code, amountMinor } = operationOf(state, id)!
  if (status === "declined") return Participant.refused("declined", { ...name, code })
  if (status !== "succeeded") return Participant.later
  return Participant.done({ ...name, amount: { ...moneyOf(state, amountMinor) } })
}

/** The commands that come by message, carried out by these payments. */
export const paymentCommands = (payments: Payments["Service"]) => {
  const send = Effect.fnUntraced(function* (command: Command, message: CommandMessage) {
    yield* payments.execute(message.key, yield* checked(command, message.key), optionsOf(message, message.commandId))
    return (yield* payments.read(message.key)).state
  })

  return Participant.on("/payment", PaymentCommands, {
    AuthorisePayment: ({ orderId, customerId, amount, paymentMethod }, message) => {
      const id = operationId(message.key, "authorise")
      const command: Command = {
        _tag: "Authorise",
        operationId: id,
        orderId,
        customerId,
        amount,
        paymentMethod
      }
      return Effect.map(send(command, message), (state) => authorised(state, id))
    },
    CapturePayment: ({ captureId, amount }, message) => {
      if (!isId(captureId)) return Effect.fail(noId("captureId"))
      const id = operationId(message.key, "capture", captureId)
      return Effect.map(send({ _tag: "Capture", operationId: id, amount }, message), (state) =>
        moved(state, id, { captureId })
      )
    },
    VoidPayment: ({ reason }, message) =>
      Effect.as(
        send({ _tag: "Void", operationId: operationId(message.key, "void"), reason }, message),
        Participant.done()
      ),
    RefundPayment: ({ refundId, amount, reason }, message) => {
      if (!isId(refundId)) return Effect.fail(noId("refundId"))
      const id = operationId(message.key, "refund", refundId)
      return Effect.map(send({ _tag: "Refund", operationId: id, amount, reason }, message), (state) =>
        moved(state, id, { refundId })
      )
    }
  })
}
