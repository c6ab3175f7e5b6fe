/**
 * What a benchmark is, and the list of them. A new one is a file of its own and a line here.
 */
import type { Start } from "./Contestant.ts"
import { commands } from "./commands/Commands.ts"
import type { Result, Run } from "./Harness.ts"
import type { Spread } from "./Statistics.ts"

/** What must be reached, and whether it was. */
export interface Target {
  readonly figure: string
  readonly atLeast: number
  readonly met: boolean
}

/** What a benchmark found. Machine, server and options are added by the caller. */
export interface Report {
  /** The figures to quote: medians over the rounds. */
  readonly headline: Readonly<Record<string, number>>
  readonly targets: ReadonlyArray<Target>
  /** The headline's ratios over the rounds, by name. */
  readonly spreads: Readonly<Record<string, Spread>>
  readonly contestants: Readonly<Record<string, Result>>
  /** Whatever else a reader needs to know: what the load was, versions of the peers. */
  readonly context: Readonly<Record<string, unknown>>
}

export interface Benchmark {
  readonly name: string
  /** One line for the list of benchmarks: what it compares. */
  readonly compares: string
  /** Loaded in a contestant's own process, and only there. */
  readonly contestants: Readonly<Record<string, () => Promise<{ readonly start: Start }>>>
  /** Called before the server is started, to get what is needed and may take a while. */
  readonly prepare?: (say: (line: string) => void) => void
  readonly run: (run: Run) => Promise<Report>
}

/** All benchmarks. */
export const benchmarks: ReadonlyArray<Benchmark> = [commands]
