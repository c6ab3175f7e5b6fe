/**
 * The entity runtime: every aggregate of one kind as an actor in this process.
 *
 * Commands to one aggregate are carried out one at a time and answered after their events are durable; commands to different
 * aggregates share commits. Entities come to life with their first command, recovered from the journal or new, and leave memory
 * when they are idle or when too many are resident. Every queue has a bound, and beyond it the answer is `Overloaded`.
 *
 * @example
 * const carts = yield* Entities.make(Cart, { persistence: Persistence.state() })
 * const accepted = yield* carts.execute("cart-1", { _tag: "OpenCart", … }, { commandId: "…" })
 */
import { Clock } from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Aggregate, Tagged } from "./Aggregate.ts"
import { Entity } from "./Entity.ts"
import type { EntityHost, Pending, Reply } from "./EntityHost.ts"
import { type Limits, limitsOf, type Resolved } from "./EntityLimits.ts"
import { type Contended, Overloaded, RecoveryTimedOut, ShuttingDown, type VersionMismatch } from "./EntityProblems.ts"
import type { UndecodableEvent } from "./Event.ts"
import { GroupCommit, type Within } from "./GroupCommit.ts"
import { Guesses } from "./Guesses.ts"
import { inlineProjections } from "./InlineProjections.ts"
import { Journal, type JournalUnavailable } from "./Journal.ts"
import * as Metrics from "./Metrics.ts"
import * as Partition from "./Partition.ts"
import type { Persistence } from "./Persistence.ts"
import type { Projection } from "./Projection.ts"
import { type RecoveryFailed, recover, stateCodec } from "./Recovery.ts"
import { Observer, refusing } from "./RejectedCommands.ts"
import { Snapshots } from "./Snapshot.ts"
import { type OnEvents, snapshotPolicy } from "./SnapshotPolicy.ts"

export type { Limits } from "./EntityLimits.ts"

/** What a sender may say about a command besides the command itself. */
export interface CommandOptions {
  /** The same id again is answered with the first outcome, also after a restart. Without one, a repetition is a new command. */
  readonly commandId?: string | undefined
  /** The version that the aggregate must have, or the command fails with `VersionMismatch`. */
  readonly expectedVersion?: number | undefined
  /** When it happened in the business, milliseconds since 1970 (UTC). Default: now. */
  readonly occurredAtMillis?: number | undefined
  readonly actor?: string | undefined
  readonly reason?: string | undefined
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  readonly traceParent?: string | undefined
  readonly tenant?: string | undefined
}

/** The answer to a command whose events are durable. */
export interface Accepted {
  readonly id: string
  /** The aggregate's version after the command. */
  readonly version: number
  readonly partition: number
  /** Position of the command's last event in its partition; 0 when the command left no event in the journal. */
  readonly position: number
  /** True when this command id had been carried out before; nothing was done again. */
  readonly duplicate: boolean
}

/** Every failure of `execute` that is not a rejection. */
export type RuntimeProblem =
  | Overloaded
  | ShuttingDown
  | Contended
  | VersionMismatch
  | RecoveryTimedOut
  | JournalUnavailable
  | UndecodableEvent
  | RecoveryFailed

/** The aggregates of one kind. */
export interface Entities<State, Command, Rejection> {
  /**
   * Sends a command and waits until its events are durable. Interrupting the wait does not take the command back. After
   * `JournalUnavailable` the outcome is unknown: repeat it with the same `commandId`, and it is carried out once.
   */
  readonly execute: (
    id: string,
    command: Command,
    options?: CommandOptions
  ) => Effect.Effect<Accepted, Rejection | RuntimeProblem>
  /**
   * The state and version, after every command that was answered before, by whatever process. Version 0 means that it was never
   * written.
   */
  readonly read: (id: string) => Effect.Effect<{ readonly version: number; readonly state: State }, RuntimeProblem>
  /** As `read`, but as far as this process knows: for what does not change any more, it saves asking the journal. */
  readonly glance: (id: string) => Effect.Effect<{ readonly version: number; readonly state: State }, RuntimeProblem>
  /** How many entities are in memory. */
  readonly resident: Effect.Effect<number>
}

/** How a kind of aggregate is to be run. */
export interface Options<R = never> extends Limits {
  readonly persistence: Persistence
  /** Projections that run in the transaction of the command, for level 1. Ignored at other levels, where workers run them. */
  readonly projections?: ReadonlyArray<Projection<any, any, R>>
}

/** Starts the runtime for one kind of aggregate. It stops with the scope, after what it has accepted is done. */
export const make = <State, Command extends Tagged, Event extends Tagged, Rejection extends Error, R = never>(
  aggregate: Aggregate<State, Command, Event, Rejection>,
  options: Options<R>
): Effect.Effect<Entities<State, Command, Rejection>, never, Journal | Snapshots | Scope.Scope | R> =>
  Effect.gen(function* () {
    const journal = yield* Journal
    const snapshots = yield* Snapshots
    const context = yield* Effect.context<R>()
    const clock = yield* Clock
    const within =
      options.persistence._tag === "Inline"
        ? inlineProjections(aggregate, options.projections ?? [], context)
        : undefined
    const runtime = new Runtime<State, Command, Event>({
      within,
      aggregate,
      options,
      journal,
      snapshots,
      context,
      observer: yield* Observer,
      now: () => clock.currentTimeMillisUnsafe()
    })
    yield* Effect.addFinalizer(() => runtime.shutdown)
    yield* Effect.forkScoped(runtime.passivation)
    return {
      execute: (id, command, commandOptions) =>
        Effect.callback((resume) => runtime.tell(id, command, commandOptions ?? noOptions, accepted, resume)),
      read: (id) => Effect.callback((resume) => runtime.tell(id, undefined, noOptions, standing, resume)),
      glance: (id) => Effect.callback((resume) => runtime.tell(id, undefined, noOptions, standing, resume, true)),
      resident: Effect.sync(() => runtime.resident)
    }
  })

const noOptions: CommandOptions = {}

/** What is answered to a caller, of an aggregate's reply. A plain function, since every command passes here. */
type AnswerOf<State, A> = (id: string, partition: number, reply: Reply<State>) => A

const accepted: AnswerOf<any, Accepted> = (id, partition, { version, position, duplicate }) => ({
  id,
  version,
  partition,
  position,
  duplicate
})

const standing: AnswerOf<any, any> = (_id, _partition, { version, state }) => ({ version, state })

/** How many idle entities are compared, when memory is full, to find the one that leaves. */
const evictionSample = 16
/** How many entities are looked at to find these: past the busy ones, yet never through all of memory. */
const evictionLooks = 1_024

class Runtime<State, Command extends Tagged, Event extends Tagged> implements EntityHost<State, Command, Event> {
  readonly aggregate: Aggregate<State, Command, Event, Error>
  readonly keepEvents: boolean
  readonly storeStateEvery: number
  readonly encodeState: (state: State) => unknown
  readonly now: () => number
  readonly onEvents: OnEvents<State, Event>
  readonly guesses: Guesses
  readonly shared: boolean
  readonly #journal: Journal["Service"]
  readonly #recover: ReturnType<typeof recover<State, Event>>
  readonly #context: Context.Context<never>
  readonly #commit: GroupCommit
  readonly #entities = new Map<string, Entity<State, Command, Event>>()
  readonly #limits: Resolved
  readonly #recordCommand: (seconds: number) => void
  readonly #recordReplay: (seconds: number) => void
  readonly #refused: ReturnType<typeof refusing>
  #inFlight = 0
  #open = true
  #drained: (() => void) | undefined

  constructor(input: {
    readonly aggregate: Aggregate<State, Command, Event, Error>
    readonly within: Within | undefined
    readonly options: Options<any>
    readonly journal: Journal["Service"]
    readonly snapshots: Snapshots["Service"]
    readonly context: Context.Context<never>
    readonly observer: typeof Observer.Service
    readonly now: () => number
  }) {
    const { aggregate, options, context } = input
    this.aggregate = aggregate
    this.now = input.now
    this.#refused = refusing(input.observer, aggregate, input.now)
    this.#journal = input.journal
    this.shared = input.journal.shared
    this.#context = context
    const codec = stateCodec(aggregate)
    this.#recover = recover({ aggregate, stores: { journal: input.journal, snapshots: input.snapshots }, codec })
    this.encodeState = codec.encode
    this.keepEvents = options.persistence._tag !== "Inline"
    this.storeStateEvery = storeStateEvery(options.persistence)
    this.guesses = new Guesses(options.persistence)
    this.onEvents = snapshotPolicy({
      aggregate,
      persistence: options.persistence,
      snapshots: input.snapshots,
      encode: this.encodeState,
      now: this.now,
      run: (effect, done) => this.#run(effect, done)
    })
    this.#limits = limitsOf(options)
    const attributes = { aggregate: aggregate.name }
    this.#recordCommand = Metrics.recorder(Metrics.commandSeconds, context, attributes)
    this.#recordReplay = Metrics.recorder(Metrics.replaySeconds, context, attributes)
    const recordPersist = Metrics.recorder(Metrics.persistSeconds, context, attributes)
    this.#commit = new GroupCommit({
      journal: input.journal,
      fork: Effect.runForkWith(context),
      within: input.within,
      onCommit: (millis) => recordPersist(millis / 1000)
    })
  }

  get resident(): number {
    return this.#entities.size
  }

  readonly submit = (...args: Parameters<GroupCommit["submit"]>): void => this.#commit.submit(...args)

  tell<A>(
    id: string,
    command: Command | undefined,
    options: CommandOptions,
    answerOf: AnswerOf<State, A>,
    resume: (exit: Exit.Exit<A, any>) => void,
    glance = false
  ): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) return resume(Exit.fail(refusal))
    const entity = this.#entityOf(id)
    if (entity === undefined)
      return resume(Exit.fail(overloaded(`${this.#limits.resident} entities are in memory and at work`)))
    if (entity.waiting >= this.#limits.mailbox) {
      return resume(Exit.fail(overloaded(`${entity.waiting} commands wait for ${entity.stream}`)))
    }
    this.#inFlight++
    const started = performance.now()
    entity.lastUsedMillis = this.now()
    entity.tell({
      command,
      glance,
      options,
      attempts: 0,
      solo: false,
      reply: (exit) => {
        this.#inFlight--
        if (command !== undefined) this.#recordCommand((performance.now() - started) / 1000)
        if (this.#inFlight === 0) this.#drained?.()
        if (Exit.isSuccess(exit)) resume(Exit.succeed(answerOf(id, entity.partition, exit.value)))
        else resume(exit as Exit.Exit<never, any>)
        if (command !== undefined && exit._tag === "Failure") this.#refused?.(entity.stream, command, options, exit)
      }
    } satisfies Pending<State, Command>)
  }

  #refusal(): Overloaded | ShuttingDown | undefined {
    if (!this.#open) {
      return new ShuttingDown({
        retryAfterSeconds: 5,
        detail: "This process takes no more commands; send it again, to another one."
      })
    }
    if (this.#inFlight < this.#limits.inFlight) return undefined
    return overloaded(`${this.#inFlight} commands are under way`)
  }

  #entityOf(id: string): Entity<State, Command, Event> | undefined {
    const existing = this.#entities.get(id)
    if (existing !== undefined) return existing
    if (this.#entities.size >= this.#limits.resident && !this.#evictOne()) return undefined
    const entity = new Entity<State, Command, Event>(
      this,
      Partition.streamOf(this.aggregate.name, id),
      Partition.ofId(id, this.#journal.partitions)
    )
    this.#entities.set(id, entity)
    return entity
  }

  /** Makes room: of a sample of idle entities, the one that was used longest ago leaves. The sample moves on every time. */
  #evictOne(): boolean {
    let oldest: { readonly id: string; readonly usedMillis: number } | undefined
    let idle = 0
    let looks = Math.min(this.#entities.size, evictionLooks)
    for (const [id, entity] of this.#entities) {
      if (looks-- === 0 || idle === evictionSample) break
      this.#entities.delete(id)
      this.#entities.set(id, entity)
      if (!entity.idle) continue
      idle++
      if (oldest === undefined || entity.lastUsedMillis < oldest.usedMillis)
        oldest = { id, usedMillis: entity.lastUsedMillis }
    }
    return oldest !== undefined && this.#entities.delete(oldest.id)
  }

  readonly recover: EntityHost<State, Command, Event>["recover"] = (stream, done) => {
    const started = performance.now()
    const effect = this.#recover(stream).pipe(
      Effect.timeoutOrElse({
        duration: this.#limits.recoverWithin,
        orElse: () => Effect.fail(recoveryTimedOut(stream, this.#limits.recoverWithin))
      })
    )
    this.#run(effect, (exit) => {
      this.#recordReplay((performance.now() - started) / 1000)
      done(exit)
    })
  }

  readonly versionOf: EntityHost<State, Command, Event>["versionOf"] = (stream, done) =>
    this.#run(this.#journal.version(stream), done)

  readonly receipt: EntityHost<State, Command, Event>["receipt"] = (stream, commandId, done) =>
    this.#run(Effect.map(this.#journal.receipt(stream, commandId), Option.getOrUndefined), done)

  readonly warn = (message: string, why: unknown): void => this.#run(Effect.logWarning(message, why), () => {})

  readonly wait = (millis: number, then: () => void): void => this.#run(Effect.sleep(millis), then)

  #run<A, E>(effect: Effect.Effect<A, E>, done: (exit: Exit.Exit<A, E>) => void): void {
    Effect.runForkWith(this.#context)(effect).addObserver(done)
  }

  /** Sends idle entities away, for ever. */
  get passivation(): Effect.Effect<void> {
    const sweep = Effect.sync(() => {
      const before = this.now() - this.#limits.passivateAfter
      for (const [id, entity] of this.#entities) {
        if (entity.idle && entity.lastUsedMillis <= before) this.#entities.delete(id)
      }
      Metrics.recorder(Metrics.residentEntities, this.#context, { aggregate: this.aggregate.name })(this.#entities.size)
    })
    return Effect.forever(Effect.andThen(Effect.sleep(Math.max(this.#limits.passivateAfter / 4, 1)), sweep))
  }

  /** Takes no more commands, and waits until those accepted are answered. */
  get shutdown(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#open = false
      if (this.#inFlight === 0) return Effect.void
      return Effect.callback<void>((resume) => {
        this.#drained = () => resume(Effect.void)
      }).pipe(
        Effect.timeoutOrElse({
          duration: this.#limits.shutdownWithin,
          orElse: () =>
            Effect.logError(`${this.aggregate.name}: ${this.#inFlight} commands still unanswered at shutdown`)
        })
      )
    })
  }
}

const storeStateEvery = (persistence: Persistence): number => {
  if (persistence._tag === "Events") return Number.POSITIVE_INFINITY
  return persistence._tag === "Inline" ? 1 : persistence.every
}

const overloaded = (what: string): Overloaded =>
  new Overloaded({ retryAfterSeconds: 1, detail: `${what}, which is the limit. Nothing was done; try again shortly.` })

const recoveryTimedOut = (stream: string, limitMillis: number): RecoveryTimedOut =>
  new RecoveryTimedOut({
    stream,
    retryAfterSeconds: 5,
    detail: `${stream} was not recovered within ${limitMillis} ms; it may be very long without a snapshot, or the database slow.`
  })
