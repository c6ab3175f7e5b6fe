/**
 * The messages between services as an AsyncAPI 3.0 document, made from their contracts: what OpenAPI is for HTTP. Pure. Served by
 * apps; `schemasOf` is also what published contracts are held to.
 *
 * https://www.asyncapi.com/docs/reference/specification/v3.0.0. A topic is a channel, a message is a CloudEvent in structured mode
 * (`Message.ts`), and each service that sends or receives on a topic has an operation there.
 */
import * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import type { Contract } from "./Contract.ts"
import { CloudEvent } from "./Message.ts"
import { replies } from "./Participant.ts"
import * as Versioned from "./Versioned.ts"

/** What one service says and hears. What comes on a topic called `…-commands` is answered on the topic that it names. */
export interface Party {
  /** Its name, as in `cart`. */
  readonly service: string
  readonly sends: ReadonlyArray<Contract<any>>
  readonly receives: ReadonlyArray<Contract<any>>
}

/** What a document says of the whole. */
export interface Info {
  readonly title: string
  readonly version: string
  readonly description?: string
}

type Json = Readonly<Record<string, unknown>>

/** A document, as JSON. */
export interface Document {
  readonly asyncapi: "3.0.0"
  readonly info: Info
  readonly defaultContentType: string
  readonly channels: Readonly<Record<string, Json>>
  readonly operations: Readonly<Record<string, Json>>
  readonly components: {
    readonly messages: Readonly<Record<string, Json>>
    readonly schemas: Readonly<Record<string, Json>>
  }
}

/** The current version of a message, its data as a JSON Schema (draft 2020-12). */
export interface MessageSchema {
  readonly name: string
  readonly version: number
  readonly schema: JsonSchema.Document<"draft-2020-12">
}

const emptyObject = Schema.Record(Schema.String, Schema.Json)

/** The messages of a contract, in the order of their declaration. */
export const schemasOf = ({ definitions }: Contract<any>): ReadonlyArray<MessageSchema> =>
  Object.entries(definitions).map(([name, definition]) => {
    const { version, fields } = Versioned.isVersioned(definition) ? definition : { version: 1, fields: definition }
    // A struct without fields would be anything, null included.
    const schema = Object.keys(fields).length === 0 ? emptyObject : Schema.Struct(fields)
    return { name, version, schema: Schema.toJsonSchemaDocument(schema) }
  })

const ref = (...path: ReadonlyArray<string>): Json => ({ $ref: `#/${path.join("/")}` })

/** References to a schema's own definitions, which are to be found beside it. */
const moved = (value: unknown, key: string): unknown => {
  if (Array.isArray(value)) return value.map((inner) => moved(inner, key))
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).map(([name, inner]) => {
    const isRef = name === "$ref" && typeof inner === "string"
    return [name, isRef ? inner.replace("#/definitions/", `#/components/schemas/${key}.`) : moved(inner, key)]
  })
  return Object.fromEntries(entries)
}

/** A schema for `components.schemas`, and its definitions under its name. AsyncAPI's schemas are those of draft 07, and more. */
const placed = (key: string, document: JsonSchema.Document<"draft-2020-12">): Readonly<Record<string, Json>> => {
  const { schema, definitions } = JsonSchema.toDocumentDraft07(document)
  const named = Object.entries(definitions).map(([name, inner]) => [`${key}.${name}`, inner] as const)
  return moved(Object.fromEntries([[key, schema] as const, ...named]), key) as Readonly<Record<string, Json>>
}

const envelope = "CloudEvent"

const messageOf = (key: string, { name, version }: MessageSchema): Json => ({
  name,
  title: name,
  correlationId: { location: "$message.payload#/correlationid" },
  payload: {
    allOf: [
      ref("components", "schemas", envelope),
      {
        type: "object",
        properties: {
          type: { const: name },
          schemaversion: { const: version, description: "Earlier versions may still come, and are to be read too" },
          data: ref("components", "schemas", key)
        }
      }
    ]
  }
})

/** The channel of answers, whose topic is known only from the command. No topic begins with a capital. */
const answers = { key: "Replies", address: null, contract: replies("replies") }

const isCommands = (topic: string): boolean => topic.endsWith("-commands")

interface Channel {
  readonly key: string
  readonly address: string | null
  readonly contract: Contract<any>
}

const messageKey = (channel: string, name: string): string => `${channel}.${name}`

const channelOf = ({ key, address, contract: { names } }: Channel): Json => ({
  address,
  messages: Object.fromEntries(names.map((name) => [name, ref("components", "messages", messageKey(key, name))]))
})

const messageRefs = (channel: string, { names }: Contract<any>): ReadonlyArray<Json> =>
  names.map((name) => ref("channels", channel, "messages", name))

const reply: Json = {
  address: { location: "$message.payload#/replyto" },
  channel: ref("channels", answers.key),
  messages: messageRefs(answers.key, answers.contract)
}

const operationOf = (service: string, action: "send" | "receive", contract: Contract<any>): Json => ({
  action,
  title: `${service} ${action}s ${contract.topic}`,
  tags: [{ name: service }],
  channel: ref("channels", contract.topic),
  messages: messageRefs(contract.topic, contract),
  ...(action === "receive" && isCommands(contract.topic) ? { reply } : {})
})

const operationsOf = ({ service, sends, receives }: Party): Readonly<Record<string, Json>> =>
  Object.fromEntries([
    ...sends.map((contract) => [`${service}.sends.${contract.topic}`, operationOf(service, "send", contract)]),
    ...receives.map((contract) => [`${service}.receives.${contract.topic}`, operationOf(service, "receive", contract)])
  ])

/** The contracts, each once. Throws when two of them claim one topic. */
const distinct = (parties: ReadonlyArray<Party>): ReadonlyArray<Contract<any>> => {
  const contracts = new Set(parties.flatMap(({ sends, receives }) => [...sends, ...receives]))
  const byTopic = Map.groupBy(contracts, ({ topic }) => topic)
  for (const [topic, { length }] of byTopic) {
    if (length > 1)
      throw new Error(`${length} contracts are on topic ${topic}; each service imports the one of its owner`)
  }
  return [...contracts]
}

/**
 * The document of some services. Throws when two contracts claim one topic.
 *
 * @example
 * AsyncApi.document({ title: "Shop", version: "1" }, [{ service: "cart", sends: [CartEvents], receives: [CartCommands] }])
 */
export const document = (info: Info, parties: ReadonlyArray<Party>): Document => {
  const topics = distinct(parties).map((contract) => ({ key: contract.topic, address: contract.topic, contract }))
  const channels: ReadonlyArray<Channel> = topics.some(({ key }) => isCommands(key)) ? [...topics, answers] : topics
  const messages = channels.flatMap(({ key, contract }) =>
    schemasOf(contract).map((message) => ({ key: messageKey(key, message.name), message }))
  )
  const schemas = messages.map(({ key, message }) => placed(key, message.schema))
  return {
    asyncapi: "3.0.0",
    info,
    defaultContentType: "application/cloudevents+json",
    channels: Object.fromEntries(channels.map((channel) => [channel.key, channelOf(channel)])),
    operations: Object.assign({}, ...parties.map(operationsOf)),
    components: {
      messages: Object.fromEntries(messages.map(({ key, message }) => [key, messageOf(key, message)])),
      schemas: Object.assign({}, placed(envelope, Schema.toJsonSchemaDocument(CloudEvent)), ...schemas)
    }
  }
}
