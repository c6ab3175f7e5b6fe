/**
 * The broker on SQL: durable messaging without a server of its own, for PGlite and PostgreSQL.
 *
 * The embedded default. Where services and broker share a database, publishing takes part in the publisher's transaction.
 */
import { Broker } from "@daybook/core/Broker"
import { BrokerUnavailable } from "@daybook/core/BrokerProblems"
import * as LogBroker from "@daybook/core/LogBroker"
import type { LogEntry, LogRange, MessageLog } from "@daybook/core/MessageLog"
import { ProjectionStore } from "@daybook/core/ProjectionStore"
import { Signal, Signals } from "@daybook/core/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { AnswerLimit } from "./AnswerLimit.ts"
import { GroupPublish } from "./GroupPublish.ts"
import { readModel } from "./JournalMigrations.ts"
import {
  type Applied,
  checkSchemaName,
  type DatabaseNewer,
  fromFiles,
  type MigrationSet,
  migrate
} from "./Migrations.ts"
import { PublishedTail } from "./PublishedTail.ts"
import { arrayOf } from "./RowSet.ts"
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
      `The broker's database failed (${reasonOf(error)}). What was not published or received for certain is published or ` +
      "received again. Operators: check that the database runs and can be reached."
  })

/**
 * All that is wanted of a topic in one statement. What is nearest to its offset comes first, so that no partition keeps others out.
 * The limits are in the text: of one that it does not know the planner expects so much that it would compile the statement.
 */
const reading = (schema: string, { each, all }: LogRange): string =>
  `SELECT m.partition, m.position::float8 AS position, m.body AS text
   FROM unnest($2::text::smallint[], $3::text::bigint[]) AS place (partition, position)
   CROSS JOIN LATERAL (
     SELECT message.partition, message.position, message.body FROM ${schema}.message
     WHERE message.topic = $1::text AND message.partition = place.partition AND message.position > place.position
     ORDER BY message.position LIMIT ${each}) m
   ORDER BY m.position - place.position, m.partition LIMIT ${all}`

const makeLog = (schema: string): Effect.Effect<MessageLog, never, SqlClient | Scope.Scope> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const signals = new Signals()
    const others = new Signal()
    others.listen(() => signals.notifyAll())
    const wakeOthers = yield* WakeUps.make(`daybook_${schema}`, others)
    const tail = new PublishedTail()
    const group = new GroupPublish(sql, {
      schema,
      partitions,
      limitMillis: yield* AnswerLimit,
      onStored: (topic, partition, base, entries) => tail.add(topic, partition, base, entries)
    })
    const query = <Row extends object>(text: string, params: ReadonlyArray<string>) =>
      Effect.mapError(sql.unsafe<Row>(text, params), unavailable)
    return {
      partitions,
      durable: true,
      signalOf: (topic) => signals.of(topic),
      others,
      append: (topic, entries) =>
        Effect.tap(Effect.mapError(group.publish(topic, entries), unavailable), () =>
          // Readers look after the commit, whichever transaction this is part of.
          sql.afterCommit(
            Effect.sync(() => {
              signals.of(topic).notify()
              wakeOthers()
            })
          )
        ),
      read: (topic, range) =>
        Effect.suspend(() => {
          const kept = tail.take(topic, range)
          if (kept.length > 0 || (!range.look && tail.covers(topic, range))) return Effect.succeed(kept)
          const places = [range.after.map(({ partition }) => partition), range.after.map(({ position }) => position)]
          const found = query<LogEntry>(reading(schema, range), [topic, ...places.map(arrayOf)])
          return Effect.map(found, (entries) => {
            if (entries.length > 0) return entries
            for (const { partition, position } of range.after) tail.nothingAfter(topic, partition, position)
            return entries
          })
        })
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
