/**
 * What somebody at a terminal, or a script, relies on when a benchmark cannot be run as asked: nothing runs, and why is on stderr.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runProgram } from "@daybook/infra/Program"
import { afterAll, describe, expect, it } from "vitest"

const main = new URL("../src/main.ts", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "daybook-bench-"))
const file = join(folder, "no-baseline.json")
writeFileSync(file, "{}")

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bench = (...args: ReadonlyArray<string>) => runProgram(main, args)

describe("npm run bench", () => {
  it("helps on stdout when asked, and on stderr with exit code 2 when asked nothing", async () => {
    const help = await bench("--help")
    expect(help).toMatchObject({ code: 0, errors: "" })
    expect(await bench()).toEqual({ code: 2, output: "", errors: help.output })
  })

  it.each([
    [["commands", "--shrt"], ["There is no option --shrt. Did you mean --short?"]],
    [
      ["commands", "--baseline", join(folder, "none.json")],
      ["none.json cannot be read", "ENOENT", "--write-baseline"]
    ],
    [["commands", "--baseline", file], [`${file} cannot be read (it has no benchmarks)`]],
    [["commands", "--baseline", folder, "--write-baseline"], [`${folder} cannot be written (it is a folder)`]],
    [
      ["commands", "--baseline", join(folder, "no/b.json"), "--write-baseline"],
      ["no/b.json cannot be written", "ENOENT"]
    ],
    [
      ["commands", "--report", join(folder, "no/report")],
      ["Nothing can be left in", "no/report", "Give --report"]
    ],
    [
      ["commands", "--profile", file],
      ["Nothing can be left in", "no-baseline.json", "Give --profile"]
    ]
  ])("does not run %j, says why in a line, and ends with 2", async (args, words) => {
    const { code, output, errors } = await bench(...args)
    expect({ code, output }).toEqual({ code: 2, output: "" })
    for (const word of words) expect(errors).toContain(word)
    expect(errors).toMatch(/^.+ --help says more\.\n$/)
  })
})
