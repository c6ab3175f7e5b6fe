/**
 * Schemas of read models as of some time, beside the live one: `cart_asof_1`. Each says itself, in its comment, what it holds, so that
 * there is nothing to keep in step with it. Used by `daybook projection as-of`.
 */
import { Problem } from "@daybook/core/Problem"
import type { By } from "@daybook/core/StreamFold"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as AdvisoryLock from "./AdvisoryLock.ts"
import { readModel } from "./JournalMigrations.ts"
import { checkSchemaName, type DatabaseNewer, type MigrationSet, migrateAll } from "./Migrations.ts"

/** What a schema is said to hold. */
const About = Schema.Struct({
  projection: Schema.String,
  /** Under which it is kept; `null` where it goes when the command that made it ends. */
  label: Schema.NullOr(Schema.String),
  atMillis: Schema.NullOr(Schema.Int),
  by: Schema.NullOr(Schema.Literals(["recorded", "occurred"] satisfies ReadonlyArray<By>)),
  /** The last position that was asked for, by partition. */
  positions: Schema.Record(Schema.String, Schema.Int),
  madeAtMillis: Schema.Int,
  /** How many events it was made of; `null` until it is complete. */
  events: Schema.NullOr(Schema.Int)
})

/** What a schema is said to hold. */
export type About = typeof About.Type

/** A read model as of some time, and where it is. */
export interface Found extends About {
  readonly schema: string
}

/** Under that label something is kept already. */
export class LabelTaken extends Problem<LabelTaken>()(
  "LabelTaken",
  { status: 409, title: "The label is taken" },
  { label: Schema.String }
) {}

const toComment = Schema.encodeSync(Schema.fromJsonString(About))
const fromComment = Schema.decodeUnknownOption(Schema.fromJsonString(About))

/** A comment takes no parameters. */
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

const comment = (schema: string, about: About) =>
  Effect.flatMap(SqlClient, (sql) => sql.unsafe(`COMMENT ON SCHEMA ${schema} IS ${literal(toComment(about))}`))

/** The numbers of the schemas of that kind, whatever they hold. */
const numbersOf = (prefix: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly name: string }>(
      "SELECT nspname::text AS name FROM pg_namespace WHERE starts_with(nspname::text, $1::text)",
      [prefix]
    )
    return rows.map(({ name }) => Number(name.slice(prefix.length))).filter(Number.isInteger)
  })

const prefixOf = (service: string): string => `${service}_asof_`

/** All that are there, of the services with these schemas, the oldest first. */
export const list = (services: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Found>, SqlError, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql.unsafe<{ readonly schema: string; readonly comment: string | null }>(
      `SELECT nspname::text AS schema, obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace
       WHERE regexp_replace(nspname::text, '[0-9]+$', '') IN (SELECT json_array_elements_text($1::text::json))`,
      [JSON.stringify(services.map(prefixOf))]
    )
    const found = rows.flatMap(({ schema, comment }) => {
      const about = fromComment(comment)
      return about._tag === "Some" ? [{ schema, ...about.value }] : []
    })
    return found.sort((a, b) => a.madeAtMillis - b.madeAtMillis || (a.schema < b.schema ? -1 : 1))
  })

/**
 * Makes an empty schema beside a service's own, for the tables of its read models; answers its name. Of two that ask for one label at
 * once, one is refused.
 */
export const create = (
  service: string,
  about: About,
  tables: ReadonlyArray<MigrationSet>
): Effect.Effect<string, SqlError | DatabaseNewer | LabelTaken, SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const made = Effect.gen(function* () {
      yield* AdvisoryLock.hold("daybook-asof")
      const others = yield* list([service])
      const taken = others.find(({ label }) => label !== null && label === about.label)
      if (taken !== undefined) return yield* labelTaken(taken)
      const prefix = prefixOf(service)
      const schema = checkSchemaName(`${prefix}${Math.max(0, ...(yield* numbersOf(prefix))) + 1}`)
      yield* sql.unsafe(`CREATE SCHEMA ${schema}`)
      yield* comment(schema, about)
      return schema
    })
    const schema = yield* sql.withTransaction(made)
    yield* Effect.onError(prepare(schema, tables), () => Effect.ignore(drop(schema)))
    return schema
  })

/** Brings its tables up to date: of a new one, and of one that was kept by an earlier release. */
export const prepare = (
  schema: string,
  tables: ReadonlyArray<MigrationSet>
): Effect.Effect<void, SqlError | DatabaseNewer, SqlClient> => Effect.asVoid(migrateAll(schema, [readModel, ...tables]))

/** Says that it is complete, and of how many events it was made. */
export const complete = (found: Found, events: number): Effect.Effect<void, SqlError, SqlClient> => {
  const { schema, ...about } = found
  return Effect.asVoid(comment(checkSchemaName(schema), { ...about, events }))
}

/** Removes one, with all that it holds. Never a service's own schema. */
export const drop = (schema: string): Effect.Effect<void, SqlError, SqlClient> =>
  Effect.gen(function* () {
    if (!/_asof_\d+$/.test(checkSchemaName(schema))) throw new Error(`${schema} holds no read model as of some time`)
    const sql = yield* SqlClient
    yield* sql.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  })

const labelTaken = ({ label, projection, events }: Found): LabelTaken =>
  new LabelTaken({
    label: label ?? "",
    detail:
      `${label} is the label of another read model as of some time, of ${projection}` +
      `${events === null ? ", which is being made, or was left unfinished" : ""}. Give another label, or drop that one first: ` +
      `daybook projection as-of --drop ${label}`
  })
