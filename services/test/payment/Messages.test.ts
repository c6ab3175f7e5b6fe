/**
 * The payment as other services meet it: commands by message, each answered or told of later, and what becomes of payments said
 * on its topic. Real stores, and the real broker, in an embedded database; the provider is simulated.
 */
import { Broker } from "@daybook/core/Broker"
import type { Message } from "@daybook/core/Message"
import * as Participant from "@daybook/core/Participant"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type PaymentCommand, PaymentCommands, PaymentEvents } from "../../src/payment/Contract.ts"
import { deliver } from "../../src/payment/SimulatedWebhooks.ts"
import { commandMessage, hear, replyTo } from "../Conversation.ts"
import { gbp } from "./Given.ts"
import { newId, operationsOf, outside, pass, providerLedger, service, until, untilOperations } from "./Service.ts"

const Replies = Participant.replies(replyTo)

const authorise = (token: string, amountMinor = 10_000): PaymentCommand => ({
  _tag: "AuthorisePayment",
  orderId: "the key says which",
  customerId: "17850",
  amount: gbp(amountMinor),
  paymentMethod: { token, brand: "visa", last4: "4242" }
})
const capture = (captureId: string, amountMinor: number): PaymentCommand => ({
  _tag: "CapturePayment",
  captureId,
  amount: gbp(amountMinor)
})
const refund = (refundId: string, amountMinor: number): PaymentCommand => ({
  _tag: "RefundPayment",
  refundId,
  amount: gbp(amountMinor),
  reason: "returned"
})
const cancel: PaymentCommand = { _tag: "VoidPayment", reason: "the checkout failed" }

/** Sends a command, and hears nothing of it. */
const send = (id: string, command: PaymentCommand, given: Partial<Message> = {}) =>
  Effect.gen(function* () {
    const message = commandMessage(PaymentCommands, id, command, { correlationId: id, ...given })
    yield* (yield* Broker).publish(PaymentCommands.topic, [message])
    return message
  })

/** Sends a command and waits for its answer. */
const told = (id: string, command: PaymentCommand, given: Partial<Message> = {}) =>
  Effect.gen(function* () {
    const answers = yield* hear(replyTo)
    const message = yield* send(id, command, given)
    const answer = yield* until(Effect.sync(() => answers.find(({ causationId }) => causationId === message.id)))
    return Replies.decode(answer)
  }).pipe(Effect.scoped)

/** What has been said of a payment by the time so much has been said. */
const said = (id: string, count: number) =>
  Effect.gen(function* () {
    const heard = yield* hear(PaymentEvents.topic)
    const own = () => heard.filter(({ key }) => key === id)
    yield* until(Effect.sync(() => (own().length >= count ? true : undefined)))
    return own()
  }).pipe(Effect.scoped)

const events = (id: string, count: number) =>
  Effect.map(said(id, count), (messages) => messages.map((message) => PaymentEvents.decode(message)))

layer(service({ consumer: { firstBackoffMillis: 5, pollMillis: 5 } }).pipe(Layer.provideMerge(outside)), {
  timeout: "60 seconds"
})("a payment", (it) => {
  it.effect("is authorised by message: its outcome is told, and known to whoever asks again", () =>
    Effect.gen(function* () {
      const id = newId()
      yield* send(id, authorise("tok_approve"), { actor: "buyer" })
      const [authorised] = yield* events(id, 1)
      expect(authorised).toMatchObject({
        _tag: "PaymentAuthorised",
        orderId: id,
        authorisationId: `${id}/authorise`,
        amount: gbp(10_000)
      })
      const { authorisationId, amount, expiresAtMillis } = authorised as any
      const done = { _tag: "CommandDone", answer: { authorisationId, amount, expiresAtMillis } }
      expect(yield* told(id, authorise("tok_approve"))).toMatchObject(done)
      expect(yield* providerLedger(id)).toMatchObject({ heldMinor: 10_000 })
    })
  )

  it.effect("is asked for once, however often the command arrives", () =>
    Effect.gen(function* () {
      const id = newId()
      const broker = yield* Broker
      const same = { commandId: `${id}/authorise`, correlationId: id }
      const messages = Array.from({ length: 5 }, () =>
        commandMessage(PaymentCommands, id, authorise("tok_approve"), same)
      )
      yield* broker.publish(PaymentCommands.topic, [...messages, messages[0]!])
      yield* untilOperations(id, "authorise succeeded")
      expect(yield* events(id, 1)).toHaveLength(1)
      expect(yield* providerLedger(id)).toMatchObject({ heldMinor: 10_000 })
    })
  )

  it.effect("that is declined says so, and why, and refuses from then on", () =>
    Effect.gen(function* () {
      const id = newId()
      yield* send(id, authorise("tok_decline"))
      expect(yield* events(id, 1)).toEqual([{ _tag: "PaymentDeclined", orderId: id, code: "insufficient_funds" }])
      const answer = { _tag: "CommandRefused", reason: "declined", answer: { code: "insufficient_funds" } }
      expect(yield* told(id, authorise("tok_decline"))).toMatchObject(answer)
      // Nothing is held, which is all that a void wants.
      expect(yield* told(id, cancel)).toMatchObject({ _tag: "CommandDone" })
    })
  )

  it.effect("is taken and given back in parts, each told of by the name that its sender chose", () =>
    Effect.gen(function* () {
      const id = newId()
      yield* send(id, authorise("tok_approve"))
      yield* events(id, 1)
      yield* send(id, capture("shipment-1", 6_000))
      expect((yield* events(id, 2))[1]).toEqual({
        _tag: "PaymentCaptured",
        orderId: id,
        captureId: "shipment-1",
        amount: gbp(6_000)
      })
      yield* send(id, refund("return-1", 1_000))
      expect((yield* events(id, 3))[2]).toEqual({
        _tag: "PaymentRefunded",
        orderId: id,
        refundId: "return-1",
        amount: gbp(1_000)
      })
      expect(yield* told(id, capture("shipment-1", 6_000))).toMatchObject({
        _tag: "CommandDone",
        answer: { captureId: "shipment-1", amount: gbp(6_000) }
      })
      expect(yield* told(id, refund("return-1", 1_000))).toMatchObject({
        _tag: "CommandDone",
        answer: { refundId: "return-1", amount: gbp(1_000) }
      })
      expect(yield* providerLedger(id)).toMatchObject({ capturedMinor: 6_000, refundedMinor: 1_000 })
    })
  )

  it.effect("tells of captures and refunds that are declined, and answers so", () =>
    Effect.gen(function* () {
      const id = newId()
      yield* send(id, authorise("tok_amounts"))
      yield* untilOperations(id, "authorise succeeded")
      yield* send(id, capture("c", 5_091))
      yield* untilOperations(id, "authorise succeeded", "capture declined")
      expect((yield* events(id, 2))[1]).toMatchObject({ _tag: "CaptureDeclined", captureId: "c" })
      const refused = {
        _tag: "CommandRefused",
        reason: "declined",
        answer: { captureId: "c", code: "processing_error" }
      }
      expect(yield* told(id, capture("c", 5_091))).toMatchObject(refused)
      yield* send(id, capture("c-2", 5_000))
      yield* untilOperations(id, "authorise succeeded", "capture declined", "capture succeeded")
      yield* send(id, refund("r", 1_091))
      const all = yield* events(id, 5)
      expect(all.slice(3)).toMatchObject([
        { _tag: "RefundDeclined", refundId: "r", code: "processing_error" },
        { _tag: "PaymentNeedsAttention", kind: "refund-declined", attentionId: `refund-declined:${id}/refund/r` }
      ])
    })
  )

  it.effect("is voided as soon as that is recorded, even before the authorisation's outcome is known", () =>
    Effect.gen(function* () {
      const id = newId()
      yield* send(id, authorise("tok_unknown"))
      yield* untilOperations(id, "authorise unknown")
      expect(yield* told(id, cancel)).toMatchObject({ _tag: "CommandDone", answer: null })
      expect(yield* told(id, authorise("tok_unknown"))).toMatchObject({ _tag: "CommandRefused", reason: "voided" })
      yield* untilOperations(id, "authorise succeeded", "void succeeded")
      expect((yield* events(id, 2)).map(({ _tag }) => _tag)).toEqual(["PaymentAuthorised", "PaymentVoided"])
      expect(yield* providerLedger(id)).toMatchObject({ heldMinor: 0 })
    })
  )

  it.effect("that is voided before it begins is never asked for", () =>
    Effect.gen(function* () {
      const id = newId()
      expect(yield* told(id, cancel)).toMatchObject({ _tag: "CommandDone" })
      expect(yield* told(id, authorise("tok_approve"))).toMatchObject({
        _tag: "CommandRefused",
        reason: "PaymentCancelled"
      })
      expect(yield* events(id, 1)).toEqual([{ _tag: "PaymentVoided", orderId: id }])
      expect(yield* operationsOf(id)).toEqual(["void unneeded"])
    })
  )

  it.effect("tells where the buyer has to confirm, what disputes take, and how it runs out", () =>
    Effect.gen(function* () {
      const [acting, disputed, short] = [newId(), newId(), newId()]
      yield* send(acting, authorise("tok_3ds"))
      expect(yield* events(acting, 1)).toMatchObject([
        { _tag: "PaymentActionRequired", url: `https://provider.example/3ds/${acting}/authorise` }
      ])
      yield* send(disputed, authorise("tok_chargeback"))
      yield* untilOperations(disputed, "authorise succeeded")
      yield* send(disputed, capture("all", 10_000))
      yield* send(short, authorise("tok_short_hold"))
      yield* untilOperations(disputed, "authorise succeeded", "capture succeeded")
      yield* pass(60)
      yield* deliver
      expect((yield* events(disputed, 3))[2]).toMatchObject({ _tag: "ChargebackOpened", amount: gbp(10_000) })
      expect((yield* events(short, 2))[1]).toEqual({ _tag: "PaymentExpired", orderId: short })
    })
  )

  it.effect("says why it refuses, in a word and in a sentence, and takes nothing that no payment takes", () =>
    Effect.gen(function* () {
      const id = newId()
      yield* send(id, authorise("tok_approve"))
      yield* events(id, 1)
      const refusals: ReadonlyArray<
        readonly [payment: string, command: PaymentCommand, reason: string, detail: string]
      > = [
        [newId(), capture("c", 1), "PaymentNotFound", "no payment of this id"],
        [id, capture("c", 10_001), "CaptureExceedsAuthorised", "Capture less"],
        [id, refund("r", 1), "RefundExceedsCaptured", "Refund less"],
        [id, authorise("tok_other"), "OperationIdTaken", "stands for"],
        [id, capture("c", -1), "InvalidRequest", "greater than or equal to 0"],
        [id, capture("", 1), "InvalidRequest", "body.captureId"],
        [id, refund("r".repeat(65), 1), "InvalidRequest", "body.refundId"],
        [id, authorise("4242424242424242"), "InvalidRequest", "never a card number"],
        ["x".repeat(65), cancel, "InvalidRequest", "the id of a payment"]
      ]
      for (const [payment, command, reason, detail] of refusals) {
        expect(yield* told(payment, command)).toMatchObject({
          _tag: "CommandRefused",
          reason,
          detail: expect.stringContaining(detail)
        })
      }
      expect(yield* operationsOf(id)).toEqual(["authorise succeeded"])
    })
  )

  it.effect("is one conversation from the command to the last event", () =>
    Effect.gen(function* () {
      const id = newId()
      yield* send(id, authorise("tok_approve"), { correlationId: `${id}/talk` })
      const [message] = yield* said(id, 1)
      expect(message).toMatchObject({ source: "/payment", key: id, correlationId: `${id}/talk`, schemaVersion: 1 })
    })
  )
})
