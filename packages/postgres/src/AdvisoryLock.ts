/**
 * What only one transaction at a time may do in a database. For migrations, and for what is removed from a journal.
 */
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** Waits until no other transaction holds the lock of that name, and holds it until this one ends. */
export const hold = (name: string): Effect.Effect<void, SqlError, SqlClient> =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.asVoid(sql.unsafe("SELECT pg_advisory_xact_lock(hashtext($1::text))", [name]))
  )
