/**
 * A report as text for people: its tables, then figures and ratios with what was to be reached.
 */
import { type Grid, judge, type Report, type Verdict } from "./Report.ts"
import type { Spread } from "./Statistics.ts"

const aligned = ({ columns, rows }: Grid): string => {
  const all = [columns, ...rows]
  const widths = columns.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const line = (row: ReadonlyArray<string>) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ")
  return all.map((row) => `${line(row).trimEnd()}\n`).join("")
}

const range = ({ min, max }: Spread): string => (min === max ? "" : `${min}–${max}`)

const toReach = ({ atLeast, atMost }: Verdict): string => (atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`)

const quoted = (report: Report): Grid => {
  const verdicts = new Map(judge(report).map((verdict) => [verdict.figure, verdict]))
  return {
    columns: ["", "median", "over the rounds", "to reach", ""],
    rows: Object.entries({ ...report.figures, ...report.ratios }).map(([name, spread]) => {
      const verdict = verdicts.get(name)
      const end = verdict === undefined ? ["", ""] : [toReach(verdict), verdict.met ? "reached" : "missed"]
      return [name, String(spread.median), range(spread), ...end]
    })
  }
}

/** The report as tables. */
export const table = (report: Report): string => [...report.grids, quoted(report)].map(aligned).join("\n")
