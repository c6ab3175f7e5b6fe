/**
 * The way of a journal's appends to its database. To a server they go on one connection of their own, where a batch is sent while
 * the one before is still being worked on: the server goes from one to the next without waiting for this process. Used by `SqlJournal`.
 */
import { PgClient } from "@effect/sql-pg/PgClient"
import type { PgConnection } from "@effect/sql-pg/PgConnection"
import * as PgPool from "@effect/sql-pg/PgPool"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { AnswerLimit } from "./AnswerLimit.ts"

/** Sends a statement, behind those that were sent before, and answers its rows. Takes part in no transaction of its caller. */
export type Send = <Row extends object>(
  text: string,
  params: ReadonlyArray<string | null>
) => Effect.Effect<ReadonlyArray<Row>, SqlError>

/**
 * A connection that is opened when there is something to send, and closed after a minute without. Whoever gives up waiting gives up the
 * connection, since answers to what is sent later come behind: the next statement goes on a new one. What was given up is ended by
 * the server itself, after as long again.
 */
const onOneConnection = Effect.fnUntraced(function* (client: PgClient) {
  const pool = yield* PgPool.make({ ...client.config, multiplex: true, minConnections: 0, maxConnections: 1 })
  const limitMillis = yield* AnswerLimit
  const limited = new WeakSet<PgConnection>()
  const query = (connection: PgConnection, text: string, params: ReadonlyArray<unknown>) => {
    const asked = connection.query(text, params)
    if (limitMillis === Number.POSITIVE_INFINITY || limited.has(connection)) return asked
    limited.add(connection)
    const limit = connection.query(`SET statement_timeout = ${2 * Math.ceil(limitMillis)}`)
    return Effect.map(Effect.all([limit, asked], { concurrency: "unbounded" }), ([, answer]) => answer)
  }
  const send: Send = (text, params) =>
    pool.use((connection) =>
      Effect.map(query(connection, text, params), ({ rows }) => rows as ReadonlyArray<never>).pipe(
        Effect.onInterrupt(() => pool.invalidate(connection))
      )
    )
  return send
})

/** The pipeline of one journal; of an embedded database, its one session. */
export const make: Effect.Effect<Send, SqlError, SqlClient | Scope.Scope> = Effect.gen(function* () {
  const sql = yield* SqlClient
  const client = yield* Effect.serviceOption(PgClient)
  if (Option.isSome(client)) return yield* onOneConnection(client.value)
  return (text, params) => sql.unsafe(text, params)
})
