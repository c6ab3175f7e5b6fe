/**
 * `daybook migrate`: brings the schemas of every service up to date, which otherwise each service does when it starts.
 */
import type { Applied } from "@daybook/postgres/Migrations"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Stores from "./Stores.ts"
import { table } from "./Table.ts"

const told = ({ schema, set, from, to }: Applied) => [
  schema,
  set,
  from === to ? `at ${to}, up to date` : `migrated from ${from} to ${to}`
]

/** `daybook migrate`. */
export const migrateCommand = Command.make(
  "migrate",
  { json: Flag.Boolean("json").pipe(Flag.withDescription("Print what was done as JSON"), Flag.withDefault(false)) },
  Effect.fn("Daybook.migrate")(function* ({ json }) {
    const applied = yield* Stores.migrateAll
    yield* Console.log(json ? JSON.stringify(applied) : table([["SCHEMA", "SET", "MIGRATIONS"], ...applied.map(told)]))
  })
).pipe(
  Command.withDescription(
    "Applies the migrations of every service's schemas, and says what was done. Services do the same when they start; run this " +
      "first where they may not, or to see that a release fits a database. Doing it again changes nothing."
  ),
  Command.withShortDescription("Bring the databases up to date"),
  Command.withExamples([
    { command: "daybook migrate", description: "The embedded store, in .daybook" },
    { command: "DATABASE_URL=postgres://localhost/shop daybook migrate --json", description: "PostgreSQL, for scripts" }
  ])
)
