/**
 * The broker on SQL: durable messaging without a server of its own, for PGlite and PostgreSQL.
 *
 * The embedded default. Where services and broker share a database, publishing takes part in the publisher's transaction.
 */
import { Broker } from "@daybook/core/Broker"
import { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import * as LogBroker from "@daybook/core/LogBroker"
import type { LogEntry, MessageLog } from "@daybook/core/MessageLog"
import * as Partition from "@daybook/core/Partition"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import { Signal, Signals } from "@daybook/core/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { readModel } from "./JournalMigrations.ts"
import {
  type Applied,
  checkSchemaName,
  type DatabaseNewer,
  fromFiles,
  type MigrationSet,
  migrate
} from "./Migrations.ts"
import { reasonOf } from "./SqlFailure.ts"
import * as SqlProjectionStore from "./SqlProjectionStore.ts"
import * as WakeUps from "./WakeUps.ts"

/** Partitions of every topic. On disk: a key's messages stay in order only as long as it does not change. */
const partitions = 8

/** The log's tables. */
export const migrations: MigrationSet = {
  name: "broker",
  migrations: fromFiles(new URL("../sql/", import.meta.url), ["broker-001-log"])
}

const unavailable = (error: SqlError): BrokerUnavailable =>
  new BrokerUnavailable({
    retryAfterSeconds: 2,
    detail:
      `The broker's database failed (${reasonOf(error)}). Whether the messages were taken is not known; they are published ` +
      "again. Operators: check that the database runs and can be reached."
  })

const makeLog = (schema: string): Effect.Effect<MessageLog, never, SqlClient | Scope.Scope> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const signals = new Signals()
    const others = new Signal()
    others.listen(() => signals.notifyAll())
    const wakeOthers = yield* WakeUps.make(`daybook_${schema}`, others)
    const query = <Row extends object>(text: string, params: ReadonlyArray<string>) =>
      Effect.mapError(sql.unsafe<Row>(text, params), unavailable)
    return {
      partitions,
      durable: true,
      signalOf: (topic) => signals.of(topic),
      append: (topic, entries) => {
        const messages = entries.map(({ id, key, text }) => ({ p: Partition.ofId(key, partitions), i: id, b: text }))
        return Effect.tap(
          Effect.asVoid(query(`SELECT ${schema}.publish($1::text, $2::text::json)`, [topic, JSON.stringify(messages)])),
          () =>
            // Readers look after the commit, whichever transaction this is part of.
            sql.afterCommit(
              Effect.sync(() => {
                signals.of(topic).notify()
                wakeOthers()
              })
            )
        )
      },
      heads: (topic) =>
        Effect.map(
          query<{ readonly partition: number; readonly head: number }>(
            `SELECT partition, head::float8 AS head FROM ${schema}.topic WHERE name = $1::text`,
            [topic]
          ),
          (rows) =>
            Array.from({ length: partitions }, (_, p) => rows.find(({ partition }) => partition === p)?.head ?? 0)
        ),
      read: (topic, { partition, after, limit }) =>
        query<LogEntry>(
          `SELECT position::float8 AS position, body AS text FROM ${schema}.message
           WHERE topic = $1::text AND partition = $2::text::smallint AND position > $3::text::bigint
           ORDER BY message.position LIMIT $4::text::integer`,
          [topic, String(partition), String(after), String(limit)]
        )
    }
  })

/** How a broker is run. */
export interface Options {
  /** The schema of its tables. Default `broker`. */
  readonly schema?: string
  /** How long a subscriber that died keeps its partitions from others. Default 15 seconds. */
  readonly leaseMillis?: number | undefined
}

/** The schema of its tables, unless told otherwise. */
const defaultSchema = "broker"

/** Brings the broker's tables up to date. */
export const migrateAll = (
  schema = defaultSchema
): Effect.Effect<ReadonlyArray<Applied>, SqlError | DatabaseNewer, SqlClient> =>
  Effect.forEach([migrations, readModel], (set) => migrate(schema, set))

/** The broker in a schema of the database in context, which is migrated. */
export const layer = (options: Options = {}): Layer.Layer<Broker, SqlError | DatabaseNewer, SqlClient> => {
  const schema = checkSchemaName(options.schema ?? defaultSchema)
  const migrated = migrateAll(schema).pipe(Effect.andThen(SqlProjectionStore.releaseIfExclusive(schema)))
  const broker = Layer.effect(
    Broker,
    Effect.gen(function* () {
      yield* migrated
      return LogBroker.make(yield* makeLog(schema), yield* ProjectionStore, options)
    })
  )
  return Layer.provide(broker, SqlProjectionStore.layer(schema))
}
