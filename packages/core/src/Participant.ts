/**
 * Participants: services that carry out commands sent by message, and answer them.
 *
 * A command says where its sender waits (`replyTo`) and has an id of its own (`commandId`), the same for each attempt. The
 * answer is published before the command counts as received: it may come more than once, and is never lost. Answers go by the
 * correlation id, so that those of one conversation stay in order. Used by services; the other end is `SagaRuntime`.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Broker } from "./Broker.ts"
import type { BrokerUnavailable, MessageTooLarge } from "./BrokerProblems.ts"
import * as Consumer from "./Consumer.ts"
import * as Contract from "./Contract.ts"
import type { Message } from "./Message.ts"
import { isTransient } from "./Problem.ts"

interface Tagged {
  readonly _tag: string
}

type Json = Schema.Json

/** What a participant says to a command. */
export type Answer =
  /** Done, now or before: what the sender may want to know of it. */
  | { readonly _tag: "Done"; readonly answer: Json }
  /** It will not be done. `reason` is a word that programs understand, `answer` what goes with it. */
  | { readonly _tag: "Refused"; readonly reason: string; readonly detail: string; readonly answer: Json }
  /** Taken on; what comes of it will be published as an integration event. */
  | { readonly _tag: "Later" }

/** The command has been carried out, now or before. */
export const done = (answer: Json = null): Answer => ({ _tag: "Done", answer })

/** The command is not carried out. */
export const refused = (reason: string, answer: Json = null, detail: string = reason): Answer => ({
  _tag: "Refused",
  reason,
  detail,
  answer
})

/** The outcome will be an integration event. */
export const later: Answer = { _tag: "Later" }

/** The answers on a topic. Their `commandId` is the command's. */
export const replies = (topic: string): Replies => {
  const known = repliesOn.get(topic)
  if (known !== undefined) return known
  const made = define(topic)
  if (repliesOn.size < mostTopics) repliesOn.set(topic, made)
  return made
}

type Replies = ReturnType<typeof define>

/** Made once for each topic, since that compiles its schemas. */
const repliesOn = new Map<string, Replies>()

/** As many as there may be services that wait for answers. Messages name these topics, so that there has to be a limit. */
const mostTopics = 100

const define = (topic: string) =>
  Contract.define(topic, {
    CommandDone: { commandId: Schema.String, answer: Schema.Json },
    CommandRefused: {
      commandId: Schema.String,
      reason: Schema.String,
      detail: Schema.String,
      answer: Schema.Json
    }
  })

/** What carries commands out. Each handler may be run again for the same command, and passes `commandId` on to the entity. */
export type Handlers<M extends Tagged, E, R> = {
  readonly [K in M["_tag"]]: (
    body: Extract<M, { readonly _tag: K }>,
    message: Message & { readonly commandId: string }
  ) => Effect.Effect<Answer, E, R>
}

type HandlerEffect<Cases> = {
  readonly [K in keyof Cases]: Cases[K] extends (...args: never) => infer F ? F : never
}[keyof Cases]

/** Whether a failure is the command's own fault, which its sender is to hear of; anything else is tried again. */
const isRejection = (error: unknown): error is { readonly _tag: string; readonly message: string } => {
  if (typeof error !== "object" || error === null || isTransient(error)) return false
  const { status } = error as { readonly status?: unknown }
  return typeof status === "number" && status >= 400 && status < 500
}

/** Publishes the answer to a command, if it has one and somebody waits for it. */
const reply = Effect.fnUntraced(function* (
  source: string,
  message: Message & { readonly commandId: string },
  answer: Answer
): Effect.fn.Return<void, BrokerUnavailable | MessageTooLarge, Broker> {
  if (answer._tag === "Later" || message.replyTo === null) return
  const broker = yield* Broker
  const { commandId } = message
  const { _tag, ...said } = answer
  const body =
    _tag === "Done"
      ? { _tag: "CommandDone" as const, commandId, answer: answer.answer }
      : {
          _tag: "CommandRefused" as const,
          commandId,
          ...(said as Omit<Extract<Answer, { _tag: "Refused" }>, "_tag">)
        }
  yield* broker.publish(message.replyTo, [
    {
      ...message,
      ...replies(message.replyTo).encode(body),
      // Said again it is the same message; another answer, to an attempt that came to another end, is another one.
      id: `${message.id}/${_tag}`,
      source,
      key: message.correlationId ?? commandId,
      causationId: message.id,
      commandId: null,
      replyTo: null
    }
  ])
})

/**
 * Listens for commands, carries them out and answers, as a source for `Consumer.run` with idempotent effects. A handler that
 * fails with a rejection of the domain is answered as refused, its tag as the reason; other failures are tried again.
 *
 * @example
 * Consumer.layer("cart-commands", [Participant.on("/cart", CartCommands, {
 *   CompleteCart: ({ checkoutId }, { key, commandId }) =>
 *     Effect.as(carts.execute(key, { _tag: "CompleteCart", checkoutId }, { commandId }), Participant.done())
 * })], { effects: "idempotent" })
 */
export const on = <M extends Tagged, Cases extends Handlers<M, any, any>>(
  source: string,
  contract: Contract.Contract<M>,
  cases: Cases
): Consumer.Source<
  Effect.Error<HandlerEffect<Cases>> | BrokerUnavailable | MessageTooLarge,
  Effect.Services<HandlerEffect<Cases>> | Broker
> => {
  const handle = (body: M, message: Message) => {
    // A command of no saga's is its own conversation.
    const command = { ...message, commandId: message.commandId ?? message.id }
    const carriedOut = Effect.suspend(() => cases[body._tag as M["_tag"]](body as never, command))
    return carriedOut.pipe(
      Effect.catchIf(isRejection, ({ _tag, message: detail }) => Effect.succeed(refused(_tag, null, detail))),
      Effect.flatMap((answer) => reply(source, command, answer))
    )
  }
  const listening = Object.fromEntries(contract.names.map((name) => [name, handle]))
  return Consumer.on(contract, listening as never)
}
