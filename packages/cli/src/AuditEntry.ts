/**
 * An entry of the audit trail, for programs and for people. Used by `daybook audit search`, `export` and `tree`.
 */
import type { Entry } from "@daybook/core/AuditTrail"
import { printable } from "./Printable.ts"
import type { Cell } from "./Table.ts"

/** For programs: every field, times as ISO 8601 has them. */
export const asJson = ({ recordedAtMillis, occurredAtMillis, data, ...rest }: Entry) => ({
  ...rest,
  recordedAt: new Date(recordedAtMillis).toISOString(),
  occurredAt: new Date(occurredAtMillis).toISOString(),
  data
})

/** The event, or the command and why it was refused. */
export const what = ({ type, rejection }: Entry): string =>
  printable(rejection === null ? type : `${type} rejected: ${rejection}`)

/** Who did it. */
export const who = ({ actor }: Entry): string => printable(actor ?? "unknown")

/** To the millisecond, which is what tells the steps of a conversation apart. */
export const instant = (millis: number): string => new Date(millis).toISOString()

/** The head of a table of entries. */
export const head: ReadonlyArray<Cell> = ["RECORDED", "SERVICE", "STREAM", { right: "VERSION" }, "WHAT", "WHO", "WHY"]

/** A row of a table. */
export const rowOf = (entry: Entry): ReadonlyArray<Cell> => [
  instant(entry.recordedAtMillis),
  entry.service,
  printable(entry.stream),
  { right: entry.version === null ? "-" : String(entry.version) },
  what(entry),
  who(entry),
  printable(entry.reason ?? "")
]
