/**
 * The stores under test, on any database: each suite gets a schema of its own in one shared database.
 */
import type { Journal } from "@daybook/core/Journal"
import type { ProjectionStore } from "@daybook/core/ProjectionStore"
import type { RejectedCommands } from "@daybook/core/RejectedCommands"
import type { Snapshots } from "@daybook/core/Snapshot"
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { type BackedUp, journalSuite } from "@daybook/testkit/JournalSuite"
import { projectionStoreSuite } from "@daybook/testkit/ProjectionStoreSuite"
import { snapshotSuite } from "@daybook/testkit/SnapshotSuite"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"

/** A server, as `DATABASE_URL` gives it to integration tests. */
export const serverUrl = (): Redacted.Redacted => {
  const url = process.env.DATABASE_URL
  if (url === undefined)
    throw new Error("DATABASE_URL is not set; run `npm run test:integration`, which starts a server")
  return Redacted.make(url)
}

let schemas = 0

/** A schema name that no other test of this run uses. */
export const freshSchema = (): string => `test_${process.pid}_${Date.now() % 1_000_000}_${++schemas}`

const noTables = { name: "none", migrations: [] }

/**
 * The database as it is, save that a server's journal says that it takes two appends at once. It does, though one was measured
 * to be best, and with one the suite would not see whether appends to other partitions wait for each other.
 */
const able = (location: Database.Location) =>
  Layer.effect(
    Database.Database,
    Effect.map(Database.Database, (database) => ({ ...database, lanes: "url" in location ? 2 : database.lanes }))
  )

/** A service's stores in a schema, with the client that tests look through. */
export const stores = (
  location: Database.Location,
  schema: string,
  partitions = 8
): Layer.Layer<Journal | Snapshots | RejectedCommands | ProjectionStore | SqlClient | Database.Database, unknown> =>
  Layer.mergeAll(Stores.writeSide({ schema, partitions }), Stores.readSide({ schema, tables: noTables })).pipe(
    Layer.provideMerge(able(location)),
    Layer.provideMerge(Database.layer(location))
  )

/** A table beside the stores that shows whether two writes were one transaction. */
export const witness = {
  create: Effect.flatMap(SqlClient, (sql) => sql.unsafe("CREATE TABLE IF NOT EXISTS witness (note text PRIMARY KEY)")),
  write: (note: string) =>
    Effect.flatMap(SqlClient, (sql) => Effect.asVoid(sql.unsafe("INSERT INTO witness VALUES ($1::text)", [note]))),
  has: (note: string) =>
    Effect.flatMap(SqlClient, (sql) =>
      Effect.map(sql.unsafe("SELECT 1 FROM witness WHERE note = $1::text", [note]), (rows) => rows.length > 0)
    )
}

/** A layer whose database has the witness's table. */
export const withWitness = <A>(layer: Layer.Layer<A | SqlClient, unknown>): Layer.Layer<A | SqlClient, unknown> =>
  Layer.tap(layer, (context) => Effect.provideContext(witness.create, context as Context.Context<SqlClient>))

const tamper = (schema: string) => (verb: "UPDATE" | "DELETE" | "TRUNCATE") => {
  const statement = {
    UPDATE: `UPDATE ${schema}.event SET actor = 'nobody'`,
    DELETE: `DELETE FROM ${schema}.event`,
    TRUNCATE: `TRUNCATE ${schema}.event`
  }[verb]
  return Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement))
}

/** What only some databases can do for the suites. */
export interface Abilities {
  readonly reopen?: Effect.Effect<Layer.Layer<Journal, unknown>, unknown, Scope.Scope>
  readonly secondConnection?: Effect.Effect<Layer.Layer<Journal, unknown>, unknown, Scope.Scope>
  readonly backupRestore?: Effect.Effect<BackedUp, unknown, Scope.Scope>
}

/** Registers every conformance suite for a database. */
export const conformance = (name: string, location: Database.Location, abilities: Abilities): void => {
  const schema = freshSchema()
  const layer = () => withWitness(stores(location, schema))
  journalSuite(name, { layer, witness, rawSql: tamper(schema), ...abilities })
  snapshotSuite(name, { layer: () => stores(location, freshSchema()) })
  projectionStoreSuite(name, {
    layer: () => withWitness(stores(location, freshSchema())),
    witness,
    // The database's clock cannot be turned, so that leases are made to have run out.
    advance: (millis) =>
      Effect.flatMap(SqlClient, (sql) =>
        Effect.flatMap(
          sql.unsafe<{ schema: string }>(
            // Those of this process: other files of tests may be at work on the same server.
            `SELECT table_schema AS schema FROM information_schema.tables
             WHERE table_name = 'projection_offset' AND table_schema LIKE 'test\\_${process.pid}\\_%'`
          ),
          (rows) =>
            Effect.forEach(rows, (row) =>
              sql.unsafe(
                `UPDATE ${row.schema}.projection_offset SET lease_until = lease_until - ${millis} * interval '1 millisecond'`
              )
            )
        )
      )
  })
}
