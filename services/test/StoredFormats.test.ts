/**
 * What a developer relies on who changes what is stored: a change that old events or states do not survive is found, and told with
 * what to do; a new version is written down once, and never again.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Aggregate from "@daybook/core/Aggregate"
import * as Event from "@daybook/core/Event"
import * as Schema from "effect/Schema"
import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { compare, formats, read, record, type StoredFormats } from "./StoredFormats.ts"

const root = mkdtempSync(join(tmpdir(), "daybook-stored-"))
let folder = pathToFileURL(`${root}/`)
let count = 0

afterAll(() => rmSync(root, { recursive: true, force: true }))

beforeEach(() => {
  folder = pathToFileURL(`${mkdtempSync(join(root, `${count++}-`))}/`)
})

interface Lamp {
  readonly lit: boolean
}

/** A lamp whose events and state may be those of any release. */
const lamp = (
  events: Event.Events<any>,
  state: Aggregate.StateSchema<Lamp> = { version: 1, schema: Schema.Struct({ lit: Schema.Boolean }) }
) =>
  Aggregate.make({
    name: "lamp",
    initial: { lit: false },
    state,
    events,
    commands: Schema.TaggedUnion({ Switch: {} }),
    evolve: Object.fromEntries(events.names.map((name) => [name, (state: Lamp) => state])),
    decide: { Switch: () => [] }
  })

const lit = { _tag: "Lit", watts: 40 }
const first = (): StoredFormats =>
  formats<any, any>({
    aggregate: lamp(Event.define({ Lit: { watts: Schema.Int } })),
    folder,
    meanings: { "Lit.v1.json": lit },
    states: { "State.v1.json": { lit: true } }
  })

/** Writes what is missing, as `npm run stored` does. */
const write = (declared: StoredFormats) => {
  for (const [file, content] of compare(declared).missing) record(declared, file, content)
}

/** The lamp as first released, and then changed. */
const changed = (change: (declared: StoredFormats) => Partial<StoredFormats>) => {
  write(first())
  return compare({ ...first(), ...change(first()) })
}

describe("a format that is new", () => {
  it("is to be written, as the code of today writes it", () => {
    expect(compare(first())).toEqual({
      problems: [],
      missing: new Map<string, unknown>([
        ["Lit.v1.json", { type: "Lit", schemaVersion: 1, data: { watts: 40 } }],
        ["State.v1.json", { lit: true }]
      ])
    })
  })

  it("is fine once it is written, and is not written again", () => {
    write(first())
    expect(compare(first())).toEqual({ problems: [], missing: new Map() })
    expect(() => record(first(), "Lit.v1.json", {})).toThrow("EEXIST")
    expect(read(first(), "Lit.v1.json").data).toEqual({ watts: 40 })
  })

  it("of which nobody has said what it means is asked for", () => {
    expect(compare({ ...first(), meanings: {} }).problems).toEqual([
      "lamp, Lit.v1.json: say what it means, beside the others, and run npm run stored"
    ])
  })

  it("may come with an upcaster beside the old ones, also for a state", () => {
    const { problems, missing } = changed(() => ({
      aggregate: lamp(
        Event.define({
          Lit: Event.versioned(2, { lumens: Schema.Int }, { 1: ({ watts }) => ({ lumens: watts * 12 }) })
        }),
        { version: 2, schema: Schema.Struct({ lit: Schema.Boolean }), upcast: (data) => data }
      ),
      meanings: { "Lit.v1.json": { _tag: "Lit", lumens: 480 }, "Lit.v2.json": { _tag: "Lit", lumens: 500 } },
      states: { "State.v1.json": { lit: true }, "State.v2.json": { lit: false } }
    }))
    expect(problems).toEqual([])
    expect([...missing.keys()]).toEqual(["Lit.v2.json", "State.v2.json"])
  })

  it("may leave a name behind, which keeps its files", () => {
    const former = { Lit: Event.former(1, () => [{ type: "SwitchedOn", schemaVersion: 1, data: {} }]) }
    const { problems, missing } = changed(() => ({
      aggregate: lamp(Event.define({ SwitchedOn: {} }, { former })),
      meanings: { "Lit.v1.json": { _tag: "SwitchedOn" }, "SwitchedOn.v1.json": { _tag: "SwitchedOn" } }
    }))
    expect(problems).toEqual([])
    expect([...missing.keys()]).toEqual(["SwitchedOn.v1.json"])
  })
})

describe("a format that was changed instead of raised", () => {
  it.each<[string, (declared: StoredFormats) => Partial<StoredFormats>, string]>([
    [
      "an event that is written otherwise",
      () => ({
        aggregate: lamp(Event.define({ Lit: { power: Schema.Int } })),
        meanings: { "Lit.v1.json": { _tag: "Lit", power: 40 } }
      }),
      "lamp, Lit.v1.json: the code of today writes something else"
    ],
    [
      "a state that is written otherwise",
      ({ aggregate: { events } }) => ({
        aggregate: lamp(events, { version: 1, schema: Schema.Struct({ lit: Schema.Boolean, watts: Schema.Int }) }),
        states: { "State.v1.json": { lit: true, watts: 40 } }
      }),
      "lamp, State.v1.json: the code of today writes something else"
    ],
    [
      "a name that was given up without saying what it is today",
      () => ({ aggregate: lamp(Event.define({ Dimmed: {} })), meanings: { "Dimmed.v1.json": { _tag: "Dimmed" } } }),
      "lamp, Lit.v1.json: no event or state of today has that version, and its name is no former one"
    ]
  ])("is found: %s", (_, change, told) => {
    const { problems } = changed(change)
    expect(problems.join("\n")).toContain(told)
  })

  it("is told with what to do", () => {
    const { problems } = changed(() => ({
      aggregate: lamp(Event.define({ Lit: { watts: Schema.String } })),
      meanings: { "Lit.v1.json": { _tag: "Lit", watts: "40" } }
    }))
    expect(problems).toEqual([expect.stringMatching(/raise the schema version with an upcaster.*npm run stored/u)])
  })
})

it("a file of a past version that is gone cannot be made anew", () => {
  const upcasters = { 1: (data: unknown) => data }
  const { problems, missing } = compare({
    ...first(),
    aggregate: lamp(Event.define({ Lit: Event.versioned(2, { watts: Schema.Int }, upcasters) })),
    meanings: { "Lit.v1.json": lit, "Lit.v2.json": lit }
  })
  expect(problems).toEqual([expect.stringContaining("lamp, Lit.v1.json: it is gone")])
  expect([...missing.keys()]).toEqual(["Lit.v2.json", "State.v1.json"])
})
