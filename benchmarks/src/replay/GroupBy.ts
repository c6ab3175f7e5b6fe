/**
 * The limit that a rebuild of the cart's read models is held against: all events copied out, and one statement that groups them into
 * the same rows, in tables without any index. Nothing is decoded, no transaction but the one, and nothing could go on from where it
 * was interrupted. Used by the `replay` benchmark.
 */
import { readFileSync } from "node:fs"
import { copySeconds } from "../limits/RawCopy.ts"
import type { Query } from "../Server.ts"

/** The tables of the read model, and their columns as far as these can be compared: `json` has no equality. */
const tables = { cart_view: "*", cart_lines: "cart_id, block, lines::jsonb", revenue: "*" }

const text = readFileSync(new URL("sql/group-by.sql", import.meta.url), "utf8")

/** What a reader of the journal needs of an event, in the journal's order. */
const events = `SELECT partition, position, stream, version, event_id, type, schema_version, occurred_at, recorded_at, command_id,
  correlation_id, causation_id, actor, reason, trace_parent, tenant, data FROM cart.event ORDER BY partition, position`

/** Copies the events out and groups them. `databaseUrl` and `query` are of the database with the cart's schema. */
export const run = async (databaseUrl: string, query: Query) => {
  await query("DROP SCHEMA IF EXISTS raw CASCADE")
  await query("CREATE SCHEMA raw")
  for (const table of Object.keys(tables))
    await query(`CREATE TABLE raw.${table} (LIKE cart.${table} INCLUDING GENERATED)`)
  // Enough for hash tables of everything, which makes it a third faster.
  await query("SET work_mem = '256MB'")
  const copied = await copySeconds(databaseUrl, events.replaceAll("\n", " "))
  const started = performance.now()
  await query(text)
  return { copySeconds: copied, groupBySeconds: (performance.now() - started) / 1000 }
}

/** How many rows of each table are only in the read model or only in what was grouped; all 0 where both are the same. */
export const differences = async (query: Query): Promise<Readonly<Record<string, number>>> => {
  const found: Record<string, number> = {}
  for (const [table, columns] of Object.entries(tables)) {
    const rows = (schema: string) => `SELECT ${columns} FROM ${schema}.${table}`
    const [row] = await query<{ readonly n: number }>(
      `SELECT ((SELECT count(*) FROM (${rows("cart")} EXCEPT ${rows("raw")}) AS ours)
             + (SELECT count(*) FROM (${rows("raw")} EXCEPT ${rows("cart")}) AS theirs))::float8 AS n`
    )
    found[table] = row!.n
  }
  return found
}
