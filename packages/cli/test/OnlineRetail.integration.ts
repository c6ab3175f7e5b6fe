/**
 * The real order lines, on a real PostgreSQL and on an embedded store: every total is that of the reference, and a second run
 * changes nothing.
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
const reference = present ? JSON.parse(readFileSync(join(data, "expected.json"), "utf8")) : undefined

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

const stores = [
  ["PostgreSQL", { DATABASE_URL: url.href }],
  ["an embedded store", { DAYBOOK_HOME: join(root, "store") }]
] as const

if (!present) console.warn(`Skipped: there are no order lines in ${data}. Put the data set there to test with it.`)

describe.skipIf(!present)("the real order lines", () => {
  beforeAll(() => administer(`CREATE DATABASE ${database}`))

  afterAll(async () => {
    await administer(`DROP DATABASE ${database} WITH (FORCE)`)
    rmSync(root, { recursive: true, force: true })
  })

  describe.each(stores)("on %s", (name, settings) => {
    const report = join(root, `out/${name}.json`)
    const importing = () =>
      start(settings, ["import", "online-retail", data, "--json", "--report", report, "--rejects", rejects]).ended
    const rejects = join(root, `out/${name}.csv`)

    it("come to the totals of the reference", async () => {
      const { code, out, err } = await importing()
      expect(code, err).toBe(0)
      expect(JSON.parse(out)).toEqual(reference)
      expect(JSON.parse(readFileSync(report, "utf8"))).toEqual(reference)
      const rejected = readFileSync(rejects, "utf8").trimEnd().split("\n")
      expect(rejected).toHaveLength(1 + reference.lines - reference.accepted)
    }, 900_000)

    it("are all in when the same command is run again, which changes nothing", async () => {
      const before = readFileSync(report, "utf8")
      const { code, out } = await importing()
      expect(code).toBe(0)
      expect(out).toBe(before)
    })

    it("are sealed and verified, all of them", async () => {
      const audit = (...args: ReadonlyArray<string>) =>
        start({ ...settings, SEAL_KEY_FILE: join(root, `out/${name}.pem`) }, ["audit", ...args, "--json"]).ended
      const sealed = JSON.parse((await audit("seal", "--service", "cart")).out)[0]
      const { ok, services } = JSON.parse((await audit("verify", "--service", "cart")).out)
      expect(ok).toBe(true)
      expect(services[0]).toMatchObject({ blocks: sealed.blocks, proven: sealed.events, unsealed: 0, findings: [] })
      expect(sealed.events).toBeGreaterThan(reference.accepted)
    }, 300_000)
  })
})
