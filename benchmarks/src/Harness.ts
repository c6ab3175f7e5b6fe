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
import { over } from "./Report.ts"
import type { Server } from "./Server.ts"
import { median, type Spread, significant } from "./Statistics.ts"

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
  /**
   * With how many callers it runs in every round, the first also when its candidates are tried. Those of the run unless given; rounds
   * with another number than the run's are shorter.
   */
  readonly callers?: readonly [number, ...ReadonlyArray<number>] | undefined
}

/** What an entry did. `figures` and `rounds` are with the first number of callers. */
export interface Result {
  readonly settings: Settings
  /** What was tried before the contest, when there was a choice. */
  readonly tried: ReadonlyArray<{ readonly settings: Settings; readonly commandsPerSecond: number }>
  readonly figures: Readonly<Record<string, Spread>>
  readonly rounds: ReadonlyArray<Figures>
  /** The rounds with each number of callers. */
  readonly roundsAt: Readonly<Record<number, ReadonlyArray<Figures>>>
}

const warmUpSeconds = 1
const trialRounds = 2
const settleMillis = 250
/** Of a round's length, where the number of callers is not the run's own. */
const shorterRound = 1 / 3

interface Starter {
  readonly settings: Settings
  readonly process: ContestantProcess
  acknowledged: number
}

const play = async ({ server }: Run, starter: Starter, load: Load): Promise<Figures> => {
  await sleep(settleMillis)
  const before = server.cpuMicros()
  const figures = await starter.process.round(load)
  const after = server.cpuMicros()
  const commands = figures.commands!
  starter.acknowledged += commands
  if (before === undefined || after === undefined) return figures
  return { ...figures, serverCpuMicrosPerCommand: (after - before) / commands }
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
    Object.keys(rounds[0] ?? {}).map((figure) => [figure, over(rounds.map((round) => round[figure]!))])
  )

const callersOf = ({ options }: Run, { callers }: Entry): readonly [number, ...ReadonlyArray<number>] =>
  callers ?? [options.callers]

/** Starts every candidate, warms it up, and keeps the best. */
const choose = async (run: Run, entry: Entry, stack: AsyncDisposableStack) => {
  const { benchmark, server, say } = run
  const load = { callers: callersOf(run, entry)[0], seconds: warmUpSeconds }
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
    await play(run, starter, load)
    starters.push(starter)
  }
  const names = starters.map((_, index) => String(index))
  if (names.length === 1 && run.options.short) return { starter: starters[0]!, tried: [] }
  const trials = await interleave(names, trialRounds, (name) => play(run, starters[Number(name)]!, load))
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

/** One entry with one number of callers. */
interface Turn<Name> {
  readonly name: Name
  readonly callers: number
}

/** A round's turns: the run's own number of callers first, and then by number, so that neighbours can be compared. */
const turnsOf = <Name extends string>(
  run: Run,
  entries: ReadonlyArray<Entry & { readonly name: Name }>
): ReadonlyArray<Turn<Name>> => {
  const turns = entries.flatMap((entry) => callersOf(run, entry).map((callers) => ({ name: entry.name, callers })))
  const place = ({ callers }: Turn<Name>) => (callers === run.options.callers ? 0 : callers)
  return turns.toSorted((a, b) => place(a) - place(b))
}

const secondsFor = ({ callers, seconds }: RunOptions, turn: { readonly callers: number }): number =>
  turn.callers === callers ? seconds : seconds * shorterRound

/** Runs all entries against each other. */
export const contest = async <Name extends string>(
  run: Run,
  entries: ReadonlyArray<Entry & { readonly name: Name }>
): Promise<Readonly<Record<Name, Result>>> => {
  const { options, say } = run
  await using stack = new AsyncDisposableStack()
  const chosen = new Map<Name, Awaited<ReturnType<typeof choose>>>()
  for (const entry of entries) chosen.set(entry.name, await choose(run, entry, stack))
  const turns = turnsOf(run, entries)
  const rounds = await interleave(Object.keys(turns), options.rounds, async (index, round) => {
    const turn = turns[Number(index)]!
    const load = { callers: turn.callers, seconds: secondsFor(options, turn) }
    const figures = await play(run, chosen.get(turn.name)!.starter, load)
    const speed = Math.round(figures.commandsPerSecond!)
    say(`round ${round} of ${options.rounds}, ${turn.name} with ${turn.callers} callers: ${speed}/s`)
    return figures
  })
  for (const [name, { starter }] of chosen) await checkStored(name, starter)
  const resultOf = (entry: Entry & { readonly name: Name }): Result => {
    const { starter, tried } = chosen.get(entry.name)!
    const own = turns.flatMap(({ name, callers }, index) => (name === entry.name ? [[callers, rounds[index]!]] : []))
    const roundsAt: Result["roundsAt"] = Object.fromEntries(own)
    const first = roundsAt[callersOf(run, entry)[0]]!
    return { settings: starter.settings, tried, figures: summarise(first), rounds: first, roundsAt }
  }
  return Object.fromEntries(entries.map((entry) => [entry.name, resultOf(entry)])) as Record<Name, Result>
}
