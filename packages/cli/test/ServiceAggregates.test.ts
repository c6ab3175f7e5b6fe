/**
 * Every aggregate of every service has its stored formats on file: a release that changed one without an upcaster would fail the
 * golden tests beside them.
 */
import { existsSync, readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { aggregates } from "../src/ServiceAggregates.ts"

const tests = new URL("../../../services/test/", import.meta.url)

/** The files of an aggregate: in its service's folder, or in one of its own where the service has several. */
const filesOf = (service: string, aggregate: string): ReadonlyArray<string> => {
  const own = new URL(`${service}/golden/${aggregate}/`, tests)
  const folder = existsSync(own) ? own : new URL(`${service}/golden/`, tests)
  return existsSync(folder) ? readdirSync(folder) : []
}

describe.each(Object.entries(aggregates))("%s", (service, all) => {
  it.each(all.map((aggregate) => ({ aggregate, name: aggregate.name })))(
    "has a file for every version of every event of $name, and of its state",
    ({ aggregate: { name, events, state } }) => {
      const versions = [
        ...events.names.map((event) => [event, events.schemaVersion(event)!] as const),
        ...events.former
      ]
      const wanted = [...versions, ["State", state.version] as const].flatMap(([type, newest]) =>
        Array.from({ length: newest }, (_, i) => `${type}.v${i + 1}.json`)
      )
      const files = filesOf(service, name)
      expect(wanted.filter((file) => !files.includes(file))).toEqual([])
    }
  )
})
