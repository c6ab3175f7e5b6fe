/**
 * Why a command could not do what it was asked, in one or two lines for the person who typed it. Everything else that goes
 * wrong is told by `explain`.
 */
import * as Schema from "effect/Schema"

/** The message says what is wrong, with which value, and what to do next. */
export class Failure extends Schema.TaggedError<Failure>()("Failure", { message: Schema.String }) {}

/** Any error in words, without its stack: what helps is what to do, not where in the code it came up. */
export const explain = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error)
  return message === "" ? "Something failed without saying why" : message
}
