/**
 * Holds aggregates to the files of their stored formats (`StoredFormats.ts`).
 *
 * A failure here means that what is on disk would be written or read otherwise than before. Never edit a file of a version that
 * has been released: raise the schema version, add an upcaster, and run `npm run stored`.
 */

import type { Tagged } from "@daybook/core/Aggregate"
import type { Stored } from "@daybook/core/Event"
import { stateReader } from "@daybook/core/Recovery"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { describe, expect, it } from "vitest"
import { compare, listOf, read, type StoredFormats } from "./StoredFormats.ts"

/** Where and when an event is stored, where that does not matter. */
export const metadata: Omit<Stored, "type" | "schemaVersion" | "data"> = {
  partition: 0,
  position: 1,
  stream: "golden-1",
  version: 1,
  eventId: "0198c5a0-0000-7000-8000-000000000000",
  occurredAtMillis: 0,
  recordedAtMillis: 0,
  ...nothingKnown
}

/** Declares the tests of an aggregate's files. */
export const holds = <State, Event extends Tagged>(formats: StoredFormats<State, Event>): void => {
  const { aggregate, meanings, states } = formats

  describe(`the stored formats of ${aggregate.name}`, () => {
    it("have a file for every version that was ever written, and today's are written as before", () => {
      const { problems, missing } = compare(formats)
      expect([...problems, ...[...missing.keys()].map((file) => `${file} is new: npm run stored`)]).toEqual([])
    })

    it.each(Object.entries(meanings))("are read: %s", (file, meaning) => {
      expect(aggregate.events.decode({ ...metadata, ...read(formats, file) })).toStrictEqual(listOf(meaning))
    })

    it.each(Object.entries(states))("are read: %s", (file, state) => {
      const schemaVersion = Number(/\.v(\d+)\./u.exec(file)?.[1])
      const reading = () => stateReader(aggregate)({ schemaVersion, data: read(formats, file) })
      if (state === undefined) expect(reading).toThrow("upcast")
      else expect(reading()).toStrictEqual(state)
    })
  })
}
