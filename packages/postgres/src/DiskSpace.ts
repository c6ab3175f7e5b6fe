/**
 * A watch on the disk below an embedded store: PGlite does not survive a full one, it spins for ever.
 *
 * Statements are refused while there is room left for the last of them to end well, and taken again once there is more.
 */
import { statfsSync } from "node:fs"

/**
 * What must be free, in bytes: four segments of PostgreSQL's log, of which it makes one at a time, and the pages that a
 * transaction under way may still write.
 */
export const neededBytes = 64 * 1024 * 1024

/** How often the disk is looked at, at most; asking takes some microseconds. */
const everyMillis = 50

const readFreeBytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MB`

/** Why a statement is refused, in words; `undefined` while there is room. */
export const watch = (
  folder: string,
  freeBytes: (folder: string) => number = readFreeBytes,
  now: () => number = () => performance.now()
): (() => string | undefined) => {
  let checkedAtMillis = Number.NEGATIVE_INFINITY
  let refusal: string | undefined
  return () => {
    if (now() - checkedAtMillis < everyMillis) return refusal
    checkedAtMillis = now()
    const free = freeBytes(folder)
    refusal =
      free >= neededBytes
        ? undefined
        : `the disk is full: ${megabytes(free)} are free below ${folder}, and an embedded store needs ${megabytes(neededBytes)}. ` +
          "Free some space; it goes on by itself"
    return refusal
  }
}
