/**
 * Why a statement failed, in the database's own words.
 */
import type { SqlError } from "effect/sql/SqlError"

/** Whether a failure came from the database. */
export const isSqlError = (error: unknown): error is SqlError =>
  (error as { readonly _tag?: unknown } | null)?._tag === "SqlError"

/** The innermost message of a failure: drivers wrap what the server said. Never holds parameters of the statement. */
export const reasonOf = (error: SqlError): string => {
  let message = error.message
  let cause: unknown = error.reason.cause
  for (let depth = 0; depth < 5 && cause instanceof Object; depth++) {
    const { message: inner, cause: next } = cause as { readonly message?: unknown; readonly cause?: unknown }
    if (typeof inner === "string" && inner !== "") message = inner
    cause = next
  }
  return message
}
