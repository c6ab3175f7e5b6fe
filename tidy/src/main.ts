/**
 * `npm run tidy`: the countable house rules as a test over every file that git would commit. Exits with 1 on findings.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { type Exception, report } from "./Report.ts"
import { isCode, parseSource } from "./Source.ts"

const root = join(import.meta.dirname, "../..")
const read = (path: string): string => readFileSync(join(root, path), "utf8")

const isRead = (path: string): boolean =>
  isCode(path) || /\.(sql|sh|ya?ml|css|html)$|(^|\/)(package\.json|Dockerfile|\.ci\/run)$/.test(path)

const paths = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .toString()
  .split("\0")
  // A file deleted but not yet committed is still listed.
  .filter((path) => isRead(path) && existsSync(join(root, path)))

const packages = new Map(
  paths
    .filter((path) => path.endsWith("/package.json"))
    .map((path) => [(JSON.parse(read(path)) as { name: string }).name, dirname(path)])
)

const exceptions = JSON.parse(read("tidy/exceptions.json")) as ReadonlyArray<Exception>
const sources = paths.map((path) => parseSource(path, read(path)))
const { lines, summary } = report({ sources, packages }, exceptions)
for (const line of lines) console.log(line)
console.log(summary)
process.exitCode = lines.length === 0 ? 0 : 1
