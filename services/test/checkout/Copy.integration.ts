import { randomUUID } from "node:crypto"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { copySuite } from "./CopySuite.ts"

const serverUrl = process.env.DATABASE_URL
if (serverUrl === undefined) {
  throw new Error("DATABASE_URL is not set; run `npm run test:integration`, which starts a server")
}

const name = `checkout_${randomUUID().replaceAll("-", "")}`

const url = new URL(serverUrl)
url.pathname = `/${name}`

const onServer = (statement: string) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement)).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(serverUrl) }))
  )

/** A database of its own, gone afterwards. */
const created = Layer.effectDiscard(
  Effect.acquireRelease(onServer(`CREATE DATABASE ${name}`), () =>
    Effect.orDie(onServer(`DROP DATABASE ${name} WITH (FORCE)`))
  )
)

copySuite("PostgreSQL", Database.layer({ url: Redacted.make(url.href) }).pipe(Layer.provide(created)))
