/**
 * The newest events of a journal, read once for all who follow it in this process. Used by the workers of projections.
 *
 * An append wakes every worker of a service, and each wants the same events. The first to ask reads what is new in all partitions,
 * together; the others find it in memory. Whoever is behind what is kept, or ahead of it, reads for himself.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Stored } from "./Event.ts"
import type { Journal, JournalUnavailable } from "./Journal.ts"

/** Events of a partition that are kept, at most: at a kilobyte each, a megabyte or two for a journal. */
const mostKept = 128

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
  events: ReadonlyArray<Stored>
}

const endOf = ({ after, events }: Kept): number => events.at(-1)?.position ?? after

type Waiter = (exit: Exit.Exit<void, JournalUnavailable>) => void

export class JournalTail {
  readonly #journal: Journal["Service"]
  readonly #kept = new Map<number, Kept>()
  #waiters: Array<Waiter> | undefined
  /** The signal's count before the last read that found all there was; then there is nothing new until it moves. */
  #seen = -1

  constructor(journal: Journal["Service"]) {
    this.#journal = journal
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
        // The read that was under way may have begun before the signal moved: then there is another one.
        return Effect.andThen(this.#refill, this.news(places, { limit, look: false }))
      })
    })
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
      const first = events.findIndex(({ position }) => position > after.position)
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

  /** Reads what is new, once for all who ask meanwhile. */
  get #refill(): Effect.Effect<void, JournalUnavailable> {
    return Effect.callback((resume) => {
      if (this.#waiters !== undefined) return void this.#waiters.push(resume)
      this.#waiters = [resume]
      const seen = this.#journal.signal.count
      const places = Effect.suspend(() => (this.#kept.size === 0 ? this.#begin : Effect.succeed(this.#ends)))
      const reading = Effect.flatMap(places, (ends) => this.#read(ends, mostKept * ends.length))
      Effect.runFork(reading).addObserver((exit) => {
        const waiters = this.#waiters!
        this.#waiters = undefined
        if (Exit.isSuccess(exit)) this.#add(exit.value, seen)
        for (const waiter of waiters) waiter(Exit.asVoid(exit))
      })
    })
  }

  get #ends(): ReadonlyArray<Place> {
    return [...this.#kept].map(([partition, kept]) => ({ partition, position: endOf(kept) }))
  }

  /** The tail begins with what comes now: whoever has to catch up does so without it. */
  get #begin(): Effect.Effect<ReadonlyArray<Place>, JournalUnavailable> {
    return Effect.map(this.#journal.heads, (heads) => {
      for (const [partition, after] of heads.entries()) this.#kept.set(partition, { after, events: [] })
      return this.#ends
    })
  }

  #add(news: ReadonlyArray<News<Place>>, seen: number): void {
    for (const { after, events } of news) {
      const before = this.#kept.get(after.partition)!
      const all = [...before.events, ...events]
      const dropped = all.slice(0, Math.max(all.length - mostKept, 0))
      this.#kept.set(after.partition, {
        after: dropped.at(-1)?.position ?? before.after,
        events: all.slice(dropped.length)
      })
    }
    if (news.every(({ events }) => events.length < mostKept)) this.#seen = seen
  }
}

const tails = new WeakMap<Journal["Service"], JournalTail>()

/** The tail of a journal, the same for everyone. */
export const tailOf = (journal: Journal["Service"]): JournalTail => {
  const tail = tails.get(journal) ?? new JournalTail(journal)
  tails.set(journal, tail)
  return tail
}
