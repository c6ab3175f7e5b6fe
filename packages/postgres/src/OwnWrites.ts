/**
 * What a process knows of streams because it wrote them itself, and nobody has written to their partitions since.
 *
 * Every append changes the rows of its partitions, whoever makes it. While a partition's row is still of this process's own last
 * transaction, its mark, the versions that this process wrote there are those that the streams have, and an append need not look
 * them up (ADR 27). Used by `SqlJournal`; bounded, since what is forgotten is merely looked up again.
 */
import type { Append } from "@daybook/core/Journal"

/** Streams remembered in each generation of a partition; there are two, and the older one goes when the younger is full. */
const generationSize = 8_192

class Partition {
  mark: string | null = null
  #young = new Map<string, number>()
  #old = new Map<string, number>()

  versionOf(stream: string): number | undefined {
    return this.#young.get(stream) ?? this.#old.get(stream)
  }

  remember(stream: string, version: number): void {
    if (this.#young.size === generationSize && !this.#young.has(stream)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(stream, version)
  }

  forget(): void {
    this.mark = null
    this.#young.clear()
    this.#old.clear()
  }
}

export class OwnWrites {
  readonly #partitions: ReadonlyArray<Partition>

  constructor(partitions: number) {
    this.#partitions = Array.from({ length: partitions }, () => new Partition())
  }

  /** The transaction that must have written the partition's row last; null when nothing is known of it. */
  markOf(partition: number): string | null {
    return this.#partitions[partition]!.mark
  }

  /**
   * Whether an append goes on where this process left the stream. Never for one that leaves no events: nothing but a look would
   * notice a later version.
   */
  knows({ partition, stream, expectedVersion, events, keepEvents }: Append): boolean {
    const known = this.#partitions[partition]!
    if (known.mark === null || !keepEvents || events.length === 0) return false
    return known.versionOf(stream) === expectedVersion
  }

  /**
   * A transaction that was sent while the partitions had certain marks has been committed. Where a mark has changed meanwhile, two
   * were under way at once, and it is not known in which order: what was known is forgotten.
   */
  marked(partitions: ReadonlyArray<number>, sentWith: ReadonlyArray<string | null>, mark: string): void {
    partitions.forEach((partition, i) => {
      const known = this.#partitions[partition]!
      if (known.mark !== sentWith[i]) known.forget()
      known.mark = mark
    })
  }

  /** An append of that transaction. */
  wrote({ partition, stream, expectedVersion, events }: Append): void {
    this.#partitions[partition]!.remember(stream, expectedVersion + events.length)
  }

  /** Others have written there. */
  forget(partitions: ReadonlyArray<number>): void {
    for (const partition of partitions) this.#partitions[partition]!.forget()
  }
}
