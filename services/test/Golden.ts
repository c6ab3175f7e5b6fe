/**
 * The stored formats of an aggregate, as files: one for every version of every event that was ever written, and of its state.
 *
 * A failure here means that what is on disk would be written or read otherwise than before. Never edit a file of a version that
 * has been released: raise the schema version, add an upcaster and a file.
 */
import { readdirSync, readFileSync } from "node:fs"
import type { Aggregate, Tagged } from "@daybook/core/Aggregate"
import type { Stored } from "@daybook/core/Event"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"

/** Where and when an event is stored, where that does not matter. */
export const metadata: Omit<Stored, "type" | "schemaVersion" | "data"> = {
  partition: 0,
  position: 1,
  stream: "golden-1",
  version: 1,
  eventId: "0198c5a0-0000-7000-8000-000000000000",
  occurredAtMillis: 0,
  recordedAtMillis: 0,
  actor: null,
  reason: null,
  commandId: null,
  correlationId: null,
  causationId: null,
  traceParent: null,
  tenant: null
}

/** Declares the tests of an aggregate's files. `meanings` has what each file of an event means, `state` what its state's does. */
export const holds = <State, Command extends Tagged, Event extends Tagged, Rejection>(
  aggregate: Aggregate<State, Command, Event, Rejection>,
  folder: URL,
  { meanings, state }: { readonly meanings: Record<string, Event>; readonly state: State }
): void => {
  const { events } = aggregate
  const read = (file: string): any => JSON.parse(readFileSync(new URL(file, folder), "utf8"))

  describe("events", () => {
    it("have a file for every version, and no file is without a meaning", () => {
      const versions = events.names.flatMap((name) =>
        Array.from({ length: events.schemaVersion(name) ?? 0 }, (_, i) => `${name}.v${i + 1}.json`)
      )
      const files = readdirSync(folder).filter((file) => !file.startsWith("State."))
      expect(files.sort()).toEqual(versions.sort())
      expect(Object.keys(meanings).sort()).toEqual(versions)
    })

    it.each(Object.entries(meanings))("reads %s", (file, event) => {
      expect(events.decode({ ...metadata, ...read(file) })).toStrictEqual([event])
    })

    const current = Object.entries(meanings).filter(([file, { _tag }]) =>
      file.endsWith(`.v${events.schemaVersion(_tag)}.json`)
    )

    it.each(current)("writes %s", (file, event) => {
      expect(events.encode(event)).toStrictEqual(read(file))
    })
  })

  describe("the state", () => {
    const codec = Schema.toCodecJson(aggregate.state.schema) as Schema.Codec<State, unknown>
    const file = `State.v${aggregate.state.version}.json`

    it(`reads ${file}`, () => {
      expect(Schema.decodeUnknownSync(codec)(read(file))).toStrictEqual(state)
    })

    it(`writes ${file}`, () => {
      expect(Schema.encodeUnknownSync(codec)(state)).toStrictEqual(read(file))
    })
  })
}
