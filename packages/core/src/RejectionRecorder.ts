/**
 * Writes down what entities refuse: in batches, by a fiber of its own, after the senders have been answered.
 *
 * What waits to be written has a bound; beyond it, and where a store does not answer until the end, rejections are lost and
 * counted. Run beside the entities of a service, by whoever puts it together.
 */
import { Clock } from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Aggregate } from "./Aggregate.ts"
import * as EventId from "./EventId.ts"
import * as Metrics from "./Metrics.ts"
import {
  maxDataLength,
  maxMessageLength,
  Observer,
  type Refusal,
  type RejectedCommand,
  RejectedCommands
} from "./RejectedCommands.ts"
import { Signal } from "./Signal.ts"

/** How rejected commands are recorded. */
export interface Options {
  /** Whose, in metrics. */
  readonly service: string
  /** How many are kept: the newest. Default 100,000, at half a kilobyte each some 50 MB. */
  readonly keep?: number
  /** How many days they are kept. Default 90: long enough for a quarter's review. */
  readonly keepDays?: number
  /** How many may wait to be written. Default 2,000, with commands of 8 kB each 16 MB. */
  readonly waiting?: number
  /** How long the first of a batch waits for others. Default 250 ms, so that a flood of them costs four commits a second. */
  readonly gatherMillis?: number
}

/** Rejections of one transaction. */
const batchSize = 500
/** After a store has failed. */
const againMillis = 1_000
/** How long the end of a process waits for what is still to be written. */
const endMillis = 5_000
/** How often what is out of bounds is forgotten, at least where something is written. */
const forgetEvery = 5_000
const dayMillis = 24 * 3_600_000

type Encode = (command: unknown) => unknown

const encoders = new WeakMap<object, Encode>()

const encoderOf = (aggregate: Aggregate<any, any, any, any>): Encode => {
  const known = encoders.get(aggregate)
  if (known !== undefined) return known
  const encode = Schema.encodeUnknownSync(Schema.toCodecJson(aggregate.commands) as never) as Encode
  encoders.set(aggregate, encode)
  return encode
}

/** The command as JSON text. One that its own schema does not take was refused for that, and is kept as it came. */
const textOf = ({ aggregate, command }: Refusal): string => {
  try {
    return JSON.stringify(encoderOf(aggregate)(command))
  } catch {
    return unencoded(command)
  }
}

const unencoded = (command: unknown): string => {
  try {
    return JSON.stringify(command) ?? "null"
  } catch {
    return "null"
  }
}

/** A refusal as it is kept. */
export const rejectedOf = (refusal: Refusal): RejectedCommand => {
  const { stream, command, options, rejection, atMillis } = refusal
  const { _tag = "Error", message = "" } = rejection as { readonly _tag?: string; readonly message?: string }
  const data = textOf(refusal)
  return {
    rejectionId: EventId.make(atMillis),
    stream,
    command: command._tag,
    data: data.slice(0, maxDataLength),
    isDataCut: data.length > maxDataLength,
    rejection: _tag,
    message: message.slice(0, maxMessageLength),
    expectedVersion: options.expectedVersion ?? null,
    occurredAtMillis: options.occurredAtMillis ?? atMillis,
    recordedAtMillis: atMillis,
    actor: options.actor ?? null,
    reason: options.reason ?? null,
    commandId: options.commandId ?? null,
    correlationId: options.correlationId ?? null,
    causationId: options.causationId ?? null,
    traceParent: options.traceParent ?? null,
    tenant: options.tenant ?? null
  }
}

class Recorder {
  readonly #store: RejectedCommands["Service"]
  readonly #options: Required<Options>
  readonly #now: () => number
  readonly #count: { readonly rejected: (n: number) => void; readonly lost: (n: number) => void }
  readonly #signal = new Signal()
  #waiting: Array<Refusal> = []
  #sinceForgotten = Number.POSITIVE_INFINITY

  constructor(
    store: RejectedCommands["Service"],
    options: Required<Options>,
    now: () => number,
    context: Context.Context<never>
  ) {
    this.#store = store
    this.#options = options
    this.#now = now
    const attributes = { service: options.service }
    this.#count = {
      rejected: Metrics.recorder(Metrics.rejectedCommands, context, attributes),
      lost: Metrics.recorder(Metrics.rejectedCommandsLost, context, attributes)
    }
  }

  readonly tell = (refusal: Refusal): void => {
    this.#count.rejected(1)
    if (this.#waiting.length >= this.#options.waiting) return this.#count.lost(1)
    this.#waiting.push(refusal)
    if (this.#waiting.length === 1) this.#signal.notify()
  }

  /** Writes what waits, for ever. */
  get run(): Effect.Effect<never> {
    const seen = Effect.sync(() => (this.#waiting.length > 0 ? -1 : this.#signal.count))
    const something = Effect.flatMap(seen, (count) => this.#signal.changed(count))
    const write = this.#writeAll.pipe(
      Effect.tapError((error) =>
        Effect.logWarning(
          `Rejected commands of the ${this.#options.service} will be written again later: ${error.message}`
        )
      ),
      Effect.catch(() => Effect.sleep(againMillis))
    )
    return Effect.forever(
      something.pipe(Effect.andThen(Effect.sleep(this.#options.gatherMillis)), Effect.andThen(write))
    )
  }

  get #writeAll() {
    return Effect.gen({ self: this }, function* () {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.slice(0, batchSize)
        // Not taken back when it is interrupted in the middle: what was written then would be written again.
        yield* Effect.uninterruptible(
          Effect.tap(this.#store.record(batch.map(rejectedOf)), () =>
            Effect.sync(() => void this.#waiting.splice(0, batch.length))
          )
        )
        yield* this.#forgetNowAndThen(batch.length)
      }
    })
  }

  #forgetNowAndThen(written: number) {
    this.#sinceForgotten += written
    if (this.#sinceForgotten < forgetEvery) return Effect.void
    this.#sinceForgotten = 0
    const { keep, keepDays } = this.#options
    return this.#store.forget({ keep, notBeforeMillis: this.#now() - keepDays * dayMillis })
  }

  /** Writes the rest, if the store answers in time. */
  get end(): Effect.Effect<void> {
    return this.#writeAll.pipe(
      Effect.timeout(endMillis),
      Effect.catchCause((cause) =>
        Effect.suspend(() => {
          this.#count.lost(this.#waiting.length)
          return Effect.logWarning(
            `${this.#waiting.length} rejected commands of the ${this.#options.service} were not written down`,
            cause
          )
        })
      )
    )
  }
}

const withDefaults = (options: Options): Required<Options> => ({
  service: options.service,
  keep: options.keep ?? 100_000,
  keepDays: options.keepDays ?? 90,
  waiting: options.waiting ?? 2_000,
  gatherMillis: options.gatherMillis ?? 250
})

/** What `RejectedCommands.Observer` is to be for entities whose refusals are written down. Ends with the scope, after the rest is written. */
export const make = (options: Options) =>
  Effect.gen(function* () {
    const store = yield* RejectedCommands
    const clock = yield* Clock
    const context = yield* Effect.context<never>()
    const recorder = new Recorder(store, withDefaults(options), () => clock.currentTimeMillisUnsafe(), context)
    yield* Effect.addFinalizer(() => recorder.end)
    yield* Effect.forkScoped(recorder.run)
    return recorder.tell
  })

/** Entities that are built on this layer have their refusals written down. */
export const layer = (options: Options): Layer.Layer<never, never, RejectedCommands> =>
  Layer.effect(Observer, make(options))
