/**
 * What takes part in a benchmark, and how it is put under load. Contestants run in processes of their own; see
 * `ContestantProcess.ts`.
 */
import { Latencies, percentile } from "./Statistics.ts"

/** How a contestant is set up: pool sizes, policies. Part of the report. */
export type Settings = Readonly<Record<string, string | number | boolean>>

/** A closed load: so many callers, each of which waits for its answer before it asks again. */
export interface Load {
  readonly callers: number
  readonly seconds: number
}

/** The figures of one round, by name; each name ends in its unit. */
export type Figures = Readonly<Record<string, number>>

/** A started contestant. */
export interface Contestant {
  /** Runs the load for one round. Everything that was asked is answered when it resolves. */
  round(load: Load): Promise<Figures>
  /** Counts what is in the contestant's tables, to be held against what was acknowledged. */
  stored(): Promise<number>
  close(): Promise<void>
}

/** Starts a contestant on a database. */
export type Start = (databaseUrl: string, settings: Settings) => Promise<Contestant>

/** What of a round's load a contestant needs to drive its callers itself. */
export interface Round {
  readonly callers: number
  /** True until the round's time is over. */
  readonly goesOn: () => boolean
  /** Told once for each command, after its answer: how long that took. */
  readonly answered: (millis: number) => void
}

/** Measures one round that `drive` carries out. Time and processor time run until the last answer. */
export const measured = async (load: Load, drive: (round: Round) => Promise<void>): Promise<Figures> => {
  const latencies = new Latencies()
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  const ends = started + load.seconds * 1000
  await drive({
    callers: load.callers,
    goesOn: () => performance.now() < ends,
    answered: (millis) => latencies.record(millis)
  })
  const seconds = (performance.now() - started) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  return { ...figuresOf(latencies, seconds), cpuMicrosPerCommand: (cpu.user + cpu.system) / latencies.count }
}

/** The figures of some latencies of commands, taken over so many seconds. */
export const figuresOf = (latencies: Latencies, seconds: number): Figures => {
  const sorted = latencies.sorted()
  return {
    commands: sorted.length,
    commandsPerSecond: sorted.length / seconds,
    meanMillis: sorted.reduce((sum, millis) => sum + millis, 0) / sorted.length,
    p50Millis: percentile(sorted, 50),
    p95Millis: percentile(sorted, 95),
    p99Millis: percentile(sorted, 99),
    maxMillis: percentile(sorted, 100)
  }
}

/** Runs a promise-based command again and again for every caller. `commandOf` gives a caller's own, endless work. */
export const closedLoop =
  (commandOf: (caller: number) => () => Promise<unknown>) =>
  async ({ callers, goesOn, answered }: Round): Promise<void> => {
    const call = async (command: () => Promise<unknown>) => {
      while (goesOn()) {
        const asked = performance.now()
        await command()
        answered(performance.now() - asked)
      }
    }
    await Promise.all(Array.from({ length: callers }, (_, caller) => call(commandOf(caller))))
  }

/** Remembers what was made for each caller, so that a caller goes on in the next round where it stopped. */
export const perCaller = <A>(make: (caller: number) => A): ((caller: number) => A) => {
  const made: Array<A> = []
  return (caller) => {
    made[caller] ??= make(caller)
    return made[caller]
  }
}
