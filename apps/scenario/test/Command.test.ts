/**
 * What someone at a terminal relies on: help, and a clear word about what was not understood.
 */
import { describe, expect, it } from "vitest"
import { scenario } from "./Scenario.ts"

describe("npm run scenario", () => {
  it("has help with examples", async () => {
    const { code, output } = await scenario("--help")
    expect(code).toBe(0)
    expect(output).toContain("--faults")
    expect(output).toContain("Examples:")
  })

  it.each([
    [["shopping"], 'There is no scenario "shopping"; there is checkout'],
    [[], 'There is no scenario ""; there is checkout'],
    [["checkout", "--orders", "many"], '--orders is "many"; give a whole number from 1 to 1000000'],
    [["checkout", "--broker", "pigeon"], "--broker is pigeon; give kafka, postgres or sql"],
    [["checkout", "--seed", "x"], '--seed is "x"; give a whole number'],
    [["checkout", "--fast"], "--fast"]
  ])("does not understand %j, and says why", async (args, words) => {
    const { code, output, errors } = await scenario(...args)
    expect({ code, output }).toEqual({ code: 2, output: "" })
    expect(errors).toContain(words)
    expect(errors).toContain("--help")
  })
})
