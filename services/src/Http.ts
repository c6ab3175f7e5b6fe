/**
 * HTTP conventions that every service shares: what a command's headers say, how it is answered, and how a query waits for it.
 *
 * Browser-safe: schemas and small functions, no server code.
 */
import { anonymous } from "@daybook/core/Actor"
import type { Accepted, CommandOptions } from "@daybook/core/Entities"
import { Contended, Overloaded, RecoveryTimedOut, ShuttingDown, VersionMismatch } from "@daybook/core/EntityProblems"
import { UndecodableEvent } from "@daybook/core/Event"
import { JournalUnavailable } from "@daybook/core/Journal"
import { Problem } from "@daybook/core/Problem"
import { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { RecoveryFailed } from "@daybook/core/Recovery"
import { PersonalDataUnreadable, SubjectKeysUnavailable } from "@daybook/core/SubjectKeys"
import { HttpApiSchema, OpenApi } from "effect/http-api"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { Day, Text } from "./Text.ts"

const versionTag = /^(?:"([0-9]{1,9})"|([0-9]{1,9}))$/

/** The version in an `If-Match` header: `"7"`, as the `ETag` of a query gave it, or plain `7`. */
const IfMatch = Schema.String.check(
  Schema.isPattern(versionTag, { expected: 'a version such as "7", as the ETag of a query gives it' })
)

/** Headers of a command. All are optional. */
export const CommandHeaders = {
  /** Names the command: sent again with the same key, it is carried out once and answered alike. */
  "idempotency-key": Schema.optionalKey(Text(200)),
  /** The version that the aggregate must have; otherwise 412. */
  "if-match": Schema.optionalKey(IfMatch),
  /** Who asks, where a gateway has found that out; otherwise `anonymous`. */
  "x-actor": Schema.optionalKey(Text(200)),
  /** Why. Without it, what the body gives as its reason or note, where it has one. */
  "x-reason": Schema.optionalKey(Text(500)),
  /**
   * The business conversation that the command belongs to. Without it, that is the order's for whatever is about an order, its
   * checkout or its payment; otherwise the command's own, named by the idempotency key or by the first event.
   */
  "x-correlation-id": Schema.optionalKey(Text(200)),
  /** W3C trace context. */
  traceparent: Schema.optionalKey(Text(100))
}

/** Headers of a command that is somebody's own decision: it says why. */
export const ReasonedHeaders = { ...CommandHeaders, "x-reason": Text(500) }

type Headers = { readonly [K in keyof typeof CommandHeaders]?: string }

/** What the headers say, in the runtime's words. `said` is why, as the body says it: an audit looks for it in one place. */
export const commandOptions = (headers: Headers, said?: string): CommandOptions => ({
  commandId: headers["idempotency-key"],
  expectedVersion: headers["if-match"] === undefined ? undefined : Number(headers["if-match"].replaceAll('"', "")),
  actor: headers["x-actor"] ?? anonymous,
  reason: headers["x-reason"] ?? said,
  correlationId: headers["x-correlation-id"],
  traceParent: headers.traceparent
})

/** The answer to a command: what is durable now. `GET …?atLeastVersion=` with this version waits until queries show it. */
export const CommandAccepted = Schema.Struct({
  id: Schema.String,
  version: Schema.Int,
  partition: Schema.Int,
  /** Place of the command's last event in its partition; 0 when there was nothing to record. */
  position: Schema.Int,
  /** True when this idempotency key had been used before, and nothing was done again. */
  repeated: Schema.Boolean
})
  .pipe(HttpApiSchema.status(202))
  .annotate({ identifier: "CommandAccepted" })

/** The body of `CommandAccepted`. */
export const accepted = ({ id, version, partition, position, duplicate }: Accepted) => ({
  id,
  version,
  partition,
  position,
  repeated: duplicate
})

/** The answer to a command that says more than `CommandAccepted`, such as an id that was made. */
export const acceptedWith = <const Fields extends Schema.Struct.Fields>(identifier: string, fields: Fields) =>
  Schema.Struct({ ...CommandAccepted.fields, ...fields })
    .pipe(HttpApiSchema.status(202))
    .annotate({ identifier })

/** What the documentation says of an endpoint. */
export const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** What any command may fail with, besides its domain's rejections. */
export const commandProblems = [
  Overloaded,
  ShuttingDown,
  Contended,
  VersionMismatch,
  RecoveryTimedOut,
  JournalUnavailable,
  UndecodableEvent,
  RecoveryFailed
] as const

/** The read model has not caught up with the version that a query asked for. */
export class NotYetVisible extends Problem<NotYetVisible>()(
  "NotYetVisible",
  { status: 503, title: "The read model has not caught up yet" },
  { atLeastVersion: Schema.Int, retryAfterSeconds: Schema.Int }
) {}

/** What any query may fail with. */
export const queryProblems = [ReadModelUnavailable, NotYetVisible] as const

/** What a query may fail with that shows personal data. */
export const keyProblems = [SubjectKeysUnavailable, PersonalDataUnreadable] as const

interface Range {
  readonly minimum: number
  readonly maximum: number
}

/**
 * Numbers in queries are written in decimal digits, and are wrong otherwise: `1e3` is likelier a mistake than a thousand. `digits` has the flag `u`,
 * without which it is not in the OpenAPI document.
 */
const written = (digits: RegExp, what: string, number: typeof Schema.Int | typeof Schema.Finite, range: Range) => {
  const expected = `${what} from ${range.minimum} to ${range.maximum}, in decimal digits`
  return Schema.String.check(Schema.isPattern(digits, { expected })).pipe(
    Schema.decodeTo(number.check(Schema.isBetween(range)), SchemaTransformation.numberFromString)
  )
}

/** A whole number in a query. */
export const QueryInt = (range: Range) =>
  written(range.minimum < 0 ? /^-?[0-9]+$/u : /^[0-9]+$/u, "a whole number", Schema.Int, range)

/** A number in a query that may have decimals. */
export const QueryNumber = (range: Range) => written(/^[0-9]+(?:\.[0-9]+)?$/u, "a number", Schema.Finite, range)

/** What versions there may be, from the first or from none. */
export const QueryVersion = (minimum: 0 | 1) => QueryInt({ minimum, maximum: 2_147_483_647 })

/** The query parameter that waits for a version, at most `waitMillis`. */
export const AtLeastVersion = {
  atLeastVersion: Schema.optionalKey(
    QueryVersion(0).annotate({ description: "Wait until the read model shows this version" })
  )
}

/** How long a query waits for a version. Longer, and a client's own time-out would come first. */
export const waitMillis = 5_000

/** From one day to another, both included. Add `isInOrder` to the check of the query. */
export const PeriodQuery = { from: Schema.optionalKey(Day), to: Schema.optionalKey(Day) }

/** A period ends no earlier than it begins. */
export const isInOrder = Schema.makeFilter(({ from, to }: { readonly from?: string; readonly to?: string }) =>
  from !== undefined && to !== undefined && from > to
    ? { path: ["to"], issue: "Expected a day no earlier than from" }
    : true
)

/** Slices of lists. */
export const PageQuery = {
  limit: Schema.optionalKey(QueryInt({ minimum: 1, maximum: 500 })),
  after: Schema.optionalKey(Text(200))
}

/** What a page is to begin after is not in the list: it never was, or has changed since the page before. */
export class UnknownCursor extends Problem<UnknownCursor>()(
  "UnknownCursor",
  { status: 422, title: "The list cannot be continued there" },
  { after: Schema.String }
) {}

/** `what` is what the list is of. */
export const unknownCursor = (what: string, after: string): UnknownCursor =>
  new UnknownCursor({
    after,
    detail: `${what} ${after} is not in this list, or no longer. Read the list again from its beginning, without "after".`
  })

/** How many items a list has unless told otherwise. */
export const defaultLimit = 50
