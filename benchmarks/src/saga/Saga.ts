/**
 * `saga`: whole checkouts through the whole shop in one process, as `npm start` runs it, on PostgreSQL: how many a second when it is
 * saturated, and how long one takes at half of that.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Benchmark } from "../Benchmark.ts"
import { type Figures, figuresOf } from "../Contestant.ts"
import { spawn } from "../ContestantProcess.ts"
import { interleave, type Run } from "../Harness.ts"
import { type HttpServer, startShop } from "../http/Servers.ts"
import type { Report } from "../Report.ts"
import { connect, type Server } from "../Server.ts"
import { Counter } from "./Counter.ts"
import { reportOf, type Turn } from "./SagaReport.ts"
import { checkAll, linesPerCart, Seeing, Shoppers } from "./Shoppers.ts"

/** A checkout waits for one answer after the other, some twenty of them: it takes more of them than of commands to saturate the shop. */
const underWayPerCaller = 4
/** Of the short form, which has no time for more. */
const fewUnderWay = 64
/** Carts filled for the first round, of which it is not known how many it takes. What is left is for the next. */
const perSecondAtFirst = 300
const settleMillis = 500
/** pgbench's clients: more of them commit no more. */
const commitClients = 32

/** The shop, its database server, and whoever shops. */
interface Scene {
  readonly shop: HttpServer
  readonly server: Server
  readonly shoppers: Shoppers
  readonly callers: number
}

/** Processor time of the shop and of the server, the latter where it is known. */
const cpuOf = ({ shop, server }: Scene) => ({ shop: shop.cpuMicros(), server: server.cpuMicros() })

/**
 * As many under way all the time as there are callers; measured once as many have come to their end, and until a multiple of that
 * have, since those that began together end together, in waves.
 */
const saturate = async (scene: Scene, seconds: number, perSecond: number): Promise<Figures> => {
  const { shoppers, callers } = scene
  await shoppers.fillUpTo(callers * 3 + Math.ceil(perSecond * seconds * 1.2))
  await sleep(settleMillis)
  const before = new Seeing()
  await shoppers.keep(callers, before, () => before.completed.count < callers)
  const seeing = new Seeing()
  const [cpuBefore, began] = [cpuOf(scene), performance.now()]
  let enough = Number.POSITIVE_INFINITY
  await shoppers.keep(callers, seeing, () => {
    const { count } = seeing.completed
    if (performance.now() >= began + seconds * 1000)
      enough = Math.min(enough, Math.ceil((count + 1) / callers) * callers)
    return count < enough
  })
  const took = (performance.now() - began) / 1000
  const [cpuAfter, checkouts] = [cpuOf(scene), seeing.completed.count]
  const figures = figuresOf(seeing.confirmed, took)
  await shoppers.finish(new Seeing())
  const shopMicros = (cpuAfter.shop - cpuBefore.shop) / checkouts
  const serverMicros = ((cpuAfter.server ?? Number.NaN) - (cpuBefore.server ?? Number.NaN)) / checkouts
  return {
    checkouts,
    checkoutsPerSecond: checkouts / took,
    p50Millis: figures.p50Millis!,
    p95Millis: figures.p95Millis!,
    shopCpuMicros: shopMicros,
    ...(Number.isNaN(serverMicros) ? {} : { serverCpuMicros: serverMicros })
  }
}

/** At half of the rate that saturates, from the moment at which each was to begin. */
const atHalf = async ({ shoppers }: Scene, seconds: number, perSecond: number): Promise<Figures> => {
  await shoppers.fillUpTo(Math.ceil(perSecond * seconds * 1.3) + 50)
  await sleep(settleMillis)
  const seeing = new Seeing()
  await shoppers.atRate(perSecond, seconds, seeing)
  const confirmed = figuresOf(seeing.confirmed, seconds)
  const completed = figuresOf(seeing.completed, seconds)
  return {
    checkouts: seeing.completed.count,
    checkoutsPerSecond: confirmed.commandsPerSecond!,
    confirmedP50Millis: confirmed.p50Millis!,
    confirmedP95Millis: confirmed.p95Millis!,
    confirmedP99Millis: confirmed.p99Millis!,
    completedP50Millis: completed.p50Millis!,
    completedP95Millis: completed.p95Millis!
  }
}

const warmUp = async ({ shoppers, callers }: Scene): Promise<void> => {
  await shoppers.stock()
  await shoppers.fillUpTo(callers * 2)
  const seeing = new Seeing()
  await shoppers.keep(callers, seeing, () => true)
  await shoppers.finish(seeing)
}

const play = async (given: Run, scene: Scene, stack: AsyncDisposableStack): Promise<Report> => {
  const { benchmark, options, server, say } = given
  const { short, rounds, seconds } = options
  const databaseUrl = await server.database("commits")
  const commits = stack.use(await spawn({ benchmark, contestant: "commits", databaseUrl, settings: { threads: 2 } }))
  await warmUp(scene)
  let perSecond = perSecondAtFirst
  const turns: ReadonlyArray<Turn> = short ? ["saturated", "commits"] : ["saturated", "atHalf", "commits"]
  const played = {
    saturated: async () => {
      const figures = await saturate(scene, seconds, perSecond)
      perSecond = figures.checkoutsPerSecond!
      return figures
    },
    atHalf: () => atHalf(scene, seconds * 2, perSecond / 2),
    commits: async (): Promise<Figures> => {
      await sleep(settleMillis)
      return commits.round({ callers: commitClients, seconds })
    }
  }
  const found = await interleave(turns, rounds, async (turn, round) => {
    const figures: Figures = await played[turn]()
    const figure = Math.round(figures.checkoutsPerSecond ?? figures.commandsPerSecond!)
    say(`round ${round} of ${rounds}, ${turn}: ${figure}/s`)
    return figures
  })
  return reportOf(found, { callers: scene.callers, linesPerCart, commitClients })
}

const run = async (given: Run): Promise<Report> => {
  const { options, server } = given
  await using stack = new AsyncDisposableStack()
  const databaseUrl = await server.database("saga")
  const shop = stack.use(await startShop(databaseUrl, options.profileFolder, []))
  const database = stack.use(connect(databaseUrl))
  const callers = options.short ? Math.min(options.callers, fewUnderWay) : options.callers * underWayPerCaller
  const shoppers = new Shoppers(stack.use(new Counter(shop.url)), database.query)
  const report = await play(given, { shop, server, shoppers, callers }, stack)
  await checkAll(database.query, shoppers)
  return report
}

/** The benchmark. */
export const saga: Benchmark = {
  name: "saga",
  compares:
    "whole checkouts a second through the whole shop in one process, and how long one takes at half of that rate",
  inShort: true,
  contestants: { commits: () => import("../limits/PgBench.ts") },
  run
}
