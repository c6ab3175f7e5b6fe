import { describe, expect, it } from "vitest"
import { interleave, summarise } from "../src/Harness.ts"

describe("interleave", () => {
  it("goes A B C A B C, one at a time, and gathers each one's rounds in order", async () => {
    const order: Array<string> = []
    let underWay = 0
    const gathered = await interleave(["a", "b", "c"], 2, async (name, round) => {
      underWay++
      expect(underWay).toBe(1)
      await Promise.resolve()
      underWay--
      order.push(`${name}${round}`)
      return `${name}${round}`
    })
    expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "c2"])
    expect(gathered).toEqual({ a: ["a1", "a2"], b: ["b1", "b2"], c: ["c1", "c2"] })
  })

  it("stops at the first failure", async () => {
    const asked: Array<string> = []
    const running = interleave(["a", "b"], 3, async (name) => {
      asked.push(name)
      if (name === "b") throw new Error("b is down")
    })
    await expect(running).rejects.toThrow("b is down")
    expect(asked).toEqual(["a", "b"])
  })
})

describe("summarise", () => {
  it("gives median and extremes of each figure", () => {
    const rounds = [
      { commandsPerSecond: 100, p95Millis: 3 },
      { commandsPerSecond: 300, p95Millis: 1 },
      { commandsPerSecond: 200, p95Millis: 2 }
    ]
    expect(summarise(rounds)).toEqual({
      commandsPerSecond: { median: 200, min: 100, max: 300 },
      p95Millis: { median: 2, min: 1, max: 3 }
    })
  })

  it("keeps four digits, which is more than such figures are good for", () => {
    expect(summarise([{ commandsPerSecond: 12_345.678 }]).commandsPerSecond).toEqual({
      median: 12_350,
      min: 12_350,
      max: 12_350
    })
  })
})
