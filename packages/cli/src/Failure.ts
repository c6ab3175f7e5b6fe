/**
 * Why a command could not do what it was asked, in one or two lines for the person who typed it. Everything else that goes
 * wrong is told by `explain`.
 */
import * as StartFailure from "@daybook/shop/StartFailure"
import * as Schema from "effect/Schema"

/** The message says what is wrong, with which value, and what to do next. */
export class Failure extends Schema.TaggedError<Failure>()("Failure", { message: Schema.String }) {}

/** The command has said all there is to say, and ends with that exit code. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", { code: Schema.Int }) {}

/** A store that does not answer gives senders of commands advice that is not for whoever typed one. Its first sentence is. */
const firstSentence = (message: string): string => /^.*?\)\.(?= )/.exec(message)?.[0] ?? message

/** Any error in words, without its stack: what helps is what to do, not where in the code it came up. */
export const explain = (error: unknown): string => {
  // Its lines are as they should be.
  if (error instanceof Failure) return error.message
  const message = StartFailure.explain(error, undefined)
  const tag = (error as { readonly _tag?: unknown } | null)?._tag
  if (tag === "JournalUnavailable" || tag === "ReadModelUnavailable") return firstSentence(message)
  return message === "" ? "Something failed without saying why." : message
}
