/**
 * The stores of one service: its journal, snapshots and rejected commands on the write side; on the read side its projections'
 * offsets, and what its consumers have received.
 *
 * Each side is a schema of the service's name in a database of its own or a shared one. Building the layers migrates them,
 * under a lock, so that any number of processes may start at once.
 */

import { withArchive } from "@daybook/core/Archive"
import type { Inbox } from "@daybook/core/Inbox"
import { defaultPartitions, Journal, type JournalUnavailable } from "@daybook/core/Journal"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import type { RejectedCommands } from "@daybook/core/RejectedCommands"
import type { Snapshots } from "@daybook/core/Snapshot"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as ArchiveIndex from "./ArchiveIndex.ts"
import { Database } from "./Database.ts"
import { journal as journalMigrations, readModel as readModelMigrations } from "./JournalMigrations.ts"
import { type Applied, type DatabaseNewer, type MigrationSet, migrateAll } from "./Migrations.ts"
import * as PartitionPages from "./PartitionPages.ts"
import * as SqlInbox from "./SqlInbox.ts"
import * as SqlJournal from "./SqlJournal.ts"
import * as SqlProjectionStore from "./SqlProjectionStore.ts"
import * as SqlRejectedCommands from "./SqlRejectedCommands.ts"
import * as SqlSeals from "./SqlSeals.ts"
import * as SqlSnapshots from "./SqlSnapshots.ts"

const { migrations: inboxMigrations } = SqlInbox

const writeSideSets = [journalMigrations, SqlSeals.migrations, SqlRejectedCommands.migrations, ArchiveIndex.migrations]

/** What migrating a side did, set by set. */
export type Migrated = Effect.Effect<ReadonlyArray<Applied>, SqlError | DatabaseNewer, SqlClient>

/** Brings the write side of a service up to date. `partitions` counts when the journal is created, and never again. */
export const migrateWriteSide = (schema: string, partitions: number = defaultPartitions): Migrated =>
  migrateAll(schema, writeSideSets, { partitions })

/** Brings the read side of a service up to date: offsets, the inbox of its consumers, and the tables of its read models. */
export const migrateReadSide = (schema: string, ...tables: ReadonlyArray<MigrationSet>): Migrated =>
  migrateAll(schema, [readModelMigrations, inboxMigrations, ...tables])

/** A journal that reads what has been archived from the archive in context. */
const journal = (options: SqlJournal.Options): Layer.Layer<Journal, JournalUnavailable, SqlClient> =>
  Layer.effect(
    Journal,
    Effect.gen(function* () {
      const journal = yield* PartitionPages.together(yield* SqlJournal.make(options), options.schema)
      return withArchive(journal, yield* ArchiveIndex.make(options.schema))
    })
  )

/** The write side of a service. */
export const writeSide = (options: {
  readonly schema: string
  readonly partitions?: number
}): Layer.Layer<
  Journal | Snapshots | RejectedCommands,
  SqlError | DatabaseNewer | JournalUnavailable,
  SqlClient | Database
> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { lanes, exclusive } = yield* Database
      yield* migrateWriteSide(options.schema, options.partitions)
      return Layer.mergeAll(
        journal({ schema: options.schema, lanes, shared: !exclusive }),
        SqlSnapshots.layer(options.schema),
        SqlRejectedCommands.layer(options.schema)
      )
    })
  )

/** The read side of a service. `tables` are the migrations of its read models. */
export const readSide = (options: {
  readonly schema: string
  readonly tables: MigrationSet | ReadonlyArray<MigrationSet>
}): Layer.Layer<ProjectionStore | Inbox, SqlError | DatabaseNewer, SqlClient> => {
  const { schema, tables } = options
  const stores = Layer.merge(SqlProjectionStore.layer(schema), SqlInbox.layer(schema))
  const prepared = Effect.andThen(
    migrateReadSide(schema, ...[tables].flat()),
    SqlProjectionStore.releaseIfExclusive(schema)
  )
  return Layer.unwrap(Effect.as(prepared, stores))
}
