/**
 * Snapshots on SQL, in the service's schema beside the journal.
 */
import { type Criteria, type Snapshot, Snapshots, SnapshotsUnavailable } from "@daybook/core/Snapshot"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { instantOf, millisOf } from "./Instants.ts"
import { checkSchemaName } from "./Migrations.ts"
import { type Recalled, recallOf } from "./Recall.ts"
import { reasonOf, whyOf } from "./SqlFailure.ts"

const unavailable = (error: SqlError): SnapshotsUnavailable =>
  new SnapshotsUnavailable({
    retryAfterSeconds: 2,
    detail: `The snapshot store's database failed (${reasonOf(error)}).`
  })

const notJson = (stream: string, why: string): SnapshotsUnavailable =>
  new SnapshotsUnavailable({ retryAfterSeconds: 0, detail: `The state of ${stream} cannot be stored as JSON: ${why}` })

const toJson = (snapshot: Snapshot): Effect.Effect<string, SnapshotsUnavailable> =>
  Effect.flatMap(
    Effect.try({
      try: () => JSON.stringify(snapshot.data) as string | undefined,
      catch: (error) => notJson(snapshot.stream, whyOf(error))
    }),
    (json) => (json === undefined ? Effect.fail(notJson(snapshot.stream, "it is undefined")) : Effect.succeed(json))
  )

const whereFits = `stream = $1::text
  AND version >= coalesce($2::text::integer, 0) AND version <= coalesce($3::text::integer, 2147483647)
  AND taken_at >= coalesce(${instantOf("$4::text::float8")}, '-infinity')
  AND taken_at <= coalesce(${instantOf("$5::text::float8")}, 'infinity')`

const textOf = (bound: number | undefined): string | null => (bound === undefined ? null : String(bound))

const paramsOf = (stream: string, criteria: Criteria | undefined): Array<any> => [
  stream,
  textOf(criteria?.minVersion),
  textOf(criteria?.maxVersion),
  textOf(criteria?.minTakenAtMillis),
  textOf(criteria?.maxTakenAtMillis)
]

const newestOf = (recalled: Recalled): Option.Option<Snapshot> =>
  recalled.snapshotVersion === null
    ? Option.none()
    : Option.some({
        stream: recalled.stream,
        version: recalled.snapshotVersion,
        schemaVersion: recalled.snapshotSchemaVersion,
        takenAtMillis: Math.round(recalled.snapshotTakenAtMillis),
        data: recalled.snapshotData
      })

const make = (schemaName: string): Effect.Effect<Snapshots["Service"], never, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const schema = checkSchemaName(schemaName)
    const table = `${schema}.snapshot`
    const recall = yield* recallOf(sql, schema)
    const query = <Row extends object>(text: string, params: Array<any>) =>
      Effect.mapError(sql.unsafe<Row>(text, params), unavailable)
    const deleted = (condition: string, params: Array<any>) =>
      Effect.map(
        query<{ readonly n: number }>(
          `WITH gone AS (DELETE FROM ${table} WHERE ${condition} RETURNING 1) SELECT count(*)::integer AS n FROM gone`,
          params
        ),
        (rows) => rows[0]!.n
      )
    return {
      save: (snapshot) =>
        Effect.flatMap(toJson(snapshot), (json) =>
          Effect.asVoid(
            query(
              `INSERT INTO ${table} (stream, version, schema_version, taken_at, data)
             VALUES ($1::text, $2::text::integer, $3::text::smallint,
                     ${instantOf("$4::text::float8")}, $5::text::json)
             ON CONFLICT (stream, version) DO UPDATE
             SET schema_version = excluded.schema_version, taken_at = excluded.taken_at, data = excluded.data`,
              [
                snapshot.stream,
                String(snapshot.version),
                String(snapshot.schemaVersion),
                String(snapshot.takenAtMillis),
                json
              ]
            )
          )
        ),
      latest: (stream, criteria) => {
        if (criteria === undefined) return Effect.map(Effect.mapError(recall(stream), unavailable), newestOf)
        return Effect.map(
          query<Snapshot>(
            `SELECT stream, version, schema_version AS "schemaVersion", ${millisOf("taken_at")} AS "takenAtMillis", data
             FROM ${table} WHERE ${whereFits} ORDER BY version DESC LIMIT 1`,
            paramsOf(stream, criteria)
          ),
          (rows) =>
            Option.map(Option.fromNullishOr(rows[0]), (row) => ({
              ...row,
              takenAtMillis: Math.round(row.takenAtMillis)
            }))
        )
      },
      delete: (stream, criteria) => deleted(whereFits, paramsOf(stream, criteria)),
      keepLatest: (stream, keep) =>
        deleted(
          `stream = $1::text AND version <= (SELECT version FROM ${table} WHERE stream = $1::text
             ORDER BY version DESC OFFSET $2::text::integer LIMIT 1)`,
          [stream, String(keep)]
        )
    }
  })

/** The snapshots of a schema as a layer. */
export const layer = (schema: string): Layer.Layer<Snapshots, never, SqlClient.SqlClient> =>
  Layer.effect(Snapshots, make(schema))
