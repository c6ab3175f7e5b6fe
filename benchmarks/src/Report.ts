/**
 * What a benchmark found, and whether that is what it was to reach. Made by every benchmark; read by `Table.ts` for people,
 * by `Result.ts` for scripts, by `Chart.ts` for the documentation, and by `Baseline.ts` for CI.
 */
import { type Spread, significant, spread } from "./Statistics.ts"

/** What a figure or ratio has to be. */
export type Reach = { readonly atLeast: number } | { readonly atMost: number }

/** A figure beside another one of the same run. Carries over to other machines, so that it is what CI holds on to. */
export interface Ratio extends Spread {
  readonly better: "higher" | "lower"
}

/** One bar of a chart. */
export interface Bar {
  readonly label: string
  readonly value: Spread
  /** Daybook, somebody else's system, or what machine, server or protocol allow. */
  readonly kind: "daybook" | "peer" | "limit"
}

/** Bars of one unit side by side, as a picture in `docs/`. */
export interface Chart {
  /** The picture's file, without its ending: `commands-256`. */
  readonly file: string
  readonly title: string
  /** What the bars' lengths are: `commands per second`. */
  readonly unit: string
  readonly bars: ReadonlyArray<Bar>
}

/** Rows under columns, as text. The first column is on the left, all others on the right. */
export interface Grid {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

/** What a benchmark found. Machine, server and options are added by the caller. */
export interface Report {
  /** What to quote; each name ends in its unit. Medians over the rounds with the extremes. */
  readonly figures: Readonly<Record<string, Spread>>
  readonly ratios: Readonly<Record<string, Ratio>>
  /** What figures and ratios have to be, by their names. */
  readonly targets: Readonly<Record<string, Reach>>
  readonly grids: ReadonlyArray<Grid>
  readonly charts: ReadonlyArray<Chart>
  /** Whatever else a reader needs to know: what the load was, versions of the peers, each round. */
  readonly details: Readonly<Record<string, unknown>>
}

/** A target, what was found, and whether that is enough. */
export interface Verdict {
  readonly figure: string
  readonly atLeast?: number
  readonly atMost?: number
  readonly value: number
  readonly met: boolean
}

/** Median and extremes over the rounds, to four digits. */
export const over = (rounds: ReadonlyArray<number>): Spread => {
  const { median, min, max } = spread(rounds)
  return { median: significant(median, 4), min: significant(min, 4), max: significant(max, 4) }
}

/** A figure that was measured once, or that does not change from round to round. */
export const once = (value: number): Spread => over([value])

const ratioOver =
  (better: Ratio["better"]) =>
  (rounds: ReadonlyArray<number>): Ratio => ({ ...over(rounds), better })

/** A ratio, round by round, of which more is better. */
export const moreIsBetter = ratioOver("higher")

/** A ratio, round by round, of which less is better. */
export const lessIsBetter = ratioOver("lower")

const reached = (value: number, reach: Reach): boolean =>
  "atLeast" in reach ? value >= reach.atLeast : value <= reach.atMost

/** Holds a report's figures against its targets. */
export const judge = ({ figures, ratios, targets }: Report): ReadonlyArray<Verdict> =>
  Object.entries(targets).map(([figure, reach]) => {
    const found = ratios[figure] ?? figures[figure]
    if (found === undefined) throw new RangeError(`The target ${figure} is neither a figure nor a ratio of the report`)
    return { figure, ...reach, value: found.median, met: reached(found.median, reach) }
  })

/** The medians of some figures, by name. */
export const medians = (given: Readonly<Record<string, Spread>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(given).map(([name, { median }]) => [name, median]))
