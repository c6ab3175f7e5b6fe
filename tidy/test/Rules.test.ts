/**
 * Each rule against one file that violates it and one that does not: what an author may rely on `npm run tidy` to say.
 */
import { describe, expect, test } from "vitest"
import { type Exception, report } from "../src/Report.ts"
import { parseSource } from "../src/Source.ts"

const packages = new Map([
  ["@daybook/core", "packages/core"],
  ["@daybook/services", "services"]
])

/** The findings over files given as path → text, each shortened to `path:line rule`. */
const findings = (files: Readonly<Record<string, string>>, exceptions: ReadonlyArray<Exception> = []) =>
  report(
    { sources: Object.entries(files).map(([path, text]) => parseSource(path, text)), packages },
    exceptions
  ).lines.map((line) => line.split(" ", 2).join(" "))

/** A source file without fault, imported by a test. */
const file = (path: string, body: string, header = "/** A fixture. */") => ({
  [path]: `${header}\n${body}\n`,
  "tools/test/Fixture.test.ts": `import "../../${path}"\n`
})

const statements = (count: number) => Array.from({ length: count }, (_, i) => `  step(${i})`).join("\n")

describe("function-length", () => {
  const ofLength = (lines: number) => `export const run = () => {\n${statements(lines - 2)}\n}`

  test("70 lines are fine", () => {
    expect(findings(file("services/src/A.ts", ofLength(70)))).toEqual([])
  })

  test("71 lines are not", () => {
    expect(findings(file("services/src/A.ts", ofLength(71)))).toEqual(["services/src/A.ts:2 function-length"])
  })

  test("a generator within a call is measured and named", () => {
    const text = `export const run = Effect.fn("Run")(function* () {\n${statements(70)}\n})`
    const { lines } = report({ sources: [parseSource("services/test/a.ts", text)], packages }, [])
    expect(lines).toEqual([
      "services/test/a.ts:1 function-length run is 72 lines long, the limit is 70 — move its steps into functions of their own"
    ])
  })

  test("of two long functions, one within the other, the inner one is named", () => {
    const text = `const make = () =>\n  Effect.gen(function* () {\n${statements(80)}\n  })`
    expect(findings({ "services/test/a.ts": text })).toEqual(["services/test/a.ts:2 function-length"])
  })

  test("a suite is measured without its tests, and each test by itself", () => {
    const short = `  it.effect("works", () => {\n${statements(40)}\n  })\n`
    const long = `  test("works", () => {\n${statements(80)}\n  })\n`
    const suite = `describe("a", () => {\n${short.repeat(5)}${long}})\n`
    expect(findings({ "services/test/a.test.ts": suite })).toEqual(["services/test/a.test.ts:212 function-length"])
  })
})

describe("file-length", () => {
  const body = statements(400)

  test("400 lines are fine", () => {
    expect(findings(file("services/src/A.ts", statements(399)))).toEqual([])
  })

  test("401 are not", () => {
    expect(findings(file("services/src/A.ts", body))).toEqual(["services/src/A.ts:1 file-length"])
  })

  test("unless the header says why", () => {
    expect(
      findings(file("services/src/A.ts", body, "/** A table. This file is\n * long because it is one table. */"))
    ).toEqual([])
  })
})

describe("header", () => {
  test("a source file without one", () => {
    expect(findings(file("infra/src/A.ts", "run()", "// A fixture."))).toEqual(["infra/src/A.ts:1 header"])
  })

  test("one that does not come first", () => {
    expect(findings(file("infra/src/A.ts", "/** A fixture. */\nrun()", 'import "node:fs"'))).toEqual([
      "infra/src/A.ts:1 header"
    ])
  })

  test("one after the line that names the interpreter", () => {
    expect(findings(file("infra/src/A.ts", "run()", "#!/usr/bin/env node\n/** A fixture. */"))).toEqual([])
  })

  test("a test needs none", () => {
    expect(findings({ "infra/test/a.test.ts": "run()\n" })).toEqual([])
  })
})

describe("banned-name", () => {
  test.each(["utils.ts", "types/Money.ts", "Helpers.ts", "StringUtils.ts", "common/Money.ts", "CartManager.ts"])(
    "%s",
    (name) => {
      expect(findings(file(`services/src/${name}`, "run()"))).toEqual([`services/src/${name}:1 banned-name`])
    }
  )

  test.each(["Money.ts", "Management.ts", "EventTypes.ts"])("%s is fine", (name) => {
    expect(findings(file(`services/src/${name}`, "run()"))).toEqual([])
  })
})

describe("leftover", () => {
  test("in a comment", () => {
    expect(findings(file("services/src/A.ts", "run()\n// TODO: stop"))).toEqual(["services/src/A.ts:3 leftover"])
  })

  test("in SQL", () => {
    expect(findings({ "packages/postgres/sql/append.sql": "select 1\n-- FIXME" })).toEqual([
      "packages/postgres/sql/append.sql:2 leftover"
    ])
  })

  test("as data is fine", () => {
    expect(findings(file("services/src/A.ts", 'export const states = ["TODO"]'))).toEqual([])
  })
})

describe("core-imports", () => {
  test.each(["node:fs", "@effect/sql-pg", "@daybook/postgres/SqlJournal"])("%s", (specifier) => {
    expect(findings(file("packages/core/src/A.ts", `import "${specifier}"`))).toEqual([
      "packages/core/src/A.ts:2 core-imports"
    ])
  })

  test("a dynamic import counts too", () => {
    expect(findings(file("packages/core/src/A.ts", 'await import("node:fs")'))).toEqual([
      "packages/core/src/A.ts:2 core-imports"
    ])
  })

  test("effect, its subpaths and core's own files are fine", () => {
    const own = file("packages/core/src/A.ts", 'import "effect"\nimport "effect/Schema"\nimport "./B.ts"')
    expect(findings({ ...own, "packages/core/src/B.ts": "/** A fixture. */\n" })).toEqual([])
  })
})

describe("service-imports", () => {
  const cart = {
    "services/src/cart/Domain.ts": "/** A fixture. */\n",
    "services/src/cart/Contract.ts": "/** A fixture. */\n"
  }
  const cartTest = {
    "services/test/cart/a.test.ts": 'import "../../src/cart/Domain.ts"\nimport "../../src/cart/Contract.ts"\n'
  }
  const order = (body: string) => ({ ...cart, ...cartTest, ...file("services/src/order/Saga.ts", body) })

  test.each(["../cart/Domain.ts", "@daybook/services/cart/Domain"])("another service's domain by %s", (specifier) => {
    expect(findings(order(`import "${specifier}"`))).toEqual(["services/src/order/Saga.ts:2 service-imports"])
  })

  test("another service's contract is fine", () => {
    expect(findings(order('import "../cart/Contract.ts"'))).toEqual([])
  })

  test("a file beside the services may know contracts only, either", () => {
    expect(findings({ ...cart, ...cartTest, ...file("services/src/Money.ts", 'import "./cart/Domain.ts"') })).toEqual([
      "services/src/Money.ts:2 service-imports"
    ])
  })
})

describe("star-export", () => {
  test("in a service", () => {
    expect(findings(file("services/src/A.ts", 'export * from "effect"'))).toEqual(["services/src/A.ts:2 star-export"])
  })

  test("in a package's public entry is fine", () => {
    expect(findings({ "packages/core/src/index.ts": '/** A fixture. */\nexport * from "effect"\n' })).toEqual([])
  })
})

describe("unused-file", () => {
  const orphan = { "packages/core/src/A.ts": "/** A fixture. */\n" }

  test("imported by nobody", () => {
    expect(findings(orphan)).toEqual(["packages/core/src/A.ts:1 unused-file"])
  })

  test.each([
    ["a package's subpath", "services/test/a.test.ts", 'import "@daybook/core/A"\n'],
    ["a worker's URL", "packages/core/test/a.test.ts", 'new URL("../src/A.ts", import.meta.url)\n'],
    ["a script", "package.json", '{ "scripts": { "a": "node packages/core/src/A.ts --fast" } }']
  ])("named by %s is fine", (_, path, text) => {
    expect(findings({ ...orphan, [path]: text })).toEqual([])
  })

  test("a program is run, not imported", () => {
    expect(findings({ "apps/shop/src/main.ts": "/** A fixture. */\n" })).toEqual([])
  })
})

describe("pure-domain", () => {
  const domain = (body: string) => findings(file("services/src/cart/Domain.ts", body))

  test.each(["Date.now()", "new Date()", "Math.random()", "crypto.randomUUID()"])("%s", (expression) => {
    expect(domain(`export const now = ${expression}`)).toEqual(["services/src/cart/Domain.ts:2 pure-domain"])
  })

  test("a date made from the command is fine", () => {
    expect(domain("export const at = (command) => new Date(command.at)")).toEqual([])
  })
})

describe("clock", () => {
  test("Date.now in the product", () => {
    expect(findings(file("packages/core/src/A.ts", "export const now = Date.now"))).toEqual([
      "packages/core/src/A.ts:2 clock"
    ])
  })

  test("in a tool or a test is fine", () => {
    expect(findings({ ...file("infra/src/A.ts", "Date.now()"), "services/test/a.test.ts": "Date.now()" })).toEqual([])
  })
})

describe("exceptions", () => {
  const exception = { rule: "clock", path: "services/src/A.ts", reason: "a fixture" }

  test("excuse one file from one rule", () => {
    expect(findings(file("services/src/A.ts", "Date.now()"), [exception])).toEqual([])
  })

  test("that excuse nothing are findings", () => {
    expect(findings(file("services/src/A.ts", "run()"), [exception])).toEqual([
      "tidy/exceptions.json:1 stale-exception"
    ])
  })
})

test("the summary counts findings by rule", () => {
  const sources = [parseSource("services/src/A.ts", "// TODO\n")]
  expect(report({ sources, packages }, []).summary).toMatch(
    /^tidy: 1 files, \d+ rules, 0 exceptions: 3 findings \(1 header, 1 leftover, 1 unused-file\)$/
  )
})

test("a file that does not parse is named with its line", () => {
  expect(() => parseSource("services/src/A.ts", "const a = 1\nconst = 2\n")).toThrow("services/src/A.ts:2")
})
