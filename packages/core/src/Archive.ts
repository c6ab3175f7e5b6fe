/**
 * The archive: events of closed streams, in files outside the database, and a journal that reads them as if they were still in it.
 *
 * `ArchiveStore` is where files are: a folder, an S3-compatible store. `withArchive` puts what was archived back into what a
 * journal reads; used by `Stores` of the SQL adapters, which know in which file an event is.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Stored } from "./Event.ts"
import type { Journal, JournalUnavailable } from "./Journal.ts"
import { Problem } from "./Problem.ts"

/** A file of the archive is not there, is damaged, or could not be reached or written. */
export class ArchiveUnavailable extends Problem<ArchiveUnavailable>()(
  "ArchiveUnavailable",
  { status: 503, title: "The archive does not answer" },
  { retryAfterSeconds: Schema.Int, file: Schema.String }
) {}

/** Where archive files are. Files are written once, and never changed. Names have slashes and are relative to the store. */
export interface Store {
  /** For people: never with a secret. */
  readonly location: string
  /** Durable when it answers, or else as if it had not been called: nobody ever sees half of a file. */
  write(name: string, content: Uint8Array): Effect.Effect<void, ArchiveUnavailable>
  /** A file that is not there is a failure. */
  read(name: string): Effect.Effect<Uint8Array, ArchiveUnavailable>
  /** The names of all files that begin so, in no order. */
  list(prefix: string): Effect.Effect<ReadonlyArray<string>, ArchiveUnavailable>
  /** Deleting what is not there is harmless. */
  remove(name: string): Effect.Effect<void, ArchiveUnavailable>
}

/** Says what is wrong with a file, and what to do. */
export const unavailable = (file: string, detail: string): ArchiveUnavailable =>
  new ArchiveUnavailable({ file, detail, retryAfterSeconds: 60 })

const nowhere = (file: string) =>
  Effect.fail(
    unavailable(
      file,
      `No archive is named to this process, so that ${file} cannot be found. Set ARCHIVE_URL to where it is.`
    )
  )

/** The archive in context. Where none is given, whoever needs one of its files is told so. */
export const ArchiveStore: Context.Reference<Store> = Context.Reference("@daybook/core/ArchiveStore", {
  defaultValue: (): Store => ({
    location: "no archive",
    write: nowhere,
    read: nowhere,
    list: nowhere,
    remove: nowhere
  })
})

/** An archive in this process's memory. For tests: it forgets everything. */
export const makeMemory = (files = new Map<string, Uint8Array>()): Store => ({
  location: "memory",
  write: (name, content) => Effect.sync(() => void files.set(name, content.slice())),
  read: (name) =>
    Effect.suspend(() => {
      const content = files.get(name)
      return content === undefined
        ? Effect.fail(unavailable(name, `Archive file ${name} is not in memory.`))
        : Effect.succeed(content.slice())
    }),
  list: (prefix) => Effect.sync(() => [...files.keys()].filter((name) => name.startsWith(prefix))),
  remove: (name) => Effect.sync(() => void files.delete(name))
})

/** What has been archived, found by where it was. Answers nothing for what never was; a file that cannot be read is a failure. */
export interface Archived {
  /** Events of a stream from a version to another, in order. */
  stream(stream: string, from: number, to: number): Effect.Effect<ReadonlyArray<Stored>, JournalUnavailable>
  /** Events of a partition from a position to another, in order; the first `limit` of them. */
  partition(
    partition: number,
    range: { readonly from: number; readonly to: number; readonly limit: number }
  ): Effect.Effect<ReadonlyArray<Stored>, JournalUnavailable>
}

/** Two lists in the order of a place, as one; of two events in one place the first list's. */
const merge = (
  kept: ReadonlyArray<Stored>,
  archived: ReadonlyArray<Stored>,
  place: (event: Stored) => number
): ReadonlyArray<Stored> => {
  if (archived.length === 0) return kept
  const places = new Set(kept.map(place))
  return [...kept, ...archived.filter((event) => !places.has(place(event)))].sort((a, b) => place(a) - place(b))
}

const versionOf = ({ version }: Stored): number => version
const positionOf = ({ position }: Stored): number => position

/**
 * A journal that reads archived events as if they were still there. What is whole in the journal costs nothing more: only where
 * versions or positions are missing is the archive asked. What is missing there too was deleted, and stays away.
 */
export const withArchive = (journal: Journal["Service"], archived: Archived): Journal["Service"] => ({
  ...journal,
  readStream: Effect.fnUntraced(function* (stream, range = {}) {
    const kept = yield* journal.readStream(stream, range)
    const { from = 1, to = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = range
    // After the last event that came there is none, since a stream's newest stays; or it would be cut off again.
    const newest = kept.at(-1)?.version ?? 0
    const end = kept.length >= limit || to === Number.POSITIVE_INFINITY ? newest : to
    const first = Math.max(from, 1)
    if (kept.length > end - first) return kept
    return merge(kept, yield* archived.stream(stream, first, end), versionOf).slice(0, limit)
  }),
  readPartition: Effect.fnUntraced(function* (partition, { after, limit }) {
    const kept = yield* journal.readPartition(partition, { after, limit })
    const last = kept.at(-1)?.position
    // The newest event of a partition is the last of its stream, and so stays: beyond what there is nothing is missing.
    if (last === undefined || kept.length === last - Math.max(after, 0)) return kept
    const found = yield* archived.partition(partition, { from: after + 1, to: last, limit })
    return merge(kept, found, positionOf).slice(0, limit)
  })
})
