/**
 * What a consumer listens to: a contract's topic, and what is done with each of its messages. Declared by services, as `Consumer.on`
 * and `Consumer.gather`.
 */
import * as Effect from "effect/Effect"
import type { Contract } from "./Contract.ts"
import { UnreadableMessage } from "./Contract.ts"
import type { Message } from "./Message.ts"

interface Tagged {
  readonly _tag: string
}

/** Said of a message that is none of the consumer's business. */
export const ignored = "ignored"

/** What a consumer does with each message of a contract. */
export type Handlers<M extends Tagged, E, R> = {
  readonly [K in M["_tag"]]:
    | typeof ignored
    | ((body: Extract<M, { readonly _tag: K }>, message: Message) => Effect.Effect<void, E, R>)
}

/** One topic that a consumer listens to. */
export interface Source<E, R> {
  readonly topic: string
  /** Whether messages of this type are none of the consumer's business. They are not even remembered as received. */
  readonly ignores: (type: string) => boolean
  /** Handles a message, or fails with `UnreadableMessage`. */
  readonly handle: (message: Message) => Effect.Effect<void, E | UnreadableMessage, R>
  /** Handles messages at once, in order, where that costs less than one after the other. Used where effects are transactional. */
  readonly handleAll?: (messages: ReadonlyArray<Message>) => Effect.Effect<void, E | UnreadableMessage, R>
}

type EffectOf<Cases> = {
  readonly [K in keyof Cases]: Cases[K] extends (...args: never) => infer F ? F : never
}[keyof Cases]

/** Listens to a contract's topic. Total: every message has a handler or is `ignored`. */
export const on = <M extends Tagged, Cases extends Handlers<M, any, any>>(
  contract: Contract<M>,
  cases: Cases
): Source<Effect.Error<EffectOf<Cases>>, Effect.Services<EffectOf<Cases>>> => ({
  topic: contract.topic,
  ignores: (type) => (cases as Handlers<M, any, any>)[type as M["_tag"]] === ignored,
  handle: (message) => dispatch(contract, cases as Handlers<M, any, any>, message, undefined)
})

/** Hands a message to its case; `otherwise` is for one that is ignored: a dead letter that an operator has corrected into it. */
const dispatch = <M extends Tagged, A, E, R>(
  contract: Contract<M>,
  cases: Gathered<M, A, E, R>,
  message: Message,
  otherwise: A
): Effect.Effect<A, E | UnreadableMessage, R> =>
  Effect.suspend((): Effect.Effect<A, E | UnreadableMessage, R> => {
    let body: M
    try {
      body = contract.decode(message)
    } catch (error) {
      return error instanceof UnreadableMessage ? Effect.fail(error) : Effect.die(error)
    }
    const handler = cases[body._tag as M["_tag"]]
    return handler === ignored ? Effect.succeed(otherwise) : handler(body as never, message)
  })

/** What a consumer makes of each message of a contract. */
export type Gathered<M extends Tagged, A, E, R> = {
  readonly [K in M["_tag"]]:
    | typeof ignored
    | ((body: Extract<M, { readonly _tag: K }>, message: Message) => Effect.Effect<A, E, R>)
}

/**
 * Listens to a contract's topic, as `on` does, for a consumer that writes what it has heard in all messages of a batch at once:
 * `write` gets what each message has come to, in order and but for `undefined`, within the inbox's transaction.
 */
export const gather = <M extends Tagged, A, Cases extends Gathered<M, A | undefined, any, any>, E, R>(
  contract: Contract<M>,
  write: (all: ReadonlyArray<A>) => Effect.Effect<void, E, R>,
  cases: Cases
): Source<E | Effect.Error<EffectOf<Cases>>, R | Effect.Services<EffectOf<Cases>>> => {
  const gathered: Gathered<M, A | undefined, any, any> = cases
  const handleAll = (messages: ReadonlyArray<Message>) =>
    Effect.flatMap(
      Effect.forEach(messages, (message) => dispatch(contract, gathered, message, undefined)),
      (heard) => {
        const all = heard.filter((one) => one !== undefined)
        return all.length === 0 ? Effect.void : write(all)
      }
    )
  return {
    topic: contract.topic,
    ignores: (type) => gathered[type as M["_tag"]] === ignored,
    handle: (message) => handleAll([message]),
    handleAll
  }
}
