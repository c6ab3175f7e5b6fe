/**
 * The physical limit for comparison: a group-commit loop that does nothing but insert events.
 *
 * What has queued while the last batch was committing is the next batch; a batch is one INSERT of unnested arrays. The table
 * is the least that is still an event store. There is no decision, no state, no receipt, no partition and no position. Used by
 * the `commands` benchmark.
 */

import { randomUUID } from "node:crypto"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import { type Contestant, closedLoop, measured, perCaller, type Settings } from "../Contestant.ts"
import { steps } from "./CartLoad.ts"

interface Row {
  readonly stream: string
  readonly version: number
  readonly id: string
  readonly type: string
  readonly data: string
}

interface Queued {
  readonly row: Row
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const createTable = `CREATE TABLE bare_event (
  stream text NOT NULL, version integer NOT NULL, id uuid NOT NULL, type text NOT NULL, data json NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (stream, version)
)`

const insert = `INSERT INTO bare_event (stream, version, id, type, data)
  SELECT s, v, i::uuid, t, d::json FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[]) AS e (s, v, i, t, d)`

/** One connection's loop. */
class Lane {
  readonly #write: (rows: ReadonlyArray<Row>) => Promise<unknown>
  #queue: Array<Queued> = []
  #busy = false

  constructor(write: (rows: ReadonlyArray<Row>) => Promise<unknown>) {
    this.#write = write
  }

  append(row: Row): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ row, resolve, reject })
      if (this.#busy) return
      this.#busy = true
      queueMicrotask(() => this.#flush())
    })
  }

  #flush(): void {
    const batch = this.#queue
    this.#queue = []
    this.#busy = batch.length > 0
    if (!this.#busy) return
    this.#write(batch.map(({ row }) => row)).then(
      () => {
        this.#flush()
        for (const { resolve } of batch) resolve()
      },
      (error) => {
        this.#flush()
        for (const { reject } of batch) reject(error)
      }
    )
  }
}

/** A caller's events: those that its cart commands would lead to. */
const eventsOf = (caller: number): (() => Row) => {
  const next = steps(caller)
  let version = 0
  return () => {
    const { cartId, command } = next()
    const { _tag, ...data } = command
    version = _tag === "OpenCart" ? 1 : version + 1
    const type = _tag === "OpenCart" ? "CartOpened" : "ItemAdded"
    return { stream: `cart-${cartId}`, version, id: randomUUID(), type, data: JSON.stringify(data) }
  }
}

/** Starts the loop with so many `lanes`, each on a connection of its own; a caller stays with one of them. */
export const start = async (databaseUrl: string, settings: Settings): Promise<Contestant> => {
  const laneCount = Number(settings.lanes)
  const runtime = ManagedRuntime.make(
    PgClient.layer({ url: Redacted.make(databaseUrl), minConnections: laneCount, maxConnections: laneCount })
  )
  const sql = await runtime.runPromise(SqlClient.SqlClient)
  await runtime.runPromise(sql.unsafe(createTable))
  const write = (rows: ReadonlyArray<Row>) =>
    runtime.runPromise(
      sql.unsafe(insert, [
        rows.map(({ stream }) => stream),
        rows.map(({ version }) => version),
        rows.map(({ id }) => id),
        rows.map(({ type }) => type),
        rows.map(({ data }) => data)
      ])
    )
  const lanes = Array.from({ length: laneCount }, () => new Lane(write))
  const rowsOf = perCaller(eventsOf)
  const load = closedLoop((caller) => {
    const next = rowsOf(caller)
    const lane = lanes[caller % laneCount]!
    return () => lane.append(next())
  })
  return {
    round: (given) => measured(given, load),
    stored: () =>
      runtime.runPromise(
        Effect.map(
          sql.unsafe<{ readonly n: number }>("SELECT count(*)::integer AS n FROM bare_event"),
          (rows) => rows[0]!.n
        )
      ),
    close: () => runtime.dispose()
  }
}
