/**
 * The physical limit for the SQL broker: the least that gets messages through a table, each with its effect once. One connection
 * inserts them in batches; another reads a batch, and writes their ids and the copy in one transaction. No events, no partitions, no
 * leases, and messages that nobody decodes. Used by `broker`.
 */
import { randomUUID } from "node:crypto"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import type { Contestant } from "../Contestant.ts"
import { barelyPiledPerSecond, round, until } from "./BrokerLoad.ts"
import * as Copy from "./Copy.ts"
import { sample } from "./Sample.ts"

/** As many as Daybook publishes and receives at once. */
const batchSize = 500

const createTables = [
  "CREATE TABLE bare_message (n bigint PRIMARY KEY, id text NOT NULL, cart_id text NOT NULL, body text NOT NULL)",
  "CREATE TABLE bare_inbox (id text PRIMARY KEY)",
  Copy.create
]

interface Sent {
  readonly n: number
  readonly id: string
  readonly cartId: string
  readonly body: string
}

const publish = (sent: ReadonlyArray<Sent>) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe(
      `INSERT INTO bare_message (n, id, cart_id, body)
       SELECT n, id, "cartId", body FROM json_to_recordset($1::text::json) AS m (n bigint, id text, "cartId" text, body text)`,
      [JSON.stringify(sent)]
    )
  )

/** Takes the next batch, and answers who was in it. */
const receive = (after: number) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.gen(function* () {
      const found = yield* sql.unsafe<Sent>(
        `SELECT n::float8 AS n, id, cart_id AS "cartId", body FROM bare_message
         WHERE n > $1::text::bigint ORDER BY bare_message.n LIMIT ${batchSize}`,
        [String(after)]
      )
      if (found.length === 0) return found
      yield* sql.withTransaction(
        Effect.andThen(
          sql.unsafe("INSERT INTO bare_inbox (id) SELECT json_array_elements_text($1::text::json)", [
            JSON.stringify(found.map(({ id }) => id))
          ]),
          Copy.count(found.map(({ cartId }) => cartId))
        )
      )
      return found
    })
  )

/** Starts a publisher and a receiver. */
export const start = async (databaseUrl: string): Promise<Contestant> => {
  const runtime = ManagedRuntime.make(PgClient.layer({ url: Redacted.make(databaseUrl), maxConnections: 4 }))
  const sql = await runtime.runPromise(SqlClient)
  for (const text of createTables) await runtime.runPromise(sql.unsafe(text))
  const awaited = new Map<number, (millis: number) => void>()
  // Unbounded, and yet never longer than what a round piles up.
  const outbox = await runtime.runPromise(Queue.unbounded<Sent>())
  const published = await runtime.runPromise(Queue.unbounded<void>())
  let piled: ReadonlyArray<Sent> = []
  let [n, received] = [0, 0]
  const publishing = Effect.forever(
    Effect.flatMap(Queue.takeBetween(outbox, 1, batchSize), (sent) =>
      Effect.andThen(publish(sent), Queue.offer(published, undefined))
    )
  )
  const receiving = Effect.gen(function* () {
    let after = 0
    while (true) {
      const found = yield* receive(after)
      after = found.at(-1)?.n ?? after
      received += found.length
      for (const one of found) awaited.get(one.n)?.(performance.now())
      if (found.length === 0) yield* Queue.takeAll(published)
    }
  })
  const running = runtime.runFork(Effect.all([publishing, receiving], { concurrency: 2 }))
  const message = (): Sent => {
    const cartId = `cart-${++n % 500}`
    return { n, id: randomUUID(), cartId, body: sample(n, cartId) }
  }
  return {
    round: (load) =>
      round(
        load,
        {
          pileUp: async (messages) => {
            piled = Array.from({ length: messages }, message)
          },
          release: async () => {
            for (const one of piled) Queue.offerUnsafe(outbox, one)
            await until(async () => received >= n)
          },
          send: async () => {
            const one = message()
            const since = performance.now()
            const heard = new Promise<number>((resolve) => awaited.set(one.n, resolve))
            Queue.offerUnsafe(outbox, one)
            const at = await heard
            awaited.delete(one.n)
            return at - since
          }
        },
        barelyPiledPerSecond
      ),
    stored: () => runtime.runPromise(Copy.total),
    close: async () => {
      await runtime.runPromise(Fiber.interrupt(running))
      await runtime.dispose()
    }
  }
}
