/**
 * Reads whole journals, and says what this release can read of them: every event, stored state and snapshot. Used by
 * `daybook events check`. Nothing is created, migrated or written, so that a release can be tried on a store before it runs there,
 * and on the store of a later one.
 */
import type { Aggregate } from "@daybook/core/Aggregate"
import { type Stored, UndecodableEvent } from "@daybook/core/Event"
import { aggregateOf } from "@daybook/core/Partition"
import { reasonOf } from "@daybook/core/Problem"
import { stateReader } from "@daybook/core/Recovery"
import { archivedIn, eventsInFile, filesIfAny } from "@daybook/postgres/ArchiveRestore"
import { checkSchemaName } from "@daybook/postgres/Migrations"
import { pages, type RawEvent } from "@daybook/postgres/RawEvents"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** What is stored: events, states of levels 1 and 2, and snapshots, which only save time. */
export type Kind = "event" | "state" | "snapshot"

/** How many there are of one type and version, and what this release makes of them. */
export interface Tally {
  readonly service: string
  readonly kind: Kind
  /** The event's name; the aggregate's for states and snapshots. */
  readonly type: string
  readonly schemaVersion: number
  count: number
  unreadable: number
  /** `current`, `upcast`, `former` for a name that is not used any more, or `unknown`. */
  readonly standing: "current" | "upcast" | "former" | "unknown"
}

/** Something that this release cannot read. */
export interface Unreadable {
  readonly service: string
  readonly kind: Kind
  readonly stream: string
  /** Of an event. */
  readonly partition: number | null
  readonly position: number | null
  /** Of the stream. */
  readonly version: number
  readonly type: string
  readonly schemaVersion: number
  readonly why: string
}

/** An archive file that is damaged, or not there: what is in it cannot be told. */
export interface UnreadableFile {
  readonly service: string
  readonly file: string
  readonly events: number
  readonly why: string
}

/** What was found. */
export interface Findings {
  readonly tallies: ReadonlyArray<Tally>
  /** At most `examples` of each type and version; the tallies count all. */
  readonly unreadable: ReadonlyArray<Unreadable>
  readonly unreadableFiles: ReadonlyArray<UnreadableFile>
}

/** How much is told of one type and version: what is wrong with a million events is seen from a few. */
export const examples = 10

/** How many rows are read at once. */
const pageSize = 2_000

type Aggregates = ReadonlyArray<Aggregate<any, any, any, any>>

/** A stored state or snapshot. */
interface StateRow {
  readonly stream: string
  readonly version: number
  readonly schemaVersion: number
  readonly data: unknown
}

/** What an event that cannot be read says of itself; its place is told beside it. */
const whyOf = (error: unknown): string =>
  error instanceof UndecodableEvent ? error.message.replace(/^.*?, partition \d+ position \d+: /s, "") : reasonOf(error)

const storedOf = (raw: RawEvent): Stored => ({
  ...raw,
  occurredAtMillis: 0,
  recordedAtMillis: 0,
  data: JSON.parse(raw.data)
})

/** Gathers what is found in the journal of one service. */
export class Check {
  readonly #service: string
  readonly #aggregates: ReadonlyMap<string, Aggregate<any, any, any, any>>
  readonly #stateReaders: ReadonlyMap<string, ReturnType<typeof stateReader>>
  readonly #tallies = new Map<string, Tally>()
  readonly #unreadable: Array<Unreadable> = []
  readonly #unreadableFiles: Array<UnreadableFile> = []

  constructor(service: string, aggregates: Aggregates) {
    this.#service = service
    this.#aggregates = new Map(aggregates.map((aggregate) => [aggregate.name, aggregate]))
    this.#stateReaders = new Map(aggregates.map((aggregate) => [aggregate.name, stateReader(aggregate)]))
  }

  get findings(): Findings {
    const byName = (a: Tally, b: Tally) =>
      a.kind.localeCompare(b.kind) || a.type.localeCompare(b.type) || a.schemaVersion - b.schemaVersion
    const tallies = [...this.#tallies.values()].sort(byName)
    return { tallies, unreadable: this.#unreadable, unreadableFiles: this.#unreadableFiles }
  }

  event(raw: RawEvent): void {
    const { stream, version, partition, position, type, schemaVersion } = raw
    const tally = this.#tally("event", type, schemaVersion, () =>
      this.#standing(aggregateOf(stream), type, schemaVersion)
    )
    this.#try(tally, { stream, version, partition, position }, () => {
      this.#known(stream).events.decode(storedOf(raw))
    })
  }

  unreadableFile(file: string, events: number, why: string): void {
    this.#unreadableFiles.push({ service: this.#service, file, events, why })
  }

  state(kind: "state" | "snapshot", row: StateRow): void {
    const { stream, version, schemaVersion } = row
    const name = aggregateOf(stream)
    const current = this.#aggregates.get(name)?.state.version
    const standing =
      current === undefined || schemaVersion > current ? "unknown" : schemaVersion === current ? "current" : "upcast"
    const tally = this.#tally(kind, name, schemaVersion, () => standing)
    this.#try(tally, { stream, version, partition: null, position: null }, () => {
      this.#known(stream)
      this.#stateReaders.get(name)!(row)
    })
  }

  #known(stream: string): Aggregate<any, any, any, any> {
    const aggregate = this.#aggregates.get(aggregateOf(stream))
    if (aggregate !== undefined) return aggregate
    throw new Error(
      `the ${this.#service} has no aggregate of that name in this release; deploy the release that wrote it`
    )
  }

  #standing(aggregate: string, type: string, schemaVersion: number): Tally["standing"] {
    const events = this.#aggregates.get(aggregate)?.events
    const former = events?.former.get(type)
    const current = former ?? events?.schemaVersion(type)
    if (current === undefined || schemaVersion > current) return "unknown"
    if (former !== undefined) return "former"
    return schemaVersion === current ? "current" : "upcast"
  }

  #tally(kind: Kind, type: string, schemaVersion: number, standing: () => Tally["standing"]): Tally {
    const key = `${kind} ${schemaVersion} ${type}`
    const known = this.#tallies.get(key)
    if (known !== undefined) return known
    const service = this.#service
    const tally: Tally = { service, kind, type, schemaVersion, count: 0, unreadable: 0, standing: standing() }
    this.#tallies.set(key, tally)
    return tally
  }

  #try(tally: Tally, place: Pick<Unreadable, "stream" | "partition" | "position" | "version">, read: () => void): void {
    tally.count++
    try {
      read()
    } catch (error) {
      tally.unreadable++
      if (tally.unreadable > examples) return
      const { service, kind, type, schemaVersion } = tally
      this.#unreadable.push({ service, kind, ...place, type, schemaVersion, why: whyOf(error) })
    }
  }
}

/** A journal to be checked. */
export interface Journal {
  readonly service: string
  readonly schema: string
  readonly aggregates: Aggregates
}

/** Told of how far it has come. */
export interface Watcher {
  readonly begin: (what: string, total: number, unit: string) => void
  readonly advance: (by: number) => void
}

const rowsAfter =
  (schema: string, table: "state" | "snapshot") =>
  (after: Pick<StateRow, "stream" | "version">): Effect.Effect<ReadonlyArray<StateRow>, SqlError, SqlClient> =>
    Effect.flatMap(SqlClient, (sql) =>
      sql.unsafe<StateRow>(
        `SELECT stream, version, schema_version AS "schemaVersion", data FROM ${checkSchemaName(schema)}.${table}
         WHERE (stream, version) > ($1::text, $2::text::integer) ORDER BY stream, version LIMIT ${pageSize}`,
        [after.stream, String(after.version)]
      )
    )

/** States or snapshots, page by page. */
const statePages = (schema: string, table: "state" | "snapshot") =>
  Stream.unfold({ stream: "", version: 0 } as Pick<StateRow, "stream" | "version">, (after) =>
    Effect.map(rowsAfter(schema, table)(after), (page) =>
      page.length === 0 ? undefined : ([page, page.at(-1)!] as const)
    )
  )

/** Checks the journal of one service, as far as it has got when this begins. */
export const check = ({ service, schema, aggregates }: Journal, watcher: Watcher) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const found = new Check(service, aggregates)
    const heads = yield* sql.unsafe<{ readonly id: number; readonly head: number }>(
      `SELECT id::integer AS id, head::float8 AS head FROM ${checkSchemaName(schema)}.partition ORDER BY id`
    )
    watcher.begin(
      `${service}: events`,
      heads.reduce((sum, { head }) => sum + head, 0),
      "events"
    )
    for (const { id, head } of heads) {
      const range = { from: 1, to: head, limit: pageSize }
      yield* Stream.runForEach(pages(schema, id, range), (page) =>
        Effect.sync(() => {
          for (const event of page) found.event(event)
          watcher.advance(page.length)
        })
      )
    }
    for (const file of yield* filesIfAny(schema)) {
      const count = yield* archivedIn(schema, file)
      yield* eventsInFile(schema, file).pipe(
        Effect.tap((events) =>
          Effect.sync(() => {
            for (const event of events) found.event(event)
          })
        ),
        Effect.catchTag("ArchiveUnavailable", ({ message }) =>
          Effect.sync(() => found.unreadableFile(file.name, count, message))
        )
      )
      watcher.advance(count)
    }
    for (const table of ["state", "snapshot"] as const) {
      const [{ count } = { count: 0 }] = yield* sql.unsafe<{ readonly count: number }>(
        `SELECT count(*)::float8 AS count FROM ${checkSchemaName(schema)}.${table}`
      )
      watcher.begin(`${service}: ${table}s`, count, `${table}s`)
      yield* Stream.runForEach(statePages(schema, table), (page) =>
        Effect.sync(() => {
          for (const row of page) found.state(table, row)
          watcher.advance(page.length)
        })
      )
    }
    return found.findings
  })
