/**
 * Empty databases on the server of the integration tests.
 */
import { withDatabase } from "@daybook/infra/Postgres"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"

/** How a database differs from others of the server. */
interface Options {
  /** False where it is not the server that dies in the test, so that commits need not wait for the disk. Default true. */
  readonly isDurable?: boolean
}

/** Creates a database that no other test of this run uses; its URL. */
export const createDatabase = (purpose: string, { isDurable = true }: Options = {}): Promise<string> => {
  const server = process.env.DATABASE_URL
  if (server === undefined)
    throw new Error("DATABASE_URL is not set; run `npm run test:integration`, which starts a server")
  const name = `${purpose}_${process.pid}`
  return Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql.unsafe(`CREATE DATABASE ${name}`)
    if (!isDurable) yield* sql.unsafe(`ALTER DATABASE ${name} SET synchronous_commit = off`)
    return withDatabase(server, name)
  }).pipe(Effect.provide(Database.layer({ url: Redacted.make(server) })), Effect.runPromise)
}
