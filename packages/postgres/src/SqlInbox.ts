/**
 * The inbox on SQL, in the database that the consumer writes to.
 */
import { type Held, type HeldChange, Inbox } from "@daybook/core/Inbox"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { instantOf, wholeMillisOf } from "./Instants.ts"
import { checkSchemaName, fromFiles, type MigrationSet } from "./Migrations.ts"
import { orReadModelUnavailable, orReadModelUnavailableWithin } from "./SqlProjectionStore.ts"

/** The inbox's tables. */
export const migrations: MigrationSet = {
  name: "inbox",
  migrations: fromFiles(new URL("../sql/", import.meta.url), ["inbox-001-tables"])
}

const columns = `number::float8 AS number, consumer, topic, key, message_id AS "messageId", body AS text, state, attempts,
  ${wholeMillisOf("next_attempt_at")} AS "nextAttemptAtMillis", error, ${wholeMillisOf("held_at")} AS "heldAtMillis"`

/** Text as PostgreSQL stores it: without NUL characters and lone surrogates. */
const storable = (text: string): string => text.replaceAll("\u0000", "\ufffd").toWellFormed()

const storableChange = ({ text, error, ...rest }: HeldChange): HeldChange => ({
  ...rest,
  ...(text === undefined ? {} : { text: storable(text) }),
  ...(error === undefined ? {} : { error: storable(error) })
})

type Query = <Row extends object>(
  text: string,
  params: ReadonlyArray<string | null>
) => Effect.Effect<ReadonlyArray<Row>, ReadModelUnavailable>

type Received = "transact" | "lookUp" | "record" | "forget"

/**
 * One look into an index for each id and key, whatever the planner takes the tables to hold: statements are planned once for a
 * connection, most likely while the tables are still small, and what is a scan then stays one.
 */
const lookingUp = (schema: string): string =>
  `SELECT wanted.value AS id, NULL AS key FROM json_array_elements_text($2::text::json) AS wanted (value)
   CROSS JOIN LATERAL
     (SELECT FROM ${schema}.inbox i WHERE i.consumer = $1::text AND i.message_id = wanted.value LIMIT 1) AS received
   UNION ALL
   SELECT NULL, wanted.value FROM json_array_elements_text($3::text::json) AS wanted (value)
   CROSS JOIN LATERAL
     (SELECT FROM ${schema}.held_message h WHERE h.consumer = $1::text AND h.key = wanted.value LIMIT 1) AS held`

/** What has been received. */
const receiving = (sql: SqlClient, query: Query, schema: string): Pick<Inbox["Service"], Received> => {
  return {
    transact: (work) => orReadModelUnavailableWithin(sql.withTransaction(work)) as never,
    lookUp: (consumer, { ids, keys }) =>
      Effect.map(
        query<{ readonly id: string | null; readonly key: string | null }>(lookingUp(schema), [
          consumer,
          JSON.stringify(ids),
          JSON.stringify(keys)
        ]),
        (rows) => ({
          received: new Set(rows.flatMap(({ id }) => id ?? [])),
          heldKeys: new Set(rows.flatMap(({ key }) => key ?? []))
        })
      ),
    // No ON CONFLICT: where another worker has received the same message meanwhile, this transaction must not go on.
    record: (consumer, ids) =>
      Effect.asVoid(
        query(
          `INSERT INTO ${schema}.inbox (consumer, message_id)
           SELECT $1::text, value FROM json_array_elements_text($2::text::json) AS received (value)`,
          [consumer, JSON.stringify(ids)]
        )
      ),
    forget: (beforeMillis) =>
      Effect.map(
        query<{ readonly n: number }>(
          `WITH gone AS (DELETE FROM ${schema}.inbox WHERE received_at < ${instantOf("$1::text::float8")} RETURNING 1)
           SELECT count(*)::integer AS n FROM gone`,
          [String(beforeMillis)]
        ),
        (rows) => rows[0]!.n
      )
  }
}

/** What has been set aside. */
const holding = (query: Query, schema: string): Omit<Inbox["Service"], Received> => {
  const one = (text: string, params: ReadonlyArray<string | null>) =>
    Effect.map(query<Held>(text, params), (rows) => Option.fromNullishOr(rows[0]))
  return {
    setAside: (consumer, held) =>
      Effect.asVoid(
        query(
          `INSERT INTO ${schema}.held_message
             (consumer, topic, key, message_id, state, attempts, next_attempt_at, error, held_at, body)
           SELECT $1::text, h.topic, h.key, h."messageId", h.state, h.attempts, ${instantOf('h."nextAttemptAtMillis"')},
                  h.error, ${instantOf('h."heldAtMillis"')}, h.text
           FROM json_to_recordset($2::text::json) AS h (topic text, key text, "messageId" text, state text,
             attempts integer, "nextAttemptAtMillis" float8, error text, "heldAtMillis" float8, text text)`,
          [consumer, JSON.stringify(held.map((h) => ({ ...h, ...storableChange(h) })))]
        )
      ),
    due: (consumer, nowMillis, limit) =>
      query<Held>(
        `SELECT ${columns} FROM (
           SELECT DISTINCT ON (key) * FROM ${schema}.held_message WHERE consumer = $1::text ORDER BY key, number
         ) first
         WHERE state = 'waiting' OR (state = 'retrying' AND next_attempt_at <= ${instantOf("$2::text::float8")})
         ORDER BY number LIMIT $3::text::integer`,
        [consumer, String(nowMillis), String(limit)]
      ),
    first: (consumer, key) =>
      one(
        `SELECT ${columns} FROM ${schema}.held_message WHERE consumer = $1::text AND key = $2::text
         ORDER BY number LIMIT 1`,
        [consumer, key]
      ),
    behind: ({ consumer, key, number }) =>
      Effect.map(
        query<{ readonly n: number }>(
          `SELECT count(*)::integer AS n FROM ${schema}.held_message
           WHERE consumer = $1::text AND key = $2::text AND number > $3::text::bigint`,
          [consumer, key, String(number)]
        ),
        (rows) => rows[0]!.n
      ),
    change: (number, to) =>
      Effect.asVoid(
        query(
          `UPDATE ${schema}.held_message h SET
             state = coalesce(c.state, h.state), attempts = coalesce(c.attempts, h.attempts),
             next_attempt_at = coalesce(${instantOf('c."nextAttemptAtMillis"')}, h.next_attempt_at),
             error = coalesce(c.error, h.error), body = coalesce(c.text, h.body)
           FROM json_to_record($2::text::json) AS c
             (state text, attempts integer, "nextAttemptAtMillis" float8, error text, text text)
           WHERE h.number = $1::text::bigint`,
          [String(number), JSON.stringify(storableChange(to))]
        )
      ),
    remove: (number) =>
      Effect.asVoid(query(`DELETE FROM ${schema}.held_message WHERE number = $1::text::bigint`, [String(number)])),
    list: ({ consumer, state, after, limit }) =>
      query<Held>(
        `SELECT ${columns} FROM ${schema}.held_message
         WHERE ($1::text IS NULL OR consumer = $1::text) AND ($2::text IS NULL OR state = $2::text)
           AND number > $3::text::bigint ORDER BY number LIMIT $4::text::integer`,
        [consumer ?? null, state ?? null, String(after ?? 0), String(limit)]
      ),
    get: (number) =>
      one(`SELECT ${columns} FROM ${schema}.held_message WHERE number = $1::text::bigint`, [String(number)])
  }
}

const make = (schemaName: string): Effect.Effect<Inbox["Service"], never, SqlClient> =>
  Effect.map(SqlClient, (sql) => {
    const schema = checkSchemaName(schemaName)
    const query: Query = (text, params) => orReadModelUnavailable(sql.unsafe(text, params))
    return { ...receiving(sql, query, schema), ...holding(query, schema) }
  })

/** The inbox of a migrated schema as a layer. */
export const layer = (schema: string): Layer.Layer<Inbox, never, SqlClient> => Layer.effect(Inbox, make(schema))
