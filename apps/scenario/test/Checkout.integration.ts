/**
 * The scenario at a size for every day: four processes with a database each and real Kafka between them; everything in one process that
 * is killed again and again; and four processes on one database, all of which are.
 */
import { describe, expect, it } from "vitest"
import { scenario } from "./Scenario.ts"

const zeros = { needsAttention: 0, oversold: 0, duplicated: 0, lost: 0, stuck: 0, examples: [] }

const run = async (...args: ReadonlyArray<string>) => {
  const { output, errors } = await scenario("checkout", "--json", ...args)
  const last = output.trim().split("\n").at(-1) ?? ""
  expect(last, errors).toMatch(/^\{.*\}$/)
  return { result: JSON.parse(last), errors }
}

describe("the scenario checkout", { timeout: 600_000 }, () => {
  it("confirms every order of services that meet through Kafka alone", async () => {
    const { result, errors } = await run("--orders", "30", "--broker", "kafka", "--seed", "11")
    expect(result, errors).toMatchObject({ ...zeros, processes: 4, started: 30, confirmed: 30, restored: 0 })
  })

  it("confirms or restores every order of a shop that is killed five times, whatever the payments do", async () => {
    const { result, errors } = await run("--orders", "40", "--faults", "--seed", "12")
    expect(result, errors).toMatchObject({ ...zeros, processes: 1, started: 40, kills: { shop: 5 } })
    expect(result.confirmed + result.restored).toBe(40)
    expect(result.restored).toBeGreaterThan(0)
  })

  it("does so with processes that are killed on a PostgreSQL that crashes", async () => {
    const { result, errors } = await run("--orders", "40", "--broker", "postgres", "--faults", "--seed", "13")
    expect(result, errors).toMatchObject({ ...zeros, processes: 4, started: 40, databaseRestarts: 1 })
    expect(result.confirmed + result.restored).toBe(40)
  })
})
