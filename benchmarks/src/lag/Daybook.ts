/**
 * The cart service as it ships: command side, query side, and message side over the SQL broker. Used by the `lag` benchmark.
 *
 * `apart` runs the query side as if in another process: with a journal, a pool and workers of its own, which hear of an append
 * by the database's notifications alone. Both are in this process, so that one clock measures both ends.
 */
import * as Database from "@daybook/postgres/Database"
import * as SqlBroker from "@daybook/postgres/SqlBroker"
import * as Stores from "@daybook/postgres/Stores"
import { Carts, commandSide, messageSide, querySide, schema } from "@daybook/services/cart/Cart"
import { tables } from "@daybook/services/cart/Projections"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { type Contestant, perCaller, type Settings } from "../Contestant.ts"
import { steps } from "../commands/CartLoad.ts"
import { round } from "./LagLoad.ts"
import { Watch } from "./Watch.ts"

/** Customers who fill carts. Each is heard of some sixteen times a second. */
const customers = 64

const stores = Layer.mergeAll(Stores.writeSide({ schema }), Stores.readSide({ schema, tables }), SqlBroker.layer())

const sides = {
  whole: Layer.merge(querySide(), messageSide()).pipe(Layer.provideMerge(commandSide())),
  writing: messageSide().pipe(Layer.provideMerge(commandSide())),
  reading: querySide()
}

const running = <A, E, R>(databaseUrl: string, side: Layer.Layer<A, E, R>) =>
  ManagedRuntime.make(
    side.pipe(
      Layer.provide(stores),
      Layer.provideMerge(Database.layer({ url: Redacted.make(databaseUrl) }))
    ) as Layer.Layer<A | SqlClient, unknown>
  )

const versions = (ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly id: string; readonly version: number }>(
      `SELECT cart_id AS id, version FROM ${schema}.cart_view WHERE cart_id = ANY($1::text[])`,
      [ids]
    )
    return new Map(rows.map(({ id, version }) => [id, version]))
  })

/** Starts the service; with `apart` twice, of which one has the query side and the other has the rest. */
export const start = async (databaseUrl: string, { apart, rate }: Settings): Promise<Contestant> => {
  const writing = running(databaseUrl, apart === true ? sides.writing : sides.whole)
  const reading = apart === true ? running(databaseUrl, sides.reading) : writing
  const carts = await writing.runPromise(Carts)
  await reading.context()
  const watch = new Watch((ids) => reading.runPromise(versions(ids)))
  const stepsOf = perCaller(steps)
  const commit = async (nth: number) => {
    const { cartId, command, sender } = stepsOf(nth % customers)()
    const { version } = await writing.runPromise(carts.execute(cartId, command, sender))
    return watch.until(cartId, version)
  }
  const stored = Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly n: number }>(`SELECT sum(version)::integer AS n FROM ${schema}.cart_view`)
    return rows[0]!.n
  })
  return {
    round: (load) => round(Number(rate), load, commit),
    stored: () => reading.runPromise(stored),
    close: async () => {
      if (reading !== writing) await reading.dispose()
      await writing.dispose()
    }
  }
}
