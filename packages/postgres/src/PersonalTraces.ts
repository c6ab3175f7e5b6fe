/**
 * What is left in a service's own tables of a person who was erased: tokens that nobody can open any more. Events keep theirs, and
 * so do archives, logs of messages and the record of rejected commands: they say what happened, and are sealed as they are. What
 * is shown, sent again or continued from is cleaned. Used when a service hears of an erasure; doing it again is harmless.
 */
import { patternOf, prefixOf } from "@daybook/core/PersonalToken"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { checkSchemaName } from "./Migrations.ts"

/** The tokens of a subject within JSON text become null: a personal field is one that may be null. */
const withoutTokens = (column: string): string => `regexp_replace(${column}::text, '"' || $2::text || '"', 'null', 'g')`

const has = (column: string): string => `strpos(${column}::text, $1::text) > 0`

const run = (schemaName: string, subject: string, statements: (schema: string) => ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const params = [prefixOf(subject), patternOf(subject)]
    for (const statement of statements(checkSchemaName(schemaName))) yield* sql.unsafe(statement, params)
  })

/** The states of aggregates: those that are all there is are rewritten, those that only save time are deleted. */
export const eraseFromWriteSide = (schema: string, subject: string): Effect.Effect<void, SqlError, SqlClient> =>
  run(schema, subject, (schema) => [
    `DELETE FROM ${schema}.snapshot WHERE ${has("data")} AND $2::text IS NOT NULL`,
    `UPDATE ${schema}.state SET data = ${withoutTokens("data")}::json WHERE ${has("data")}`
  ])

/** Messages that were set aside, and what was said of them. */
export const eraseFromReadSide = (schema: string, subject: string): Effect.Effect<void, SqlError, SqlClient> =>
  run(schema, subject, (schema) => [
    `UPDATE ${schema}.held_message
     SET body = ${withoutTokens("body")}, error = regexp_replace(error, $2::text, '(erased)', 'g')
     WHERE ${has("body")} OR ${has("error")}`
  ])
