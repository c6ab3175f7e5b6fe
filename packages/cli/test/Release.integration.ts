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

/** The statements of a dump, in which no text has a line break: each ends with a line that no dollar-quoted body is open at. */
const statementsOf = (dump: string): ReadonlyArray<string> => {
  const statements: Array<string> = []
  let open: Array<string> = []
  let isBody = false
  for (const line of dump.split("\n")) {
    if (open.length === 0 && (line === "" || line.startsWith("--"))) continue
    open.push(line)
    if ((line.match(/\$\w*\$/gu) ?? []).length % 2 === 1) isBody = !isBody
    if (isBody || !line.endsWith(";")) continue
    statements.push(open.join("\n"))
    open = []
  }
  return statements
}

/** Runs statements on one connection, whose settings the first of a dump change. */
const sql = (url: string, ...statements: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (client) => {
    const all = Effect.forEach(statements, (statement) => client.unsafe(statement), { discard: true })
    return statements.length === 1 ? all : client.withTransaction(all)
  }).pipe(Effect.provide(Database.layer({ url: Redacted.make(url) })), Effect.runPromise)

const open = async (): Promise<Store> => {
  const name = `release_${process.pid}`
  const url = new URL(given)
  url.pathname = `/${name}`
  const home = scratch()
  await sql(given, `CREATE DATABASE ${name}`)
  return {
    settings: { DATABASE_URL: url.href, DAYBOOK_HOME: home },
    load: (dump) => sql(url.href, ...statementsOf(dump)),
    remove: async () => {
      await sql(given, `DROP DATABASE ${name} WITH (FORCE)`)
      rmSync(home, { recursive: true, force: true })
    }
  }
}

for (const release of ["v0.1.0"]) releaseSuite(release, open)
