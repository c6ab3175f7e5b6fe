/**
 * An open load of commands and queries over HTTP, in a process of its own. Latencies are counted from the moment at which a
 * request was to start, so that neither a slow answer nor a busy generator makes them look better. Used by `http`.
 */
import { type Figures, figuresOf, type Load, type Start } from "../Contestant.ts"
import { Latencies } from "../Statistics.ts"
import { arrive } from "./Arrivals.ts"
import { Connections } from "./Connections.ts"
import { storedIn } from "./Stored.ts"
import { Carts, type Customer, commandRequest, type Request } from "./Traffic.ts"

/** Enough customers that one is at leisure when a command is due, and enough connections that few requests wait for one. */
const customers = 512
const connectionCount = 64

interface Rates {
  readonly commands: number
  readonly queries: number
}

/** One round: what is under way in it, and its latencies from the intended moments. */
class Flight {
  readonly commands = new Latencies()
  readonly queries = new Latencies()
  readonly ownWrites = new Latencies()
  /** How late the generator itself was. */
  readonly late = new Latencies()
  readonly #connections: Connections
  #under = 0
  #landed = Promise.withResolvers<void>()

  constructor(connections: Connections) {
    this.#connections = connections
  }

  send(intended: number, request: Request, answered: (now: number) => void): void {
    this.#under++
    this.late.record(performance.now() - intended)
    this.#connections.send(request, () => {
      answered(performance.now())
      if (--this.#under === 0) this.#landed.resolve()
    })
  }

  /** Waits until all that was sent is answered. */
  landed(): Promise<void> {
    if (this.#under === 0) return Promise.resolve()
    this.#landed = Promise.withResolvers()
    return this.#landed.promise
  }
}

/** Customers who send commands when it pleases them, and people who look at carts. */
class Public {
  readonly #carts = new Carts(customers, Math.random)
  /** Customers who wait for no answer, the one longest at leisure first; and moments for which there was none. */
  readonly #atLeisure: Array<Customer> = [...this.#carts.customers]
  readonly #overdue: Array<number> = []

  command(intended: number, flight: Flight): void {
    const customer = this.#atLeisure.shift()
    if (customer === undefined) return void this.#overdue.push(intended)
    const step = customer.next()
    flight.send(intended, commandRequest(step), (now) => {
      flight.commands.record(now - intended)
      this.#carts.acknowledged(customer, step, now)
      this.#atLeisure.push(customer)
      const waiting = this.#overdue.shift()
      if (waiting !== undefined) this.command(waiting, flight)
    })
  }

  /** The very first queries, before there is a cart to look at, are left out: they are of the warm-up. */
  query(intended: number, flight: Flight): void {
    const query = this.#carts.query(performance.now())
    if (query === undefined) return
    flight.send(intended, query.request, (now) => {
      flight.queries.record(now - intended)
      if (query.ofOwnWrite) flight.ownWrites.record(now - intended)
    })
  }
}

const percentilesOf = (prefix: string, latencies: Latencies, seconds: number): Figures => {
  if (latencies.count === 0) return {}
  const { commands: _, commandsPerSecond: perSecond, ...percentiles } = figuresOf(latencies, seconds)
  const all = { ...percentiles, perSecond: perSecond! }
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [`${prefix}${name[0]!.toUpperCase()}${name.slice(1)}`, value])
  )
}

const figuresOfFlight = ({ commands, queries, ownWrites, late }: Flight, seconds: number): Figures => ({
  commands: commands.count,
  requests: late.count,
  ...percentilesOf("command", commands, seconds),
  ...percentilesOf("query", queries, seconds),
  ...percentilesOf("ownWrite", ownWrites, seconds),
  ...percentilesOf("late", late, seconds)
})

const fly = async (people: Public, load: Load, rates: Rates, connections: Connections): Promise<Figures> => {
  const flight = new Flight(connections)
  const kinds = [
    { perSecond: rates.commands, issue: (intended: number) => people.command(intended, flight) },
    { perSecond: rates.queries, issue: (intended: number) => people.query(intended, flight) }
  ]
  const cpuBefore = process.cpuUsage()
  await arrive(kinds, load.seconds, Math.random)
  await flight.landed()
  const { user, system } = process.cpuUsage(cpuBefore)
  return { ...figuresOfFlight(flight, load.seconds), generatorCpuMicrosPerRequest: (user + system) / flight.late.count }
}

/** Starts the generator for the server at `url`. A round fails when anything is not answered with success. */
export const start: Start = async (databaseUrl, settings) => {
  const people = new Public()
  const rates = { commands: Number(settings.commandsPerSecond), queries: Number(settings.queriesPerSecond) }
  return {
    round: (load) =>
      Connections.using(String(settings.url), connectionCount, (connections) => fly(people, load, rates, connections)),
    stored: () => storedIn(databaseUrl),
    close: () => Promise.resolve()
  }
}
