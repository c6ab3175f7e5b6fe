/**
 * The tables of a read model as PostgreSQL knows them: what hangs on them, what they look like, and who may do what with them. For
 * `SqlRebuild`, which puts others in their place.
 */
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** Some tables of a schema. */
export interface Tables {
  readonly schema: string
  readonly names: ReadonlyArray<string>
}

/** A column, in its place. */
export interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly isKey: boolean
}

const oids = `(SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1::text AND c.relkind = 'r' AND c.relname IN (SELECT json_array_elements_text($2::text::json)))`

/** A query about tables, which `oids` stands for; the schema is $1 and the names are $2. */
const ask = <Row extends object>(text: string, { schema, names }: Tables, ...more: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe<Row>(text, [schema, JSON.stringify(names), ...more]))

/** What refers to the tables and would be left with nothing: views, and foreign keys of other tables. In words. */
export const dependents = (tables: Tables): Effect.Effect<ReadonlyArray<string>, SqlError, SqlClient> =>
  Effect.map(
    ask<{ readonly what: string }>(
      `SELECT DISTINCT 'view ' || r.ev_class::regclass AS what
       FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
       WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid IN ${oids} AND r.ev_class <> d.refobjid
       UNION ALL
       SELECT 'foreign key ' || conname || ' of ' || conrelid::regclass FROM pg_constraint
       WHERE contype = 'f' AND confrelid IN ${oids} AND conrelid NOT IN ${oids}
       ORDER BY what`,
      tables
    ),
    (rows) => rows.map(({ what }) => what)
  )

/** The columns of all tables, in order: what a prepared statement has been promised. */
export const columns = (tables: Tables): Effect.Effect<ReadonlyArray<Column>, SqlError, SqlClient> =>
  ask<Column>(
    `SELECT c.relname::text AS table, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
            EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS "isKey"
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.oid IN ${oids} ORDER BY c.relname, a.attnum`,
    tables
  )

/** Whether any of the tables holds a row. */
export const haveRows = ({ schema, names }: Tables): Effect.Effect<boolean, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const any = names.map((name) => `EXISTS (SELECT FROM ${schema}.${name})`).join(" OR ")
    const [row] = yield* sql.unsafe<{ readonly any: boolean }>(`SELECT ${any} AS any`)
    return row!.any
  })

/** Indexes that the tables have in one schema and not in the other, such as an operator's own, are made there too. */
export const copyIndexes = (from: Tables, to: string): Effect.Effect<void, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const missing = yield* ask<{ readonly definition: string; readonly table: string }>(
      `SELECT pg_get_indexdef(i.indexrelid) AS definition, t.relname::text AS table
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
       WHERE i.indrelid IN ${oids} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
         AND NOT EXISTS (SELECT FROM pg_indexes o WHERE o.schemaname = $3::text AND o.indexname = c.relname)`,
      from,
      to
    )
    for (const { definition, table } of missing) {
      yield* sql.unsafe(definition.replace(` ON ${from.schema}.${table} `, ` ON ${to}.${table} `))
    }
  })

interface Grant {
  readonly table: string
  readonly grantee: string
  readonly privilege: string
  readonly grantable: boolean
}

const grantsOn = (tables: Tables) =>
  ask<Grant>(
    `SELECT c.relname::text AS table, a.privilege_type AS privilege, a.is_grantable AS grantable,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
     FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid IN ${oids} AND a.grantee <> c.relowner`,
    tables
  )

const ownersOf = (tables: Tables) =>
  Effect.map(
    ask<{ readonly table: string; readonly owner: string }>(
      `SELECT relname::text AS table, quote_ident(pg_get_userbyid(relowner)) AS owner FROM pg_class WHERE oid IN ${oids}`,
      tables
    ),
    (rows) => new Map(rows.map(({ table, owner }) => [table, owner]))
  )

/** Gives tables the owner, and everyone the rights, that they have on those of the same names in another schema. */
export const copyRights = (from: Tables, to: string): Effect.Effect<void, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const there = { schema: to, names: from.names }
    const present = yield* ownersOf(there)
    for (const [table, owner] of yield* ownersOf(from)) {
      if (present.get(table) !== owner) yield* sql.unsafe(`ALTER TABLE ${to}.${table} OWNER TO ${owner}`)
    }
    const [wanted, given] = [yield* grantsOn(from), yield* grantsOn(there)]
    const isIn = (all: ReadonlyArray<Grant>, one: Grant) =>
      all.some((other) => JSON.stringify(other) === JSON.stringify(one))
    for (const one of given) {
      const { table, grantee, privilege } = one
      if (!isIn(wanted, one)) yield* sql.unsafe(`REVOKE ${privilege} ON ${to}.${table} FROM ${grantee}`)
    }
    for (const one of wanted) {
      const { table, grantee, privilege, grantable } = one
      if (isIn(given, one)) continue
      yield* sql.unsafe(`GRANT ${privilege} ON ${to}.${table} TO ${grantee}${grantable ? " WITH GRANT OPTION" : ""}`)
    }
  })
