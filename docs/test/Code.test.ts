/**
 * The code in the documents compiles against the packages as they are now, and runs where the document says that it does.
 */
import { execFileSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { test } from "vitest"
import { type CodeFile, codeFiles } from "./Blocks.ts"

const root = join(import.meta.dirname, "../..")
// Inside the repository, so that the code finds the packages; ignored by git.
const target = join(root, ".daybook/docs-code")

interface Document {
  readonly path: string
  readonly folder: string
  readonly files: ReadonlyArray<CodeFile>
}

const documents: ReadonlyArray<Document> = globSync(["README.md", "docs/**/*.md", "packages/*/README.md"], {
  cwd: root
})
  .map((path) => ({
    path,
    folder: join(target, path.replace(/\.md$/, "")),
    files: codeFiles(readFileSync(join(root, path), "utf8"))
  }))
  .filter(({ files }) => files.length > 0)

const write = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Runs a program of this project, and fails with all that it printed. */
const run = (program: string, args: ReadonlyArray<string>, cwd: string) => {
  try {
    execFileSync(join(root, "node_modules/.bin", program), args, { cwd, encoding: "utf8", stdio: "pipe" })
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string }
    throw new Error(`${program} ${args.join(" ")} failed in ${cwd}:\n${stdout}${stderr}`, { cause: error })
  }
}

test(`the code of ${documents.length} documents compiles`, { timeout: 120_000 }, () => {
  rmSync(target, { recursive: true, force: true })
  if (documents.length === 0) return
  for (const { folder, files } of documents) for (const { name, text } of files) write(join(folder, name), text)
  // A reader's program may declare what it does not use yet.
  const compilerOptions = { noEmit: true, noUnusedLocals: false, noUnusedParameters: false }
  const config = { extends: "../../tsconfig.base.json", compilerOptions, include: ["**/*.ts"] }
  write(join(target, "tsconfig.json"), JSON.stringify(config))
  run("tsc", ["--project", "."], target)
})

const runnable = documents.flatMap(({ path, folder, files }) =>
  files.filter((file) => file.run).map(({ name }) => ({ path, folder, name }))
)

// After the test above, which has written the files: vitest runs the tests of a file in order.
for (const { path, folder, name } of runnable) {
  test(`${name} of ${path} runs`, { timeout: 120_000 }, () => {
    if (name.endsWith(".test.ts")) run("vitest", ["run", "--root", ".", name], folder)
    else run("node", [name], folder)
  })
}
