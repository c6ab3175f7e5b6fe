/**
 * What an author of adapters relies on: the suite finds a journal that is wrong. Each journal here has one of the faults that
 * real stores have had, and the scenario that must notice is named.
 */

import { AppendSignal, writtenOf } from "@daybook/core/AppendSignal"
import type { Stored } from "@daybook/core/Event"
import { type Append, Journal, type Outcome } from "@daybook/core/Journal"
import { makeMemory } from "@daybook/core/MemoryJournal"
import { journalSections } from "@daybook/testkit/JournalSuite"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"

type Service = Journal["Service"]
type Fault = (sound: Service) => Partial<Service>

const layerOf = (fault: Fault): Layer.Layer<Journal> =>
  Layer.sync(Journal, () => {
    const sound = makeMemory(8)
    return { ...sound, ...fault(sound) }
  })

/** Runs every scenario that needs nothing but the journal, and answers the names of those that fail. */
const failuresOf = (fault: Fault): Promise<ReadonlyArray<string>> => {
  const sections = journalSections({ layer: () => layerOf(fault), modelRuns: 30 })
  const scenarios = sections.flatMap((section) => section.scenarios).filter(({ skipped }) => skipped === undefined)
  const all = Effect.forEach(scenarios, ({ name, run }) =>
    // A reader that waits for what never comes has noticed the fault too.
    Effect.map(Effect.exit(Effect.timeout(Effect.scoped(run), "5 seconds")), (exit) =>
      Exit.isSuccess(exit) ? [] : [name]
    )
  )
  return Effect.runPromise(Effect.map(Effect.provide(all, layerOf(fault)), (names) => names.flat()))
}

/** Passes appends on after a change to each. */
const changing =
  (change: (append: Append, sound: Service) => Effect.Effect<Append>): Fault =>
  (sound) => ({
    append: (batch, within) =>
      Effect.flatMap(
        Effect.forEach(batch, (one) => change(one, sound)),
        (changed) => sound.append(changed, within)
      )
  })

/** Changes every event that is read. */
const reading =
  (change: (event: Stored) => Stored): Fault =>
  (sound) => ({
    readStream: (stream, range) => Effect.map(sound.readStream(stream, range), (events) => events.map(change)),
    readPartition: (partition, options) =>
      Effect.map(sound.readPartition(partition, options), (events) => events.map(change))
  })

/** Takes positions when an append begins, and shows its events when it ends: the fault of most SQL event stores. */
const positionsAtInsert: Fault = (sound) => {
  const taken = Array.from({ length: sound.partitions }, () => 0)
  const positions = new Map<string, number>()
  const renumber = (event: Stored): Stored => ({ ...event, position: positions.get(event.eventId) ?? event.position })
  return {
    append: (batch, within) => {
      for (const { partition, events } of batch) {
        for (const { eventId } of events) positions.set(eventId, ++taken[partition]!)
      }
      const before = within === undefined ? Effect.void : within(batch.map(() => ({ _tag: "Appended" }) as Outcome))
      return Effect.andThen(before, sound.append(batch))
    },
    readPartition: (partition, { after, limit }) =>
      Effect.map(sound.readPartition(partition, { after: 0, limit: Infinity }), (events) =>
        events
          .map(renumber)
          .filter(({ position }) => position > after)
          .sort((a, b) => a.position - b.position)
          .slice(0, limit)
      )
  }
}

const faults: Readonly<Record<string, readonly [Fault, noticedBy: RegExp]>> = {
  "positions taken at insert": [positionsAtInsert, /an append that commits late is not skipped by readers/],
  "no check of versions": [
    changing((one, sound) =>
      Effect.map(Effect.orDie(sound.version(one.stream)), (expectedVersion) => ({ ...one, expectedVersion }))
    ),
    /of several creators of a stream, exactly one wins/
  ],
  "no receipts": [changing((one) => Effect.succeed({ ...one, receipts: [] })), /the same command again is answered/],
  "no state": [changing((one) => Effect.succeed({ ...one, state: null })), /state is stored with its version/],
  "one refusal refuses the batch": [
    (sound) => ({
      append: (batch, within) =>
        Effect.flatMap(sound.append(batch, within), (outcomes) => {
          const refused = outcomes.find((outcome) => outcome._tag !== "Appended")
          return Effect.succeed(refused === undefined ? outcomes : outcomes.map(() => refused))
        })
    }),
    /a conflict, a repeated command and an unserialisable event leave the rest/
  ],
  "work after the transaction": [
    (sound) => ({
      append: (batch, within) =>
        Effect.tap(sound.append(batch), (outcomes) => (within === undefined ? Effect.void : within(outcomes)))
    }),
    /a failure of the work undoes/
  ],
  "a piece of metadata is not stored": [reading((event) => ({ ...event, tenant: null })), /every piece of metadata/],
  "empty texts become null": [
    reading((event) => ({ ...event, actor: event.actor || null })),
    /an empty text is not null/
  ],
  "data goes through UTF-8": [
    reading((event) => ({
      ...event,
      data: JSON.parse(JSON.stringify(event.data).replaceAll(/\\ud[89a-f]../g, "\ufffd"))
    })),
    /unpaired surrogates in strings/
  ],
  "seconds instead of milliseconds": [
    reading((event) => ({ ...event, occurredAtMillis: Math.trunc(event.occurredAtMillis / 1000) * 1000 })),
    /occurred-at may be any millisecond/
  ],
  "the upper bound is exclusive": [
    (sound) => ({
      readStream: (stream, range) =>
        sound.readStream(stream, range?.to === undefined ? range : { ...range, to: range.to - 1 })
    }),
    /replays up to an upper bound/
  ],
  "a limit of 0 is no limit": [
    (sound) => ({
      readStream: (stream, { limit, ...range } = {}) => sound.readStream(stream, limit ? { ...range, limit } : range)
    }),
    /replays nothing when the limit is 0/
  ],
  "the version is the number of events": [
    (sound) => ({ version: (stream) => Effect.map(sound.readStream(stream), (events) => events.length) }),
    /deleted events are not replayed, and the version stays/
  ],
  "names without regard to case": [
    (sound) => ({ readStream: (stream, range) => sound.readStream(stream.toLowerCase(), range) }),
    /streams whose names differ in case/
  ],
  "what is handed over is not what was stored": [
    (sound) => ({
      append: (batch, within) =>
        Effect.tap(sound.append(batch, within), (outcomes) =>
          Effect.sync(() =>
            sound.signal.appended(
              batch.flatMap((append, i) => {
                const outcome = outcomes[i]!
                if (outcome._tag !== "Appended") return []
                return append.events.map((_, n) => writtenOf(append, n, '{"n":0}', outcome.position, 0))
              })
            )
          )
        )
    }),
    /hands over of a batch/
  ],
  "nobody is woken": [() => ({ signal: new AppendSignal() }), /the signal moves after an append/]
}

describe("the journal suite", () => {
  it("finds nothing wrong with a sound journal", async () => {
    expect(await failuresOf(() => ({}))).toEqual([])
  })

  it.each(Object.entries(faults))("finds: %s", async (_, [fault, noticedBy]) => {
    expect((await failuresOf(fault)).join("\n")).toMatch(noticedBy)
  })
})
