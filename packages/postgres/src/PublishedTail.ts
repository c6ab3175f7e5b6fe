/**
 * The newest messages that this process has published, for those in it who subscribe to them. Used by `SqlBroker`.
 *
 * Where services run in one process, each message that they exchange was just in it: it need not be read back from the database, and
 * be parsed again for each group. What is kept of a partition has no gaps, since positions are dense; whoever is elsewhere than what
 * is kept, as is everyone when another process has published in between, reads the database.
 */
import type { LogEntry, LogRange, NewLogEntry } from "@daybook/core/MessageLog"

/** Messages of one partition that are kept, at most, and characters in them. */
const mostKept = 64
const mostCharacters = 262_144

/** All of a partition after a position, up to the last entry. */
interface Kept {
  after: number
  readonly entries: Array<LogEntry>
}

const endOf = ({ after, entries }: Kept): number => after + entries.length

/** Drops the oldest until what is kept is within its bounds. */
const trim = (kept: Kept): void => {
  let characters = kept.entries.reduce((sum, { text }) => sum + text.length, 0)
  let dropped = 0
  while (kept.entries.length - dropped > mostKept || characters > mostCharacters) {
    characters -= kept.entries[dropped++]!.text.length
  }
  kept.entries.splice(0, dropped)
  kept.after += dropped
}

export class PublishedTail {
  /** By topic and partition. Only topics that someone here has read. */
  readonly #topics = new Map<string, Map<number, Kept>>()

  /** Notes entries that were published behind a position, once they are stored for good. */
  add(topic: string, partition: number, base: number, entries: ReadonlyArray<NewLogEntry>): void {
    const partitions = this.#topics.get(topic)
    if (partitions === undefined) return
    const before = partitions.get(partition)
    if (before !== undefined && base < endOf(before)) return
    const kept = before !== undefined && base === endOf(before) ? before : { after: base, entries: [] }
    kept.entries.push(...entries.map(({ text, message }, i) => ({ partition, position: base + i + 1, text, message })))
    trim(kept)
    partitions.set(partition, kept)
  }

  /** Notes that there is nothing after a position, as a look at the database has shown. */
  nothingAfter(topic: string, partition: number, position: number): void {
    const partitions = this.#topics.get(topic) ?? new Map<number, Kept>()
    this.#topics.set(topic, partitions)
    const before = partitions.get(partition)
    if (before === undefined || endOf(before) < position) partitions.set(partition, { after: position, entries: [] })
  }

  /** What is kept after some places, an equal share of each; none also where more may be in the database: see `covers`. */
  take(topic: string, { after, each, all }: LogRange): ReadonlyArray<LogEntry> {
    const partitions = this.#topics.get(topic)
    if (partitions === undefined) return []
    const behind = after.flatMap(({ partition, position }) => {
      const kept = partitions.get(partition)
      return kept !== undefined && kept.after <= position && position < endOf(kept) ? [{ kept, position }] : []
    })
    const share = Math.min(each, Math.max(Math.ceil(all / Math.max(behind.length, 1)), 1))
    return behind
      .flatMap(({ kept, position }) => kept.entries.slice(position - kept.after, position - kept.after + share))
      .slice(0, all)
  }

  /** Whether all of these places are at the end of what is kept, so that only another process can have published more. */
  covers(topic: string, { after }: LogRange): boolean {
    const partitions = this.#topics.get(topic)
    return after.every(({ partition, position }) => {
      const kept = partitions?.get(partition)
      return kept !== undefined && endOf(kept) === position
    })
  }
}
