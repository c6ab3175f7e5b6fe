/**
 * What an operator relies on of `daybook projection rebuild` before it touches a store: what it refuses and why, and that every read
 * model can be rebuilt. What it does is with the integration tests.
 */
import { describe, expect, it } from "vitest"
import * as CodeFingerprint from "../src/CodeFingerprint.ts"
import * as ServiceProjections from "../src/ServiceProjections.ts"
import { daybook } from "./Orders.ts"

const reactions = Object.values(ServiceProjections.kept).flatMap(({ projections, readModels, schema }) =>
  projections.map(({ name }) => name).filter((name) => !readModels(schema).some((one) => one.name === name))
)

const rebuild = (...args: ReadonlyArray<string>) =>
  daybook({ DAYBOOK_HOME: "/dev/null/none" }, "projection", "rebuild", ...args)

describe("daybook projection rebuild", () => {
  it("says what there is where the name is none", async () => {
    const unknown = await rebuild("carts")
    expect(unknown).toMatchObject({ code: 1, out: "" })
    expect(unknown.err).toMatch(/^There is no projection carts\. Read models are: .*cart-views.*stock-views/)
    expect(unknown.err).not.toContain("publication")
  })

  it.each(reactions)("never sends again what goes out because of events: %s", async (name) => {
    const sent = await rebuild(name)
    expect(sent, name).toMatchObject({ code: 1, out: "" })
    expect(sent.err).toMatch(new RegExp(`^${name} is no read model: it sends commands or messages`))
  })

  it("does not understand a rate or a number of partitions of nought", async () => {
    expect((await rebuild("cart-views", "--rate", "0")).code).toBe(2)
    expect((await rebuild("cart-views", "--parallel", "0")).code).toBe(2)
  })
})

describe("every read model of every service", () => {
  const readModels = Object.entries(ServiceProjections.kept).flatMap(([service, { schema, readModels, tables }]) =>
    readModels(schema).map((projection) => ({ service, projection, tables: [tables].flat() }))
  )

  it("says which tables it writes, no table is written by two, and each is one that its migrations make", () => {
    const named = readModels.flatMap(({ service, projection }) =>
      projection.tables.map((table) => `${service}.${typeof table === "string" ? table : table.name}`)
    )
    expect(new Set(named).size).toBe(named.length)
    for (const { projection, tables } of readModels) {
      expect(projection.tables, projection.name).not.toEqual([])
      const text = tables.flatMap(({ migrations }) => migrations.map((migration) => migration.sql)).join("\n")
      for (const table of projection.tables) {
        const { name: tableName } = typeof table === "string" ? { name: table } : table
        expect(text).toMatch(new RegExp(`CREATE TABLE \\{schema\\}\\.${tableName} `))
      }
    }
  })
})

describe("the fingerprint of a service's code", () => {
  it("is the same as long as the code is, and another one for another service", () => {
    expect(CodeFingerprint.ofService("cart")).toBe(CodeFingerprint.ofService("cart"))
    expect(CodeFingerprint.ofService("cart")).not.toBe(CodeFingerprint.ofService("order"))
  })
})
