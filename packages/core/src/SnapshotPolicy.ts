/**
 * When an entity's state is remembered at level 3, and how: every N events, by predicate, the last K kept.
 *
 * Used by the entity runtime. A snapshot that cannot be taken or saved costs time at the next recovery and nothing else, so
 * no command waits for one, and none is refused for want of one.
 */
import * as Effect from "effect/Effect"
import { type Aggregate, evolve, type Tagged } from "./Aggregate.ts"
import type { Persistence } from "./Persistence.ts"
import type { StateCodec } from "./Recovery.ts"
import type { Snapshots } from "./Snapshot.ts"

/** What of an entity a snapshot is made from, and what is known about its snapshots. */
export interface Subject<State> {
  readonly stream: string
  readonly version: number
  readonly state: State
  /** Events since the last snapshot. */
  sinceSnapshot: number
  takingSnapshot: boolean
}

/** Told of events that have become durable, and of the state before them. */
export type OnEvents<State, Event> = (subject: Subject<State>, before: State, events: ReadonlyArray<Event>) => void

/** The policy of a runtime; does nothing where the level has no snapshots. */
export const snapshotPolicy = <State, Event extends Tagged>(options: {
  readonly aggregate: Aggregate<State, any, Event, any>
  readonly persistence: Persistence
  readonly snapshots: Snapshots["Service"]
  readonly encode: StateCodec<State>["encode"]
  readonly now: () => number
  /** Runs an effect that does not fail beside everything else, then calls back. */
  readonly run: (effect: Effect.Effect<unknown>, done: () => void) => void
}): OnEvents<State, Event> => {
  const { aggregate, persistence: policy, snapshots } = options
  if (policy._tag !== "Events") return () => {}
  const { snapshotEvery, keepSnapshots, snapshotWhen } = policy

  const isAskedFor = (before: State, events: ReadonlyArray<Event>): boolean => {
    let state = before
    return events.some((event) => {
      state = evolve(aggregate, state, event)
      return snapshotWhen?.(state, event)
    })
  }

  const take = (subject: Subject<State>) => {
    subject.sinceSnapshot = 0
    const { stream, version, state } = subject
    const data = options.encode(state)
    const snapshot = { stream, version, schemaVersion: aggregate.state.version, takenAtMillis: options.now(), data }
    return Effect.andThen(snapshots.save(snapshot), snapshots.keepLatest(stream, keepSnapshots))
  }

  return (subject, before, events) => {
    subject.sinceSnapshot += events.length
    const due = subject.sinceSnapshot >= snapshotEvery
    // One at a time: behind a store that is slower than the commands, snapshots would pile up.
    if (subject.takingSnapshot || events.length === 0 || !(due || snapshotWhen !== undefined)) return
    subject.takingSnapshot = true
    const snapshot = Effect.suspend(() => (due || isAskedFor(before, events) ? take(subject) : Effect.succeed(0)))
    options.run(
      Effect.catchCause(snapshot, (cause) => Effect.logWarning(`No snapshot of ${subject.stream} was saved`, cause)),
      () => {
        subject.takingSnapshot = false
      }
    )
  }
}
