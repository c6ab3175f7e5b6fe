/** Stores of older releases, opened on PostgreSQL, as which they were recorded. */
import { rmSync } from "node:fs"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { scratch } from "./Orders.ts"
import { releaseSuite, type Store } from "./releases/ReleaseSuite.ts"

const given = process.env.DATABASE_URL
if (given === undefined) throw new Error("Run this with npm run test:integration, which provides DATABASE_URL")

const sql = (url: string, statement: string) =>
  Effect.flatMap(SqlClient, (client) => client.unsafe(statement)).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(url) })),
    Effect.runPromise
  )

const open = async (): Promise<Store> => {
  const name = `release_${process.pid}`
  const url = new URL(given)
  url.pathname = `/${name}`
  const home = scratch()
  await sql(given, `CREATE DATABASE ${name}`)
  return {
    settings: { DATABASE_URL: url.href, DAYBOOK_HOME: home },
    load: async (dump) => void (await sql(url.href, dump)),
    remove: async () => {
      await sql(given, `DROP DATABASE ${name} WITH (FORCE)`)
      rmSync(home, { recursive: true, force: true })
    }
  }
}

for (const release of ["v0.1.0"]) releaseSuite(release, open)
