/**
 * Daybook as it ships: the cart service's command side on the SQL journal, with its default limits, lanes and partitions. Only
 * the persistence policy is a setting. Used by the `commands` benchmark.
 */
import * as Persistence from "@daybook/core/Persistence"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { Carts, commandSide, schema } from "@daybook/services/cart/Cart"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { type Contestant, measured, perCaller, type Round, type Settings } from "../Contestant.ts"
import { rowsIn } from "../Rows.ts"
import { type Step, steps } from "./CartLoad.ts"

const policies: Readonly<Record<string, Persistence.Persistence>> = {
  inline: Persistence.inline,
  state: Persistence.state(),
  events: Persistence.events()
}

const layerOf = (databaseUrl: string, persistence: Persistence.Persistence) =>
  commandSide({ persistence }).pipe(
    Layer.provide(Stores.writeSide({ schema })),
    Layer.provideMerge(Database.layer({ url: Redacted.make(databaseUrl) }))
  )

const callerLoop = ({ goesOn, answered }: Round, next: () => Step, keys: boolean) =>
  Effect.gen(function* () {
    const carts = yield* Carts
    while (goesOn()) {
      const { cartId, command, sender } = next()
      const asked = performance.now()
      yield* carts.execute(cartId, command, keys ? sender : { ...sender, commandId: undefined })
      answered(performance.now() - asked)
    }
  })

/** Starts the cart's entities with the policy that `persistence` names. */
export const start = async (databaseUrl: string, settings: Settings): Promise<Contestant> => {
  const persistence = policies[String(settings.persistence)]
  if (persistence === undefined) throw new Error(`There is no persistence policy ${settings.persistence}`)
  const runtime = ManagedRuntime.make(layerOf(databaseUrl, persistence))
  await runtime.context()
  const stepsOf = perCaller(steps)
  const drive = (round: Round) =>
    runtime.runPromise(
      Effect.forEach(
        Array.from({ length: round.callers }, (_, caller) => stepsOf(caller)),
        (next) => callerLoop(round, next, settings.keys === true),
        { concurrency: "unbounded", discard: true }
      )
    )
  return {
    round: (load) => measured(load, drive),
    stored: () => runtime.runPromise(rowsIn(`${schema}.event`)),
    close: () => runtime.dispose()
  }
}
