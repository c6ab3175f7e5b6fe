/** A journal whose events have partly gone to an archive reads as if they were still there, whatever is asked of it. */

import { type Archived, ArchiveStore, withArchive } from "@daybook/core/Archive"
import type { Stored } from "@daybook/core/Event"
import * as EventId from "@daybook/core/EventId"
import { type Journal, JournalUnavailable } from "@daybook/core/Journal"
import { makeMemory } from "@daybook/core/MemoryJournal"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it as plain } from "vitest"

const streams = ["note-a", "note-b", "note-c"]

const event = (n: number) => ({
  eventId: EventId.make(n),
  type: "Noted",
  schemaVersion: 1,
  data: { n },
  occurredAtMillis: n,
  ...nothingKnown
})

const append = (journal: Journal["Service"], stream: string, count: number) =>
  Effect.gen(function* () {
    const expectedVersion = yield* journal.version(stream)
    const events = Array.from({ length: count }, (_, i) => event(expectedVersion + i + 1))
    yield* journal.append([
      { stream, partition: 0, expectedVersion, events, receipts: [], state: null, keepEvents: true }
    ])
  })

/** An archive of events at hand, and how often it was asked. */
const archiveOf = (events: ReadonlyArray<Stored>) => {
  const asked = { times: 0 }
  const archived: Archived = {
    stream: (stream, from, to) =>
      Effect.sync(() => {
        asked.times++
        return events.filter((one) => one.stream === stream && one.version >= from && one.version <= to)
      }),
    partition: (partition, { from, to, limit }) =>
      Effect.sync(() => {
        asked.times++
        return events
          .filter((one) => one.partition === partition && one.position >= from && one.position <= to)
          .sort((a, b) => a.position - b.position)
          .slice(0, limit)
      })
  }
  return { asked, archived }
}

/** A step of a history: events come to a stream, or all but the last of what it has are archived. */
type Step = { readonly stream: string; readonly events: number; readonly archive: boolean }

const step: fc.Arbitrary<Step> = fc.record({
  stream: fc.constantFrom(...streams),
  events: fc.integer({ min: 1, max: 4 }),
  archive: fc.boolean()
})

/** A history, as a journal that kept everything, and as one that archives. */
const tell = (steps: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    const whole = makeMemory(1)
    const thin = makeMemory(1)
    const gone: Array<Stored> = []
    for (const { stream, events, archive } of steps) {
      yield* append(whole, stream, events)
      yield* append(thin, stream, events)
      if (!archive) continue
      const last = yield* thin.version(stream)
      gone.push(...(yield* thin.readStream(stream, { to: last - 1 })))
      yield* thin.deleteTo(stream, last - 1)
    }
    const { archived, asked } = archiveOf(gone)
    return { whole, thin, asked, joined: withArchive(thin, archived) }
  })

const bound = fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined })

const told = (read: Effect.Effect<ReadonlyArray<Stored>, JournalUnavailable>) =>
  Effect.map(read, (events) =>
    events.map(({ stream, version, position, data }) => ({ stream, version, position, data }))
  )

describe("a journal with an archive", () => {
  plain("reads any stream, and any part of a partition, as one that has kept everything", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 12 }),
        fc.array(fc.record({ from: bound, to: bound, limit: bound }), { minLength: 1, maxLength: 8 }),
        (steps, ranges) =>
          Effect.gen(function* () {
            const { whole, joined } = yield* tell(steps)
            for (const { from, to, limit } of ranges) {
              const range = {
                ...(from === undefined ? {} : { from }),
                ...(to === undefined ? {} : { to }),
                ...(limit === undefined ? {} : { limit })
              }
              for (const stream of streams) {
                expect(yield* told(joined.readStream(stream, range))).toEqual(
                  yield* told(whole.readStream(stream, range))
                )
              }
              const place = { after: from ?? 0, limit: limit ?? 1_000 }
              expect(yield* told(joined.readPartition(0, place))).toEqual(yield* told(whole.readPartition(0, place)))
            }
          }).pipe(Effect.runPromise)
      ),
      { numRuns: 300 }
    )
  })

  it.effect("does not ask it for what is whole in the journal", () =>
    Effect.gen(function* () {
      const { joined, asked } = yield* tell([
        { stream: "note-a", events: 4, archive: true },
        { stream: "note-b", events: 3, archive: false }
      ])
      yield* joined.readStream("note-b")
      yield* joined.readStream("note-b", { from: 2, to: 3 })
      yield* joined.readStream("note-b", { limit: 1 })
      yield* joined.readStream("note-b", { from: 9 })
      yield* joined.readStream("note-new")
      yield* joined.readStream("note-a", { from: 4 })
      yield* joined.readPartition(0, { after: 4, limit: 10 })
      yield* joined.readPartition(0, { after: 7, limit: 10 })
      expect(asked.times).toBe(0)
      yield* joined.readStream("note-a")
      expect(asked.times).toBe(1)
    })
  )

  it.effect("fails where the archive does, rather than leave out what is there", () =>
    Effect.gen(function* () {
      const { thin } = yield* tell([{ stream: "note-a", events: 4, archive: true }])
      const lost = Effect.fail(new JournalUnavailable({ retryAfterSeconds: 1, detail: "The file is not there." }))
      const joined = withArchive(thin, { stream: () => lost, partition: () => lost })
      expect((yield* Effect.flip(joined.readStream("note-a"))).detail).toBe("The file is not there.")
      expect((yield* Effect.flip(joined.readPartition(0, { after: 0, limit: 9 }))).detail).toBe(
        "The file is not there."
      )
      // The version stays known, and so appends go on.
      expect(yield* joined.version("note-a")).toBe(4)
      yield* append(joined, "note-a", 1)
      expect(yield* told(joined.readStream("note-a", { from: 4 }))).toHaveLength(2)
    })
  )

  it.effect("leaves away what was deleted and is in no archive", () =>
    Effect.gen(function* () {
      const { thin } = yield* tell([{ stream: "note-a", events: 4, archive: true }])
      const joined = withArchive(thin, archiveOf([]).archived)
      expect(yield* told(joined.readStream("note-a"))).toMatchObject([{ version: 4 }])
      expect(yield* told(joined.readPartition(0, { after: 0, limit: 9 }))).toMatchObject([{ version: 4 }])
    })
  )
})

it.effect("whoever needs a file, and has been named no archive, is told what to set", () =>
  Effect.gen(function* () {
    const store = yield* ArchiveStore
    const problem = yield* Effect.flip(store.read("orders/p0/1-9-abc.ndjson.zst"))
    expect(problem).toMatchObject({ file: "orders/p0/1-9-abc.ndjson.zst", status: 503 })
    expect(problem.detail).toContain("ARCHIVE_URL")
  })
)
