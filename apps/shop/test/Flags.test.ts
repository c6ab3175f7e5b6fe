/**
 * What someone at a terminal relies on: flags that choose services and roles, with a clear word about what was not understood.
 */
import { fileURLToPath } from "node:url"
import { runProgram } from "@daybook/infra/Program"
import { describe, expect, it } from "vitest"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

const shop = (...args: ReadonlyArray<string>) => runProgram(main, args)

describe("npm start", () => {
  it("has help with examples", async () => {
    const { code, output } = await shop("--help")
    expect(code).toBe(0)
    for (const words of ["--services", "--roles", "DATABASE_URL", "EXAMPLES"]) expect(output).toContain(words)
  })

  it.each([
    [["--services", "cart,basket"], 'there is no "basket"'],
    [["--services", ""], "Missing value for flag --services"],
    [["--roles", "writer"], "some of command, query, projection, consumer"],
    [["--swiftly"], "Unrecognized flag: --swiftly"]
  ])("does not understand %j, says why, and ends with 2", async (args, words) => {
    const { code, output, errors } = await shop(...args)
    expect({ code, output }).toEqual({ code: 2, output: "" })
    expect(errors).toContain(words)
    expect(errors.trim().split("\n")).toHaveLength(2)
  })
})
