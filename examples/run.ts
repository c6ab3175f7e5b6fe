/**
 * `npm run examples`: runs each numbered example (`01-name.ts`, or `01-name/main.ts`) as a reader would, in a process and an
 * empty folder of its own, and fails if one of them does. Names after `--` choose among them.
 */
import { spawnSync } from "node:child_process"
import { globSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const timeoutMillis = 120_000

const chosen = process.argv.slice(2)
const examples = globSync(["[0-9]*.ts", "[0-9]*/main.ts"], { cwd: import.meta.dirname })
  .filter((name) => chosen.length === 0 || chosen.some((part) => name.includes(part)))
  .sort()

const passes = (name: string): boolean => {
  const folder = mkdtempSync(join(tmpdir(), "daybook-example-"))
  console.log(`\n── ${name}`)
  const { status, signal, error } = spawnSync(process.execPath, [join(import.meta.dirname, name)], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: timeoutMillis
  })
  rmSync(folder, { recursive: true, force: true })
  if (status === 0) return true
  console.log(`── ${name} failed: ${error?.message ?? (signal === null ? `exit code ${status}` : signal)}`)
  return false
}

const failed = examples.filter((name) => !passes(name))
console.log(`\nexamples: ${examples.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
