import { readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { describe, expect, it } from "vitest"
import { fillMemory, freeBytes } from "../src/Memory.ts"

const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith("daybook-memory-"))

describe("filling memory", () => {
  it("says how far it is, and leaves no file", async () => {
    const before = left()
    const said: Array<string> = []
    await using _ = await fillMemory((line) => said.push(line), 40 * 2 ** 20)
    expect(said).toEqual(["filling memory: 0 of 0.0 GB"])
    expect(left()).toEqual(before)
  })

  it("does nothing where there is nothing to fill, or the system does not say", async () => {
    const said: Array<string> = []
    await using _ = await fillMemory((line) => said.push(line), -1)
    expect(said).toEqual([])
  })

  it.runIf(process.platform === "linux")("knows what is free", () => {
    expect(freeBytes()).toBeGreaterThan(0)
  })
})
