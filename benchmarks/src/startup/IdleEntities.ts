/**
 * What an idle entity takes in memory beyond its state: many carts of the cart service as it ships, each opened and filled with two
 * items. Used by `startup`.
 *
 * The same states are made without entities first, held in an array, and let go; what the entities take more than these is the
 * runtime's. Both are what is left after full collections.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { decide, evolveAll } from "@daybook/core/Aggregate"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { Carts, commandSide, schema } from "@daybook/services/cart/Cart"
import { defaultLimits, make, type State } from "@daybook/services/cart/Domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import type { Contestant, Figures, Settings } from "../Contestant.ts"
import { type Step, steps } from "../commands/CartLoad.ts"
import { rowsIn } from "../Rows.ts"

/** Opening a cart, and items. */
export const commandsPerCart = 3

/** Carts made before anything is measured, so that compiled code and caches are there. */
const warmUps = 500

const atATime = 256

const cart = make(defaultLimits)

/** The commands of a cart, the same for the same number but for the ids. */
const commandsOf = (number: number): ReadonlyArray<Step> => {
  const next = steps(number)
  return Array.from({ length: commandsPerCart }, () => next())
}

const stateOf = (number: number): State =>
  commandsOf(number).reduce((state, { command }) => {
    const verdict = decide(cart, command, state)
    if (verdict instanceof Error) throw verdict
    return evolveAll(cart, state, verdict)
  }, cart.initial)

/** From 0 up, or from some other number. */
const numbers = (count: number, from = 0): ReadonlyArray<number> => Array.from({ length: count }, (_, n) => from + n)

const fill = (carts: ReadonlyArray<number>) =>
  Effect.flatMap(Carts, ({ execute }) =>
    Effect.forEach(
      carts,
      (number) =>
        Effect.forEach(commandsOf(number), ({ cartId, command }) => execute(cartId, command), { discard: true }),
      { concurrency: atATime, discard: true }
    )
  )

const collector = (): (() => void) => {
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc") as () => void
}

interface Memory {
  readonly heap: number
  readonly resident: number
}

/** Several times, with pauses: finalisers run in between, and let more go. */
const settled = async (collect: () => void): Promise<Memory> => {
  for (let time = 0; time < 4; time++) {
    collect()
    await sleep(20)
  }
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, resident: rss }
}

/** What one of the states takes that are made here, held in an array. */
const bytesOfState = async (count: number, collect: () => void): Promise<number> => {
  const before = await settled(collect)
  const states = numbers(count).map(stateOf)
  const after = await settled(collect)
  return (after.heap - before.heap) / states.length
}

/** The carts of `commandSide`, none of which leaves memory while this goes on. */
const layerOf = (databaseUrl: string, entities: number) =>
  commandSide({ entities: { passivateAfter: "1 hour", resident: entities + warmUps } }).pipe(
    Layer.provide(Stores.writeSide({ schema })),
    Layer.provideMerge(Database.layer({ url: Redacted.make(databaseUrl) }))
  )

/** Starts the cart's entities; `entities` says how many. Its one round makes them, whatever the load. */
export const start = async (databaseUrl: string, settings: Settings): Promise<Contestant> => {
  const count = Number(settings.entities)
  const runtime = ManagedRuntime.make(layerOf(databaseUrl, count))
  const collect = collector()
  const resident = Effect.flatMap(Carts, (carts) => carts.resident)
  const round = async (): Promise<Figures> => {
    await runtime.runPromise(fill(numbers(warmUps, count)))
    const stateBytes = await bytesOfState(count, collect)
    const before = await settled(collect)
    await runtime.runPromise(fill(numbers(count)))
    const after = await settled(collect)
    const found = await runtime.runPromise(resident)
    if (found !== count + warmUps) throw new Error(`${found} entities are in memory instead of ${count + warmUps}`)
    const bytes = (after.heap - before.heap) / count
    return {
      commands: (count + warmUps) * commandsPerCart,
      stateBytes,
      entityBytes: bytes - stateBytes,
      withStateBytes: bytes,
      residentBytes: (after.resident - before.resident) / count
    }
  }
  return { round, stored: () => runtime.runPromise(rowsIn(`${schema}.event`)), close: () => runtime.dispose() }
}
