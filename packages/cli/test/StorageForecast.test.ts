/** Forecasts, and sizes as people write them: pure. */
import type { JournalSize, Share } from "@daybook/postgres/SqlStorage"
import { describe, expect, it } from "vitest"
import { bytes, parseBytes } from "../src/Bytes.ts"
import { daysUntil, growthOf } from "../src/StorageForecast.ts"

const noon = Date.parse("2026-11-22T12:00:00Z")

const share = (day: string, events: number): Share => ({ streamType: "cart", day, events, bytes: events * 100 })

const journal = (...shares: ReadonlyArray<Share>): JournalSize => {
  const events = shares.reduce((sum, one) => sum + one.events, 0)
  return { appended: events, events, bytes: events * 100, counted: true, shares }
}

/** Every event takes 100 bytes in the journal and 50 elsewhere. */
const growth = (found: JournalSize, days: number) =>
  growthOf({ nowMillis: noon, totalBytes: found.bytes + found.appended * 50, journal: found }, days)

describe("growth", () => {
  it("is that of the last days, up to now, with what grows beside the journal", () => {
    const found = journal(
      share("2026-10-01", 9_999),
      share("2026-11-20", 1_000),
      share("2026-11-21", 500),
      share("2026-11-22", 1_000)
    )
    // Two and a half days since the 20th began.
    expect(growth(found, 3)).toEqual({ eventsPerDay: 1_000, bytesPerDay: 150_000 })
  })

  it("of a young journal is that since its first day", () => {
    expect(growth(journal(share("2026-11-21", 300)), 14).eventsPerDay).toBe(200)
  })

  it("of a journal that began today is today's, and not twice that because it is noon", () => {
    expect(growth(journal(share("2026-11-22", 300)), 14).eventsPerDay).toBe(300)
  })

  it("is none when nothing has come lately, or ever", () => {
    expect(growth(journal(share("2026-10-01", 300)), 14)).toEqual({ eventsPerDay: 0, bytesPerDay: 0 })
    expect(growth(journal(), 14)).toEqual({ eventsPerDay: 0, bytesPerDay: 0 })
  })

  it("counts what other tables keep of events that were removed once only", () => {
    const found = { ...journal(share("2026-11-21", 150)), appended: 300 }
    expect(growth(found, 1_000).bytesPerDay).toBe(100 * (100 + 50))
  })
})

describe("a limit", () => {
  it.each([
    [1_000, 400, 100, 6],
    [1_000, 401, 100, 6],
    [1_000, 1_000, 100, 0],
    [1_000, 2_000, 0, 0],
    [1_000, 400, 0, undefined]
  ])("of %d bytes, %d there and %d more a day: %s days", (limit, total, perDay, days) => {
    expect(daysUntil(limit, total, perDay)).toBe(days)
  })
})

describe("sizes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 kB"],
    [12_345_678, "12.3 MB"],
    [999_600, "1.0 MB"],
    [234_000_000_000, "234 GB"],
    [3e18, "3000 PB"]
  ])("%d is %s", (count, text) => {
    expect(bytes(count)).toBe(text)
  })

  it.each([
    ["100GB", 1e11],
    ["1.5 tb", 1.5e12],
    ["512MiB", 512 * 1_024 * 1_024],
    ["4096", 4_096],
    ["7 B", 7]
  ])("%s is understood", (text, count) => {
    expect(parseBytes(text)).toBe(count)
  })

  it.each(["", "lots", "-1GB", "1 XB", "GB", "1e9"])("%j is not", (text) => {
    expect(() => parseBytes(text)).toThrow(/^a size such as 100GB/)
  })
})
