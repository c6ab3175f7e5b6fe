/**
 * Rejected commands on SQL: one table in the service's schema, on the write side.
 */
import { JournalUnavailable } from "@daybook/core/Journal"
import { type RejectedCommand, RejectedCommands } from "@daybook/core/RejectedCommands"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { AnswerLimit, orNoAnswer } from "./AnswerLimit.ts"
import { instantOf, wholeMillisOf } from "./Instants.ts"
import { checkSchemaName, fromFiles, type MigrationSet } from "./Migrations.ts"
import { isSqlError, reasonOf } from "./SqlFailure.ts"

/** The migrations of the table. They follow those of the journal. */
export const migrations: MigrationSet = {
  name: "rejections",
  migrations: fromFiles(new URL("../sql/", import.meta.url), ["rejections-001-table"])
}

/** The columns of a rejected command, under the names of `RejectedCommand`. */
export const columns = `rejection_id AS "rejectionId", stream, command, data, is_data_cut AS "isDataCut", rejection, message,
  expected_version AS "expectedVersion", ${wholeMillisOf("occurred_at")} AS "occurredAtMillis",
  ${wholeMillisOf("recorded_at")} AS "recordedAtMillis", actor, reason, command_id AS "commandId",
  correlation_id AS "correlationId", causation_id AS "causationId", trace_parent AS "traceParent", tenant`

/** Text as PostgreSQL stores it. JSON has no control characters in it, so that data stays what it is. */
const storable = (_: string, value: unknown): unknown =>
  typeof value === "string" ? value.replaceAll("\u0000", "\ufffd").toWellFormed() : value

const unavailable = (error: SqlError): JournalUnavailable =>
  new JournalUnavailable({
    retryAfterSeconds: 2,
    detail: `The database of the rejected commands failed (${reasonOf(error)}).`
  })

const make = (schemaName: string): Effect.Effect<RejectedCommands["Service"], never, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const limitMillis = yield* AnswerLimit
    const schema = checkSchemaName(schemaName)
    const query = <Row extends object>(text: string, params: ReadonlyArray<string>) =>
      Effect.mapError(orNoAnswer(sql.unsafe<Row>(text, params), limitMillis), (error) =>
        isSqlError(error) ? unavailable(error) : error
      )
    return {
      record: (batch) => Effect.asVoid(query(inserting(schema), [JSON.stringify(batch, storable)])),
      forget: ({ keep, notBeforeMillis }) =>
        Effect.map(
          query<{ readonly n: number }>(
            `WITH gone AS (
               DELETE FROM ${schema}.rejected_command
               WHERE number <= (SELECT max(number) FROM ${schema}.rejected_command) - $1::text::bigint
                  OR recorded_at < ${instantOf("$2::text::float8")}
               RETURNING 1)
             SELECT count(*)::integer AS n FROM gone`,
            [String(keep), String(notBeforeMillis)]
          ),
          ([row]) => row!.n
        ),
      newest: (limit) =>
        query<RejectedCommand>(
          `SELECT ${columns} FROM ${schema}.rejected_command ORDER BY number DESC LIMIT $1::text::integer`,
          [String(limit)]
        )
    }
  })

const inserting = (schema: string): string =>
  `INSERT INTO ${schema}.rejected_command (
     rejection_id, stream, command, data, is_data_cut, rejection, message, expected_version, occurred_at, recorded_at, actor, reason,
     command_id, correlation_id, causation_id, trace_parent, tenant)
   SELECT r."rejectionId", r.stream, r.command, r.data, r."isDataCut", r.rejection, r.message, r."expectedVersion",
          ${instantOf('r."occurredAtMillis"')}, ${instantOf('r."recordedAtMillis"')}, r.actor, r.reason, r."commandId",
          r."correlationId", r."causationId", r."traceParent", r.tenant
   FROM json_to_recordset($1::text::json) AS r ("rejectionId" uuid, stream text, command text, data text, "isDataCut" boolean,
     rejection text, message text, "expectedVersion" integer, "occurredAtMillis" float8, "recordedAtMillis" float8, actor text,
     reason text, "commandId" text, "correlationId" text, "causationId" text, "traceParent" text, tenant text)`

/** The rejected commands of a schema as a layer. */
export const layer = (schema: string): Layer.Layer<RejectedCommands, never, SqlClient> =>
  Layer.effect(RejectedCommands, make(schema))
