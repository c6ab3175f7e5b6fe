/** What the shop says when PostgreSQL will not have it. */
import { execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Postgres, startPostgres } from "@daybook/infra/Postgres"
import { postgresBinaries } from "@daybook/infra/PostgresBinaries"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { expectFailure, freePort, start } from "./Process.ts"

let postgres: Postgres
let folder: string

const psql = (sql: string): void => {
  execFileSync(join(postgresBinaries(), "psql"), ["--no-psqlrc", "-qc", sql, postgres.url])
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "daybook-hba-"))
  chmodSync(folder, 0o755)
  const rules = join(folder, "pg_hba.conf")
  // Everyone but the superuser has to give a password.
  writeFileSync(rules, "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
  postgres = await startPostgres({ settings: { hba_file: rules } })
  psql("CREATE ROLE shop LOGIN PASSWORD 'open sesame'")
})

afterAll(async () => {
  await postgres?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The server's address with another user, password or database. */
const url = (user: string, password: string, database = "postgres"): string => {
  const other = new URL(postgres.url)
  other.username = user
  other.password = password
  other.pathname = `/${database}`
  return other.href
}

describe("a shop that PostgreSQL refuses says why, what to do, and ends with 1", () => {
  const cases: ReadonlyArray<readonly [string, () => string, ReadonlyArray<string>]> = [
    ["the password is wrong", () => url("shop", "s3cret"), ["password authentication failed", '"shop"']],
    ["the user is unknown", () => url("nobody", "s3cret"), ["password authentication failed", '"nobody"']],
    ["the database is unknown", () => url("postgres", "s3cret", "nowhere"), ['database "nowhere" does not exist']],
    ["it may create nothing", () => url("shop", "open%20sesame"), ["permission denied for database"]]
  ]

  it.each(cases)("%s", async (_, databaseUrl, words) => {
    const shop = start({ DATABASE_URL: databaseUrl(), PORT: await freePort() })
    expectFailure(await shop.exited, words)
  })
})

it("a shop that PostgreSQL stops serving ends in order", async () => {
  const shop = start({ DATABASE_URL: postgres.url, PORT: await freePort() })
  await shop.ready
  await postgres.crash()
  shop.child.kill("SIGTERM")
  expect((await shop.exited).code).toBe(0)
})
