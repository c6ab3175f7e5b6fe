/**
 * `http`: commands and queries over HTTP at a fixed rate, beside a shop written by hand; and commands at saturation, beside a handler
 * that returns a constant.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Benchmark } from "../Benchmark.ts"
import type { Figures } from "../Contestant.ts"
import { type ContestantProcess, spawn } from "../ContestantProcess.ts"
import { interleave, type Run } from "../Harness.ts"
import { packageVersion } from "../Machine.ts"
import type { Report } from "../Report.ts"
import { reportOf, type Turn } from "./HttpReport.ts"
import { type HttpServer, startBareShop, startConstant, startFramework, startShop } from "./Servers.ts"

/** The fixed rate. Every tenth query waits for the command that was acknowledged last. */
const rates = { commandsPerSecond: 1_000, queriesPerSecond: 2_000 } as const

/** A server and a load for it. */
interface Pair {
  readonly server: HttpServer
  readonly generator: ContestantProcess
  /** Code gets warm before it counts, and an open load has carts to look at. */
  readonly warmUpSeconds: number
  readonly secondsPerRound: number
  acknowledged: number
}

const settleMillis = 250

const play = async (pair: Pair, seconds: number): Promise<Figures> => {
  await sleep(settleMillis)
  const started = performance.now()
  const before = pair.server.cpuMicros()
  const figures = await pair.generator.round({ callers: 0, seconds })
  const cpuMicros = pair.server.cpuMicros() - before
  const tookMicros = (performance.now() - started) * 1000
  pair.acknowledged += figures.commands!
  return {
    ...figures,
    cpuMicrosPerRequest: cpuMicros / figures.requests!,
    busyPercent: (cpuMicros / tookMicros) * 100
  }
}

/** `pairs` are all that write to one database. */
const checkStored = async (name: string, pairs: readonly [Pair, ...ReadonlyArray<Pair>]): Promise<void> => {
  const acknowledged = pairs.reduce((sum, pair) => sum + pair.acknowledged, 0)
  const stored = await pairs[0].generator.stored()
  if (stored === acknowledged) return
  throw new Error(`The ${name} acknowledged ${acknowledged} commands and stored ${stored} events: these must be equal.`)
}

const pairsOf = async ({ benchmark, options, server }: Run, stack: AsyncDisposableStack) => {
  const { callers, seconds, short, profileFolder } = options
  const shopUrl = await server.database("http")
  const shop = stack.use(await startShop(shopUrl, profileFolder))
  const pair = async (
    target: HttpServer,
    contestant: "closed" | "open",
    warmUpSeconds: number,
    secondsPerRound: number,
    databaseUrl = shopUrl
  ) => {
    const settings = contestant === "closed" ? { url: target.url, callers } : { url: target.url, ...rates }
    const generator = stack.use(await spawn({ benchmark, contestant, databaseUrl, settings }))
    return { server: target, generator, warmUpSeconds, secondsPerRound, acknowledged: 0 } satisfies Pair
  }
  const saturated = {
    daybook: await pair(shop, "closed", short ? 1.5 : 4, seconds),
    constant: await pair(stack.use(await startConstant(profileFolder)), "closed", 1, seconds)
  }
  if (short) return saturated
  const bareUrl = await server.database("httpBare")
  const bareShop = stack.use(await startBareShop(bareUrl, profileFolder))
  return {
    ...saturated,
    framework: await pair(stack.use(await startFramework(profileFolder)), "closed", 1, seconds),
    fixedRate: await pair(shop, "open", 3, seconds * 2),
    bareFixedRate: await pair(bareShop, "open", 3, seconds * 2, bareUrl)
  }
}

const run = async (given: Run): Promise<Report> => {
  const { options, say } = given
  await using stack = new AsyncDisposableStack()
  const pairs: Partial<Record<Turn, Pair>> = await pairsOf(given, stack)
  const turns = Object.keys(pairs) as ReadonlyArray<Turn>
  for (const turn of turns) await play(pairs[turn]!, pairs[turn]!.warmUpSeconds)
  const rounds = await interleave(turns, options.rounds, async (turn, round) => {
    const figures = await play(pairs[turn]!, pairs[turn]!.secondsPerRound)
    const cpu = `${figures.cpuMicrosPerRequest!.toFixed(1)} µs of CPU for a request`
    say(`round ${round} of ${options.rounds}, ${turn}: ${Math.round(figures.requests!)} requests, ${cpu}`)
    return figures
  })
  const { daybook, fixedRate, bareFixedRate } = pairs
  await checkStored("shop", fixedRate === undefined ? [daybook!] : [daybook!, fixedRate])
  if (bareFixedRate !== undefined) await checkStored("bare shop", [bareFixedRate])
  return reportOf(rounds, {
    rates,
    callers: options.callers,
    versions: Object.fromEntries(
      ["effect", "@effect/platform-node", "@effect/sql-pg"].map((name) => [name, packageVersion(name)])
    )
  })
}

/** The benchmark. */
export const http: Benchmark = {
  name: "http",
  compares:
    "commands and queries over HTTP at a fixed rate, beside a shop written by hand, and at saturation, beside a constant",
  inShort: true,
  contestants: {
    closed: () => import("./ClosedLoad.ts"),
    open: () => import("./OpenLoad.ts")
  },
  run
}
