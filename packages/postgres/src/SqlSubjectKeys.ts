/**
 * The keys of data subjects on SQL: a schema of its own, which every service that seals or opens personal data shares.
 *
 * A copy of the database opens nothing without the master key, which is in no database. What a destroyed key leaves behind in
 * dead rows, the write-ahead log and backups is wrapped, and worthless once the master key has been replaced
 * (docs/guides/privacy.md).
 */
import { KeyStore, type LiveKey, type StoredKey, SubjectKeysUnavailable } from "@daybook/core/SubjectKeys"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { checkSchemaName, type DatabaseNewer, fromFiles, type MigrationSet, migrate } from "./Migrations.ts"
import { reasonOf } from "./SqlFailure.ts"

/** The tables of the keys. */
export const migrations: MigrationSet = {
  name: "subject-keys",
  migrations: fromFiles(new URL("../sql/", import.meta.url), ["subject-keys-001-tables"])
}

const unavailable = (error: SqlError): SubjectKeysUnavailable =>
  new SubjectKeysUnavailable({
    retryAfterSeconds: 2,
    detail:
      `The database of the keys of personal data failed (${reasonOf(error)}). Try again; operators: check that the database that ` +
      "PRIVACY_WRITE_URL or DATABASE_URL names runs and can be reached."
  })

const columns = `subject, version, master_id AS "masterId", wrapped`

type Query = <Row extends object>(
  text: string,
  params?: ReadonlyArray<string>
) => Effect.Effect<ReadonlyArray<Row>, SubjectKeysUnavailable>

type Mastering = Pick<KeyStore["Service"], "masterId" | "adoptMaster" | "replaceMaster" | "wrappedOtherwise" | "rewrap">

/** What is done about the master key. */
const mastering = (query: Query, schema: string): Mastering => {
  const masterId = Effect.map(query<{ readonly id: string }>(`SELECT id FROM ${schema}.master_key`), ([row]) => row?.id)
  return {
    masterId,
    adoptMaster: (id) =>
      Effect.andThen(
        query(`INSERT INTO ${schema}.master_key (id) VALUES ($1::text) ON CONFLICT DO NOTHING`, [id]),
        Effect.map(masterId, (found) => found!)
      ),
    replaceMaster: (id) =>
      Effect.asVoid(
        query(
          `INSERT INTO ${schema}.master_key AS m (id) VALUES ($1::text)
           ON CONFLICT (single) DO UPDATE SET id = excluded.id, since = clock_timestamp() WHERE m.id <> excluded.id`,
          [id]
        )
      ),
    wrappedOtherwise: (masterId, limit) =>
      query<LiveKey>(
        `SELECT ${columns} FROM ${schema}.subject_key
         WHERE wrapped IS NOT NULL AND master_id <> $1::text ORDER BY subject LIMIT $2::text::integer`,
        [masterId, String(limit)]
      ),
    rewrap: (keys) =>
      Effect.asVoid(
        query(
          `UPDATE ${schema}.subject_key k SET master_id = n."masterId", wrapped = n.wrapped, changed_at = clock_timestamp()
           FROM json_to_recordset($1::text::json) AS n (subject text, version integer, "masterId" text, wrapped text)
           WHERE k.subject = n.subject AND k.version = n.version AND k.wrapped IS NOT NULL`,
          [JSON.stringify(keys)]
        )
      )
  }
}

const make = (sql: SqlClient, schema: string): KeyStore["Service"] => {
  const query: Query = (text, params = []) => Effect.mapError(sql.unsafe(text, params), unavailable)
  return {
    find: (subjects) =>
      query<StoredKey>(
        `SELECT ${columns} FROM ${schema}.subject_key WHERE subject IN (SELECT json_array_elements_text($1::text::json))`,
        [JSON.stringify(subjects)]
      ),
    create: ({ subject, version, masterId, wrapped }) =>
      Effect.map(
        query<{ readonly created: boolean }>(
          `SELECT ${schema}.create_subject_key($1::text, $2::text::integer, $3::text, $4::text) AS created`,
          [subject, String(version), masterId, wrapped]
        ),
        ([row]) => row!.created
      ),
    // What was there before is looked at under the row's lock, so that of two that destroy it one is told so.
    destroy: (subject) =>
      sql
        .withTransaction(
          Effect.gen(function* () {
            const before = yield* query<StoredKey>(
              `SELECT ${columns} FROM ${schema}.subject_key WHERE subject = $1::text FOR UPDATE`,
              [subject]
            )
            yield* query(
              `INSERT INTO ${schema}.subject_key (subject, version, master_id, wrapped) VALUES ($1::text, 1, '', NULL)
               ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, master_id = '', changed_at = clock_timestamp()
               WHERE subject_key.wrapped IS NOT NULL`,
              [subject]
            )
            return before[0] !== undefined && before[0].wrapped !== null
          })
        )
        .pipe(Effect.catchTag("SqlError", (error) => Effect.fail(unavailable(error)))),
    ...mastering(query, schema),
    count: Effect.map(
      query<{ readonly live: number; readonly erased: number }>(
        `SELECT count(wrapped)::integer AS live, (count(*) - count(wrapped))::integer AS erased FROM ${schema}.subject_key`
      ),
      ([row]) => row!
    )
  }
}

/** The keys in a schema of the database in context, which is migrated. */
export const layer = (schema: string): Layer.Layer<KeyStore, SqlError | DatabaseNewer, SqlClient> =>
  Layer.effect(
    KeyStore,
    Effect.gen(function* () {
      yield* migrate(checkSchemaName(schema), migrations)
      return make(yield* SqlClient, schema)
    })
  )
