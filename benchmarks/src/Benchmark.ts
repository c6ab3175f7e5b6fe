/**
 * What a benchmark is, and the list of them. A new one is a folder of its own and a line here.
 */
import { broker } from "./broker/Broker.ts"
import type { Start } from "./Contestant.ts"
import { commands } from "./commands/Commands.ts"
import { growth } from "./growth/Growth.ts"
import type { Run } from "./Harness.ts"
import { http } from "./http/Http.ts"
import { lag } from "./lag/Lag.ts"
import type { Report } from "./Report.ts"
import { recovery } from "./recovery/Recovery.ts"
import { replay } from "./replay/Replay.ts"
import { saga } from "./saga/Saga.ts"
import { startup } from "./startup/Startup.ts"
import { storage } from "./storage/Storage.ts"

export interface Benchmark {
  readonly name: string
  /** One line for the list of benchmarks: what it compares. */
  readonly compares: string
  /** Whether CI runs it in its short form (`--short`), in seconds and without peers, for its ratios. */
  readonly inShort: boolean
  /** Loaded in a contestant's own process, and only there. */
  readonly contestants: Readonly<Record<string, () => Promise<{ readonly start: Start }>>>
  /** Called before the server is started, to get what is needed and may take a while. Not called for the short form. */
  readonly prepare?: (say: (line: string) => void) => void
  readonly run: (run: Run) => Promise<Report>
}

/** All benchmarks. */
export const benchmarks: ReadonlyArray<Benchmark> = [
  commands,
  http,
  lag,
  broker,
  storage,
  growth,
  recovery,
  replay,
  saga,
  startup
]
