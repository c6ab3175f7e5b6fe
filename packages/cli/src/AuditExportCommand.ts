/**
 * `daybook audit export`: what a search finds, all of it, as NDJSON. Streamed: however much it is, memory is bounded.
 */
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { asJson } from "./AuditEntry.ts"
import { filterOf, flags } from "./AuditFilter.ts"
import { AuditMerge } from "./AuditMerge.ts"
import * as AuditTrails from "./AuditTrails.ts"
import * as Flags from "./Flags.ts"
import * as OutputFile from "./OutputFile.ts"
import * as Progress from "./Progress.ts"
import { group } from "./Table.ts"

/** Entries of each source in memory: of five services with eight partitions each, some 10,000 at most. */
const pageSize = 200
/** Lines that are written at once. */
const chunkSize = 200

/** The entries as text, some lines at a time; counts them. */
const linesOf = (merge: AuditMerge, count: { lines: number }) =>
  Stream.unfold(undefined, () =>
    Effect.map(merge.take(chunkSize), (entries) => {
      if (entries.length === 0) return undefined
      count.lines += entries.length
      return [entries.map((entry) => JSON.stringify(asJson(entry))).join("\n"), undefined] as const
    })
  )

const encoder = new TextEncoder()

/** `daybook audit export`. */
export const auditExportCommand = Command.make(
  "export",
  {
    ...flags,
    output: Flags.output("Where to write; by default to standard output")
  },
  Effect.fn("Daybook.auditExport")(function* (input) {
    const file = Option.getOrUndefined(input.output)
    if (file !== undefined) yield* OutputFile.check(file)
    const trails = yield* AuditTrails.open(input.service)
    const progress = yield* Progress.make(Progress.ofProcess())
    const sources = yield* AuditTrails.sourcesOf(trails, filterOf(input), "ascending")
    progress.begin("Exporting", { total: sources.reduce((sum, { size }) => sum + size, 0), unit: "events" })
    const looked = (places: number) => {
      progress.done += places
    }
    const merge = yield* AuditMerge.make(sources, "ascending", { after: undefined, pageSize, looked })
    const count = { lines: 0 }
    const lines = linesOf(merge, count)
    if (file === undefined) return yield* Stream.runForEach(lines, (text) => Console.log(text))
    yield* OutputFile.write(
      file,
      Stream.map(lines, (text) => encoder.encode(`${text}\n`))
    )
    progress.end()
    yield* Console.error(`${group(count.lines)} ${count.lines === 1 ? "entry" : "entries"} written to ${file}.`)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Writes what a search would find, all of it and the oldest first, as NDJSON: one entry a line. A file is written as a whole or not " +
      "at all"
  ),
  Command.withShortDescription("Write what a search finds as NDJSON"),
  Command.withExamples([
    { command: "daybook audit export --output audit.ndjson", description: "The whole trail" },
    {
      command: "daybook audit export --from 2026-11-01 --to 2026-11-30 --service payment | zstd > payments.ndjson.zst",
      description: "A month of one service"
    }
  ])
)
