/**
 * A report as text for people: one line a contestant, then the ratios and what was to be reached.
 */
import type { Report } from "./Benchmark.ts"
import type { Spread } from "./Statistics.ts"

const range = ({ min, max }: Spread): string => `${min}–${max}`

const aligned = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (row: ReadonlyArray<string>) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ")
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("")
}

const contestantRows = ({ contestants }: Report): ReadonlyArray<ReadonlyArray<string>> => [
  ["", "commands/s", "over the rounds", "p50 ms", "p95 ms", "CPU µs/command", "set up as"],
  ...Object.entries(contestants).map(([name, { figures, settings }]) => {
    const cell = (figure: string) => String(figures[figure]!.median)
    return [
      name,
      cell("commandsPerSecond"),
      range(figures.commandsPerSecond!),
      cell("p50Millis"),
      cell("p95Millis"),
      cell("cpuMicrosPerCommand"),
      JSON.stringify(settings)
    ]
  })
]

const ratioRows = ({ spreads, targets }: Report): ReadonlyArray<ReadonlyArray<string>> => [
  ["", "median", "over the rounds", "to reach", ""],
  ...Object.entries(spreads).map(([name, given]) => {
    const target = targets.find(({ figure }) => figure === name)
    const verdict = target === undefined ? "" : target.met ? "reached" : "missed"
    return [name, String(given.median), range(given), target === undefined ? "" : `≥ ${target.atLeast}`, verdict]
  })
]

/** The report as a table. */
export const table = (report: Report): string => `${aligned(contestantRows(report))}\n${aligned(ratioRows(report))}`
