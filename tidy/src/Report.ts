/**
 * Runs the rules over a workspace, sets aside what `exceptions.json` excuses, and says what is left in one line each.
 */

import { coreImports, serviceImports, starExport, unusedFile } from "./Imports.ts"
import { clock, pureDomain } from "./Purity.ts"
import type { Finding, Rule, Workspace } from "./Rule.ts"
import { bannedName, fileLength, functionLength, header, leftover } from "./Shape.ts"

export const rules: ReadonlyArray<Rule> = [
  functionLength,
  fileLength,
  header,
  bannedName,
  leftover,
  coreImports,
  serviceImports,
  starExport,
  unusedFile,
  pureDomain,
  clock
]

/** One file that one rule does not apply to, and why. */
export interface Exception {
  readonly rule: string
  readonly path: string
  readonly reason: string
}

export interface Report {
  /** `file:line rule message — what to do`, in the order of the files. */
  readonly lines: ReadonlyArray<string>
  readonly summary: string
}

interface Named extends Finding {
  readonly rule: string
}

export const report = (workspace: Workspace, exceptions: ReadonlyArray<Exception>): Report => {
  const all = rules.flatMap(
    (rule): ReadonlyArray<Named> => Array.from(rule.check(workspace), (found) => ({ ...found, rule: rule.name }))
  )
  const excuses =
    ({ rule, path }: Exception) =>
    (found: Named) =>
      found.rule === rule && found.path === path
  const unexcused = all.filter((found) => !exceptions.some((exception) => excuses(exception)(found)))
  const stale = exceptions.filter((exception) => !all.some(excuses(exception))).map(staleException)
  const findings = [...unexcused, ...stale].sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line)
  const lines = findings.map(
    ({ path, line, rule, message, remedy }) => `${path}:${line} ${rule} ${message} — ${remedy}`
  )
  return { lines, summary: summarise(workspace, findings, exceptions.length) }
}

/** An exception that excuses nothing would excuse the next violation unseen. */
const staleException = ({ rule, path }: Exception): Named => ({
  rule: "stale-exception",
  path: "tidy/exceptions.json",
  line: 1,
  message: `${path} no longer violates ${rule}`,
  remedy: "remove the exception"
})

const summarise = ({ sources }: Workspace, findings: ReadonlyArray<Named>, exceptions: number): string => {
  const perRule = Map.groupBy(findings, ({ rule }) => rule)
  const counts = Array.from(perRule, ([rule, { length }]) => `${length} ${rule}`).join(", ")
  const scope = `${sources.length} files, ${rules.length} rules, ${exceptions} exceptions`
  return `tidy: ${scope}: ${findings.length} findings${counts && ` (${counts})`}`
}
