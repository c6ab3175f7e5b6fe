/**
 * The cart service on a journal of a given age: what commands, queries and reads of the journal cost there. Used by `growth`, one
 * process for each age.
 *
 * A round does a fixed number of each thing, not for a fixed time, so that the youngest journal stays young.
 */
import { Journal } from "@daybook/core/Journal"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { Carts, commandSide, schema } from "@daybook/services/cart/Cart"
import { CartQueries } from "@daybook/services/cart/Queries"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import { type Contestant, type Figures, type Load, perCaller, type Settings } from "../Contestant.ts"
import { steps } from "../commands/CartLoad.ts"
import { connect } from "../Server.ts"
import { Latencies, percentile } from "../Statistics.ts"
import { backendTimes, spentMicros } from "./BackendTime.ts"
import { eventsPerCart, fill, type History } from "./History.ts"

/** A thing that is done again and again, each time on another cart. */
interface Kind {
  readonly callers: number
  /** How often each caller does it in a round. */
  readonly times: number
  readonly work: (caller: number) => Effect.Effect<unknown, unknown, Needed>
}

type Needed = Carts | ForgetfulCarts | Journal | CartQueries | SqlClient.SqlClient

/** Carts of which nothing stays in memory, so that every read is a recovery. */
class ForgetfulCarts extends Context.Service<ForgetfulCarts, typeof Carts.Service>()(
  "@daybook/benchmarks/growth/ForgetfulCarts"
) {}

const layerOf = (databaseUrl: string) => {
  const forgetful = Layer.effect(ForgetfulCarts, Carts).pipe(
    Layer.provide(Layer.fresh(commandSide({ entities: { resident: 8 } })))
  )
  return Layer.mergeAll(commandSide(), forgetful, CartQueries.layer(schema)).pipe(
    Layer.provideMerge(Stores.writeSide({ schema })),
    Layer.provideMerge(Database.layer({ url: Redacted.make(databaseUrl) }))
  )
}

/** Commands of each caller in a round: with 256 callers, all rounds of a run together add some 35,000 events. */
const commandsPerCaller = 16
const singleCommands = 200
const reads = 300
const pages = 50
const pageSize = 500

/** The carts of the newest events, as many as the youngest journal has. */
const recentCarts = 256

const below = (limit: number): number => Math.floor(Math.random() * limit)

const found = (what: string, ok: boolean): Effect.Effect<void> =>
  ok ? Effect.void : Effect.die(new Error(`${what} is not there as it was made`))

/** A journal, and how many pages its table had when it was made. */
interface Known extends History {
  readonly eventPages: number
}

/** What is asked, by name. With "any" in the name it is asked of all carts alike, otherwise of those with the newest events. */
const kindsOf = ({ cartIds, customers, eventPages }: Known, callers: number): Readonly<Record<string, Kind>> => {
  const stepsOf = perCaller(steps)
  const oneStep = perCaller((caller: number) => steps(callers + caller))
  const execute = (next: ReturnType<typeof steps>) =>
    Effect.flatMap(Carts, (carts) => {
      const { cartId, command, sender } = next()
      return carts.execute(cartId, command, { ...sender, commandId: undefined })
    })
  const anyCart = () => cartIds[below(cartIds.length)]!
  const recentCart = () => cartIds[cartIds.length - 1 - below(recentCarts)]!
  const stream = (id: string) =>
    Effect.flatMap(Journal, (journal) =>
      Effect.flatMap(journal.readStream(`cart-${id}`), (events) => found(id, events.length === eventsPerCart))
    )
  const view = (id: string) =>
    Effect.flatMap(CartQueries, (queries) =>
      Effect.flatMap(queries.cart(id), (cart) =>
        found(id, Option.isSome(cart) && cart.value.lines.length === eventsPerCart - 1)
      )
    )
  const ofCustomer = Effect.flatMap(CartQueries, (queries) =>
    Effect.suspend(() => queries.cartsOf(`customer-${below(customers)}`, { limit: 50 }))
  )
  const recover = (id: string) =>
    Effect.flatMap(ForgetfulCarts, (carts) =>
      Effect.flatMap(carts.read(id), ({ version }) => found(id, version === eventsPerCart))
    )
  const page = (after: (head: number) => number) =>
    Effect.flatMap(Journal, (journal) =>
      Effect.suspend(() => {
        const partition = below(journal.partitions)
        const head = (cartIds.length * eventsPerCart) / journal.partitions
        return journal.readPartition(partition, { after: Math.floor(after(head)), limit: pageSize })
      })
    )
  /** The limit of what is asked of any cart: nothing but so many of the table's pages, wherever they are. */
  const rawPages = Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.suspend(() => {
      const places = Array.from({ length: eventsPerCart }, () => `"(${below(eventPages)},1)"`)
      return sql.unsafe(`SELECT count(*) FROM ${schema}.event WHERE ctid = ANY ($1::text::tid[])`, [`{${places}}`])
    })
  )
  const one = (times: number, work: () => Effect.Effect<unknown, unknown, Needed>): Kind => ({
    callers: 1,
    times,
    work: () => Effect.suspend(work)
  })
  return {
    append: { callers, times: commandsPerCaller, work: (caller) => Effect.suspend(() => execute(stepsOf(caller))) },
    singleAppend: one(singleCommands, () => execute(oneStep(0))),
    // All of one kind first, since those of any age push what the others read out of the server's memory.
    stream: one(reads, () => stream(recentCart())),
    page: one(pages, () => page((head) => head - 2 * pageSize)),
    cartView: one(reads, () => view(recentCart())),
    recovery: one(reads, () => recover(recentCart())),
    customerCarts: one(reads, () => ofCustomer),
    anyStream: one(reads, () => stream(anyCart())),
    anyPage: one(pages, () => page((head) => Math.random() * (head - 2 * pageSize))),
    anyCartView: one(reads, () => view(anyCart())),
    anyRecovery: one(reads, () => recover(anyCart())),
    rawPages: one(reads, () => rawPages)
  }
}

/** Starts the service on a journal that is given `settings.events` first; with `commandsOnly` it is asked for nothing else. */
export const start = async (databaseUrl: string, settings: Settings): Promise<Contestant> =>
  serviceOn(databaseUrl, await fill(databaseUrl, Number(settings.events)), settings.commandsOnly === true)

/** The service on a journal that has been filled. */
export const serviceOn = async (databaseUrl: string, history: History, commandsOnly: boolean): Promise<Contestant> => {
  const runtime = ManagedRuntime.make(layerOf(databaseUrl))
  await runtime.context()
  const watch = connect(databaseUrl)
  const newest = await watch.query<{ readonly partition: number; readonly head: number }>(
    `SELECT id AS partition, head::float8 AS head FROM ${schema}.partition`
  )
  const [table] = await watch.query<{ readonly pages: number }>(
    `SELECT relpages AS pages FROM pg_class WHERE oid = '${schema}.event'::regclass`
  )
  const known = { ...history, eventPages: table!.pages }
  let kinds: Readonly<Record<string, Kind>> | undefined

  const measure = async (name: string, { callers, times, work }: Kind) => {
    const latencies = new Latencies()
    const timed = (caller: number) =>
      Effect.suspend(() => {
        const asked = performance.now()
        return Effect.map(work(caller), () => latencies.record(performance.now() - asked))
      })
    const all = Array.from({ length: callers }, (_, caller) => caller)
    const backendsBefore = await backendTimes(watch.query)
    const before = process.cpuUsage()
    const started = performance.now()
    await runtime.runPromise(
      Effect.forEach(all, (caller) => Effect.replicateEffect(timed(caller), times, { discard: true }), {
        concurrency: "unbounded",
        discard: true
      })
    )
    const millis = performance.now() - started
    const { user, system } = process.cpuUsage(before)
    const server = spentMicros(backendsBefore, await backendTimes(watch.query))
    const figures: Figures = {
      [`${name}P50Micros`]: percentile(latencies.sorted(), 50) * 1000,
      [`${name}ServerCpuMicros`]: server / latencies.count,
      [`${name}NodeCpuMicros`]: (user + system) / latencies.count,
      [`${name}CpuMicros`]: (server + user + system) / latencies.count
    }
    return { figures, count: latencies.count, perSecond: (latencies.count * 1000) / millis }
  }

  return {
    round: async ({ callers }: Load) => {
      kinds ??= kindsOf(known, callers)
      const { append, singleAppend, ...reading } = kinds
      const ofAppends = await measure("append", append!)
      const round = { ...ofAppends.figures, commands: ofAppends.count, commandsPerSecond: ofAppends.perSecond }
      if (commandsOnly) return round
      const single = await measure("singleAppend", singleAppend!)
      Object.assign(round, single.figures, { commands: ofAppends.count + single.count })
      for (const [name, kind] of Object.entries(reading)) Object.assign(round, (await measure(name, kind)).figures)
      return round
    },
    stored: async () => {
      const counts = newest.map(
        ({ partition, head }) =>
          `SELECT count(*) FROM ${schema}.event WHERE partition = ${partition} AND position > ${head}`
      )
      const [row] = await watch.query<{ readonly n: number }>(
        `SELECT sum(count)::float8 AS n FROM (${counts.join(" UNION ALL ")}) c`
      )
      return row!.n
    },
    close: async () => {
      await watch[Symbol.asyncDispose]()
      await runtime.dispose()
    }
  }
}
