/**
 * What `daybook audit search` and `export` are asked for: their flags, and the filter that these make.
 */
import type { Filter } from "@daybook/core/AuditTrail"
import * as Instant from "@daybook/core/Instant"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Flags from "./Flags.ts"

const dayMillis = 24 * 3_600_000
const day = /^\d{4}-\d\d-\d\d$/
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)$/

/** The beginning of a day in UTC, or an instant; `undefined` for what is none. */
const millisOf = (text: string): number | undefined => {
  if (!day.test(text) && !instant.test(text)) return undefined
  const millis = Date.parse(text)
  return Instant.isDay(text.slice(0, 10)) && !Number.isNaN(millis) ? millis : undefined
}

const Time = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      millisOf(text) !== undefined ||
      "Expected a day such as 2011-03-31, or an instant with its zone such as 2011-03-31T09:30:00Z"
  )
)

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const time = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withSchema(Time),
    Flag.withMetavar("TIME"),
    Flag.withDescription(description),
    Flag.optional
  )

/** The flags, for a command that takes them. */
export const flags = {
  service: Flags.service("Only what this service was told and did"),
  aggregate: text("aggregate", "Only this kind of aggregate, such as order or stockitem"),
  stream: text("stream", "Only this aggregate, such as order-o-1: the one search that needs no scan"),
  actor: text("actor", "Only what was done by, such as operator:ann, system:inventory or anonymous"),
  type: text("type", "Only this type of event, command or rejection, such as StockAdjusted"),
  correlation: text("correlation", "Only this conversation; see also daybook audit tree"),
  from: time("from", "Only from this time on: a day, or an instant with its zone"),
  to: time("to", "Only until this time: up to the end of a day, or before an instant"),
  by: Flag.Literals("by", ["recorded", "occurred"]).pipe(
    Flag.withDescription(
      "Which time --from and --to mean: when it was written down (default), or when it happened in the business"
    ),
    Flag.withDefault("recorded" as const)
  ),
  outcome: Flag.Literals("outcome", ["accepted", "rejected"]).pipe(
    Flag.withDescription("Only what was done, or only what was refused"),
    Flag.optional
  )
}

/** What the flags say. */
export interface Asked {
  readonly aggregate: Option.Option<string>
  readonly stream: Option.Option<string>
  readonly actor: Option.Option<string>
  readonly type: Option.Option<string>
  readonly correlation: Option.Option<string>
  readonly from: Option.Option<string>
  readonly to: Option.Option<string>
  readonly by: "recorded" | "occurred"
  readonly outcome: Option.Option<"accepted" | "rejected">
}

/** A day ends where the next begins. */
const endOf = (text: string): number => millisOf(text)! + (day.test(text) ? dayMillis : 0)

/** The filter that the flags make. */
export const filterOf = (asked: Asked): Filter => ({
  aggregate: Option.getOrUndefined(asked.aggregate),
  stream: Option.getOrUndefined(asked.stream),
  actor: Option.getOrUndefined(asked.actor),
  type: Option.getOrUndefined(asked.type),
  correlation: Option.getOrUndefined(asked.correlation),
  fromMillis: Option.getOrUndefined(Option.map(asked.from, (from) => millisOf(from)!)),
  toMillis: Option.getOrUndefined(Option.map(asked.to, endOf)),
  by: asked.by,
  outcome: Option.getOrUndefined(asked.outcome)
})
