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

/** The SQLSTATE that the server gave, where it gave one: five characters, of which the first two are the class. */
const stateOf = (error: SqlError): string | undefined => {
  let cause: unknown = error.reason.cause
  for (let depth = 0; depth < 5 && cause instanceof Object; depth++) {
    const { code, cause: next } = cause as { readonly code?: unknown; readonly cause?: unknown }
    if (typeof code === "string" && /^[0-9A-Z]{5}$/.test(code)) return code
    cause = next
  }
  return undefined
}

/** Data exceptions and violated constraints. */
const classesOfValues = new Set(["22", "23"])

/** Whether the database refused what was to be written, and would again: no failure of the database. */
export const isRefusedValue = (error: unknown): boolean =>
  isSqlError(error) && classesOfValues.has(stateOf(error)?.slice(0, 2) ?? "")
