/**
 * The PostgreSQL that a benchmark runs on: started for the run, or given by `DATABASE_URL_BENCH`. Each contestant gets a
 * database of its own, dropped afterwards.
 */

import { readFileSync } from "node:fs"
import { totalmem } from "node:os"
import { reasonOf } from "@daybook/core/Problem"
import { startPostgres, withDatabase } from "@daybook/infra/Postgres"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import { cpuSecondsOf } from "./ProcessTree.ts"

/** Disposed of any number of times; every time it is waited for. */
export interface Server extends AsyncDisposable {
  /** Makes an empty database and answers its URL. */
  readonly database: (name: string) => Promise<string>
  /** Version and settings that matter for the figures. */
  readonly describe: Readonly<Record<string, string>>
  /** Processor time of all its processes so far; not known where they are not on this machine, or it is no Linux. */
  readonly cpuMicros: () => number | undefined
}

/**
 * A quarter of the memory for buffers, as PostgreSQL's documentation advises, and room enough that no checkpoint falls into one
 * contestant's round and spares another's. Durability is as by default: on.
 */
const settings: Readonly<Record<string, string>> = {
  shared_buffers: `${Math.round(totalmem() / 4 / 2 ** 20)}MB`,
  max_wal_size: "8GB"
}

/** What a reader of the figures asks for; the first two must be on, or the figures are no figures of a database. */
const mustBeOn = ["fsync", "synchronous_commit"] as const
const shown = ["server_version", ...mustBeOn, "full_page_writes", "wal_sync_method", "shared_buffers", "max_wal_size"]

/** Runs one statement. */
export type Query = <Row extends object = Readonly<Record<string, string>>>(
  text: string,
  params?: ReadonlyArray<unknown>
) => Promise<ReadonlyArray<Row>>

/** One connection to a database, for what a benchmark prepares and looks up itself. */
export const connect = (url: string): { readonly query: Query } & AsyncDisposable => {
  const runtime = ManagedRuntime.make(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
  return {
    query: <Row extends object>(text: string, params?: ReadonlyArray<unknown>) =>
      runtime.runPromise(Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe<Row>(text, params))),
    [Symbol.asyncDispose]: () => runtime.dispose()
  }
}

const describeServer = async (query: Query): Promise<Readonly<Record<string, string>>> => {
  const rows = await query(
    `SELECT name, current_setting(name) AS value FROM pg_settings WHERE name IN (${shown.map((name) => `'${name}'`)})`
  )
  const found = Object.fromEntries(rows.map((row) => [row.name!, row.value!]))
  for (const name of mustBeOn) {
    if (found[name] !== "on")
      throw new Error(`The server has ${name} ${found[name]}: set it on, or the figures mean nothing.`)
  }
  return found
}

/** The process that all of a server's others are children of, where it is one of this machine. */
const findProcess = async (query: Query): Promise<number | undefined> => {
  const [row] = await query<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid")
  try {
    const status = readFileSync(`/proc/${row!.pid}/status`, "utf8")
    return /^Name:\tpostgres$/m.test(status) ? Number(/^PPid:\t(\d+)$/m.exec(status)![1]) : undefined
  } catch {
    return undefined
  }
}

/** Starts a server, or uses the one of `DATABASE_URL_BENCH`, whose user must be allowed to create databases. */
export const openServer = async (): Promise<Server> => {
  const given = process.env.DATABASE_URL_BENCH || undefined
  const started = given === undefined ? await startPostgres({ settings }) : undefined
  const url = given ?? started!.url
  const admin = connect(url)
  const created: Array<string> = []
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= end()
    return closing
  }
  const end = async () => {
    for (const name of created) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin[Symbol.asyncDispose]()
    await started?.stop()
  }
  try {
    const describe = await describeServer(admin.query).catch((error) => {
      if (given === undefined) throw error
      throw new Error(`The server of DATABASE_URL_BENCH cannot be used: ${reasonOf(error)}`)
    })
    const pid = await findProcess(admin.query)
    return {
      describe,
      cpuMicros: () => (pid === undefined ? undefined : Math.round(cpuSecondsOf(pid) * 1e6)),
      database: async (name) => {
        const unique = `daybook_bench_${process.pid}_${created.length}_${name.toLowerCase()}`
        if (closing !== undefined) throw new Error(`${unique} is not made: the run is ending`)
        // Before it is there, so that it is dropped also by a run that is interrupted while it is made.
        created.push(unique)
        await admin.query(`CREATE DATABASE ${unique}`)
        return withDatabase(url, unique)
      },
      [Symbol.asyncDispose]: close
    }
  } catch (error) {
    await close()
    throw error
  }
}
