/**
 * What tables take, indexes and PostgreSQL's side tables for long values included, after a VACUUM. Used by `storage`.
 */
import { connect } from "../Server.ts"

/** A table with all that belongs to it. */
export interface TableSize {
  /** With its schema. */
  readonly table: string
  readonly heapBytes: number
  readonly indexBytes: number
  /** Values that are too long for their row. */
  readonly longValueBytes: number
  readonly totalBytes: number
}

/** The sizes of all tables of a database, those of PostgreSQL itself left out. Vacuums first, as autovacuum would sooner or later. */
export const measure = async (databaseUrl: string): Promise<ReadonlyArray<TableSize>> => {
  await using database = connect(databaseUrl)
  await database.query("VACUUM (ANALYZE)")
  return await database.query<TableSize>(
    `SELECT n.nspname || '.' || c.relname AS table,
       pg_relation_size(c.oid)::float8 AS "heapBytes", pg_indexes_size(c.oid)::float8 AS "indexBytes",
       coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)::float8 AS "longValueBytes",
       pg_total_relation_size(c.oid)::float8 AS "totalBytes"
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`
  )
}

/** The tables of a list that count, and what they take together. */
export const sumOf = (tables: ReadonlyArray<TableSize>, counts: RegExp) => {
  const counted = tables.filter(({ table }) => counts.test(table))
  const sum = (part: "heapBytes" | "indexBytes" | "longValueBytes" | "totalBytes") =>
    counted.reduce((total, table) => total + table[part], 0)
  return {
    tables: counted.map(({ table }) => table),
    heapBytes: sum("heapBytes"),
    indexBytes: sum("indexBytes"),
    longValueBytes: sum("longValueBytes"),
    totalBytes: sum("totalBytes")
  }
}

/** The rows of a table, counted. */
export const countOf = async (databaseUrl: string, table: string): Promise<number> => {
  await using database = connect(databaseUrl)
  const [row] = await database.query<{ readonly n: number }>(`SELECT count(*)::float8 AS n FROM ${table}`)
  return row!.n
}

/** Bytes of the events' data alone, as JSON text, and in a table that is the least that an event store can be. */
export const limitsOf = async (databaseUrl: string, schema: string) => {
  await using database = connect(databaseUrl)
  const [text] = await database.query<{ readonly bytes: number }>(
    `SELECT sum(octet_length(data::text))::float8 AS bytes FROM ${schema}.event`
  )
  await database.query("CREATE SCHEMA bare")
  await database.query(
    `CREATE TABLE bare.event (stream text COLLATE "C" NOT NULL, version integer NOT NULL, id uuid NOT NULL, type text NOT NULL,
       data json NOT NULL, recorded_at timestamptz NOT NULL, PRIMARY KEY (stream, version))`
  )
  await database.query(
    `INSERT INTO bare.event SELECT stream, version, event_id, type, data, recorded_at FROM ${schema}.event
     ORDER BY recorded_at, partition, position`
  )
  const bare = sumOf(await measure(databaseUrl), /^bare\.event$/)
  return { jsonBytes: text!.bytes, bare }
}
