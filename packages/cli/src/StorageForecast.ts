/**
 * From what is stored now, and how much came lately, to what will be stored. Pure; used by `StorageCommand`.
 *
 * A straight line: as many events a day as lately, and as many bytes an event as now. It knows nothing of a sale next month.
 */
import type { JournalSize } from "@daybook/postgres/SqlStorage"

const dayMillis = 86_400_000

/** How fast something grows. */
export interface Growth {
  readonly eventsPerDay: number
  readonly bytesPerDay: number
}

/** What there is now, when that is. */
export interface Now {
  readonly nowMillis: number
  /** Bytes of all tables, the event table included. */
  readonly totalBytes: number
  readonly journal: JournalSize
}

const midnight = (day: string): number => Date.parse(`${day}T00:00:00Z`)

/**
 * The growth of the last `days` × 24 hours. Of a younger journal, that since its first day; of one that began today, today's: less
 * than a day is not taken for a whole one's part, since the first hours are often an import.
 */
export const growthOf = ({ nowMillis, totalBytes, journal }: Now, days: number): Growth => {
  const today = Math.floor(nowMillis / dayMillis) * dayMillis
  const from = today - (days - 1) * dayMillis
  const recent = journal.shares.filter(({ day }) => midnight(day) >= from)
  const events = recent.reduce((sum, share) => sum + share.events, 0)
  if (events === 0) return { eventsPerDay: 0, bytesPerDay: 0 }
  const first = journal.shares.reduce((least, { day }) => Math.min(least, midnight(day)), Number.POSITIVE_INFINITY)
  const eventsPerDay = events / Math.max((nowMillis - Math.max(first, from)) / dayMillis, 1)
  // Events that were removed have left their traces in the other tables, and none in the event table.
  const bytesPerEvent = journal.bytes / journal.events + (totalBytes - journal.bytes) / journal.appended
  return { eventsPerDay, bytesPerDay: eventsPerDay * bytesPerEvent }
}

/** How many days until a limit is reached: 0 when it has been, `undefined` when it will not be. */
export const daysUntil = (limitBytes: number, totalBytes: number, bytesPerDay: number): number | undefined => {
  if (totalBytes >= limitBytes) return 0
  return bytesPerDay <= 0 ? undefined : Math.ceil((limitBytes - totalBytes) / bytesPerDay)
}
