/**
 * What whoever keeps events for ever relies on: today's events are stored under their names and versions, yesterday's are
 * raised to today's shape, and what cannot be read stops its reader with an error that says what to do.
 */
import * as Event from "@daybook/core/Event"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"

const Price = Schema.Struct({ amount: Schema.Int, currency: Schema.String })

/** Version 1 had `qty`; version 2 called it `quantity`; version 3 added the currency. */
const events = Event.define({
  CartOpened: { customerId: Schema.NullOr(Schema.String) },
  ItemAdded: Event.versioned(
    3,
    { sku: Schema.String, quantity: Schema.Int, price: Price },
    {
      1: ({ qty, ...rest }) => ({ ...rest, quantity: qty }),
      2: ({ price, ...rest }) => ({ ...rest, price: { amount: price, currency: "GBP" } })
    }
  ),
  CartEmptied: {},
  Reminded: { at: Schema.DateTimeUtcFromString, note: Schema.optionalKey(Schema.String) }
})

const stored = (given: Partial<Event.Stored>): Event.Stored => ({
  partition: 3,
  position: 41,
  stream: "cart-536365",
  version: 7,
  eventId: "0198c5a0-0000-7000-8000-000000000000",
  type: "ItemAdded",
  schemaVersion: 3,
  data: { sku: "71053", quantity: 6, price: { amount: 339, currency: "GBP" } },
  occurredAtMillis: 1_290_988_800_000,
  recordedAtMillis: 1_700_000_000_000,
  actor: "user:17850",
  reason: null,
  commandId: "command-1",
  correlationId: "conversation-1",
  causationId: "message-1",
  traceParent: null,
  tenant: null,
  ...given
})

const itemAdded = { _tag: "ItemAdded", sku: "71053", quantity: 6, price: { amount: 339, currency: "GBP" } } as const

const undecodable = (given: Partial<Event.Stored>): Event.UndecodableEvent => {
  try {
    events.decode(stored(given))
  } catch (error) {
    if (error instanceof Event.UndecodableEvent) return error
    throw error
  }
  throw new Error("it was decoded")
}

describe("storing an event", () => {
  it("writes its name, its schema version and its fields, and no tag among them", () => {
    expect(events.encode(itemAdded)).toEqual({
      type: "ItemAdded",
      schemaVersion: 3,
      data: { sku: "71053", quantity: 6, price: { amount: 339, currency: "GBP" } }
    })
  })

  it("writes JSON, whatever the fields are in code", () => {
    const [reminded] = events.decode(
      stored({ type: "Reminded", schemaVersion: 1, data: { at: "2011-12-09T12:50:00.000Z" } })
    )
    expect(events.encode(reminded!).data).toEqual({ at: "2011-12-09T12:50:00.000Z" })
  })

  it("writes an event without fields as an empty object, and leaves the event as it is", () => {
    const emptied = { _tag: "CartEmptied" } as const
    const { data } = events.encode(emptied)
    expect(data).toEqual({})
    expect(data).not.toBe(emptied)
    expect(emptied).toEqual({ _tag: "CartEmptied" })
  })

  it("refuses an event that does not fit its schema, naming the field", () => {
    expect(() => events.encode({ ...itemAdded, quantity: 0.5 })).toThrow(/quantity/)
    expect(() => events.encode({ ...itemAdded, price: { amount: Number.NaN, currency: "GBP" } })).toThrow(/amount/)
  })

  it("refuses an event that is not declared", () => {
    const exploded = { _tag: "CartExploded" } as never
    expect(() => events.encode(exploded)).toThrow(
      "Event CartExploded is not declared; add it to the aggregate's events"
    )
  })
})

describe("reading an event back", () => {
  it("gives what was stored", () => {
    expect(events.decode(stored({}))).toEqual([itemAdded])
  })

  it("raises older versions step by step", () => {
    expect(events.decode(stored({ schemaVersion: 2, data: { sku: "71053", quantity: 6, price: 339 } }))).toEqual([
      itemAdded
    ])
    expect(events.decode(stored({ schemaVersion: 1, data: { sku: "71053", qty: 6, price: 339 } }))).toEqual([itemAdded])
  })

  it("changes nothing of what is stored, also for an event without fields", () => {
    const data = Object.freeze({})
    const event = events.decode(stored({ type: "CartEmptied", schemaVersion: 1, data }))
    expect(event).toEqual([{ _tag: "CartEmptied" }])
    expect(data).toEqual({})
  })

  it("ignores fields that this code does not know", () => {
    expect(events.decode(stored({ data: { ...(stored({}).data as object), colour: "white" } }))).toEqual([itemAdded])
  })

  it("knows the names and current versions of all events, in order of declaration", () => {
    expect(events.names).toEqual(["CartOpened", "ItemAdded", "CartEmptied", "Reminded"])
    expect(events.names.map(events.schemaVersion)).toEqual([1, 3, 1, 1])
    expect(events.schemaVersion("CartExploded")).toBeUndefined()
    expect(events.schemaVersion("toString")).toBeUndefined()
  })
})

describe("an event that cannot be read", () => {
  it("names its place, and is a problem that can be reported", () => {
    expect(undecodable({ type: "CartExploded" })).toMatchObject({
      _tag: "UndecodableEvent",
      status: 500,
      type: "urn:daybook:problem:UndecodableEvent",
      stream: "cart-536365",
      version: 7,
      partition: 3,
      position: 41,
      eventType: "CartExploded",
      schemaVersion: 3,
      detail:
        "CartExploded (schema version 3) at version 7 of stream cart-536365, partition 3 position 41: " +
        "this code has no event of that name"
    })
  })

  it.each([
    [
      "written by a later release",
      { schemaVersion: 4 },
      "this code knows versions up to 3; deploy the release that wrote it"
    ],
    ["of schema version 0", { schemaVersion: 0 }, "schema versions start at 1"],
    ["with a field missing", { data: { sku: "71053", quantity: 6 } }, "price"],
    ["with a field of another type", { data: { ...(stored({}).data as object), quantity: "6" } }, "quantity"],
    ["whose data is no object", { data: "text" }, "Expected object"],
    ["whose data is null", { data: null }, "Expected object"],
    ["whose upcaster fails", { schemaVersion: 1, data: null }, "Cannot destructure"],
    ["without fields, whose data is a text", { type: "CartEmptied", schemaVersion: 1, data: "text" }, 'not "text"'],
    ["without fields, whose data is a list", { type: "CartEmptied", schemaVersion: 1, data: [] }, "not []"]
  ])("says why: %s", (_, given, why) => {
    expect(undecodable(given).detail).toContain(why)
  })
})

describe("what handlers see", () => {
  it("has the event with its place and its metadata, and no trace of how it is stored", () => {
    const { data, type, schemaVersion, ...rest } = stored({})
    expect([data, type, schemaVersion]).toHaveLength(3)
    expect(Event.record(events, stored({}))).toEqual([{ ...rest, event: itemAdded }])
  })
})

describe("at start-up, definitions are refused", () => {
  const versionedAs = (version: number, upcasters: object) => () =>
    Event.define({
      ItemAdded: Event.versioned(version as 2, { sku: Schema.String }, upcasters as { 1: Event.Upcaster })
    })

  const upcaster: Event.Upcaster = (data) => data

  it.each([
    ["a missing upcaster", 3, { 1: upcaster }, "Event ItemAdded: add an upcaster from schema version 2"],
    ["several missing upcasters", 4, {}, "add an upcaster from schema version 1, 2, 3"],
    ["an upcaster of the current version", 2, { 1: upcaster, 2: upcaster }, "from version 2 is not of a past version"],
    ["an upcaster of a version still to come", 2, { 1: upcaster, 7: upcaster }, "(current: 2)"],
    ["an upcaster from version 0", 2, { 0: upcaster, 1: upcaster }, "from version 0 is not of a past version"],
    ["version 0", 0, {}, "schema version 0 is not a whole number of at least 1"],
    ["a version that is no whole number", 1.5, { 1: upcaster }, "schema version 1.5 is not a whole number"]
  ])("with %s", (_, version, upcasters, message) => {
    expect(versionedAs(version, upcasters)).toThrow(message)
  })
})

describe("what does not compile", () => {
  const same: Event.Upcaster = (data) => data
  const fields = { sku: Schema.String }

  it("a missing upcaster, or one that is not of a past version", () => {
    // @ts-expect-error version 2 lacks its upcaster from 1
    Event.versioned(2, fields, {})
    // @ts-expect-error version 3 lacks its upcaster from 2
    Event.versioned(3, fields, { 1: same })
    // @ts-expect-error 2 is the current version
    Event.versioned(2, fields, { 1: same, 2: same })
    // @ts-expect-error version 1 has nothing before it
    Event.versioned(1, fields, { 1: same })
    expect(Event.versioned(3, fields, { 1: same, 2: same }).version).toBe(3)
  })

  it("an event name given twice", () => {
    const twice = Event.define({
      // biome-ignore lint/suspicious/noDuplicateObjectKeys: that is what is shown
      Opened: { by: Schema.String },
      // @ts-expect-error the name is taken
      Opened: { by: Schema.Int }
    })
    expect(twice.names).toEqual(["Opened"])
  })

  it("an event without one of its fields, or with a field of another type", () => {
    // @ts-expect-error the quantity and the price are missing
    expect(() => events.encode({ _tag: "ItemAdded", sku: "71053" })).toThrow()
    // @ts-expect-error the quantity is a number
    expect(() => events.encode({ ...itemAdded, quantity: "6" })).toThrow()
  })
})
