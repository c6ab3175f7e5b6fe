/**
 * What an author of documents relies on: which blocks are taken for files.
 */
import { expect, test } from "vitest"
import { codeFiles } from "./Blocks.ts"

const fence = "```"

test("a fragment is left alone", () => {
  expect(codeFiles(`${fence}ts\nconst a = …\n${fence}\n`)).toEqual([])
})

test("blocks of one name are one file, in their order", () => {
  const document = [
    `${fence}ts file=A.ts`,
    "const a = 1",
    fence,
    "Some words.",
    `${fence}ts file=B.ts run`,
    "run()",
    fence,
    `${fence}ts file=A.ts`,
    "export { a }",
    fence
  ].join("\n")
  expect(codeFiles(document)).toEqual([
    { name: "A.ts", text: "const a = 1\nexport { a }\n", run: false },
    { name: "B.ts", text: "run()\n", run: true }
  ])
})

test("a file is run if any of its blocks says so", () => {
  const document = `${fence}ts file=A.ts\na()\n${fence}\n${fence}ts file=A.ts run\nb()\n${fence}\n`
  expect(codeFiles(document)).toEqual([{ name: "A.ts", text: "a()\nb()\n", run: true }])
})
