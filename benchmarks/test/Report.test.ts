import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname } from "node:path"
import { describe, expect, it } from "vitest"
import { fallsOf, readBaseline } from "../src/Baseline.ts"
import { judge, lessIsBetter, moreIsBetter, once, type Report } from "../src/Report.ts"
import { foundBy, resultOfAll, resultOfOne } from "../src/Result.ts"
import { table } from "../src/Table.ts"

const report: Report = {
  figures: { commandsPerSecond: once(1000), p95Millis: once(12) },
  ratios: { ratioToPeer: moreIsBetter([3, 4, 5]), ratioToLimit: lessIsBetter([1.1, 1.3, 1.2]) },
  targets: {
    ratioToPeer: { atLeast: 4 },
    ratioToLimit: { atMost: 1.1 },
    p95Millis: { atMost: 12 },
    commandsPerSecond: { atLeast: 1001 }
  },
  grids: [{ columns: ["", "n"], rows: [["ours", "10"]] }],
  charts: [],
  details: { load: "carts" }
}

const setting = {
  machine: { processor: "p", cores: 2, memoryGigabytes: 4, system: "s", node: "26", loadBefore: 0 },
  options: { callers: 1, rounds: 3, seconds: 1, short: true }
}

describe("a report's targets", () => {
  it("are met at their very value, from above or from below", () => {
    expect(judge(report).map(({ figure, met }) => [figure, met])).toEqual([
      ["ratioToPeer", true],
      ["ratioToLimit", false],
      ["p95Millis", true],
      ["commandsPerSecond", false]
    ])
  })

  it("must be targets of something that was measured", () => {
    expect(() => judge({ ...report, targets: { speed: { atLeast: 1 } } })).toThrow("speed")
  })
})

describe("a result", () => {
  const found = foundBy(report, { server_version: "15" })

  it("of one benchmark has each figure and ratio by its own name, the targets, and whether all are met", () => {
    expect(resultOfOne("commands", found, setting)).toMatchObject({
      benchmark: "commands",
      commandsPerSecond: 1000,
      ratioToPeer: 4,
      met: false,
      load: "carts",
      target: [{ figure: "ratioToPeer", atLeast: 4, value: 4, met: true }, {}, {}, {}],
      spreads: { ratioToLimit: { median: 1.2, min: 1.1, max: 1.3 } },
      machine: { cores: 2 }
    })
  })

  it("of all has each by its name, and is met when every one is", () => {
    const good = { ...found, met: true }
    expect(resultOfAll({ a: good, b: good }, setting)).toMatchObject({ met: true, a: { figures: { p95Millis: 12 } } })
    expect(resultOfAll({ a: good, b: found }, setting)).toMatchObject({ met: false })
    const failed = resultOfAll({ a: good, b: { error: "no server", met: false } }, setting)
    expect(failed).toMatchObject({ met: false, b: { error: "no server" } })
  })
})

describe("a report for people", () => {
  it("says of each target what is to be reached and whether it was", () => {
    const lines = table(report).split("\n")
    expect(lines.find((line) => line.startsWith("ratioToPeer"))).toMatch(/4\s+3–5\s+≥ 4\s+reached$/)
    expect(lines.find((line) => line.startsWith("ratioToLimit"))).toMatch(/1\.2\s+1\.1–1\.3\s+≤ 1\.1\s+missed$/)
    expect(lines.find((line) => line.startsWith("ours"))).toBe("ours  10")
  })
})

describe("a baseline", () => {
  const fallen = (baseline: Record<string, number>) =>
    fallsOf("commands", report.ratios, { commands: baseline }).map(({ ratio }) => ratio)

  it("lets a ratio get worse by 30 %, and no more, whichever way is worse", () => {
    expect(fallen({ ratioToPeer: 5.7, ratioToLimit: 0.85 })).toEqual([])
    expect(fallen({ ratioToPeer: 5.8, ratioToLimit: 0.83 })).toEqual(["ratioToPeer", "ratioToLimit"])
  })

  it("does not mind what has got better, nor benchmarks that it does not know", () => {
    expect(fallen({ ratioToPeer: 1, ratioToLimit: 9 })).toEqual([])
    expect(fallsOf("http", report.ratios, { commands: { ratioToPeer: 100 } })).toEqual([])
  })

  it("that is not there, or is none, says how to write one", () => {
    expect(() => readBaseline("/nowhere/baseline.json")).toThrow("--write-baseline")
    const file = `${mkdtempSync(`${tmpdir()}/daybook-baseline-`)}/baseline.json`
    for (const none of [
      "",
      "null",
      "[]",
      "{}",
      '{"storage":1}',
      '{"storage":{"ratio":"abc"}}',
      '{"storage":{"ratio":0}}'
    ]) {
      writeFileSync(file, none)
      expect(() => readBaseline(file), none).toThrow("--write-baseline")
    }
    writeFileSync(file, '{"storage":{"ratio":1.5}}')
    expect(readBaseline(file)).toEqual({ storage: { ratio: 1.5 } })
    rmSync(dirname(file), { recursive: true })
  })

  it("is not passed by a ratio that is not measured any more", () => {
    expect(() => fallen({ ratioOfOld: 1 })).toThrow("ratioOfOld")
  })
})
