/**
 * The scenario `checkout`: many buyers at once, services that meet only through messages, and if wanted everything that can go
 * wrong. Ends with an account of what came of each checkout.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ofProcess, Progress } from "@daybook/cli/Progress"
import { startKafka } from "@daybook/infra/Kafka"
import { startPostgres } from "@daybook/infra/Postgres"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Bought, buy } from "./Buying.ts"
import { Chaos, type Server } from "./Chaos.ts"
import * as Client from "./Client.ts"
import { createDatabases } from "./Databases.ts"
import { Fleet, type Planned } from "./Fleet.ts"
import * as Plan from "./Plan.ts"
import { fromSeed } from "./Random.ts"
import * as Verdict from "./Verdict.ts"

export interface Options {
  readonly orders: number
  readonly broker: "kafka" | "postgres" | "sql"
  readonly faults: boolean
  readonly seed: number
  /** Buyers at a time. */
  readonly buyers: number
}

/** What came of it. `started` is `confirmed` + `restored` where all went well, and the five after these are 0. */
export interface Result extends Options {
  readonly scenario: "checkout"
  readonly processes: number
  readonly started: number
  readonly confirmed: number
  readonly restored: number
  readonly needsAttention: number
  readonly oversold: number
  readonly duplicated: number
  readonly lost: number
  readonly stuck: number
  readonly p95CheckoutMillis: number
  readonly p50CheckoutMillis: number
  readonly checkoutsPerSecond: number
  readonly kills: Readonly<Record<string, number>>
  readonly brokerRestarts: number
  readonly databaseRestarts: number
  /** Why checkouts were undone, and how many for each reason. */
  readonly reasons: Readonly<Record<string, number>>
  readonly examples: ReadonlyArray<string>
}

/** How long is waited for checkouts after the last has begun, and for fate to have done its work. */
const patienceMillis = 300_000

/** Kafka gives a killed process's partitions to others after its session has run out, databases after their leases have. */
const patience = { KAFKA_SESSION_TIMEOUT_MILLIS: "6000", LEASE_SECONDS: "3" }

/** Where everything runs. */
interface Ground extends AsyncDisposable {
  readonly planned: ReadonlyArray<Planned>
  readonly servers: ReadonlyArray<Server>
  /** The books of the simulated payment provider. */
  readonly books: string
}

const teams = { cart: ["cart"], order: ["order", "checkout"], inventory: ["inventory"], payment: ["payment"] }

/** Four processes, with settings that they share and a database for each. */
const processes = (books: string, databaseOf: (team: string) => string, shared: Readonly<Record<string, string>>) =>
  Object.entries(teams).map(([name, services]) => ({
    name,
    services,
    settings: {
      ...patience,
      ...shared,
      DATABASE_URL: databaseOf(name),
      SIMULATED_PROVIDER_FILE: books
    }
  }))

/** Four processes, each with a PostgreSQL database of its own, and Kafka between them. */
const onKafka = async (folder: string): Promise<Ground> => {
  await using stack = new AsyncDisposableStack()
  const postgres = stack.use(await startPostgres())
  const kafka = stack.use(await startKafka())
  const databases = await createDatabases(postgres.url, Object.keys(teams))
  const books = join(folder, "provider.sqlite")
  const shared = { BROKER: "kafka", KAFKA_BROKERS: kafka.brokers }
  const kept = stack.move()
  return {
    planned: processes(books, (team) => databases[team]!, shared),
    servers: [
      { name: "PostgreSQL", ...postgres },
      { name: "Kafka", ...kafka }
    ],
    books,
    [Symbol.asyncDispose]: () => kept.disposeAsync()
  }
}

/** Four processes on one PostgreSQL database, which carries their messages too. */
const onPostgres = async (folder: string): Promise<Ground> => {
  await using stack = new AsyncDisposableStack()
  const postgres = stack.use(await startPostgres())
  const { shop } = await createDatabases(postgres.url, ["shop"])
  const books = join(folder, "provider.sqlite")
  const kept = stack.move()
  return {
    planned: processes(books, () => shop!, { BROKER: "sql" }),
    servers: [{ name: "PostgreSQL", ...postgres }],
    books,
    [Symbol.asyncDispose]: () => kept.disposeAsync()
  }
}

/** One process with everything embedded. */
const embedded = (folder: string): Ground => {
  const services = ["checkout", "cart", "order", "inventory", "payment"]
  const books = join(folder, "provider.sqlite")
  const settings = {
    BROKER: "sql",
    DAYBOOK_HOME: join(folder, "home"),
    SIMULATED_PROVIDER_FILE: books,
    DEMO_STOCK: "0"
  }
  return {
    planned: [{ name: "shop", services, settings }],
    servers: [],
    books,
    [Symbol.asyncDispose]: () => Promise.resolve()
  }
}

const grounds = { kafka: onKafka, postgres: onPostgres, sql: embedded }

const receiveStock = async (fleet: Fleet, run: string, stock: ReadonlyMap<string, number>): Promise<void> => {
  for (const [sku, quantity] of stock) {
    const url = `${fleet.urlOf("inventory")}/stock/${sku}/main/receipts`
    await Client.command(url, { quantity, reference: `${run}-delivery` }, `${run}-${sku}`)
  }
  // Where the goods lie is looked up in a read model: until it has them, orders would be taken for short.
  for (const sku of stock.keys()) while ((await Client.get(`${fleet.urlOf("inventory")}/stock/${sku}`)).status !== 200);
}

/** Lets buyers in, so many at a time, and no faster than `mayStart` says. */
const letIn = async (
  buyers: ReadonlyArray<Plan.Buyer>,
  atOnce: number,
  play: (buyer: Plan.Buyer) => Promise<Bought>
): Promise<ReadonlyArray<Bought>> => {
  const bought: Array<Bought> = []
  const left = [...buyers].reverse()
  const worker = async () => {
    for (let buyer = left.pop(); buyer !== undefined; buyer = left.pop()) bought.push(await play(buyer))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return bought
}

const percentile = (values: ReadonlyArray<number>, share: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(Math.ceil(values.length * share) - 1, 0)] ?? 0

const tally = (reasons: ReadonlyArray<string>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1
  return counts
}

const play = async (options: Options, ground: Ground, folder: string, say: (what: string) => void): Promise<Result> => {
  const run = `s${options.seed}-${process.pid}`
  const plan = Plan.make(options.orders, options.seed, options.faults)
  await using fleet = await Fleet.start(ground.planned, folder)
  say(`${fleet.members.length} processes are ready`)
  await receiveStock(fleet, run, plan.stock)
  const { servers } = ground
  const chaos = new Chaos(fleet.members, { servers, random: fromSeed(options.seed + 1), say })
  const raging = options.faults ? chaos.run() : Promise.resolve()
  const started = performance.now()
  let lastBegunAt = started
  const isOver = () => performance.now() - lastBegunAt > patienceMillis
  await using shown = showProgress("Checkouts", { total: options.orders, unit: "checkouts" })
  const bought = await letIn(plan.buyers, options.buyers, async (buyer) => {
    // Under faults the buyers come as long as fate rages, so that every blow hits checkouts under way.
    while (options.faults && chaos.progress < (buyer.number / options.orders) * 0.95) await pause()
    lastBegunAt = performance.now()
    const one = await buy(fleet, run, buyer, isOver)
    shown.progress.done++
    return one
  })
  const seconds = (performance.now() - started) / 1000
  await raging
  say("comparing what cart, order, inventory, payment and the provider say")
  const faults = await Verdict.reach(fleet, bought, plan.stock, ground.books)
  const count = (status: Bought["status"]) => bought.filter((one) => one.status === status).length
  const restartsOf = (server: string) => chaos.restarted.filter((name) => name === server).length
  const millis = bought.filter(({ status }) => status !== "stuck").map((one) => one.millis)
  return {
    scenario: "checkout",
    ...options,
    processes: fleet.members.length,
    started: bought.length,
    confirmed: count("completed"),
    restored: count("compensated"),
    needsAttention: count("needs-attention"),
    oversold: faults.oversold,
    duplicated: faults.duplicated,
    lost: faults.lost,
    stuck: count("stuck"),
    p95CheckoutMillis: percentile(millis, 0.95),
    p50CheckoutMillis: percentile(millis, 0.5),
    checkoutsPerSecond: Math.round((bought.length / seconds) * 10) / 10,
    kills: Object.fromEntries(fleet.members.map(({ name, kills }) => [name, kills])),
    brokerRestarts: restartsOf("Kafka"),
    databaseRestarts: restartsOf("PostgreSQL"),
    reasons: tally(bought.flatMap(({ status, reason }) => (status === "compensated" ? [reason ?? "?"] : []))),
    examples: faults.examples
  }
}

/** Says how far the run has come, as the `daybook` command does, until disposed. */
const showProgress = (what: string, phase: Parameters<Progress["begin"]>[1]) => {
  const progress = new Progress(ofProcess(), () => performance.now())
  progress.begin(what, phase)
  const drawing = Effect.runFork(progress.drawing)
  return { progress, [Symbol.asyncDispose]: () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(drawing))) }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 50))

/** Runs the scenario. Its files are kept where it failed, so that they can be looked at. */
export const run = async (options: Options, say: (what: string) => void): Promise<Result> => {
  const folder = mkdtempSync(join(tmpdir(), "daybook-scenario-"))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once("exit", remove)
  let isGood = false
  try {
    await using ground = await grounds[options.broker](folder)
    const result = await play(options, ground, folder, say)
    isGood = result.examples.length === 0 && result.stuck === 0 && result.needsAttention === 0
    return result
  } finally {
    process.off("exit", remove)
    if (isGood) remove()
    else say(`the processes' output is in ${folder}`)
  }
}
