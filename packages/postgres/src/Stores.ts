/**
 * The stores of one service: its journal and snapshots on the write side, its projections' offsets on the read side.
 *
 * Each side is a schema of the service's name in a database of its own or a shared one. Building the layers migrates them,
 * under a lock, so that any number of processes may start at once.
 */
import { defaultPartitions, type Journal, type JournalUnavailable } from "@daybook/core/Journal"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import type { Snapshots } from "@daybook/core/Snapshot"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Database } from "./Database.ts"
import { journal as journalMigrations, readModel as readModelMigrations } from "./JournalMigrations.ts"
import { type Applied, type DatabaseNewer, type MigrationSet, migrate } from "./Migrations.ts"
import * as SqlJournal from "./SqlJournal.ts"
import * as SqlProjectionStore from "./SqlProjectionStore.ts"
import * as SqlSnapshots from "./SqlSnapshots.ts"

/** What migrating a side did, set by set. */
export type Migrated = Effect.Effect<ReadonlyArray<Applied>, SqlError | DatabaseNewer, SqlClient>

/** Brings the write side of a service up to date. `partitions` counts when the journal is created, and never again. */
export const migrateWriteSide = (schema: string, partitions: number = defaultPartitions): Migrated =>
  Effect.map(migrate(schema, journalMigrations, { partitions }), (applied) => [applied])

/** Brings the read side of a service up to date: offsets, and the tables of its read models. */
export const migrateReadSide = (schema: string, tables: MigrationSet): Migrated =>
  Effect.all([migrate(schema, readModelMigrations), migrate(schema, tables)])

/** The write side of a service. */
export const writeSide = (options: {
  readonly schema: string
  readonly partitions?: number
}): Layer.Layer<Journal | Snapshots, SqlError | DatabaseNewer | JournalUnavailable, SqlClient | Database> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { lanes } = yield* Database
      yield* migrateWriteSide(options.schema, options.partitions)
      return Layer.merge(SqlJournal.layer({ schema: options.schema, lanes }), SqlSnapshots.layer(options.schema))
    })
  )

/** The read side of a service. `tables` are the migrations of its read models. */
export const readSide = (options: {
  readonly schema: string
  readonly tables: MigrationSet
}): Layer.Layer<ProjectionStore, SqlError | DatabaseNewer, SqlClient> =>
  Layer.unwrap(Effect.as(migrateReadSide(options.schema, options.tables), SqlProjectionStore.layer(options.schema)))
