/**
 * The real order lines on a real PostgreSQL: every total is that of the reference, and a second run changes nothing.
 */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as Database from "@daybook/postgres/Database"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { scratch, start } from "./Orders.ts"

/** Not in the repository: the UCI "Online Retail" data, by month, and its reference totals. */
const data = new URL("../../../../shared/data/online-retail", import.meta.url).pathname
const present = existsSync(join(data, "expected.json"))

const given = process.env.DATABASE_URL
if (given === undefined) throw new Error("Run this with npm run test:integration, which provides DATABASE_URL")

const root = scratch()
const database = `import_${process.pid}`
const url = new URL(given)
url.pathname = `/${database}`

const administer = (statement: string) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement)).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(given) })),
    Effect.runPromise
  )

const importing = () =>
  start({ DATABASE_URL: url.href }, [
    "import",
    "online-retail",
    data,
    "--json",
    "--report",
    join(root, "out/report.json")
  ]).ended

if (!present) console.warn(`Skipped: there are no order lines in ${data}. Put the data set there to test with it.`)

describe.skipIf(!present)("the real order lines", () => {
  beforeAll(() => administer(`CREATE DATABASE ${database}`))

  afterAll(async () => {
    await administer(`DROP DATABASE ${database} WITH (FORCE)`)
    rmSync(root, { recursive: true, force: true })
  })

  it("come to the totals of the reference", async () => {
    const reference = JSON.parse(readFileSync(join(data, "expected.json"), "utf8"))
    const { code, out, err } = await importing()
    expect(code, err).toBe(0)
    expect(JSON.parse(out)).toEqual(reference)
    expect(JSON.parse(readFileSync(join(root, "out/report.json"), "utf8"))).toEqual(reference)
    const rejected = readFileSync(join(root, "out/online-retail.rejects.csv"), "utf8").trimEnd().split("\n")
    expect(rejected).toHaveLength(1 + reference.lines - reference.accepted)
  }, 900_000)

  it("a second run changes nothing", async () => {
    const report = readFileSync(join(root, "out/report.json"), "utf8")
    const { code, out } = await importing()
    expect(code).toBe(0)
    expect(`${out}`).toBe(report)
  })
})
