/**
 * Moves the events of closed streams into archive files, and back. Run by `daybook archive`, beside a shop that is at work.
 *
 * A file is written, forced to its disk and read back before anything else; then, in one transaction, the index names it, the seals
 * are told, and the events are deleted. So an event is in the journal or in a file that is whole, at every moment; a crash leaves at
 * most a file that no index names. A stream's last event stays: it carries the version, so that appends go on as ever. What commands
 * led to moves to the table of receipts, so that repeating one is still answered as the first time.
 */
import * as Archive from "@daybook/core/Archive"
import { Problem } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type Encoded, encode } from "./ArchiveFile.ts"
import { type IndexedStream, load } from "./ArchiveIndex.ts"
import { checkSchemaName } from "./Migrations.ts"
import { canonical, type RawEvent, readStream } from "./RawEvents.ts"
import type { SealKeys } from "./SealKeys.ts"
import { type Head, readHeadsBetween } from "./SealRows.ts"
import * as SqlSeals from "./SqlSeals.ts"

/** Streams could not be archived or restored. Nothing was changed. */
export class CannotArchive extends Problem<CannotArchive>()(
  "CannotArchive",
  { status: 409, title: "Streams cannot be archived or restored" },
  { schema: Schema.String }
) {}

/** A stream whose events, but for the last, are to go. */
export interface Candidate {
  readonly stream: string
  readonly partition: number
  readonly firstVersion: number
  /** Of the last event, which stays. */
  readonly lastVersion: number
}

/** What a batch came to. */
export interface Moved {
  readonly file: string
  readonly streams: number
  readonly events: number
  /** Of the file. */
  readonly bytes: number
}

/** Where an archiving process can be when it is killed: each is told of when it is behind it. For tests. */
export type Step = "read" | "written" | "verified" | "indexed" | "receipts" | "recorded" | "deleted" | "committed"

/** Why nothing of a batch was archived or restored. */
export type ArchiveFailure =
  | CannotArchive
  | Archive.ArchiveUnavailable
  | SqlError
  | Effect.Error<ReturnType<typeof SqlSeals.recordRemoval>>

/** How a batch is archived. */
export interface Options {
  readonly schema: string
  readonly onStep?: (step: Step) => Effect.Effect<void>
}

/** Why removed events are gone, in the seals. */
export const archivedReason = "archived"

/** What goes into SQL as `json_to_recordset`, one object a stream. */
const runsOf = (events: ReadonlyArray<RawEvent>): ReadonlyArray<Omit<IndexedStream, "file">> => {
  const runs = new Map<string, Omit<IndexedStream, "file">>()
  for (const { stream, version, position } of events) {
    const run = runs.get(stream)
    runs.set(stream, {
      stream,
      firstVersion: run?.firstVersion ?? version,
      lastVersion: version,
      firstPosition: run?.firstPosition ?? position,
      lastPosition: position,
      events: (run?.events ?? 0) + 1
    })
  }
  return [...runs.values()]
}

const runFields = `"stream" text, "firstVersion" integer, "lastVersion" integer, "firstPosition" bigint, "lastPosition" bigint,
  "events" integer`

/** All events of the candidates but the last of each, in order of position. */
const readAll = Effect.fnUntraced(function* (schema: string, candidates: ReadonlyArray<Candidate>) {
  const events: Array<RawEvent> = []
  for (const { stream, firstVersion, lastVersion } of candidates) {
    for (let from = firstVersion; from < lastVersion; ) {
      const page = yield* readStream(schema, stream, { from, to: lastVersion - 1 })
      if (page.length === 0) break
      events.push(...page)
      from = page.at(-1)!.version + 1
    }
  }
  return events.sort((a, b) => a.position - b.position)
})

/** The heads of the blocks that events are sealed in. Fails where one is not sealed. */
const headsOf = Effect.fnUntraced(function* (schema: string, partition: number, events: ReadonlyArray<RawEvent>) {
  const heads = yield* readHeadsBetween(schema, partition, events[0]!.position, events.at(-1)!.position)
  const holding: Array<Head> = []
  let next = 0
  for (const { position } of events) {
    if (position <= (holding.at(-1)?.last ?? 0)) continue
    while (next < heads.length && heads[next]!.last < position) next++
    const head = heads[next]
    if (head === undefined || head.first > position) return yield* notSealed(schema, partition, position)
    holding.push(head)
  }
  return holding
})

const notSealed = (schema: string, partition: number, position: number) =>
  new CannotArchive({
    schema,
    detail: `Position ${position} of partition ${partition} of ${schema} is not sealed. Seal first: daybook audit seal.`
  })

/** Writes a file and reads it again. */
const writeVerified = Effect.fnUntraced(function* (
  { schema, onStep = () => Effect.void }: Options,
  partition: number,
  events: ReadonlyArray<RawEvent>
) {
  const store = yield* Archive.ArchiveStore
  const encoded = encode({ schema, partition, events, blocks: yield* headsOf(schema, partition, events) })
  yield* store.write(encoded.name, encoded.bytes)
  yield* onStep("written")
  const file = yield* load(store, encoded)
  if (!events.every((event, i) => file.line(i) === canonical(event))) {
    return yield* Archive.unavailable(
      encoded.name,
      `${encoded.name} in ${store.location} does not hold what was written.`
    )
  }
  yield* onStep("verified")
  return encoded
})

const insertFile = `INSERT INTO {schema}.archive_file
    (partition, first_position, last_position, streams, events, bytes, text_bytes, name, sha256)
  SELECT partition, first_position, last_position, streams, events, bytes, text_bytes, name, sha256
  FROM json_to_record($1::text::json) AS f (
    partition smallint, first_position bigint, last_position bigint, streams integer, events integer, bytes bigint,
    text_bytes bigint, name text, sha256 text
  ) RETURNING id`

const insertStreams = `INSERT INTO {schema}.archived_stream
    (stream, file, first_version, last_version, first_position, last_position, events)
  SELECT r."stream", $2::text::integer, r."firstVersion", r."lastVersion", r."firstPosition", r."lastPosition", r."events"
  FROM json_to_recordset($1::text::json) AS r (${runFields})`

/** What commands led to stays known, as of commands that left no event. */
const moveReceipts = `INSERT INTO {schema}.receipt (stream, command_id, version, recorded_at)
  SELECT e.stream, e.command_id, e.version, e.recorded_at
  FROM json_to_recordset($1::text::json) AS r (${runFields})
  JOIN {schema}.event e ON e.stream = r."stream" AND e.version BETWEEN r."firstVersion" AND r."lastVersion"
  WHERE e.is_receipt AND e.command_id IS NOT NULL`

const deleteEvents = `SELECT coalesce(sum({schema}.delete_to(r."stream", r."lastVersion")), 0)::integer AS n
  FROM json_to_recordset($1::text::json) AS r (${runFields})`

/** Runs statements on a schema, which they call `{schema}`. */
export const statements = (schema: string) =>
  Effect.map(
    SqlClient,
    (sql) =>
      <Row extends object>(text: string, ...params: ReadonlyArray<string>) =>
        sql.unsafe<Row>(text.replaceAll("{schema}", schema), params)
  )

/** Counts events as removed. Negative where they come back. */
export const count = (
  schema: string,
  partition: number,
  { archived = 0, pruned = 0 }: { readonly archived?: number; readonly pruned?: number }
): Effect.Effect<void, SqlError, SqlClient> =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.asVoid(
      sql.unsafe(
        `INSERT INTO ${checkSchemaName(schema)}.removed_events AS r (partition, archived, pruned)
         VALUES ($1::text::smallint, $2::text::bigint, $3::text::bigint)
         ON CONFLICT (partition) DO UPDATE
         SET archived = r.archived + excluded.archived, pruned = r.pruned + excluded.pruned`,
        [partition, archived, pruned].map(String)
      )
    )
  )

/** What the index has to know of a file, as `insertFile` takes it. */
const rowOf = (partition: number, events: ReadonlyArray<RawEvent>, streams: number, encoded: Encoded): string =>
  JSON.stringify({
    partition,
    first_position: events[0]!.position,
    last_position: events.at(-1)!.position,
    streams,
    events: events.length,
    bytes: encoded.bytes.length,
    text_bytes: encoded.textBytes,
    name: encoded.name,
    sha256: encoded.sha256
  })

/** What happens in the transaction, once the file is there. */
const move = Effect.fnUntraced(function* (
  { schema, onStep = () => Effect.void }: Options,
  partition: number,
  events: ReadonlyArray<RawEvent>,
  encoded: Encoded
) {
  const statement = yield* statements(schema)
  const runs = runsOf(events)
  const json = JSON.stringify(runs)
  const [file] = yield* statement<{ readonly id: number }>(insertFile, rowOf(partition, events, runs.length, encoded))
  yield* statement(insertStreams, json, String(file!.id))
  yield* onStep("indexed")
  yield* statement(moveReceipts, json)
  yield* onStep("receipts")
  const positions = events.map(({ position }) => position)
  yield* SqlSeals.recordRemoval(schema, { partition, positions, reason: archivedReason })
  yield* onStep("recorded")
  const [deleted] = yield* statement<{ readonly n: number }>(deleteEvents, json)
  if (deleted!.n !== events.length) return yield* changedMeanwhile(schema, encoded.name)
  yield* count(schema, partition, { archived: events.length })
  yield* onStep("deleted")
  return runs.length
})

/** Moves the events of closed streams of one partition into a file. Streams that have gone on meanwhile keep what is new. */
export const archive = (
  options: Options,
  partition: number,
  candidates: ReadonlyArray<Candidate>
): Effect.Effect<Moved | undefined, ArchiveFailure, SqlClient | SealKeys> =>
  Effect.gen(function* () {
    const { onStep = () => Effect.void } = options
    checkSchemaName(options.schema)
    const sql = yield* SqlClient
    const events = yield* readAll(options.schema, candidates)
    if (events.length === 0) return undefined
    yield* onStep("read")
    const encoded = yield* writeVerified(options, partition, events)
    const streams = yield* sql.withTransaction(move(options, partition, events, encoded))
    yield* onStep("committed")
    return { file: encoded.name, streams, events: events.length, bytes: encoded.bytes.length }
  })

const changedMeanwhile = (schema: string, file: string) =>
  new CannotArchive({
    schema,
    detail:
      `Streams of ${file} were archived or pruned by another process at the same time. Nothing was changed; run it again. The file ` +
      "is not needed."
  })
