/**
 * Whether a statement would be part of its caller's transaction, and so must go on the connection that this one holds. Used by whoever
 * otherwise sends what several callers want together, or on a connection of its own.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"

/** Whether the caller is within a transaction of the client. */
export const isInTransaction = (sql: SqlClient): Effect.Effect<boolean> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.succeed(Option.isSome(Context.getOption(context, sql.transactionService)))
  )
