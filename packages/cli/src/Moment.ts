/**
 * Moments as people type them: a time with its offset from UTC, or a day, which counts to its end in UTC; and as they read them. For
 * commands that look at the past.
 */
import * as Instant from "@daybook/core/Instant"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Failure } from "./Failure.ts"

const day = /^\d{4}-\d\d-\d\d$/

/** Milliseconds since 1970; `undefined` when the text is no moment. */
export const millisOf = (text: string): number | undefined =>
  Instant.parse(day.test(text) ? `${text}T23:59:59.999Z` : text)

/** An instant for people, to the second: `2011-03-31T16:00:00Z`. */
export const toSecond = (millis: number): string => `${Instant.format(millis).slice(0, 19)}Z`

/** The moment that a flag was given, which must have come; of a day that has begun, what there has been of it. */
export const momentIn = (flag: string, text: string): Effect.Effect<number, Failure> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const millis = millisOf(text)
    const refuse = (why: string) => Effect.fail(new Failure({ message: `${flag} ${JSON.stringify(text)} ${why}` }))
    if (millis === undefined) {
      return refuse(
        "is no instant. Give a time with its offset (2011-03-31T16:00:00Z), or a day, which counts to its end in UTC."
      )
    }
    if (millis <= now) return Effect.succeed(millis)
    return day.test(text) && Instant.format(now).startsWith(text)
      ? Effect.succeed(now)
      : refuse(`has not come yet: it is ${Instant.format(now)}. Give one that has.`)
  })
