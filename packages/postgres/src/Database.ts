/**
 * Which database: the embedded PGlite, or a PostgreSQL server by URL. The rest of the code does not care.
 */
import { setFlagsFromString } from "node:v8"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import { AnswerLimit, defaultAnswerMillis } from "./AnswerLimit.ts"
import * as Pglite from "./Pglite.ts"
import { reasonOf } from "./SqlFailure.ts"
import type { StoreHeld } from "./StoreLock.ts"

/** Where a database is. */
export type Location =
  /** A server, for example `postgres://user:password@host:5432/shop`, and how long it may take to answer (default 15 s). */
  | { readonly url: Redacted.Redacted; readonly answerMillis?: number | undefined }
  /** A folder for the embedded store; none keeps everything in memory. */
  | { readonly folder: string | undefined }

/** What a database is able to do, besides SQL. */
export class Database extends Context.Service<
  Database,
  {
    /** For people: never with a password. */
    readonly description: string
    /** Appends of one journal that may usefully be under way at once. */
    readonly lanes: number
    /** Whether no other process can be at work in it: leases that it holds are of processes that have ended. */
    readonly exclusive: boolean
  }
>()("@daybook/postgres/Database") {}

/** A reason to give up at start-up, in words. */
const cannotConnect =
  (description: string) =>
  (error: SqlError): SqlError =>
    new SqlError({
      reason: new ConnectionError({
        cause: error,
        operation: "connect",
        message:
          `No answer from ${description}: ${reasonOf(error)}. Check that the server runs, and the address, user, password ` +
          "and database in DATABASE_URL; without DATABASE_URL the embedded store is used."
      })
    })

/** A location for people: never with a password. */
export const describe = (location: Location): string => {
  if (!("url" in location)) {
    return location.folder === undefined ? "embedded store in memory" : `embedded store in ${location.folder}`
  }
  try {
    const parsed = new URL(Redacted.value(location.url))
    return `PostgreSQL at ${parsed.host}${parsed.pathname}`
  } catch {
    throw new Error("DATABASE_URL is not a URL; it should look like postgres://user:password@host:5432/database")
  }
}

const server = (
  location: Extract<Location, { readonly url: unknown }>
): Layer.Layer<SqlClient.SqlClient | Database, SqlError> => {
  const { url, answerMillis = defaultAnswerMillis } = location
  const description = describe(location)
  const client = PgClient.layer({ url, applicationName: "daybook", maxConnections: 16 })
  const checked = Layer.effectDiscard(
    Effect.flatMap(SqlClient.SqlClient, (sql) => Effect.mapError(sql.unsafe("SELECT 1"), cannotConnect(description)))
  )
  const limit = Layer.succeed(AnswerLimit, answerMillis)
  return Layer.mergeAll(checked, limit, Layer.succeed(Database, { description, lanes: 2, exclusive: false })).pipe(
    Layer.provideMerge(client)
  )
}

const embedded = (
  location: Extract<Location, { readonly folder: unknown }>
): Layer.Layer<SqlClient.SqlClient | Database, SqlError | StoreHeld> =>
  Layer.merge(
    Pglite.layer(location.folder),
    Layer.succeed(Database, { description: describe(location), lanes: 1, exclusive: true })
  )

/**
 * Tells V8 to make every object young. Otherwise it learns from a first burst of commands, all of them in memory at once, that
 * such objects live long, and makes them old from then on; and what is old and dead keeps alive, until the next full
 * collection, whatever it points to: whole batches. That was a third of this process's time (docs/adr/0013).
 */
const makeObjectsYoung = () => setFlagsFromString("--no-allocation-site-pretenuring")

/** A client of the database at a location, checked to answer. Also sets V8 up for many short-lived objects, once for all. */
export const layer = (location: Location): Layer.Layer<SqlClient.SqlClient | Database, SqlError | StoreHeld> => {
  makeObjectsYoung()
  return "url" in location ? server(location) : embedded(location)
}
