/**
 * The signal of a journal, which moves after every append, and by which a journal may hand the events that this process has just
 * appended to those in it who follow: they need not be read back. Moved by journals, followed by `JournalTail`.
 */
import type { Stored } from "./Event.ts"
import type { Append } from "./Journal.ts"
import { Signal } from "./Signal.ts"

/** An event as it was written. Its data is still the JSON text that was stored, so that whoever reads it gets what a reader would. */
export interface Written {
  readonly head: Omit<Stored, "data">
  readonly data: string
}

/** An event of an append as a journal has it that puts it at a position, with the data as it was given. */
export const placed = (append: Append, index: number, position: number, recordedAtMillis: number): Stored => ({
  ...append.events[index]!,
  partition: append.partition,
  position,
  stream: append.stream,
  version: append.expectedVersion + index + 1,
  recordedAtMillis
})

/** An event of an append whose first event is at `first`, with its data as text. For adapters. */
export const writtenOf = (
  append: Append,
  index: number,
  data: string,
  first: number,
  recordedAtMillis: number
): Written => {
  const { data: _, ...head } = placed(append, index, first + index, recordedAtMillis)
  return { head, data }
}

/** The event that was written. */
export const storedOf = ({ head, data }: Written): Stored => ({ ...head, data: JSON.parse(data) })

/** What one append of this process has written, in the order of positions within each partition. */
type Follower = (written: ReadonlyArray<Written>) => void

export class AppendSignal extends Signal {
  readonly #followers = new Set<Follower>()

  /** Whether anybody wants to know what was written. If not, `notify` is as good as `appended`. */
  get isFollowed(): boolean {
    return this.#followers.size > 0
  }

  /** Hands over all that one append has written, which is durable, and wakes everyone. For a journal that cannot, `notify` will do. */
  appended(written: ReadonlyArray<Written>): void {
    for (const follower of this.#followers) follower(written)
    this.notify()
  }

  /** Calls `follower` on every `appended`, before anyone is woken, until the returned function is called. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }
}
