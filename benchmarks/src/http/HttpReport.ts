/**
 * What the rounds of `http` come to: figures, ratios, targets, tables and charts.
 */
import type { Figures } from "../Contestant.ts"
import { type Chart, type Grid, lessIsBetter, moreIsBetter, over, type Ratio, type Report } from "../Report.ts"
import { ratios, type Spread, significant } from "../Statistics.ts"

/** What takes turns in a round: three servers at saturation, and two shops at the fixed rate. */
export type Turn = "daybook" | "constant" | "framework" | "fixedRate" | "bareFixedRate"

/** The rounds of those that took part. */
export type Rounds = { readonly [T in Turn]?: ReadonlyArray<Figures> }

const valuesOf = (rounds: ReadonlyArray<Figures>, figure: string): ReadonlyArray<number> =>
  rounds.map((round) => round[figure]!)

const spreadOf = (rounds: ReadonlyArray<Figures>, figure: string): Spread => over(valuesOf(rounds, figure))

/** One that took part, by its name in the report. */
type Named = readonly [name: string, rounds: ReadonlyArray<Figures>]

const thoseOf = (rounds: Readonly<Record<string, ReadonlyArray<Figures> | undefined>>): ReadonlyArray<Named> =>
  Object.entries(rounds).flatMap(([name, found]) => (found === undefined ? [] : [[name, found] as const]))

const saturatedGrid = (servers: ReadonlyArray<Named>): Grid => ({
  columns: [
    "saturated",
    "requests/s",
    "over the rounds",
    "p50 ms",
    "p95 ms",
    "CPU µs/request",
    "busy %",
    "load's CPU µs"
  ],
  rows: servers.map(([name, rounds]) => {
    const cell = (figure: string) => String(significant(spreadOf(rounds, figure).median, 3))
    const { median, min, max } = spreadOf(rounds, "commandsPerSecond")
    const load = cell("generatorCpuMicrosPerRequest")
    const cost = [cell("cpuMicrosPerRequest"), cell("busyPercent"), load]
    return [name, String(median), `${min}–${max}`, cell("p50Millis"), cell("p95Millis"), ...cost]
  })
})

/** What the fixed rate's latencies are of, by the beginning of their figures' names. */
const kinds = {
  command: "commands",
  query: "queries",
  ownWrite: "queries for the last command",
  late: "load's own delay"
}

const percentiles = ["P50", "P95", "P99", "Max"] as const

const fixedRateGrid = (shops: ReadonlyArray<Named>): Grid => ({
  columns: ["fixed rate", "", "per second", ...percentiles.map((percentile) => `${percentile.toLowerCase()} ms`)],
  rows: shops.flatMap(([shop, rounds]) =>
    Object.entries(kinds).map(([kind, name]) => [
      shop,
      name,
      ...["PerSecond", ...percentiles.map((percentile) => `${percentile}Millis`)].map((figure) =>
        String(significant(spreadOf(rounds, `${kind}${figure}`).median, 3))
      )
    ])
  )
})

const costChart = (servers: ReadonlyArray<Named>): Chart => ({
  file: "http-saturated",
  title: "Processor time of the server's process for one command over HTTP",
  unit: "µs, less is better",
  bars: servers.map(([label, rounds]) => ({
    label,
    value: spreadOf(rounds, "cpuMicrosPerRequest"),
    kind: label === "daybook" ? "daybook" : "limit"
  }))
})

const latencyChart = (shops: ReadonlyArray<Named>): Chart => ({
  file: "http-fixed-rate",
  title: "1,000 commands/s and 2,000 queries/s over HTTP, from the intended start",
  unit: "milliseconds, less is better",
  bars: ["command", "query"].flatMap((kind) =>
    ["P50", "P95", "P99"].flatMap((percentile) =>
      shops.map(([shop, rounds]) => ({
        label: `${kind} ${percentile.toLowerCase()}${shop === "daybook" ? "" : `, ${shop}`}`,
        value: spreadOf(rounds, `${kind}${percentile}Millis`),
        kind: shop === "daybook" ? ("daybook" as const) : ("limit" as const)
      }))
    )
  )
})

const fixedFigures = ["commandP50Millis", "commandP95Millis", "commandP99Millis", "queryP50Millis", "queryP95Millis"]
const alsoFixed = ["queryP99Millis", "ownWriteP95Millis", "lateP95Millis"]

const saturatedRatios = (
  daybook: ReadonlyArray<Figures>,
  constant: ReadonlyArray<Figures>,
  framework: ReadonlyArray<Figures> | undefined
): Readonly<Record<string, Ratio>> => {
  const speed = (rounds: ReadonlyArray<Figures>) => valuesOf(rounds, "commandsPerSecond")
  const cost = (rounds: ReadonlyArray<Figures>) => valuesOf(rounds, "cpuMicrosPerRequest")
  return {
    cpuRatioToConstant: lessIsBetter(ratios(cost(daybook), cost(constant))),
    ...(framework === undefined
      ? {}
      : {
          saturatedRatioToConstant: moreIsBetter(ratios(speed(daybook), speed(constant))),
          saturatedRatioToFramework: moreIsBetter(ratios(speed(daybook), speed(framework))),
          frameworkRatioToConstant: moreIsBetter(ratios(speed(framework), speed(constant))),
          frameworkCpuRatioToConstant: lessIsBetter(ratios(cost(framework), cost(constant)))
        })
  }
}

/** Of both shops at the fixed rate; nothing in the short form. */
const fixedRateFigures = (shops: ReadonlyArray<Named>): Readonly<Record<string, Spread>> =>
  Object.fromEntries(
    shops.flatMap(([shop, rounds]) => {
      const named = (figure: string) =>
        shop === "daybook" ? figure : `bare${figure[0]!.toUpperCase()}${figure.slice(1)}`
      return [
        ...[...fixedFigures, ...alsoFixed].map((figure) => [named(figure), spreadOf(rounds, figure)]),
        [named("fixedRateCpuMicrosPerRequest"), spreadOf(rounds, "cpuMicrosPerRequest")]
      ]
    })
  )

/** Ours over those of the shop written by hand. */
const fixedRateRatios = ({ fixedRate, bareFixedRate }: Rounds): Readonly<Record<string, Ratio>> => {
  if (fixedRate === undefined || bareFixedRate === undefined) return {}
  const ratio = (figure: string) => lessIsBetter(ratios(valuesOf(fixedRate, figure), valuesOf(bareFixedRate, figure)))
  return {
    commandP95RatioToBareShop: ratio("commandP95Millis"),
    queryP95RatioToBareShop: ratio("queryP95Millis"),
    fixedRateCpuRatioToBareShop: ratio("cpuMicrosPerRequest")
  }
}

/**
 * The report. The short form has neither the framework nor the fixed rate, and of the ratios only that of processor time: commands per
 * second are halved by any neighbour on the machine, and CI is to hold on to what stays.
 */
export const reportOf = (rounds: Rounds, details: Report["details"]): Report => {
  const { daybook = [], constant = [], framework, fixedRate, bareFixedRate } = rounds
  const servers = thoseOf({ daybook, framework, constant })
  const shops = thoseOf({ daybook: fixedRate, "bare shop": bareFixedRate })
  return {
    figures: {
      ...fixedRateFigures(shops),
      commandsPerSecond: spreadOf(daybook, "commandsPerSecond"),
      cpuMicrosPerCommand: spreadOf(daybook, "cpuMicrosPerRequest"),
      constantRequestsPerSecond: spreadOf(constant, "commandsPerSecond"),
      constantCpuMicrosPerRequest: spreadOf(constant, "cpuMicrosPerRequest")
    },
    ratios: { ...saturatedRatios(daybook, constant, framework), ...fixedRateRatios(rounds) },
    targets: {
      ...(fixedRate === undefined ? {} : { commandP95Millis: { atMost: 10 }, queryP95Millis: { atMost: 5 } }),
      ...(framework === undefined ? {} : { saturatedRatioToConstant: { atLeast: 0.6 } })
    },
    grids: [saturatedGrid(servers), ...(shops.length === 0 ? [] : [fixedRateGrid(shops)])],
    charts: [costChart(servers), ...(shops.length === 0 ? [] : [latencyChart(shops)])],
    details: { ...details, rounds }
  }
}
