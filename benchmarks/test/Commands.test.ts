import { describe, expect, it } from "vitest"
import type { Figures } from "../src/Contestant.ts"
import { figuresOf, ratiosOf } from "../src/commands/Commands.ts"
import { entriesFor, type Name } from "../src/commands/Entries.ts"
import { type Result, summarise } from "../src/Harness.ts"

const result = (roundsAt: Record<number, ReadonlyArray<Figures>>, first: number): Result => ({
  settings: {},
  tried: [],
  figures: summarise(roundsAt[first]!),
  rounds: roundsAt[first]!,
  roundsAt
})

const speeds = (...given: ReadonlyArray<number>) => given.map((commandsPerSecond) => ({ commandsPerSecond }))

describe("the ratios of commands", () => {
  it("are formed round by round, Daybook over the other", () => {
    const found = ratiosOf({
      daybook: result({ 256: speeds(100, 200, 300) }, 256),
      emmett: result({ 256: speeds(10, 10, 10) }, 256),
      act: result({ 256: speeds(50, 50, 50) }, 256)
    })
    expect(found.ratioToEmmett).toEqual({ median: 20, min: 10, max: 30, better: "higher" })
    expect(found.ratioToAct!.median).toBe(4)
  })

  it("hold our p95 at 32 callers, and our mean alone, against pgbench's mean with as many clients", () => {
    const found = ratiosOf({
      daybook: result({ 256: [{}], 32: [{ p95Millis: 6, meanMillis: 9 }], 1: [{ p95Millis: 9, meanMillis: 3 }] }, 256),
      pgbench: result({ 32: [{ meanMillis: 8 }], 1: [{ meanMillis: 2 }] }, 32)
    })
    expect(found.p95At32ToPgbench).toEqual({ median: 0.75, min: 0.75, max: 0.75, better: "lower" })
    expect(found.latencyAt1ToPgbench).toEqual({ median: 1.5, min: 1.5, max: 1.5, better: "lower" })
  })

  it("count the server's processor time too, and are left out where it is not known", () => {
    const cost = (own: number, servers?: number): Figures => ({
      cpuMicrosPerCommand: own,
      ...(servers === undefined ? {} : { serverCpuMicrosPerCommand: servers })
    })
    const results = (servers?: number) => ({
      daybook: result({ 256: [cost(20, 10)] }, 256),
      bareLoop: result({ 256: [cost(5, servers)] }, 256)
    })
    expect(ratiosOf(results(10)).cpuToBareLoop).toMatchObject({ median: 2, better: "lower" })
    expect(ratiosOf(results())).toEqual({})
  })
})

describe("the figures of commands", () => {
  it("are those with 256 callers under their own names, others with the number of callers", () => {
    const found = figuresOf({
      daybook: result({ 256: [{ p95Millis: 9 }], 32: [{ p95Millis: 3 }], 1: [{ p95Millis: 1 }] }, 256),
      pgbench: result({ 32: [{ meanMillis: 4 }] }, 32)
    })
    expect(Object.fromEntries(Object.entries(found).map(([name, { median }]) => [name, median]))).toEqual({
      p95Millis: 9,
      p95MillisAt32: 3,
      p95MillisAt1: 1,
      pgbenchMeanMillisAt32: 4
    })
  })
})

describe("who takes part in commands", () => {
  const callersOf = (options: Partial<Parameters<typeof entriesFor>[0]>) =>
    new Map<Name, ReadonlyArray<number> | undefined>(
      entriesFor({ callers: 256, rounds: 5, seconds: 3, short: false, ...options }).map(({ name, callers }) => [
        name,
        callers
      ])
    )

  it("is everybody, Daybook with 1, 32, 256 and 1,024 callers and pgbench with 1 and 32", () => {
    const found = callersOf({})
    expect([...found.keys()]).toContain("act")
    expect(found.get("daybook")).toEqual([256, 1, 32, 1024])
    expect(found.get("pgbench")).toEqual([32, 1])
  })

  it("runs with a number of callers of one's own alone", () => {
    const found = callersOf({ callers: 32 })
    expect(found.has("emmett")).toBe(true)
    expect([...found.values()].every((callers) => callers === undefined)).toBe(true)
  })

  it("is no peer in the short form", () => {
    expect([...callersOf({ short: true }).keys()]).toEqual(["daybook", "bareLoop"])
  })
})
