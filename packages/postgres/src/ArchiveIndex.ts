/**
 * Which archived events are in which file, by the index in the service's schema, and the events themselves. What makes a journal
 * read its archive: see `Archive.withArchive`. Built into every write side by `Stores`.
 */
import * as Archive from "@daybook/core/Archive"
import type { Stored } from "@daybook/core/Event"
import { JournalUnavailable } from "@daybook/core/Journal"
import * as Cache from "effect/Cache"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ArchiveFile, sha256Of } from "./ArchiveFile.ts"
import { checkSchemaName, fromFiles, type MigrationSet } from "./Migrations.ts"
import type { RawEvent } from "./RawEvents.ts"
import { reasonOf, whyOf } from "./SqlFailure.ts"

/** The archive's tables, beside the journal. */
export const migrations: MigrationSet = {
  name: "archive",
  migrations: fromFiles(new URL("../sql/", import.meta.url), ["archive-001-tables"])
}

/** A file as the index knows it. */
export interface IndexedFile {
  readonly id: number
  readonly name: string
  /** Of its bytes, hexadecimal. */
  readonly sha256: string
}

/** A run of a stream's versions in a file. */
export interface IndexedStream {
  readonly stream: string
  readonly file: number
  readonly firstVersion: number
  readonly lastVersion: number
  readonly firstPosition: number
  readonly lastPosition: number
  readonly events: number
}

/** What to select from `archived_stream`, by the name s, to get an `IndexedStream`. */
export const streamColumns = `s.stream, s.file, s.first_version AS "firstVersion", s.last_version AS "lastVersion",
  s.first_position::float8 AS "firstPosition", s.last_position::float8 AS "lastPosition", s.events`

/** Files kept unpacked at most: a hundred megabytes, since an archive's files are of some megabytes each. */
const keptFiles = 16

/** The largest `integer`: versions go no further. */
const maxVersion = 2_147_483_647

/** Reads a file, and makes sure that it is the one that was written. */
export const load = (
  store: Archive.Store,
  { name, sha256 }: Pick<IndexedFile, "name" | "sha256">
): Effect.Effect<ArchiveFile, Archive.ArchiveUnavailable> =>
  Effect.flatMap(store.read(name), (bytes) =>
    Effect.try({
      try: () => {
        const found = sha256Of(bytes)
        if (found !== sha256) throw new Error(`its SHA-256 is ${found}, and was ${sha256} when it was written`)
        return new ArchiveFile(bytes)
      },
      catch: (error) =>
        Archive.unavailable(
          name,
          `Archive file ${name} in ${store.location} is damaged: ${whyOf(error)}. ` +
            "Bring it back from a copy; the events in it are nowhere else."
        )
    })
  )

/** An event as journals answer it. Times are computed as the database would, so that they are equal to the last digit. */
export const storedOf = ({ occurredAtMicros, recordedAtMicros, isReceipt: _, data, ...event }: RawEvent): Stored => ({
  ...event,
  occurredAtMillis: millisOf(occurredAtMicros),
  recordedAtMillis: millisOf(recordedAtMicros),
  data: JSON.parse(data)
})

const millisOf = (micros: string): number => Math.round((Number(micros) / 1_000_000) * 1_000)

const unavailable = (error: SqlError | Archive.ArchiveUnavailable): JournalUnavailable =>
  error._tag === "ArchiveUnavailable"
    ? new JournalUnavailable({ retryAfterSeconds: error.retryAfterSeconds, detail: error.message })
    : new JournalUnavailable({
        retryAfterSeconds: 2,
        detail: `The index of the archive cannot be read (${reasonOf(error)}). Check that the database can be reached.`
      })

/** Finds and reads what a schema has archived, in the store in context. */
export const make = (schemaName: string): Effect.Effect<Archive.Archived, never, SqlClient> =>
  Effect.gen(function* () {
    const schema = checkSchemaName(schemaName)
    const sql = yield* SqlClient
    const store = yield* Archive.ArchiveStore
    const files = yield* Cache.makeWith(
      (key: string) => {
        const { name, sha256 }: IndexedFile = JSON.parse(key)
        return load(store, { name, sha256 })
      },
      // A file that could not be read is looked for again the next time.
      { capacity: keptFiles, timeToLive: (exit) => (Exit.isSuccess(exit) ? "10 minutes" : 0) }
    )
    const fileOf = ({ name, sha256 }: IndexedFile) => Cache.get(files, JSON.stringify({ name, sha256 }))

    const ofStream = Effect.fnUntraced(function* (stream: string, from: number, to: number) {
      const runs = yield* sql.unsafe<IndexedStream & IndexedFile>(
        `SELECT ${streamColumns}, f.id, f.name, f.sha256
         FROM ${schema}.archived_stream s JOIN ${schema}.archive_file f ON f.id = s.file
         WHERE s.stream = $1::text AND s.last_version >= $2::text::integer AND s.first_version <= $3::text::integer
         ORDER BY s.first_version`,
        [stream, String(from), String(Math.min(to, maxVersion))]
      )
      const found: Array<Stored> = []
      for (const run of runs) {
        const file = yield* fileOf(run)
        const events = file.events({ from: run.firstPosition, to: run.lastPosition, stream })
        for (const event of events) if (event.version >= from && event.version <= to) found.push(storedOf(event))
      }
      return found
    })

    const ofPartition = Effect.fnUntraced(function* (
      partition: number,
      { from, to, limit }: { readonly from: number; readonly to: number; readonly limit: number }
    ) {
      const reaching = yield* sql.unsafe<IndexedFile>(
        `SELECT id, name, sha256 FROM ${schema}.archive_file
         WHERE partition = $1::text::smallint AND last_position >= $2::text::bigint AND first_position <= $3::text::bigint
         ORDER BY first_position`,
        [partition, from, to].map(String)
      )
      const found: Array<RawEvent> = []
      for (const indexed of reaching) {
        const file = yield* fileOf(indexed)
        found.push(...file.events({ from, to, limit }))
      }
      return found
        .sort((a, b) => a.position - b.position)
        .slice(0, limit)
        .map(storedOf)
    })

    return {
      stream: (stream, from, to) => Effect.mapError(ofStream(stream, from, to), unavailable),
      partition: (partition, range) => Effect.mapError(ofPartition(partition, range), unavailable)
    }
  })
