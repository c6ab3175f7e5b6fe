/**
 * How every service is asked about the past over HTTP: what a thing was at a version or at an instant, its versions, and what changed
 * between two points. Browser-safe: schemas and endpoints; `Past.ts` answers them.
 */

import { UndecodableEvent } from "@daybook/core/Event"
import * as Instant from "@daybook/core/Instant"
import { JournalUnavailable } from "@daybook/core/Journal"
import {
  HistoryGone,
  HistoryTooLong,
  NotYetBegun,
  OutOfOrder,
  PointsNotInOrder,
  VersionNotFound
} from "@daybook/core/TemporalProblems"
import { HttpApiSchema } from "effect/http-api"
import * as Schema from "effect/Schema"
import { AtLeastVersion, describe, PageQuery, QueryVersion } from "./Http.ts"
import { InvalidRequest } from "./InvalidRequest.ts"

const anInstant = "an instant such as 2011-03-31T23:59:59Z, with its offset from UTC (a + in it is written %2B)"

const isInstant = (text: string): boolean => Instant.parse(text) !== undefined

const InstantText = Schema.String.check(Schema.makeFilter((text: string) => isInstant(text) || `Expected ${anInstant}`))

/** A version, as text. */
const versionText = /^\d{1,9}$/

/** A point of a history: a version, or an instant. */
const PointText = Schema.String.check(
  Schema.makeFilter((text: string) => versionText.test(text) || isInstant(text) || `Expected a version or ${anInstant}`)
)

/** The version that a text of a point names, if it names one. */
export const versionIn = (text: string): number | undefined => (versionText.test(text) ? Number(text) : undefined)

const By = Schema.optionalKey(
  Schema.Literals(["recorded", "occurred"]).annotate({
    description:
      "Which time an instant is meant by: when the shop recorded what happened (default), or when it happened in the business"
  })
)

/** The query of what shows one thing: as it is now, or as it was at a point. */
export const ShowQuery = Schema.Struct({
  ...AtLeastVersion,
  asOf: Schema.optionalKey(InstantText.annotate({ description: "Show it as it was at this instant (RFC 3339)" })),
  by: By,
  version: Schema.optionalKey(QueryVersion(1).annotate({ description: "Show it as it was at this version" }))
}).check(
  Schema.makeFilter(({ asOf, by, version, atLeastVersion }) => {
    const past = asOf !== undefined || version !== undefined
    if (asOf !== undefined && version !== undefined)
      return { path: ["version"], issue: "Expected either asOf or version, and not both" }
    if (by !== undefined && asOf === undefined) return { path: ["by"], issue: "Expected together with asOf alone" }
    if (past && atLeastVersion !== undefined)
      return {
        path: ["atLeastVersion"],
        issue: "Expected without asOf and version: the past does not have to be waited for"
      }
    return true
  })
)

export type ShowQuery = typeof ShowQuery.Type

/** What shows one thing answers: `ETag` is its version. */
export const shown = <View extends Schema.Top>(view: View) =>
  HttpApiSchema.WithHeaders(view, {
    etag: Schema.String,
    /** By occurred time: older versions that are not in it, since what they tell of occurred later. */
    "x-left-out-versions": Schema.optionalKey(Schema.String)
  })

/** For the description of what shows one thing. */
export const pastHint =
  "With `version`, or with `asOf` and `by`, it is shown as it was then. `by=recorded` (default) is what was known at that instant; `by=occurred` is what was so in the business then, as known today, where `X-Left-Out-Versions` names older versions that occurred only later."

/** What a question about the past may fail with, besides that the thing is not known. */
export const pastProblems = [
  InvalidRequest,
  VersionNotFound,
  NotYetBegun,
  HistoryGone,
  OutOfOrder,
  JournalUnavailable,
  UndecodableEvent
] as const

const happening = {
  version: Schema.Int,
  eventId: Schema.String,
  type: Schema.String,
  schemaVersion: Schema.Int,
  /** When it happened in the business. */
  occurredAt: Schema.String,
  /** When the journal stored it. */
  recordedAt: Schema.String,
  /** Who did it: a user, an operator, a service. */
  actor: Schema.NullOr(Schema.String),
  /** Why, where somebody said so. */
  reason: Schema.NullOr(Schema.String),
  commandId: Schema.NullOr(Schema.String),
  correlationId: Schema.NullOr(Schema.String),
  causationId: Schema.NullOr(Schema.String)
}

/** The versions of a thing: a page of them. */
const History = Schema.Struct({
  newestVersion: Schema.Int,
  /** The oldest version whose event is kept; above 1 where older ones were pruned. */
  firstVersion: Schema.Int,
  versions: Schema.Array(Schema.Struct(happening).annotate({ identifier: "HistoryVersion" })),
  /** Give it as `after` for the next page; `null` at the end. */
  next: Schema.NullOr(Schema.Int)
}).annotate({ identifier: "History" })

export type History = typeof History.Type

/** JSON Patch, RFC 6902. */
const Patch = Schema.Array(
  Schema.Union([
    Schema.Struct({ op: Schema.Literal("add"), path: Schema.String, value: Schema.Json }),
    Schema.Struct({ op: Schema.Literal("remove"), path: Schema.String }),
    Schema.Struct({ op: Schema.Literal("replace"), path: Schema.String, value: Schema.Json })
  ])
).annotate({ identifier: "JsonPatch", description: "JSON Patch, RFC 6902" })

const End = Schema.Struct({
  /** The newest version in it; 0 before the first. */
  version: Schema.Int,
  /** By occurred time: older versions that are not in it, since they occurred later. */
  leftOut: Schema.Array(Schema.Int)
}).annotate({ identifier: "HistoryPoint" })

/** What changed between two points. */
const Difference = Schema.Struct({
  from: End,
  to: End,
  /** From the one state to the other, over the state in stored form. */
  patch: Patch,
  /** The same version by version: a page of them. */
  changes: Schema.Array(Schema.Struct({ ...happening, patch: Patch }).annotate({ identifier: "HistoryChange" })),
  /** Give it as `after` for the next page; `null` at the end. */
  next: Schema.NullOr(Schema.Int)
}).annotate({ identifier: "HistoryDifference" })

export type Difference = typeof Difference.Type

/** A list of versions goes on after one of them. */
const VersionPage = {
  limit: PageQuery.limit,
  after: Schema.optionalKey(QueryVersion(0))
}

/** The query of a difference. */
const DifferenceQuery = Schema.Struct({
  from: PointText,
  to: Schema.optionalKey(PointText),
  by: By,
  ...VersionPage
})

export type VersionPage = { readonly [K in keyof typeof VersionPage]?: number }
export type DifferenceQuery = typeof DifferenceQuery.Type

/** What lists the versions of a thing: the endpoint adds its path and parameters. */
export const historyOf = <const NotFound>(notFound: NotFound) => ({
  query: VersionPage,
  success: History,
  error: [notFound, ...pastProblems] as const
})

/** What shows what changed of a thing: the endpoint adds its path and parameters. */
export const differenceOf = <const NotFound>(notFound: NotFound) => ({
  query: DifferenceQuery,
  success: Difference,
  error: [notFound, ...pastProblems, PointsNotInOrder, HistoryTooLong] as const
})

/** `what` is whose: `an order`. */
export const describeHistory = (what: string) =>
  describe(
    `List the versions of ${what}`,
    "What happened to it, in order: which event, when it happened and when it was recorded, who did it and why, and what it followed from. For the next page give `next` as `after`."
  )

/** `what` is whose: `an order`. */
export const describeDifference = (what: string) =>
  describe(
    `Show what changed of ${what}`,
    "The difference between two points as JSON Patch (RFC 6902) over the state in stored form, as a whole and for each version, with who, when and why. `from` and `to` are each a version (0 is before the first) or an instant; `to` is now unless given. `by` says which time instants are meant by; instants of occurred time are compared with one another, and list their versions in that order. For the next page of changes give `next` as `after`."
  )
