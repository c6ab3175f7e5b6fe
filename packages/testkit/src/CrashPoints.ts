/**
 * A process that dies at a chosen moment, in tests: the ports that it works through, wrapped, so that each of its changes to
 * the world is counted, and one of them is its last.
 *
 * A change is what a store, a broker or another's service keeps: an append, a transaction, a publication, a call. The process
 * dies *before* a change, which then does not happen, or *after* it, when it has happened and its answer is lost. From then on
 * nothing that the process does gets through any more; what was under way at that moment may still happen, as with a real
 * process. Reads are no changes, and neither are leases, which the stores give back when the process's layers are closed.
 */
import { Broker } from "@daybook/core/Broker"
import { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import { Inbox } from "@daybook/core/Inbox"
import { Journal, JournalUnavailable } from "@daybook/core/Journal"
import { ProjectionStore, ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { Snapshots, SnapshotsUnavailable } from "@daybook/core/Snapshot"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

/** When the process dies: around a change, the `nth` of that name since the process was armed, counted from 1. */
export interface Moment {
  readonly change: string
  readonly nth: number
  readonly when: "before" | "after"
}

/** The moments around changes: two for each. */
export const momentsOf = (changes: ReadonlyArray<string>): ReadonlyArray<Moment> =>
  changes.flatMap((change, i): ReadonlyArray<Moment> => {
    const nth = countOf(changes.slice(0, i + 1), change)
    return [
      { change, nth, when: "before" },
      { change, nth, when: "after" }
    ]
  })

const countOf = (changes: ReadonlyArray<string>, name: string): number =>
  changes.filter((change) => change === name).length

/** The ports that a service works through. */
export type Ports = Journal | Snapshots | ProjectionStore | Inbox | Broker

const gone = { detail: "Injected: the process is dead", retryAfterSeconds: 1 }
const journalGone = () => new JournalUnavailable(gone)
const snapshotsGone = () => new SnapshotsUnavailable(gone)
const storeGone = () => new ReadModelUnavailable(gone)
const brokerGone = () => new BrokerUnavailable(gone)

/** One process: how far it has got, and whether it lives. */
export class CrashPoints {
  /** Succeeds when the process dies. */
  readonly died: Effect.Effect<void>
  readonly #death = Deferred.makeUnsafe<void>()
  readonly #changes: Array<string> = []
  #moment: Moment | undefined
  #isArmed = false
  #isDead = false

  constructor() {
    this.died = Deferred.await(this.#death)
  }

  /** Begins to count, anew. Without a moment the process lives, also if it was to die after a change that is under way. */
  arm(moment?: Moment): void {
    this.#changes.length = 0
    this.#moment = moment
    this.#isArmed = true
  }

  /** What has been changed since the process was armed, in order; the last of a dead process is where it died. */
  get changes(): ReadonlyArray<string> {
    return this.#changes
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Nothing gets through any more. */
  kill(): void {
    this.#isDead = true
    Deferred.doneUnsafe(this.#death, Effect.void)
  }

  /** A change: counted, and perhaps the last. `gone` is how the port fails when nobody answers. */
  change<A, E, R, G>(name: string, change: Effect.Effect<A, E, R>, gone: () => G): Effect.Effect<A, E | G, R> {
    return Effect.suspend((): Effect.Effect<A, E | G, R> => {
      const dies = this.#next(name)
      if (dies === "before") this.kill()
      if (this.#isDead) return Effect.fail(gone())
      if (dies !== "after") return this.while(change, gone)
      const moment = this.#moment
      return this.while(
        Effect.tap(change, () => Effect.sync(() => this.#moment === moment && this.kill())),
        gone
      )
    })
  }

  /** Anything else that only a living process does, or hears the answer of. */
  while<A, E, R, G>(effect: Effect.Effect<A, E, R>, gone: () => G): Effect.Effect<A, E | G, R> {
    const check = Effect.suspend(() => (this.#isDead ? Effect.fail(gone()) : Effect.void))
    return Effect.andThen(
      check,
      Effect.tap(effect, () => check)
    )
  }

  #next(name: string): Moment["when"] | undefined {
    if (!this.#isArmed || this.#isDead) return undefined
    this.#changes.push(name)
    const isIt = this.#moment?.change === name && this.#moment.nth === countOf(this.#changes, name)
    return isIt ? this.#moment!.when : undefined
  }

  /** The ports of one service, as this process has them. The name is for `changes`. */
  wrap(service: string, ports: Context.Context<Ports>): Context.Context<Ports> {
    return Context.make(Journal, this.#journal(service, Context.get(ports, Journal))).pipe(
      Context.add(Snapshots, this.#snapshots(service, Context.get(ports, Snapshots))),
      Context.add(ProjectionStore, this.#projectionStore(service, Context.get(ports, ProjectionStore))),
      Context.add(Inbox, this.#inbox(service, Context.get(ports, Inbox))),
      Context.add(Broker, this.#broker(service, Context.get(ports, Broker)))
    )
  }

  #journal(service: string, journal: Journal["Service"]): Journal["Service"] {
    const read = <A>(effect: Effect.Effect<A, JournalUnavailable>) => this.while(effect, journalGone)
    return {
      partitions: journal.partitions,
      lanes: journal.lanes,
      shared: journal.shared,
      signal: journal.signal,
      append: (batch, within) =>
        this.change(
          `${service} appends ${batch.flatMap(({ events }) => events.map(({ type }) => type)).join(", ")}`,
          journal.append(batch, within),
          journalGone
        ),
      readStream: (stream, range) => read(journal.readStream(stream, range)),
      version: (stream) => read(journal.version(stream)),
      readPartition: (partition, options) => read(journal.readPartition(partition, options)),
      heads: read(journal.heads),
      state: (stream) => read(journal.state(stream)),
      receipt: (stream, commandId) => read(journal.receipt(stream, commandId)),
      deleteTo: (stream, version) =>
        this.change(`${service} deletes events`, journal.deleteTo(stream, version), journalGone)
    }
  }

  #snapshots(service: string, snapshots: Snapshots["Service"]): Snapshots["Service"] {
    const change = <A>(name: string, effect: Effect.Effect<A, SnapshotsUnavailable>) =>
      this.change(`${service} ${name} snapshots`, effect, snapshotsGone)
    return {
      save: (snapshot) => change("saves", snapshots.save(snapshot)),
      latest: (stream, criteria) => this.while(snapshots.latest(stream, criteria), snapshotsGone),
      delete: (stream, criteria) => change("deletes", snapshots.delete(stream, criteria)),
      keepLatest: (stream, keep) => change("deletes", snapshots.keepLatest(stream, keep))
    }
  }

  /**
   * What is done inside `transact` is part of its change, and so is a plan that is written. Named apart, since a projection that plans
   * falls back to `transact` where a store does not write plans.
   */
  #projectionStore(service: string, store: ProjectionStore["Service"]): ProjectionStore["Service"] {
    const only = <A>(effect: Effect.Effect<A, ReadModelUnavailable>) => this.while(effect, storeGone)
    const { write } = store
    const planned: Pick<ProjectionStore["Service"], "write"> =
      write === undefined
        ? {}
        : {
            write: (projection, advances, plan) =>
              this.change(`${service} writes the plan of ${projection}`, write(projection, advances, plan), storeGone)
          }
    return {
      ...planned,
      claim: (projection, claim) => only(store.claim(projection, claim)),
      release: (projection, owner) => store.release(projection, owner),
      transact: (projection, advances, work) =>
        this.change(`${service} advances ${projection}`, store.transact(projection, advances, work), storeGone),
      offsets: (projection) => only(store.offsets(projection)),
      flush: only(store.flush),
      stop: (projection, partition, reason) => only(store.stop(projection, partition, reason)),
      resume: (projection) => this.change(`${service} resumes ${projection}`, store.resume(projection), storeGone),
      paused: (projection) => only(store.paused(projection)),
      setPaused: (projection, paused) =>
        this.change(`${service} pauses ${projection}`, store.setPaused(projection, paused), storeGone),
      park: (projection, parked) => only(store.park(projection, parked)),
      parked: (projection) => only(store.parked(projection)),
      unpark: (projection, stream) => only(store.unpark(projection, stream)),
      reset: (projection) => this.change(`${service} resets ${projection}`, store.reset(projection), storeGone)
    }
  }

  /** `record` and `setAside` are called inside `transact`, and part of its change. */
  #inbox(service: string, inbox: Inbox["Service"]): Inbox["Service"] {
    const only = <A>(effect: Effect.Effect<A, ReadModelUnavailable>) => this.while(effect, storeGone)
    const change = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>) =>
      this.change(`${service} ${name} its inbox`, effect, storeGone)
    return {
      ...inbox,
      transact: (work) => change("writes", inbox.transact(work)),
      lookUp: (consumer, about) => only(inbox.lookUp(consumer, about)),
      record: (consumer, ids) => only(inbox.record(consumer, ids)),
      forget: (beforeMillis) => change("forgets from", inbox.forget(beforeMillis)),
      setAside: (consumer, held) => only(inbox.setAside(consumer, held)),
      due: (consumer, nowMillis, limit) => only(inbox.due(consumer, nowMillis, limit)),
      first: (consumer, key) => only(inbox.first(consumer, key)),
      change: (number, to) => change("changes", inbox.change(number, to)),
      remove: (number) => change("removes from", inbox.remove(number))
    }
  }

  #broker(service: string, broker: Broker["Service"]): Broker["Service"] {
    return {
      guarantees: broker.guarantees,
      publish: (topic, messages) =>
        this.change(
          `${service} publishes ${messages.map(({ type }) => type).join(", ")} to ${topic}`,
          broker.publish(topic, messages),
          brokerGone
        ),
      subscribe: (subscription, handler) =>
        this.while(
          broker.subscribe(subscription, (batch) =>
            Effect.andThen(
              this.while(handler(batch), brokerGone),
              this.#acknowledge(`${service} acknowledges ${subscription.topic}`)
            )
          ),
          brokerGone
        )
    }
  }

  /** The broker moves its offset when the handler has succeeded, so that to die after that is to succeed and be dead. */
  #acknowledge(name: string): Effect.Effect<void, BrokerUnavailable> {
    return Effect.suspend(() => {
      const dies = this.#next(name)
      if (dies !== undefined) this.kill()
      return this.#isDead && dies !== "after" ? Effect.fail(brokerGone()) : Effect.void
    })
  }
}
