/**
 * Which partition an aggregate belongs to.
 *
 * A partition is the unit of order and of parallelism everywhere: journal, projection worker, shard of entities, Kafka
 * partition. The number of partitions is fixed when a journal is created, and the hash below is on disk: it never changes.
 */

const encoder = new TextEncoder()

/** FNV-1a, 32 bit, over the UTF-8 bytes of the id (Fowler, Noll and Vo; draft-eastlake-fnv). */
const fnv1a = (id: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    if (code > 0x7f) return fnv1aBytes(encoder.encode(id))
    hash = Math.imul(hash ^ code, 0x01000193)
  }
  return hash >>> 0
}

const fnv1aBytes = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** The partition, from 0, of an aggregate id in a journal of `partitions` partitions. */
export const ofId = (id: string, partitions: number): number => fnv1a(id) % partitions

/** The name of the stream that holds one aggregate's events, `<aggregate>-<id>`. */
export const streamOf = (aggregate: string, id: string): string => `${aggregate}-${id}`

/** The aggregate's name in a stream name: what precedes the first hyphen. */
export const aggregateOf = (stream: string): string => stream.slice(0, stream.indexOf("-"))

/** The aggregate id in a stream name: what follows the first hyphen. */
export const idOf = (stream: string): string => stream.slice(stream.indexOf("-") + 1)
