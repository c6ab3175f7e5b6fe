/**
 * What services rely on in one another's contracts: a message that was ever published can still be read, and one that is published
 * now can be read by those who know the contract from before. `contracts/` is the record of what was published.
 */
import { existsSync, readdirSync } from "node:fs"
import * as AsyncApi from "@daybook/core/AsyncApi"
import * as Contract from "@daybook/core/Contract"
import type { Message } from "@daybook/core/Message"
import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import { conductor } from "../src/checkout/Consumer.ts"
import { parties } from "../src/Parties.ts"
import { type JsonSchema, recordOf } from "./ContractChanges.ts"
import { changesSince, contracts, recorded, recordedTopics, remedy } from "./ContractRecords.ts"

const services = new URL("../src/", import.meta.url)

describe("the list of contracts", () => {
  it("has every service that has one", () => {
    const withContract = readdirSync(services).filter((name) => existsSync(new URL(`${name}/Contract.ts`, services)))
    expect(parties.map(({ service }) => service)).toEqual(expect.arrayContaining(withContract))
  })

  it("has the topic on which the checkout hears answers", () => {
    expect(contracts.map(({ topic }) => topic)).toContain(conductor.replyTo)
  })

  it("has a listener for every command that someone sends, and a sender of all that someone hears", () => {
    const sent = new Set(parties.flatMap(({ sends }) => sends))
    const heard = new Set(parties.flatMap(({ receives }) => receives))
    const commands = [...sent].filter(({ topic }) => topic.endsWith("-commands"))
    expect(commands.filter((contract) => !heard.has(contract))).toEqual([])
    // Answers come from whoever takes the commands.
    const unsaid = [...heard].filter((contract) => !sent.has(contract)).map(({ topic }) => topic)
    expect(unsaid).toEqual([conductor.replyTo])
  })
})

describe("no contract that was published is gone", () => {
  it.each(recordedTopics())("%s", (topic) => {
    expect(contracts.map((contract) => contract.topic)).toContain(topic)
  })
})

const envelope: Omit<Message, "type" | "schemaVersion" | "data"> = {
  id: "1",
  source: "/recorded",
  key: "key",
  occurredAtMillis: 0,
  correlationId: null,
  causationId: null,
  actor: null,
  traceParent: null,
  tenant: null,
  commandId: null,
  replyTo: null
}

/** Data as a recorded schema allows it. */
const dataOf = ({ $defs, ...schema }: JsonSchema) => {
  const document = {
    dialect: "draft-2020-12",
    schema,
    definitions: ($defs ?? {}) as Record<string, JsonSchema>
  } as const
  const codec = SchemaRepresentation.fromJsonSchemaDocument(document as never, { patterns: "apply" })
  return Arbitrary.schema(codec as Schema.Codec<unknown>)
}

describe.each(contracts.map((contract) => ({ contract, topic: contract.topic })))("$topic", ({ contract, topic }) => {
  it("breaks nobody who knows it from before", () => {
    expect(changesSince(contract).broken, remedy).toEqual([])
  })

  it("is recorded as it is now", () => {
    expect(changesSince(contract).added, "Record what is new, and commit it: npm run contracts").toEqual([])
  })

  const versions = Object.entries(recorded(topic)).flatMap(([name, schemas]) =>
    Object.entries(schemas).map(([version, schema]) => ({ name, version: Number(version), schema }))
  )

  it.effect.each(versions)("$name, version $version, can still be read", ({ name, version, schema }) =>
    Effect.gen(function* () {
      for (const data of yield* Arbitrary.sampleEffect(dataOf(schema), { count: 30, seed: 7 })) {
        const message = { ...envelope, type: name, schemaVersion: version, data: JSON.parse(JSON.stringify(data)) }
        expect(contract.decode(message)._tag).toBe(name)
      }
    })
  )
})

it.effect("a version that can no longer be read is found out", () =>
  Effect.gen(function* () {
    const before = Contract.define("parcel-events", { ParcelSent: { destination: Schema.String } })
    const Events = Contract.define("parcel-events", {
      // The upcaster takes the destination for something that it never was.
      ParcelSent: Contract.versioned(2, { to: Schema.String }, { 1: ({ destination }) => ({ to: destination.street }) })
    })
    const [schema] = AsyncApi.schemasOf(before).map(recordOf)
    const [data] = yield* Arbitrary.sampleEffect(dataOf(schema!), { count: 1, seed: 7 })
    const message = { ...envelope, type: "ParcelSent", schemaVersion: 1, data }
    expect(before.decode(message)._tag).toBe("ParcelSent")
    expect(() => Events.decode(message)).toThrow(Contract.UnreadableMessage)
  })
)
