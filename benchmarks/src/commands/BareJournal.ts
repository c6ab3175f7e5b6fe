/**
 * What Daybook's guarantees cost by themselves: the bare loop, on Daybook's own event table.
 *
 * A batch is one INSERT, as there; but into the table that Daybook's migrations make, with all its columns, indexes and
 * triggers, and at positions that are taken under the partition's row lock, so that they are dense and become visible in order.
 * There is no decision, no state in memory or stored, no check of the version before, and no framework but the driver. Every lane
 * has a partition of its own. Used by the `commands` benchmark.
 */

import { randomUUID } from "node:crypto"
import { migrateWriteSide } from "@daybook/postgres/Stores"
import type { Contestant, Settings } from "../Contestant.ts"
import { steps } from "./CartLoad.ts"
import { startLoop } from "./GroupLoop.ts"

/** An event as a row. */
export interface Row {
  readonly stream: string
  readonly version: number
  readonly id: string
  readonly type: string
  readonly occurredAtMillis: number
  readonly correlationId: string
  readonly actor: string
  readonly data: string
}

const schema = "bare"

/**
 * The statement that appends a batch of rows to one partition. Columns that the load leaves empty are null here, and cost no parameter; with
 * `keyed` each row is what a command with an idempotency key led to, and the last parameter has the keys.
 */
export const insertInto = (schema: string, keyed = false): string => `WITH taken AS (
    UPDATE ${schema}.partition SET head = head + $2::integer WHERE id = $1::integer RETURNING head - $2::integer AS base
  )
  INSERT INTO ${schema}.event (
    position, occurred_at, recorded_at, event_id, version, partition, schema_version, is_receipt, stream, type,
    command_id, correlation_id, causation_id, actor, reason, trace_parent, tenant, data
  )
  SELECT taken.base + e.o, timestamptz 'epoch' + e.a * interval '1 millisecond', clock_timestamp(), e.i::uuid, e.v, $1::integer,
    1, ${keyed}, e.s, e.t, ${keyed ? "e.k" : "NULL"}, e.c, NULL, e.w, NULL, NULL, NULL, e.d::json
  FROM taken, unnest(
    $3::text[], $4::integer[], $5::text[], $6::text[], $7::float8[], $8::text[], $9::text[], $10::text[]${keyed ? ", $11::text[]" : ""}
  ) WITH ORDINALITY AS e (s, v, i, t, a, c, w, d, ${keyed ? "k, " : ""}o)`

/** Its parameters, but for the keys. */
export const paramsOf = (rows: ReadonlyArray<Row>, partition: number): ReadonlyArray<unknown> => [
  partition,
  rows.length,
  rows.map(({ stream }) => stream),
  rows.map(({ version }) => version),
  rows.map(({ id }) => id),
  rows.map(({ type }) => type),
  rows.map(({ occurredAtMillis }) => occurredAtMillis),
  rows.map(({ correlationId }) => correlationId),
  rows.map(({ actor }) => actor),
  rows.map(({ data }) => data)
]

const insert = insertInto(schema)

/** A caller's events, with the metadata that the cart's events would carry. */
const eventsOf = (caller: number): (() => Row) => {
  const next = steps(caller)
  let version = 0
  return () => {
    const { cartId, command, sender } = next()
    const { _tag, ...data } = command
    version = _tag === "OpenCart" ? 1 : version + 1
    return {
      stream: `cart-${cartId}`,
      version,
      id: randomUUID(),
      type: _tag === "OpenCart" ? "CartOpened" : "ItemAdded",
      occurredAtMillis: Date.now(),
      correlationId: sender.correlationId,
      actor: sender.actor,
      data: JSON.stringify(data)
    }
  }
}

/** Starts the loop with so many `partitions`, each with a connection of its own or all `pipelined` on one. */
export const start = (databaseUrl: string, settings: Settings): Promise<Contestant> => {
  const partitions = Number(settings.partitions)
  return startLoop(databaseUrl, {
    lanes: partitions,
    pipelined: settings.pipelined === true,
    prepare: migrateWriteSide(schema, partitions),
    write: (sql, rows, partition) => sql.unsafe(insert, paramsOf(rows, partition)),
    rowsOf: eventsOf,
    table: `${schema}.event`
  })
}
