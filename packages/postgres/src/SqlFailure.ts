/**
 * Why a statement failed, in the database's own words.
 */
import { reasonOf as messageOf } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"

/** Whether a failure came from the database. */
export const isSqlError = (error: unknown): error is SqlError =>
  (error as { readonly _tag?: unknown } | null)?._tag === "SqlError"

/** What a failure came of, from the outside in: drivers wrap what the server said. */
const causesOf = (error: SqlError): ReadonlyArray<{ readonly message?: unknown; readonly code?: unknown }> => {
  const causes: Array<object> = []
  let cause: unknown = error.reason.cause
  while (cause instanceof Object && causes.length < 5) {
    causes.push(cause)
    cause = (cause as { readonly cause?: unknown }).cause
  }
  return causes
}

/** What the driver says of a server that ends a connection on which nothing was asked; what the server said is lost. */
const endedByServer = /^Unexpected ErrorResponse (without an in-flight query|while idle)$/

/** The innermost message of a failure. Never holds parameters of the statement. */
export const reasonOf = (error: SqlError): string => {
  const reason =
    causesOf(error)
      .map(({ message }) => message)
      .findLast((message): message is string => typeof message === "string" && message !== "") ?? error.message
  return endedByServer.test(reason) ? "the server has ended the connection" : reason
}

/** Why something failed, in the database's words where it was the database. */
export const whyOf = (error: unknown): string => (isSqlError(error) ? reasonOf(error) : messageOf(error))

/** What fails says why as `whyOf` does, for those who show nothing but an error's message. */
export const inWords = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Error, R> =>
  Effect.mapError(effect, (error) => new Error(whyOf(error), { cause: error }))

/** The SQLSTATE that the server gave, where it gave one: five characters, of which the first two are the class. */
const stateOf = (error: SqlError): string | undefined =>
  causesOf(error)
    .map(({ code }) => code)
    .find((code): code is string => typeof code === "string" && /^[0-9A-Z]{5}$/.test(code))

/** Data exceptions and violated constraints. */
const classesOfValues = new Set(["22", "23"])

/** Whether the database refused what was to be written, and would again: no failure of the database. */
export const isRefusedValue = (error: unknown): boolean =>
  isSqlError(error) && classesOfValues.has(stateOf(error)?.slice(0, 2) ?? "")
