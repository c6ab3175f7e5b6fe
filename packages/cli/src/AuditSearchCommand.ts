/**
 * `daybook audit search`: who did what, and who was refused what, across all services. Reads, and changes nothing.
 */
import type { Entry } from "@daybook/core/AuditTrail"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { asJson, head, rowOf } from "./AuditEntry.ts"
import { filterOf, flags } from "./AuditFilter.ts"
import { AuditMerge } from "./AuditMerge.ts"
import * as AuditTrails from "./AuditTrails.ts"
import { json } from "./Flags.ts"
import * as Progress from "./Progress.ts"
import { table } from "./Table.ts"

const told = (entries: ReadonlyArray<Entry>, cursor: string | undefined): string => {
  if (entries.length === 0) return "Nothing fits."
  const more = cursor === undefined ? [] : [`There is more. To go on: the same again, with --after ${cursor}`]
  return [table([head, ...entries.map(rowOf)]), ...more].join("\n\n")
}

/** `daybook audit search`. */
export const auditSearchCommand = Command.make(
  "search",
  {
    ...flags,
    oldestFirst: Flag.Boolean("oldest-first").pipe(
      Flag.withDescription("Begin with the oldest; by default with the newest"),
      Flag.withDefault(false)
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))),
      Flag.withDescription("How many to show at most (default 50)"),
      Flag.withDefault(50)
    ),
    after: Flag.String("after").pipe(
      Flag.withMetavar("CURSOR"),
      Flag.withDescription("Go on where the same search before ended, which it says"),
      Flag.optional
    ),
    json
  },
  Effect.fn("Daybook.auditSearch")(function* (input) {
    const trails = yield* AuditTrails.open(input.service)
    const order = input.oldestFirst ? "ascending" : "descending"
    const progress = yield* Progress.make(Progress.ofProcess())
    const sources = yield* AuditTrails.sourcesOf(trails, filterOf(input), order)
    progress.begin("Searching", { total: sources.reduce((sum, { size }) => sum + size, 0), unit: "events" })
    const merge = yield* AuditMerge.make(sources, order, {
      after: Option.getOrUndefined(input.after),
      pageSize: input.limit,
      looked: (places) => {
        progress.done += places
      }
    })
    const entries = yield* merge.take(input.limit)
    const cursor = yield* merge.cursor
    progress.end()
    const text = input.json
      ? JSON.stringify({ entries: entries.map(asJson), next: cursor ?? null })
      : told(entries, cursor)
    yield* Console.log(text)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Shows who did what, when and why, and what was refused, across all services: events and rejected commands, the newest first. By " +
      "--stream it is found at once; anything else is looked for in the journal event by event, which --from and --to shorten"
  ),
  Command.withShortDescription("Search who did what, and what was refused"),
  Command.withExamples([
    {
      command: "daybook audit search --stream stockitem-85123A@main",
      description: "All that happened to one aggregate"
    },
    {
      command: "daybook audit search --actor operator:ann --from 2026-11-01",
      description: "What somebody did this month"
    },
    {
      command: "daybook audit search --outcome rejected --type InsufficientStock",
      description: "What was refused, and why"
    },
    { command: "daybook audit search --type StockAdjusted --json | jq '.entries[].reason'", description: "For scripts" }
  ])
)
