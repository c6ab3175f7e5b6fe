/**
 * Archive files back into the journal, and files held against the index and the seals. For `daybook archive restore` and `verify`.
 *
 * Restoring puts the very rows back: same positions, same times to the microsecond, data to the byte, which is checked before it is
 * kept. Seals verify before, meanwhile and after. The file stays where it is: a backup of the database may still name it.
 */
import * as Archive from "@daybook/core/Archive"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { ArchiveFile } from "./ArchiveFile.ts"
import { type IndexedFile, type IndexedStream, load, streamColumns } from "./ArchiveIndex.ts"
import { checkSchemaName, hasTable } from "./Migrations.ts"
import { canonical, columns, instantOfMicros, type RawEvent } from "./RawEvents.ts"
import { hexOf, leafOf, leavesOf, readBetween } from "./SealRows.ts"
import { CannotArchive, count, type Moved, statements } from "./SqlArchive.ts"

/** A file, and how much is in it. */
export interface ListedFile extends IndexedFile {
  readonly schema: string
  readonly partition: number
  readonly streams: number
  readonly events: number
  readonly bytes: number
  readonly textBytes: number
  readonly firstPosition: number
  readonly lastPosition: number
  readonly archivedAt: string
}

/** The files that a schema's index names, in order of partition and position. */
export const files = (schemaName: string): Effect.Effect<ReadonlyArray<ListedFile>, SqlError, SqlClient> =>
  Effect.flatMap(SqlClient, (sql) => {
    const schema = checkSchemaName(schemaName)
    return sql.unsafe<ListedFile>(
      `SELECT '${schema}' AS schema, id, name, sha256, partition, streams, events, bytes::float8 AS bytes,
         text_bytes::float8 AS "textBytes", first_position::float8 AS "firstPosition", last_position::float8 AS "lastPosition",
         to_char(archived_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "archivedAt"
       FROM ${schema}.archive_file ORDER BY partition, first_position, id`
    )
  })

/** The files that hold events of a stream. */
export const filesOf = (schema: string, stream: string): Effect.Effect<ReadonlyArray<number>, SqlError, SqlClient> =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(
      sql.unsafe<{ readonly file: number }>(
        `SELECT DISTINCT file FROM ${checkSchemaName(schema)}.archived_stream WHERE stream = $1::text ORDER BY file`,
        [stream]
      ),
      (rows) => rows.map(({ file }) => file)
    )
  )

const runsIn = (schema: string, file: number) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe<IndexedStream>(
      `SELECT ${streamColumns} FROM ${schema}.archived_stream s WHERE s.file = $1::text::integer ORDER BY s.first_position`,
      [String(file)]
    )
  )

const everything = { from: 0, to: Number.MAX_SAFE_INTEGER }

/** The events of some runs; all at once, since a file is small. */
const eventsOf = (file: ArchiveFile, runs: ReadonlyArray<IndexedStream>): ReadonlyArray<RawEvent> => {
  const byStream = new Map(runs.map((run) => [run.stream, run]))
  return file.events(everything).filter(({ stream, version }) => {
    const run = byStream.get(stream)
    return run !== undefined && version >= run.firstVersion && version <= run.lastVersion
  })
}

const asRecords = `json_to_recordset($1::text::json) AS r (
  "partition" smallint, "position" bigint, "stream" text, "version" integer, "eventId" uuid, "type" text,
  "schemaVersion" smallint, "occurredAtMicros" bigint, "recordedAtMicros" bigint, "isReceipt" boolean, "commandId" text,
  "correlationId" text, "causationId" text, "actor" text, "reason" text, "traceParent" text, "tenant" text, "data" text)`

const insertEvents = `INSERT INTO {schema}.event (
    partition, position, stream, version, event_id, type, schema_version, occurred_at, recorded_at, is_receipt, command_id,
    correlation_id, causation_id, actor, reason, trace_parent, tenant, data)
  SELECT r."partition", r."position", r."stream", r."version", r."eventId", r."type", r."schemaVersion",
    ${instantOfMicros('r."occurredAtMicros"')}, ${instantOfMicros('r."recordedAtMicros"')}, r."isReceipt", r."commandId",
    r."correlationId", r."causationId", r."actor", r."reason", r."traceParent", r."tenant", r."data"::json
  FROM ${asRecords} ORDER BY r."position"`

const readBack = `SELECT ${columns} FROM {schema}.event
  WHERE partition = $1::text::smallint AND position IN (SELECT json_array_elements_text($2::text::json)::bigint) ORDER BY position`

/** The events carry their commands' ids again. */
const deleteReceipts = `DELETE FROM {schema}.receipt t USING ${asRecords}
  WHERE r."isReceipt" AND t.stream = r."stream" AND t.command_id = r."commandId"`

const deleteRuns = `DELETE FROM {schema}.archived_stream s USING json_array_elements_text($2::text::json) AS name
  WHERE s.file = $1::text::integer AND s.stream = name`

/** A file of which nothing is archived any more is forgotten. */
const deleteFile = `DELETE FROM {schema}.archive_file f WHERE f.id = $1::text::integer
  AND NOT EXISTS (SELECT FROM {schema}.archived_stream s WHERE s.file = f.id)`

const cannotRestore = (schema: string, file: string, why: string) =>
  new CannotArchive({ schema, detail: `${file} cannot be restored: ${why} Nothing was changed.` })

/** Puts back what a file holds: all that is archived in it, or one stream's. */
export const restore = (
  schemaName: string,
  indexed: IndexedFile,
  stream?: string
): Effect.Effect<Moved, CannotArchive | Archive.ArchiveUnavailable | SqlError, SqlClient> =>
  Effect.gen(function* () {
    const schema = checkSchemaName(schemaName)
    const sql = yield* SqlClient
    const statement = yield* statements(schema)
    const file = yield* load(yield* Archive.ArchiveStore, indexed)
    const work = Effect.gen(function* () {
      const runs = (yield* runsIn(schema, indexed.id)).filter((run) => stream === undefined || run.stream === stream)
      const events = eventsOf(file, runs)
      const expected = runs.reduce((sum, run) => sum + run.events, 0)
      if (events.length !== expected) {
        return yield* cannotRestore(schema, indexed.name, `it holds ${events.length} of ${expected} events.`)
      }
      const moved = { file: indexed.name, streams: runs.length, events: events.length, bytes: 0 }
      if (events.length === 0) return moved
      const json = JSON.stringify(events)
      yield* statement(insertEvents, json)
      const partition = String(file.header.partition)
      const positions = JSON.stringify(events.map(({ position }) => position))
      const found = yield* statement<RawEvent>(readBack, partition, positions)
      const same =
        found.length === events.length && found.every((event, i) => canonical(event) === canonical(events[i]!))
      if (!same) return yield* cannotRestore(schema, indexed.name, "what was put back is not what was taken out.")
      yield* statement("SELECT set_config('daybook.deleting', 'on', true)")
      yield* statement(deleteReceipts, json)
      yield* statement("SELECT set_config('daybook.deleting', 'off', true)")
      yield* statement(deleteRuns, String(indexed.id), JSON.stringify(runs.map((run) => run.stream)))
      yield* statement(deleteFile, String(indexed.id))
      yield* count(schema, file.header.partition, { archived: -events.length })
      return moved
    })
    return yield* sql.withTransaction(work)
  })

/** The files that a schema's index names; none where the schema has never been given an archive. */
export const filesIfAny = (schemaName: string): Effect.Effect<ReadonlyArray<ListedFile>, SqlError, SqlClient> => {
  const schema = checkSchemaName(schemaName)
  return Effect.flatMap(hasTable(schema, "archive_file"), (there) => (there ? files(schema) : Effect.succeed([])))
}

/** How many events of a file are archived still: others were restored, and are in the file all the same. */
export const archivedIn = (schema: string, { id }: IndexedFile): Effect.Effect<number, SqlError, SqlClient> =>
  Effect.map(runsIn(checkSchemaName(schema), id), (runs) => runs.reduce((sum, { events }) => sum + events, 0))

/** The archived events in one of a schema's files. */
export const eventsInFile = Effect.fnUntraced(function* (schemaName: string, indexed: IndexedFile) {
  const file = yield* load(yield* Archive.ArchiveStore, indexed)
  return eventsOf(file, yield* runsIn(checkSchemaName(schemaName), indexed.id))
})

/** Every archived event of a schema, a file at a time: for whoever looks through rows instead of reading a journal. */
export const archived = (
  schema: string
): Stream.Stream<ReadonlyArray<RawEvent>, Archive.ArchiveUnavailable | SqlError, SqlClient> =>
  Stream.fromIterableEffect(filesIfAny(schema)).pipe(Stream.mapEffect((file) => eventsInFile(schema, file)))

/** Something that is not as it should be with an archive. */
export interface Finding {
  readonly schema: string
  readonly file: string
  readonly problem: string
}

/** What of a file's events is not what was sealed. */
const sealFindings = Effect.fnUntraced(function* (schema: string, file: ArchiveFile, events: ReadonlyArray<RawEvent>) {
  const { partition } = file.header
  const blocks = yield* readBetween(schema, partition, events[0]!.position, events.at(-1)!.position)
  const problems: Array<string> = []
  let block = 0
  for (const event of events) {
    while (block < blocks.length && blocks[block]!.head.last < event.position) block++
    const sealed = blocks[block]
    const place = `partition ${partition}, position ${event.position} (${event.stream}, version ${event.version})`
    if (sealed === undefined || sealed.head.first > event.position) problems.push(`${place} is not sealed`)
    else if (hexOf(leafOf(event)) !== hexOf(leavesOf(sealed.leaves)[event.position - sealed.head.first]!)) {
      problems.push(`${place} is not what was sealed`)
    }
  }
  return problems
})

/** Reads a file and holds it against the index and the seals. What is found, nothing where all is well. */
export const verify = (
  schemaName: string,
  indexed: IndexedFile
): Effect.Effect<ReadonlyArray<Finding>, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const schema = checkSchemaName(schemaName)
    const file = yield* load(yield* Archive.ArchiveStore, indexed)
    const runs = yield* runsIn(schema, indexed.id)
    const events = eventsOf(file, runs)
    const problems: Array<string> = []
    if (file.header.schema !== schema) problems.push(`it is of ${file.header.schema}, not of ${schema}`)
    for (const run of runs) {
      const found = events.filter((event) => event.stream === run.stream).length
      if (found !== run.events) problems.push(`it holds ${found} of ${run.events} events of ${run.stream}`)
    }
    if (events.length > 0) problems.push(...(yield* sealFindings(schema, file, events)))
    return problems.map((problem): Finding => ({ schema, file: indexed.name, problem }))
  }).pipe(
    Effect.catchTag("ArchiveUnavailable", ({ message }) =>
      Effect.succeed([{ schema: schemaName, file: indexed.name, problem: message }])
    )
  )
