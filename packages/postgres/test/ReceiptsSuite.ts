/**
 * What commands rely on while their ids are found by hashes: those of before the hashes are known, processes of the release before are
 * told as ever, and two ids of one hash are not taken for each other. Run on PGlite and on a server.
 */
import type { Append, Journal } from "@daybook/core/Journal"
import { type Answer, prepare, statementOf, statementText } from "@daybook/postgres/AppendStatement"
import * as Database from "@daybook/postgres/Database"
import { journal as journalMigrations } from "@daybook/postgres/JournalMigrations"
import { migrate } from "@daybook/postgres/Migrations"
import { OwnWrites } from "@daybook/postgres/OwnWrites"
import * as SqlJournal from "@daybook/postgres/SqlJournal"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { on, one } from "./OwnWritesSuite.ts"
import { freshSchema } from "./Stores.ts"

const partitions = 8

/** The migrations of before the hashes. */
const before = { ...journalMigrations, migrations: journalMigrations.migrations.slice(0, 10) }

const migrated = (schema: string, set = journalMigrations) => migrate(schema, set, { partitions })

const open = (schema: string) => SqlJournal.make({ schema, lanes: 1, shared: true })

/** A command with an id that leaves one event. */
const command = (stream: string, expectedVersion: number, commandId: string): Append => {
  const { events, ...append } = on(stream, expectedVersion)
  const receipts = [{ commandId, version: expectedVersion + 1 }]
  return { ...append, events: events.map((event) => ({ ...event, commandId })), receipts }
}

/** A command with an id that leaves none. */
const idle = (stream: string, version: number, commandId: string): Append =>
  on(stream, version, { events: [], receipts: [{ commandId, version }] })

/** The same append as the release sends it that knew `append_batch` alone. */
const appendAsBefore = Effect.fnUntraced(function* (schema: string, append: Append) {
  const sql = yield* SqlClient
  const { params } = statementOf(prepare([append], []), new OwnWrites(partitions))
  const text = statementText(schema)
    .replace("mark::text AS mark, moved, ", "")
    .replace(/, floor.*AS "recordedAtMillis"/, "")
    .replace("append_after", "append_batch")
    .replace(", $3::text::xid[]", "")
    .replaceAll(/\$(\d+)/g, (all, n: string) => (Number(n) > 3 ? `$${Number(n) - 1}` : all))
  const rows = yield* sql.unsafe<Answer>(text, [...params.slice(0, 2), ...params.slice(3)])
  return rows[0]!.refused
})

/** How a receipt is found. */
const planOf = (schema: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const found = `${schema}.find_receipts('note-long', ARRAY['c7', 'c8'])`
    const lines = yield* sql.unsafe<Record<string, string>>(`EXPLAIN (COSTS OFF) SELECT * FROM ${found}`)
    return lines.map((line) => Object.values(line)[0]).join("\n")
  })

const eventsOf = (journal: Journal["Service"], stream: string) =>
  Effect.map(journal.readStream(stream), (events) => events.length)

export const receiptsSuite = (name: string, location: Database.Location): void => {
  layer(Database.layer(location), { timeout: 60_000 })(`receipts by hashes: ${name}`, (it) => {
    it.effect("are those that there were before as well", () =>
      Effect.gen(function* () {
        const schema = freshSchema()
        yield* migrated(schema, before)
        assert.isNull(yield* appendAsBefore(schema, command("note", 0, "first")))
        assert.isNull(yield* appendAsBefore(schema, idle("note", 1, "idle")))
        yield* migrated(schema)
        const journal = yield* open(schema)
        const { position } = Option.getOrThrow(yield* journal.receipt("note", "first"))
        for (const repeated of [command("note", 1, "first"), idle("note", 1, "first")]) {
          const receipts = [{ commandId: "first", version: 1, position }]
          assert.deepStrictEqual(yield* one(journal, repeated), { _tag: "Duplicate", receipts })
        }
        const receipts = [{ commandId: "idle", version: 1, position: 0 }]
        assert.deepStrictEqual(yield* one(journal, command("note", 1, "idle")), { _tag: "Duplicate", receipts })
        assert.isTrue(Option.isNone(yield* journal.receipt("note-2", "first")))
        assert.strictEqual(yield* eventsOf(journal, "note"), 1)
      })
    )

    it.effect("stop a process of an earlier release too", () =>
      Effect.gen(function* () {
        const schema = freshSchema()
        yield* migrated(schema)
        const journal = yield* open(schema)
        yield* one(journal, command("note", 0, "first"))
        for (const repeated of [command("note", 1, "first"), idle("note", 1, "first")]) {
          const [refusal] = (yield* appendAsBefore(schema, repeated)) ?? []
          assert.deepInclude(refusal, { v: 1 })
          assert.deepStrictEqual(
            refusal!.r?.map(({ k }) => k),
            ["first"]
          )
        }
        assert.isNull(yield* appendAsBefore(schema, command("note", 1, "second")))
        assert.strictEqual((yield* one(journal, command("note", 2, "second")))._tag, "Duplicate")
      })
    )

    it.effect("are found by the index, however many events the stream has, and before anything is known of it", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const schema = freshSchema()
        yield* migrated(schema)
        const journal = yield* open(schema)
        const byIndex = Effect.map(planOf(schema), (plan) => {
          assert.include(plan, "event_receipt")
          assert.notMatch(plan, /event_stream|Seq Scan on event/)
        })
        yield* byIndex
        for (let version = 0; version < 5_000; version += 500) {
          const events = Array.from({ length: 500 }, (_, i) => command("note-long", version + i, `c${version + i}`))
          const append = { ...on("note-long", version), events: events.flatMap((each) => each.events) }
          yield* one(journal, { ...append, receipts: events.flatMap((each) => each.receipts) })
        }
        yield* sql.unsafe(`ANALYZE ${schema}.event`)
        yield* byIndex
        assert.strictEqual(Option.getOrThrow(yield* journal.receipt("note-long", "c7")).version, 8)
      })
    )

    it.effect("of one hash are not taken for each other: the second is an error, and stores nothing", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const schema = freshSchema()
        yield* migrated(schema)
        const secrets = yield* sql.unsafe<{ readonly hash: string }>(
          `SELECT ${schema}.receipt_hash('a')::text AS hash UNION SELECT hashtextextended('a', 0)::text`
        )
        assert.strictEqual(secrets.length, 2, "a journal's hash has a secret")
        yield* sql.unsafe(
          `CREATE OR REPLACE FUNCTION ${schema}.receipt_hash(id text) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 1::bigint'`
        )
        yield* sql.unsafe(`REINDEX INDEX ${schema}.event_receipt`)
        const journal = yield* open(schema)
        yield* one(journal, command("note", 0, "first"))
        const failure = yield* Effect.flip(one(journal, command("note", 1, "second")))
        assert.include(failure.message, "event_receipt")
        assert.isTrue(Option.isNone(yield* journal.receipt("note", "second")))
        assert.strictEqual((yield* one(journal, command("note", 1, "first")))._tag, "Duplicate")
        assert.strictEqual(yield* eventsOf(journal, "note"), 1)
      })
    )
  })
}
