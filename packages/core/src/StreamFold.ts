/**
 * Folds one stream's events up to a point of its history: a version, or an instant. `Temporal.ts` makes states of that, and services
 * make views of it.
 *
 * The answers come from the journal alone, never from entities: nothing here wakes an actor or delays a command. An instant is
 * meant by one of two times. By *recorded* time, what was so is what was known then: the events of the stream up to the first that
 * was recorded later. By *occurred* time, it is what was so in the business then, as known today: the events that occurred until
 * then, in the order of their versions, whenever they were recorded.
 */
import * as Effect from "effect/Effect"
import type { Tagged } from "./Aggregate.ts"
import { type Events, type Recorded, record, type Stored, UndecodableEvent } from "./Event.ts"
import * as Instant from "./Instant.ts"
import type { Journal, JournalUnavailable } from "./Journal.ts"
import * as Problem from "./Problem.ts"
import { readPages } from "./StreamPages.ts"
import { HistoryGone, NotYetBegun, OutOfOrder, StreamNotFound, VersionNotFound } from "./TemporalProblems.ts"

/** By which of an event's times an instant is meant. */
export type By = "recorded" | "occurred"

/** A point in the history of a stream. Version 0 is the point before its first event. */
export type Point =
  | { readonly _tag: "Version"; readonly version: number }
  | { readonly _tag: "Instant"; readonly atMillis: number; readonly by: By }

export const atVersion = (version: number): Point => ({ _tag: "Version", version })

export const atInstant = (atMillis: number, by: By): Point => ({ _tag: "Instant", atMillis, by })

/** A point in words. */
export const describe = (point: Point): string =>
  point._tag === "Version" ? `version ${point.version}` : `${Instant.format(point.atMillis)} by ${point.by} time`

/** A version of a stream: what happened, when, by whom and why, and what it followed from. */
export interface Version
  extends Pick<
    Stored,
    | "version"
    | "eventId"
    | "type"
    | "schemaVersion"
    | "occurredAtMillis"
    | "recordedAtMillis"
    | "actor"
    | "reason"
    | "commandId"
    | "correlationId"
    | "causationId"
  > {}

export const versionOf = (stored: Stored): Version => ({
  version: stored.version,
  eventId: stored.eventId,
  type: stored.type,
  schemaVersion: stored.schemaVersion,
  occurredAtMillis: stored.occurredAtMillis,
  recordedAtMillis: stored.recordedAtMillis,
  actor: stored.actor,
  reason: stored.reason,
  commandId: stored.commandId,
  correlationId: stored.correlationId,
  causationId: stored.causationId
})

/** How a value follows from a stream's events. */
export interface Fold<A, E extends Tagged> {
  readonly events: Events<E>
  readonly initial: A
  readonly step: (value: A, recorded: Recorded<E>) => A
}

/** What was so at a point. */
export interface At<A> {
  readonly value: A
  /** The newest version in it; 0 before the first. */
  readonly version: number
  /** That version, unless its event is not kept. */
  readonly last: Version | null
  /** Older versions that are not in it, since they occurred later: the oldest `maxNamed` of them. */
  readonly leftOut: ReadonlyArray<number>
}

/** So many versions are named, of those left out. */
export const maxNamed = 100

/** Whether an event is part of what was so at a point. */
export const includes = (point: Point, { version, occurredAtMillis, recordedAtMillis }: Stored): boolean => {
  if (point._tag === "Version") return version <= point.version
  return (point.by === "recorded" ? recordedAtMillis : occurredAtMillis) <= point.atMillis
}

/** Folds a stream from some base up to a point. Its throws are `attempt`'s. */
class Reader<A, E extends Tagged> {
  #value: A
  #version: number
  #last: Version | null = null
  /** The newest version that has been looked at. */
  #seen: number
  readonly #base: number
  #isProven: boolean
  readonly #skipped: Array<number> = []
  #leftOut = 0
  /** Nothing that follows can be part of it. */
  #isDone = false
  /** The events do not follow on the base, or not on one another: some are not kept. */
  #isBroken = false
  readonly #fold: Fold<A, E>
  readonly #point: Point

  constructor(fold: Fold<A, E>, point: Point, base: Base<A>) {
    this.#fold = fold
    this.#point = point
    this.#value = base.value
    this.#version = base.version
    this.#seen = base.version
    this.#base = base.version
    // Whether a remembered state is of that instant is shown by the times of the events beside it.
    this.#isProven = base.version === 0 || point._tag === "Version"
  }

  /** Whether what follows is wanted too. */
  take(page: ReadonlyArray<Stored>): boolean {
    for (const stored of page) {
      if (stored.version === this.#base) this.#takeBase(stored)
      else this.#takeNext(stored)
      if (this.#isDone || this.#isBroken) return false
    }
    return true
  }

  #takeBase(stored: Stored): void {
    this.#last = versionOf(stored)
    this.#isProven ||= includes(this.#point, stored)
    this.#isBroken = !this.#isProven
  }

  #takeNext(stored: Stored): void {
    this.#isBroken = stored.version !== this.#seen + 1
    if (this.#isBroken) return
    this.#seen = stored.version
    if (includes(this.#point, stored)) return this.#include(stored)
    if (this.#point._tag === "Instant" && this.#point.by === "occurred") this.#skip(stored.version)
    else this.#isDone = true
  }

  #include(stored: Stored): void {
    for (const recorded of record(this.#fold.events, stored)) this.#value = this.#step(recorded)
    this.#isProven = true
    this.#version = stored.version
    this.#last = versionOf(stored)
    this.#leftOut = this.#skipped.length
  }

  #step(recorded: Recorded<E>): A {
    try {
      return this.#fold.step(this.#value, recorded)
    } catch (error) {
      if (this.#skipped.length === 0) throw error
      throw outOfOrder(recorded.stream, recorded.version, this.#skipped)
    }
  }

  #skip(version: number): void {
    if (this.#skipped.length < maxNamed) this.#skipped.push(version)
  }

  /** What was so, or `undefined` where events are missing that would tell. `end` is the last version that there is to be read. */
  result(end: number): At<A> | undefined {
    if (this.#isBroken || !this.#isProven || (this.#seen < end && !this.#isDone)) return undefined
    const leftOut = this.#skipped.slice(0, this.#leftOut)
    return { value: this.#value, version: this.#version, last: this.#last, leftOut }
  }
}

export const outOfOrder = (stream: string, version: number, leftOut: ReadonlyArray<number>): OutOfOrder =>
  new OutOfOrder({
    stream,
    version,
    leftOut: leftOut.slice(0, maxNamed),
    detail:
      `By business time, version ${version} of ${stream} had occurred by then, and older ones had not (${leftOut.slice(0, 5).join(", ")}` +
      `${leftOut.length > 5 ? " …" : ""}), without which it makes no sense. Ask by recorded time, or for a later instant.`
  })

/** What reading throws on purpose becomes a failure; anything else is a defect of the domain. */
export const attempt = <A>(read: () => A): Effect.Effect<A, UndecodableEvent | OutOfOrder> =>
  Problem.attempt([UndecodableEvent, OutOfOrder], read)

/** A value that is known without its events, and its version. */
export interface Base<A> {
  readonly version: number
  readonly value: A
}

/** Folds a stream from a base; `undefined` where events are missing. */
export const foldFrom = Effect.fnUntraced(function* <A, E extends Tagged>(
  journal: Journal["Service"],
  fold: Fold<A, E>,
  asked: Asked,
  base: Base<A>
): Effect.fn.Return<At<A> | undefined, JournalUnavailable | UndecodableEvent | OutOfOrder> {
  const { stream, point, newest } = asked
  const reader = new Reader(fold, point, base)
  const end = point._tag === "Version" ? point.version : newest
  // The base's own event tells who made it so, and when.
  yield* readPages(journal, stream, { from: Math.max(base.version, 1), to: end }, (page) =>
    attempt(() => reader.take(page))
  )
  return reader.result(end)
})

/** A point of a stream, and how far the stream has got. */
export interface Asked {
  readonly stream: string
  readonly point: Point
  readonly newest: number
}

/** The stream's newest version. */
export const newestOf = (
  journal: Journal["Service"],
  stream: string
): Effect.Effect<number, JournalUnavailable | StreamNotFound> =>
  Effect.flatMap(journal.version(stream), (newest) =>
    newest > 0
      ? Effect.succeed(newest)
      : Effect.fail(
          new StreamNotFound({
            stream,
            detail: `Nothing has ever happened in a stream ${stream}. Check its name: <aggregate>-<id>, such as order-o-1.`
          })
        )
  )

/** A point that the stream has got to. */
export const ask = Effect.fnUntraced(function* (journal: Journal["Service"], stream: string, point: Point) {
  const newest = yield* newestOf(journal, stream)
  if (point._tag === "Version" && point.version > newest) {
    return yield* new VersionNotFound({
      stream,
      version: point.version,
      newestVersion: newest,
      detail: `${stream} has no version ${point.version} yet: its newest is ${newest}. Ask for that or an older one.`
    })
  }
  return { stream, point, newest }
})

/** A point that cannot be told of; `knownFromVersion` is the oldest version that can. */
export const gone = ({ stream, point, newest }: Asked, knownFromVersion: number | null): HistoryGone => {
  const asked = point._tag === "Version" ? point.version : 0
  const bringBack = "from an archive or a backup; npx daybook audit verify tells whether they were removed on purpose."
  const advice =
    knownFromVersion === null || asked >= knownFromVersion
      ? asked === newest
        ? `Restore its events ${bringBack}`
        : `Ask for its present state, or restore its events ${bringBack}`
      : `Its state is known from version ${knownFromVersion} on: ask for that or a later one, or for what was recorded since.`
  return new HistoryGone({
    stream,
    knownFromVersion,
    detail: `What ${stream} was at ${describe(point)} cannot be told: events that lead there are not kept. ${advice}`
  })
}

/**
 * A value at a point, from the stream's events alone. An instant before the first event gives the initial value, at version 0.
 * For views; a state is better asked for by `stateAt`, which has remembered states to go by.
 */
export const foldTo = Effect.fnUntraced(function* <A, E extends Tagged>(
  journal: Journal["Service"],
  fold: Fold<A, E>,
  stream: string,
  point: Point
) {
  const asked = yield* ask(journal, stream, point)
  const found = yield* foldFrom(journal, fold, asked, { version: 0, value: fold.initial })
  return found ?? (yield* gone(asked, null))
})

/** Refuses what was so before anything was. */
export const begun = <A>(stream: string, point: Point, found: At<A>): Effect.Effect<At<A>, NotYetBegun> =>
  found.version > 0
    ? Effect.succeed(found)
    : Effect.fail(
        new NotYetBegun({
          stream,
          at: describe(point),
          detail: `At ${describe(point)} nothing had happened yet to ${stream}. Its history says when it began.`
        })
      )
