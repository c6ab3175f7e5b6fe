/**
 * What holds of migrations on any database.
 */
import * as Database from "@daybook/postgres/Database"
import { DatabaseNewer, type MigrationSet, migrate, migrateAll } from "@daybook/postgres/Migrations"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { freshSchema } from "./Stores.ts"

/** Three steps; the second fills what the first has made. */
const steps = [
  {
    name: "things",
    sql: "CREATE TABLE {schema}.thing (id text PRIMARY KEY); INSERT INTO {schema}.thing VALUES ('first');"
  },
  {
    name: "sizes",
    sql: "ALTER TABLE {schema}.thing ADD COLUMN size integer; UPDATE {schema}.thing SET size = {size};"
  },
  { name: "colours", sql: "CREATE TABLE {schema}.colour (name text PRIMARY KEY);" }
]

export const upTo = (count: number, more: MigrationSet["migrations"] = []): MigrationSet => ({
  name: "things",
  migrations: [...steps.slice(0, count), ...more]
})

export const values = { size: 7 }

/** The tables of a schema, and which migrations it says that it has. */
export const contents = (schema: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const tables = yield* sql.unsafe<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1::text ORDER BY table_name",
      [schema]
    )
    const names = tables.map(({ name }) => name)
    if (!names.includes("migration")) return { tables: names, applied: [] }
    const applied = yield* sql.unsafe<{ number: number; name: string }>(
      `SELECT number, name FROM ${schema}.migration WHERE set_name = 'things' ORDER BY number`
    )
    return { tables: names, applied: applied.map(({ number, name }) => `${number} ${name}`) }
  })

/** Another set, which needs nothing of the first. */
const others: MigrationSet = {
  name: "others",
  migrations: [{ name: "other", sql: "CREATE TABLE {schema}.other (id text);" }]
}

const nothing = { tables: [], applied: [] }

export const migrationsSuite = (database: string, location: Database.Location): void => {
  layer(Database.layer(location), { timeout: "60 seconds" })(`migrations on ${database}`, (it) => {
    it.effect("bring an empty database up to date, and do nothing the second time", () =>
      Effect.gen(function* () {
        const schema = freshSchema()
        expect(yield* migrate(schema, upTo(3), values)).toEqual({ schema, set: "things", from: 0, to: 3 })
        const after = yield* contents(schema)
        expect(after).toEqual({
          tables: ["colour", "migration", "thing"],
          applied: ["1 things", "2 sizes", "3 colours"]
        })
        expect(yield* migrate(schema, upTo(3), values)).toEqual({ schema, set: "things", from: 3, to: 3 })
        expect(yield* contents(schema)).toEqual(after)
        const sql = yield* SqlClient
        expect(yield* sql.unsafe(`SELECT * FROM ${schema}.thing`)).toEqual([{ id: "first", size: 7 }])
      })
    )

    it.effect("go on where an earlier release ended, each set for itself", () =>
      Effect.gen(function* () {
        const schema = freshSchema()
        yield* migrate(schema, upTo(1))
        expect(yield* migrate(schema, others)).toMatchObject({ from: 0, to: 1 })
        expect(yield* migrate(schema, upTo(3), values)).toMatchObject({ from: 1, to: 3 })
        expect((yield* contents(schema)).applied).toHaveLength(3)
      })
    )

    it.effect("bring several sets up to date at once, and none where a later release has been at one of them", () =>
      Effect.gen(function* () {
        const schema = freshSchema()
        yield* migrate(schema, upTo(2), values)
        const refusal = yield* Effect.flip(migrateAll(schema, [others, upTo(1)], values))
        expect(refusal).toMatchObject({ _tag: "DatabaseNewer", set: "things", found: 2, known: 1 })
        expect((yield* contents(schema)).tables).toEqual(["migration", "thing"])
        const done = [
          { schema, set: "others", from: 0, to: 1 },
          { schema, set: "things", from: 2, to: 3 }
        ]
        expect(yield* migrateAll(schema, [others, upTo(3)], values)).toEqual(done)
        expect((yield* contents(schema)).tables).toEqual(["colour", "migration", "other", "thing"])
        const current = done.map((one) => ({ ...one, from: one.to }))
        expect(yield* migrateAll(schema, [others, upTo(3)], values)).toEqual(current)
      })
    )

    it.effect("refuse a database of a later release, and change nothing", () =>
      Effect.gen(function* () {
        const schema = freshSchema()
        yield* migrate(schema, upTo(3), values)
        const before = yield* contents(schema)
        const refusal = yield* Effect.flip(migrate(schema, upTo(2), values))
        expect(refusal).toBeInstanceOf(DatabaseNewer)
        expect(refusal).toMatchObject({ schema, set: "things", found: 3, known: 2 })
        expect(refusal.message).toBe(
          `Schema ${schema} is at migration 3 of "things"; this release knows 2. Run the release that migrated it, or a ` +
            "later one. Nothing was changed."
        )
        expect(yield* contents(schema)).toEqual(before)
      })
    )

    it.effect("leave nothing half-done when one fails, and say which", () =>
      Effect.gen(function* () {
        const schema = freshSchema()
        const bad = {
          name: "mistake",
          sql: "CREATE TABLE {schema}.half (id text); INSERT INTO {schema}.nowhere VALUES (1);"
        }
        const first = yield* Effect.flip(migrate(schema, upTo(1, [bad])))
        expect(first.message).toContain(`Migration 2 (mistake) of "things" failed in schema ${schema}`)
        expect(first.message).toContain("nowhere")
        expect(first.message).toContain("Nothing of it was kept")
        expect(yield* contents(schema)).toEqual(nothing)
        yield* migrate(schema, upTo(1))
        const before = yield* contents(schema)
        expect((yield* Effect.flip(migrate(schema, upTo(2, [bad]), values))).message).toContain("Migration 3 (mistake)")
        expect(yield* contents(schema)).toEqual(before)
        expect(yield* migrate(schema, upTo(3), values)).toMatchObject({ from: 1, to: 3 })
      })
    )

    it.effect("need every value that they name", () =>
      Effect.gen(function* () {
        const schema = freshSchema()
        const exit = yield* Effect.exit(migrate(schema, upTo(2)))
        expect(String(exit)).toContain("A migration needs a value for {size}")
        expect(yield* contents(schema)).toEqual(nothing)
      })
    )

    for (const schema of [
      "",
      "Cart",
      "1cart",
      "my-cart",
      "cart;drop",
      "my cart",
      "wörter",
      '"',
      "x".repeat(42),
      "pg;"
    ]) {
      it.effect(`do not take ${JSON.stringify(schema)} for a schema`, () =>
        Effect.gen(function* () {
          expect(String(yield* Effect.exit(migrate(schema, upTo(1))))).toContain(
            "use lower-case letters, digits and underscores"
          )
        })
      )
    }
  })
}
