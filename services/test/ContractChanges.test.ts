/**
 * Which changes of a contract are let through: each kind that would break someone is caught, with the place and what was there;
 * what breaks nobody is not held up.
 */
import * as AsyncApi from "@daybook/core/AsyncApi"
import * as Contract from "@daybook/core/Contract"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { type Changes, compare, merge } from "./ContractChanges.ts"

type Definitions = Parameters<typeof Contract.define>[1]

const schemas = (definitions: Definitions) => AsyncApi.schemasOf(Contract.define("parcel-events", definitions))

/** What becomes of those who know `before` when it changes into `now`. */
const changes = (before: Definitions, now: Definitions): Changes => compare(merge({}, schemas(before)), schemas(now))

const text = Schema.String
const item = Schema.Struct({ sku: text, quantity: Schema.Int })
const sent = { to: text, note: Schema.optionalKey(text), items: Schema.Array(item), size: Schema.Literals(["s", "m"]) }

/** A change of the fields of `ParcelSent`, which stays at version 1. */
const fields = (now: Schema.Struct.Fields) => changes({ ParcelSent: sent }, { ParcelSent: now })

const { to: _, ...withoutTo } = sent
const { note: __, ...withoutNote } = sent

const nameOf = (identifier: string, inner: Schema.Struct<Schema.Struct.Fields>) => inner.annotate({ identifier })

describe("no change", () => {
  it("when everything is as it was", () => {
    expect(fields(sent)).toEqual({ broken: [], added: [] })
  })

  it("when only descriptions change, or the order", () => {
    const { items, ...rest } = sent
    const described = { items, ...rest, to: text.annotate({ description: "A street", examples: ["Lane 7"] }) }
    expect(fields(described)).toEqual({ broken: [], added: [] })
    expect(fields({ ...sent, size: Schema.Literals(["m", "s"]) })).toEqual({ broken: [], added: [] })
  })

  it("when a part gets a name of its own, or another one", () => {
    const before = { ParcelSent: { item: nameOf("Item", item) } }
    expect(changes(before, { ParcelSent: { item: nameOf("Good", item) } })).toEqual({ broken: [], added: [] })
    expect(changes(before, { ParcelSent: { item } })).toEqual({ broken: [], added: [] })
  })
})

describe("breaks nobody", () => {
  it.each<[string, Definitions, ReadonlyArray<string>]>([
    ["a new message", { ParcelSent: sent, ParcelLost: {} }, ["ParcelLost, version 1"]],
    [
      "a new version",
      { ParcelSent: Contract.versioned(2, withoutTo, { 1: ({ to: _, ...data }) => data }) },
      ["ParcelSent, version 2"]
    ],
    [
      "a new field that may be left out",
      { ParcelSent: { ...sent, weight: Schema.optionalKey(Schema.Int) } },
      ["ParcelSent, version 1: field weight, which may be left out"]
    ],
    [
      "a new field that may be left out, further down",
      {
        ParcelSent: { ...sent, items: Schema.Array(Schema.Struct({ ...item.fields, gift: Schema.optionalKey(text) })) }
      },
      ["ParcelSent, version 1: field items[].gift, which may be left out"]
    ]
  ])("%s", (_, now, added) => {
    expect(changes({ ParcelSent: sent }, now)).toEqual({ broken: [], added })
  })
})

it("a first field that may be left out breaks nobody", () => {
  const { broken, added } = changes({ ParcelLost: {} }, { ParcelLost: { where: Schema.optionalKey(text) } })
  expect({ broken, added }).toEqual({
    broken: [],
    added: ["ParcelLost, version 1: field where, which may be left out"]
  })
})

describe("breaks someone", () => {
  it.each<[string, Schema.Struct.Fields, ReadonlyArray<string>]>([
    ["a field is removed", withoutTo, ["field to is gone"]],
    [
      "a field is renamed",
      { ...withoutTo, destination: text },
      ["field destination is new and required", "field to is gone"]
    ],
    ["a new field is required", { ...sent, weight: Schema.Int }, ["field weight is new and required"]],
    ["an optional field becomes required", { ...sent, note: text }, ["field note is now required"]],
    ["a required field becomes optional", { ...sent, to: Schema.optionalKey(text) }, ["field to may now be left out"]],
    ["an optional field is removed", withoutNote, ["field note is gone"]],
    ["a type changes", { ...sent, to: Schema.Boolean }, ['field to was {"type":"string"} and is {"type":"boolean"}']],
    [
      "a type changes further down",
      { ...sent, items: Schema.Array(Schema.Struct({ sku: Schema.Boolean, quantity: Schema.Int })) },
      ['field items[].sku was {"type":"string"} and is {"type":"boolean"}']
    ],
    [
      "a field may now be null",
      { ...sent, to: Schema.NullOr(text) },
      ['field to was {"type":"string"} and is {"anyOf":[{"type":"string"},{"type":"null"}]}']
    ],
    [
      "a choice is added, which old readers do not know",
      { ...sent, size: Schema.Literals(["s", "m", "l"]) },
      ['field size was {"type":"string","enum":["s","m"]} and is {"type":"string","enum":["s","m","l"]}']
    ],
    [
      "a choice is taken away, which old messages still make",
      { ...sent, size: Schema.Literals(["s"]) },
      [expect.stringContaining('field size was {"type":"string","enum":["s","m"]} and is')]
    ],
    [
      "what is accepted gets narrower",
      { ...sent, to: text.check(Schema.isMaxLength(5)) },
      ['field to was {"type":"string"} and is {"type":"string","maxLength":5}']
    ],
    [
      "a list becomes one",
      { ...sent, items: item },
      [expect.stringMatching(/^field items was .*"array".* and is .*"object"/)]
    ],
    ["everything goes", {}, ["items", "note", "size", "to"].map((name) => `field ${name} is gone`)]
  ])("%s", (_, now, broken) => {
    const said = fields(now).broken.map((line) => line.replace("ParcelSent, version 1: ", ""))
    expect(said.toSorted()).toEqual(broken)
  })

  it("a change inside of a named part, of a part that refers to itself, and of one that may be null", () => {
    const named = (inner: Schema.Struct<Schema.Struct.Fields>) => ({ ParcelSent: { item: nameOf("Item", inner) } })
    expect(changes(named(item), named(Schema.Struct({ sku: text }))).broken).toEqual([
      "ParcelSent, version 1: field item.quantity is gone"
    ])
    const tree = (leaf: Schema.Top) => {
      const Tree: Schema.Top = Schema.Struct({
        leaf,
        inner: Schema.Array(Schema.suspend((): Schema.Top => Tree))
      }).annotate({ identifier: "Tree" })
      return { ParcelSent: { tree: Tree } }
    }
    expect(changes(tree(text), tree(text)).broken).toEqual([])
    expect(changes(tree(text), tree(Schema.Int)).broken).toEqual([
      expect.stringMatching(
        /^ParcelSent, version 1: field tree\.leaf was \{"type":"string"\} and is \{"type":"integer"/
      )
    ])
    const maybe = (inner: Schema.Top) => ({ ParcelSent: { item: Schema.NullOr(inner) } })
    expect(changes(maybe(item), maybe(Schema.Struct({ sku: text }))).broken).toEqual([
      "ParcelSent, version 1: field item.quantity is gone"
    ])
  })

  it("a message is removed or renamed", () => {
    expect(changes({ ParcelSent: sent }, { ParcelShipped: sent })).toEqual({
      broken: ["ParcelSent is gone"],
      added: ["ParcelShipped, version 1"]
    })
  })

  it("nothing is left of a message but its name, or the other way round", () => {
    const [some, none] = [{ ParcelSent: { to: text } }, { ParcelSent: {} }]
    expect(changes(some, none).broken).toEqual(["ParcelSent, version 1: field to is gone"])
    expect(changes(none, some).broken).toEqual(["ParcelSent, version 1: field to is new and required"])
  })

  it("a version is taken back", () => {
    const second = { ParcelSent: Contract.versioned(2, sent, { 1: (data) => data }) }
    expect(changes(second, { ParcelSent: sent })).toEqual({
      broken: ["ParcelSent was at version 2 and is at 1"],
      added: []
    })
  })
})

describe("a record", () => {
  it("keeps the versions of the past", () => {
    const first = merge({}, schemas({ ParcelSent: sent }))
    const second = merge(first, schemas({ ParcelSent: Contract.versioned(2, withoutTo, { 1: (data) => data }) }))
    expect(Object.keys(second.ParcelSent!)).toEqual(["1", "2"])
    expect(second.ParcelSent![1]).toEqual(first.ParcelSent![1])
  })

  it("is as it is written", () => {
    const record = merge({}, schemas({ ParcelSent: { ...sent, item: nameOf("Item", item) }, ParcelLost: {} }))
    expect(JSON.parse(JSON.stringify(record))).toEqual(record)
  })
})
