/**
 * What a reader of the AsyncAPI document relies on: it is valid, its references lead somewhere, and what it says of a message is
 * true of the message on the wire.
 */
import specs from "@asyncapi/specs"
import * as AsyncApi from "@daybook/core/AsyncApi"
import * as Contract from "@daybook/core/Contract"
import { type Message, toCloudEvent } from "@daybook/core/Message"
import * as Participant from "@daybook/core/Participant"
import { Ajv } from "ajv"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"

const Address = Schema.Struct({ street: Schema.String, number: Schema.Int }).annotate({ identifier: "Address" })

const ParcelEvents = Contract.define("parcel-events", {
  ParcelPacked: {
    sku: Schema.String,
    size: Schema.Tuple([Schema.Int, Schema.Int]),
    note: Schema.NullOr(Schema.String)
  },
  ParcelSent: Contract.versioned(2, { to: Address, back: Address }, { 1: ({ to }) => ({ to, back: to }) }),
  ParcelLost: {}
})

const ParcelCommands = Contract.define("parcel-commands", { SendParcel: { to: Address } })

const DeskReplies = Participant.replies("desk-replies")

const parties: ReadonlyArray<AsyncApi.Party> = [
  { service: "parcels", sends: [ParcelEvents], receives: [ParcelCommands] },
  { service: "desk", sends: [ParcelCommands], receives: [ParcelEvents, DeskReplies] }
]

const info = { title: "Parcels", version: "1", description: "Who says what." }

const document = AsyncApi.document(info, parties)

/** What a reference in the document stands for. */
const follow = (ref: string): any =>
  ref
    .replace("#/", "")
    .split("/")
    .reduce((at: any, name) => at?.[name], document)

const references = (value: unknown): ReadonlyArray<string> => {
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => (name === "$ref" ? [inner as string] : references(inner)))
}

/** What is wrong with a message's text by the document; `null` when nothing is. */
const complaintsOf = (key: string, text: string) => {
  const ajv = new Ajv({ strict: false })
  const validate = ajv.compile({ $ref: `#/components/messages/${key}/payload`, components: document.components })
  return validate(JSON.parse(text)) ? null : ajv.errorsText(validate.errors)
}

const message = (body: Contract.Type<typeof ParcelEvents>, given: Partial<Message> = {}): Message => ({
  id: "1",
  source: "/parcels",
  ...ParcelEvents.encode(body),
  key: "parcel-1",
  occurredAtMillis: 0,
  correlationId: null,
  causationId: null,
  actor: null,
  traceParent: null,
  tenant: null,
  commandId: null,
  replyTo: null,
  ...given
})

const home = { street: "Lane", number: 7 }

describe("the document", () => {
  it("is valid by the specification's own schema", () => {
    // It brings the meta-schema of draft 07 along, which would be there twice.
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, meta: false, validateSchema: false })
    const validate = ajv.compile(specs.schemas["3.0.0"] as object)
    expect(validate(document) || ajv.errorsText(validate.errors)).toBe(true)
    // The schema does find what is wrong.
    expect(validate({ ...document, channels: { "parcel-events": { addres: "parcel-events" } } })).toBe(false)
  })

  it("has no reference that leads nowhere", () => {
    const all = references(document)
    expect(all.length).toBeGreaterThan(20)
    for (const ref of all) expect(follow(ref), ref).toBeDefined()
  })

  it("is JSON", () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })

  it("has a channel for each topic, with its messages, and one for answers, whose topic is not known beforehand", () => {
    const channels = Object.entries(document.channels).map(([name, { address, messages }]) => [
      name,
      address,
      Object.keys(messages as object)
    ])
    expect(channels).toEqual([
      ["parcel-events", "parcel-events", ["ParcelPacked", "ParcelSent", "ParcelLost"]],
      ["parcel-commands", "parcel-commands", ["SendParcel"]],
      ["desk-replies", "desk-replies", ["CommandDone", "CommandRefused"]],
      ["Replies", null, ["CommandDone", "CommandRefused"]]
    ])
  })

  it("has an operation for each service and topic; only commands are answered, where they say", () => {
    const operations = Object.entries(document.operations).map(([name, operation]: [string, any]) => [
      name,
      operation.action,
      operation.channel.$ref,
      operation.reply?.address.location
    ])
    expect(operations).toEqual([
      ["parcels.sends.parcel-events", "send", "#/channels/parcel-events", undefined],
      ["parcels.receives.parcel-commands", "receive", "#/channels/parcel-commands", "$message.payload#/replyto"],
      ["desk.sends.parcel-commands", "send", "#/channels/parcel-commands", undefined],
      ["desk.receives.parcel-events", "receive", "#/channels/parcel-events", undefined],
      ["desk.receives.desk-replies", "receive", "#/channels/desk-replies", undefined]
    ])
  })

  it("has no channel for answers where nobody takes commands", () => {
    const { channels } = AsyncApi.document(info, [{ service: "parcels", sends: [ParcelEvents], receives: [] }])
    expect(Object.keys(channels)).toEqual(["parcel-events"])
  })

  it("is not made where two contracts claim one topic", () => {
    const rival = Contract.define("parcel-events", { ParcelFound: {} })
    expect(() => AsyncApi.document(info, [...parties, { service: "rival", sends: [rival], receives: [] }])).toThrow(
      "2 contracts are on topic parcel-events"
    )
  })
})

describe("what it says of a message is true on the wire", () => {
  it.each([
    { _tag: "ParcelPacked", sku: "mug", size: [1, 2], note: null },
    { _tag: "ParcelSent", to: home, back: home },
    { _tag: "ParcelLost" }
  ] satisfies ReadonlyArray<Contract.Type<typeof ParcelEvents>>)("$_tag", (body) => {
    const key = `parcel-events.${body._tag}`
    expect(complaintsOf(key, toCloudEvent(message(body)))).toBeNull()
    const rich = message(body, { correlationId: "talk", actor: "me", traceParent: "00-1-2-01", commandId: "c" })
    expect(complaintsOf(key, toCloudEvent(rich))).toBeNull()
  })

  const lost = message({ _tag: "ParcelLost" })

  it.each([
    ["another message", { type: "ParcelFound" }, "must be equal to constant"],
    ["another version", { schemaVersion: 7 }, "must be equal to constant"],
    ["no id", { id: "" }, "must NOT have fewer than 1 characters"],
    ["data that is none", { data: null }, "must be object"]
  ] as const)("%s is not valid by it", (_, given, complaint) => {
    expect(complaintsOf("parcel-events.ParcelLost", toCloudEvent({ ...lost, ...given }))).toContain(complaint)
  })

  it("data of another shape is not valid by it", () => {
    const sent = message({ _tag: "ParcelSent", to: home, back: home })
    const wrong = { ...sent, data: { to: home, back: { street: "Lane" } } }
    expect(complaintsOf("parcel-events.ParcelSent", toCloudEvent(wrong))).toContain("'number'")
  })
})

describe("the schemas of a contract", () => {
  it("are those of the current versions, in order, each complete in itself", () => {
    const schemas = AsyncApi.schemasOf(ParcelEvents)
    expect(schemas.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "ParcelPacked 1",
      "ParcelSent 2",
      "ParcelLost 1"
    ])
    const [, sent] = schemas
    expect(sent!.schema.schema).toMatchObject({
      required: ["to", "back"],
      properties: { to: { $ref: "#/$defs/Address" } }
    })
    expect(sent!.schema.definitions.Address).toMatchObject({ required: ["street", "number"] })
  })
})
