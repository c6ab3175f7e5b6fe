/**
 * What is remembered of a stream, read for many streams at once: its version, its stored state and its newest snapshot.
 *
 * Used by `SqlJournal` and `SqlSnapshots`. Whatever is asked of one schema in one turn is one statement, so that an entity's
 * recovery takes one read rather than three, and a hundred recoveries at once still take one.
 */
import { isStorable } from "@daybook/core/StorableText"
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { AnswerLimit, orNoAnswer } from "./AnswerLimit.ts"
import { millisOf } from "./Instants.ts"
import * as SharedRead from "./SharedRead.ts"

/** What is remembered of one stream. Versions that are null belong to a state or snapshot that there is not. */
export interface Recalled {
  readonly stream: string
  /** The stream's newest version, 0 when it has never been written. */
  readonly version: number
  readonly stateVersion: number | null
  readonly stateSchemaVersion: number
  readonly stateData: unknown
  readonly snapshotVersion: number | null
  readonly snapshotSchemaVersion: number
  readonly snapshotTakenAtMillis: number
  readonly snapshotData: unknown
}

/** Reads what is remembered of a stream, together with all that is asked for in the same turn. */
export type Recall = (stream: string) => Effect.Effect<Recalled, SqlError>

/** Streams of one statement at most. */
const maxStreams = 500

const statement = (schema: string) =>
  `SELECT stream, version, state_version AS "stateVersion", state_schema_version AS "stateSchemaVersion",
     state_data AS "stateData", snapshot_version AS "snapshotVersion", snapshot_schema_version AS "snapshotSchemaVersion",
     ${millisOf("snapshot_taken_at")} AS "snapshotTakenAtMillis", snapshot_data AS "snapshotData"
   FROM ${schema}.recall($1::text::json)`

/** What is known of a stream that has never been written. */
const nothing = (stream: string): Recalled => ({
  stream,
  version: 0,
  stateVersion: null,
  stateSchemaVersion: 0,
  stateData: null,
  snapshotVersion: null,
  snapshotSchemaVersion: 0,
  snapshotTakenAtMillis: 0,
  snapshotData: null
})

const make = (sql: SqlClient.SqlClient, schema: string, limitMillis: number): Recall => {
  const text = statement(schema)
  const read = (streams: ReadonlyArray<string>) =>
    Effect.map(orNoAnswer(sql.unsafe<Recalled>(text, [JSON.stringify(streams)]), limitMillis), (rows) => {
      const found = new Map(rows.map((row) => [row.stream, row]))
      return streams.map((stream) => found.get(stream)!)
    })
  const recall = SharedRead.make(sql, { keyOf: (stream: string) => stream, most: maxStreams, read })
  // No stream has such a name, since an append of it is refused; in the statement it would fail the others.
  return (stream) => (isStorable(stream) ? recall(stream) : Effect.succeed(nothing(stream)))
}

const recalls = new WeakMap<SqlClient.SqlClient, Map<string, Recall>>()

/**
 * The reader of a schema, within the limit of its database. Whoever asks with the same client shares it, so that a journal and
 * its snapshots read together.
 */
export const recallOf = (sql: SqlClient.SqlClient, schema: string): Effect.Effect<Recall> =>
  Effect.map(AnswerLimit, (limitMillis) => {
    const ofClient = recalls.get(sql) ?? new Map<string, Recall>()
    recalls.set(sql, ofClient)
    const recall = ofClient.get(schema) ?? make(sql, schema, limitMillis)
    ofClient.set(schema, recall)
    return recall
  })
