/**
 * Why a command could not do what it was asked, in one or two lines for the person who typed it. Everything else that goes
 * wrong is told by `explain`.
 */
import * as Schema from "effect/Schema"

/** The message says what is wrong, with which value, and what to do next. */
export class Failure extends Schema.TaggedError<Failure>()("Failure", { message: Schema.String }) {}

/**
 * Any error in words, without its stack: what helps is what to do, not where in the code it came up. A store that does not answer
 * gives senders of commands advice that is not for whoever typed one here, so that only its first sentence is kept.
 */
export const explain = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error)
  if (message === "") return "Something failed without saying why."
  const tag = (error as { readonly _tag?: unknown } | null)?._tag
  if (tag !== "JournalUnavailable" && tag !== "ReadModelUnavailable") return message
  return /^.*?\)\.(?= )/.exec(message)?.[0] ?? message
}
