/**
 * What a contestant has stored, to be held against what it acknowledged.
 */
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** How many rows a table has. */
export const rowsIn = (table: string): Effect.Effect<number, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly n: number }>(`SELECT count(*)::integer AS n FROM ${table}`)
    return rows[0]!.n
  })
