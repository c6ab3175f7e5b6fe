/**
 * What the order's read models do when a person is erased: they let go of the recipient, and say that there was one.
 */
import { prefixOf } from "@daybook/core/PersonalToken"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** Takes a subject out of the read models in a schema. Doing it again changes nothing. */
export const eraseFromViews = (schema: string, subject: string): Effect.Effect<void, SqlError, SqlClient> =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.asVoid(
      sql.unsafe(
        `UPDATE ${schema}.order_view SET recipient = NULL, recipient_erased = true WHERE starts_with(recipient, $1::text)`,
        [prefixOf(subject)]
      )
    )
  )
