/**
 * Compares the tables of a read model in two schemas, row by row. For `SqlRebuild`, and for tests of it.
 */
import type { Table } from "@daybook/core/Projection"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type Column, columns } from "./RebuildTables.ts"

type Values = Readonly<Record<string, unknown>>

/** A row that is not the same on both sides: its key, and, of what differs, both values; all of a row that only one side has. */
export interface Difference {
  readonly key: Values
  readonly live: Values | null
  readonly rebuilt: Values | null
}

/** How one table of the two sides compares. */
export interface Compared {
  readonly table: string
  readonly onlyLive: number
  readonly onlyRebuilt: number
  readonly different: number
  /** The first few, by key. */
  readonly examples: ReadonlyArray<Difference>
}

/** How many rows that differ are shown of a table. */
const shown = 3

/** `json` has no equality, and its text is nobody's concern. */
const comparable = (side: string, { name, type }: Column): string =>
  `${side}."${name}"${type === "json" ? "::jsonb" : ""}`

const pick = (row: Values, wanted: (name: string) => boolean): Values =>
  Object.fromEntries(Object.entries(row).filter(([name]) => wanted(name)))

const differenceOf = (
  live: Values | null,
  rebuilt: Values | null,
  keys: ReadonlyArray<Column>,
  rest: ReadonlyArray<Column>
): Difference => {
  const key = pick((live ?? rebuilt)!, (name) => keys.some((column) => column.name === name))
  const differs = (name: string) => JSON.stringify(live?.[name]) !== JSON.stringify(rebuilt?.[name])
  const told = (name: string) => rest.some((column) => column.name === name) && differs(name)
  return { key, live: live && pick(live, told), rebuilt: rebuilt && pick(rebuilt, told) }
}

interface Sides {
  readonly live: string
  readonly rebuilt: string
}

/** The tables of both sides side by side, and what makes two rows differ. */
const joined = (table: string, { live, rebuilt }: Sides, keys: ReadonlyArray<Column>, rest: ReadonlyArray<Column>) => {
  const [onLive, onRebuilt] = ["l", "r"].map((side) => rest.map((column) => comparable(side, column)).join(", "))
  const same = keys.map(({ name }) => `l."${name}" = r."${name}"`).join(" AND ")
  const differs = rest.length === 0 ? "false" : `ROW(${onLive}) IS DISTINCT FROM ROW(${onRebuilt})`
  const key = keys[0]!.name
  return {
    isOnlyLive: `r."${key}" IS NULL`,
    isOnlyRebuilt: `l."${key}" IS NULL`,
    text: `FROM ${live}.${table} l FULL JOIN ${rebuilt}.${table} r ON ${same}
           WHERE l."${key}" IS NULL OR r."${key}" IS NULL OR ${differs}`,
    order: keys.map(({ name }) => `coalesce(l."${name}", r."${name}")`).join(", ")
  }
}

const compareTable = (table: Table, all: ReadonlyArray<Column>, sides: Sides) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const { name, uncompared } = typeof table === "string" ? { name: table, uncompared: [] } : table
    const ofTable = all.filter((column) => column.table === name && !uncompared.includes(column.name))
    const keys = ofTable.filter(({ isKey }) => isKey)
    const rest = ofTable.filter(({ isKey }) => !isKey)
    if (keys.length === 0) return yield* Effect.die(new Error(`Table ${name} has no primary key to compare rows by`))
    const { isOnlyLive, isOnlyRebuilt, text, order } = joined(name, sides, keys, rest)
    const [counts] = yield* sql.unsafe<Pick<Compared, "onlyLive" | "onlyRebuilt" | "different">>(
      `SELECT count(*) FILTER (WHERE ${isOnlyLive})::float8 AS "onlyLive",
              count(*) FILTER (WHERE ${isOnlyRebuilt})::float8 AS "onlyRebuilt",
              count(*) FILTER (WHERE NOT (${isOnlyLive}) AND NOT (${isOnlyRebuilt}))::float8 AS different ${text}`
    )
    const { onlyLive, onlyRebuilt, different } = counts!
    if (onlyLive + onlyRebuilt + different === 0) return { table: name, ...counts!, examples: [] }
    const rows = yield* sql.unsafe<{ readonly live: Values | null; readonly rebuilt: Values | null }>(
      `SELECT to_jsonb(l) AS live, to_jsonb(r) AS rebuilt ${text} ORDER BY ${order} LIMIT ${shown}`
    )
    return { table: name, ...counts!, examples: rows.map((row) => differenceOf(row.live, row.rebuilt, keys, rest)) }
  })

/** Compares tables. Within one snapshot, where both may change meanwhile. */
export const compare = (
  tables: ReadonlyArray<Table>,
  sides: Sides
): Effect.Effect<ReadonlyArray<Compared>, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const names = tables.map((table) => (typeof table === "string" ? table : table.name))
    const all = yield* columns({ schema: sides.live, names })
    return yield* Effect.forEach(tables, (table) => compareTable(table, all, sides))
  })
