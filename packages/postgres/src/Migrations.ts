/**
 * Versioned migrations, applied under a lock when a service starts or by `daybook migrate`.
 *
 * A schema may hold several sets (the journal's, the read models'), each numbered from 1. A set that is further than this
 * code knows belongs to a later release, and is refused rather than guessed at.
 */

import { readFileSync } from "node:fs"
import { Problem } from "@daybook/core/Problem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import * as AdvisoryLock from "./AdvisoryLock.ts"
import { isSqlError, reasonOf } from "./SqlFailure.ts"

/** The database has migrations that this code does not know. */
export class DatabaseNewer extends Problem<DatabaseNewer>()(
  "DatabaseNewer",
  { status: 500, title: "The database belongs to a later release" },
  { schema: Schema.String, set: Schema.String, found: Schema.Int, known: Schema.Int }
) {}

/**
 * One step: a name for people, and the SQL, which may hold many statements (no plain SELECT). `{schema}` stands for the
 * schema, other names in braces for the values given to `migrate`.
 */
export interface Migration {
  readonly name: string
  readonly sql: string
}

/** Reads migrations from `.sql` files; the file's name is the migration's. */
export const fromFiles = (folder: URL, names: ReadonlyArray<string>): ReadonlyArray<Migration> =>
  names.map((name) => ({ name, sql: readFileSync(new URL(`${name}.sql`, folder), "utf8") }))

/** Migrations in order; the first is number 1. Only ever added to. */
export interface MigrationSet {
  readonly name: string
  readonly migrations: ReadonlyArray<Migration>
}

/** What a run did. */
export interface Applied {
  readonly schema: string
  readonly set: string
  readonly from: number
  readonly to: number
}

/** Schema names are put into SQL text, so they are held to what needs no quoting. */
export const checkSchemaName = (schema: string): string => {
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(schema)) {
    throw new Error(
      `Schema name ${JSON.stringify(schema)}: use lower-case letters, digits and underscores, beginning with a letter`
    )
  }
  return schema
}

/** Whether a schema has a table. Needs no right but to look, and no schema. */
export const hasTable = (schema: string, table: string): Effect.Effect<boolean, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    // Not by to_regclass: what it has once looked up in vain, it may not look up again within a transaction.
    const [found] = yield* sql.unsafe<{ readonly there: boolean }>(
      "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = $1::text AND tablename = $2::text) AS there",
      [schema, table]
    )
    return found!.there
  })

/** The newest migration that the schema has of each set; of none when it is not there. Needs no right but to look. */
const newest = (schema: string): Effect.Effect<ReadonlyMap<string, number>, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    if (!(yield* hasTable(schema, "migration"))) return new Map()
    const rows = yield* sql.unsafe<{ readonly set: string; readonly number: number }>(
      `SELECT set_name AS set, max(number)::integer AS number FROM ${schema}.migration GROUP BY set_name`
    )
    return new Map(rows.map(({ set, number }) => [set, number]))
  })

const failed = (message: string, cause: SqlError): SqlError =>
  new SqlError({ reason: new UnknownError({ cause, operation: "migrate", message }) })

const stepFailed =
  (what: string) =>
  (cause: SqlError): SqlError =>
    failed(
      `${what}: ${reasonOf(cause)}. Nothing of it was kept. Put right what is in its way in the database, and start again; ` +
        "the data is as it was for the release before.",
      cause
    )

/** Where a step has failed it has said so itself. */
const schemaFailed =
  (schema: string) =>
  <E>(error: E | SqlError): E | SqlError =>
    !isSqlError(error) || error.reason.operation === "migrate"
      ? error
      : failed(
          `Schema ${schema} cannot be brought up to date: ${reasonOf(error)}. Check that the database can be reached and that ` +
            "its role may create schemas and tables; where another role migrates, let it do so first.",
          error
        )

/** Applies what is missing. Runs in a transaction. */
const apply = (
  schema: string,
  set: MigrationSet,
  values: Readonly<Record<string, string | number>>
): Effect.Effect<Applied, SqlError | DatabaseNewer, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* AdvisoryLock.hold(`daybook-migrate-${schema}`)
    // Again, now that nobody else migrates: another process may have done it while this one waited.
    const from = (yield* newest(schema)).get(set.name) ?? 0
    const known = set.migrations.length
    if (from > known) return yield* newer(schema, set.name, from, known)
    yield* sql.unsafe(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
    yield* sql.unsafe(
      `CREATE TABLE IF NOT EXISTS ${schema}.migration (
         set_name text, number integer, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
         PRIMARY KEY (set_name, number)
       )`
    )
    for (let number = from + 1; number <= known; number++) {
      const migration = set.migrations[number - 1]!
      yield* Effect.mapError(
        sql.unsafe(asOneStatement(migration.sql, { ...values, schema })),
        stepFailed(`Migration ${number} (${migration.name}) of "${set.name}" failed in schema ${schema}`)
      )
      yield* sql.unsafe(
        `INSERT INTO ${schema}.migration (set_name, number, name) VALUES ($1::text, $2::integer, $3::text)`,
        [set.name, String(number), migration.name]
      )
    }
    return { schema, set: set.name, from, to: known }
  })

/**
 * Brings sets of a schema up to date, one after the other, each in a transaction. Running it again, or from many processes at once,
 * is harmless. What is up to date is only looked at, all of it at once, so that a service may start with a role that owns nothing.
 */
export const migrateAll = (
  schema: string,
  sets: ReadonlyArray<MigrationSet>,
  values: Readonly<Record<string, string | number>> = {}
): Effect.Effect<ReadonlyArray<Applied>, SqlError | DatabaseNewer, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    checkSchemaName(schema)
    const newestOf = yield* newest(schema)
    const looked = sets.map((set) => ({ set, found: newestOf.get(set.name) ?? 0, known: set.migrations.length }))
    // Before anything is applied: a later release may have changed one set and not another.
    const later = looked.find(({ found, known }) => found > known)
    if (later !== undefined) return yield* newer(schema, later.set.name, later.found, later.known)
    return yield* Effect.forEach(looked, ({ set, found, known }) =>
      found === known
        ? Effect.succeed<Applied>({ schema, set: set.name, from: found, to: known })
        : sql.withTransaction(apply(schema, set, values))
    )
  }).pipe(Effect.mapError(schemaFailed(schema)))

/** The same for one set. */
export const migrate = (
  schema: string,
  set: MigrationSet,
  values: Readonly<Record<string, string | number>> = {}
): Effect.Effect<Applied, SqlError | DatabaseNewer, SqlClient> =>
  Effect.map(migrateAll(schema, [set], values), ([applied]) => applied!)

/** The extended protocol takes one statement at a time, so that a migration of many goes into a DO block. */
const asOneStatement = (text: string, values: Readonly<Record<string, string | number>>): string => {
  const filled = text.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`A migration needs a value for {${name}}`)
    return String(value)
  })
  const ended = /;\s*(?:--[^\n]*\s*)*$/.test(filled) ? filled : `${filled}\n;`
  return `DO $migration$ BEGIN\n${ended}\nEND $migration$`
}

const newer = (schema: string, set: string, found: number, known: number): DatabaseNewer =>
  new DatabaseNewer({
    schema,
    set,
    found,
    known,
    detail:
      `Schema ${schema} is at migration ${found} of "${set}"; this release knows ${known}. Run the release that migrated ` +
      "it, or a later one. Nothing was changed."
  })
