/**
 * `startup`: `npm start` until the shop is ready, beside a bare PGlite on a copy of the same store; and what an idle entity takes in
 * memory.
 */
import { once } from "node:events"
import { cp, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Benchmark } from "../Benchmark.ts"
import type { Figures } from "../Contestant.ts"
import { spawn } from "../ContestantProcess.ts"
import { interleave, type Run, summarise } from "../Harness.ts"
import { packageVersion } from "../Machine.ts"
import { type Grid, lessIsBetter, over, type Ratio, type Report, once as single } from "../Report.ts"
import { ratios, type Spread } from "../Statistics.ts"
import { type Launched, launch } from "./Launch.ts"
import { expectCarts, fillCarts, type Shop, startShop } from "./Shop.ts"

/** Carts in the store that the shop starts on, and carts that are filled before it is killed. */
const storedCarts = 200
const killedCarts = 20

const names = ["warm", "killed", "bare"] as const
type Name = (typeof names)[number]
type Rounds = Readonly<Record<Name, ReadonlyArray<Figures>>>

const figuresOf = ({ seconds, cpuSeconds }: Launched): Figures => ({ seconds, cpuSeconds })

/** The very first start: no store, and nothing that an earlier start has compiled. Then one that leaves carts and ends in order. */
const prepare = async (home: string): Promise<Figures> => {
  const first = await startShop(home, { NODE_DISABLE_COMPILE_CACHE: "1" })
  await first.end("SIGTERM")
  const second = await startShop(home)
  await fillCarts(second.url, storedCarts)
  await second.end("SIGTERM")
  return figuresOf(first)
}

/** PGlite alone, on a copy, so that the shop's store stays as the shop left it. */
const bare = async (home: string): Promise<Figures> => {
  const copy = await mkdtemp(join(tmpdir(), "daybook-bare-"))
  try {
    await cp(join(home, "pglite"), copy, { recursive: true })
    const launched = await launch({
      command: process.execPath,
      args: [fileURLToPath(new URL("BarePglite.ts", import.meta.url)), copy],
      ready: (output) => once(output, "data")
    })
    await launched.end("SIGTERM")
    return figuresOf(launched)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

/** Starts the shop, has something done with it, and ends it by the signal, whatever happens. */
const started = async (home: string, signal: NodeJS.Signals, work: (shop: Shop) => Promise<void>): Promise<Figures> => {
  const shop = await startShop(home)
  try {
    await work(shop)
  } finally {
    await shop.end(signal)
  }
  return figuresOf(shop)
}

/** Warm: after a clean end; the shop is then killed. Killed: after that; nothing that was acknowledged may be missing. */
const measures = (home: string): Readonly<Record<Name, () => Promise<Figures>>> => {
  let acknowledged: ReadonlyArray<string> = []
  return {
    warm: () =>
      started(home, "SIGKILL", async ({ url }) => {
        acknowledged = await fillCarts(url, killedCarts)
      }),
    killed: () => started(home, "SIGTERM", ({ url }) => expectCarts(url, acknowledged)),
    bare: () => bare(home)
  }
}

const starts = async ({ options, say }: Run): Promise<{ readonly cold: Figures; readonly rounds: Rounds }> => {
  const home = await mkdtemp(join(tmpdir(), "daybook-startup-"))
  try {
    const cold = await prepare(home)
    const measure = measures(home)
    const rounds = await interleave(names, options.short ? 2 : options.rounds, async (name, round) => {
      const figures = await measure[name]()
      say(`round ${round}, ${name}: ${figures.seconds!.toFixed(2)} s`)
      return figures
    })
    return { cold, rounds }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

const idleEntities = async ({ benchmark, options, server }: Run): Promise<Figures> => {
  const settings = { entities: options.short ? 10_000 : 50_000 }
  const databaseUrl = await server.database("entities")
  const { profileFolder } = options
  await using contestant = await spawn({ benchmark, contestant: "entities", databaseUrl, settings, profileFolder })
  const figures = await contestant.round(options)
  const stored = await contestant.stored()
  if (stored !== figures.commands)
    throw new Error(`${figures.commands} commands were acknowledged, and ${stored} stored`)
  return { ...figures, ...settings }
}

const label: Readonly<Record<Name, string>> = {
  warm: "npm start, warm",
  killed: "npm start after kill -9",
  bare: "PGlite alone"
}

const valuesOf = (rounds: ReadonlyArray<Figures>, figure: string): ReadonlyArray<number> =>
  rounds.map((round) => round[figure]!)

const ratioOf = (figure: string, ours: ReadonlyArray<Figures>, theirs: ReadonlyArray<Figures>): Ratio =>
  lessIsBetter(ratios(valuesOf(ours, figure), valuesOf(theirs, figure)))

const gridsOf = (cold: Figures, rounds: Rounds): ReadonlyArray<Grid> => {
  const row = (name: string, given: ReadonlyArray<Figures>) => {
    const { seconds, cpuSeconds } = summarise(given)
    return [name, String(seconds!.median), `${seconds!.min}–${seconds!.max}`, String(cpuSeconds!.median)]
  }
  return [
    {
      columns: ["", "s to ready", "over the rounds", "CPU s"],
      rows: [row("npm start, cold", [cold]), ...names.map((name) => row(label[name], rounds[name]))]
    }
  ]
}

const chartOf = (cold: Figures, seconds: Readonly<Record<Name, Spread>>) => ({
  file: "startup",
  title: "From start to ready, on the embedded store",
  unit: "seconds, less is better",
  bars: [
    { label: "npm start, cold", value: single(cold.seconds!), kind: "daybook" as const },
    ...names.map((name) => ({
      label: label[name],
      value: seconds[name],
      kind: name === "bare" ? ("limit" as const) : ("daybook" as const)
    }))
  ]
})

const run = async (given: Run): Promise<Report> => {
  const { cold, rounds } = await starts(given)
  const entities = await idleEntities(given)
  const secondsOf = (name: Name) => over(valuesOf(rounds[name], "seconds"))
  const seconds = { warm: secondsOf("warm"), killed: secondsOf("killed"), bare: secondsOf("bare") }
  return {
    figures: {
      readySeconds: seconds.warm,
      readyCpuSeconds: over(valuesOf(rounds.warm, "cpuSeconds")),
      killedReadySeconds: seconds.killed,
      coldReadySeconds: single(cold.seconds!),
      pgliteSeconds: seconds.bare,
      entityBytes: single(entities.entityBytes!),
      stateBytes: single(entities.stateBytes!),
      residentBytes: single(entities.residentBytes!)
    },
    ratios: {
      ratioToPglite: ratioOf("seconds", rounds.warm, rounds.bare),
      cpuRatioToPglite: ratioOf("cpuSeconds", rounds.warm, rounds.bare),
      killedRatioToPglite: ratioOf("seconds", rounds.killed, rounds.bare),
      entityRatioToState: lessIsBetter([entities.withStateBytes! / entities.stateBytes!])
    },
    targets: {
      readySeconds: { atMost: 5 },
      killedReadySeconds: { atMost: 5 },
      entityBytes: { atMost: 4_000 }
    },
    grids: gridsOf(cold, rounds),
    charts: [chartOf(cold, seconds)],
    details: {
      rounds: { cold: [cold], ...rounds },
      entities,
      storedCarts,
      versions: { "@electric-sql/pglite": packageVersion("@electric-sql/pglite") }
    }
  }
}

/** The benchmark. */
export const startup: Benchmark = {
  name: "startup",
  compares: "npm start until it is ready, beside a bare PGlite on the same store; and the memory of an idle entity",
  inShort: true,
  contestants: { entities: () => import("./IdleEntities.ts") },
  run
}
