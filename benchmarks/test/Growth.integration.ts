/**
 * The parts of `growth` on a real PostgreSQL: a history that was made in the database is one that the service can go on from.
 */
import * as Database from "@daybook/postgres/Database"
import * as Stores from "@daybook/postgres/Stores"
import { schema } from "@daybook/services/cart/Cart"
import { tables } from "@daybook/services/cart/Projections"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { describe, expect, it } from "vitest"
import { serviceOn } from "../src/growth/CartService.ts"
import { eventsPerCart, fill } from "../src/growth/History.ts"
import { connect, openServer, type Query } from "../src/Server.ts"

process.env.DATABASE_URL_BENCH ??= process.env.DATABASE_URL

const definitions = (query: Query) =>
  query(
    `SELECT indexdef AS definition FROM pg_indexes WHERE schemaname = '${schema}'
     UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = '${schema}'::regnamespace
     ORDER BY 1`
  )

describe("growth", () => {
  it("makes a history with dense positions, under the indexes of the service's own migrations", async () => {
    await using server = await openServer()
    const [url, freshUrl] = [await server.database("history"), await server.database("fresh")]
    const { events, cartIds } = await fill(url, 10_000)
    expect(events).toBe(cartIds.length * eventsPerCart)
    await Effect.andThen(Stores.migrateWriteSide(schema), Stores.migrateReadSide(schema, tables)).pipe(
      Effect.provide(Database.layer({ url: Redacted.make(freshUrl) })),
      Effect.runPromise
    )
    await using made = connect(url)
    await using fresh = connect(freshUrl)
    expect(await definitions(made.query)).toEqual(await definitions(fresh.query))
    const [sums] = await made.query(
      `SELECT (SELECT count(*) FROM ${schema}.event)::float8 AS events, (SELECT sum(head) FROM ${schema}.partition)::float8 AS heads,
         (SELECT count(*) FROM ${schema}.partition p WHERE head <> (SELECT max(position) FROM ${schema}.event e
            WHERE e.partition = p.id))::float8 AS wrong,
         (SELECT sum(total_minor) FROM ${schema}.cart_view)::float8 AS viewed,
         (SELECT sum((data->>'quantity')::integer * (data->'unitPrice'->>'amountMinor')::integer) FROM ${schema}.event
            WHERE type = 'ItemAdded')::float8 AS happened,
         (SELECT sum((line ->> 3)::integer * (line ->> 4)::bigint) FROM ${schema}.cart_lines, json_array_elements(lines) AS line)::float8 AS lines`
    )
    expect(sums).toMatchObject({ events, heads: events, wrong: 0 })
    expect(sums!.viewed).toBe(sums!.happened)
    expect(sums!.lines).toBe(sums!.happened)
  })

  it("goes on from it, and finds every cart, stream and page that it is asked for", async () => {
    await using server = await openServer()
    const url = await server.database("service")
    const service = await serviceOn(url, await fill(url, 10_000), false)
    try {
      const first = await service.round({ callers: 4, seconds: 1 })
      const second = await service.round({ callers: 4, seconds: 1 })
      expect(await service.stored()).toBe(first.commands! + second.commands!)
      expect(Object.entries(first).filter(([, value]) => !(value > 0))).toEqual([])
      expect(first.appendCpuMicros).toBeCloseTo(first.appendServerCpuMicros! + first.appendNodeCpuMicros!, 6)
    } finally {
      await service.close()
    }
  })
})
