/**
 * Where every saga stands, as a read model: its timers are a column of it, and operators ask it what needs them.
 *
 * One table in the read side of the service that conducts the sagas; a projection writes it from the sagas' own events.
 */
import type { Recorded } from "@daybook/core/Event"
import * as Partition from "@daybook/core/Partition"
import * as Projection from "@daybook/core/Projection"
import type { ReadModelUnavailable } from "@daybook/core/ProjectionStore"
import { Events, type SagaEvent, type State } from "@daybook/core/Saga"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { instantOf, wholeMillisOf } from "./Instants.ts"
import { checkSchemaName, fromFiles, type MigrationSet } from "./Migrations.ts"
import { planned } from "./PlannedWrites.ts"
import { keyedRows, orReadModelUnavailable } from "./SqlProjectionStore.ts"

/** The migrations of the view. */
export const tables: MigrationSet = {
  name: "saga",
  migrations: fromFiles(new URL("../sql/", import.meta.url), ["saga-001-view", "saga-002-occurred"])
}

/** Where a saga is. */
export type Status = State["status"]

/**
 * Where one saga stands. Times in milliseconds since 1970, as they were recorded: how long a saga has been under way is a matter of
 * the clock, however long ago in the business that was which it is about.
 */
export interface SagaRow {
  readonly sagaId: string
  readonly version: number
  readonly status: Status
  /** The step that is waited for, and in which direction; `null` when none is. */
  readonly step: string | null
  readonly direction: "forward" | "backward" | null
  /** How often its command has been sent. */
  readonly attempt: number | null
  /** When the command is sent again, if no answer comes. */
  readonly dueAtMillis: number | null
  /** When it was sent first, by business time. */
  readonly occurredAtMillis: number | null
  /** Why it is being undone, was undone, or needs attention. */
  readonly reason: string | null
  /** Why it was to be cancelled, if it was. */
  readonly cancellation: string | null
  readonly startedAtMillis: number
  readonly updatedAtMillis: number
}

/** A request whose time has come. */
export interface Due {
  readonly sagaId: string
  readonly step: string
  readonly attempt: number
  /** When it was made first, by business time. Not known of requests that an earlier release has noted. */
  readonly occurredAtMillis: number | null
}

const nobody = { step: null, direction: null, attempt: null, dueAtMillis: null, occurredAtMillis: null }

const fold = (row: SagaRow, { event, occurredAtMillis }: Recorded<SagaEvent>): Partial<SagaRow> => {
  switch (event._tag) {
    case "SagaStarted":
      return { status: "running" }
    case "StepRequested": {
      const { step, direction, attempt, dueAtMillis } = event
      const status = direction === "forward" ? "running" : "compensating"
      return { step, direction, attempt, dueAtMillis, occurredAtMillis, status }
    }
    case "StepSucceeded":
    case "StepUndone":
      return nobody
    case "StepFailed":
      return { ...nobody, reason: event.reason }
    case "CancellationRequested":
      return { cancellation: event.reason }
    case "SagaCompleted":
      return { ...nobody, status: "completed", reason: null }
    case "SagaCompensated":
      return { ...nobody, status: "compensated", reason: event.reason }
    case "AttentionNeeded":
      return { status: "needs-attention", dueAtMillis: null, reason: event.reason }
    case "LateSuccessHeard":
    case "OperatorRetried":
    case "OperatorResolved":
      return { reason: row.reason }
  }
}

const foldInto = (rows: Map<string, SagaRow>, recorded: Recorded<SagaEvent>) => {
  const { stream, version, recordedAtMillis } = recorded
  const sagaId = Partition.idOf(stream)
  const row: SagaRow = rows.get(sagaId) ?? {
    ...nobody,
    sagaId,
    version: 0,
    status: "unstarted",
    reason: null,
    cancellation: null,
    startedAtMillis: recordedAtMillis,
    updatedAtMillis: recordedAtMillis
  }
  rows.set(sagaId, { ...row, ...fold(row, recorded), version, updatedAtMillis: recordedAtMillis })
}

const columns = `saga_id AS "sagaId", version, status, step, direction, attempt, ${wholeMillisOf("due_at")} AS "dueAtMillis",
  ${wholeMillisOf("occurred_at")} AS "occurredAtMillis",  reason, cancellation, ${wholeMillisOf("started_at")} AS "startedAtMillis", ${wholeMillisOf("updated_at")} AS "updatedAtMillis"`

const save = (schema: string, name: string, rows: ReadonlyArray<SagaRow>): Projection.Write => ({
  text: (condition) =>
    `INSERT INTO ${schema}.saga
     (name, saga_id, version, status, step, direction, attempt, due_at, occurred_at, reason, cancellation, started_at, updated_at)
   SELECT $1::text, s."sagaId", s.version, s.status, s.step, s.direction, s.attempt, ${instantOf('s."dueAtMillis"')},
          ${instantOf('s."occurredAtMillis"')}, s.reason, s.cancellation, ${instantOf('s."startedAtMillis"')}, ${instantOf('s."updatedAtMillis"')}
   FROM json_to_recordset($2::text::json) AS s ("sagaId" text, version integer, status text, step text, direction text,
     attempt integer, "dueAtMillis" float8, "occurredAtMillis" float8, reason text, cancellation text, "startedAtMillis" float8, "updatedAtMillis" float8)
   WHERE ${condition}
   ON CONFLICT (name, saga_id) DO UPDATE SET
     version = excluded.version, status = excluded.status, step = excluded.step, direction = excluded.direction,
     attempt = excluded.attempt, due_at = excluded.due_at, occurred_at = excluded.occurred_at, reason = excluded.reason, cancellation = excluded.cancellation,
     updated_at = excluded.updated_at`,
  params: [name, JSON.stringify(rows)]
})

/** The projection that writes the view of one kind of saga. Its name on disk is the saga's with `-view`. */
export const projection = (schemaName: string, name: string) => {
  const schema = checkSchemaName(schemaName)
  return Projection.make({
    name: `${name}-view`,
    sources: [{ name, events: Events }],
    tables: ["saga"],
    ...planned(
      Effect.fnUntraced(function* (batch: ReadonlyArray<Recorded<SagaEvent>>) {
        const sql = yield* SqlClient
        const ids = [...new Set(batch.map(({ stream }) => Partition.idOf(stream)))]
        const known = yield* sql.unsafe<SagaRow>(
          `SELECT ${columns} FROM ${keyedRows(`${schema}.saga`, "name = $1::text AND saga_id", "$2")}`,
          [name, JSON.stringify(ids)]
        )
        const rows = new Map(known.map((row) => [row.sagaId, row]))
        for (const recorded of batch) foldInto(rows, recorded)
        return [save(schema, name, [...rows.values()])]
      })
    )
  })
}

/** Queries about one kind of saga. */
export interface SagaView {
  /** Requests to be sent again by now, the longest overdue first. */
  readonly due: (nowMillis: number, limit: number) => Effect.Effect<ReadonlyArray<Due>, ReadModelUnavailable>
  readonly get: (sagaId: string) => Effect.Effect<Option.Option<SagaRow>, ReadModelUnavailable>
  /** Where some sagas are, by id. Those that the view does not know yet are left out. */
  readonly statusOf: (
    sagaIds: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyMap<string, Status>, ReadModelUnavailable>
  /** Sagas, the oldest first; `after` is the id of the last one of the page before. */
  readonly list: (filter: {
    readonly status?: Status | undefined
    readonly after?: string | undefined
    /** Started before this instant and not at an end. */
    readonly unfinishedSinceMillis?: number | undefined
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<SagaRow>, ReadModelUnavailable>
  /** How many are where. */
  readonly counts: Effect.Effect<ReadonlyMap<Status, number>, ReadModelUnavailable>
}

/** Queries on the view of a migrated schema. */
export const make = (schemaName: string, name: string): Effect.Effect<SagaView, never, SqlClient> =>
  Effect.map(SqlClient, (sql) => {
    const schema = checkSchemaName(schemaName)
    const query = <Row extends object>(text: string, params: ReadonlyArray<string | null>) =>
      orReadModelUnavailable(sql.unsafe<Row>(text, params))
    return {
      due: (nowMillis, limit) =>
        query<Due>(
          `SELECT saga_id AS "sagaId", step, attempt, ${wholeMillisOf("occurred_at")} AS "occurredAtMillis" FROM ${schema}.saga
           WHERE name = $1::text AND due_at <= ${instantOf("$2::text::float8")} ORDER BY due_at LIMIT $3::text::integer`,
          [name, String(nowMillis), String(limit)]
        ),
      get: (sagaId) =>
        Effect.map(
          query<SagaRow>(`SELECT ${columns} FROM ${schema}.saga WHERE name = $1::text AND saga_id = $2::text`, [
            name,
            sagaId
          ]),
          (rows) => Option.fromNullishOr(rows[0])
        ),
      statusOf: (sagaIds) =>
        Effect.map(
          query<{ readonly sagaId: string; readonly status: Status }>(
            `SELECT saga_id AS "sagaId", status FROM ${keyedRows(`${schema}.saga`, "name = $1::text AND saga_id", "$2")}`,
            [name, JSON.stringify(sagaIds)]
          ),
          (rows) => new Map(rows.map(({ sagaId, status }) => [sagaId, status]))
        ),
      list: ({ status, after, unfinishedSinceMillis, limit }) =>
        query<SagaRow>(
          `SELECT ${columns} FROM ${schema}.saga s
           WHERE name = $1::text AND ($2::text IS NULL OR status = $2::text)
             AND ($3::text IS NULL OR (started_at, saga_id) >
                  (SELECT l.started_at, l.saga_id FROM ${schema}.saga l WHERE l.name = $1::text AND l.saga_id = $3::text))
             AND ($4::text IS NULL OR
                  (started_at < ${instantOf("$4::text::float8")} AND status NOT IN ('completed', 'compensated')))
           ORDER BY started_at, saga_id LIMIT $5::text::integer`,
          [
            name,
            status ?? null,
            after ?? null,
            unfinishedSinceMillis === undefined ? null : String(unfinishedSinceMillis),
            String(limit)
          ]
        ),
      counts: Effect.map(
        query<{ readonly status: Status; readonly n: number }>(
          `SELECT status, count(*)::integer AS n FROM ${schema}.saga WHERE name = $1::text GROUP BY status`,
          [name]
        ),
        (rows) => new Map(rows.map(({ status, n }) => [status, n]))
      )
    }
  })
