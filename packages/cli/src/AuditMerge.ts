/**
 * Many sources of an audit trail as one, in order of time: what `daybook audit search` and `export` read. Memory is bounded by a
 * page of each source; where it has got to can be kept as text, and gone on from.
 */
import type { Entry } from "@daybook/core/AuditTrail"
import type { Look, Order, Placed, Source } from "@daybook/postgres/SqlAuditTrail"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { Failure } from "./Failure.ts"

/** A source, and how far it has been read. */
interface Reading {
  readonly source: Source
  /** Entries in hand. */
  readonly waiting: Array<Placed>
  /** The place of the last that was handed out, or where reading began. */
  place: number | undefined
  /** Where to look next. */
  next: number | undefined
  isDone: boolean
}

/** What stands for a source that has nothing more, and for one that has not been read. */
const ended = "."
const unread = "-"

const cursorPattern = /^(?:[0-9a-z]+|[.-])(?:_(?:[0-9a-z]+|[.-]))*$/

const otherSearch = (cursor: string): Failure =>
  new Failure({
    message:
      `The search cannot go on after ${cursor}: that is from a search for something else, or of other services. ` +
      "Give it with the same options as the search that printed it, or search again without --after."
  })

const readingOf = (source: Source, mark: string): Reading => {
  const place = mark === unread || mark === ended ? undefined : Number.parseInt(mark, 36)
  return { source, waiting: [], place, next: place, isDone: mark === ended }
}

export class AuditMerge {
  readonly #readings: ReadonlyArray<Reading>
  readonly #order: Order
  readonly #pageSize: number
  readonly #looked: (places: number) => void

  private constructor(
    readings: ReadonlyArray<Reading>,
    order: Order,
    { pageSize, looked }: { readonly pageSize: number; readonly looked: (places: number) => void }
  ) {
    this.#readings = readings
    this.#order = order
    this.#pageSize = pageSize
    this.#looked = looked
  }

  /** Begins, or goes on where another has got to. `looked` is told how many places have been looked at. */
  static make(
    sources: ReadonlyArray<Source>,
    order: Order,
    options: {
      readonly after: string | undefined
      readonly pageSize: number
      readonly looked: (places: number) => void
    }
  ): Effect.Effect<AuditMerge, Failure> {
    const marks = options.after === undefined ? sources.map(() => unread) : options.after.split("_")
    if (options.after !== undefined && (!cursorPattern.test(options.after) || marks.length !== sources.length)) {
      return Effect.fail(otherSearch(options.after))
    }
    return Effect.succeed(
      new AuditMerge(
        sources.map((source, i) => readingOf(source, marks[i]!)),
        order,
        options
      )
    )
  }

  /** The next entry; `undefined` at the end. */
  get next(): Effect.Effect<Entry | undefined, SqlError> {
    return Effect.gen({ self: this }, function* () {
      for (const reading of this.#readings) yield* this.#fill(reading)
      const first = this.#first()
      if (first === undefined) return undefined
      const { place, entry } = first.waiting.shift()!
      first.place = place
      return entry
    })
  }

  /** At most so many entries. */
  take(limit: number): Effect.Effect<ReadonlyArray<Entry>, SqlError> {
    return Effect.gen({ self: this }, function* () {
      const entries: Array<Entry> = []
      while (entries.length < limit) {
        const entry = yield* this.next
        if (entry === undefined) break
        entries.push(entry)
      }
      return entries
    })
  }

  /** Where to go on; `undefined` when all has been handed out. */
  get cursor(): Effect.Effect<string | undefined, SqlError> {
    return Effect.gen({ self: this }, function* () {
      for (const reading of this.#readings) yield* this.#fill(reading)
      if (this.#first() === undefined) return undefined
      return this.#readings.map((reading) => this.#markOf(reading)).join("_")
    })
  }

  #markOf({ waiting, place, isDone }: Reading): string {
    const [first] = waiting
    if (first === undefined) return isDone ? ended : unread
    // Just before the first in hand, so that what is written meanwhile does not come up in the middle.
    return (place ?? first.place + (this.#order === "ascending" ? -1 : 1)).toString(36)
  }

  /** Looks until there is something in hand, or nothing more. */
  #fill(reading: Reading): Effect.Effect<void, SqlError> {
    if (reading.isDone || reading.waiting.length > 0) return Effect.void
    return Effect.gen({ self: this }, function* () {
      while (!reading.isDone && reading.waiting.length === 0) {
        const { found, next, looked }: Look = yield* reading.source.look(reading.next, this.#pageSize)
        reading.waiting.push(...found)
        reading.next = next
        reading.isDone = next === undefined
        this.#looked(looked)
      }
    })
  }

  #first(): Reading | undefined {
    const sign = this.#order === "ascending" ? 1 : -1
    let first: Reading | undefined
    for (const reading of this.#readings) {
      const [entry] = reading.waiting
      if (entry === undefined) continue
      const earlier =
        first === undefined || sign * (entry.entry.recordedAtMillis - first.waiting[0]!.entry.recordedAtMillis) < 0
      if (earlier) first = reading
    }
    return first
  }
}
