/**
 * Databases for the services of a run, on a server that was started for it.
 */
import { withDatabase } from "@daybook/infra/Postgres"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"

/** Creates an empty database for each name; their URLs by name. */
export const createDatabases = (url: string, names: ReadonlyArray<string>): Promise<Readonly<Record<string, string>>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    for (const name of names) yield* sql.unsafe(`CREATE DATABASE daybook_${name}`)
    return Object.fromEntries(names.map((name) => [name, withDatabase(url, `daybook_${name}`)]))
  }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 })), Effect.runPromise)
