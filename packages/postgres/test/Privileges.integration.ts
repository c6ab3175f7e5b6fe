/**
 * What a service's own role may do: everything that the service does, and nothing that changes history.
 */

import { Journal } from "@daybook/core/Journal"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import { RejectedCommands } from "@daybook/core/RejectedCommands"
import { Snapshots } from "@daybook/core/Snapshot"
import * as Database from "@daybook/postgres/Database"
import { journal as journalMigrations } from "@daybook/postgres/JournalMigrations"
import { migrate } from "@daybook/postgres/Migrations"
import { reasonOf } from "@daybook/postgres/SqlFailure"
import * as SqlRejectedCommands from "@daybook/postgres/SqlRejectedCommands"
import * as Stores from "@daybook/postgres/Stores"
import { nothingKnown } from "@daybook/testkit/Metadata"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema, serverUrl, stores } from "./Stores.ts"

const owner = { url: serverUrl() }
const tables = {
  name: "things",
  migrations: [{ name: "thing", sql: "CREATE TABLE {schema}.thing (id text PRIMARY KEY);" }]
}

/** The same database as another role. */
const as = (role: string): Database.Location => {
  const url = new URL(Redacted.value(owner.url))
  url.username = role
  url.password = "for-tests"
  return { url: Redacted.make(url.href) }
}

const append = {
  stream: "thing-1",
  partition: 0,
  expectedVersion: 0,
  events: [
    {
      eventId: "01890a5d-ac96-774b-bcce-b302099a8057",
      type: "Happened",
      schemaVersion: 1,
      data: {},
      occurredAtMillis: 0,
      ...nothingKnown,
      commandId: "once"
    }
  ],
  receipts: [{ commandId: "once", version: 1 }],
  state: { schemaVersion: 1, data: {} },
  keepEvents: true
}

const refused = {
  rejectionId: "01890a5d-ac96-774b-bcce-b302099a8058",
  stream: "thing-1",
  command: "DoSomething",
  data: "{}",
  isDataCut: false,
  rejection: "No",
  message: "no",
  expectedVersion: null,
  occurredAtMillis: 0,
  recordedAtMillis: 0,
  ...nothingKnown
}

/** A migrated schema, and a role that has been granted what a service needs. */
const prepared = Effect.gen(function* () {
  const schema = freshSchema()
  const role = `role_of_${schema}`
  yield* Effect.gen(function* () {
    yield* Stores.migrateWriteSide(schema)
    yield* Stores.migrateReadSide(schema, tables)
    const sql = yield* SqlClient
    yield* sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'for-tests'`)
    yield* sql.unsafe(`SELECT ${schema}.grant_write_side('${role}'), ${schema}.grant_read_side('${role}')`)
  }).pipe(Effect.provide(Database.layer(owner)))
  return { schema, role }
})

/** What a role may do with a table. */
const rightsOf = (role: string, schema: string, table: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly right: string }>(
      `SELECT r AS right FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) WITH ORDINALITY AS u (r, place)
       WHERE has_table_privilege('${role}', '${schema}.${table}', r) ORDER BY place`
    )
    return rows.map(({ right }) => right)
  }).pipe(Effect.provide(Database.layer(owner)))

describe("a role that owns nothing", () => {
  it.live("runs a service, whose start only looks at the migrations", () =>
    Effect.gen(function* () {
      const { schema, role } = yield* prepared
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        assert.strictEqual((yield* journal.append([append]))[0]?._tag, "Appended")
        assert.strictEqual((yield* journal.append([append]))[0]?._tag, "Duplicate")
        const snapshots = yield* Snapshots
        yield* snapshots.save({ stream: "thing-1", version: 1, schemaVersion: 1, takenAtMillis: 0, data: {} })
        yield* snapshots.keepLatest("thing-1", 0)
        const refusals = yield* RejectedCommands
        yield* refusals.record([refused])
        assert.strictEqual(yield* refusals.forget({ keep: 0, notBeforeMillis: 0 }), 1)
        const projections = yield* ProjectionStore
        yield* projections.claim("things", { owner: "me", partitions: 8, leaseMillis: 1_000 })
        const sql = yield* SqlClient
        yield* sql.unsafe(`INSERT INTO ${schema}.thing VALUES ('1')`)
      }).pipe(Effect.provide(stores(as(role), schema)))
    })
  )

  it.live("that could add to the journal before there were rejected commands and seals writes these, too", () =>
    Effect.gen(function* () {
      const schema = freshSchema()
      const role = `role_of_${schema}`
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        const first = { ...journalMigrations, migrations: journalMigrations.migrations.slice(0, 7) }
        yield* migrate(schema, first, { partitions: 1 })
        yield* sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'for-tests'`)
        yield* sql.unsafe(`SELECT ${schema}.grant_write_side('${role}')`)
        yield* Stores.migrateWriteSide(schema)
      }).pipe(Effect.provide(Database.layer(owner)))
      const refusals = SqlRejectedCommands.layer(schema).pipe(Layer.provide(Database.layer(as(role))))
      yield* Effect.provide(
        Effect.flatMap(RejectedCommands, (store) => store.record([refused])),
        refusals
      )
      assert.deepStrictEqual(yield* rightsOf(role, schema, "seal"), ["SELECT", "INSERT"])
    })
  )

  it.live("has no more rights on what is sealed, archived and refused by way of its read models", () =>
    Effect.gen(function* () {
      const { schema, role } = yield* prepared
      assert.deepStrictEqual(yield* rightsOf(role, schema, "thing"), ["SELECT", "INSERT", "UPDATE", "DELETE"])
      for (const table of ["seal", "seal_key"]) {
        assert.deepStrictEqual(yield* rightsOf(role, schema, table), ["SELECT", "INSERT"])
      }
      assert.deepStrictEqual(yield* rightsOf(role, schema, "seal_removal"), ["SELECT", "INSERT", "UPDATE"])
      assert.deepStrictEqual(yield* rightsOf(role, schema, "rejected_command"), ["SELECT", "INSERT", "DELETE"])
      for (const table of ["archive_file", "archived_stream", "removed_events"]) {
        assert.deepStrictEqual(yield* rightsOf(role, schema, table), ["SELECT"])
      }
    })
  )

  for (const statement of [
    "UPDATE {event} SET actor = 'nobody'",
    "DELETE FROM {event}",
    "TRUNCATE {event}",
    "DROP TABLE {event}"
  ]) {
    it.live(`may not ${statement.replace("{event}", "the events")}, for want of the privilege`, () =>
      Effect.gen(function* () {
        const { schema, role } = yield* prepared
        const refused = yield* Effect.flatMap(SqlClient, (sql) =>
          Effect.flip(sql.unsafe(statement.replace("{event}", `${schema}.event`)))
        ).pipe(Effect.provide(Database.layer(as(role))))
        assert.match(reasonOf(refused), /permission denied|must be owner/)
      })
    )
  }
})
