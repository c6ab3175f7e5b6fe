/**
 * How a benchmark is run: contestants side by side in one run on one server, warmed up, in interleaved rounds.
 *
 * A contestant that has more than one candidate configuration is tried with each, and takes part with its best. Rounds go
 * A B C A B C …, so that whatever else the machine does meanwhile hits all of them; a pause lets the server finish what the
 * one before left to it. At the end, what each acknowledged is counted in its tables, since a figure for commands that
 * were not stored would be worth nothing.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Figures, Load, Settings } from "./Contestant.ts"
import { type ContestantProcess, spawn } from "./ContestantProcess.ts"
import type { Server } from "./Server.ts"
import { median, type Spread, significant, spread } from "./Statistics.ts"

/** What the command line decides about a run. */
export interface RunOptions extends Load {
  readonly rounds: number
  /** Sizes for CI: seconds instead of minutes, no peers. */
  readonly short: boolean
  /** Where contestants leave CPU profiles. */
  readonly profileFolder?: string | undefined
}

/** What a benchmark is given to run with. */
export interface Run {
  readonly benchmark: string
  readonly options: RunOptions
  readonly server: Server
  /** Tells people how far it is. */
  readonly say: (line: string) => void
}

/** A part in the contest. */
export interface Entry {
  /** Its name in the report. */
  readonly name: string
  /** Which of the benchmark's contestants it is. */
  readonly contestant: string
  /** Configurations to try; the best by `commandsPerSecond` takes part. */
  readonly candidates: readonly [Settings, ...ReadonlyArray<Settings>]
}

/** What an entry did. */
export interface Result {
  readonly settings: Settings
  /** What was tried before the contest, when there was a choice. */
  readonly tried: ReadonlyArray<{ readonly settings: Settings; readonly commandsPerSecond: number }>
  readonly figures: Readonly<Record<string, Spread>>
  readonly rounds: ReadonlyArray<Figures>
}

const warmUpSeconds = 1
const trialRounds = 2
const settleMillis = 250

interface Starter {
  readonly settings: Settings
  readonly process: ContestantProcess
  acknowledged: number
}

const play = async (starter: Starter, load: Load): Promise<Figures> => {
  await sleep(settleMillis)
  const figures = await starter.process.round(load)
  starter.acknowledged += figures.commands!
  return figures
}

/** Calls `measure` for every name in every round, A B C A B C …, and gathers the rounds of each name. */
export const interleave = async <Name extends string, A>(
  names: ReadonlyArray<Name>,
  rounds: number,
  measure: (name: Name, round: number) => Promise<A>
): Promise<Readonly<Record<Name, ReadonlyArray<A>>>> => {
  const gathered = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Array<A>>
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) gathered[name].push(await measure(name, round))
  }
  return gathered
}

/** Median, least and most of each figure over the rounds. */
export const summarise = (rounds: ReadonlyArray<Figures>): Readonly<Record<string, Spread>> =>
  Object.fromEntries(
    Object.keys(rounds[0] ?? {}).map((figure) => {
      const { median, min, max } = spread(rounds.map((round) => round[figure]!))
      return [figure, { median: significant(median, 4), min: significant(min, 4), max: significant(max, 4) }]
    })
  )

/** Starts every candidate, warms it up, and keeps the best. */
const choose = async (run: Run, entry: Entry, stack: AsyncDisposableStack) => {
  const { benchmark, server, say } = run
  const load = { callers: run.options.callers, seconds: warmUpSeconds }
  const starters: Array<Starter> = []
  for (const settings of entry.candidates) {
    const process = await spawn({
      benchmark,
      contestant: entry.contestant,
      databaseUrl: await server.database(entry.name),
      settings,
      profileFolder: run.options.profileFolder
    })
    stack.use(process)
    const starter: Starter = { settings, process, acknowledged: 0 }
    await play(starter, load)
    starters.push(starter)
  }
  const names = starters.map((_, index) => String(index))
  const trials = await interleave(names, trialRounds, (name) => play(starters[Number(name)]!, load))
  const speeds = names.map((name) => median(trials[name]!.map((figures) => figures.commandsPerSecond!)))
  const best = speeds.indexOf(Math.max(...speeds))
  for (const [index, { process }] of starters.entries()) if (index !== best) await process.close()
  const tried = starters.map(({ settings }, index) => ({
    settings,
    commandsPerSecond: significant(speeds[index]!, 4)
  }))
  for (const { settings, commandsPerSecond } of tried) {
    say(`${entry.name} ${JSON.stringify(settings)}: ${Math.round(commandsPerSecond)}/s when warm`)
  }
  return { starter: starters[best]!, tried: tried.length > 1 ? tried : [] }
}

const checkStored = async (name: string, { process, acknowledged }: Starter): Promise<void> => {
  const stored = await process.stored()
  if (stored === acknowledged) return
  throw new Error(`${name} acknowledged ${acknowledged} commands and stored ${stored} events: these must be equal.`)
}

/** Runs all entries against each other. */
export const contest = async <Name extends string>(
  run: Run,
  entries: ReadonlyArray<Entry & { readonly name: Name }>
): Promise<Readonly<Record<Name, Result>>> => {
  const { options, say } = run
  await using stack = new AsyncDisposableStack()
  const chosen = new Map<Name, Awaited<ReturnType<typeof choose>>>()
  for (const entry of entries) chosen.set(entry.name, await choose(run, entry, stack))
  const names = entries.map(({ name }) => name)
  const rounds = await interleave(names, options.rounds, async (name, round) => {
    const figures = await play(chosen.get(name)!.starter, options)
    say(`round ${round} of ${options.rounds}, ${name}: ${Math.round(figures.commandsPerSecond!)}/s`)
    return figures
  })
  for (const [name, { starter }] of chosen) await checkStored(name, starter)
  const resultOf = (name: Name): Result => {
    const { starter, tried } = chosen.get(name)!
    return { settings: starter.settings, tried, figures: summarise(rounds[name]), rounds: rounds[name] }
  }
  return Object.fromEntries(names.map((name) => [name, resultOf(name)])) as Record<Name, Result>
}
