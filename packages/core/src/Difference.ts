/**
 * The difference between two points of an aggregate's history, as JSON Patch (RFC 6902) over its state in stored form: the whole
 * patch, and one for each version between, with who, when and why. Used as `Temporal.ts` is.
 *
 * Between versions, or instants of recorded time, the later point contains the earlier one, and the versions follow in order. Between
 * instants of business time the versions follow in the order in which they occurred, each put among the others where its version
 * belongs. Either way, applying the patches of all versions one after the other is applying the whole patch.
 */
import * as Effect from "effect/Effect"
import type { JsonPatch } from "effect/JsonPatch"
import type { Tagged } from "./Aggregate.ts"
import { type Recorded, record, type Stored } from "./Event.ts"
import type { Journal } from "./Journal.ts"
import { patchOf } from "./Patch.ts"
import { stateCodec } from "./Recovery.ts"
import {
  type At,
  attempt,
  describe,
  type Fold,
  includes,
  newestOf,
  outOfOrder,
  type Point,
  type Version,
  versionOf
} from "./StreamFold.ts"
import { readPages } from "./StreamPages.ts"
import { type Source, stateFold, stateOrInitialAt } from "./Temporal.ts"
import { HistoryTooLong, PointsNotInOrder } from "./TemporalProblems.ts"

/** A version, and what it changed. */
export interface Change extends Version {
  readonly patch: JsonPatch
}

/** What changed between two points. */
export interface Difference<State> {
  readonly stream: string
  readonly from: At<State>
  readonly to: At<State>
  /** From the one state to the other. */
  readonly patch: JsonPatch
  /** What changed it: a page of the list. */
  readonly changes: ReadonlyArray<Change>
  /** Where the list goes on: the version to read after. `null` at its end. */
  readonly next: number | null
}

/** What to compare, and which part of the list of changes to answer: at most `limit`, after a version of the list. */
export interface Question {
  readonly from: Point
  readonly to: Point
  readonly after?: number | undefined
  readonly limit: number
}

/**
 * By business time events are held in memory, to put each where it belongs, which may take a fold of all of them. At most so many:
 * some milliseconds for each change.
 */
export const maxHeld = 20_000

const notInOrder = (stream: string, { from, to }: Question, advice: string): PointsNotInOrder => {
  const [earlier, later] = [describe(from), describe(to)]
  return new PointsNotInOrder({
    stream,
    from: earlier,
    to: later,
    detail: `A difference of ${stream} cannot go from ${earlier} to ${later}. ${advice}`
  })
}

const swap = "The first point has to be the earlier one: swap them."

/** What is wrong with the points as such, whatever the stream. */
const wrongPoints = (stream: string, question: Question): PointsNotInOrder | undefined => {
  const { from, to } = question
  const byOf = (point: Point) => (point._tag === "Version" ? "version" : point.by)
  if (byOf(from) !== byOf(to) && [byOf(from), byOf(to)].includes("occurred")) {
    return notInOrder(stream, question, "An instant of business time is compared with another one: give two of them.")
  }
  const reversed =
    from._tag === "Version"
      ? to._tag === "Version" && from.version > to.version
      : to._tag === "Instant" && from.atMillis > to.atMillis
  return reversed ? notInOrder(stream, question, swap) : undefined
}

/** Gathers a page of changes, while states go by. */
class Changes<State> {
  readonly found: Array<Change> = []
  next: number | null = null
  /** In stored form, before the next change: made when it is needed. */
  #before: () => unknown
  #last = 0
  readonly #limit: number
  readonly #encode: (state: State) => unknown

  constructor(from: State, { limit }: Question, encode: (state: State) => unknown) {
    this.#limit = limit
    this.#encode = encode
    this.#before = () => encode(from)
  }

  /** The state before the page. */
  pass(state: State): void {
    this.#before = () => this.#encode(state)
  }

  get isFull(): boolean {
    return this.found.length === this.#limit
  }

  add(stored: Stored, after: State): void {
    if (this.isFull) {
      this.next = this.#last
      return
    }
    const encoded = this.#encode(after)
    this.found.push({ ...versionOf(stored), patch: patchOf(this.#before(), encoded) })
    this.#before = () => encoded
    this.#last = stored.version
  }
}

/** The state after an event. */
const stepOver = <State, E extends Tagged>(fold: Fold<State, E>, state: State, { recorded }: Held<E>): State =>
  recorded.reduce(fold.step, state)

/** An event, decoded once however often it is folded. */
interface Held<E> {
  readonly stored: Stored
  readonly recorded: ReadonlyArray<Recorded<E>>
}

const hold = <E extends Tagged>(fold: Fold<any, E>, stored: Stored): Held<E> => ({
  stored,
  recorded: record(fold.events, stored)
})

/** Walks the events between two versions, or between two instants of recorded time. */
const walkVersions = <State, E extends Tagged>(
  journal: Journal["Service"],
  fold: Fold<State, E>,
  { stream, question, from, to }: Pick<Difference<State>, "stream" | "from" | "to"> & { readonly question: Question },
  changes: Changes<State>
) => {
  let state = from.value
  // One more than the page shows that it is not the last.
  const end = Math.min(to.version, Math.max(from.version, question.after ?? 0) + question.limit + 1)
  return readPages(journal, stream, { from: from.version + 1, to: end }, (page) =>
    attempt(() => {
      for (const stored of page) {
        state = stepOver(fold, state, hold(fold, stored))
        if (stored.version <= (question.after ?? 0)) changes.pass(state)
        else changes.add(stored, state)
      }
      return true
    })
  )
}

/** The events that had occurred at the later point, in the order of their versions. */
const heldFor = <E extends Tagged>(journal: Journal["Service"], fold: Fold<any, E>, stream: string, { to }: Question) =>
  Effect.gen(function* () {
    const held: Array<Held<E>> = []
    const newest = yield* newestOf(journal, stream)
    yield* readPages(journal, stream, { from: 1, to: newest }, (page) =>
      attempt(() => {
        for (const stored of page) if (includes(to, stored)) held.push(hold(fold, stored))
        return held.length <= maxHeld
      })
    )
    return held.length <= maxHeld ? held : yield* tooLong(stream, held.length)
  })

const tooLong = (stream: string, events: number): HistoryTooLong =>
  new HistoryTooLong({
    stream,
    events,
    limit: maxHeld,
    detail:
      `Until the later point more than ${maxHeld} events of ${stream} occurred, too many to be put in the order of business time. ` +
      "Ask by recorded time, or by version."
  })

/** What putting an event among others throws, where it may follow from one that is not there yet. */
const placing = <A, E>({ stored }: Held<E>, known: ReadonlyArray<Held<E>>, place: () => A): A => {
  try {
    return place()
  } catch (error) {
    const versions = new Set(known.map((one) => one.stored.version))
    const older = Array.from({ length: stored.version - 1 }, (_, i) => i + 1)
    const leftOut = older.filter((version) => !versions.has(version))
    if (leftOut.length === 0) throw error
    throw outOfOrder(stored.stream, stored.version, leftOut)
  }
}

const byVersion = (a: Held<unknown>, b: Held<unknown>): number => a.stored.version - b.stored.version

const byOccurrence = (a: Held<unknown>, b: Held<unknown>): number =>
  a.stored.occurredAtMillis - b.stored.occurredAtMillis || byVersion(a, b)

/** Walks the events that occurred between two instants, in the order in which they did. */
const walkOccurred = <State, E extends Tagged>(
  fold: Fold<State, E>,
  held: ReadonlyArray<Held<E>>,
  question: Question,
  changes: Changes<State>
) =>
  Effect.gen(function* () {
    const occurred = held.filter(({ stored }) => !includes(question.from, stored)).sort(byOccurrence)
    const begin = occurred.findIndex(({ stored }) => stored.version === question.after) + 1
    const known = [...held.filter(({ stored }) => includes(question.from, stored)), ...occurred.slice(0, begin)]
    known.sort(byVersion)
    const refold = () => known.reduce((state, one) => stepOver(fold, state, one), fold.initial)
    const latest = known.at(-1)
    let state = latest === undefined ? fold.initial : yield* attempt(() => placing(latest, known, refold))
    changes.pass(state)
    for (const one of occurred.slice(begin)) {
      if (changes.isFull) return changes.add(one.stored, state)
      const isNewest = one.stored.version > (known.at(-1)?.stored.version ?? 0)
      known.push(one)
      if (!isNewest) known.sort(byVersion)
      const before = state
      state = yield* attempt(() => placing(one, known, () => (isNewest ? stepOver(fold, before, one) : refold())))
      changes.add(one.stored, state)
      // Others have a turn between two folds of everything.
      if (!isNewest) yield* Effect.yieldNow
    }
  })

/**
 * What changed between two points. Version 0, and an instant before the first event, are the initial state, so that all there ever
 * was is a difference too. Two instants are of the same time; a version goes with an instant of recorded time.
 */
export const difference = Effect.fn("Temporal.difference")(function* <State, Event extends Tagged>(
  source: Source<State, Event>,
  stream: string,
  question: Question
) {
  const wrong = wrongPoints(stream, question)
  if (wrong !== undefined) return yield* wrong
  const { to: point } = question
  const isOccurred = point._tag === "Instant" && point.by === "occurred"
  const from = yield* stateOrInitialAt(source, stream, question.from)
  const to = yield* stateOrInitialAt(source, stream, question.to)
  const { journal } = source.stores
  const { encode } = stateCodec(source.aggregate)
  const fold = stateFold(source.aggregate)
  const changes = new Changes(from.value, question, encode)
  if (isOccurred) yield* walkOccurred(fold, yield* heldFor(journal, fold, stream, question), question, changes)
  else if (from.version > to.version) return yield* notInOrder(stream, question, swap)
  else yield* walkVersions(journal, fold, { stream, question, from, to }, changes)
  const patch = patchOf(encode(from.value), encode(to.value))
  const found: Difference<State> = { stream, from, to, patch, changes: changes.found, next: changes.next }
  return found
})
