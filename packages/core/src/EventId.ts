/**
 * Ids of events: UUIDv7 (RFC 9562), in time order within a process.
 *
 * Drawn from a pool of random bytes, because asking the system for sixteen at a time was a tenth of the time that a command
 * took.
 */

const poolSize = 4_096
const pool = new Uint8Array(poolSize)
let used = poolSize
let lastMillis = 0
let sequence = 0

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Eight random bytes, as hex, with the two bits that mark the variant. */
const randomTail = (): string => {
  if (used + 8 > poolSize) {
    globalThis.crypto.getRandomValues(pool)
    used = 0
  }
  const at = used
  used += 8
  return (
    hex[(pool[at]! & 0x3f) | 0x80]! +
    hex[pool[at + 1]!]! +
    "-" +
    hex[pool[at + 2]!]! +
    hex[pool[at + 3]!]! +
    hex[pool[at + 4]!]! +
    hex[pool[at + 5]!]! +
    hex[pool[at + 6]!]! +
    hex[pool[at + 7]!]!
  )
}

/** The first part of the ids of `lastMillis`, which is the same for some hundred ids in a row; at first that of 1970, where a test clock begins. */
let timePart = "00000000-0000-7"

const enter = (millis: number): void => {
  lastMillis = millis
  sequence = 0
  const time = millis.toString(16).padStart(12, "0")
  timePart = `${time.slice(0, 8)}-${time.slice(8)}-7`
}

/** A new id at a time in milliseconds since 1970. Ids of one process sort in the order in which they were made. */
export const make = (nowMillis: number): string => {
  if (nowMillis > lastMillis) enter(nowMillis)
  // The counter is full: borrow from the next millisecond, as the RFC allows (section 6.2).
  else if (++sequence > 0xfff) enter(lastMillis + 1)
  return `${timePart}${(sequence >> 8).toString(16)}${hex[sequence & 0xff]}-${randomTail()}`
}
