/**
 * The physical limit for comparison: a group-commit loop that does nothing but insert events.
 *
 * A batch is one INSERT of unnested arrays. The table is the least that is still an event store. There is no decision, no state,
 * no receipt, no partition and no position. Used by the `commands` benchmark.
 */

import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import type { Contestant, Settings } from "../Contestant.ts"
import { steps } from "./CartLoad.ts"
import { startLoop } from "./GroupLoop.ts"

interface Row {
  readonly stream: string
  readonly version: number
  readonly id: string
  readonly type: string
  readonly data: string
}

const createTable = `CREATE TABLE bare_event (
  stream text NOT NULL, version integer NOT NULL, id uuid NOT NULL, type text NOT NULL, data json NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (stream, version)
)`

const insert = `INSERT INTO bare_event (stream, version, id, type, data)
  SELECT s, v, i::uuid, t, d::json FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[]) AS e (s, v, i, t, d)`

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

/** Starts the loop with so many `lanes`, each on a connection of its own or all `pipelined` on one. */
export const start = (databaseUrl: string, settings: Settings): Promise<Contestant> =>
  startLoop(databaseUrl, {
    lanes: Number(settings.lanes),
    pipelined: settings.pipelined === true,
    prepare: Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(createTable)),
    write: (sql, rows) =>
      sql.unsafe(insert, [
        rows.map(({ stream }) => stream),
        rows.map(({ version }) => version),
        rows.map(({ id }) => id),
        rows.map(({ type }) => type),
        rows.map(({ data }) => data)
      ]),
    rowsOf: eventsOf,
    table: "bare_event"
  })
