/** A process that brings a schema's journal up to date, and prints from where to where: `node MigrateProcess.ts URL SCHEMA PARTITIONS`. */
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const [url = "", schema = "", partitions = ""] = process.argv.slice(2)

const applied = await Effect.runPromise(
  Stores.migrateWriteSide(schema, Number(partitions)).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(url) })),
    Effect.orDie
  )
)
for (const { from, to } of applied) console.log(`${from} ${to}`)
