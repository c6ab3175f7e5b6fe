/**
 * Errors that cross a boundary, as RFC 9457 problem details.
 *
 * A problem is a yieldable error class with a stable `type` (a URN made from its tag), an HTTP status, a title that never
 * changes, and a `detail` that says what was wrong, with which value, and what to do about it. Rejections of a domain and
 * failures of the runtime are both declared here, so that HTTP, command line and messages report them alike.
 */

import * as Effect from "effect/Effect"
import * as HttpApiError from "effect/http-api/HttpApiError"
import * as Inspectable from "effect/Inspectable"
import type * as Schema from "effect/Schema"

/** The constant part of a problem: what every occurrence shares. */
export interface Declaration<Status extends number> {
  /** The HTTP status that the problem answers with. */
  readonly status: Status
  /** A short summary of the kind of problem, the same for every occurrence. */
  readonly title: string
}

/** The URN that names a kind of problem. Clients switch on it, so a tag is never renamed. */
export type ProblemType<Tag extends string> = `urn:daybook:problem:${Tag}`

/**
 * Declares a kind of problem.
 *
 * @example
 * class UnknownLine extends Problem<UnknownLine>()("UnknownLine", { status: 404, title: "No such line in the cart" }, {
 *   lineId: Schema.String
 * }) {}
 */
export const Problem =
  <Self>() =>
  <const Tag extends string, const Status extends number, const Fields extends Schema.Struct.Fields = {}>(
    tag: Tag,
    declaration: Declaration<Status>,
    fields?: Fields & HttpApiError.ProblemExtensionFields
  ): HttpApiError.ProblemClass<Self, Tag, ProblemType<Tag>, Status, Fields, {}> =>
    HttpApiError.Problem<Self>()(
      tag,
      { type: `urn:daybook:problem:${tag}`, status: declaration.status, title: declaration.title },
      fields
    ) as never

/**
 * Whether a failure is about the circumstances and not about what was asked: the same will do once they have changed. These
 * are the problems that say when to try again.
 */
export const isTransient = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "retryAfterSeconds" in error

/** What `run` throws of these kinds, which it does on purpose, becomes a failure; anything else is a defect. */
export const attempt = <A, const Kinds extends ReadonlyArray<abstract new (...args: any) => Error>>(
  kinds: Kinds,
  run: () => A
): Effect.Effect<A, InstanceType<Kinds[number]>> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (error) {
      if (kinds.some((kind) => error instanceof kind)) return Effect.fail(error as InstanceType<Kinds[number]>)
      throw error
    }
  })

/** What failed, in words: the message where there is one. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : Inspectable.toStringUnknown(error, 0)
