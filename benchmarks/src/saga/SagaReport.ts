/**
 * What the rounds of `saga` come to: figures, ratios, targets, tables and a chart.
 */
import type { Figures } from "../Contestant.ts"
import { type Chart, type Grid, lessIsBetter, over, type Report } from "../Report.ts"
import { ratios, type Spread, significant } from "../Statistics.ts"

/** What takes turns in a round: the shop at saturation and at half of that, and one-row commits by pgbench. */
export type Turn = "saturated" | "atHalf" | "commits"

export type Rounds = { readonly [T in Turn]?: ReadonlyArray<Figures> }

const valuesOf = (rounds: ReadonlyArray<Figures>, figure: string): ReadonlyArray<number> =>
  rounds.flatMap((round) => round[figure] ?? [])

const spreadOf = (rounds: ReadonlyArray<Figures>, figure: string): Spread => over(valuesOf(rounds, figure))

const cell = (rounds: ReadonlyArray<Figures>, figure: string): string => {
  const values = valuesOf(rounds, figure)
  return values.length === 0 ? "?" : String(significant(over(values).median, 3))
}

const saturatedGrid = (rounds: ReadonlyArray<Figures>): Grid => {
  const { median, min, max } = spreadOf(rounds, "checkoutsPerSecond")
  const cells = ["p50Millis", "p95Millis", "shopCpuMicros", "serverCpuMicros"].map((figure) => cell(rounds, figure))
  return {
    columns: ["saturated", "checkouts/s", "over the rounds", "p50 ms", "p95 ms", "shop's CPU µs", "server's CPU µs"],
    rows: [["the whole shop", String(median), `${min}–${max}`, ...cells]]
  }
}

const halfGrid = (rounds: ReadonlyArray<Figures>): Grid => ({
  columns: ["at half of that", "per second", "p50 ms", "p95 ms", "p99 ms"],
  rows: [
    [
      "order confirmed",
      ...["checkoutsPerSecond", "confirmedP50Millis", "confirmedP95Millis", "confirmedP99Millis"].map((figure) =>
        cell(rounds, figure)
      )
    ],
    ["cart completed", "", cell(rounds, "completedP50Millis"), cell(rounds, "completedP95Millis"), ""]
  ]
})

const latencyChart = (rounds: ReadonlyArray<Figures>): Chart => ({
  file: "saga-half",
  title: "A checkout at half of the rate that saturates, from the intended start",
  unit: "milliseconds, less is better",
  bars: (
    [
      ["confirmed p50", "confirmedP50Millis"],
      ["confirmed p95", "confirmedP95Millis"],
      ["completed p95", "completedP95Millis"]
    ] as const
  ).map(([label, figure]) => ({ label, value: spreadOf(rounds, figure), kind: "daybook" }))
})

const halfFigures = [
  "confirmedP50Millis",
  "confirmedP95Millis",
  "confirmedP99Millis",
  "completedP50Millis",
  "completedP95Millis"
]

/** The report. The short form leaves half of the rate out. */
export const reportOf = (rounds: Rounds, details: Report["details"]): Report => {
  const { saturated = [], atHalf, commits = [] } = rounds
  const half = atHalf === undefined ? [] : halfFigures.map((figure) => [figure, spreadOf(atHalf, figure)])
  const isServerKnown = saturated.some((round) => "serverCpuMicros" in round)
  return {
    figures: {
      checkoutsPerSecond: spreadOf(saturated, "checkoutsPerSecond"),
      shopCpuMicrosPerCheckout: spreadOf(saturated, "shopCpuMicros"),
      ...(isServerKnown ? { serverCpuMicrosPerCheckout: spreadOf(saturated, "serverCpuMicros") } : {}),
      ...Object.fromEntries(half),
      oneRowCommitsPerSecond: spreadOf(commits, "commandsPerSecond")
    },
    ratios: {
      commitsPerCheckout: lessIsBetter(
        ratios(valuesOf(commits, "commandsPerSecond"), valuesOf(saturated, "checkoutsPerSecond"))
      )
    },
    targets: { checkoutsPerSecond: { atLeast: 300 } },
    grids: [saturatedGrid(saturated), ...(atHalf === undefined ? [] : [halfGrid(atHalf)])],
    charts: atHalf === undefined ? [] : [latencyChart(atHalf)],
    details: { ...details, rounds }
  }
}
