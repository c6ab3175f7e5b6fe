/**
 * The physical limit for `lag`: a row is committed, a notification sent, and whoever hears it reads what is new. There is no
 * decision, no read model, no offset, and no batch. Used by the `lag` benchmark.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type { Contestant, Settings } from "../Contestant.ts"
import { rowsIn } from "../Rows.ts"
import { round } from "./LagLoad.ts"

const channel = "bare_lag"

const createTable = "CREATE TABLE bare_lag (n integer PRIMARY KEY, data text NOT NULL)"

/** About as long as an event of a cart. */
const data = "x".repeat(200)

/** Rows that somebody waits to read, by their numbers. Told when they have been. */
type Awaited = Map<number, (millis: number) => void>

/** Reads what is awaited whenever something is heard. What is heard meanwhile is looked for together. */
const listening = (awaited: Awaited) =>
  Effect.scoped(
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const heard = yield* sql.listen(channel)
      return yield* Effect.forever(
        Effect.gen(function* () {
          yield* Queue.takeBetween(heard, 1, 1_000)
          const rows = yield* sql.unsafe<{ readonly n: number }>(
            "SELECT n FROM bare_lag WHERE n = ANY($1::integer[])",
            [[...awaited.keys()]]
          )
          const now = performance.now()
          for (const { n } of rows) awaited.get(n)?.(now)
        })
      )
    })
  )

/** Starts a writer and a listener on connections of their own. */
export const start = async (databaseUrl: string, { rate }: Settings): Promise<Contestant> => {
  const runtime = ManagedRuntime.make(PgClient.layer({ url: Redacted.make(databaseUrl), maxConnections: 16 }))
  const sql = await runtime.runPromise(PgClient.PgClient)
  await runtime.runPromise(sql.unsafe(createTable))
  const awaited: Awaited = new Map()
  const listener = runtime.runFork(listening(awaited))
  let written = 0
  const commit = async (): Promise<number> => {
    const n = ++written
    await runtime.runPromise(sql.unsafe("INSERT INTO bare_lag (n, data) VALUES ($1::integer, $2::text)", [n, data]))
    const since = performance.now()
    const visible = new Promise<number>((resolve) => awaited.set(n, resolve))
    const [at] = await Promise.all([visible, runtime.runPromise(sql.notify(channel, ""))])
    awaited.delete(n)
    return at - since
  }
  return {
    round: (load) => round(Number(rate), load, commit),
    stored: () => runtime.runPromise(rowsIn("bare_lag")),
    close: async () => {
      await runtime.runPromise(Fiber.interrupt(listener))
      await runtime.dispose()
    }
  }
}
