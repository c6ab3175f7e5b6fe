/**
 * The newest events of a journal, read once for all who follow it in this process. Used by the workers of projections.
 *
 * An append wakes every worker of a service, and each wants the same events. The first to ask reads what is new in all partitions,
 * together; the others find it in memory. Whoever is behind what is kept, or ahead of it, reads for himself.
 *
 * What this process has appended itself is not read back, where the journal hands it over: it follows what is kept as long as the
 * positions go on without a gap, and the journal's signal has moved for nothing else.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { storedOf, type Written } from "./AppendSignal.ts"
import { runInBackground } from "./Background.ts"
import type { Stored } from "./Event.ts"
import type { Journal, JournalUnavailable } from "./Journal.ts"

/** Events of a partition that are kept; up to twice as many, before those of before go: at a kilobyte each, two megabytes for a journal at most. */
const mostKept = 128

/**
 * Looks that find few of the events that were handed over come so far apart while these go on coming, unless somebody waits for one: a step
 * of every read model for every append would keep the process from answering. A read model lags up to so much longer under load.
 */
const pauseMillis = 8

/**
 * After a quiet time so many looks need no pause between them: what happens once in a while, one event after the other as in a checkout, is not held
 * up. Each look that comes later than it might have gives one back.
 */
export const looksAtOnce = 8

/** More than that, and going on at once is no waste: somebody catches up. */
export const fewEvents = 64

/**
 * So often the journal itself is looked at, whatever has been handed over: of what others have appended to it nobody may have heard, and while
 * this process appends, its workers do not wait for so long that they would look.
 */
const readAnywayMillis = 1_000

/** A partition, and the last position in it that is not wanted. */
export interface Place {
  readonly partition: number
  readonly position: number
}

/** New events after a place. */
export interface News<P extends Place> {
  readonly after: P
  readonly events: ReadonlyArray<Stored>
}

/** What is kept of a partition: all events after a position, up to the last of them. */
interface Kept {
  after: number
  readonly events: Array<Stored>
  /** What has been handed over since, and not taken up. */
  readonly written: Array<Written>
}

const endOf = ({ after, events }: Kept): number => events.at(-1)?.position ?? after

type Waiter = (exit: Exit.Exit<void, JournalUnavailable>) => void

export class JournalTail {
  readonly #journal: Journal["Service"]
  readonly #kept = new Map<number, Kept>()
  #waiters: Array<Waiter> | undefined
  /** The signal's count before the last look that found all there was; then there is nothing new until it moves. */
  #seen = -1
  /** How many of its moves since then came with what was written. */
  #told = 0
  /** Something that was handed over has been let go, or somebody is to look for himself: what is new has to be read. */
  #mustRead = false
  /**
   * No look at what was handed over before then, in milliseconds of `performance.now()`. Each look moves it on by a pause; it may be behind the
   * clock by as many as there may be at once.
   */
  #restsUntilMillis = Number.NEGATIVE_INFINITY
  /** Somebody waits for what has been handed over. */
  #isAwaited = false
  #resting: ReturnType<typeof setTimeout> | undefined
  /** A look at the journal itself, from then on. */
  #readsFromMillis = 0
  readonly #readAnywayMillis: number
  readonly #pauseMillis: number

  constructor(
    journal: Journal["Service"],
    options: { readonly readAnywayMillis?: number; readonly pauseMillis?: number } = {}
  ) {
    this.#journal = journal
    this.#pauseMillis = options.pauseMillis ?? pauseMillis
    this.#readAnywayMillis = journal.shared ? (options.readAnywayMillis ?? readAnywayMillis) : Number.POSITIVE_INFINITY
  }

  /**
   * What is new after some places, about `limit` events in all; nothing, where there is nothing. `look` is to look even though the
   * journal's signal has not moved: once in a while, since polling alone must do.
   */
  news<P extends Place>(
    places: ReadonlyArray<P>,
    { limit, look }: { readonly limit: number; readonly look: boolean }
  ): Effect.Effect<ReadonlyArray<News<P>>, JournalUnavailable> {
    return Effect.suspend(() => {
      const kept = this.#take(places, limit)
      // Whoever is elsewhere reads at once: the tail may move as fast as it is read, and would keep him waiting for good.
      const apart = this.#kept.size === 0 ? [] : places.filter((place) => !this.#isKept(place))
      return Effect.flatMap(this.#read(apart, limit), (read) => {
        const found = [...kept, ...read]
        const looked = !look && this.#seen === this.#journal.signal.count
        if (found.length > 0 || places.length === 0 || looked) return Effect.succeed(found)
        if (look) this.#mustRead = true
        // The look that was under way may have begun before the signal moved: then there is another one.
        return Effect.andThen(this.#refill, this.news(places, { limit, look: false }))
      })
    })
  }

  /**
   * Whether it is known here that a version of a stream comes after a place in its partition. Asked by who waits for it: if it has been handed
   * over and not taken up, the next look is at once.
   */
  awaits({ partition, position }: Place, stream: string, version: number): boolean {
    const kept = this.#kept.get(partition)
    if (kept === undefined) return false
    const isIt = (one: Written["head"]) => one.stream === stream && one.version === version
    if (kept.written.some(({ head }) => head.position > position && isIt(head))) {
      this.#hurry()
      return true
    }
    for (let i = kept.events.length - 1; i >= 0 && kept.events[i]!.position > position; i--) {
      if (isIt(kept.events[i]!)) return true
    }
    return false
  }

  #hurry(): void {
    this.#isAwaited = true
    if (this.#resting === undefined) return
    clearTimeout(this.#resting)
    this.#resting = undefined
    this.#rest()
  }

  /** Looks at what was handed over when it is time. */
  #rest(): void {
    const restMillis = this.#restsUntilMillis - performance.now()
    if (restMillis > 0 && !this.#isAwaited) this.#resting = setTimeout(() => this.#lookAtWritten(), restMillis)
    // At the end of the turn, so that whoever appended has his answer first.
    else setImmediate(() => this.#lookAtWritten())
  }

  /** Whether all that comes after a place, as far as it has been read, is kept. */
  #isKept({ partition, position }: Place): boolean {
    const kept = this.#kept.get(partition)
    return kept !== undefined && kept.after <= position && position <= endOf(kept)
  }

  /** What is kept after some places, an equal share of each. */
  #take<P extends Place>(places: ReadonlyArray<P>, limit: number): ReadonlyArray<News<P>> {
    const behind = places.filter(
      (place) => this.#isKept(place) && place.position < endOf(this.#kept.get(place.partition)!)
    )
    const share = Math.max(Math.ceil(limit / Math.max(behind.length, 1)), 1)
    return behind.map((after) => {
      const { events } = this.#kept.get(after.partition)!
      // From the end, which most are near to: from the beginning it was a fortieth of the shop's time.
      const first = events.findLastIndex(({ position }) => position <= after.position) + 1
      return { after, events: events.slice(first, first + share) }
    })
  }

  /** Reads after some places, for one who is elsewhere than the tail. */
  #read<P extends Place>(
    places: ReadonlyArray<P>,
    limit: number
  ): Effect.Effect<ReadonlyArray<News<P>>, JournalUnavailable> {
    const share = Math.max(Math.ceil(limit / Math.max(places.length, 1)), 1)
    const reading = Effect.forEach(
      places,
      (after) =>
        Effect.map(
          this.#journal.readPartition(after.partition, { after: after.position, limit: share }),
          (events): News<P> => ({ after, events })
        ),
      { concurrency: "unbounded" }
    )
    return Effect.map(reading, (found) => found.filter(({ events }) => events.length > 0))
  }

  /** Looks for what is new, once for all who ask meanwhile. */
  get #refill(): Effect.Effect<void, JournalUnavailable> {
    return Effect.callback((resume) => {
      if (this.#waiters !== undefined) return void this.#waiters.push(resume)
      this.#waiters = [resume]
      if (this.#isAllHandedOver) this.#rest()
      else this.#lookAtJournal()
    })
  }

  /** Whether what has been handed over is all that is new, as far as can be told from the signal. */
  get #isAllHandedOver(): boolean {
    if (this.#mustRead || performance.now() >= this.#readsFromMillis) return false
    return this.#journal.signal.count - this.#seen === this.#told
  }

  #lookAtWritten(): void {
    this.#resting = undefined
    this.#isAwaited = false
    const news = this.#isAllHandedOver ? this.#writtenAfterEnds() : undefined
    if (news === undefined) return this.#lookAtJournal()
    this.#seen = this.#journal.signal.count
    this.#told = 0
    this.#add(news)
    const isMuch = news.reduce((sum, { events }) => sum + events.length, 0) >= fewEvents
    if (!isMuch) this.#countLook(performance.now())
    this.#answer(Exit.void)
  }

  #countLook(now: number): void {
    const earliest = now - (looksAtOnce - 1) * this.#pauseMillis
    this.#restsUntilMillis = Math.min(Math.max(this.#restsUntilMillis, earliest), now) + this.#pauseMillis
  }

  /** What was written after the last events that are kept; not known where others have written in between. */
  #writtenAfterEnds(): ReadonlyArray<News<Place>> | undefined {
    const news: Array<News<Place>> = []
    for (const [partition, kept] of this.#kept) {
      const position = endOf(kept)
      if (kept.written.some(({ head }, i) => head.position !== position + 1 + i)) return undefined
      if (kept.written.length > 0) news.push({ after: { partition, position }, events: kept.written.map(storedOf) })
    }
    return news
  }

  #lookAtJournal(): void {
    const seen = this.#journal.signal.count
    this.#readsFromMillis = performance.now() + this.#readAnywayMillis
    this.#seen = -1
    this.#told = 0
    this.#mustRead = false
    const places = Effect.suspend(() => (this.#kept.size === 0 ? this.#begin : Effect.succeed(this.#ends)))
    const reading = Effect.flatMap(places, (ends) => this.#read(ends, mostKept * ends.length))
    runInBackground(reading).addObserver((exit) => {
      if (Exit.isSuccess(exit)) {
        this.#add(exit.value)
        if (exit.value.every(({ events }) => events.length < mostKept)) this.#seen = seen
      }
      this.#answer(Exit.asVoid(exit))
    })
  }

  #answer(exit: Exit.Exit<void, JournalUnavailable>): void {
    const waiters = this.#waiters!
    this.#waiters = undefined
    for (const waiter of waiters) waiter(exit)
  }

  get #ends(): ReadonlyArray<Place> {
    return [...this.#kept].map(([partition, kept]) => ({ partition, position: endOf(kept) }))
  }

  /** The tail begins with what comes now: whoever has to catch up does so without it. */
  get #begin(): Effect.Effect<ReadonlyArray<Place>, JournalUnavailable> {
    return Effect.map(this.#journal.heads, (heads) => {
      for (const [partition, after] of heads.entries()) this.#kept.set(partition, { after, events: [], written: [] })
      this.#journal.signal.follow((written) => this.#note(written))
      return this.#ends
    })
  }

  /** Remembers what has been handed over, unless nobody takes it up: then it is read, should somebody come. */
  #note(written: ReadonlyArray<Written>): void {
    this.#told++
    for (const [partition, later] of Map.groupBy(written, ({ head }) => head.partition)) {
      const kept = this.#kept.get(partition)!
      kept.written.push(...later)
      if (kept.written.length <= mostKept) continue
      kept.written.length = 0
      this.#mustRead = true
    }
  }

  #add(news: ReadonlyArray<News<Place>>): void {
    for (const { after, events } of news) {
      const kept = this.#kept.get(after.partition)!
      for (const event of events) kept.events.push(event)
      if (kept.events.length > 2 * mostKept) {
        kept.after = kept.events.splice(0, kept.events.length - mostKept).at(-1)!.position
      }
      const end = endOf(kept)
      const left = kept.written.findIndex(({ head }) => head.position > end)
      kept.written.splice(0, left === -1 ? kept.written.length : left)
    }
  }
}

const tails = new WeakMap<Journal["Service"], JournalTail>()

/** The tail of a journal, the same for everyone. */
export const tailOf = (journal: Journal["Service"]): JournalTail => {
  const tail = tails.get(journal) ?? new JournalTail(journal)
  tails.set(journal, tail)
  return tail
}
