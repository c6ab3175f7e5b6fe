/**
 * Finds the streams whose events may go into the archive, and archives them, file by file. For `daybook archive run`.
 *
 * A stream may go when it is closed, has been quiet for long enough, and everything of it that would go is sealed. It is looked for
 * by name, a page at a time, so that nothing is held in memory but the names for the next file of each partition.
 */
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { instantOf } from "./Instants.ts"
import { checkSchemaName } from "./Migrations.ts"
import type { SealKeys } from "./SealKeys.ts"
import { type ArchiveFailure, archive, type Candidate, type Moved, type Options } from "./SqlArchive.ts"
import { sealedTo } from "./SqlSeals.ts"

/** A kind of stream, and how to tell whether one of them is closed: that no event is expected any more. */
export interface Kind<E, R> {
  /** The prefix of its streams. */
  readonly name: string
  readonly isClosed: (stream: string) => Effect.Effect<boolean, E, R>
}

/** What to archive. */
export interface Run<E, R> extends Options {
  readonly kinds: ReadonlyArray<Kind<E, R>>
  /** Streams whose last event was recorded after this stay. */
  readonly quietSinceMillis: number
  /** Streams to archive at most. */
  readonly limit?: number
  /** Only look, and write nothing. */
  readonly dryRun?: boolean
  /** Told of each page of streams that was looked at, by how many events they have. */
  readonly onLooked?: (events: number) => Effect.Effect<void>
}

/** What a run came to. Of the streams that were looked at, those that stay, and why. */
export interface Outcome {
  readonly looked: number
  readonly files: ReadonlyArray<Moved>
  readonly streams: number
  readonly events: number
  /** Not closed, or not known to be. */
  readonly open: number
  /** Closed, and not quiet for long enough. */
  readonly recent: number
  /** Closed and quiet, and not sealed yet. */
  readonly unsealed: number
  /** Nothing to archive: they have one event, or were archived before. */
  readonly bare: number
}

/** Events of a file, about: some megabytes, which is what reading one stream of it costs. */
const eventsPerFile = 5_000

const pageSize = 500

interface Found extends Candidate {
  readonly quiet: boolean
  /** Of the newest event that would go. */
  readonly lastToGo: number | null
}

/** Streams of a kind after one, by name: an index look-up each, however many events they have. */
const page = (schema: string, kind: string, after: string, quietSinceMillis: number) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe<Found>(
      `WITH RECURSIVE name AS (
         (SELECT stream FROM ${schema}.event WHERE stream > $1::text AND stream < $2::text ORDER BY stream LIMIT 1)
         UNION ALL
         SELECT (SELECT e.stream FROM ${schema}.event e WHERE e.stream > n.stream AND e.stream < $2::text ORDER BY e.stream LIMIT 1)
         FROM name n WHERE n.stream IS NOT NULL
       )
       SELECT n.stream, last.partition, first.version AS "firstVersion", last.version AS "lastVersion",
         last.recorded_at <= ${instantOf("$3::text::float8")} AS quiet,
         (SELECT e.position::float8 FROM ${schema}.event e
          WHERE e.stream = n.stream AND e.version < last.version ORDER BY e.version DESC LIMIT 1) AS "lastToGo"
       FROM (SELECT stream FROM name WHERE stream IS NOT NULL LIMIT ${pageSize}) n
       CROSS JOIN LATERAL (
         SELECT e.partition, e.version, e.recorded_at FROM ${schema}.event e WHERE e.stream = n.stream ORDER BY e.version DESC LIMIT 1
       ) last
       CROSS JOIN LATERAL (SELECT e.version FROM ${schema}.event e WHERE e.stream = n.stream ORDER BY e.version LIMIT 1) first
       ORDER BY n.stream`,
      [after, `${kind}.`, String(quietSinceMillis)]
    )
  )

const eventsIn = (candidates: ReadonlyArray<Candidate>): number =>
  candidates.reduce((sum, { firstVersion, lastVersion }) => sum + lastVersion - firstVersion + 1, 0)

/** Counts what is seen, and holds what is to go until it is enough for a file. */
class Collector {
  readonly counts = { looked: 0, open: 0, recent: 0, unsealed: 0, bare: 0 }
  readonly files: Array<Moved> = []
  streams = 0
  events = 0
  readonly #waiting = new Map<number, { events: number; readonly candidates: Array<Candidate> }>()

  /** Takes a stream in; the partition that has enough for a file now. */
  add(candidate: Candidate): number | undefined {
    this.streams++
    const waiting = this.#waiting.get(candidate.partition) ?? { events: 0, candidates: [] }
    waiting.candidates.push(candidate)
    waiting.events += eventsIn([candidate])
    this.#waiting.set(candidate.partition, waiting)
    return waiting.events >= eventsPerFile ? candidate.partition : undefined
  }

  /** What waits in a partition, which is empty then. */
  take(partition: number): ReadonlyArray<Candidate> {
    const waiting = this.#waiting.get(partition)?.candidates ?? []
    this.#waiting.delete(partition)
    return waiting
  }

  get partitions(): ReadonlyArray<number> {
    return [...this.#waiting.keys()]
  }

  get outcome(): Outcome {
    return { ...this.counts, files: this.files, streams: this.streams, events: this.events }
  }
}

/** Archives what may go. Each file is a transaction of its own: what was done before a failure stays done. */
export const run = <E, R>(options: Run<E, R>): Effect.Effect<Outcome, E | ArchiveFailure, R | SqlClient | SealKeys> =>
  Effect.gen(function* () {
    const schema = checkSchemaName(options.schema)
    const collector = new Collector()
    const limit = options.limit ?? Number.POSITIVE_INFINITY
    const sealed = yield* sealedTo(schema)

    const flush = Effect.fnUntraced(function* (partition: number) {
      const candidates = collector.take(partition)
      if (options.dryRun) {
        collector.events += eventsIn(candidates) - candidates.length
        return
      }
      const moved = yield* archive(options, partition, candidates)
      if (moved === undefined) return
      collector.files.push(moved)
      collector.events += moved.events
    })

    const consider = Effect.fnUntraced(function* (found: Found, isClosed: Kind<E, R>["isClosed"]) {
      if (found.lastToGo === null) return void collector.counts.bare++
      if (!found.quiet) return void collector.counts.recent++
      if (!(yield* isClosed(found.stream))) return void collector.counts.open++
      if (found.lastToGo > sealed[found.partition]!) return void collector.counts.unsealed++
      const full = collector.add(found)
      if (full !== undefined) yield* flush(full)
    })

    for (const { name, isClosed } of options.kinds) {
      let after = `${name}-`
      while (collector.streams < limit) {
        const streams: ReadonlyArray<Found> = yield* page(schema, name, after, options.quietSinceMillis)
        if (streams.length === 0) break
        for (const found of streams) {
          if (collector.streams >= limit) break
          collector.counts.looked++
          yield* consider(found, isClosed)
        }
        after = streams.at(-1)!.stream
        yield* options.onLooked?.(eventsIn(streams)) ?? Effect.void
      }
    }
    for (const partition of collector.partitions) yield* flush(partition)
    return collector.outcome
  })
