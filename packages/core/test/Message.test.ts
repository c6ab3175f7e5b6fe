/**
 * The form of messages on the wire: what is sent comes back as it was, what others send is understood, and what no store could
 * keep is no message of ours.
 */
import { fromCloudEvent, type Message, toCloudEvent } from "@daybook/core/Message"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"

const plain: Message = {
  id: "1",
  source: "/cart",
  type: "CartCompleted",
  schemaVersion: 1,
  key: "cart-1",
  occurredAtMillis: Date.UTC(2011, 11, 9, 12, 50),
  correlationId: null,
  causationId: null,
  actor: null,
  traceParent: null,
  tenant: null,
  commandId: null,
  replyTo: null,
  data: { checkoutId: "checkout-1" }
}

/** The CloudEvent with some attributes as given; those that are `undefined` are left out. */
const altered = (given: Readonly<Record<string, unknown>>) =>
  fromCloudEvent(JSON.stringify({ ...JSON.parse(toCloudEvent(plain)), ...given }))

describe("a message on the wire", () => {
  it("is a CloudEvent 1.0 in structured mode, without what was not given", () => {
    expect(JSON.parse(toCloudEvent(plain))).toEqual({
      specversion: "1.0",
      id: "1",
      source: "/cart",
      type: "CartCompleted",
      datacontenttype: "application/json",
      time: "2011-12-09T12:50:00.000Z",
      partitionkey: "cart-1",
      schemaversion: 1,
      data: { checkoutId: "checkout-1" }
    })
  })

  it("comes back as it was", () => {
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 40 }).filter((value) => !value.includes("\u0000"))
    const maybe = fc.option(text)
    const messages = fc.record<Message>({
      id: text,
      source: text,
      type: text,
      schemaVersion: fc.integer({ min: 1, max: 99 }),
      key: text,
      occurredAtMillis: fc.integer({ min: 0, max: 4e12 }),
      correlationId: maybe,
      causationId: maybe,
      actor: maybe,
      traceParent: maybe,
      tenant: maybe,
      commandId: maybe,
      replyTo: maybe,
      data: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)))
    })
    fc.assert(
      fc.property(messages, (message) => {
        expect(Option.getOrThrow(fromCloudEvent(toCloudEvent(message)))).toEqual(message)
      })
    )
  })

  it("is understood with attributes that we do not know, and without those that are optional", () => {
    expect(altered({ subject: "x", dataschema: "y", datacontenttype: undefined })).toEqual(Option.some(plain))
  })
})

describe("no message of ours", () => {
  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["bytes", "\u0000\u0001\ufffd"],
    ["a list", "[]"],
    ["null", "null"]
  ])("%s", (_, text) => {
    expect(fromCloudEvent(text)).toEqual(Option.none())
  })

  it.each([
    ["of another specification", { specversion: "0.3" }],
    ["without an id", { id: undefined }],
    ["with an empty id", { id: "" }],
    ["without a key", { partitionkey: undefined }],
    ["with a time that is none", { time: "yesterday" }],
    ["with half a version", { schemaversion: 1.5 }],
    ["with data in another format", { datacontenttype: "text/xml" }],
    ["without data", { data: undefined }],
    // What follows no database could look up, or put into an index.
    ["with a NUL character in its id", { id: "a\u0000b" }],
    ["with a lone surrogate in its key", { partitionkey: "\ud83d" }],
    ["with a NUL character in its command's id", { commandid: "\u0000" }],
    ["with a key of 501 characters", { partitionkey: "k".repeat(501) }],
    ["with an id of a megabyte", { id: "i".repeat(1_000_000) }]
  ])("a CloudEvent %s", (_, given) => {
    expect(altered(given)).toEqual(Option.none())
  })

  it("but one with a key of 500 characters is", () => {
    expect(altered({ partitionkey: "k".repeat(500) })).toEqual(Option.some({ ...plain, key: "k".repeat(500) }))
  })
})
