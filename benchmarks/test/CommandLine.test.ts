import { describe, expect, it } from "vitest"
import { benchmarks } from "../src/Benchmark.ts"
import { parse, UsageError, usage } from "../src/CommandLine.ts"

const known = [
  { name: "commands", inShort: true },
  { name: "growth", inShort: false }
]

describe("the bench command line", () => {
  it("has defaults for everything but the name", () => {
    expect(parse(["commands"], known)).toEqual({
      help: false,
      names: ["commands"],
      all: false,
      json: false,
      options: { callers: 256, rounds: 5, seconds: 3, short: false, profileFolder: undefined },
      reportFolder: undefined,
      baseline: undefined,
      writesBaseline: false
    })
  })

  it("takes options before and after the name", () => {
    const asked = parse(["--json", "commands", "--seconds", "0.5", "--rounds=7", "--callers", "32"], known)
    expect(asked).toMatchObject({ json: true, options: { callers: 32, rounds: 7, seconds: 0.5 } })
  })

  it("runs all of them, and of those the quick ones in their short form", () => {
    expect(parse(["all"], known)).toMatchObject({ all: true, names: ["commands", "growth"], options: { short: false } })
    const short = parse(["all", "--short", "--baseline", "b.json"], known)
    expect(short).toMatchObject({
      all: true,
      names: ["commands"],
      baseline: "b.json",
      options: { short: true, rounds: 3 }
    })
    expect(parse(["growth", "--short"], known)).toMatchObject({ all: false, names: ["growth"] })
  })

  it("helps when asked, and when asked nothing, which is a mistake", () => {
    expect(parse([], known)).toEqual({ help: true, isMistaken: true })
    expect(parse(["commands", "--help"], known)).toEqual({ help: true, isMistaken: false })
    expect(parse(["-h"], known)).toEqual({ help: true, isMistaken: false })
  })

  it.each([
    [["storage"], "commands"],
    [["--json"], "commands"],
    [["commands", "commands"], "commands commands"],
    [["commands", "--seconds", "0"], "--seconds 0"],
    [["commands", "--seconds", "soon"], "--seconds soon"],
    [["commands", "--rounds", "2.5"], "--rounds 2.5"],
    [["commands", "--callers", "100000"], "--callers 100000"],
    [["all", "commands"], "all commands"],
    [["all", "--write-baseline"], "--baseline FILE"],
    [["commands", "--fast"], /^There is no option --fast\.$/],
    [["commands", "--shrt"], "There is no option --shrt. Did you mean --short?"],
    [["commands", "--base", "b.json"], "There is no option --base. Did you mean --baseline?"],
    [["commands", "-s"], "There is no option -s."],
    [["commands", "--callers"], "--callers: give it a value."],
    [["commands", "--callers", "--json"], "--callers: give it a value."],
    [["commands", "--seconds=-1"], "--seconds -1"],
    [["commands", "--report="], "--report: give it a value."],
    [["commands", "--json=yes"], "--json takes no value, and has yes."]
  ])("says what is wrong with %j", (args, expected) => {
    expect(() => parse(args, known)).toThrow(UsageError)
    expect(() => parse(args, known)).toThrow(expected)
  })

  it("lists every benchmark in its help, with examples", () => {
    for (const { name, compares } of benchmarks) {
      expect(usage(benchmarks)).toContain(name)
      expect(usage(benchmarks)).toContain(compares)
    }
    expect(usage(benchmarks)).toContain("Examples")
  })
})
