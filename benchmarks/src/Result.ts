/**
 * A benchmark's report as JSON, and all reports of a run as one object. Written by `main.ts`, read by `Chart.ts` and by scripts.
 */
import type { RunOptions } from "./Harness.ts"
import type { Machine } from "./Machine.ts"
import { type Chart, judge, medians, type Report, type Verdict } from "./Report.ts"
import type { Spread } from "./Statistics.ts"

/** What one benchmark says: figures and ratios as medians over the rounds, `spreads` with the extremes. */
export interface Found {
  readonly figures: Readonly<Record<string, number>>
  readonly ratios: Readonly<Record<string, number>>
  readonly target: ReadonlyArray<Verdict>
  readonly met: boolean
  readonly spreads: Readonly<Record<string, Spread>>
  readonly charts: ReadonlyArray<Chart>
  readonly postgres: Readonly<Record<string, string>>
  readonly [detail: string]: unknown
}

/** A benchmark that ended with an error. */
export interface Failed {
  readonly error: string
  readonly met: false
}

/** What a run says of itself. */
export interface Setting {
  readonly machine: Machine
  readonly options: Omit<RunOptions, "profileFolder">
}

/** A report in its form for scripts. */
export const foundBy = (report: Report, postgres: Readonly<Record<string, string>>): Found => {
  const { figures, ratios, charts, details } = report
  const target = judge(report)
  return {
    ...details,
    figures: medians(figures),
    ratios: medians(ratios),
    target,
    met: target.every(({ met }) => met),
    spreads: { ...figures, ...ratios },
    charts,
    postgres
  }
}

/** One benchmark's result: its figures and ratios also by their own names, for those who want one of them. */
export const resultOfOne = (benchmark: string, found: Found | Failed, setting: Setting): object =>
  "error" in found
    ? { benchmark, ...found, ...setting }
    : { benchmark, ...found.figures, ...found.ratios, ...found, ...setting }

/** All results in one object, by the benchmarks' names; `met` when every target of every one was. */
export const resultOfAll = (found: Readonly<Record<string, Found | Failed>>, setting: Setting): object => ({
  ...found,
  met: Object.values(found).every(({ met }) => met),
  ...setting
})
