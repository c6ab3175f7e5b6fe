/**
 * The ports on a PostgreSQL server: every conformance suite, with writers on connections of their own, and a dump that is
 * restored into another database.
 */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { postgresBinaries } from "@daybook/infra/PostgresBinaries"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { conformance, freshSchema, serverUrl, stores } from "./Stores.ts"

const url = serverUrl()
const location = { url }

/** The same server, another database. */
const databaseUrl = (name: string): string => {
  const other = new URL(Redacted.value(url))
  other.pathname = `/${name}`
  return other.href
}

const run = (program: string, args: ReadonlyArray<string>, input?: string): string =>
  execFileSync(join(postgresBinaries(), program), args, {
    encoding: "utf8",
    maxBuffer: 1e9,
    ...(input === undefined ? {} : { input })
  })

conformance("PostgreSQL", location, {
  reopen: Effect.sync(() => stores(location, freshSchema())),
  secondConnection: Effect.sync(() => stores(location, freshSchema())),
  backupRestore: Effect.sync(() => {
    const schema = freshSchema()
    return {
      journal: stores(location, schema),
      restore: Effect.acquireRelease(
        Effect.sync(() => {
          const name = `copy_of_${schema}`
          const dump = run("pg_dump", ["--no-owner", `--schema=${schema}`, Redacted.value(url)])
          run("psql", ["-qc", `CREATE DATABASE ${name}`, Redacted.value(url)])
          run("psql", ["-q", "-v", "ON_ERROR_STOP=1", databaseUrl(name)], dump)
          return name
        }),
        (name) => Effect.sync(() => run("psql", ["-qc", `DROP DATABASE ${name} WITH (FORCE)`, Redacted.value(url)]))
      ).pipe(Effect.map((name) => stores({ url: Redacted.make(databaseUrl(name)) }, schema)))
    }
  })
})
