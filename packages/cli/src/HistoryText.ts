/**
 * The past of a stream in words: its versions as a table, a change as lines. Used by `daybook history`.
 */
import type { Change, Difference } from "@daybook/core/Difference"
import * as Instant from "@daybook/core/Instant"
import type { Version } from "@daybook/core/StreamFold"
import type { Versions } from "@daybook/core/Temporal"
import * as JsonPatch from "effect/JsonPatch"
import { unescapeToken } from "effect/JsonPointer"
import { printableProse } from "./Printable.ts"
import { type Cell, table } from "./Table.ts"

type Json = Parameters<typeof JsonPatch.apply>[1]
type Operation = JsonPatch.JsonPatch[number]

const said = (text: string | null): string => (text === null ? "" : printableProse(text))

/** For programs: times as RFC 3339 has them. */
export const asJson = <V extends Version>({ occurredAtMillis, recordedAtMillis, ...version }: V) => ({
  ...version,
  occurredAt: Instant.format(occurredAtMillis),
  recordedAt: Instant.format(recordedAtMillis)
})

// --- versions ---

const head: ReadonlyArray<Cell> = [
  { right: "VERSION" },
  "EVENT",
  "OCCURRED",
  "RECORDED",
  "WHO",
  "WHY",
  "COMMAND",
  "CONVERSATION"
]

const rowOf = (version: Version): ReadonlyArray<Cell> => [
  { right: String(version.version) },
  printableProse(version.type),
  Instant.format(version.occurredAtMillis),
  Instant.format(version.recordedAtMillis),
  said(version.actor),
  said(version.reason),
  said(version.commandId),
  said(version.correlationId)
]

/** Versions after one that should be in a list, and are not. */
const missingIn = ({ versions, firstVersion }: Versions, after: number): ReadonlyArray<string> => {
  let expected = Math.max(after + 1, firstVersion)
  return versions.flatMap(({ version }) => {
    const [from, to] = [expected, version - 1]
    expected = version + 1
    return to < from ? [] : [from === to ? String(from) : `${from} to ${to}`]
  })
}

const missingText = (missing: ReadonlyArray<string>): string =>
  `Missing, since their events are not in the journal any more: version ${missing.join(", ")}. npx daybook audit verify tells whether ` +
  "they were removed on purpose."

/** The list of versions after one, and what is not in it. */
export const versionsText = (found: Versions, after = 0): string => {
  const { stream, versions, firstVersion, newestVersion, next } = found
  const missing = missingIn(found, after)
  return [
    versions.length === 0
      ? `${printableProse(stream)} has no later version: its newest is ${newestVersion}.`
      : table([head, ...versions.map(rowOf)]),
    ...(firstVersion === 1 ? [] : [`The events of versions before ${firstVersion} are not kept any more.`]),
    ...(missing.length === 0 ? [] : [missingText(missing)]),
    ...(next === null ? [] : [`It goes on: daybook history versions ${printableProse(stream)} --after ${next}`])
  ].join("\n\n")
}

// --- a version ---

const about = (version: Version): ReadonlyArray<readonly [string, string]> =>
  [
    ["occurred", Instant.format(version.occurredAtMillis)] as const,
    ["recorded", Instant.format(version.recordedAtMillis)] as const,
    ["who", said(version.actor)] as const,
    ["why", said(version.reason)] as const,
    ["command", said(version.commandId)] as const,
    ["conversation", said(version.correlationId)] as const,
    ["caused by", said(version.causationId)] as const
  ].filter(([, text]) => text !== "")

const leftOutText = (leftOut: ReadonlyArray<number>): string =>
  leftOut.length === 0 ? "" : ` Not in it, since they occurred later: version ${leftOut.join(", ")}.`

/** What a stream was at a point. */
export const stateText = (
  stream: string,
  {
    version,
    last,
    leftOut
  }: { readonly version: number; readonly last: Version | null; readonly leftOut: ReadonlyArray<number> },
  state: unknown
): string =>
  [
    `${printableProse(stream)} at version ${version}${last === null ? "" : `, ${printableProse(last.type)}`}.${leftOutText(leftOut)}`,
    ...(last === null ? [] : [table(about(last))]),
    printableJson(state)
  ].join("\n\n")

/** JSON escapes control characters but for U+007F to U+009F. */
const printableJson = (value: unknown): string =>
  JSON.stringify(value, null, 2).replaceAll(/[\u007f-\u009f]/g, "\ufffd")

// --- changes ---

/** What was at a place of a document. */
const valueAt = (document: unknown, path: string): unknown =>
  path
    .split("/")
    .slice(1)
    .reduce((value: any, token) => value?.[unescapeToken(token)], document)

/** Longer values are cut: what they are is in `--json`. */
const widest = 120

const valueText = (value: unknown): string => {
  const text = printableProse(JSON.stringify(value) ?? "nothing")
  return text.length > widest ? `${text.slice(0, widest)} …` : text
}

const lineOf = (before: unknown, operation: Operation): string => {
  const { op, path } = operation
  const place = `  ${op} ${path === "" ? "(all of it)" : printableProse(path)}`
  if (op === "add") return `${place} ${valueText(operation.value)}`
  const was = valueText(valueAt(before, path))
  return op === "remove" ? `${place} ${was}` : `${place} ${was} → ${valueText(operation.value)}`
}

/** A patch as lines, each with what was there before, and the document after it. */
const patchLines = (
  before: Json,
  patch: JsonPatch.JsonPatch
): { readonly lines: ReadonlyArray<string>; after: Json } => {
  let after = before
  const lines = patch.map((operation) => {
    const line = lineOf(after, operation)
    after = JsonPatch.apply([operation], after)
    return line
  })
  return { lines: lines.length === 0 ? ["  nothing of the state"] : lines, after }
}

const changeHead = (change: Change): string =>
  [
    `version ${change.version}`,
    printableProse(change.type),
    Instant.format(change.occurredAtMillis),
    ...(change.actor === null ? [] : [`by ${said(change.actor)}`]),
    ...(change.reason === null ? [] : [`"${said(change.reason)}"`])
  ].join("  ")

/** Changes one after the other, from a document on. */
const changesText = (before: unknown, changes: ReadonlyArray<Change>): string => {
  let document = before as Json
  const parts = changes.map((change) => {
    const { lines, after } = patchLines(document, change.patch)
    document = after
    return [changeHead(change), ...lines].join("\n")
  })
  return parts.join("\n\n")
}

/** What changed, from a document on. */
export const differenceText = (
  title: string,
  before: unknown,
  { changes, next, patch }: Pick<Difference<unknown>, "changes" | "next" | "patch">
): string =>
  [
    printableProse(title),
    changes.length === 0 ? "Nothing happened between them." : changesText(before, changes),
    ...(next === null ? [] : [`These are the first ${changes.length} changes; see more with --limit.`]),
    ...(changes.length > 1 || next !== null
      ? [["altogether", ...patchLines(before as Json, patch).lines].join("\n")]
      : [])
  ].join("\n\n")

/** The same for programs. */
export const differenceJson = ({ stream, from, to, patch, changes, next }: Difference<unknown>) => ({
  stream,
  from: { version: from.version, leftOut: from.leftOut },
  to: { version: to.version, leftOut: to.leftOut },
  patch,
  changes: changes.map(asJson),
  next
})
