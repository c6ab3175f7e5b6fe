/**
 * Ratios of an earlier run, checked in, which a later run must not fall far behind. Used by CI on the short form of the suite.
 *
 * Only ratios: an absolute figure says as much about the machine as about the code. What has got worse is measured once more
 * before it counts, since on a shared machine one short run may be unlucky, two in a row seldom are.
 */

import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { reasonOf } from "@daybook/core/Problem"
import type { Ratio } from "./Report.ts"
import { significant } from "./Statistics.ts"

/** The ratios of each benchmark, by name. */
export type Baseline = Readonly<Record<string, Readonly<Record<string, number>>>>

/** By how much a ratio may be worse than in the baseline. */
export const tolerance = 0.3

/** A ratio that has become worse by more than the tolerance. */
export interface Fall {
  readonly ratio: string
  readonly was: number
  readonly is: number
}

const worsened = ({ better, median }: Ratio, was: number): boolean =>
  better === "higher" ? median < was * (1 - tolerance) : median > was / (1 - tolerance)

/** The ratios of a benchmark that have fallen behind. What the baseline names and the run has not is an error, since CI would no longer look at it. */
export const fallsOf = (
  benchmark: string,
  ratios: Readonly<Record<string, Ratio>>,
  baseline: Baseline
): ReadonlyArray<Fall> =>
  Object.entries(baseline[benchmark] ?? {}).flatMap(([ratio, was]) => {
    const found = ratios[ratio]
    if (found === undefined)
      throw new RangeError(`The baseline of ${benchmark} has ${ratio}, the run has not: write the baseline anew.`)
    return worsened(found, was) ? [{ ratio, was, is: found.median }] : []
  })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What is no ratio would be compared with nothing, and CI would pass whatever happens. */
const checked = (read: unknown): Baseline => {
  if (!isObject(read) || Object.keys(read).length === 0) throw new Error("it has no benchmarks")
  for (const [benchmark, ratios] of Object.entries(read)) {
    if (!isObject(ratios)) throw new Error(`${benchmark} has no ratios`)
    for (const [ratio, value] of Object.entries(ratios)) {
      if (!(typeof value === "number" && value > 0)) throw new Error(`${benchmark}.${ratio} is no positive number`)
    }
  }
  return read as unknown as Baseline
}

/** Reads a baseline. Fails before anything is measured where there is none. */
export const readBaseline = (path: string): Baseline => {
  try {
    return checked(JSON.parse(readFileSync(path, "utf8")))
  } catch (error) {
    const why = reasonOf(error)
    throw new Error(`The baseline ${path} cannot be read (${why}). Write one with --baseline ${path} --write-baseline.`)
  }
}

/** Finds that a baseline could not be written: before anything is measured. */
export const checkBaselineFile = (path: string): void => {
  try {
    if (existsSync(path) && statSync(path).isDirectory()) throw new Error("it is a folder")
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK)
  } catch (error) {
    throw new Error(`The baseline ${path} cannot be written (${reasonOf(error)}). Give --baseline another place.`)
  }
}

/** Writes the ratios of a run as what later ones are held to. */
export const writeBaseline = (
  path: string,
  ratios: Readonly<Record<string, Readonly<Record<string, Ratio>>>>
): void => {
  const medians = Object.fromEntries(
    Object.entries(ratios).map(([benchmark, given]) => [
      benchmark,
      Object.fromEntries(Object.entries(given).map(([name, { median }]) => [name, significant(median, 3)]))
    ])
  )
  writeFileSync(path, `${JSON.stringify(medians, null, 2)}\n`)
}
