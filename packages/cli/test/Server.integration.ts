/**
 * The command on a real PostgreSQL: as a role that can change no history, and two imports of the same folder at once.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { csv, daybook, folder, line, scratch, start } from "./Orders.ts"

const given = process.env.DATABASE_URL
if (given === undefined) throw new Error("Run this with npm run test:integration, which provides DATABASE_URL")

const root = scratch()
const name = `cli_${process.pid}`
const role = `${name}_importer`

const urlOf = (change: (url: URL) => void): string => {
  const url = new URL(given)
  change(url)
  return url.href
}

const owner = urlOf((url) => {
  url.pathname = `/${name}`
})

const importer = urlOf((url) => {
  url.pathname = `/${name}`
  url.username = role
  url.password = "secret"
})

const sql = (url: string, ...statements: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (client) => Effect.forEach(statements, (statement) => client.unsafe(statement))).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(url) })),
    Effect.runPromise
  )

const rejects = join(root, "out/r.csv")
const orders = folder({
  "1.csv": csv(
    ...Array.from({ length: 3_000 }, (_, i) => line({ invoice: `${i % 211}`, quantity: i % 50 === 0 ? "0" : "1" }))
  )
})
const expected = {
  lines: 3_000,
  accepted: 2_940,
  rejected: { "non-positive-quantity": 60 },
  cartsCheckedOut: 211,
  revenueMinor: 2_940 * 255
}

beforeAll(async () => {
  await sql(given, `CREATE DATABASE ${name}`, `CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  expect((await daybook({ DATABASE_URL: owner }, "migrate")).code).toBe(0)
})

afterAll(async () => {
  await sql(given, `DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${role}`)
  for (const path of [root, orders]) rmSync(path, { recursive: true, force: true })
})

describe("on a PostgreSQL server", () => {
  it("a role that owns nothing is told what it lacks", async () => {
    const { code, err } = await daybook(
      { DATABASE_URL: importer },
      "import",
      "online-retail",
      orders,
      "--rejects",
      rejects
    )
    expect(code).toBe(1)
    expect(err).toMatch(/permission denied/)
    expect(err).not.toMatch(/secret|\n\s+at /)
  })

  it("two imports of one folder at once, by a role with no more than it needs, end with the same totals", async () => {
    await sql(
      owner,
      `SELECT cart.grant_write_side('${role}'), cart.grant_read_side('${role}'), import.grant_import('${role}')`
    )
    const importing = () =>
      start({ DATABASE_URL: importer }, ["import", "online-retail", orders, "--json", "--rejects", rejects]).ended
    for (const { code, out, err } of await Promise.all([importing(), importing()])) {
      expect(code, err).toBe(0)
      expect(JSON.parse(out)).toMatchObject(expected)
    }
  })
})
