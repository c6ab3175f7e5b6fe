/**
 * Consumers: a service's reaction to others' messages, each effect exactly once.
 *
 * A batch is handled in one transaction with the ids of its messages. When that fails it goes message by message: one that
 * fails is set aside and tried again with exponential backoff and jitter, the later ones of its key wait behind it, and all
 * other keys go on. What still fails after the last attempt, or cannot be read at all, stays as a dead letter until an operator
 * corrects, replays or discards it.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { Broker, type Delivery } from "./Broker.ts"
import type { BrokerUnavailable } from "./BrokerProblems.ts"
import type { Contract } from "./Contract.ts"
import { UnreadableMessage } from "./Contract.ts"
import { type Held, type HeldChange, Inbox, type NewHeld } from "./Inbox.ts"
import { fromCloudEvent, type Message } from "./Message.ts"
import { isTransient } from "./Problem.ts"
import type { ReadModelUnavailable } from "./ProjectionStore.ts"

interface Tagged {
  readonly _tag: string
}

/** Said of a message that is none of the consumer's business. */
export const ignored = "ignored"

/** What a consumer does with each message of a contract. Handlers run in the inbox's transaction. */
export type Handlers<M extends Tagged, E, R> = {
  readonly [K in M["_tag"]]:
    | typeof ignored
    | ((body: Extract<M, { readonly _tag: K }>, message: Message) => Effect.Effect<void, E, R>)
}

/** One topic that a consumer listens to. */
export interface Source<E, R> {
  readonly topic: string
  /** Handles a message, or fails with `UnreadableMessage`. */
  readonly handle: (message: Message) => Effect.Effect<void, E | UnreadableMessage, R>
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
  handle: (message) =>
    Effect.suspend(() => {
      let body: M
      try {
        body = contract.decode(message)
      } catch (error) {
        return error instanceof UnreadableMessage ? Effect.fail(error) : Effect.die(error)
      }
      const handler = (cases as Handlers<M, any, any>)[body._tag as M["_tag"]]
      return handler === ignored ? Effect.void : handler(body as never, message)
    })
})

/** How a consumer deals with failure. */
export interface Options {
  /** Tries of one message before it is a dead letter. Default 8: with the backoff, about a minute. */
  readonly attempts?: number
  /** The first wait; doubled each time, and shortened by up to a half at random. Default 250 ms. */
  readonly firstBackoffMillis?: number
  /** The longest wait. Default 30 s. */
  readonly maxBackoffMillis?: number
  /** How often to look for messages to be tried again. Default 100 ms. */
  readonly pollMillis?: number
}

type Settings = Required<Options>

const defaults: Settings = { attempts: 8, firstBackoffMillis: 250, maxBackoffMillis: 30_000, pollMillis: 100 }

/** Messages tried again in one look. */
const dueAtOnce = 100

/** A delivery on its way through: its message if it can be read, and where it belongs if not. */
interface Incoming {
  readonly topic: string
  readonly text: string
  readonly message: Message | undefined
  readonly messageId: string
  readonly key: string
}

const incomingOf = ({ topic, partition, offset, text, message }: Delivery): Incoming => {
  const place = `${topic}/${partition}/${offset}`
  return { topic, text, message, messageId: message?.id ?? place, key: message?.key ?? place }
}

const whyOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

class ConsumerRun<E, R> {
  readonly #name: string
  readonly #sources: ReadonlyMap<string, Source<E, R>>
  readonly #settings: Settings
  readonly #inbox: Inbox["Service"]

  constructor(name: string, sources: ReadonlyArray<Source<E, R>>, settings: Settings, inbox: Inbox["Service"]) {
    this.#name = name
    this.#sources = new Map(sources.map((source) => [source.topic, source]))
    this.#settings = settings
    this.#inbox = inbox
  }

  /** Receives a batch: every message is handled, known already, or set aside, when this succeeds. */
  receive(batch: ReadonlyArray<Delivery>): Effect.Effect<void, ReadModelUnavailable, R> {
    const incoming = batch.map(incomingOf)
    return Effect.gen({ self: this }, function* () {
      const together = yield* Effect.exit(this.#inbox.transact(this.#handleAll(incoming)))
      if (Exit.isSuccess(together)) return
      if (Cause.hasInterruptsOnly(together.cause)) return yield* Effect.interrupt
      for (const one of incoming) yield* this.#receiveOne(one)
    })
  }

  #handleAll(incoming: ReadonlyArray<Incoming>): Effect.Effect<void, unknown, R> {
    return Effect.gen({ self: this }, function* () {
      const fresh = yield* this.#inbox.fresh(
        this.#name,
        incoming.map((one) => one.messageId)
      )
      const held = yield* this.#inbox.heldKeys(
        this.#name,
        incoming.map((one) => one.key)
      )
      const now = yield* Clock.currentTimeMillis
      const seen = new Set<string>()
      const waiting: Array<NewHeld> = []
      for (const one of incoming) {
        if (!fresh.has(one.messageId) || seen.has(one.messageId)) continue
        seen.add(one.messageId)
        if (held.has(one.key)) waiting.push(heldOf(one, { state: "waiting", heldAtMillis: now }))
        else yield* this.#handle(one)
      }
      if (waiting.length > 0) yield* this.#inbox.setAside(this.#name, waiting)
      if (seen.size > 0) yield* this.#inbox.record(this.#name, [...seen])
    })
  }

  #handle({ topic, text, message }: Pick<Incoming, "topic" | "text" | "message">): Effect.Effect<void, unknown, R> {
    if (message !== undefined) return Effect.suspend(() => this.#sources.get(topic)!.handle(message))
    return Effect.fail(
      new UnreadableMessage({
        id: "",
        topic,
        messageType: "",
        schemaVersion: 0,
        detail: `No CloudEvent of ours: ${JSON.stringify(text.slice(0, 80))}`
      })
    )
  }

  /** Handles one message in a transaction of its own, or sets it aside in one. */
  #receiveOne(one: Incoming): Effect.Effect<void, ReadModelUnavailable, R> {
    return Effect.gen({ self: this }, function* () {
      const alone = yield* Effect.exit(this.#inbox.transact(this.#handleAll([one])))
      if (Exit.isSuccess(alone)) return
      if (Cause.hasInterruptsOnly(alone.cause)) return yield* Effect.interrupt
      const held = {
        ...heldOf(one, { heldAtMillis: yield* Clock.currentTimeMillis }),
        ...(yield* this.#after(alone.cause, 1))
      }
      yield* this.#inbox.transact(
        Effect.andThen(this.#inbox.setAside(this.#name, [held]), this.#inbox.record(this.#name, [one.messageId]))
      )
    })
  }

  /** What becomes of a message after a failed attempt. What is down for everyone does not count against the message. */
  #after(cause: Cause.Cause<unknown>, attempts: number): Effect.Effect<Required<Omit<HeldChange, "text">>> {
    return Effect.gen({ self: this }, function* () {
      const error = Cause.squash(cause)
      const { attempts: most, firstBackoffMillis, maxBackoffMillis } = this.#settings
      const hopeless = error instanceof UnreadableMessage || (attempts >= most && !isTransient(error))
      const wait = Math.min(firstBackoffMillis * 2 ** Math.min(attempts - 1, 30), maxBackoffMillis)
      const jittered = wait * (0.5 + 0.5 * (yield* Random.next))
      const now = yield* Clock.currentTimeMillis
      if (hopeless) yield* Effect.logError(`Consumer ${this.#name}: a message is a dead letter: ${whyOf(error)}`)
      return {
        state: hopeless ? "dead" : "retrying",
        attempts,
        nextAttemptAtMillis: Math.round(now + jittered),
        error: whyOf(error)
      }
    })
  }

  /** Tries again what is due, for ever. */
  get retrying(): Effect.Effect<never, ReadModelUnavailable, R> {
    return Effect.forever(
      Effect.gen({ self: this }, function* () {
        const due = yield* this.#inbox.due(this.#name, yield* Clock.currentTimeMillis, dueAtOnce)
        for (const held of due) yield* this.#retry(held)
        if (due.length < dueAtOnce) yield* Effect.sleep(this.#settings.pollMillis)
      })
    )
  }

  /** Tries one held message, and then those that waited behind it. */
  #retry(held: Held): Effect.Effect<void, ReadModelUnavailable, R> {
    return Effect.gen({ self: this }, function* () {
      const message = Option.getOrUndefined(fromCloudEvent(held.text))
      const work = Effect.andThen(this.#handle({ ...held, message }), this.#inbox.remove(held.number))
      const exit = yield* Effect.exit(this.#inbox.transact(work))
      if (Exit.isFailure(exit)) {
        if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
        return yield* this.#inbox.change(held.number, yield* this.#after(exit.cause, held.attempts + 1))
      }
      const next = yield* this.#inbox.first(this.#name, held.key)
      if (Option.isSome(next) && next.value.state === "waiting") yield* this.#retry(next.value)
    })
  }
}

const heldOf = (
  { topic, text, messageId, key }: Incoming,
  given: Pick<NewHeld, "heldAtMillis"> & Partial<NewHeld>
): NewHeld => ({
  topic,
  text,
  messageId,
  key,
  state: "retrying",
  attempts: 0,
  nextAttemptAtMillis: 0,
  error: "",
  ...given
})

/**
 * Runs a consumer until interrupted. `name` is its group at the broker, and its name in the inbox: on disk. A store or broker
 * that fails ends it; run it again (with `Effect.retry`), and nothing is lost or done twice.
 */
export const run = <E, R>(
  name: string,
  sources: ReadonlyArray<Source<E, R>>,
  options: Options = {}
): Effect.Effect<never, BrokerUnavailable | ReadModelUnavailable, Broker | Inbox | R> =>
  Effect.gen(function* () {
    const broker = yield* Broker
    const consumer = new ConsumerRun(name, sources, { ...defaults, ...options }, yield* Inbox)
    const listening = sources.map(({ topic }) =>
      broker.subscribe({ topic, group: name }, (batch) => consumer.receive(batch))
    )
    yield* Effect.all([consumer.retrying, ...listening], { concurrency: "unbounded" })
    return yield* Effect.never
  })
