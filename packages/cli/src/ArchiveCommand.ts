/**
 * `daybook archive`: moves the events of closed streams into compressed files, and back. Works beside a shop that runs; on the embedded
 * store, while the shop does not.
 */
import type { Aggregate } from "@daybook/core/Aggregate"
import { Journal } from "@daybook/core/Journal"
import * as Partition from "@daybook/core/Partition"
import { recover, stateCodec } from "@daybook/core/Recovery"
import { Snapshots } from "@daybook/core/Snapshot"
import * as ArchiveRestore from "@daybook/postgres/ArchiveRestore"
import * as ArchiveScan from "@daybook/postgres/ArchiveScan"
import { journalOf } from "@daybook/postgres/SqlStorage"
import * as ArchivePlace from "@daybook/shop/ArchivePlace"
import * as Settings from "@daybook/shop/Settings"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { bytes } from "./Bytes.ts"
import { Ended, explain, Failure } from "./Failure.ts"
import { json } from "./Flags.ts"
import * as Progress from "./Progress.ts"
import { aggregates } from "./ServiceAggregates.ts"
import { type Cell, group, table } from "./Table.ts"
import * as WriteSides from "./WriteSides.ts"

const services = Flag.String("service").pipe(
  Flag.withMetavar("NAME"),
  Flag.withDescription(`Only this service: ${Settings.serviceNames.join(", ")}. May be given more than once`),
  Flag.atLeast(0)
)

const dayMillis = 86_400_000

/** How the streams of an aggregate are found closed: by its state, recovered as for a command. */
const kindOf = Effect.fnUntraced(function* (aggregate: Aggregate<any, any, any, any>) {
  const stores = { journal: yield* Journal, snapshots: yield* Snapshots }
  const recovered = recover({ aggregate, stores, codec: stateCodec(aggregate) })
  const isClosed = (stream: string) => Effect.map(recovered(stream), ({ state }) => aggregate.isClosed!(state))
  return { name: aggregate.name, isClosed }
})

interface Ran extends ArchiveScan.Outcome {
  readonly service: Settings.ServiceName
}

const advance = (progress: Progress.Progress, count: number): Effect.Effect<void> =>
  Effect.sync(() => {
    progress.done += count
  })

/** Archives one service's streams. */
const runOn = (
  { service, schema, context }: WriteSides.WriteSide,
  progress: Progress.Progress,
  options: Pick<ArchiveScan.Run<never, never>, "quietSinceMillis" | "limit" | "dryRun">
) =>
  Effect.gen(function* () {
    const closing = aggregates[service].filter(({ isClosed }) => isClosed !== undefined)
    const kinds = yield* Effect.forEach(closing, kindOf)
    const { events } = (yield* journalOf(schema, { pages: 1 }))!
    progress.begin(`Archiving ${service}`, { total: events, unit: "events" })
    const onLooked = (count: number) => advance(progress, count)
    const outcome = yield* ArchiveScan.run({ schema, kinds, onLooked, ...options })
    progress.end()
    return { service, ...outcome } satisfies Ran
  }).pipe(Effect.provideContext(context))

const stays = ({ open, recent, unsealed }: ArchiveScan.Outcome): string =>
  [
    ...(open > 0 ? [`${group(open)} open`] : []),
    ...(recent > 0 ? [`${group(recent)} recent`] : []),
    ...(unsealed > 0 ? [`${group(unsealed)} not sealed`] : [])
  ].join(", ")

const toldOfRun = (ran: ReadonlyArray<Ran>, location: string, dryRun: boolean): string => {
  if (ran.length === 0) return "No service has run here yet."
  const rows = ran.map(
    (one): ReadonlyArray<Cell> => [
      one.service,
      one.streams,
      one.events,
      one.files.length,
      { right: bytes(one.files.reduce((sum, file) => sum + file.bytes, 0)) },
      stays(one)
    ]
  )
  const head: ReadonlyArray<Cell> = [
    "SERVICE",
    { right: "STREAMS" },
    { right: "EVENTS" },
    { right: "FILES" },
    { right: "SIZE" },
    "STAY"
  ]
  const unsealed = ran.some((one) => one.unsealed > 0)
  return [
    table([head, ...rows]),
    dryRun
      ? "Nothing was changed."
      : `Archived in ${location}. Their room is used again; VACUUM FULL gives it back to the disk.`,
    ...(unsealed ? ["What is not sealed stays until it is: daybook audit seal"] : [])
  ].join("\n\n")
}

const run = Command.make(
  "run",
  {
    services,
    olderThan: Flag.Int("older-than").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 36_600 }))),
      Flag.withMetavar("DAYS"),
      Flag.withDescription("Only streams whose last event was recorded that long ago (default 365)"),
      Flag.withDefault(365)
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
      Flag.withMetavar("STREAMS"),
      Flag.withDescription("Archive so many streams of each service at most"),
      Flag.optional
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Say what would be archived, and change nothing"),
      Flag.withDefault(false)
    ),
    json
  },
  Effect.fn("Daybook.archiveRun")(function* (input) {
    const opened = yield* WriteSides.open(yield* WriteSides.chosen(input.services))
    const progress = yield* Progress.make(Progress.ofProcess())
    const quietSinceMillis = (yield* Clock.currentTimeMillis) - input.olderThan * dayMillis
    const limit = Option.getOrUndefined(input.limit)
    const options = { quietSinceMillis, dryRun: input.dryRun, ...(limit === undefined ? {} : { limit }) }
    const ran = yield* Effect.forEach(opened, (side) => runOn(side, progress, options))
    const { location } = yield* ArchivePlace.store
    yield* Console.log(input.json ? JSON.stringify(ran) : toldOfRun(ran, location, input.dryRun))
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Moves the events of streams that are closed and have been quiet for long enough into files, in the folder or bucket that " +
      "ARCHIVE_URL names (default: archive in DAYBOOK_HOME). The last event of each stays. Every process reads archived events there as if " +
      "they were in the journal, so each needs the same ARCHIVE_URL. May be interrupted at any time"
  ),
  Command.withShortDescription("Move the events of closed streams into files"),
  Command.withExamples([
    { command: "daybook archive run --dry-run", description: "What has been closed and quiet for a year" },
    { command: "daybook archive run --older-than 90 --service order", description: "Orders, after 90 days" },
    {
      command: "ARCHIVE_URL=s3://shop-archive/eu daybook archive run",
      description: "Into a bucket, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    }
  ])
)

/** The files of the services, with the service. */
const filesOf = (opened: ReadonlyArray<WriteSides.WriteSide>) =>
  Effect.map(
    Effect.forEach(opened, (side) =>
      Effect.map(Effect.provideContext(ArchiveRestore.files(side.schema), side.context), (files) =>
        files.map((file) => ({ side, file }))
      )
    ),
    (all) => all.flat()
  )

const list = Command.make(
  "list",
  { services, json },
  Effect.fn("Daybook.archiveList")(function* (input) {
    const files = yield* filesOf(yield* WriteSides.open(yield* WriteSides.chosen(input.services)))
    if (input.json) {
      return yield* Console.log(JSON.stringify(files.map(({ side, file }) => ({ service: side.service, ...file }))))
    }
    if (files.length === 0) return yield* Console.log("Nothing is archived.")
    const rows = files.map(
      ({ side, file }): ReadonlyArray<Cell> => [
        side.service,
        file.name,
        file.streams,
        file.events,
        { right: bytes(file.bytes) },
        { right: bytes(file.textBytes) },
        file.archivedAt.slice(0, 10)
      ]
    )
    const head = ["STREAMS", "EVENTS", "SIZE", "UNPACKED"].map((right) => ({ right }))
    yield* Console.log(table([["SERVICE", "FILE", ...head, "ARCHIVED"], ...rows]))
  }, Effect.scoped)
).pipe(
  Command.withDescription("Lists the archive files that the services' databases know of"),
  Command.withExamples([{ command: "daybook archive list", description: "For people" }])
)

/** Files in the store that no index names, of the services that were opened. */
const unneeded = Effect.fnUntraced(function* (
  opened: ReadonlyArray<WriteSides.WriteSide>,
  indexed: ReadonlySet<string>
) {
  const store = yield* ArchivePlace.store
  const found = yield* Effect.forEach(opened, ({ schema }) => store.list(`${schema}/`))
  return found.flat().filter((name) => !indexed.has(name))
})

const verify = Command.make(
  "verify",
  { services, json },
  Effect.fn("Daybook.archiveVerify")(function* (input) {
    const opened = yield* WriteSides.open(yield* WriteSides.chosen(input.services))
    const files = yield* filesOf(opened)
    const progress = yield* Progress.make(Progress.ofProcess())
    progress.begin("Verifying", { total: files.length, unit: "files" })
    const findings = yield* Effect.forEach(files, ({ side, file }) =>
      Effect.tap(Effect.provideContext(ArchiveRestore.verify(side.schema, file), side.context), () =>
        advance(progress, 1)
      )
    )
    progress.end()
    const all = findings.flat()
    const spare = yield* unneeded(opened, new Set(files.map(({ file }) => file.name)))
    const events = files.reduce((sum, { file }) => sum + file.events, 0)
    if (input.json) yield* Console.log(JSON.stringify({ files: files.length, events, findings: all, unneeded: spare }))
    else {
      for (const { file, problem } of all) yield* Console.log(`${file}: ${problem}`)
      for (const name of spare)
        yield* Console.log(
          `${name}: this database does not name it. If no backup does, and no archive run is under way, it may be deleted`
        )
      const good = "each is whole, and holds what was sealed"
      const summary = `${group(files.length)} files, ${group(events)} events: ${all.length === 0 ? good : `${group(all.length)} findings`}.`
      yield* Console.log(summary)
    }
    if (all.length > 0) return yield* new Ended({ code: 1 })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Reads every archive file, and holds it against the database's index and the seals: it is there, unchanged, and each event in it is " +
      "the one that was sealed. Names files that are not needed. Ends with 1 when something is wrong"
  ),
  Command.withShortDescription("Check that every archive file is there and whole"),
  Command.withExamples([
    { command: "daybook archive verify", description: "All of them" },
    { command: "daybook archive verify --service order --json", description: "For monitoring" }
  ])
)

/** A file, or the part of it that is one stream's, to be put back. */
interface Wanted {
  readonly side: WriteSides.WriteSide
  readonly file: ArchiveRestore.ListedFile
  readonly stream?: string
}

/** What a file came to. */
interface Restored {
  readonly service: Settings.ServiceName
  readonly file: string
  readonly streams: number
  readonly events: number
}

/** What could not be put back. */
interface Unrestored {
  readonly service: Settings.ServiceName
  readonly file: string
  /** The stream that was asked for; `null` where everything was. */
  readonly stream: string | null
  readonly why: string
}

const holding = Effect.fnUntraced(function* (files: ReadonlyArray<Wanted>, side: WriteSides.WriteSide, stream: string) {
  const ids = yield* Effect.provideContext(ArchiveRestore.filesOf(side.schema, stream), side.context)
  return files.filter((one) => one.side === side && ids.includes(one.file.id)).map((one) => ({ ...one, stream }))
})

/** What streams an id may have meant: `cart-9` may be the id of the stream `cart-cart-9`. */
const archivedAs = Effect.fnUntraced(function* (
  opened: ReadonlyArray<WriteSides.WriteSide>,
  files: ReadonlyArray<Wanted>,
  id: string
) {
  const meant: Array<string> = []
  for (const side of opened) {
    for (const { name } of aggregates[side.service]) {
      const stream = Partition.streamOf(name, id)
      if ((yield* holding(files, side, stream)).length > 0) meant.push(stream)
    }
  }
  return meant
})

/** Which files hold streams of that name; fails for one that is not archived. */
const filesWith = Effect.fnUntraced(function* (
  opened: ReadonlyArray<WriteSides.WriteSide>,
  files: ReadonlyArray<Wanted>,
  streams: ReadonlyArray<string>
) {
  const found: Array<Wanted> = []
  for (const stream of new Set(streams)) {
    const ofStream = (yield* Effect.forEach(opened, (side) => holding(files, side, stream))).flat()
    if (ofStream.length === 0) {
      const meant = yield* archivedAs(opened, files, stream)
      const advice =
        meant.length === 0
          ? "Streams have names such as order-536365."
          : `The stream of that id is ${meant.join(" or ")}: give that.`
      return yield* new Failure({ message: `No events of ${stream} are archived; nothing was restored. ${advice}` })
    }
    found.push(...ofStream)
  }
  return found
})

/** Puts back what can be: a file that is damaged or missing does not keep the others from it. */
const restoreEach = Effect.fnUntraced(function* (wanted: ReadonlyArray<Wanted>, progress: Progress.Progress) {
  const restored: Array<Restored> = []
  const failed: Array<Unrestored> = []
  for (const { side, file, stream } of wanted) {
    const { service } = side
    yield* ArchiveRestore.restore(side.schema, file, stream).pipe(
      Effect.provideContext(side.context),
      Effect.match({
        onSuccess: ({ streams, events }) => void restored.push({ service, file: file.name, streams, events }),
        onFailure: (error) =>
          void failed.push({ service, file: file.name, stream: stream ?? null, why: explain(error) })
      })
    )
    yield* advance(progress, 1)
  }
  const sum = (what: "streams" | "events") => restored.reduce((total, one) => total + one[what], 0)
  return { streams: sum("streams"), events: sum("events"), restored, failed }
})

type Restoration = Effect.Success<ReturnType<typeof restoreEach>>

const toldOfRestore = ({ streams, events, restored, failed }: Restoration): string => {
  const total = `Restored ${group(events)} events of ${group(streams)} streams. The files stay where they are.`
  if (failed.length === 0) return total
  const lines = failed.map(({ file, stream, why }) => `${stream === null ? "" : `${stream} in `}${file}: ${why}`)
  const rows = restored.map((one): ReadonlyArray<Cell> => [one.service, one.file, one.streams, one.events])
  const head: ReadonlyArray<Cell> = ["SERVICE", "RESTORED", { right: "STREAMS" }, { right: "EVENTS" }]
  return [
    ...(rows.length === 0 ? [] : [table([head, ...rows])]),
    `Could not be restored, and is still archived:\n${lines.join("\n")}`,
    `${total} Once the cause is mended, the same command restores the rest.`
  ].join("\n\n")
}

const restore = Command.make(
  "restore",
  {
    streams: Argument.String("stream").pipe(
      Argument.withMetavar("STREAM"),
      Argument.withDescription("A stream, such as order-536365"),
      Argument.atLeast(0)
    ),
    all: Flag.Boolean("all").pipe(Flag.withDescription("Everything that is archived"), Flag.withDefault(false)),
    services,
    json
  },
  Effect.fn("Daybook.archiveRestore")(function* (input) {
    if (input.all === input.streams.length > 0) {
      return yield* new Failure({ message: "Name the streams to restore, or give --all for everything." })
    }
    const opened = yield* WriteSides.open(yield* WriteSides.chosen(input.services))
    const files = yield* filesOf(opened)
    const wanted = input.all ? files : yield* filesWith(opened, files, input.streams)
    const progress = yield* Progress.make(Progress.ofProcess())
    progress.begin("Restoring", { total: wanted.length, unit: "files" })
    const found = yield* restoreEach(wanted, progress)
    progress.end()
    yield* Console.log(input.json ? JSON.stringify(found) : toldOfRestore(found))
    if (found.failed.length > 0) return yield* new Ended({ code: 1 })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Puts events back into the journal as they were, to the byte and the microsecond; seals verify before and after. The files stay: an " +
      "older backup of the database may need them. A file that is damaged or missing does not stop the others: in the end it says what " +
      "was restored and what was not, and ends with 1"
  ),
  Command.withShortDescription("Put archived events back into the journal"),
  Command.withExamples([
    { command: "daybook archive restore order-536365 cart-536365", description: "Two streams" },
    { command: "daybook archive restore --all", description: "Everything, before moving to another archive" }
  ])
)

/** `daybook archive …`. */
export const archiveCommand = Command.make("archive").pipe(
  Command.withDescription("Moves the events of closed streams into files, where they can still be read, and back"),
  Command.withShortDescription("Move the events of closed streams into files, and back"),
  Command.withExamples([{ command: "daybook archive run --dry-run", description: "What could be archived" }]),
  Command.withSubcommands([run, list, verify, restore])
)
