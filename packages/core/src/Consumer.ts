/**
 * Consumers: a service's reaction to others' messages, each effect exactly once.
 *
 * A batch is handled in one transaction with the ids of its messages; or, where the effects go elsewhere (commands to
 * entities), key by key, and the ids are recorded afterwards. When something fails it goes message by message: one that fails is
 * set aside and tried again with exponential backoff and jitter, the later ones of its key wait behind it, and all other keys
 * go on. What still fails after the last attempt, or cannot be read at all, stays as a dead letter until an operator corrects,
 * replays or discards it.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { Broker, type Delivery, defaultBatchSize } from "./Broker.ts"
import type { BrokerUnavailable } from "./BrokerProblems.ts"
import type { Source } from "./ConsumerSource.ts"
import { UnreadableMessage } from "./Contract.ts"
import { keepRunning } from "./HeldUp.ts"
import { type Held, type HeldChange, Inbox, type NewHeld } from "./Inbox.ts"
import { fromCloudEvent, type Message } from "./Message.ts"
import { isTransient, reasonOf } from "./Problem.ts"
import type { Effects } from "./Projection.ts"
import type { ReadModelUnavailable } from "./ProjectionStore.ts"
import { TrailingWrite } from "./TrailingWrite.ts"

export { type Gathered, gather, type Handlers, ignored, on, type Source } from "./ConsumerSource.ts"

/** How a consumer works. */
export interface Options {
  /**
   * Where its effects go. `transactional`, the default: into the inbox's store; handlers run in the inbox's transaction, and each
   * effect happens once. `idempotent`: elsewhere; handlers run outside of any transaction, those of different keys side by
   * side, and may be run again for a message that they have handled with success.
   */
  readonly effects?: Effects
  /**
   * Whether a batch may hold messages of several partitions: then a transaction costs less for each, and one that a message makes fail
   * undoes more. Default: where effects are idempotent, and nothing is undone.
   */
  readonly mixed?: boolean
  /**
   * How long to wait after a batch before the next, so that it becomes fuller, unless this one was full. Default 0: for what nobody
   * waits for, a quarter of a second saves most of what its transactions cost.
   */
  readonly pauseMillis?: number
  /** Tries of one message before it is a dead letter. Default 8: with the backoff, about a minute. */
  readonly attempts?: number
  /** The first wait; doubled each time, and shortened by up to a half at random. Default 250 ms. */
  readonly firstBackoffMillis?: number
  /** The longest wait. Default 30 s. */
  readonly maxBackoffMillis?: number
  /**
   * How often to look for messages to be tried again, while there are some. Default 100 ms. Otherwise ten times slower: that is
   * how long a replay by an operator may take.
   */
  readonly pollMillis?: number
  /**
   * How long the ids of received messages are remembered. Default two weeks: twice as long as Kafka keeps messages unless told
   * otherwise, so that nothing which is forgotten can be delivered again.
   */
  readonly rememberMillis?: number
}

type Settings = Required<Options>

const defaults: Settings = {
  effects: "transactional",
  mixed: false,
  pauseMillis: 0,
  attempts: 8,
  firstBackoffMillis: 250,
  maxBackoffMillis: 30_000,
  pollMillis: 100,
  rememberMillis: 14 * 24 * 3_600_000
}

/** How often old ids are forgotten. */
const forgetEveryMillis = 3_600_000

/** Keys that are handled side by side, where effects are idempotent. Enough for their commands to share commits. */
const keysAtOnce = 256

/** Messages of several partitions received at once, at most: beyond that a batch takes longer without costing less for each. */
const mixedAtOnce = 400

/** Messages that are handled and not recorded, at most, before the next batch waits. */
const mostUnrecorded = 2_000

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

class ConsumerRun<E, R> {
  readonly #name: string
  readonly #sources: ReadonlyMap<string, Source<E, R>>
  readonly #settings: Settings
  readonly #inbox: Inbox["Service"]
  /** Records ids of messages that were handled, where that is not done with their effects. */
  readonly #records: TrailingWrite<ReadonlyArray<string>, ReadModelUnavailable>
  /** Ids that are not recorded yet. */
  readonly #unrecorded = new Set<string>()
  /** The latest attempt that this run has put off. */
  #nextAttemptAtMillis = 0

  constructor(name: string, sources: ReadonlyArray<Source<E, R>>, settings: Settings, inbox: Inbox["Service"]) {
    this.#name = name
    this.#sources = new Map(sources.map((source) => [source.topic, source]))
    this.#settings = settings
    this.#inbox = inbox
    this.#records = new TrailingWrite({
      write: (ids) =>
        Effect.map(inbox.record(name, ids), () => {
          for (const id of ids) this.#unrecorded.delete(id)
        }),
      merge: (earlier, later) => [...earlier, ...later]
    })
  }

  /** Receives a batch: every message is handled, known already, or set aside, when this succeeds. */
  receive(batch: ReadonlyArray<Delivery>): Effect.Effect<void, ReadModelUnavailable, R> {
    const incoming = batch.map(incomingOf).filter((one) => !this.#ignores(one))
    if (incoming.length === 0) return Effect.void
    if (this.#settings.effects === "idempotent") return this.#receiveByKey(incoming)
    return this.#receiveAll(incoming)
  }

  readonly #receiveAll: (incoming: ReadonlyArray<Incoming>) => Effect.Effect<void, ReadModelUnavailable, R> =
    Effect.fnUntraced({ self: this }, function* (incoming) {
      const together = yield* Effect.exit(this.#inbox.transact(this.#handleAll(incoming)))
      if (Exit.isSuccess(together)) return
      if (Cause.hasInterruptsOnly(together.cause)) return yield* Effect.interrupt
      for (const one of incoming) yield* this.#receiveOne(one)
    })

  readonly #handleAll: (incoming: ReadonlyArray<Incoming>) => Effect.Effect<void, unknown, R> = Effect.fnUntraced(
    { self: this },
    function* (incoming) {
      const { fresh, held } = yield* this.#lookUp(incoming)
      const now = yield* Clock.currentTimeMillis
      const waiting = fresh.filter(({ key }) => held.has(key))
      yield* this.#handleEach(fresh.filter(({ key }) => !held.has(key)))
      yield* this.#keep(
        fresh,
        waiting.map((one) => heldOf(one, { state: "waiting", heldAtMillis: now }))
      )
    }
  )

  /** Handles messages of one topic, at once where all can be read and their source has it so. */
  #handleEach(incoming: ReadonlyArray<Incoming>): Effect.Effect<void, unknown, R> {
    const messages = incoming.flatMap(({ message }) => message ?? [])
    const handleAll = this.#sources.get(incoming[0]?.topic ?? "")?.handleAll
    return handleAll !== undefined && messages.length === incoming.length
      ? handleAll(messages)
      : Effect.forEach(incoming, (one) => this.#handle(one), { discard: true })
  }

  /** The messages that are new, each once, and the keys of which something is set aside. */
  #lookUp(incoming: ReadonlyArray<Incoming>) {
    const unknown = incoming.filter(({ messageId }) => !this.#unrecorded.has(messageId))
    const byId = new Map(unknown.reverse().map((one) => [one.messageId, one]))
    const keys = [...new Set(incoming.map(({ key }) => key))]
    return Effect.map(this.#inbox.lookUp(this.#name, { ids: [...byId.keys()], keys }), ({ received, heldKeys }) => ({
      fresh: incoming.filter((one) => !received.has(one.messageId) && byId.get(one.messageId) === one),
      held: heldKeys
    }))
  }

  /** Records messages as received, some of them set aside. Part of a transaction. */
  readonly #keep: (
    received: ReadonlyArray<Incoming>,
    held: ReadonlyArray<NewHeld>
  ) => Effect.Effect<void, ReadModelUnavailable> = Effect.fnUntraced({ self: this }, function* (received, held) {
    if (held.length > 0) yield* this.#inbox.setAside(this.#name, held)
    if (received.length === 0) return
    yield* this.#inbox.record(
      this.#name,
      received.map((one) => one.messageId)
    )
  })

  /**
   * Handles a batch outside of any transaction, and records it while the next is handled: what is lost in between is handled again, if
   * it comes again.
   */
  readonly #receiveByKey: (incoming: ReadonlyArray<Incoming>) => Effect.Effect<void, ReadModelUnavailable, R> =
    Effect.fnUntraced({ self: this }, function* (incoming) {
      const { fresh, held: heldKeys } = yield* this.#lookUp(incoming)
      const byKey = Map.groupBy(fresh, (one) => one.key)
      const aside = yield* Effect.forEach(byKey, ([key, group]) => this.#handleKey(group, heldKeys.has(key)), {
        concurrency: keysAtOnce
      })
      if (fresh.length === 0) return
      const held = aside.flat()
      if (held.length > 0) return yield* this.#inbox.transact(this.#keep(fresh, held))
      const ids = fresh.map((one) => one.messageId)
      for (const id of ids) this.#unrecorded.add(id)
      yield* this.#records.add(ids)
      if (this.#unrecorded.size > mostUnrecorded) yield* this.settled
    })

  /** Succeeds when all that was handled is recorded. */
  get settled(): Effect.Effect<void, ReadModelUnavailable> {
    return this.#records.settled
  }

  /** Handles messages of one key in order; those that are to be set aside: the first that fails, and all behind it. */
  readonly #handleKey: (
    group: ReadonlyArray<Incoming>,
    isHeld: boolean
  ) => Effect.Effect<ReadonlyArray<NewHeld>, never, R> = Effect.fnUntraced({ self: this }, function* (group, isHeld) {
    const aside: Array<NewHeld> = []
    for (const one of group) {
      const waits = isHeld || aside.length > 0
      const exit = waits ? Exit.void : yield* Effect.exit(this.#handle(one))
      if (Exit.isSuccess(exit) && !waits) continue
      const held = heldOf(one, { state: "waiting", heldAtMillis: yield* Clock.currentTimeMillis })
      if (Exit.isSuccess(exit)) aside.push(held)
      else if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
      else aside.push({ ...held, ...(yield* this.#after(exit.cause, 1)) })
    }
    return aside
  })

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

  #ignores({ topic, message }: Incoming): boolean {
    return message !== undefined && this.#sources.get(topic)!.ignores(message.type)
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
      yield* this.#inbox.transact(this.#keep([one], [held]))
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
      const nextAttemptAtMillis = Math.round(now + jittered)
      if (!hopeless) this.#nextAttemptAtMillis = Math.max(this.#nextAttemptAtMillis, nextAttemptAtMillis)
      if (hopeless) yield* Effect.logError(`Consumer ${this.#name}: a message is a dead letter: ${reasonOf(error)}`)
      return {
        state: hopeless ? "dead" : "retrying",
        attempts,
        nextAttemptAtMillis,
        error: reasonOf(error)
      }
    })
  }

  /** Tries again what is due, for ever. */
  get retrying(): Effect.Effect<never, ReadModelUnavailable, R> {
    return Effect.forever(
      Effect.gen({ self: this }, function* () {
        const now = yield* Clock.currentTimeMillis
        const due = yield* this.#inbox.due(this.#name, now, dueAtOnce)
        // Of each key at most one is due.
        const concurrency = this.#settings.effects === "idempotent" ? keysAtOnce : 1
        yield* Effect.forEach(due, (held) => this.#retry(held), { concurrency, discard: true })
        if (due.length === dueAtOnce) return
        const isExpected = due.length > 0 || now <= this.#nextAttemptAtMillis
        yield* Effect.sleep(this.#settings.pollMillis * (isExpected ? 1 : 10))
      })
    )
  }

  /** Forgets what nobody will deliver again, for ever. Any consumer of an inbox does it for all. */
  get forgetting(): Effect.Effect<never, ReadModelUnavailable> {
    const forget = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      this.#inbox.forget(now - this.#settings.rememberMillis)
    )
    return Effect.forever(Effect.andThen(Effect.sleep(forgetEveryMillis), forget))
  }

  /** Tries one held message, and then those that waited behind it. */
  #retry(held: Held): Effect.Effect<void, ReadModelUnavailable, R> {
    return Effect.gen({ self: this }, function* () {
      const message = Option.getOrUndefined(fromCloudEvent(held.text))
      const handle = this.#handle({ ...held, message })
      const remove = this.#inbox.remove(held.number)
      const work =
        this.#settings.effects === "idempotent"
          ? Effect.andThen(handle, remove)
          : this.#inbox.transact(Effect.andThen(handle, remove))
      const exit = yield* Effect.exit(work)
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
    const mixed = options.effects === "idempotent"
    const settings = { ...defaults, mixed, ...options }
    const consumer = new ConsumerRun(name, sources, settings, yield* Inbox)
    const how = settings.mixed ? { mixed: true, batchSize: mixedAtOnce } : { batchSize: defaultBatchSize }
    const { pauseMillis } = settings
    const listening = sources.map(({ topic }) =>
      broker.subscribe({ topic, group: name, ...how }, (batch) => {
        const received = consumer.receive(batch)
        const pauses = pauseMillis > 0 && batch.length < how.batchSize
        return pauses ? Effect.andThen(received, Effect.sleep(pauseMillis)) : received
      })
    )
    const working = Effect.all([consumer.retrying, consumer.forgetting, ...listening], { concurrency: "unbounded" })
    yield* Effect.ensuring(working, Effect.ignore(consumer.settled))
    return yield* Effect.never
  })

/** The consumer as a layer that runs it, and runs it again when a store or broker has failed, which is told of (`HeldUp`). */
export const layer = <E, R>(
  name: string,
  sources: ReadonlyArray<Source<E, R>>,
  options: Options = {}
): Layer.Layer<never, never, Broker | Inbox | R> =>
  Layer.effectDiscard(Effect.forkScoped(keepRunning(`consumer ${name}`, run(name, sources, options))))
